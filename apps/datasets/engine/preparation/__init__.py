"""Preparing a table by a recipe of steps."""

from .base import STEPS, Step
from .recipe import Recipe, described
from .running import Prepared, prepare

__all__ = ["STEPS", "Prepared", "Recipe", "Step", "described", "prepare"]
