"""Living with a finding for a while: asked for, decided by an approval, ended by its day or before it."""

import datetime as dt
from typing import Any

from django.utils import timezone

from apps.approvals import actions as approvals
from apps.approvals.kinds import Kind
from apps.approvals.models import Request, RequestState
from apps.audit.actions import action, record
from apps.core.errors import Invalid
from apps.discussions.notices import tell
from apps.organizations import access
from apps.organizations.roles import Permission
from apps.validation import policies, subjects
from apps.validation.actions.independence import keep_signers
from apps.validation.models import WAIVER_STATES, Finding, Waiver, WaiverState
from apps.validation.signals import standing_changed

LONGEST = dt.timedelta(days=366)
REMIND_BEFORE = (14, 7, 1)


@action
def request_waiver(*, finding: Finding, reason: str, compensating_control: str, until: dt.date, by: Any) -> Waiver:
    """Ask for permission to live with a finding until a day; the approval decides. Returns the waiver that waits."""
    policies.check_request_waiver(by, finding)
    _check_words(reason, compensating_control)
    _check_until(until)
    waiver = Waiver(
        finding=finding,
        reason=reason.strip(),
        compensating_control=compensating_control.strip(),
        until=until,
        requested_by=by,
    )
    waiver.request = approvals.request(
        kind=Kind.WAIVER,
        scope=finding.version.model.project_id,
        title=f"Live with “{finding}” of {finding.version} until {until:%-d %B %Y}",
        link=finding.get_absolute_url(),
        snapshot=snapshot(waiver),
        conflicts={**subjects.developers(finding.version), finding.owner: "owns the finding"},
        message=reason.strip(),
        by=by,
        tier=subjects.tier_of(finding.version),
    )
    waiver.save(force_insert=True)
    record(
        by=by,
        action="waiver.requested",
        subject=waiver,
        reason=waiver.reason,
        details={"until": until, "control": waiver.compensating_control, "request": waiver.request.pk},
    )
    return waiver


def snapshot(waiver: Waiver) -> dict[str, Any]:
    """What the signers sign for: the finding as it weighs now, and the terms of the waiver."""
    finding = waiver.finding
    return {
        "finding": str(finding),
        "description": finding.description,
        "severity": finding.severity,
        "is_closed": finding.is_closed,
        "version": str(finding.version),
        "artifact": finding.version.artifact.sha256,
        "value": finding.result.value if finding.result else None,
        "reason": waiver.reason,
        "compensating_control": waiver.compensating_control,
        "until": waiver.until,
    }


@action
def conclude_waiver(*, request: Request, by: Any) -> Waiver:
    """Take over what the approval decided: granted, declined, or no longer valid."""
    waiver = Waiver.objects.select_for_update(of=("self",)).get(request=request)
    now = timezone.now()
    if request.state == RequestState.APPROVED:
        WAIVER_STATES.move(waiver, WaiverState.GRANTED)
    elif waiver.state == WaiverState.GRANTED:
        WAIVER_STATES.move(waiver, WaiverState.REVOKED)
        waiver.ended_at, waiver.ended_because = now, request.outcome
    else:
        WAIVER_STATES.move(waiver, WaiverState.DECLINED)
    waiver.decided_at = waiver.decided_at or now
    waiver.save()
    keep_signers(waiver, request)
    record(by=by, action=f"waiver.{waiver.state}", subject=waiver, reason=request.outcome)
    standing_changed.send(sender=Waiver, version=waiver.finding.version, by=by)
    return waiver


@action
def revoke_waiver(*, waiver: Waiver, reason: str, by: Any) -> Waiver:
    """End a waiver before its day, with the reason."""
    policies.check_revoke_waiver(by, waiver)
    if not reason.strip():
        raise Invalid("Say why it ends.", {"reason": "Say why it ends."})
    return _end(waiver, WaiverState.REVOKED, reason.strip(), by)


@action
def expire_waiver(*, waiver: Waiver, by: Any) -> Waiver:
    """Its last day has passed: the finding weighs again."""
    return _end(waiver, WaiverState.EXPIRED, "Its last day has passed.", by)


def expire_waivers(*, by: Any) -> int:
    """End every waiver whose last day has passed; returns how many."""
    run_out = list(Waiver.objects.run_out().select_related("finding__version__model"))
    for waiver in run_out:
        expire_waiver(waiver=waiver, by=by)
    return len(run_out)


def remind_of_waivers(*, by: Any) -> int:
    """Remind of every waiver in force whose end is two weeks, one week or one day away; returns how many."""
    ends = [timezone.localdate() + dt.timedelta(days=days) for days in REMIND_BEFORE]
    near = list(
        Waiver.objects.in_force()
        .filter(until__in=ends)
        .select_related("finding__version__model__organization", "finding__owner", "requested_by")
    )
    for waiver in near:
        _remind(waiver=waiver, by=by)
    return len(near)


@action
def _remind(*, waiver: Waiver, by: Any) -> None:
    finding = waiver.finding
    record(by=by, action="waiver.reminded", subject=waiver, details={"until": waiver.until})
    tell(
        {finding.owner, waiver.requested_by, *access.people_with(Permission.VALIDATE, finding)},
        text=f"Settle “{finding}” by {waiver.until:%-d %B}: its waiver ends then",
        url=waiver.get_absolute_url(),
        template="validation/finding",
        context=mail_of(finding),
    )


def invalidate_waivers_if_changed(*, finding: Finding, by: Any) -> None:
    """A waiver, asked for or granted, ends when its finding is no longer what was signed for."""
    alive = Waiver.objects.filter(finding=finding, state__in=[WaiverState.REQUESTED, WaiverState.GRANTED])
    for waiver in alive.select_related("request", "finding__version__artifact", "finding__result"):
        approvals.invalidate_if_changed(request=waiver.request, snapshot=snapshot(waiver), by=by)


def mail_of(finding: Finding) -> dict[str, Any]:
    """What the mails about a finding say."""
    return {
        "finding": str(finding),
        "version": str(finding.version),
        "severity": finding.get_severity_display(),
        "due": finding.due_on,
        "description": finding.description,
        "remedy": finding.remedy,
    }


def _end(waiver: Waiver, state: WaiverState, because: str, by: Any) -> Waiver:
    locked = Waiver.objects.select_for_update(of=("self",)).get(pk=waiver.pk)
    WAIVER_STATES.move(locked, state)
    locked.ended_at, locked.ended_because = timezone.now(), because
    locked.save()
    record(by=by, action=f"waiver.{state.value}", subject=locked, reason=because)
    finding = locked.finding
    people = {finding.owner, *access.people_with(Permission.VALIDATE, finding)} - {by}
    tell(people, text=f"The waiver of “{finding}” has ended", url=finding.get_absolute_url())
    standing_changed.send(sender=Waiver, version=finding.version, by=by)
    return locked


def _check_words(reason: str, control: str) -> None:
    texts = {"reason": reason, "compensating_control": control}
    empty = {name: "Fill this in." for name, text in texts.items() if not text.strip()}
    if empty:
        raise Invalid("Say why it can be lived with and what makes up for it meanwhile.", empty)


def _check_until(until: dt.date) -> None:
    today = timezone.localdate()
    if until <= today or until > today + LONGEST:
        raise Invalid("A waiver ends on a day within a year.", {"until": "Choose a day after today, within a year."})
