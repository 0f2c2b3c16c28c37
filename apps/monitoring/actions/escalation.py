"""Incidents that nobody takes, and the work that has to be done in every organization at its time."""

import datetime as dt
from typing import Any

from django.utils import timezone

from apps.audit.actions import action, record
from apps.discussions.notices import tell
from apps.monitoring.actions.channels import announce
from apps.monitoring.models import Cause, EntryKind, Incident, IncidentEntry, IncidentState
from apps.work import schedules
from apps.work.models import Schedule

MORNING = 6  # o'clock, UTC
HOUSEWORK = {
    "monitoring.follow_up": ("Escalate incidents that nobody takes", dt.timedelta(minutes=5)),
    "monitoring.digest": ("Send the daily digest of monitoring", dt.timedelta(days=1)),
    "monitoring.forget_rows": ("Delete rows that were kept for long enough", dt.timedelta(days=1)),
}


@action
def escalate(*, incident: Incident, by: Any) -> Incident:
    """Nobody has taken the incident in the time its monitor gives: tell the person it names, and the channels."""
    monitor = incident.check_run.monitor  # type: ignore[union-attr]
    incident.escalated_at = timezone.now()
    incident.save()
    person, hours = monitor.escalate_to, monitor.escalate_after
    text = f"Nobody had taken it within {hours} hours; {person} was told."
    IncidentEntry(incident=incident, kind=EntryKind.ACTION, text=text, written_by=by).save(force_insert=True)
    tell(
        [person],
        text=f"{incident} ({incident.endpoint}) waits since {incident.created_at:%-d %B}: take it, or find who does",
        url=incident.get_absolute_url(),
        template="monitoring/incident_escalated",
        context={"incident": incident, "endpoint": incident.endpoint, "hours": hours,
                 "cause": Cause(incident.cause).label},
    )  # fmt: skip
    announce(incident, "incident.escalated", f"{incident.title}. {text}")
    details = {"to": str(person), "after_hours": hours}
    record(by=by, action="incident.escalated", subject=incident, details=details)
    return incident


def follow_up(*, by: Any) -> int:
    """Escalate every incident of the ambient organization that is due; returns how many."""
    rows = Incident.objects.select_for_update(of=("self",), skip_locked=True).filter(
        state=IncidentState.OPEN, escalated_at=None, check_run__monitor__escalate_after__isnull=False
    )
    due = [
        incident
        for incident in rows.select_related(
            "organization", "endpoint__model__project", "model", "owner", "check_run__monitor__escalate_to"
        )
        if incident.created_at + dt.timedelta(hours=incident.check_run.monitor.escalate_after) <= timezone.now()
    ]
    for incident in due:
        escalate(incident=incident, by=by)
    return len(due)


def keep_schedules(*, organization_id: Any) -> None:
    """Plan what has to be done in the organization every so often, where it is not planned yet."""
    there = set(Schedule.objects.filter(task__in=HOUSEWORK).values_list("task", flat=True))
    morning = timezone.now().replace(hour=MORNING, minute=0, second=0, microsecond=0) + dt.timedelta(days=1)
    for task, (name, every) in HOUSEWORK.items():
        if task not in there:
            first_at = morning if every >= dt.timedelta(days=1) else None
            schedules.plan(
                name=name, task=task, subject_id=organization_id, every=every, queue="monitoring", first_at=first_at
            )
