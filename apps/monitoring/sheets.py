"""The monitoring report on paper: its figures as tables of words, its charts, and where they come from."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from apps.core import documents
from apps.core.canonical import content_hash
from apps.core.formats import NOTHING, number, percent
from apps.monitoring import calls, drawing, features, results, words
from apps.monitoring.models import Level, Monitor, MonitorKind
from apps.monitoring.models.monitors import MEANINGS
from apps.monitoring.periods import Period
from apps.monitoring.reports import Found
from apps.monitoring.words import LIMITS

TEMPLATE = "monitoring/report.typ"
DRAWN = 6  # features with their distributions


def pdf(endpoint: Any, period: Period, monitors: Sequence[Monitor], found: Found, by: Any) -> bytes:
    """The report as PDF: summary, drift, performance, service, segments, value, incidents, and what it was made of."""
    made_at = timezone.now().replace(microsecond=0)
    said = {
        "title": f"Monitoring report: {endpoint.model}",
        "organization": str(endpoint.organization),
        "facts": _facts(endpoint, period, found, by, made_at),
        "summary": _summary(found),
        "drift": _drift_table(found["drift"]),
        "performance": _performance_table(found["performance"]),
        "headline": _headline_table(found["performance"]),
        "service": _service_table(found["service"]),
        "segments": _segments_table(found["segments"]),
        "value": _value_table(found["value"]),
        "incidents": _incidents_table(found["incidents"]),
        "charts": _charts(endpoint, period, monitors),
        "limits": _limits_table(found["monitors"]),
        "definitions": list(found["definitions"].items()),
        "windows": _windows_table(found),
        "hash": content_hash(found),
    }
    return documents.pdf(TEMPLATE, said, made_at)


def _facts(endpoint: Any, period: Period, found: Found, by: Any, made_at: dt.datetime) -> list[tuple[str, str]]:
    current = endpoint.current
    return [
        ("Model", f"{endpoint.model}, version {current.version.number}" if current else str(endpoint.model)),
        ("Endpoint", f"{endpoint.key} on {endpoint.environment}"),
        ("Project", f"{endpoint.model.project}, {endpoint.model.project.get_tier_display()}"),
        ("Time", str(period)),
        ("Made", f"{made_at:%-d %b %Y, %H:%M} UTC by {by.get_full_name() or by}"),
        ("SHA-256 of the data", content_hash(found)),
    ]


def _state(level: str) -> dict[str, str]:
    return {"label": str(Level(level).label), "meaning": MEANINGS[level]}


def _table(
    heads: list[str], rows: list[list[Any]], right: list[int], wide: Sequence[int] = (0,), nothing: str = ""
) -> Found:
    return {"heads": heads, "rows": rows, "right": right, "wide": list(wide), "nothing": nothing}


def _when(moment: str | None) -> str:
    return f"{dt.datetime.fromisoformat(moment):%-d %b %Y}" if moment else NOTHING


def _window(one: Found) -> str:
    last = dt.datetime.fromisoformat(one["end"])
    first = dt.datetime.fromisoformat(one["start"])
    if last - first <= dt.timedelta(hours=1):
        return f"{first:%-d %b %Y, %H:%M}"
    return f"{first:%-d %b} to {last - dt.timedelta(days=1):%-d %b %Y}"


def _summary(found: Found) -> Found:
    rows = [
        [
            one["name"],
            _state(one["newest"]["level"]) if one["newest"] else None,
            _window(one["newest"]) if one["newest"] else "no window in this time",
            str(sum(one["levels"].values())),
            str(one["levels"]["near"]),
            str(one["levels"]["drift"]),
        ]
        for one in found["monitors"]
    ]
    heads = ["Monitor", "Newest window", "Of", "Windows", "Near limit", "Over limit"]
    return _table(heads, rows, [3, 4, 5], nothing="Nothing is watched here.")


def _drift_table(drift: Found) -> Found:
    rows = [
        [
            results.name_of(line["feature"]),
            *_reading(line["newest"]),
            number(line["worst"], 3),
            f"{line['over']} of {line['windows']}",
        ]
        for line in drift["features"]
    ]
    heads = ["Feature", "Newest", "PSI", "Shift / sd", "q", "Missing", "New or out of range", "Worst PSI", "Over limit"]
    return _table(heads, rows, [2, 3, 4, 5, 6, 7, 8], nothing="No window of a drift monitor lies in this time.")


def _reading(result: Found | None) -> list[Any]:
    if result is None:
        return [None] * 6
    one = results.Reading(0, result)
    missing = (result.get("null") or {}).get("current")
    return [
        _state(one.level), number(one.psi, 3), number(one.shift, 3), number(one.q, 4), percent(missing),
        percent(one.strange),
    ]  # fmt: skip


def _performance_table(windows: list[Found]) -> Found:
    """Every measure of the newest window."""
    newest = windows[-1] if windows else {}
    there = {name for kind in ("realised", "estimated") for name in newest.get(kind) or {}}
    rows = [[said, *_measured(newest, name)] for name, said in words.measures(there)]
    heads = ["Measure", "State", "Known", "Realised (95 %)", "Estimated (95 %)", "Reference"]
    return _table(heads, rows, [2, 3, 4, 5], nothing="No window of a performance monitor lies in this time.")


def _headline_table(windows: list[Found]) -> Found:
    """The measure that the monitor goes by, window by window."""
    rows = [[_window(one), words.measure(one["metric"]), *_measured(one, one["metric"])] for one in windows]
    heads = ["Window", "Measure", "State", "Known", "Realised (95 %)", "Estimated (95 %)", "Reference"]
    return _table(heads, rows, [3, 4, 5, 6], nothing=NOTHING)


def _measured(one: Found, name: str) -> list[Any]:
    known, soon, before = ((one[kind] or {}).get(name) for kind in ("realised", "estimated", "reference"))
    state = drawing.STATES.get(one["state"], one["state"])
    return [state, percent(one["coverage"]), _interval(known), _interval(soon), number((before or {}).get("value"), 3)]


def _interval(one: Found | None) -> str:
    return f"{number(one['value'], 3)} ({number(one['low'], 3)} to {number(one['high'], 3)})" if one else NOTHING


def _service_table(total: Found | None) -> Found:
    rows = []
    if total:
        share = total["failed"] / total["calls"] if total["calls"] else None
        seconds = [f"{number(took, 3)} s" for took in total["seconds"].values()]
        rows = [[number(total["calls"]), percent(share, 2), number(total["refused"]), *seconds]]
    heads = ["Calls", "Failed", "Refused input", "50 of 100 within", "95 of 100 within", "99 of 100 within"]
    return _table(heads, rows, [0, 1, 2, 3, 4, 5], range(6), "Nobody called the endpoint in this time.")


def _segments_table(segments: list[Found]) -> Found:
    rows = [
        [
            one["column"], one["segment"], _state(one["level"]), number(one["rows"]), number(one["outcomes"]),
            number(one["impact_ratio"], 2), number(one["moved"], 2),
        ]
        for one in segments
    ]  # fmt: skip
    heads = ["Column", "Segment", "Level", "Predictions", "Outcomes", "Impact ratio", "Largest PSI"]
    return _table(heads, rows, [3, 4, 5, 6], (1,), "No segments were compared in this time.")


def _value_table(months: list[Found]) -> Found:
    rows = [
        [
            f"{dt.date.fromisoformat(one['month']):%B %Y}", f"{number(one['value'], 0)} {one['currency']}",
            f"{number(one['low'], 0)} to {number(one['high'], 0)}", number(one["known"]),
        ]
        for one in months
    ]  # fmt: skip
    heads = ["Month", "Value", "95 % interval", "Outcomes"]
    return _table(heads, rows, [1, 2, 3], nothing="Nothing was valued in this time.")


def _incidents_table(incidents: list[Found]) -> Found:
    rows = [
        [
            str(one["number"]), one["title"], str(one["state"]).replace("_", " ").capitalize(), _when(one["since"]),
            _when(one["ended_at"]), one["root_cause"] or NOTHING, one["resolution"] or NOTHING,
        ]
        for one in incidents
    ]  # fmt: skip
    heads = ["No.", "What was seen", "State", "Since", "Ended", "Cause", "What was done"]
    return _table(heads, rows, [0], (1, 5, 6), "No incident in this time.")


def _limits_table(monitors: list[Found]) -> Found:
    rows = [
        [one["name"], LIMITS[one["kind"]][name], number(value)]
        for one in monitors
        for name, value in one["limits"].items()
        if isinstance(value, int | float)
    ]
    return _table(["Monitor", "Limit", "Value"], rows, [2], (0, 1), "No limits.")


def _windows_table(found: Found) -> Found:
    """The checks behind the figures, so that each can be computed again."""
    windows = {one["check"]: one for one in [*found["drift"]["windows"], *found["performance"]]}
    rows = [
        [
            _window(one),
            _state(one["level"]),
            number(one["rows"]),
            number(one["rows_reference"]),
            f"{one['check']}, {one['revision']}",
        ]
        for one in windows.values()
    ]
    return _table(["Window", "Level", "Rows", "Rows of the reference", "Check, revision"], rows, [2, 3], (4,), "None.")


def _charts(endpoint: Any, period: Period, monitors: Sequence[Monitor]) -> dict[str, list[Found]]:
    events = drawing.events_of(endpoint, period)
    first = {one.kind: one for one in reversed(monitors)}
    drawn: dict[str, list[Any]] = {"drift": [], "distributions": [], "performance": [], "service": []}
    if (monitor := first.get(MonitorKind.DRIFT)) is not None and (checks := drawing.checks_of(monitor, period)):
        psi = results.indexes(check.pk for check in checks)
        drawn["drift"] = [
            drawing.drift_over_time(monitor, checks, psi, period, events),
            drawing.drift_heat(monitor, checks, psi),
        ]
        newest = results.of_check(checks[-1])[:DRAWN]
        drawn["distributions"] = [features.compared(one, checks[-1].period, width=360) for one in newest]
    if (monitor := first.get(MonitorKind.PERFORMANCE)) is not None:
        measured = drawing.measured(monitor, period)
        drawn["performance"] = [drawing.performance_over_time(measured, period, events)] if measured else []
    stretches = calls.of_endpoint(endpoint, period)
    drawn["service"] = calls.drawn(stretches, period, monitors, events)[:2] if stretches else []
    return {name: [documents.picture(chart) for chart in several] for name, several in drawn.items()}
