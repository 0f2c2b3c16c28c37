"""Plans locked before results, runs with their results, findings and their waivers."""

from apps.validation.models.findings import (
    FINDING_STATES,
    WAIVER_STATES,
    Finding,
    FindingState,
    Severity,
    Waiver,
    WaiverState,
)
from apps.validation.models.plans import PLAN_STATES, Plan, PlanCheck, PlanState, Template
from apps.validation.models.reports import SignedReport
from apps.validation.models.rules import JudgingRules
from apps.validation.models.runs import (
    RUN_STATES,
    SILENT,
    CheckResult,
    Outcome,
    ResultOrigin,
    RunState,
    ValidationRun,
    Verdict,
)

__all__ = [
    "FINDING_STATES",
    "PLAN_STATES",
    "RUN_STATES",
    "SILENT",
    "WAIVER_STATES",
    "CheckResult",
    "Finding",
    "FindingState",
    "JudgingRules",
    "Outcome",
    "Plan",
    "PlanCheck",
    "PlanState",
    "ResultOrigin",
    "RunState",
    "Severity",
    "SignedReport",
    "Template",
    "ValidationRun",
    "Verdict",
    "Waiver",
    "WaiverState",
]
