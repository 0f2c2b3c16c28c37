"""Charts of monitoring, from rows that checks have left: nothing is computed again for a page."""

import datetime as dt
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Max, Sum
from django.db.models.functions import TruncDay

from apps.core import charts
from apps.core.charts import Chart, Event, Series, Threshold
from apps.monitoring import results
from apps.monitoring.models import (
    Baseline,
    Check,
    Feedback,
    Incident,
    Monitor,
    ServiceReading,
    State,
    StateKind,
)
from apps.monitoring.results import Reading, name_of
from apps.monitoring.windows import Window

SHOWN_FEATURES = 6
SHOWN_WINDOWS = 53
STATES = {"mature": "Realised", "partial": "Realised in part", "estimated": "Estimated"}


def checks_of(monitor: Monitor) -> list[Check]:
    """The newest windows of a monitor, oldest first."""
    rows = Check.objects.filter(monitor=monitor, is_current=True).defer("result").order_by("-end_at")[:SHOWN_WINDOWS]
    return list(rows)[::-1]


def events_of(endpoint: Any, points: Sequence[Any]) -> list[Event]:
    """Deployments and incidents within the time that is drawn."""
    if not points:
        return []
    first, last = min(points), max(points)
    started = endpoint.deployments.filter(started_at__gte=first, started_at__lte=last).select_related("version")
    events = [Event(one.started_at, f"version {one.version.number} deployed", "neutral") for one in started]
    incidents = Incident.objects.filter(endpoint=endpoint, since__gte=first, since__lte=last)
    return events + [Event(one.since, f"incident {one.number}", "wrong") for one in incidents]


def drift_over_time(monitor: Monitor, checks: list[Check]) -> Chart:
    """The stability index of the features that moved most, window by window."""
    rows = results.indexes(check.pk for check in checks)
    shown = _most_moved(rows)[:SHOWN_FEATURES]
    series = [
        Series(name_of(feature), [(check.start_at, rows.get((check.pk, feature))) for check in checks])
        for feature in shown
    ]
    limit = float(monitor.limits.get("psi", 0.1))
    return charts.line(
        "Have inputs or predictions moved?",
        series,
        thresholds=[Threshold(limit, f"limit {limit:g}", "wrong")],
        events=events_of(monitor.endpoint, [check.start_at for check in checks]),
        zero=True,
        note=f"Population stability index of the {len(shown)} features that moved most, against "
        f"{monitor.get_reference_display().lower()}.",
    )


