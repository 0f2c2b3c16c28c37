"""Monitors: set up, changed, paused, held back, stopped."""

import datetime as dt
from typing import Any

from django.utils import timezone

from apps.audit.actions import action, record
from apps.core.errors import Conflict, Invalid
from apps.monitoring import policies
from apps.monitoring.actions.contents import contents_of
from apps.monitoring.models import Clock, Monitor, MonitorKind, Reference, Span
from apps.work import schedules

LEAST_EVERY, MOST_EVERY = dt.timedelta(minutes=1), dt.timedelta(days=31)
ROLL_UP_EVERY = dt.timedelta(days=1)
SETTINGS = (
    "name", "reference", "reference_since", "reference_until", "trailing", "window", "clock", "every", "limits",
    "expected_share", "owner", "escalate_after", "escalate_to",
)  # fmt: skip
PEOPLE = {"owner", "escalate_to"}
USUAL = {
    MonitorKind.DRIFT: ("Drift", Span.WEEK),
    MonitorKind.PERFORMANCE: ("Performance", Span.WEEK),
    MonitorKind.SERVICE: ("Latency and errors", Span.HOUR),
    MonitorKind.SILENCE: ("Silence", Span.HOUR),
    MonitorKind.FEEDBACK: ("User feedback", Span.WEEK),
    MonitorKind.VALUE: ("Business value", Span.MONTH),
}

# Limits that are other than usual for a kind: few people rate.
OWN_LIMITS: dict[str, dict[str, float]] = {MonitorKind.FEEDBACK: {"minimum": 20}}


@action
def create_monitor(
    *,
    endpoint: Any,
    kind: str,
    by: Any,
    name: str = "",
    owner: Any = None,
    reference: str = Reference.TRAINING,
    reference_since: dt.datetime | None = None,
    reference_until: dt.datetime | None = None,
    trailing: int = 4,
    window: str = Span.WEEK,
    clock: str = Clock.NOW,
    every: dt.timedelta = dt.timedelta(hours=1),
    limits: dict | None = None,
    expected_share: float = 1.0,
    escalate_after: int | None = None,
    escalate_to: Any = None,
) -> Monitor:
    """A monitor of the endpoint, planned to run every so often. Its alerts go to its owner and the project's people."""
    policies.check_monitor(by, endpoint)
    monitor = Monitor(
        endpoint=endpoint,
        kind=kind,
        name=name.strip() or MonitorKind(kind).label,
        owner=owner or by,
        reference=reference,
        reference_since=reference_since,
        reference_until=reference_until,
        trailing=trailing,
        window=window,
        clock=clock,
        every=every,
        limits=OWN_LIMITS.get(kind, {}) | (limits or {}),
        expected_share=expected_share,
        escalate_after=escalate_after,
        escalate_to=escalate_to,
        created_by=by,
    )
    _check(monitor)
    monitor.save(force_insert=True)
    _plan(monitor)
    record(by=by, action="monitor.created", subject=monitor, details={"kind": kind, **_settings(monitor)})
    return monitor


@action
def change_monitor(*, monitor: Monitor, settings: dict[str, Any], by: Any) -> Monitor:
    """Change some of the monitor's settings (see SETTINGS)."""
    policies.check_monitor(by, monitor)
    unknown = set(settings) - set(SETTINGS)
    if unknown:
        raise Invalid(f"A monitor has no setting called {', '.join(sorted(unknown))}.")
    before = _settings(monitor)
    for name, value in settings.items():
        setattr(monitor, name, value)
    _check(monitor)
    monitor.save()
    if monitor.is_active:
        _plan(monitor)
    details = {"before": before, "after": _settings(monitor)}
    record(by=by, action="monitor.changed", subject=monitor, details=details)
    return monitor


def set_up_usual(*, endpoint: Any, by: Any, **settings: Any) -> list[Monitor]:
    """The monitors that every endpoint should have, with the given settings; those of a kind it has are left alone."""
    there = set(Monitor.objects.filter(endpoint=endpoint).values_list("kind", flat=True))
    usual = dict(USUAL)
    if endpoint.current is not None and contents_of(endpoint.current.version):
        usual[MonitorKind.CONTENTS] = ("Text and embeddings", Span.WEEK)
    missing = [(kind, name, window) for kind, (name, window) in usual.items() if kind not in there]
    return [
        create_monitor(**({"endpoint": endpoint, "kind": kind, "name": name, "window": window, "by": by} | settings))
        for kind, name, window in missing
    ]


@action
def pause_monitor(*, monitor: Monitor, reason: str, by: Any) -> Monitor:
    """Stop running the monitor until it is resumed."""
    policies.check_monitor(by, monitor)
    if not monitor.is_active:
        raise Conflict("This monitor is already paused.")
    if not reason.strip():
        raise Invalid("Say why it is paused.", {"reason": "Say why."})
    monitor.is_active = False
    monitor.save()
    schedules.stop(subject_id=monitor.pk)
    record(by=by, action="monitor.paused", subject=monitor, reason=reason)
    return monitor


