"""What a check computes: which windows are due, what their states say. It reads, and writes nothing."""

import datetime as dt
import functools
import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, Sum
from django.db.models.functions import Trunc
from django.utils import timezone

from apps.core import binary
from apps.deployments.models import EndpointState
from apps.monitoring import comparing, held, planned, ranked, texts
from apps.monitoring.models import (
    KINDS_WITH_BASELINE,
    Baseline,
    Batch,
    Check,
    Clock,
    Feedback,
    Level,
    Monitor,
    MonitorKind,
    Mute,
    Reference,
    ServiceReading,
    State,
    StateKind,
)
from apps.monitoring.windows import Window, before, some_before, weeks_before, window_at


@dataclass
class Due:
    """A window to check, with the rows and changes seen when it was found; a baseline where the kind has one.

    `rows_at` has the rows of every window of the same baseline by its start, for windows that must grow.
    """

    window: Window
    changes: int
    rows: int = 0
    baseline_id: UUID | None = None
    rows_at: dict[dt.datetime, int] = field(default_factory=dict)


@dataclass
class Found:
    """What a check found in a window."""

    due: Due
    level: str
    signals: dict[str, str]
    rows: int
    result: dict[str, Any]
    rows_reference: int = 0
    windows: int = 1
    features: bytes = b""
    indexes: dict[str, float] = field(default_factory=dict)
    segments: list[dict[str, Any]] = field(default_factory=list)


def newest_moment(monitor: Monitor) -> dt.datetime | None:
    """What time it is for the monitor: now, or the newest event that its endpoint knows. Calls happen now."""
    if monitor.clock == Clock.NOW or monitor.kind == MonitorKind.SERVICE:
        return timezone.now()
    span = State.objects.filter(endpoint_id=monitor.endpoint_id, kind=StateKind.PREDICTIONS).span()
    return span[1] if span else None


def due(monitor: Monitor) -> list[Due]:
    """The complete windows that were not checked yet, or changed since, oldest first."""
    if monitor.kind == MonitorKind.SILENCE:
        return _due_silence(monitor)
    if monitor.kind == MonitorKind.VALUE:
        return _due_value(monitor)
    now = newest_moment(monitor)
    if now is None:
        return []
    readers: dict[str, Callable[[Monitor], list[Due]]] = {
        MonitorKind.SERVICE: _service_windows,
        MonitorKind.FEEDBACK: _feedback_windows,
    }
    every = readers.get(monitor.kind, _state_windows)(monitor)
    seen = dict(_seen(monitor))
    return [one for one in every if one.window.end <= now and seen.get(_key(one)) != one.changes]


def _key(one: Due) -> tuple[Any, ...]:
    return one.window.start, one.window.end, one.baseline_id


def _seen(monitor: Monitor) -> Iterator[tuple[tuple[Any, ...], int]]:
    for row in Check.objects.filter(monitor=monitor, is_current=True).values_list(
        "start_at", "end_at", "baseline_id", "changes"
    ):
        yield row[:3], row[3]


def _state_windows(monitor: Monitor) -> list[Due]:
    kinds = [StateKind.PREDICTIONS] + [StateKind.OUTCOMES] * (monitor.kind == MonitorKind.PERFORMANCE)
    apart = comparing.changes_by_window(monitor) if monitor.kind == MonitorKind.SEGMENTS else {}
    states = State.objects.filter(endpoint_id=monitor.endpoint_id, kind__in=kinds, segment="")
    sums = states.by_window(monitor.window)
    newest = newest_baselines(baseline_id for baseline_id, *_ in sums)
    found: list[Due] = []
    rows_at: dict[Any, dict[dt.datetime, int]] = {}
    for (baseline_id, start, kind), (rows, changes) in sums.items():
        if kind != StateKind.PREDICTIONS or baseline_id not in newest:
            continue
        changes += sums.get((baseline_id, start, StateKind.OUTCOMES), (0, 0))[1] + apart.get((baseline_id, start), 0)
        if monitor.kind == MonitorKind.SEGMENTS and (baseline_id, start) not in apart:
            continue
        known = rows_at.setdefault(baseline_id, {})
        known[start] = rows
        found.append(Due(window_at(start, monitor.window), changes, rows, baseline_id, known))
    return found


