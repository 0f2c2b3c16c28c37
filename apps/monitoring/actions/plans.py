"""What must be watched: written by tier, and set up where it is missing."""

from typing import Any

from django.db.models import Max

from apps.audit.actions import action, record
from apps.core.errors import Conflict, Invalid
from apps.monitoring import plans, policies
from apps.monitoring.actions.monitors import USUAL, create_monitor, resume_monitor
from apps.monitoring.models import Monitor, MonitorKind, Span, WatchPlan

LONGEST_KEPT = 3660  # days


@action
def write_watch_plan(
    *, tier: str, kinds: list[str], baseline_needs_approval: bool, reason: str, by: Any, keep_days: int | None = None
) -> WatchPlan:
    """Put a new version of a tier's plan in force; it counts from now on, also for what is live already.

    `keep_days` is for how long rows are kept as they were sent; not given, it stays what it was.
    """
    policies.check_write_watch_plan(by)
    if tier not in plans.DEFAULTS:
        raise Invalid("There is no plan for this tier.", {"tier": "Choose low, limited or high."})
    unknown = set(kinds) - set(MonitorKind.values)
    if unknown:
        raise Invalid(f"There is no monitor of {', '.join(sorted(unknown))}.", {"kinds": "Choose from the list."})
    if not reason.strip():
        raise Invalid("Say why this is to be watched.", {"reason": "Say why."})
    days = plans.current()[tier].keep_days if keep_days is None else keep_days
    if not 1 <= days <= LONGEST_KEPT:
        raise Invalid("Rows are kept for a day to ten years.", {"keep_days": f"From 1 to {LONGEST_KEPT}."})
    same = WatchPlan.objects.filter(tier=tier)
    for old in same.filter(is_current=True):
        old.is_current = False
        old.save()
    plan = WatchPlan(
        tier=tier,
        version=(same.aggregate(newest=Max("version"))["newest"] or 0) + 1,
        kinds=[kind for kind in MonitorKind.values if kind in kinds],
        baseline_needs_approval=baseline_needs_approval,
        keep_days=days,
        reason=reason.strip(),
        written_by=by,
    )
    plan.save(force_insert=True)
    details = {"kinds": plan.kinds, "baseline_needs_approval": baseline_needs_approval, "keep_days": days}
    record(by=by, action="watch_plan.written", subject=plan, reason=plan.reason, details=details)
    return plan


def set_up_required(*, endpoint: Any, by: Any) -> list[Monitor]:
    """Set up, or resume, what the tier needs of this endpoint and is not there."""
    policies.check_monitor(by, endpoint)
    needed = plans.missing([endpoint])[endpoint.pk]
    if not needed:
        raise Conflict(f"Everything that has to be watched of {endpoint} is watched.")
    paused = {monitor.kind: monitor for monitor in Monitor.objects.filter(endpoint=endpoint, is_active=False)}
    return [_watch(endpoint, kind, paused.get(kind), by) for kind in needed]


def _watch(endpoint: Any, kind: str, paused: Monitor | None, by: Any) -> Monitor:
    if paused is not None:
        return resume_monitor(monitor=paused, by=by)
    name, window = USUAL.get(MonitorKind(kind), (str(MonitorKind(kind).label), Span.WEEK))
    taken = Monitor.objects.filter(endpoint=endpoint, name=name).exists()
    return create_monitor(
        endpoint=endpoint, kind=kind, name=f"{name}, required" if taken else name, window=window, by=by
    )
