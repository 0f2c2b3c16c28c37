"""A new normal: a window, or a period, becomes what later ones are compared with; signed where the tier asks for it."""

import datetime as dt
from typing import Any

from django.urls import reverse

from apps.approvals import actions as approvals
from apps.approvals.kinds import Kind
from apps.approvals.models import Request, RequestState
from apps.audit.actions import action, record
from apps.core.errors import Invalid
from apps.models.policies import developers
from apps.monitoring import plans, policies, results
from apps.monitoring.models import Baseline, BaselineRequest, Batch, Check, Reference
from apps.monitoring.windows import Window, some_before
from apps.work import jobs


@action
def start_baseline_of_period(
    *, endpoint: Any, version: Any, since: dt.datetime, until: dt.datetime, reason: str, by: Any
) -> BaselineRequest:
    """Make a new baseline of the version from what it predicted on the endpoint in a period.

    A worker makes it, at once or, where the tier asks for it, when the approval is signed. From then on its
    predictions are compared with that; earlier ones are counted again.
    """
    policies.check_monitor(by, endpoint)
    if until <= since:
        raise Invalid("The period ends before it begins.", {"until": "Choose a later moment."})
    batches = Batch.objects.filter(endpoint=endpoint, version=version, first_at__lt=until, last_at__gte=since)
    if not batches.exists():
        raise Invalid(f"{endpoint} knows no predictions of {version} in this period.", {"since": "Choose another."})
    return _ask(BaselineRequest(version=version, endpoint=endpoint, since=since, until=until), reason, by)


@action
def accept_window(*, check: Check, reason: str, by: Any) -> BaselineRequest:
    """Take what a check looked at as the new normal: what moved is how things are now."""
    policies.check_accept(by, check)
    whole = looked_at(check)
    wanted = BaselineRequest(
        version=check.baseline.version,  # type: ignore[union-attr]
        endpoint=check.monitor.endpoint,
        since=whole.start,
        until=whole.end,
        check_run=check,
    )
    return _ask(wanted, reason, by)


def looked_at(check: Check) -> Window:
    """The window of a check with those that it had to take in."""
    window = Window(check.start_at, check.end_at)
    if check.windows == 1:
        return window
    return Window(some_before(window, check.monitor.window, check.windows - 1).start, window.end)


@action
def settle_baseline(*, request: Request, by: Any) -> BaselineRequest:
    """What the approval decided takes effect, or comes to nothing."""
    wanted = _of(request)
    if request.state == RequestState.APPROVED:
        _carry_out(wanted)
    record(by=by, action=f"baseline.{request.state}", subject=wanted.version, reason=request.outcome)
    return wanted


def invalidate_if_overtaken(*, request: Request, by: Any) -> bool:
    """Before somebody signs: whether the window was checked again since, or another baseline was made."""
    return approvals.invalidate_if_changed(request=request, snapshot=snapshot(_of(request)), by=by)


def snapshot(wanted: BaselineRequest) -> dict[str, Any]:
    """What is signed for: the period, what it replaces, and what the check saw in it."""
    newest = Baseline.objects.filter(version=wanted.version).order_by("-number").first()
    frozen: dict[str, Any] = {
        "version": str(wanted.version),
        "endpoint": wanted.endpoint.key,
        "since": wanted.since,
        "until": wanted.until,
        "reason": wanted.reason,
        "replaces": {"number": newest.number, "sha256": newest.sha256} if newest else None,
    }
    check = wanted.check_run
    if check is not None:
        check = Check.objects.get(pk=check.pk)
        moved = results.of_check(check)[:20]
        frozen["check"] = {
            "level": check.level,
            "rows": check.rows,
            "is_current": check.is_current,
            "features": [{"feature": one.feature, "psi": round(one.psi, 4), "level": one.level} for one in moved],
        }
    return frozen


def _ask(wanted: BaselineRequest, reason: str, by: Any) -> BaselineRequest:
    if not reason.strip():
        raise Invalid("Say why this is how things should look from now on.", {"reason": "Say why."})
    policies.check_none_waits(wanted.version)
    wanted.reason, wanted.asked_by = reason.strip(), by
    tier = plans.tier_of(wanted.endpoint)
    if plans.baseline_needs_approval(tier):
        wanted.request = _ask_for_signature(wanted, tier, by)
    wanted.save(force_insert=True)
    details = {"endpoint": wanted.endpoint.key, "since": wanted.since, "until": wanted.until}
    if wanted.request is not None:
        details |= {"request": str(wanted.request.pk)}
    record(by=by, action="baseline.requested", subject=wanted.version, reason=wanted.reason, details=details)
    if wanted.request is None:
        _carry_out(wanted)
    return wanted


def _ask_for_signature(wanted: BaselineRequest, tier: str, by: Any) -> Request:
    endpoint, check = wanted.endpoint, wanted.check_run
    arguments = [endpoint.organization.key, endpoint.key]
    link = reverse("monitoring:endpoint", args=arguments) if check is None else check.get_absolute_url()
    return approvals.request(
        kind=Kind.BASELINE,
        scope=endpoint.model.project_id,
        title=f"New baseline of {wanted.version}: {Window(wanted.since, wanted.until)}",
        link=link,
        snapshot=snapshot(wanted),
        conflicts=developers(wanted.version),
        message=wanted.reason,
        by=by,
        tier=tier,
    )


def _carry_out(wanted: BaselineRequest) -> None:
    monitor = wanted.check_run.monitor if wanted.check_run is not None else None
    if monitor is not None and monitor.reference == Reference.PERIOD:
        monitor.reference_since, monitor.reference_until = wanted.since, wanted.until
        monitor.save()
        return
    jobs.start(
        kind="monitoring.baseline_of_period",
        subject=wanted,
        title=f"Make a baseline of {wanted.version}",
        by=wanted.asked_by,
        queue="monitoring",
        url=wanted.get_absolute_url(),
    )


def _of(request: Request) -> BaselineRequest:
    rows = BaselineRequest.objects.select_related(
        "version__model", "endpoint__model__project", "organization", "asked_by", "check_run__monitor"
    )
    return rows.get(request=request)
