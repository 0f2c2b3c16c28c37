"""What a check of the segments computes: how far each moved, how good its predictions are, how its people fare."""

import datetime as dt
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from apps.core import binary
from apps.monitoring import planned
from apps.monitoring.models import Baseline, Level, Monitor, Reference, SegmentColumn, State, StateKind
from apps.monitoring.segmenting import columns_of
from apps.monitoring.windows import Window, some_before, window_at

DEFINITIONS = {
    "drift": "Every segment against its own earlier windows (or the fixed period), as in a drift check; the false "
    "discovery rate is divided by the number of segments. What moved in all of them is left to the drift monitor.",
    "worse": "The headline measure of the segment against that of all others of its column; two gates, the p-value "
    "times the number of segments.",
}
Blobs = dict[str, list[bytes]]


def changes_by_window(monitor: Monitor) -> dict[tuple[Any, dt.datetime], int]:
    """How often the segments' states of each (baseline, window) were changed, and by which columns they were counted: a
    column that was given up and chosen anew may have been counted as often as before.
    """
    chosen = "".join(sorted(str(column.pk) for column in columns_of(monitor.endpoint_id)))
    mark = zlib.crc32(chosen.encode())
    states = State.objects.filter(endpoint_id=monitor.endpoint_id).exclude(segment="")
    found: dict[tuple[Any, dt.datetime], int] = {}
    for (baseline_id, start, _), (_, changes) in states.by_window(monitor.window).items():
        found[baseline_id, start] = found.get((baseline_id, start), mark) + changes
    return found


def read(
    monitor: Monitor, baseline: Baseline, known: Any, window: Window, limits: Any, count: int
) -> Callable[[], dict[str, Any]]:
    """Read the states of every segment in the window and before it; the returned computation needs no database."""
    columns = columns_of(monitor.endpoint_id)
    said = _blobs(monitor, baseline, StateKind.PREDICTIONS, window)
    told = _blobs(monitor, baseline, StateKind.OUTCOMES, window)
    before = _blobs(monitor, baseline, StateKind.PREDICTIONS, earlier(monitor, window))
    share = monitor.expected_share
    demanded, target = planned.fairness(baseline.version, columns), _target(baseline.version)
    own = {column.column: replace(limits, **demanded.get(column.column, {})) for column in columns}
    return lambda: compare(known, columns, said, told, before, limits, own, share, target) | {"windows": count}


def earlier(monitor: Monitor, window: Window) -> Window:
    """What segments are compared with: the fixed period, or the windows before. No baseline is kept by segment."""
    if monitor.reference == Reference.PERIOD and monitor.reference_since and monitor.reference_until:
        return Window(monitor.reference_since, monitor.reference_until)
    return some_before(window_at(window.start, monitor.window), monitor.window, monitor.trailing)


def _blobs(monitor: Monitor, baseline: Baseline, kind: str, window: Window) -> Blobs:
    states = State.objects.filter(endpoint_id=monitor.endpoint_id, baseline=baseline, kind=kind).exclude(segment="")
    found: Blobs = {}
    for name, blob in binary.values(states.within(window.start, window.end), "segment", "data"):
        found.setdefault(name, []).append(blob)
    return found


