"""Charts of monitoring, from rows that checks have left: nothing is computed again for a page."""

import datetime as dt
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import OuterRef, Subquery, Sum
from django.db.models.functions import Trunc

from apps.core import charts
from apps.core.charts import Chart, Event, Series, Threshold
from apps.deployments.models import Endpoint
from apps.monitoring.models import (
    Baseline,
    Check,
    Feedback,
    Incident,
    Monitor,
    State,
    StateKind,
)
from apps.monitoring.periods import Period
from apps.monitoring.results import as_of_now, by_version, name_of

SHOWN_FEATURES = 6
MOST_WINDOWS = 400
STATES = {"mature": "Realised", "partial": "Realised in part", "estimated": "Estimated"}


def checks_of(monitor: Monitor, period: Period, most: int = MOST_WINDOWS) -> list[Check]:
    """The windows of a monitor in a time, oldest first and without their results; of too many the newest."""
    return list(windows_of(monitor, period).defer("result")[:most])[::-1]


def windows_of(monitor: Monitor, period: Period) -> Any:
    """The checks of the windows that lie in a time, or reach into it, newest first, as they stand now."""
    rows = as_of_now(Check.objects.filter(monitor=monitor, end_at__gt=period.since, start_at__lt=period.until))
    return rows.select_related("organization", "monitor").order_by("-end_at", "-revision")


def events_of(endpoint: Any, period: Period) -> list[Event]:
    """Deployments and incidents in the time that is drawn."""
    started = endpoint.deployments.filter(started_at__range=period.ends).select_related("version")
    events = [Event(one.started_at, f"version {one.version.number} deployed", "neutral") for one in started]
    incidents = Incident.objects.filter(endpoint=endpoint, since__range=period.ends)
    return events + [Event(one.since, f"incident {one.number}", "wrong") for one in incidents]