def newest_baselines(keys: Iterable[UUID]) -> set[UUID]:
    """Those of these baselines that are the newest of their version."""
    versions = Baseline.objects.filter(pk__in=set(keys)).values("version_id")
    rows = Baseline.objects.filter(version_id__in=versions).order_by("version_id", "-number").distinct("version_id")
    return set(rows.values_list("pk", flat=True))


def _service_windows(monitor: Monitor) -> list[Due]:
    truncated = Trunc("start_at", monitor.window, tzinfo=dt.UTC)
    rows = ServiceReading.objects.filter(endpoint_id=monitor.endpoint_id).annotate(window_at=truncated)
    sums = rows.values("window_at").order_by("window_at").annotate(total=Sum("calls"))
    return [Due(window_at(row["window_at"], monitor.window), row["total"], row["total"]) for row in sums]


def _feedback_windows(monitor: Monitor) -> list[Due]:
    truncated = Trunc("at", monitor.window, tzinfo=dt.UTC)
    rows = Feedback.objects.filter(endpoint_id=monitor.endpoint_id, rating__isnull=False).annotate(window_at=truncated)
    sums = rows.values("window_at").order_by("window_at").annotate(total=Count("pk"))
    return [Due(window_at(row["window_at"], monitor.window), row["total"], row["total"]) for row in sums]


def _due_silence(monitor: Monitor) -> list[Due]:
    from apps.monitoring.engine.policy import Limits

    end = window_at(timezone.now(), "hour").start
    window = Window(end - dt.timedelta(hours=Limits.read(monitor.limits).silence_hours), end)
    arrived = Batch.objects.filter(endpoint_id=monitor.endpoint_id, kind="predictions")
    if not arrived.filter(created_at__lt=window.start).exists() and not _should_speak(monitor, window.start):
        return []
    rows = arrived.filter(created_at__gte=window.start, created_at__lt=end).aggregate(total=Sum("rows"))["total"] or 0
    one = Due(window, rows + 1, rows)
    return [] if dict(_seen(monitor)).get(_key(one)) == one.changes else [one]


def _should_speak(monitor: Monitor, since: dt.datetime) -> bool:
    """Whether the endpoint answers and has been watched since then, so that no word at all is silence."""
    is_serving = monitor.endpoint.state in (EndpointState.LIVE, EndpointState.DRAINING)
    return is_serving and monitor.clock == Clock.NOW and monitor.created_at < since


def _due_value(monitor: Monitor) -> list[Due]:
    readings = _readings(monitor)
    if not readings:
        return []
    moments = [reading.at for reading in readings]
    one = Due(Window(min(moments), max(moments)), len(moments), len(moments))
    return [] if dict(_seen(monitor)).get(_key(one)) == one.changes else [one]


def _readings(monitor: Monitor) -> list[Any]:
    from apps.projects.models import ValueReading

    project_id = monitor.endpoint.model.project_id
    return list(ValueReading.objects.filter(metric__project_id=project_id).select_related("metric").order_by("at"))


def check(monitor: Monitor, one: Due, limits: Any) -> Callable[[], Found]:
    """Read what the window needs (the tenant is open) and return the computation, which needs no database."""
    if monitor.kind in KINDS_WITH_BASELINE:
        return _with_baseline(monitor, one, limits)
    readers: dict[str, Callable[[Monitor, Due, Any], Found]] = {
        MonitorKind.SERVICE: _check_service,
        MonitorKind.FEEDBACK: _check_feedback,
        MonitorKind.SILENCE: _check_silence,
        MonitorKind.VALUE: _check_value,
    }
    found = readers[monitor.kind](monitor, one, limits)
    return lambda: found


