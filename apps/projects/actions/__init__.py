"""Everything that changes a project."""

from apps.projects.actions.charter import (
    CHARTER_FIELDS,
    assess,
    change_charter,
    conclude_approval,
    go_live,
    open_project,
    put_on_hold,
    reopen,
    request_approval,
    resume,
    retire,
)
from apps.projects.actions.promise import (
    METRIC_FIELDS,
    REQUIREMENT_FIELDS,
    add_metric,
    add_requirement,
    add_stakeholder,
    change_metric,
    change_requirement,
    record_value,
    remove_metric,
    remove_requirement,
    remove_stakeholder,
)
from apps.projects.actions.risks import RISK_FIELDS, accept_risk, add_risk, change_risk, close_risk, reopen_risk

__all__ = [
    "CHARTER_FIELDS", "METRIC_FIELDS", "REQUIREMENT_FIELDS", "RISK_FIELDS",
    "accept_risk", "add_metric", "add_requirement", "add_risk", "add_stakeholder", "assess", "change_charter",
    "change_metric", "change_requirement", "change_risk", "close_risk", "conclude_approval", "go_live", "open_project",
    "put_on_hold", "record_value", "remove_metric", "remove_requirement", "remove_stakeholder", "reopen", "reopen_risk",
    "request_approval", "resume", "retire",
]  # fmt: skip
