"""Hours become days, days become months: the same rows in fewer states, so that a long window reads little."""

import datetime as dt
from typing import Any

from django.db.models import Max

from apps.audit.actions import action, record
from apps.core.locks import hold
from apps.monitoring.actions.contents import roll_up_samples
from apps.monitoring.models import Grain, Monitor, Reference, Span, State

KEEP_HOURS = dt.timedelta(days=14)
KEEP_DAYS = dt.timedelta(days=366)


def roll_up(*, endpoint: Any, by: Any) -> int:
    """Roll up what is old enough, counted from the endpoint's newest event; returns how many states that replaced."""
    hold(f"count {endpoint.pk}")
    span = State.objects.filter(endpoint=endpoint).span()
    if span is None:
        return 0
    from apps.monitoring.engine.state import start_of

    kept = start_of(span[1] - _kept_hours(endpoint), "day")
    roll_up_samples(endpoint=endpoint, until=kept)
    days = State.objects.filter(endpoint=endpoint, grain=Grain.HOUR, end_at__lte=kept)
    months = State.objects.filter(
        endpoint=endpoint, grain=Grain.DAY, end_at__lte=start_of(span[1] - KEEP_DAYS, "month")
    )
    if not days.exists() and not months.exists():
        return 0
    return _roll_up(endpoint=endpoint, days=days, months=months, by=by)


def _kept_hours(endpoint: Any) -> dt.timedelta:
    """How long hours are needed as hours: for the longest season that a monitor looks back on."""
    seasonal = Monitor.objects.filter(endpoint=endpoint, reference=Reference.SEASON, window=Span.HOUR)
    weeks = seasonal.aggregate(most=Max("trailing"))["most"] or 0
    return max(KEEP_HOURS, dt.timedelta(weeks=weeks + 2) if weeks else KEEP_HOURS)


@action
def _roll_up(*, endpoint: Any, days: Any, months: Any, by: Any) -> int:
    replaced = _replace(days, Grain.DAY) + _replace(months, Grain.MONTH)
    record(by=by, action="states.rolled_up", subject=endpoint, details={"states": replaced})
    return replaced


def _replace(states: Any, grain: str) -> int:
    from apps.monitoring.engine.state import decode, end_of, merge, start_of

    groups: dict[tuple[Any, ...], list[State]] = {}
    for row in states.order_by("start_at"):
        key = (row.endpoint_id, row.baseline_id, row.kind, row.segment, start_of(row.start_at, grain))
        groups.setdefault(key, []).append(row)
    for (endpoint_id, baseline_id, kind, segment, start), rows in groups.items():
        whole = State(
            endpoint_id=endpoint_id,
            baseline_id=baseline_id,
            kind=kind,
            segment=segment,
            grain=grain,
            start_at=start,
            end_at=end_of(start, grain),
            last_at=max(row.last_at for row in rows),
            rows=sum(row.rows for row in rows),
            changes=sum(row.changes for row in rows),
            data=merge(decode(bytes(row.data)) for row in rows).encode(),
        )
        State.objects.filter(pk__in=[row.pk for row in rows]).delete()
        whole.save(force_insert=True)
    return sum(len(rows) for rows in groups.values())