@action
def resume_monitor(*, monitor: Monitor, by: Any) -> Monitor:
    """Run the monitor again; windows that were missed are checked now."""
    policies.check_monitor(by, monitor)
    if monitor.is_active:
        raise Conflict("This monitor is not paused.")
    monitor.is_active = True
    monitor.save()
    _plan(monitor)
    record(by=by, action="monitor.resumed", subject=monitor)
    return monitor


@action
def snooze_monitor(*, monitor: Monitor, until: dt.datetime, reason: str, by: Any) -> Monitor:
    """Hold back the monitor's alerts until then; it goes on checking."""
    policies.check_snooze(by, monitor)
    if until <= timezone.now():
        raise Invalid("That moment has passed.", {"until": "Choose a moment to come."})
    if until > timezone.now() + dt.timedelta(days=90):
        raise Invalid("Alerts are held back for 90 days at most.", {"until": "Choose an earlier moment."})
    if not reason.strip():
        raise Invalid("Say why its alerts are held back.", {"reason": "Say why."})
    monitor.snoozed_until, monitor.snooze_reason = until, reason
    monitor.save()
    record(by=by, action="monitor.snoozed", subject=monitor, reason=reason, details={"until": until})
    return monitor


@action
def wake_monitor(*, monitor: Monitor, by: Any) -> Monitor:
    """Let the monitor alert again."""
    policies.check_snooze(by, monitor)
    if not monitor.is_snoozed:
        raise Conflict("The alerts of this monitor are not held back.")
    monitor.snoozed_until, monitor.snooze_reason = None, ""
    monitor.save()
    record(by=by, action="monitor.woken", subject=monitor)
    return monitor


@action
def stop_monitors(*, endpoint: Any, reason: str, by: Any) -> list[Monitor]:
    """End all monitors of an endpoint that is being retired, with their schedules. The caller has the right to it."""
    stopped = list(Monitor.objects.filter(endpoint=endpoint, is_active=True))
    for monitor in stopped:
        monitor.is_active = False
        monitor.save()
        schedules.stop(subject_id=monitor.pk)
    schedules.stop(subject_id=endpoint.pk, task="monitoring.roll_up")
    details = {"monitors": [monitor.name for monitor in stopped]}
    record(by=by, action="monitors.stopped", subject=endpoint, reason=reason, details=details)
    return stopped


def _check(monitor: Monitor) -> None:
    policies.check_limits(monitor.limits)
    policies.check_kind(monitor.kind, monitor.reference)
    policies.check_owner(monitor.owner, monitor.endpoint)
    policies.check_escalation(monitor.escalate_after, monitor.escalate_to, monitor.endpoint)
    if not LEAST_EVERY <= monitor.every <= MOST_EVERY:
        raise Invalid("A monitor runs at least once a month and at most once a minute.", {"every": "Choose between."})
    since, until = monitor.reference_since, monitor.reference_until
    if monitor.reference == Reference.PERIOD and (since is None or until is None or until <= since):
        raise Invalid("A fixed period has a beginning and a later end.", {"reference_until": "Give both."})
    if not 0 < monitor.expected_share <= 1:
        raise Invalid("The share lies above 0 and at most at 1.", {"expected_share": "Choose between."})
    if not 1 <= monitor.trailing <= 60:
        raise Invalid("From 1 to 60 windows before can be compared with.", {"trailing": "Choose between."})
    if monitor.reference == Reference.SEASON and monitor.window == Span.MONTH:
        raise Invalid("Months do not repeat by the week.", {"reference": "Compare with the windows before."})
    if monitor.reference == Reference.SEASON and monitor.kind == MonitorKind.SEGMENTS:
        raise Invalid("Segments have no season.", {"reference": "Compare with the windows before."})
    twin = Monitor.objects.filter(endpoint_id=monitor.endpoint_id, name=monitor.name).exclude(pk=monitor.pk)
    if twin.exists():
        raise Conflict(f"{monitor.endpoint} already has a monitor called “{monitor.name}”. Choose another name.")


def _plan(monitor: Monitor) -> None:
    schedules.plan(
        name=f"{monitor.get_kind_display()} of {monitor.endpoint}"[:200],
        task="monitoring.run_monitor",
        subject_id=monitor.pk,
        every=monitor.every,
        queue="monitoring",
    )
    schedules.plan(
        name=f"Roll up the states of {monitor.endpoint}"[:200],
        task="monitoring.roll_up",
        subject_id=monitor.endpoint_id,
        every=ROLL_UP_EVERY,
        queue="monitoring",
    )


def _settings(monitor: Monitor) -> dict[str, Any]:
    return {
        name: str(value) if name in PEOPLE and value else value
        for name in SETTINGS
        for value in [getattr(monitor, name)]
    }
