"""Incidents: opened, taken, written about, ended with a cause."""

import datetime as dt
from typing import Any

from django.db.models import Max
from django.utils import timezone

from apps.audit.actions import action, record
from apps.core.errors import Conflict, Invalid
from apps.core.locks import hold
from apps.discussions.notices import tell
from apps.monitoring import policies
from apps.monitoring.actions.channels import announce
from apps.monitoring.models import INCIDENTS, Cause, Check, EntryKind, Incident, IncidentEntry, IncidentState, Severity
from apps.monitoring.models.incidents import STILL_OPEN
from apps.monitoring.signals import incident_opened
from apps.organizations import access
from apps.organizations.roles import ProjectRole

TOLD_ROLES: set[str] = {ProjectRole.OPERATOR, ProjectRole.DATA_SCIENTIST}


@action
def open_incident(
    *,
    endpoint: Any,
    cause: str,
    title: str,
    by: Any,
    severity: str = Severity.ATTENTION,
    check: Check | None = None,
    since: dt.datetime | None = None,
    evidence: dict | None = None,
    owner: Any = None,
) -> Incident:
    """An open incident of the endpoint's model; its people get a mail. One of a cause is open at a time."""
    policies.check_open_incident(by, endpoint)
    hold(f"incidents {endpoint.organization_id}")
    there = open_of(endpoint, cause)
    if there is not None:
        raise Conflict(f"{there} is open for the same cause. Write there.")
    if not title.strip():
        raise Invalid("Say in one sentence what is wrong.", {"title": "Say what is wrong."})
    newest = Incident.objects.aggregate(newest=Max("number"))["newest"] or 0
    incident = Incident(
        number=newest + 1,
        model=endpoint.model,
        endpoint=endpoint,
        cause=cause,
        severity=severity,
        title=title.strip()[:250],
        evidence=evidence or {},
        check_run=check,
        owner=owner,
        since=since or timezone.now(),
    )
    incident.save(force_insert=True)
    _tell(
        incident,
        f"{incident} ({endpoint}): find out why by working on it",
        "incident_opened",
        exclude=by if check is None else None,
    )
    announce(incident, "incident.opened", incident.title)
    incident_opened.send(Incident, incident=incident, by=by)
    details = {"cause": cause, "severity": severity, "check": str(check.pk) if check else None}
    record(by=by, action="incident.opened", subject=incident, details=details)
    return incident


def open_of(endpoint: Any, cause: str) -> Incident | None:
    """The open incident of this cause of the endpoint's model."""
    return Incident.objects.filter(model_id=endpoint.model_id, cause=cause, state__in=STILL_OPEN).first()


@action
def investigate(*, incident: Incident, by: Any) -> Incident:
    """Take the incident: who does so owns it from now on."""
    policies.check_investigate(by, incident)
    before = INCIDENTS.move(incident, IncidentState.INVESTIGATING)
    incident.owner = by
    incident.save()
    record(by=by, action="incident.investigated", subject=incident, details={"from": before})
    return incident


@action
def assign(*, incident: Incident, owner: Any, by: Any) -> Incident:
    """Give the incident to somebody, who is told."""
    policies.check_investigate(by, incident)
    policies.check_owner(owner, incident.endpoint)
    incident.owner = owner
    incident.save()
    tell([owner], text=f"{incident} is yours to work on", url=incident.get_absolute_url())
    record(by=by, action="incident.assigned", subject=incident, details={"owner": str(owner)})
    return incident


@action
def write_entry(*, incident: Incident, text: str, by: Any, kind: str = EntryKind.NOTE) -> IncidentEntry:
    """A line in the incident's log: a note, or an action that was taken."""
    policies.check_investigate(by, incident)
    if not text.strip():
        raise Invalid("There is nothing to keep.", {"text": "Write something."})
    if kind not in (EntryKind.NOTE, EntryKind.ACTION):
        raise Invalid("Write a note or an action.", {"kind": "Choose one of them."})
    entry = IncidentEntry(incident=incident, kind=kind, text=text.strip(), written_by=by)
    entry.save(force_insert=True)
    record(by=by, action=f"incident.{kind}_written", subject=incident, reason=entry.text)
    return entry


@action
def find_cause(*, incident: Incident, root_cause: str, by: Any) -> Incident:
    """Write down what caused it, as far as it is known."""
    policies.check_investigate(by, incident)
    if not root_cause.strip():
        raise Invalid("Say what caused it.", {"root_cause": "Say what caused it."})
    before, incident.root_cause = incident.root_cause, root_cause.strip()
    incident.save()
    details = {"before": {"root_cause": before}, "after": {"root_cause": incident.root_cause}}
    record(by=by, action="incident.cause_found", subject=incident, details=details)
    return incident


@action
def resolve(*, incident: Incident, resolution: str, by: Any, root_cause: str = "") -> Incident:
    """End the incident with its cause and what was done about it."""
    policies.check_resolve(by, incident)
    cause = root_cause.strip() or incident.root_cause
    policies.check_ending(cause, resolution)
    incident.root_cause, incident.resolution = cause, resolution.strip()
    _end(incident, IncidentState.RESOLVED, by)
    announce(incident, "incident.resolved", f"{incident.root_cause} {incident.resolution}")
    record(by=by, action="incident.resolved", subject=incident, reason=resolution, details={"root_cause": cause})
    return incident


@action
def dismiss(*, incident: Incident, reason: str, by: Any) -> Incident:
    """End an incident that is none, with the reason. It opens again only after the monitor has been quiet once."""
    policies.check_dismiss(by, incident)
    if not reason.strip():
        raise Invalid("Say why this is no incident.", {"reason": "Say why."})
    incident.resolution = reason.strip()
    _end(incident, IncidentState.DISMISSED, by)
    announce(incident, "incident.dismissed", incident.resolution)
    record(by=by, action="incident.dismissed", subject=incident, reason=reason)
    return incident


def _end(incident: Incident, state: str, by: Any) -> None:
    INCIDENTS.move(incident, state)
    incident.ended_at, incident.ended_by = timezone.now(), by
    incident.save()


def _tell(incident: Incident, text: str, template: str, exclude: Any = None) -> None:
    people = set(access.people_in_roles(TOLD_ROLES, incident.endpoint.model.project_id))
    if incident.owner is not None:
        people.add(incident.owner)
    people.discard(exclude)
    context = {"incident": incident, "endpoint": incident.endpoint, "cause": Cause(incident.cause).label}
    tell(people, text=text, url=incident.get_absolute_url(), template=f"monitoring/{template}", context=context)
