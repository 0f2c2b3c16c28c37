"""Retraining, as the portal needs to know it: challengers that wait for a decision, occasions that failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from apps.core.formats import shorten
from apps.organizations import access
from apps.portal.stages.base import Concern, Findable, Life, Source, Step
from apps.retraining.models import RetrainingPolicy, RetrainingRun, RunState

STAGE = "retraining"
RELATED = ("organization", "policy__model__organization", "policy__model__project")
AT_WORK = (RunState.TRAINING, RunState.TRAINED)


def _compared(user: Any) -> QuerySet:
    return RetrainingRun.objects.filter(state=RunState.COMPARED)


def _tell_compared(run: RetrainingRun) -> Concern:
    why = "The challenger has been compared with the champion and waits for a decision"
    return Concern(STAGE, str(run), run.get_absolute_url(), why, project=run.policy.model.project.title)


def _failed(user: Any) -> QuerySet:
    """Occasions that failed and were not followed by another."""
    later = RetrainingRun.objects.filter(policy=OuterRef("policy"), number__gt=OuterRef("number"))
    return RetrainingRun.objects.filter(~Exists(later), state=RunState.FAILED)


def _tell_failed(run: RetrainingRun) -> Concern:
    why = shorten(run.outcome, 160) or "The retraining failed"
    return Concern(STAGE, str(run), run.get_absolute_url(), why, "wrong", None, run.policy.model.project.title)


SOURCES = [
    Source(STAGE, _compared, _tell_compared, RELATED, ("id",)),
    Source(STAGE, _failed, _tell_failed, RELATED, ("-id",)),
]

FINDABLES: list[Findable] = []


@dataclass
class Facts:
    """The policy and the open occasions of a model."""

    has_policy: bool = False
    running: int = 0
    compared: int = 0
    promoted: int = 0


def load(user: Any, projects: list[Any], models: list[Any]) -> dict[Any, Facts]:
    """Facts by model, in one query."""
    rows = access.visible(RetrainingPolicy.objects.filter(model__in=models), user).order_by()
    counted = rows.values("model").annotate(
        active=Count("pk", filter=Q(is_active=True), distinct=True),
        running=Count("runs", filter=Q(runs__state__in=AT_WORK), distinct=True),
        compared=Count("runs", filter=Q(runs__state=RunState.COMPARED), distinct=True),
        promoted=Count("runs", filter=Q(runs__state=RunState.PROMOTED), distinct=True),
    )
    names = ("running", "compared", "promoted")
    return {row["model"]: Facts(bool(row["active"]), *[row[name] for name in names]) for row in counted}


def step(life: Life) -> Step:
    """Under way while a challenger is trained, compared or waits for its decision."""
    if life.model is None:
        return Step(STAGE, "waiting")
    facts: Facts = life.of(STAGE) or Facts()
    url = f"/o/{life.project.organization.key}/retraining/?model={life.model.key}"
    if facts.running:
        return Step(STAGE, "here", "In training", url, ["A challenger is trained and compared."])
    if facts.compared:
        return Step(STAGE, "here", "To be decided", url, ["Promote the challenger, or turn it down."])
    if facts.promoted:
        return Step(STAGE, "waiting", f"{facts.promoted} promoted", url)
    return Step(STAGE, "waiting", "Triggers are set" if facts.has_policy else "", url if facts.has_policy else "")
