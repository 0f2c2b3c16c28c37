"""Rules that a table must meet."""

from .base import MUST, RULES, SHOULD, Rule
from .checking import described, evaluate, rules_from

__all__ = ["MUST", "RULES", "SHOULD", "Rule", "described", "evaluate", "rules_from"]
