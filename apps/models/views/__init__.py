"""Pages of models, under /o/<organization>/models/."""
