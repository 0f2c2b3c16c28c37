"""Calls of an endpoint counted by the hour they were answered in."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apps.core.locks import hold
from apps.monitoring.models import ServiceReading


@dataclass(frozen=True)
class Call:
    """One call as far as it is counted: when it was answered, in how many seconds, how it ended, how many rows."""

    at: dt.datetime
    seconds: float
    status: str
    rows: int = 1


def count_calls(*, endpoint: Any, calls: Sequence[Call]) -> None:
    """Add calls to the hours they were answered in. Nobody decides anything here, so nothing is recorded."""
    from apps.monitoring.engine import service

    hold(f"service {endpoint.pk}")
    hours: dict[dt.datetime, list[Call]] = {}
    for call in calls:
        start = call.at.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
        hours.setdefault(start, []).append(call)
    known = {row.start_at: row for row in ServiceReading.objects.filter(endpoint=endpoint, start_at__in=list(hours))}
    for start, some in hours.items():
        row = known.get(start) or ServiceReading(
            endpoint=endpoint, start_at=start, calls=0, failed=0, refused=0, predictions=0, latencies=[]
        )
        row.calls += len(some)
        row.failed += sum(call.status == "failed" for call in some)
        row.refused += sum(call.status == "refused" for call in some)
        row.predictions += sum(call.rows for call in some if call.status == "ok")
        took = service.latency_counts(call.seconds for call in some if call.status == "ok")
        row.latencies = service.add_counts([row.latencies, took]).tolist()
        row.save()
