"""How an endpoint answered in a time: calls, failures and latency, by the hour or, in longer times, by the day."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apps.core import charts
from apps.core.charts import Chart, Event, Series, Threshold
from apps.monitoring.models import Monitor, MonitorKind, ServiceReading
from apps.monitoring.periods import Period

BY_HOUR = dt.timedelta(days=14)  # longer times are added up by day
PERCENTS = (50, 95, 99)


@dataclass
class Calls:
    """Calls that began in one stretch of time. `seconds`: within how many so many of 100 were answered, by PERCENTS."""

    at: dt.datetime
    calls: int
    failed: int
    refused: int
    predictions: int
    seconds: dict[int, float | None]

    @property
    def failed_share(self) -> float | None:
        """The share of calls that failed on our side."""
        return self.failed / self.calls if self.calls else None

    def milliseconds(self, percent: int) -> float | None:
        """Within how many milliseconds so many of 100 calls were answered."""
        took = self.seconds[percent]
        return None if took is None else took * 1000


def of_endpoint(endpoint: Any, period: Period) -> list[Calls]:
    """Stretches with calls, oldest first; one query."""
    readings = ServiceReading.objects.filter(endpoint=endpoint, start_at__gte=period.since, start_at__lt=period.until)
    by_hour = period.until - period.since <= BY_HOUR
    parts: dict[dt.datetime, list[ServiceReading]] = {}
    for one in readings.order_by("start_at"):
        at = one.start_at if by_hour else one.start_at.replace(hour=0)
        parts.setdefault(at, []).append(one)
    return [_together(at, several) for at, several in parts.items()]


def in_all(endpoint: Any, period: Period) -> Calls | None:
    """The whole time as one; None where nobody called."""
    readings = ServiceReading.objects.filter(endpoint=endpoint, start_at__gte=period.since, start_at__lt=period.until)
    several = list(readings)
    return _together(period.since, several) if several else None


def _together(at: dt.datetime, readings: Sequence[ServiceReading]) -> Calls:
    from apps.monitoring.engine.service import add_counts, percentile

    counts = add_counts(one.latencies for one in readings)
    sums = {name: sum(getattr(one, name) for one in readings) for name in ("calls", "failed", "refused", "predictions")}
    return Calls(at, **sums, seconds={percent: percentile(counts, percent) for percent in PERCENTS})


def drawn(
    stretches: Sequence[Calls], period: Period, monitors: Sequence[Monitor] = (), events: Sequence[Event] = ()
) -> list[Chart]:
    """Latency, failures and traffic through the time, with the limits of the monitor that watches them."""
    limits = _limits(monitors)
    latency = [
        Series(f"{percent} of 100 calls within", [(one.at, one.milliseconds(percent)) for one in stretches])
        for percent in PERCENTS
    ]
    failed = [(one.at, None if one.failed_share is None else 100 * one.failed_share) for one in stretches]
    slow = [Threshold(limits["latency"] * 1000, f"limit {limits['latency'] * 1000:g} ms")]
    wrong = [Threshold(100 * limits["error_share"], f"limit {100 * limits['error_share']:g} %")]
    shared: dict[str, Any] = {"events": events, "zero": True, "between": period.ends}
    step = "hour" if period.until - period.since <= BY_HOUR else "day"
    traffic = [Series("Calls", [(one.at, float(one.calls)) for one in stretches])]
    traffic += [Series("Refused input", [(one.at, float(one.refused)) for one in stretches])]
    return [
        charts.line(
            "How long do answers take?", latency, unit="ms", thresholds=slow if limits["has"] else [], **shared
        ),
        charts.line(
            "Which share of calls fails?",
            [Series("Failed calls", failed)],
            unit="%",
            thresholds=wrong if limits["has"] else [],
            **shared,
        ),
        charts.line(f"How many calls {'an' if step == 'hour' else 'a'} {step} are there?", traffic, **shared),
    ]


def _limits(monitors: Sequence[Monitor]) -> dict[str, Any]:
    """The limits of the first monitor of the service that is not paused, and whether there is one."""
    from apps.monitoring.engine.policy import Limits

    watching = next((one for one in monitors if one.kind == MonitorKind.SERVICE and one.is_active), None)
    limits = Limits.read(watching.limits if watching else {})
    return {"has": watching is not None, "latency": limits.latency, "error_share": limits.error_share}
