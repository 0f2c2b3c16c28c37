"""What went through endpoints: counts and latencies over time, and since when nothing did."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Max, Sum
from django.utils import timezone

from apps.deployments.engine import latency
from apps.deployments.models import Endpoint, ServerCounter, Traffic

# How much is looked back on, and how wide the steps of the charts are then.
WINDOWS = {
    "2h": (dt.timedelta(hours=2), dt.timedelta(minutes=2)),
    "24h": (dt.timedelta(hours=24), dt.timedelta(minutes=30)),
    "7d": (dt.timedelta(days=7), dt.timedelta(hours=3)),
}


@dataclass
class Stretch:
    """What happened from `start` on for one step: calls, predictions, refusals, failures, and how fast it was."""

    start: dt.datetime
    calls: int = 0
    predictions: int = 0
    refused: int = 0
    failed: int = 0
    outside: int = 0
    slices: list[int] = field(default_factory=latency.no_calls)

    def take(self, minute: Traffic) -> None:
        """Add a minute."""
        self.calls += minute.calls
        self.predictions += minute.predictions
        self.refused += minute.refused
        self.failed += minute.failed
        self.outside += minute.outside
        self.slices = latency.add(self.slices, minute.slices)

    def quantile(self, share: float) -> float | None:
        """Latency in seconds below which this share of the calls stayed."""
        return latency.quantile(self.slices, share)

    @property
    def error_rate(self) -> float | None:
        """The share of calls that failed on our side; None without calls."""
        return self.failed / self.calls if self.calls else None

    @property
    def refusal_rate(self) -> float | None:
        """The share of calls whose input did not fit; None without calls."""
        return self.refused / self.calls if self.calls else None


def stretches(endpoint: Endpoint, since: dt.datetime, until: dt.datetime, step: dt.timedelta) -> list[Stretch]:
    """The time from `since` to `until` in steps, empty ones too."""
    count = max(1, -(-(until - since) // step))
    found = [Stretch(since + step * number) for number in range(count)]
    for minute in Traffic.objects.filter(endpoint=endpoint, minute__gte=since, minute__lt=until):
        found[(minute.minute - since) // step].take(minute)
    return found


def total(rows: Iterable[Stretch]) -> Stretch | None:
    """Several stretches as one; None for none."""
    rows = list(rows)
    if not rows:
        return None
    whole = Stretch(rows[0].start)
    for row in rows:
        whole.calls += row.calls
        whole.predictions += row.predictions
        whole.refused += row.refused
        whole.failed += row.failed
        whole.outside += row.outside
        whole.slices = latency.add(whole.slices, row.slices)
    return whole


def hourly(endpoint: Endpoint, since: dt.datetime, until: dt.datetime) -> list[Stretch]:
    """Hour by hour."""
    return stretches(endpoint, since, until, dt.timedelta(hours=1))


def last_call(endpoint: Endpoint) -> dt.datetime | None:
    """The minute of the newest call that was recorded; None when there never was one."""
    newest: dt.datetime | None = Traffic.objects.filter(endpoint=endpoint).aggregate(newest=Max("minute"))["newest"]
    return newest


def quiet_since(endpoint: Endpoint) -> dt.datetime | None:
    """Since when nothing was asked: the end of the last busy minute, or its first start; None while records wait.

    A prediction may be answered and still lie on a server's disk; as long as one does, nothing is proven.
    """
    if any(counter.waiting for counter in ServerCounter.objects.filter(endpoint=endpoint)):
        return None
    newest = last_call(endpoint)
    if newest is not None:
        return newest + dt.timedelta(minutes=1)
    first = endpoint.deployments.filter(started_at__isnull=False).order_by("started_at").first()
    return first.started_at if first else endpoint.created_at


def day_of(endpoint_ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """Per endpoint the calls, predictions and failures of the last 24 hours, in one query."""
    since = timezone.now() - dt.timedelta(hours=24)
    rows = Traffic.objects.filter(endpoint_id__in=endpoint_ids, minute__gte=since).order_by().values("endpoint_id")
    sums = rows.annotate(
        all_calls=Sum("calls"), all_predictions=Sum("predictions"), all_failed=Sum("failed"), all_refused=Sum("refused")
    )
    return {row["endpoint_id"]: row for row in sums}


def add(rows: Sequence[Any]) -> None:
    """Count recorded predictions in (apps.deployments.recording.Recorded); for the recorder, in its transaction."""
    minutes: dict[tuple[UUID, UUID, dt.datetime], list[Any]] = {}
    for row in rows:
        minutes.setdefault((row.endpoint_id, row.version_id, row.at.replace(second=0, microsecond=0)), []).append(row)
    for (endpoint_id, version_id, minute), group in sorted(minutes.items()):
        found, _ = Traffic.objects.select_for_update().get_or_create(
            endpoint_id=endpoint_id, version_id=version_id, minute=minute
        )
        _add(found, group)
        found.save()


def _add(found: Traffic, rows: Sequence[Any]) -> None:
    calls = {row.call: row for row in rows}
    found.calls += len(calls)
    found.predictions += sum(row.status == "ok" for row in rows)
    slices = list(found.slices)
    for call in calls.values():
        found.refused += call.status == "refused"
        found.failed += call.status == "failed"
        found.outside += call.outside
        found.seconds += call.seconds
        slices[latency.slice_of(call.seconds)] += 1
    found.slices = slices
