"""The risk register: what could go wrong, what is done about it, who lives with what remains."""

from collections.abc import Mapping
from typing import Any

from django.db import models
from django.utils import timezone

from apps.audit.actions import action
from apps.core.errors import Invalid
from apps.projects import policies
from apps.projects.actions.shared import add, change, locked, needed, note
from apps.projects.models import RISK_STATES, Project, Risk, RiskState

RISK_FIELDS = (
    "title", "description", "category", "likelihood", "impact", "treatment", "measures", "residual_likelihood",
    "residual_impact", "owner",
)  # fmt: skip


@action
def add_risk(
    *,
    project: Project,
    title: str,
    likelihood: int,
    impact: int,
    by: Any,
    owner: Any = None,
    description: str = "",
    category: str = "model",
    treatment: str = "reduce",
    measures: str = "",
    residual_likelihood: int | None = None,
    residual_impact: int | None = None,
) -> Risk:
    """Put a risk on the register, with what is done about it and what remains."""
    project = locked(project)
    number = (project.risks.aggregate(last=models.Max("number"))["last"] or 0) + 1
    risk = Risk(
        number=number, title=title, likelihood=likelihood, impact=impact, owner=owner or by, description=description,
        category=category, treatment=treatment, measures=measures, residual_likelihood=residual_likelihood,
        residual_impact=residual_impact,
    )  # fmt: skip
    _check_residual(risk)
    return add(project, risk, by, "risk.added")


@action
def change_risk(*, risk: Risk, changes: Mapping[str, Any], by: Any, reason: str = "") -> Risk:
    """Rate or treat an open risk anew (RISK_FIELDS)."""
    policies.check_risk(by, _locked_risk(risk))
    changed = change(risk, changes, RISK_FIELDS, by, "risk.changed", reason)
    _check_residual(changed)
    return changed


@action
def accept_risk(*, risk: Risk, reason: str, by: Any) -> Risk:
    """Live with what remains of a risk, for a reason, by somebody whom it does not belong to."""
    risk = _locked_risk(risk)
    policies.check_accept_risk(by, risk)
    needed(reason, "Say why what remains can be accepted.")
    risk.accepted_by, risk.accepted_at, risk.acceptance_reason = by, timezone.now(), reason.strip()
    return _move_risk(risk, RiskState.ACCEPTED, by, "risk.accepted", reason)


@action
def close_risk(*, risk: Risk, reason: str, by: Any) -> Risk:
    """The risk is gone."""
    risk = _locked_risk(risk)
    policies.check_plan(by, risk.project)
    needed(reason, "Say why it is gone.")
    _unaccept(risk)
    return _move_risk(risk, RiskState.CLOSED, by, "risk.closed", reason)


@action
def reopen_risk(*, risk: Risk, by: Any, reason: str = "") -> Risk:
    """Look at an accepted or closed risk again."""
    risk = _locked_risk(risk)
    policies.check_plan(by, risk.project)
    _unaccept(risk)
    return _move_risk(risk, RiskState.OPEN, by, "risk.reopened", reason)


def _locked_risk(risk: Risk) -> Risk:
    locked(risk.project)
    return Risk.objects.select_related("project__organization", "owner").get(pk=risk.pk)


def _unaccept(risk: Risk) -> None:
    risk.accepted_by = risk.accepted_at = None
    risk.acceptance_reason = ""


def _move_risk(risk: Risk, to: RiskState, by: Any, verb: str, reason: str) -> Risk:
    before = RISK_STATES.move(risk, to)
    risk.save()
    note(risk, by, verb, risk.project, {"state": before}, {"state": str(to.value)}, reason)
    return risk


def _check_residual(risk: Risk) -> None:
    if (risk.residual_likelihood is None) != (risk.residual_impact is None):
        sentence = "What remains has a likelihood and an impact: give both, or neither."
        raise Invalid(sentence, {"residual_likelihood": sentence, "residual_impact": sentence})