def _with_baseline(monitor: Monitor, one: Due, limits: Any) -> Callable[[], Found]:
    row = Baseline.objects.select_related("version__run").defer("data").get(pk=one.baseline_id)
    known = held.baseline(row.pk)
    window, count = _grown(monitor, one, limits)
    if monitor.kind == MonitorKind.SEGMENTS:
        compare = comparing.read(monitor, row, known, window, limits, count)
        return lambda: _segments(one, compare())
    windows = reference_windows(monitor, window)
    if monitor.kind == MonitorKind.CONTENTS:
        look, compared = texts.read(monitor, row, window, windows, limits), spoken(monitor, windows)
        return lambda: _contents(one, look() | {"compared": compared}, count)
    blobs = _blobs(monitor, row, StateKind.PREDICTIONS, window)
    if monitor.kind == MonitorKind.PERFORMANCE:
        told = _blobs(monitor, row, StateKind.OUTCOMES, window)
        before = _reference(monitor, row, windows, StateKind.OUTCOMES)
        more = (
            planned.measures(row.version),
            ranked.read(monitor, row, window, windows),
            before,
            spoken(monitor, windows),
        )
        return lambda: _performance(monitor, one, limits, known, blobs, told, count, *more)
    reference, muted = _reference(monitor, row, windows, StateKind.PREDICTIONS), _muted(monitor)
    weights, said = _importance(row), {"reference": spoken(monitor, windows), "muted": sorted(muted)}

    def compute() -> Found:
        found = drift(one, limits, known, blobs, reference, weights, count, muted)
        found.result |= said
        return found

    return compute


def _grown(monitor: Monitor, one: Due, limits: Any) -> tuple[Window, int]:
    """The window, with as many before it as it takes to have the minimum of rows, and how many that makes."""
    from apps.monitoring.engine.policy import windows_needed

    windows = [one.window]
    if one.rows < limits.minimum:
        while len(windows) < limits.most_windows:
            windows.append(before(windows[-1], monitor.window))
    count = windows_needed([one.rows_at.get(window.start, 0) for window in windows], limits) or 1
    return Window(windows[count - 1].start, one.window.end), count


def _blobs(monitor: Monitor, baseline: Baseline, kind: str, window: Window) -> list[bytes]:
    states = State.objects.filter(endpoint_id=monitor.endpoint_id, baseline=baseline, kind=kind, segment="")
    return [data for (data,) in binary.values(states.within(window.start, window.end), "data")]


def reference_windows(monitor: Monitor, window: Window) -> list[Window] | None:
    """The windows whose sum a window is compared with; None when it is the baseline itself."""
    if monitor.reference == Reference.PERIOD and monitor.reference_since and monitor.reference_until:
        return [Window(monitor.reference_since, monitor.reference_until)]
    if monitor.reference == Reference.TRAILING:
        return [some_before(window_at(window.start, monitor.window), monitor.window, monitor.trailing)]
    return weeks_before(window, monitor.trailing) if monitor.reference == Reference.SEASON else None


def _reference(monitor: Monitor, baseline: Baseline, windows: list[Window] | None, kind: str) -> list[bytes] | None:
    """The states of the reference; None when it is the baseline itself."""
    if windows is None:
        return None
    inside = functools.reduce(operator.or_, (Q(start_at__gte=one.start, end_at__lte=one.end) for one in windows))
    states = State.objects.filter(inside, endpoint_id=monitor.endpoint_id, baseline=baseline, kind=kind, segment="")
    return [data for (data,) in binary.values(states, "data")]


def spoken(monitor: Monitor, windows: list[Window] | None) -> dict[str, Any]:
    """What was compared with, so that the check can be computed again."""
    return {"kind": monitor.reference, "windows": _spans(windows or [])}


def _spans(windows: list[Window]) -> list[list[str]]:
    return [[one.start.isoformat(), one.end.isoformat()] for one in windows]


def _muted(monitor: Monitor) -> set[tuple[str, str]]:
    """Features and signals that raise nothing now, each pair with "" for all."""
    mutes = Mute.objects.filter(monitor=monitor, ended_at=None, until__gt=timezone.now())
    return set(mutes.values_list("feature", "signal"))


def _segments(one: Due, found: dict[str, Any]) -> Found:
    rows = one.rows
    segments = found["segments"]
    return Found(one, found["level"], found["signals"], rows, found["result"], 0, found["windows"], segments=segments)


def _contents(one: Due, result: dict[str, Any], count: int) -> Found:
    level = result.pop("level")
    sizes = [row["n_reference"] for row in result["columns"]]
    return Found(one, level, {"contents": level}, one.rows, result, max(sizes, default=0), count)


def _importance(baseline: Baseline) -> dict[str, float]:
    run = baseline.version.run
    return weights_of(((run.result or {}) if run else {}).get("importance", []))


