"""API of validation: plans, runs, results, findings, waivers, templates, and the checks there are."""

from apps.validation.api.findings import Findings, Waivers
from apps.validation.api.plans import Checks, Plans, Templates
from apps.validation.api.rules import Rules
from apps.validation.api.runs import Results, Runs

__all__ = ["Checks", "Findings", "Plans", "Results", "Rules", "Runs", "Templates", "Waivers"]
