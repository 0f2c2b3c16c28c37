"""Stage four: is the model accurate, consistent, fair, and does it stand the real world?"""
