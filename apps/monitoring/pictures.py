"""Charts of segments, of late labels, and of value, from what checks and counts have left."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from apps.core import charts
from apps.core.charts import Chart, Series, Threshold
from apps.monitoring import drawing, words, worth
from apps.monitoring.models import Check, Monitor, SegmentResult
from apps.monitoring.periods import Period

SHOWN_SEGMENTS = 8
SHOWN_WINDOWS = 100
RATES = {
    "selection": "Which share is predicted {}?",
    "true_positive": "Which share of those that turn out {} is predicted so?",
    "false_positive": "Which share of those that do not turn out {} is predicted so?",
}
Point = tuple[dt.datetime, float | None]


def segment_rows(monitor: Monitor, column: str, period: Period) -> list[SegmentResult]:
    """What the windows in a time found for each segment of a column, oldest first."""
    checks = drawing.checks_of(monitor, period, SHOWN_WINDOWS)
    rows = SegmentResult.objects.filter(check_run__in=[check.pk for check in checks], column=column)
    return list(rows.select_related("check_run").order_by("check_run__end_at", "rank"))


def segments(rows: Sequence[SegmentResult], metric: str, summary: dict[str, Any], period: Period) -> list[Chart]:
    """A column's segments through time, a line each: how good, how they fare, how far they moved."""
    shown = _largest(rows)
    drawn = [
        charts.line(
            f"How good are the predictions ({words.measure(metric)})?",
            _lines(rows, shown, lambda result: result["realised"].get(metric) if result["state"] == "mature" else None),
            note="Mature windows only, with 95 % intervals.",
            between=period.ends,
        ),
        charts.line(
            f"What do scores alone let expect ({words.measure(metric)})?",
            _lines(rows, shown, lambda result: result["estimated"].get(metric)),
            note="Estimated from calibrated scores, before outcomes are known.",
            between=period.ends,
        ),
    ]
    label = said(summary)
    drawn += [
        charts.line(
            title.format(label),
            _lines(rows, shown, lambda result, rate=rate: (result.get("fairness") or {}).get(rate)),
            between=period.ends,
        )
        for rate, title in RATES.items()
    ]
    impact = float(summary.get("impact", 0.8))
    drawn.append(
        charts.line(
            f"Is any segment predicted {label} much less often than the one that is most often?",
            _lines(rows, shown, lambda result: (result.get("fairness") or {}).get("impact_ratio")),
            thresholds=[Threshold(impact, f"limit {impact:g}", "wrong")],
            between=period.ends,
            note="Impact ratio: selection rate over the highest of the groups that are large enough.",
        )
    )
    drawn.append(
        charts.line(
            "Which segment has moved against its own past?",
            _lines(rows, shown, lambda result: _only(result["drift"].get("most"))),
            zero=True,
            between=period.ends,
            note="Stability index of the feature that moved most.",
        )
    )
    return [one for one in drawn if one.legend or one.svg]


def said(summary: dict[str, Any]) -> str:
    """The label that rates are of, as people read it."""
    return str(summary.get("said") or summary.get("favourable", ""))


def rate_words(label: str) -> dict[str, str]:
    """The rates as heads of a table."""
    return {
        "selection": f"Predicted {label}",
        "true_positive": "True positive rate",
        "false_positive": "False positive rate",
    }


def _only(value: float | None) -> dict[str, float] | None:
    return None if value is None else {"value": value}


def _largest(rows: Sequence[SegmentResult]) -> list[str]:
    sizes: dict[str, int] = {}
    for row in rows:
        sizes[row.value] = sizes.get(row.value, 0) + row.rows
    return sorted(sorted(sizes, key=lambda value: -sizes[value])[:SHOWN_SEGMENTS])


def _lines(rows: Sequence[SegmentResult], shown: list[str], of: Any) -> list[Series]:
    moments = sorted({row.check_run.start_at for row in rows})
    by_size = sorted(rows, key=lambda row: row.rows)  # where versions took turns, the one with more predictions
    by_place = {(row.value, row.check_run.start_at): row.result for row in by_size}
    found = []
    for value in shown:
        results = [by_place.get((value, moment)) for moment in moments]
        ones = [of(result) if result else None for result in results]
        if any(one is not None for one in ones):
            found.append(_series(value, moments, ones))
    return found


