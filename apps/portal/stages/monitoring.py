"""Monitoring, as the portal needs to know it: open incidents, and how calm the monitors are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet

from apps.monitoring import plans
from apps.monitoring.models import Incident, Level, Monitor, Severity
from apps.monitoring.models.incidents import STILL_OPEN
from apps.organizations import access
from apps.portal.stages import deployment
from apps.portal.stages.base import Concern, Findable, Life, Source, Step, several

STAGE = "monitoring"


def _incidents(user: Any) -> QuerySet:
    return Incident.objects.filter(state__in=STILL_OPEN)


def _tell_incident(incident: Incident) -> Concern:
    who = f", {incident.owner} works on it" if incident.owner else ", nobody works on it yet"
    why = f"{incident.get_cause_display()}{who}"
    meaning = "wrong" if incident.severity == Severity.SEVERE or incident.owner is None else "attention"
    title = incident.model.project.title
    return Concern(STAGE, str(incident), incident.get_absolute_url(), why, meaning, None, title, incident.since)


def _unwatched(user: Any) -> QuerySet:
    return plans.lacking()


def _tell_unwatched(endpoint: Any) -> Concern:
    url = f"/o/{endpoint.organization.key}/monitoring/unwatched/"
    title = f"{endpoint.model} lacks a monitor"
    why = f"Its tier asks for more than is watched of {endpoint}"
    return Concern(STAGE, title, url, why, "attention", None, endpoint.model.project.title, endpoint.created_at)


SOURCES = [
    Source(STAGE, _incidents, _tell_incident, ("organization", "owner", "model__project"), ("-severity", "since")),
    Source(STAGE, _unwatched, _tell_unwatched, ("organization", "model__project"), ("key",)),
]

FINDABLES = [
    Findable(
        "Incidents",
        "monitoring",
        lambda: Incident.objects.all(),
        ("title", "root_cause", "resolution", "model__name"),
        str,
        lambda incident: f"{incident.model}, {incident.get_state_display().lower()}",
        lambda incident: incident.get_absolute_url(),
        ("organization", "model"),
        ("-number",),
    ),
]


@dataclass
class Facts:
    """Incidents and monitors of a model."""

    incidents: int = 0
    severe: int = 0
    monitors: int = 0
    over: int = 0


def load(user: Any, projects: list[Any], models: list[Any]) -> dict[Any, Facts]:
    """Facts by model, in two queries."""
    found: dict[Any, Facts] = {}
    incidents = access.visible(Incident.objects.filter(model__in=models, state__in=STILL_OPEN), user).order_by()
    for row in incidents.values("model").annotate(
        n=Count("pk"), severe=Count("pk", filter=Q(severity=Severity.SEVERE))
    ):
        found[row["model"]] = Facts(row["n"], row["severe"])
    monitors = access.visible(Monitor.objects.filter(endpoint__model__in=models, is_active=True), user).order_by()
    for row in monitors.values("endpoint__model").annotate(
        n=Count("pk"), over=Count("pk", filter=Q(level=Level.DRIFT))
    ):
        facts = found.setdefault(row["endpoint__model"], Facts())
        facts.monitors, facts.over = row["n"], row["over"]
    return found


def step(life: Life) -> Step:
    """Goes on as long as a version runs."""
    deployed: deployment.Facts | None = life.of(deployment.STAGE)
    if life.model is None or deployed is None or not (deployed.production or deployed.elsewhere):
        return Step(STAGE, "waiting")
    url = f"/o/{life.project.organization.key}/monitoring/?model={life.model.key}"
    facts: Facts = life.of(STAGE) or Facts()
    if facts.incidents:
        status = "wrong" if facts.severe else "attention"
        note = several(facts.incidents, "open incident")
        missing = (
            "End the incident with its cause." if facts.incidents == 1 else "End the incidents, each with its cause."
        )
        return Step(STAGE, status, note, url, [missing])
    if not facts.monitors:
        return Step(STAGE, "attention", "Nothing is watched", url, ["Set up a monitor for the endpoint."])
    return Step(STAGE, "here", f"{several(facts.monitors, 'monitor')}, {facts.over or 'none'} over its limit", url)
