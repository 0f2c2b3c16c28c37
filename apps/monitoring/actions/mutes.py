"""Mutes: a feature or a kind of signal that is not to be told for a while, because somebody knows why it moves."""

import datetime as dt
from typing import Any

from django.utils import timezone

from apps.audit.actions import action, record
from apps.core.errors import Conflict, Invalid
from apps.monitoring import policies, results
from apps.monitoring.models import Monitor, MonitorKind, Mute

LONGEST = dt.timedelta(days=366)
SIGNALS = ("drift", "null", "unseen", "outside")


@action
def mute(*, monitor: Monitor, until: dt.datetime, reason: str, by: Any, feature: str = "", signal: str = "") -> Mute:
    """Have the monitor raise nothing about a feature, a signal, or this signal of this feature, until then."""
    policies.check_mute(by, monitor)
    _check(monitor, feature.strip(), signal, until, reason)
    made = Mute(
        monitor=monitor, feature=feature.strip(), signal=signal, until=until, reason=reason.strip(), muted_by=by
    )
    made.save(force_insert=True)
    details = {"feature": made.feature, "signal": signal, "until": until}
    record(by=by, action="monitor.muted", subject=monitor, reason=made.reason, details=details)
    return made


@action
def unmute(*, mute: Mute, by: Any) -> Mute:
    """Let it be told again."""
    policies.check_mute(by, mute.monitor)
    if not mute.is_on:
        raise Conflict("This has ended already.")
    mute.ended_at, mute.ended_by = timezone.now(), by
    mute.save()
    record(by=by, action="monitor.unmuted", subject=mute.monitor, details={"mute": str(mute)})
    return mute


def _check(monitor: Monitor, feature: str, signal: str, until: dt.datetime, reason: str) -> None:
    now = timezone.now()
    if monitor.kind != MonitorKind.DRIFT:
        raise Invalid("Only a monitor of drift looks at features. Hold back the alerts of this one instead.")
    if not feature and not signal:
        raise Invalid(
            "Name a feature or a signal; to silence all of it, hold back its alerts.", {"feature": "Name it."}
        )
    if signal and signal not in SIGNALS:
        raise Invalid("There is no such signal.", {"signal": f"One of {', '.join(SIGNALS)}."})
    if feature and not results.has_seen(monitor, feature):
        raise Invalid(f"This monitor has seen no feature called {feature}.", {"feature": "Choose one that it checks."})
    if not now < until <= now + LONGEST:
        raise Invalid("Choose a moment to come, within a year.", {"until": "Choose a moment within a year."})
    if not reason.strip():
        raise Invalid("Say why it is not to be told.", {"reason": "Say why."})
    same = Mute.objects.filter(monitor=monitor, feature=feature, signal=signal, ended_at=None, until__gt=now)
    if same.exists():
        raise Conflict("This is muted already. End that first.")
