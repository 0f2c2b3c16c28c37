"""API of validation: plans, runs, results, findings, waivers, templates, and the checks there are."""

from apps.validation.api.challenge import Challenges, Independence
from apps.validation.api.findings import Findings, Waivers
from apps.validation.api.outside import Answer, OutsideAnswers, OutsideTools
from apps.validation.api.plans import Checks, Documents, Plans, Templates
from apps.validation.api.revalidation import Aging, Deferrals, Revalidations
from apps.validation.api.rules import Rules
from apps.validation.api.runs import Conditions, Results, Runs

__all__ = [
    "Aging", "Answer", "Challenges", "Checks", "Conditions", "Deferrals", "Documents", "Findings", "Independence",
    "OutsideAnswers", "OutsideTools", "Plans", "Results", "Revalidations", "Rules", "Runs", "Templates", "Waivers",
]  # fmt: skip