def compare(
    baseline: Any,
    columns: list[SegmentColumn],
    said: Blobs,
    told: Blobs,
    before: Blobs,
    limits: Any,
    own: dict[str, Any],
    share: float,
    target: str = "",
) -> dict[str, Any]:
    """Signals, one row for each segment, and the figures of each column, which has its `own` limits where a plan
    examined it.
    """
    from apps.monitoring.engine import VERSION, fairness, performance, policy

    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    for column in columns:
        mine = [name for name in said if name.split("=", 1)[0] == column.column]
        segments = [_segment(baseline, name, said[name], told.get(name, []), before.get(name, [])) for name in mine]
        segments = [one for one in segments if one["rows"]]
        found, figures = _column(baseline, column, segments, own[column.column], share)
        rows += found
        figures["said"] = _said(baseline, figures["favourable"], target)
        summary[column.column] = figures | {"impact": own[column.column].impact, "gap": own[column.column].gap}
    levels = [row["result"]["signals"] for row in rows]
    signals = {
        name: policy.worst([one[name] for one in levels if name in one]) for name in ("fairness", "segments")
    }  # fmt: skip
    rows.sort(key=lambda row: (_severity(row["level"]), row["column"], -row["rows"]))
    result = {
        "summary": summary,
        "metric": performance.HEADLINE.get(baseline.bins.outputs.task, ""),
        "limits": limits.as_json(),
        "definitions": {**fairness.DEFINITIONS, **DEFINITIONS, **performance.DEFINITIONS},
        "engine": VERSION,
    }
    return {"signals": signals, "level": policy.worst(list(signals.values())), "segments": rows, "result": result}


def _target(version: Any) -> str:
    """What a model of yes and no predicts, where its labels are only that."""
    from apps.models.engine.signatures import Signature

    signature = Signature.from_json(version.signature)
    is_yes_no = set(signature.classes) <= {0, 1} and len(signature.classes) == 2
    return signature.target if is_yes_no else ""


def _said(baseline: Any, label: str, target: str) -> str:
    """A label as people read it: "late" and "not late" for the truth values of a target."""
    if not target or label not in baseline.bins.outputs.labels:
        return label
    return target if label == baseline.bins.outputs.labels[-1] else f"not {target}"


def _severity(level: str) -> int:
    return [Level.DRIFT, Level.NEAR, Level.QUIET, Level.NOT_ENOUGH].index(Level(level))


def _segment(baseline: Any, name: str, said: list[bytes], told: list[bytes], before: list[bytes]) -> dict[str, Any]:
    from apps.monitoring.engine import state

    def summed(blobs: list[bytes], shape: Any) -> Any:
        return state.total(blobs, shape)

    predicted = summed(said, baseline.bins.shape)
    return {
        "value": name.split("=", 1)[1],
        "rows": predicted.rows,
        "said": predicted,
        "told": summed(told, baseline.outcome_bins.shape),
        "before": summed(before, baseline.bins.shape),
    }