def _series(label: str, moments: Sequence[dt.datetime], ones: Sequence[dict[str, float] | None]) -> Series:
    points: list[Point] = [(at, one["value"] if one else None) for at, one in zip(moments, ones, strict=True)]
    low, high = ([one.get(end) if one else None for one in ones] for end in ("low", "high"))
    return Series(label, points, low, high) if any(end is not None for end in low) else Series(label, points)


def measures(checks: Sequence[Check], period: Period) -> list[Chart]:
    """Every measure through time: mature, partly known and estimated windows each have their line."""
    there = {name for check in checks for kind in ("realised", "estimated") for name in check.result.get(kind, {})}
    return [
        charts.line(
            f"{said} by window",
            [one for state in drawing.STATES if (one := drawing.performance_series(list(checks), name, state))],
            thresholds=_demanded(checks, name),
            height=200,
            between=period.ends,
        )
        for name, said in words.measures(there)
    ]


def _demanded(checks: Sequence[Check], name: str) -> list[Threshold]:
    """What the reference had, and what validation demanded."""
    found = []
    promised = next((one for check in reversed(checks) if (one := check.result.get("reference", {}).get(name))), None)
    if promised:
        found.append(Threshold(promised["value"], f"reference {promised['value']:.3f}", "neutral"))
    for row in checks[-1].result.get("planned", []) if checks else []:
        if row["metric"] == name and row["fail"] is not None:
            found.append(Threshold(row["fail"], f"validation {row['fail']:g}", "wrong"))
    return found


def concept(checks: Sequence[Check], metric: str, period: Period) -> Chart:
    """Realised minus estimated: what scores and inputs alone do not explain."""
    lines = []
    for state, label in (("mature", "Mature windows"), ("partial", "Partly known windows")):
        ones = [_gap(check, metric) if check.result.get("state") == state else None for check in checks]
        if any(ones):
            lines.append(_series(label, [check.start_at for check in checks], ones))
    return charts.line(
        f"Has the world changed: {words.measure(metric)} realised minus estimated",
        lines,
        thresholds=[Threshold(0.0, "as the scores say", "neutral")],
        between=period.ends,
        note="With 95 % intervals. Off zero, the same scores no longer mean the same: concept drift.",
    )


def _gap(check: Check, metric: str) -> dict[str, float] | None:
    realised, estimated = (check.result.get(kind, {}).get(metric) for kind in ("realised", "estimated"))
    if not realised or not estimated:
        return None
    apart = realised["value"] - estimated["value"]
    half = sum(((one["high"] - one["low"]) / 2) ** 2 for one in (realised, estimated)) ** 0.5
    return {"value": apart, "low": apart - half, "high": apart + half}


def delay(check: Check | None) -> Chart:
    """How soon outcomes come: the share of those that can be known after so many hours or days."""
    steps = check.result.get("delay", []) if check else []
    last = next((place for place, step in enumerate(steps) if step["share"] >= 0.9995), len(steps) - 1)
    items = [
        charts.Bar(_hours(step["hours"]), round(100 * step.get("of_expected", step["share"]), 1))
        for step in steps[: last + 1]
    ]
    return charts.bars("How soon are outcomes known?", items, unit="%", thresholds=[Threshold(95, "mature", "good")])


def _hours(hours: float) -> str:
    if hours < 48:
        return f"{hours:g} hour{'' if hours == 1 else 's'}"
    return f"{hours / 24:.0f} days"


def value(months: Sequence[worth.Sums], title: str = "What are the predictions worth?") -> Chart:
    """Value by month with what chance alone could have made of it."""
    currency = next((one.currency for one in reversed(months) if one.currency), "")
    points: list[Point] = [(dt.datetime.combine(one.start, dt.time(), dt.UTC), one.value) for one in months]
    series = [Series("Value", points, [one.low for one in months], [one.high for one in months])] if months else []
    return charts.line(title, series, unit=currency, zero=True, note="By the month of the prediction, as far as known.")
