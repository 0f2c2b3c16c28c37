"""Plans locked before results, runs with their results, findings and their waivers."""

from apps.validation.models.challenge import Bearing, Challenge, ChallengeKind, IndependenceCheck, Occasion, OwnResult
from apps.validation.models.conditions import Condition, ConditionKind
from apps.validation.models.findings import (
    FINDING_STATES,
    WAIVER_STATES,
    Finding,
    FindingState,
    Severity,
    Waiver,
    WaiverState,
)
from apps.validation.models.outside import ANSWER_STATES, AnswerState, OutsideAnswer, OutsideTool
from apps.validation.models.plans import (
    PLAN_STATES,
    AskedSignature,
    EvidenceDocument,
    Plan,
    PlanCheck,
    PlanState,
    Template,
)
from apps.validation.models.reports import SignedReport
from apps.validation.models.revalidation import (
    DEFERRAL_STATES,
    REVALIDATION_STATES,
    Deferral,
    DeferralState,
    Revalidation,
    RevalidationState,
    Trigger,
)
from apps.validation.models.rules import JudgingRules
from apps.validation.models.runs import (
    OPEN_RUNS,
    RUN_STATES,
    SILENT,
    CheckResult,
    Measurement,
    Outcome,
    ResultOrigin,
    RunState,
    ValidationRun,
    Verdict,
)

__all__ = [
    "ANSWER_STATES",
    "DEFERRAL_STATES",
    "FINDING_STATES",
    "OPEN_RUNS",
    "PLAN_STATES",
    "REVALIDATION_STATES",
    "RUN_STATES",
    "SILENT",
    "WAIVER_STATES",
    "AnswerState",
    "AskedSignature",
    "Bearing",
    "Challenge",
    "ChallengeKind",
    "CheckResult",
    "Condition",
    "ConditionKind",
    "Deferral",
    "DeferralState",
    "EvidenceDocument",
    "Finding",
    "FindingState",
    "IndependenceCheck",
    "JudgingRules",
    "Measurement",
    "Occasion",
    "Outcome",
    "OutsideAnswer",
    "OutsideTool",
    "OwnResult",
    "Plan",
    "PlanCheck",
    "PlanState",
    "ResultOrigin",
    "Revalidation",
    "RevalidationState",
    "RunState",
    "Severity",
    "SignedReport",
    "Template",
    "Trigger",
    "ValidationRun",
    "Verdict",
    "Waiver",
    "WaiverState",
]
