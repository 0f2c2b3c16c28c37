"""How long rows are kept as they were sent: deleted when their tier's time is over, unless something holds them."""

import datetime as dt
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from apps.audit.actions import action, record
from apps.core import files
from apps.core.errors import Conflict, Invalid
from apps.deployments.models import Endpoint
from apps.monitoring import plans, policies
from apps.monitoring.models import Batch, BatchState, Hold, Incident
from apps.monitoring.models.incidents import STILL_OPEN
from apps.work import outbox

MOST_FILES = 1_000  # deleted in one transaction; more follow in the next


def forget_rows(*, by: Any) -> int:
    """Delete the rows that were kept for as long as their tier asks; returns how many batches that were.

    States, predictions and outcomes stay, and so does the ledger's line with its hash. What waits to be counted stays,
    and what is held: by a person, or by an open incident since whose first window it came.
    """
    in_force, now = plans.current(), timezone.now()
    kept = Batch.objects.filter(removed_at=None).exclude(state=BatchState.RECEIVED)
    endpoints = Endpoint.objects.filter(Exists(kept.filter(endpoint=OuterRef("pk")))).select_related("model__project")
    removed = 0
    for endpoint in endpoints:
        days = in_force[plans.tier_of(endpoint)].keep_days
        past = kept.filter(endpoint=endpoint, created_at__lt=now - dt.timedelta(days=days))
        batches = list(past.exclude(_is_held(endpoint)).order_by("id")[:MOST_FILES])
        if batches:
            remove_rows(endpoint=endpoint, batches=batches, days=days, by=by)
            removed += len(batches)
        if len(batches) == MOST_FILES:
            outbox.enqueue("monitoring.forget_rows", endpoint.organization_id, queue="monitoring")
    return removed


def _is_held(endpoint: Any) -> Q:
    """Which batches of the endpoint must stay whatever their age."""
    held = Q(pk__in=[])
    for one in Hold.objects.filter(endpoint=endpoint, released_at=None):
        held |= Q(first_at__lt=one.until, last_at__gte=one.since)
    for since in Incident.objects.filter(endpoint=endpoint, state__in=STILL_OPEN).values_list("since", flat=True):
        held |= Q(last_at__gte=since)
    return held


@action
def remove_rows(*, endpoint: Any, batches: list[Batch], days: int, by: Any) -> None:
    """Delete the files of these batches, and say so in the ledger and in the audit trail.

    The files go first: where this is cut short they are gone already when it is done again.
    """
    for batch in batches:
        files.delete(batch.path)
        batch.removed_at = timezone.now()
        batch.save(update_fields=["removed_at"])
    details = {
        "batches": len(batches),
        "rows": sum(batch.rows for batch in batches),
        "bytes": sum(batch.size for batch in batches),
        "received_until": max(batch.created_at for batch in batches),
        "keep_days": days,
    }
    record(by=by, action="rows.removed", subject=endpoint, details=details)


@action
def hold_rows(*, endpoint: Any, since: dt.datetime, until: dt.datetime, reason: str, by: Any) -> Hold:
    """Keep the rows with events in the period, however old they grow, until somebody releases them."""
    policies.check_hold(by, endpoint)
    if until <= since:
        raise Invalid("The period ends before it begins.", {"until": "Choose a later moment."})
    if not reason.strip():
        raise Invalid("Say why they are to be kept.", {"reason": "Say why."})
    made = Hold(endpoint=endpoint, since=since, until=until, reason=reason.strip(), placed_by=by)
    made.save(force_insert=True)
    details = {"since": since, "until": until}
    record(by=by, action="rows.held", subject=endpoint, reason=made.reason, details=details)
    return made


@action
def release_rows(*, hold: Hold, by: Any) -> Hold:
    """Let the rows grow old again like all others."""
    policies.check_hold(by, hold.endpoint)
    if hold.released_at is not None:
        raise Conflict("This was released already.")
    hold.released_at, hold.released_by = timezone.now(), by
    hold.save()
    record(by=by, action="rows.released", subject=hold.endpoint, details={"since": hold.since, "until": hold.until})
    return hold