def drift_heat(monitor: Monitor, checks: list[Check]) -> Chart:
    """The stability index of every feature in every window."""
    rows = results.indexes(check.pk for check in checks)
    features = _most_moved(rows)[:25]
    limit = float(monitor.limits.get("psi", 0.1))
    return charts.heat(
        "Where is the drift?",
        columns=[_short(check, monitor.window) for check in checks[-26:]],
        rows=[
            (name_of(feature), [_rounded(rows.get((check.pk, feature))) for check in checks[-26:]])
            for feature in features
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


def performance_over_time(monitor: Monitor) -> Chart:
    """The headline measure with its intervals; realised, partly realised and estimated windows each have their line."""
    rows = Check.objects.filter(monitor=monitor, is_current=True).order_by("-end_at")[:SHOWN_WINDOWS]
    checks = largest(list(rows)[::-1])
    metric = next((check.result["metric"] for check in reversed(checks) if check.result.get("metric")), "")
    series = [one for state in STATES if (one := performance_series(checks, metric, state))]
    promised = [check.result.get("reference", {}).get(metric) for check in checks]
    known = next((one for one in reversed(promised) if one), None)
    thresholds = [Threshold(known["value"], f"reference {known['value']:.3f}", "neutral")] if known else []
    return charts.line(
        f"How good are the predictions ({metric.upper() or 'no measure yet'})?",
        series,
        thresholds=thresholds,
        events=events_of(monitor.endpoint, [check.start_at for check in checks]),
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


def coverage_over_time(monitor: Monitor, checks: list[Check]) -> Chart:
    """Which share of the outcomes that can be known is known, window by window."""
    rows = Check.objects.filter(pk__in=[check.pk for check in checks]).order_by("start_at")
    points = [(check.start_at, check.result.get("coverage")) for check in rows]
    return charts.line(
        "Which share of the outcomes is known?",
        [Series("Coverage", points)],
        thresholds=[Threshold(0.95, "mature", "good")],
        zero=True,
    )


def traffic(endpoint: Any) -> Chart:
    """Predictions a day, by the time of their events."""
    versions = Baseline.objects.filter(states__endpoint=endpoint).order_by("version_id", "-number")
    newest = list(versions.distinct("version_id").values_list("pk", flat=True))
    states = State.objects.filter(endpoint=endpoint, kind=StateKind.PREDICTIONS, baseline__in=newest, segment="")
    days = (
        states.annotate(day=TruncDay("start_at", tzinfo=dt.UTC))
        .values("day")
        .annotate(total=Sum("rows"))
        .order_by("day")
    )
    points = [(row["day"], float(row["total"])) for row in days][-366:]
    return charts.line(
        "How many predictions are there?",
        [Series("Predictions a day", points)],
        events=events_of(endpoint, [moment for moment, _ in points]),
        zero=True,
    )


def service(endpoint: Any, since: dt.datetime) -> list[Chart]:
    """Latency and share of failed calls by the hour."""
    from apps.monitoring.engine.service import add_counts, percentile

    hours = list(ServiceReading.objects.filter(endpoint=endpoint, start_at__gte=since).order_by("start_at"))
    seconds = {percent: [percentile(add_counts([hour.latencies]), percent) for hour in hours] for percent in (50, 95)}
    latency = [
        Series(
            f"{percent} of 100 calls within",
            [(hour.start_at, None if took is None else took * 1000) for hour, took in zip(hours, values, strict=True)],
        )
        for percent, values in seconds.items()
    ]
    failed = [(hour.start_at, 100 * hour.failed / hour.calls if hour.calls else None) for hour in hours]
    return [
        charts.line("How long do answers take?", latency, unit="ms", zero=True),
        charts.line("Which share of calls fails?", [Series("Failed calls", failed)], unit="%", zero=True),
    ]


def value(endpoint: Any) -> list[Chart]:
    """Business readings against what the project promised, a chart for each measure."""
    metrics = endpoint.model.project.metrics.prefetch_related("readings")
    drawn = []
    for metric in metrics:
        points = sorted((reading.at, reading.value) for reading in metric.readings.all())
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
            )
        )
    return drawn


def feedback(endpoint: Any) -> Chart:
    """The mean rating of each month."""
    said = Feedback.objects.filter(endpoint=endpoint, rating__isnull=False).values_list("at", "rating")
    months: dict[dt.date, list[int]] = {}
    for at, rating in said:
        months.setdefault(at.date().replace(day=1), []).append(rating)
    means = [(month, *_mean_of(ratings)) for month, ratings in sorted(months.items())]
    points = [(month, mean) for month, mean, _, _ in means]
    low, high = [one[2] for one in means], [one[3] for one in means]
    return charts.line(
        "What do users say (1 to 5)?", [Series("Mean rating", points, low, high)], note="With 95 % intervals."
    )


def _mean_of(ratings: list[int]) -> tuple[float, float | None, float | None]:
    """The mean of ratings and its interval, where there are two at least."""
    mean = statistics.fmean(ratings)
    if len(ratings) < 2:
        return mean, None, None
    half = 1.96 * statistics.stdev(ratings) / len(ratings) ** 0.5
    return mean, max(mean - half, 1.0), min(mean + half, 5.0)


def distribution(row: Reading, window: Window) -> Chart:
    """A feature's reference beside what it was in the window."""
    picture = row.result["picture"]
    title = f"Has {name_of(row.feature)} moved {window.when}?"
    names = ("Reference", str(window))
    if "names" in picture:
        return charts.histogram(
            title, picture["names"], reference=picture["reference"], current=picture["current"], names=names
        )
    edges: list[float | str] = ["lower", *[f"{edge:.4g}" for edge in picture["edges"]], "higher"]
    return charts.histogram(title, edges, reference=picture["reference"], current=picture["current"], names=names)


def feature_over_time(rows: Sequence[tuple[Check, Reading]], monitor: Monitor, feature: str) -> list[Chart]:
    """The stability index and the shares of missing, new and impossible values of one feature."""
    limit = float(monitor.limits.get("features", {}).get(feature, monitor.limits.get("psi", 0.1)))
    moments = [check.start_at for check, _ in rows]
    index = Series("PSI", [(check.start_at, row.psi) for check, row in rows])
    words = {"null": "Missing", "unseen": "Never seen before", "outside": "Out of range"}
    shares = [
        Series(word, [(check.start_at, 100 * row.result[key]["current"]) for check, row in rows])
        for key, word in words.items()
        if rows and rows[0][1].result.get(key)
    ]
    return [
        charts.line(
            f"When did {name_of(feature)} move?",
            [index],
            thresholds=[Threshold(limit, f"limit {limit:g}", "wrong")],
            events=events_of(monitor.endpoint, moments),
            zero=True,
        ),
        charts.line("Which values are missing, new or impossible?", shares, unit="%", zero=True),
    ]


def newest_event(endpoint_ids: Iterable[Any]) -> dict[Any, dt.datetime]:
    """The newest event known of each endpoint, in one query."""
    rows = State.objects.filter(endpoint__in=list(endpoint_ids), kind=StateKind.PREDICTIONS).values("endpoint_id")
    return {row["endpoint_id"]: row["last"] for row in rows.annotate(last=Max("last_at")).order_by()}