def _column(
    baseline: Any, column: SegmentColumn, segments: list[dict[str, Any]], limits: Any, share: float
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    from apps.monitoring.engine import fairness, policy

    groups = _groups(baseline, column, segments)
    fares = fairness.judge(groups, limits) if groups else {}
    anyway = _moved_anyway(baseline, segments, limits)
    rows = []
    for one in segments:
        result = _performance(baseline, one, segments, limits, share) | _drift(
            baseline, one, len(segments), limits, anyway
        )
        fair = fares.get(one["value"])
        result["fairness"] = fair
        own = [result["drift"]["level"], result["level"]]
        result["signals"] = {"segments": policy.worst(own)}
        if fair and column.is_protected:
            result["signals"]["fairness"] = fair["level"]
        level = policy.worst(list(result["signals"].values()))
        rows.append(
            {"column": column.column, "value": one["value"], "rows": one["rows"], "rows_labelled": one["told"].rows}
            | {"level": level, "result": result}
        )
    figures = fairness.widest(groups, limits) | {"is_protected": column.is_protected}
    return rows, figures | {"favourable": _favourable(baseline, column)[1]}


def _favourable(baseline: Any, column: SegmentColumn) -> tuple[int, str]:
    """The label that is good for a person, by its place and name; the positive, or last, one where nobody chose."""
    labels = baseline.bins.outputs.labels
    if not labels:
        return -1, ""
    place = labels.index(column.favourable) if column.favourable in labels else len(labels) - 1
    return place, labels[place]


def _groups(baseline: Any, column: SegmentColumn, segments: list[dict[str, Any]]) -> list[Any]:
    """What fairness is judged by; none for a model of figures."""
    from apps.monitoring.engine import fairness, performance
    from apps.monitoring.engine.bins import SCORES

    favourable, _ = _favourable(baseline, column)
    if favourable < 0:
        return []
    groups = []
    for one in segments:
        by_label = one["said"].counts[baseline.bins.joint_at].reshape(-1, SCORES).sum(axis=1)
        table = performance.confusion(baseline.outcome_bins, one["told"])
        known = fairness.counts_of(table, favourable)
        groups.append(fairness.Group(one["value"], float(by_label.sum()), float(by_label[favourable]), known))
    return groups


def _performance(
    baseline: Any, one: dict[str, Any], segments: list[dict[str, Any]], limits: Any, share: float
) -> dict[str, Any]:
    """Realised and estimated measures of a segment, and whether they are worse than those of all others together."""
    from apps.monitoring.engine import performance, policy, state

    layout = baseline.outcome_bins
    realised = performance.measure(layout, one["told"])
    estimated = performance.estimate(baseline, one["said"])
    others = state.merge([state.empty(layout.shape), *(other["told"] for other in segments if other is not one)])
    whole = performance.measure(layout, others)
    kind, coverage = performance.window_state(one["rows"], one["told"].rows, share)
    metric = performance.HEADLINE.get(layout.task, "")
    level, worse = policy.NOT_ENOUGH, None
    if metric in realised and metric in whole and realised[metric].n >= limits.minimum:
        by, p = performance.worsening(realised[metric], whole[metric])
        limit = limits.performance * (abs(whole[metric].value) if metric in ("rmse", "mae") else 1.0)
        p = min(p * len(segments), 1.0)
        worse = {"by": by, "p": p, "limit": limit}
        level = policy.level(by, p, limit, limits) if kind == performance.MATURE else policy.NOT_ENOUGH
    return {
        "state": kind,
        "coverage": coverage,
        "realised": {name: found.as_json() for name, found in realised.items()},
        "estimated": {name: found.as_json() for name, found in estimated.items()},
        "worse": worse,
        "level": level,
    }


def _moved_anyway(baseline: Any, segments: list[dict[str, Any]], limits: Any) -> set[str]:
    """Features that moved in all segments together: no matter of a segment, and told by the drift monitor."""
    from apps.monitoring.engine import policy, state
    from apps.monitoring.engine.check import compare as compare_states

    if not segments:
        return set()
    before, said = (state.merge(one[side] for one in segments) for side in ("before", "said"))
    if before.is_empty:
        return set()
    report = compare_states(baseline.bins, before, said, limits)
    return {found["feature"] for found in report.features if found["level"] == policy.DRIFT}


def _drift(baseline: Any, one: dict[str, Any], count: int, limits: Any, anyway: set[str]) -> dict[str, Any]:
    """How far the segment moved against its own past: the features that moved most, and the model's answer."""
    from apps.monitoring.engine import policy
    from apps.monitoring.engine.check import compare as compare_states

    if one["before"].is_empty:
        return {"drift": {"level": policy.NOT_ENOUGH, "rows": 0, "features": []}}
    report = compare_states(baseline.bins, one["before"], one["said"], replace(limits, q=limits.q / max(count, 1)))
    moved = sorted(report.features, key=lambda found: -found["psi"])
    said = next((found["psi"] for found in moved if found["role"] != "input"), None)
    own = [found["level"] for found in moved if found["feature"] not in anyway]
    top = [
        {name: found.get(name) for name in ("feature", "psi", "q", "level")} | {"anyway": found["feature"] in anyway}
        for found in sorted(moved, key=lambda found: found["feature"] in anyway)[:5]
    ]
    return {
        "drift": {"level": policy.worst(own), "rows": report.rows_reference, "features": top, "psi": said}
        | {"most": top[0]["psi"] if top else None}
    }
