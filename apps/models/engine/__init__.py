"""What computes with models: recipes, training, artifacts, scoring, cards. Nothing here knows of Django."""