def weights_of(known: list[dict[str, Any]]) -> dict[str, float]:
    """How much each input weighs in ranking, from what training found of its importance: a tenth for nothing, up to one
    for the most important.
    """
    found = {one["feature"]: max(float(one["drop"]), 0.0) for one in known}
    most = max(found.values(), default=0.0)
    return {name: 0.1 + 0.9 * value / most for name, value in found.items()} if most > 0 else {}


def _summed(blobs: list[bytes], shape: Any) -> Any:
    from apps.monitoring.engine import state

    return state.total(blobs, shape)


def drift(
    one: Due,
    limits: Any,
    baseline: Any,
    blobs: list[bytes],
    reference: list[bytes] | None,
    weights: dict[str, float],
    count: int,
    muted: set[tuple[str, str]],
) -> Found:
    """What a drift check finds: `blobs` are the states of the window, `reference` those of the reference where it is
    not the baseline itself; `count` windows were put together.
    """
    from apps.monitoring.engine import results
    from apps.monitoring.engine.check import compare, side_of

    bins = baseline.bins
    current = _summed(blobs, bins.shape)
    known = baseline.side if reference is None else side_of(bins, _summed(reference, bins.shape))
    report = compare(bins, known, current, limits, weights, muted)
    result = report.as_json()
    if known.rows == 0:
        return Found(one, Level.NOT_ENOUGH, {}, current.rows, {**result, "note": "The reference holds no rows."})
    found = Found(one, report.level, report.signals, current.rows, result, known.rows, count)
    found.features, found.indexes = results.pack(report.table), report.indexes
    return found


def _performance(
    monitor: Monitor,
    one: Due,
    limits: Any,
    baseline: Any,
    blobs: list[bytes],
    told: list[bytes],
    count: int,
    demanded: list[planned.Planned],
    lists: ranked.Compared | None,
    before: list[bytes] | None,
    compared: dict[str, Any],
) -> Found:
    from apps.monitoring.engine import VERSION, performance

    layout = baseline.outcome_bins
    predicted, known = _summed(blobs, baseline.bins.shape), _summed(told, layout.shape)
    realised, estimated = performance.measure(layout, known), performance.estimate(baseline, predicted)
    earlier = baseline.outcomes if before is None else _summed(before, layout.shape)
    promised = performance.measure(layout, earlier) if earlier is not None and earlier.rows else {}
    state, coverage = performance.window_state(predicted.rows, known.rows, monitor.expected_share)
    metric = performance.HEADLINE[layout.task]
    worse = _judge(realised.get(metric), promised.get(metric), state, limits)
    ranks, ranked_before, ranks_worse = _ranked(lists, state, limits)
    promises = planned.judge(demanded, realised | ranks, state == performance.MATURE, limits)
    delay = performance.delay_curve(layout, known)
    result = {
        "state": state,
        "coverage": coverage,
        "metric": metric,
        "realised": {name: found.as_json() for name, found in (realised | ranks).items()},
        "estimated": {name: found.as_json() for name, found in estimated.items()},
        "reference": {name: found.as_json() for name, found in (promised | ranked_before).items()},
        "compared": compared,
        "worse": worse,
        "concept": {
            name: performance.concept_drift(realised[name], estimated[name]) for name in realised if name in estimated
        },
        "planned": promises,
        "selection": performance.selection(baseline, predicted, known),
        "delay": [step | {"of_expected": step["share"] * coverage} for step in delay],
        "rows": {"predicted": predicted.rows, "labelled": known.rows},
        "expected_share": monitor.expected_share,
        "limits": limits.as_json(),
        "definitions": performance.DEFINITIONS,
        "engine": VERSION,
    }
    if lists is not None:
        result["lists"] = lists.now.as_json() | {"worse": ranks_worse, "compared": _spans(lists.windows)}
        result["definitions"] = performance.DEFINITIONS | lists.now.definitions()
    reference_rows = earlier.rows if earlier is not None else 0
    level = worst_of([row["level"] for row in (worse, ranks_worse, *promises) if row is not None])
    return Found(one, level, {"performance": level}, known.rows, result, reference_rows, count)


