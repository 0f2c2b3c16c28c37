"""What a sweep finds: the plain drift checks of many monitors, read together. It reads, and writes nothing.

Plain is a window that has rows enough by itself, compared with the version's baseline. Everything else (windows that
must grow, other references, other kinds) is checked monitor by monitor, see `checking`.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Max, Sum
from django.db.models.functions import Trunc
from django.utils import timezone

from apps.core import binary, tracing
from apps.monitoring import checking, held
from apps.monitoring.checking import Due, Found
from apps.monitoring.models import Baseline, Check, Clock, Monitor, MonitorKind, Mute, Reference, State, StateKind
from apps.monitoring.windows import Window, window_at

MOST_WINDOWS = 24  # of one monitor: a longer backlog is work with progress to show


@dataclass(frozen=True)
class Plan:
    """What is due of one monitor."""

    monitor: Monitor
    limits: Any
    windows: list[Due]

    @property
    def is_plain(self) -> bool:
        """Whether its windows can be checked together with those of others."""
        return len(self.windows) <= MOST_WINDOWS and all(one.rows >= self.limits.minimum for one in self.windows)


def is_plain(monitor: Monitor) -> bool:
    """Whether the monitor asks nothing but its endpoint's inputs against the version's baseline."""
    return monitor.kind == MonitorKind.DRIFT and monitor.reference == Reference.TRAINING


def due(monitors: Sequence[Monitor]) -> list[Plan]:
    """The windows that are due of plain monitors, in a number of queries that does not grow with them."""
    from apps.monitoring.engine.policy import Limits

    plans = []
    for span in sorted({monitor.window for monitor in monitors}):
        mine = [monitor for monitor in monitors if monitor.window == span]
        counted = _counted([monitor.endpoint_id for monitor in mine], span)
        newest = _newest_events([one.endpoint_id for one in mine if one.clock == Clock.DATA])
        baselines = checking.newest_baselines(key[1] for key in counted)
        seen = _seen(mine, min((start for *_, start in counted), default=timezone.now()))
        windows: dict[UUID, list[Due]] = {}
        for (endpoint_id, baseline_id, start), (rows, changes) in counted.items():
            if baseline_id in baselines:
                windows.setdefault(endpoint_id, []).append(Due(window_at(start, span), changes, rows, baseline_id))
        for monitor in mine:
            now = timezone.now() if monitor.clock == Clock.NOW else newest.get(monitor.endpoint_id)
            every = [one for one in windows.get(monitor.endpoint_id, []) if now and one.window.end <= now]
            missing = [
                one
                for one in every
                if seen.get((monitor.pk, one.window.start, one.window.end, one.baseline_id)) != one.changes
            ]
            if missing:
                plans.append(Plan(monitor, Limits.read(monitor.limits), missing))
    return plans


def _counted(endpoints: list[UUID], span: str) -> dict[tuple[UUID, UUID, dt.datetime], tuple[int, int]]:
    """Rows and changes of every window by endpoint, baseline and start."""
    start = Trunc("start_at", span, tzinfo=dt.UTC)
    states = State.objects.filter(endpoint_id__in=endpoints, kind=StateKind.PREDICTIONS, segment="")
    rows = states.annotate(window_at=start).values_list("endpoint_id", "baseline_id", "window_at").order_by("window_at")
    return {tuple(key): (total, changed) for *key, total, changed in rows.annotate(Sum("rows"), Sum("changes"))}


def _newest_events(endpoints: list[UUID]) -> dict[UUID, dt.datetime]:
    states = State.objects.filter(endpoint_id__in=endpoints, kind=StateKind.PREDICTIONS)
    return dict(states.order_by().values_list("endpoint_id").annotate(Max("last_at")))


def _seen(monitors: list[Monitor], since: dt.datetime) -> dict[tuple[Any, ...], int]:
    checks = Check.objects.filter(monitor__in=monitors, is_current=True, start_at__gte=since)
    fields = ("monitor_id", "start_at", "end_at", "baseline_id", "changes")
    return {tuple(key): changes for *key, changes in checks.values_list(*fields)}


@tracing.traced("monitoring.checks")
def check(plans: Sequence[Plan]) -> list[tuple[Monitor, list[Found]]]:
    """Check plain windows; states and baselines are read together."""
    states = _states(
        {(plan.monitor.endpoint_id, one.baseline_id, one.window) for plan in plans for one in plan.windows}
    )
    keys = {one.baseline_id for plan in plans for one in plan.windows if one.baseline_id}
    known: dict[Any, Any] = dict(held.baselines(keys))
    weights, muted = _weights(keys), _muted([plan.monitor for plan in plans])
    found = []
    for plan in plans:
        silenced = muted.get(plan.monitor.pk, set())
        said = {"reference": checking.spoken(plan.monitor, None), "muted": sorted(silenced)}
        results = []
        for one in plan.windows:
            blobs = states.get((plan.monitor.endpoint_id, one.baseline_id, one.window), [])
            results.append(
                checking.drift(
                    one, plan.limits, known[one.baseline_id], blobs, None, weights.get(one.baseline_id, {}), 1, silenced
                )
            )
            results[-1].result |= said
        found.append((plan.monitor, results))
    return found


def _states(wanted: set[tuple[Any, Any, Window]]) -> dict[tuple[Any, Any, Window], list[bytes]]:
    """The states of windows, by endpoint, baseline and window; one query for each window that is asked of many."""
    found: dict[tuple[Any, Any, Window], list[bytes]] = {}
    for window in {one for *_, one in wanted}:
        pairs = {(endpoint_id, baseline_id) for endpoint_id, baseline_id, one in wanted if one == window}
        rows = State.objects.filter(endpoint_id__in={one for one, _ in pairs}, kind=StateKind.PREDICTIONS, segment="")
        inside = rows.within(window.start, window.end)
        for endpoint_id, baseline_id, blob in binary.values(inside, "endpoint_id", "baseline_id", "data"):
            if (endpoint_id, baseline_id) in pairs:
                found.setdefault((endpoint_id, baseline_id, window), []).append(blob)
    return found


def _weights(keys: set[Any]) -> dict[Any, dict[str, float]]:
    known = Baseline.objects.filter(pk__in=keys).values_list("pk", "version__run__result__importance")
    return {key: checking.weights_of(found or []) for key, found in known}


def _muted(monitors: list[Monitor]) -> dict[Any, set[tuple[str, str]]]:
    held = Mute.objects.filter(monitor__in=monitors, ended_at=None, until__gt=timezone.now())
    found: dict[Any, set[tuple[str, str]]] = {}
    for key, feature, signal in held.values_list("monitor_id", "feature", "signal"):
        found.setdefault(key, set()).add((feature, signal))
    return found
