"""Retirement, as the portal needs to know it: what leaves office, and who has not said that they know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from apps.core.meanings import words_of
from apps.organizations import access
from apps.portal.stages.base import Concern, Findable, Life, Source, Step, day, several
from apps.retirement.models import ENDED, Consumer, PlanState, RetirementPlan

STAGE = "retirement"
RELATED = ("organization", "model__organization", "model__project", "version__model", "approval__organization")


def _plans(user: Any) -> QuerySet:
    return RetirementPlan.objects.exclude(state__in=ENDED)


def _tell_plan(plan: RetirementPlan) -> Concern:
    request: Any = plan.approval
    title = plan.model.project.title
    if request is not None and request.is_open:
        why, meaning = "The retirement waits for signatures", "wrong" if request.is_overdue else "attention"
        return Concern(STAGE, str(plan), request.get_absolute_url(), why, meaning, request.due_at, title)
    why = f"{plan.get_state_display()}: the next step waits for somebody"
    return Concern(STAGE, str(plan), plan.get_absolute_url(), why, "attention", plan.notice_ends_at, title)


def _silent(user: Any) -> QuerySet:
    """Consumers who were told and have not said that they know."""
    waiting = Consumer.objects.filter(acknowledged_at=None, notified_at__isnull=False)
    return waiting.exclude(plan__state__in=ENDED)


def _tell_silent(consumer: Consumer) -> Concern:
    plan = consumer.plan
    ends = plan.notice_ends_at
    meaning = "wrong" if ends is not None and ends < timezone.now() else "attention"
    why = f"{consumer.reached} has not acknowledged the retirement"
    return Concern(
        STAGE, f"{consumer} and {plan}", plan.get_absolute_url(), why, meaning, ends, plan.model.project.title
    )


SOURCES = [
    Source(STAGE, _plans, _tell_plan, RELATED, ("id",)),
    Source(
        STAGE,
        _silent,
        _tell_silent,
        ("organization", "contact", "plan__organization", "plan__model__project", "plan__version__model"),
        ("plan__notified_at",),
    ),
]

FINDABLES = [
    Findable(
        "Retirements",
        "retirement",
        lambda: RetirementPlan.objects.all(),
        ("model__name", "reason", "model__key"),
        str,
        lambda plan: f"{plan.get_state_display()}, {plan.get_cause_display().lower()}",
        lambda plan: plan.get_absolute_url(),
        ("organization", "model", "version__model"),
        ("-number",),
    ),
]


@dataclass
class Facts:
    """The retirement plans of a model."""

    whole: RetirementPlan | None = None
    versions: int = 0
    newest: RetirementPlan | None = None
    retired_versions: int = 0


def load(user: Any, projects: list[Any], models: list[Any]) -> dict[Any, Facts]:
    """Facts by model, in two queries."""
    found: dict[Any, Facts] = {}
    plans = access.visible(RetirementPlan.objects.filter(model__in=models), user)
    for plan in plans.exclude(state__in=ENDED).select_related("organization", "version").order_by("id"):
        facts = found.setdefault(plan.model_id, Facts())
        if plan.is_whole_model:
            facts.whole = plan
        else:
            facts.versions, facts.newest = facts.versions + 1, plan
    closed = Q(state=PlanState.CLOSED, version__isnull=False)
    for row in plans.order_by().values("model").annotate(n=Count("pk", filter=closed)):
        found.setdefault(row["model"], Facts()).retired_versions = row["n"]
    return found


def step(life: Life) -> Step:
    """Under way while the whole model leaves; single versions that leave are told beside it."""
    if life.model is None:
        return Step(STAGE, "waiting")
    facts: Facts = life.of(STAGE) or Facts()
    url = f"/o/{life.project.organization.key}/retirement/?model={life.model.key}"
    if life.model.is_retired:
        return Step(STAGE, "done", f"Retired {day(life.model.retired_at)}", url)
    if facts.whole is not None:
        state = words_of(facts.whole.get_state_display())
        return Step(STAGE, "here", state, facts.whole.get_absolute_url(), [f"{state}: carry the plan on."])
    if facts.newest is not None and facts.newest.version is not None:
        note = f"Version {facts.newest.version.number}: {facts.newest.get_state_display().lower()}"
        return Step(STAGE, "waiting", note, facts.newest.get_absolute_url())
    if facts.retired_versions:
        return Step(STAGE, "waiting", f"{several(facts.retired_versions, 'version')} retired", url)
    return Step(STAGE, "waiting")