def _ranked(
    lists: ranked.Compared | None, state: str, limits: Any
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any] | None]:
    """The gain of the window's lists and of the reference's, each by its name, and how much worse it is."""
    if lists is None:
        return {}, {}, None
    now, before = lists.now.measure(), lists.before.measure()
    if before is not None and before.n < planned.least(before.name, limits):
        before = None
    named = [{one.name: one} if one is not None else {} for one in (now, before)]
    return named[0], named[1], _judge(now, before, state, limits)


def _judge(now: Any, promised: Any, state: str, limits: Any) -> dict[str, Any] | None:
    """How much worse a measure is, and its level: bad when a mature window is certainly worse by the limit; what is
    partly known can only come near it. None where there is nothing to compare.
    """
    from apps.monitoring.engine import performance, policy

    if now is None or promised is None:
        return None
    by, p = performance.worsening(now, promised)
    limit = limits.performance * (abs(promised.value) if now.name in ("rmse", "mae") else 1.0)
    level = policy.level(by, p, limit, limits)
    if now.n < planned.least(now.name, limits):
        level = Level.NOT_ENOUGH
    elif state != performance.MATURE:
        level = Level.NEAR if level == Level.DRIFT else Level.NOT_ENOUGH
    return {"by": by, "p": p, "limit": limit, "level": level}


def _check_service(monitor: Monitor, one: Due, limits: Any) -> Found:
    from apps.monitoring.engine import VERSION, service

    hours = list(
        ServiceReading.objects.filter(
            endpoint_id=monitor.endpoint_id, start_at__gte=one.window.start, start_at__lt=one.window.end
        )
    )
    calls, failed = sum(hour.calls for hour in hours), sum(hour.failed for hour in hours)
    signals, readings = service.judge_service(
        calls, failed, service.add_counts(hour.latencies for hour in hours), limits
    )
    readings |= {"refused": sum(hour.refused for hour in hours), "predictions": sum(hour.predictions for hour in hours)}
    result = readings | {"limits": limits.as_json(), "definitions": service.DEFINITIONS, "engine": VERSION}
    return Found(one, _worst(signals), signals, calls, result)


def _check_feedback(monitor: Monitor, one: Due, limits: Any) -> Found:
    from apps.monitoring.engine import VERSION, service

    said = Feedback.objects.filter(
        endpoint_id=monitor.endpoint_id, at__gte=one.window.start, at__lt=one.window.end, rating__isnull=False
    )
    ratings = list(said.values_list("rating", flat=True))
    signals, readings = service.judge_feedback(ratings, limits, limits.minimum)
    result = readings | {"limits": limits.as_json(), "definitions": service.DEFINITIONS, "engine": VERSION}
    return Found(one, _worst(signals), signals, len(ratings), result)


def _check_silence(monitor: Monitor, one: Due, limits: Any) -> Found:
    from apps.monitoring.engine import VERSION, service

    level = Level.QUIET if one.rows else Level.DRIFT
    result = {"rows": one.rows, "hours": limits.silence_hours, "limits": limits.as_json()}
    result |= {"definitions": service.SILENCE, "engine": VERSION}
    return Found(one, level, {"silence": level}, one.rows, result)


def _check_value(monitor: Monitor, one: Due, limits: Any) -> Found:
    from apps.monitoring.engine import VERSION, service

    # What was read after the window is no part of it, so that the check gives the same again.
    newest = {reading.metric_id: reading for reading in _readings(monitor) if reading.at <= one.window.end}
    levels, readings = {}, []
    for reading in newest.values():
        metric = reading.metric
        is_due = reading.at.date() >= metric.due_on
        level = service.judge_value(metric.is_met_by(reading.value), metric.progress_at(reading.value), is_due)
        levels[metric.name] = level
        row = {"metric": metric.name, "unit": metric.unit, "value": reading.value, "at": reading.at.isoformat()}
        readings.append(row | {"baseline": metric.baseline, "target": metric.target, "level": level})
    level = _worst(levels)
    result = {"readings": readings, "limits": limits.as_json(), "definitions": service.PROMISES, "engine": VERSION}
    return Found(one, level, {"value": level}, len(readings), result)


def _worst(signals: dict[str, str]) -> str:
    return worst_of(list(signals.values()))


def worst_of(levels: list[str]) -> str:
    """The worst of some levels."""
    from apps.monitoring.engine.policy import worst

    return worst(levels)
