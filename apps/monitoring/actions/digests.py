"""The daily digest: one mail a person on what opened, what is still open, and what is silent; none on a calm day."""

import datetime as dt
from typing import Any

from django.urls import reverse
from django.utils import timezone

from apps.audit.actions import action, record
from apps.core.tenancy import current
from apps.monitoring.models import DigestChoice, Incident, Level, Monitor, MonitorKind
from apps.monitoring.models.incidents import STILL_OPEN
from apps.organizations import access
from apps.organizations.models import Organization, RoleAssignment, UserKind
from apps.organizations.roles import ROLES, Permission, ProjectRole
from apps.work import mail
from apps.work.models import Message

DAY = dt.timedelta(days=1)
MOST = 30  # lines of each kind


@action
def choose_digest(*, is_wanted: bool, by: Any) -> DigestChoice:
    """Whether the person gets the daily digest from now on."""
    choice = DigestChoice.objects.filter(user=by).first() or DigestChoice(user=by)
    choice.is_wanted = is_wanted
    choice.save()
    record(by=by, action="digest.chosen", subject=choice, details={"is_wanted": is_wanted})
    return choice


def send_digests(*, by: Any) -> int:
    """Write today's digest to everybody who wants it and has something to read; returns how many. Once a day."""
    organization = Organization.objects.get(pk=current())
    day = timezone.now()
    written = []
    for person in readers():
        subject = f"[{organization.name}] Monitoring on {day:%-d %B %Y}"
        if Message.objects.filter(recipient=person, subject__startswith=subject).exists():
            continue
        found = digest_of(person, day)
        if found["opened"] or found["open"] or found["silent"]:
            written.append((person, subject, found))
    if written:
        _send(organization=organization, written=written, by=by)
    return len(written)


@action
def _send(*, organization: Organization, written: list[tuple[Any, str, dict[str, Any]]], by: Any) -> None:
    url = reverse("monitoring:overview", args=[organization.key])
    for person, subject, found in written:
        counts = f"{len(found['opened'])} new, {len(found['open'])} open, {len(found['silent'])} silent"
        context = {"organization": organization, "url": url, **found}
        mail.send(to=person, subject=f"{subject}: {counts}", template="monitoring/digest", context=context)
    record(by=by, action="digest.sent", subject=organization, details={"people": len(written)})


def readers() -> list[Any]:
    """Whoever works on incidents somewhere and has not said no, and whoever has said yes."""
    choices = dict(DigestChoice.objects.values_list("user_id", "is_wanted"))
    working = {role for role in ProjectRole.values if Permission.INVESTIGATE in ROLES[role].permissions}
    held = RoleAssignment.objects.filter(role__in=working).values_list("user_id", "team__memberships__user_id")
    able = {person_id for pair in held for person_id in pair if person_id is not None}
    people = access.members().filter(kind=UserKind.PERSON)
    return [person for person in people if choices.get(person.pk, person.pk in able)]


def gets_digest(person: Any) -> bool:
    """Whether the person is among the readers."""
    return any(reader.pk == person.pk for reader in readers())


def digest_of(person: Any, day: dt.datetime) -> dict[str, Any]:
    """What the person may see of: incidents opened since the day before, those still open, and silent endpoints."""
    rows = Incident.objects.select_related("organization", "endpoint", "model", "owner")
    incidents = access.visible(rows, person).order_by("-severity", "since")
    still = incidents.filter(state__in=STILL_OPEN)
    silent = Monitor.objects.filter(kind=MonitorKind.SILENCE, level=Level.DRIFT, is_active=True)
    return {
        "opened": list(incidents.filter(created_at__gt=day - DAY)[:MOST]),
        "open": list(still.filter(created_at__lte=day - DAY)[:MOST]),
        "silent": list(access.visible(silent, person).select_related("organization", "endpoint")[:MOST]),
    }
