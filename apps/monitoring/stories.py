"""How an incident reads: its log with repeated signals folded, what was seen in words, and the time to look at."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from apps.core.charts import Chart
from apps.core.formats import number, percent
from apps.monitoring import drawing, results, words
from apps.monitoring.models import Alert, EntryKind, Incident, IncidentEntry, MonitorKind
from apps.monitoring.periods import Period

SHARES = {"error_share", "coverage"}
WORDS = {
    "calls": "Calls",
    "failed": "Failed calls",
    "error_share": "Share of failed calls",
    "latency": "Latency",
    "hours": "Hours without predictions",
    "rows": "Rows that arrived",
    "refused": "Calls with input that does not fit",
    "ratings": "Ratings",
    "rating": "Mean rating",
    "now": "Now",
    "reference": "In the reference",
    "coverage": "Outcomes known",
    "last_at": "Newest event",
}


@dataclass
class Line:
    """One line of the log: an entry, and the signals just like it that came before and are folded behind it."""

    entry: IncidentEntry
    folded: list[IncidentEntry] = field(default_factory=list)


def log(entries: Iterable[IncidentEntry]) -> list[Line]:
    """The log, newest first. Of signals in a row only the newest stands by itself."""
    lines: list[Line] = []
    for entry in sorted(entries, key=lambda one: one.created_at, reverse=True):
        is_signal = entry.kind == EntryKind.SIGNAL
        if is_signal and lines and lines[-1].entry.kind == EntryKind.SIGNAL:
            lines[-1].folded.append(entry)
        else:
            lines.append(Line(entry))
    return lines


def seen(evidence: dict[str, Any]) -> list[tuple[str, str]]:
    """The figures behind an incident in words; those of features and segments have tables of their own."""
    found = []
    measure = words.measure(evidence.get("metric", ""))
    for name, value in evidence.items():
        label = WORDS.get(name, name.replace("_", " ").capitalize())
        label = f"{measure} {label.lower()}" if measure and name in ("now", "reference") else label
        if name == "worse" and isinstance(value, dict):
            found.append(("Worse by", f"{number(value.get('by'), 3)}, of {number(value.get('limit'), 3)} allowed"))
        elif name == "latency" and isinstance(value, dict):
            found += [(f"{part[1:]} of 100 calls within", f"{number(took, 3)} s") for part, took in value.items()]
        elif name not in ("metric", "features", "segments", "planned", "readings"):
            found.append((label, _said(name, value)))
    for row in evidence.get("planned", []):
        label = f"{words.measure(row['metric'])} by validation"
        found.append((label, f"{number(row['value'], 3)}, at least {number(row['fail'], 3)}"))
    found += [
        (row["metric"], f"{number(row['value'])} {row['unit']} of {number(row['target'])}".replace("  ", " "))
        for row in evidence.get("readings", [])
    ]
    return found


def _said(name: str, value: Any) -> str:
    if isinstance(value, dict):
        written = percent if name in SHARES else number
        interval = f" ({written(value['low'])} to {written(value['high'])})" if value.get("low") is not None else ""
        return written(value.get("value")) + interval
    if isinstance(value, int | float) and not isinstance(value, bool):
        return percent(value) if name in SHARES else number(value)
    return str(value)


def around(incident: Incident, alerts: list[Alert]) -> Period:
    """The time from a little before an incident began to the last window that showed it."""
    ends = [alert.check_run.end_at for alert in alerts]
    ends += [incident.check_run.end_at] if incident.check_run else []
    until = max(ends, default=incident.ended_at or incident.created_at)
    lead = max((until - incident.since) / 4, dt.timedelta(days=1))
    return Period(incident.since - lead, max(until, incident.since) + dt.timedelta(hours=1), is_chosen=True)


def drawn(incident: Incident, period: Period) -> Chart | None:
    """What its monitor saw in that time."""
    monitor = incident.check_run.monitor if incident.check_run else None
    if monitor is None or monitor.kind not in (MonitorKind.DRIFT, MonitorKind.PERFORMANCE):
        return None
    events = drawing.events_of(incident.endpoint, period)
    if monitor.kind == MonitorKind.PERFORMANCE:
        return drawing.performance_over_time(drawing.measured(monitor, period), period, events)
    checks = drawing.checks_of(monitor, period)
    named = {one["feature"] for one in incident.evidence.get("features", [])}
    indexes = results.indexes(check.pk for check in checks)
    behind = {key: psi for key, psi in indexes.items() if key[1] in named} or indexes
    return drawing.drift_over_time(monitor, checks, behind, period, events)
