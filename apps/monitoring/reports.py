"""What the monitoring report says: everything known of an endpoint in a time, collected once as plain JSON.

Every number in it is what checks have left. The hash on a report is that of its canonical text, so that whoever has the
data can tell whether a report was made of them.
"""

from collections.abc import Sequence
from typing import Any

from apps.core.canonical import plain
from apps.monitoring import calls, drawing, results, worth
from apps.monitoring.models import Check, Incident, Level, Monitor, MonitorKind, SegmentResult
from apps.monitoring.periods import Period
from apps.monitoring.words import LIMITS

Found = dict[str, Any]


def collect(endpoint: Any, period: Period, monitors: Sequence[Monitor]) -> Found:
    """Everything that the report says, as plain JSON."""
    checks = {
        monitor.pk: list(drawing.windows_of(monitor, period)[: drawing.MOST_WINDOWS])[::-1] for monitor in monitors
    }
    by_kind = {kind: [one for one in monitors if one.kind == kind] for kind in MonitorKind}
    drift, performance, segments = (
        [check for monitor in by_kind[kind][:1] for check in checks[monitor.pk]]
        for kind in (MonitorKind.DRIFT, MonitorKind.PERFORMANCE, MonitorKind.SEGMENTS)
    )
    return plain({
        "endpoint": endpoint.key,
        "model": endpoint.model.key,
        "environment": str(endpoint.environment),
        "project": endpoint.model.project.key,
        "since": period.since,
        "until": period.until,
        "monitors": [_monitor(one, checks[one.pk]) for one in monitors],
        "drift": _drift(drift),
        "performance": [_measured(check) for check in drawing.largest(performance)],
        "service": _service(endpoint, period),
        "segments": _segments(segments[-1:]),
        "value": _value(endpoint, period),
        "incidents": _incidents(endpoint, period),
        "definitions": _definitions([check for several in checks.values() for check in several]),
    })  # fmt: skip


def _monitor(monitor: Monitor, checks: Sequence[Check]) -> Found:
    from apps.monitoring.engine.policy import Limits

    limits = Limits.read(monitor.limits).as_json()
    return {
        "name": monitor.name,
        "kind": monitor.kind,
        "window": monitor.window,
        "reference": monitor.reference,
        "is_active": monitor.is_active,
        "limits": {name: limits[name] for name in LIMITS[monitor.kind]},
        "levels": {level: sum(check.level == level for check in checks) for level in Level},
        "newest": _named(checks[-1]) if checks else None,
    }


def _named(check: Check) -> Found:
    """What it takes to find a check again."""
    return {
        "check": check.pk,
        "revision": check.revision,
        "start": check.start_at,
        "end": check.end_at,
        "level": check.level,
        "rows": check.rows,
        "rows_reference": check.rows_reference,
        "baseline": check.baseline_id,
    }


def _drift(checks: Sequence[Check]) -> Found:
    """Every window, and of every feature its newest reading, its worst and how often it was over its limit."""
    found = results.of_checks(check.pk for check in checks)
    newest = {one.feature: one for one in found[checks[-1].pk]} if checks else {}
    lines: dict[str, Found] = {}
    for check in checks:
        for one in found[check.pk]:
            line = lines.setdefault(one.feature, {"feature": one.feature, "over": 0, "windows": 0, "worst": 0.0})
            line["windows"] += 1
            line["over"] += one.level == Level.DRIFT
            line["worst"] = max(line["worst"], one.psi)
    for name, line in lines.items():
        line["newest"] = newest[name].result if name in newest else None
    ranked = sorted(lines.values(), key=lambda line: (line["newest"] is None, -line["over"], -line["worst"]))
    return {"windows": [_named(check) for check in checks], "features": ranked}


def _measured(check: Check) -> Found:
    names = ("state", "coverage", "metric", "realised", "estimated", "reference", "planned")
    return _named(check) | {name: check.result.get(name) for name in names}


def _service(endpoint: Any, period: Period) -> Found | None:
    total = calls.in_all(endpoint, period)
    if total is None:
        return None
    counts = {name: getattr(total, name) for name in ("calls", "failed", "refused", "predictions")}
    return counts | {"seconds": {f"p{percent}": took for percent, took in total.seconds.items()}}


def _segments(newest: Sequence[Check]) -> list[Found]:
    rows = SegmentResult.objects.filter(check_run__in=newest).order_by("column", "rank")
    return [
        {
            "column": row.column,
            "segment": row.value,
            "level": row.level,
            "rows": row.rows,
            "outcomes": row.rows_labelled,
            "impact_ratio": ((row.result.get("fairness") or {}).get("impact_ratio") or {}).get("value"),
            "moved": row.result["drift"].get("most"),
        }
        for row in rows
    ]


def _value(endpoint: Any, period: Period) -> list[Found]:
    months = worth.by_month([endpoint], period.since.date().replace(day=1))[endpoint.pk]
    return [
        {
            "month": one.start,
            "value": one.value,
            "low": one.low,
            "high": one.high,
            "currency": one.currency,
            "known": one.known,
        }
        for one in months
        if one.currency and one.start <= period.until.date()
    ]


def _incidents(endpoint: Any, period: Period) -> list[Found]:
    """Incidents that began in the time, or went on in it."""
    rows = Incident.objects.filter(endpoint=endpoint, since__lt=period.until).exclude(ended_at__lt=period.since)
    fields = ("number", "title", "cause", "severity", "state", "since", "ended_at", "root_cause", "resolution")
    return [{name: getattr(row, name) for name in fields} for row in rows.order_by("number")]


def _definitions(checks: Sequence[Check]) -> dict[str, str]:
    found: dict[str, str] = {}
    for check in checks:
        found |= check.result.get("definitions", {})
    return dict(sorted(found.items()))