def drift_over_time(
    monitor: Monitor,
    checks: list[Check],
    rows: dict[tuple[Any, str], float],
    period: Period,
    events: Sequence[Event],
) -> Chart:
    """The stability index (`rows`, by check and feature) of the features that moved most, window by window."""
    versions = by_version(checks)
    shown = _most_moved(rows)[: max(SHOWN_FEATURES // len(versions), 2)]
    series = [
        Series(
            f"{name_of(feature)}{said}",
            [(check.start_at, rows.get((check.pk, feature))) for check in checks if check.pk in keys],
        )
        for feature in shown
        for said, keys in versions.items()
    ]
    limit = float(monitor.limits.get("psi", 0.1))
    return charts.line(
        "Have inputs or predictions moved?",
        series,
        thresholds=[Threshold(limit, f"limit {limit:g}", "wrong")],
        events=events,
        zero=True,
        between=period.ends,
        note=f"Population stability index of the {len(shown)} features that moved most, against "
        f"{monitor.get_reference_display().lower()}.",
    )


def drift_heat(monitor: Monitor, checks: list[Check], rows: dict[tuple[Any, str], float]) -> Chart:
    """The stability index of every feature in the newest windows."""
    features, newest = _most_moved(rows)[:25], checks[-26:]
    versions = {key: said for said, keys in by_version(newest).items() for key in keys}
    limit = float(monitor.limits.get("psi", 0.1))
    return charts.heat(
        "Where is the drift?",
        columns=[f"{_short(check, monitor.window)}{versions[check.pk]}" for check in newest],
        rows=[
            (name_of(feature), [_rounded(rows.get((check.pk, feature))) for check in newest]) for feature in features
        ],
        limits=(limit, float(monitor.limits.get("severe", 0.25))),
        note="Population stability index; the steps are the monitor's limits.",
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _short(check: Check, window: str) -> str:
    return f"{check.start_at:%b %Y}" if window == "month" else f"{check.start_at:%-d %b}"


def _most_moved(rows: dict[tuple[Any, str], float]) -> list[str]:
    most: dict[str, float] = {}
    for (_, feature), psi in rows.items():
        most[feature] = max(most.get(feature, 0.0), psi)
    return sorted(most, key=lambda feature: (-most[feature], feature))


def measured(monitor: Monitor, period: Period, most: int = MOST_WINDOWS) -> list[Check]:
    """The windows of a monitor in a time with their results, oldest first, one for each window; of too many the
    newest.
    """
    return largest(list(windows_of(monitor, period)[:most])[::-1])


def performance_over_time(checks: list[Check], period: Period, events: Sequence[Event]) -> Chart:
    """The headline measure with its intervals; realised, partly realised and estimated windows each have their line."""
    metric = next((check.result["metric"] for check in reversed(checks) if check.result.get("metric")), "")
    series = [one for state in STATES if (one := performance_series(checks, metric, state))]
    promised = [check.result.get("reference", {}).get(metric) for check in checks]
    known = next((one for one in reversed(promised) if one), None)
    thresholds = [Threshold(known["value"], f"reference {known['value']:.3f}", "neutral")] if known else []
    return charts.line(
        f"How good are the predictions ({metric.upper() or 'no measure yet'})?",
        series,
        thresholds=thresholds,
        events=events,
        between=period.ends,
        note="With 95 % intervals. Estimates come from the scores alone and cannot see that the world has changed.",
    )


def largest(checks: list[Check]) -> list[Check]:
    """One check for each window: where versions took turns, that of the version with more predictions."""
    found: dict[dt.datetime, Check] = {}
    for check in checks:
        known = found.get(check.start_at)
        if known is None or _predicted(check) > _predicted(known):
            found[check.start_at] = check
    return list(found.values())


def _predicted(check: Check) -> int:
    return int(check.result.get("rows", {}).get("predicted", check.rows))


def performance_series(checks: list[Check], metric: str, state: str) -> Series | None:
    """The windows of one state, a line of their own: what is estimated is never joined with what is known."""
    points, low, high = [], [], []
    for check in checks:
        result = check.result
        found = None
        if state == "estimated":
            found = result.get("estimated", {}).get(metric)
        elif result.get("state") == state:
            found = result.get("realised", {}).get(metric)
        points.append((check.start_at, found["value"] if found else None))
        low.append(found["low"] if found else None)
        high.append(found["high"] if found else None)
    return Series(STATES[state], points, low, high) if any(value is not None for _, value in points) else None


def coverage_over_time(checks: list[Check], period: Period) -> Chart:
    """Which share of the outcomes that can be known is known, window by window."""
    points = [(check.start_at, check.result.get("coverage")) for check in checks]
    return charts.line(
        "Which share of the outcomes is known?",
        [Series("Coverage", points)],
        thresholds=[Threshold(0.95, "mature", "good")],
        zero=True,
        between=period.ends,
    )


def traffic(endpoint: Any, period: Period, events: Sequence[Event]) -> Chart:
    """Predictions by the time of their events: a day, or within three days an hour."""
    step = "hour" if period.until - period.since <= dt.timedelta(days=3) else "day"
    versions = Baseline.objects.filter(states__endpoint=endpoint).order_by("version_id", "-number")
    newest = list(versions.distinct("version_id").values_list("pk", flat=True))
    states = State.objects.filter(endpoint=endpoint, kind=StateKind.PREDICTIONS, baseline__in=newest, segment="")
    states = states.filter(start_at__range=period.ends)
    steps = (
        states.annotate(at=Trunc("start_at", step, tzinfo=dt.UTC))
        .values("at")
        .annotate(total=Sum("rows"))
        .order_by("at")
    )
    points = [(row["at"], float(row["total"])) for row in steps]
    return charts.line(
        "How many predictions are there?",
        [Series(f"Predictions {'an' if step == 'hour' else 'a'} {step}", points)],
        events=events,
        zero=True,
        between=period.ends,
    )


def value(endpoint: Any, period: Period) -> list[Chart]:
    """Business readings against what the project promised, a chart for each measure."""
    metrics = endpoint.model.project.metrics.prefetch_related("readings")
    drawn = []
    for metric in metrics:
        points = sorted(
            (reading.at, reading.value)
            for reading in metric.readings.all()
            if period.since <= reading.at < period.until
        )
        thresholds = [Threshold(metric.target, f"promised {metric.target:g}", "good")]
        if metric.baseline is not None:
            thresholds.append(Threshold(metric.baseline, f"before {metric.baseline:g}", "neutral"))
        drawn.append(
            charts.line(
                f"Is the promise kept: {metric.name}?",
                [Series(metric.name, points)],
                thresholds=thresholds,
                unit=metric.unit,
                height=200,
                between=period.ends,
            )
        )
    return drawn


def feedback(endpoint: Any, period: Period | None = None) -> Chart:
    """The mean rating of each month."""
    rows = Feedback.objects.filter(endpoint=endpoint, rating__isnull=False)
    said = (rows.filter(at__range=period.ends) if period else rows).values_list("at", "rating")
    months: dict[dt.date, list[int]] = {}
    for at, rating in said:
        months.setdefault(at.date().replace(day=1), []).append(rating)
    means = [(month, *_mean_of(ratings)) for month, ratings in sorted(months.items())]
    points = [(month, mean) for month, mean, _, _ in means]
    low, high = [one[2] for one in means], [one[3] for one in means]
    return charts.line(
        "What do users say (1 to 5)?",
        [Series("Mean rating", points, low, high)],
        note="With 95 % intervals.",
        between=period.ends if period else None,
    )


def _mean_of(ratings: list[int]) -> tuple[float, float | None, float | None]:
    """The mean of ratings and its interval, where there are two at least."""
    mean = statistics.fmean(ratings)
    if len(ratings) < 2:
        return mean, None, None
    half = 1.96 * statistics.stdev(ratings) / len(ratings) ** 0.5
    return mean, max(mean - half, 1.0), min(mean + half, 5.0)


def newest_event(endpoint_ids: Iterable[Any]) -> dict[Any, dt.datetime]:
    """The newest event known of each endpoint, in one query."""
    newest = State.objects.filter(endpoint=OuterRef("pk"), kind=StateKind.PREDICTIONS).order_by("-start_at")
    rows = Endpoint.objects.filter(pk__in=list(endpoint_ids)).annotate(last=Subquery(newest.values("last_at")[:1]))
    return {key: last for key, last in rows.values_list("pk", "last") if last is not None}
