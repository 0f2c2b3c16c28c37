"""Deployment, as the portal needs to know it: what waits to go live, what does not answer, what was lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from apps.approvals.models import RequestState
from apps.core.formats import shorten
from apps.deployments.models import Deployment, DeploymentState, Endpoint, ServerCounter, ServingReport
from apps.organizations import access
from apps.portal.stages.base import Concern, Findable, Life, Source, Step, day

STAGE = "deployment"
RECENT = timedelta(days=7)
ENDPOINT = ("organization", "endpoint__organization", "endpoint__model__project")


def _planned(user: Any) -> QuerySet:
    return Deployment.objects.filter(state=DeploymentState.PLANNED, request__isnull=False)


def _tell_planned(deployment: Deployment) -> Concern:
    request: Any = deployment.request
    if request.is_open:
        why, url, due = "The deployment waits for signatures", request.get_absolute_url(), request.due_at
    elif request.state == RequestState.APPROVED:
        why, url, due = "Approved; waits for an operator to deploy it", deployment.get_absolute_url(), None
    else:
        why, url, due = f"The request is {request.get_state_display().lower()}", deployment.get_absolute_url(), None
    meaning = "wrong" if request.is_overdue else "attention"
    return Concern(STAGE, str(deployment), url, why, meaning, due, deployment.endpoint.model.project.title)


def _troubled(user: Any) -> QuerySet:
    return ServingReport.objects.exclude(problem="").filter(deployment__state=DeploymentState.LIVE)


def _tell_troubled(report: ServingReport) -> Concern:
    endpoint = report.endpoint
    title = endpoint.model.project.title
    return Concern(
        STAGE, str(endpoint), endpoint.get_absolute_url(), shorten(report.problem, 160), "wrong", None, title
    )


def _breaking(user: Any) -> QuerySet:
    return Deployment.objects.filter(state=DeploymentState.LIVE).exclude(breach="")


def _tell_breaking(deployment: Deployment) -> Concern:
    title = deployment.endpoint.model.project.title
    why = shorten(deployment.breach, 160)
    return Concern(STAGE, str(deployment), deployment.get_absolute_url(), why, "wrong", None, title)


def _lossy(user: Any) -> QuerySet:
    return ServerCounter.objects.filter(dropped__gt=0, updated_at__gte=timezone.now() - RECENT)


def _tell_lossy(counter: ServerCounter) -> Concern:
    endpoint = counter.endpoint
    why = f"{counter.dropped:,} predictions were answered but could not be recorded"
    return Concern(STAGE, str(endpoint), endpoint.get_absolute_url(), why, "wrong", None, endpoint.model.project.title)


SOURCES = [
    Source(
        STAGE,
        _planned,
        _tell_planned,
        (*ENDPOINT, "request__organization", "version__model"),
        ("request__due_at",),
    ),
    Source(STAGE, _troubled, _tell_troubled, (*ENDPOINT, "deployment")),
    Source(STAGE, _breaking, _tell_breaking, (*ENDPOINT, "version__model")),
    Source(STAGE, _lossy, _tell_lossy, ENDPOINT),
]

FINDABLES = [
    Findable(
        "Endpoints",
        "deployment",
        lambda: Endpoint.objects.all(),
        ("key", "model__name", "environment__name"),
        lambda endpoint: endpoint.key,
        lambda endpoint: f"{endpoint.model} in {endpoint.environment}, {endpoint.get_state_display().lower()}",
        lambda endpoint: endpoint.get_absolute_url(),
        ("organization", "model", "environment"),
        ("key",),
    ),
]


@dataclass(frozen=True)
class Facts:
    """What of a model runs where."""

    production: int
    elsewhere: int
    planned: int
    since: datetime | None
    version: int | None


def load(user: Any, projects: list[Any], models: list[Any]) -> dict[Any, Facts]:
    """Facts by model, in one query."""
    rows = Deployment.objects.filter(
        endpoint__model__in=models, state__in=[DeploymentState.LIVE, DeploymentState.PLANNED]
    )
    live, in_production = Q(state=DeploymentState.LIVE), Q(endpoint__environment__is_production=True)
    counted = (
        access.visible(rows, user)
        .order_by()
        .values("endpoint__model")
        .annotate(
            production=Count("pk", filter=live & in_production),
            elsewhere=Count("pk", filter=live & ~in_production),
            planned=Count("pk", filter=Q(state=DeploymentState.PLANNED)),
            since=Max("started_at", filter=live & in_production),
            version=Max("version__number", filter=live & in_production),
        )
    )
    names = ("production", "elsewhere", "planned", "since", "version")
    return {row["endpoint__model"]: Facts(*[row[name] for name in names]) for row in counted}


def step(life: Life) -> Step:
    """Done as soon as a version runs in production."""
    if life.model is None:
        return Step(STAGE, "waiting")
    url = f"/o/{life.project.organization.key}/endpoints/?model={life.model.key}"
    facts: Facts | None = life.of(STAGE)
    if facts is not None and facts.production:
        return Step(STAGE, "done", f"Version {facts.version} since {day(facts.since)}", url)
    if facts is not None and facts.planned:
        return Step(STAGE, "here", "Waiting to go live", url, ["The deployment waits for signatures or an operator."])
    if facts is not None and facts.elsewhere:
        return Step(STAGE, "here", "Not in production", url, ["Ask for the deployment to production."])
    return Step(STAGE, "here", "Not deployed", url, ["Create an endpoint and ask for the deployment."])
