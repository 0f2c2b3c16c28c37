"""Validating again: triggered by what changed or by the date, put off by an approval, settled by a conclusion."""

import datetime as dt
from typing import Any

from django.db.models import Max, Q
from django.utils import timezone

from apps.approvals import actions as approvals
from apps.approvals.kinds import Kind
from apps.approvals.models import Request, RequestState
from apps.audit.actions import action, record
from apps.core.errors import Invalid
from apps.discussions.notices import tell
from apps.organizations import access
from apps.organizations.roles import Permission
from apps.validation import judging, policies, subjects
from apps.validation.models import (
    DEFERRAL_STATES,
    REVALIDATION_STATES,
    Deferral,
    DeferralState,
    Outcome,
    Revalidation,
    RevalidationState,
    Trigger,
    ValidationRun,
)

LONGEST = dt.timedelta(days=366)


def trigger_revalidation(
    *,
    version: Any,
    trigger: str,
    reason: str,
    by: Any,
    source: str = "",
    since: dt.datetime | None = None,
    due_on: dt.date | None = None,
) -> Revalidation | None:
    """Something happened to a version in use; None where its tier does not mind, or it is due for the same already.

    For apps above and for the daily look; a person asks by `ask_revalidation`.
    """
    again = judging.current().again[subjects.tier_of(version)]
    if trigger not in again.triggers or version.state not in policies.STANDING_STATES:
        return None
    if Revalidation.objects.due().filter(version=version, trigger=trigger).exists():
        return None
    day = due_on or timezone.localdate() + dt.timedelta(days=again.within)
    return _raise(version=version, trigger=trigger, reason=reason, source=source, since=since, due_on=day, by=by)


@action
def ask_revalidation(*, version: Any, reason: str, by: Any, due_on: dt.date | None = None) -> Revalidation:
    """A validator wants a version in use validated again."""
    policies.check_ask_revalidation(by, version)
    if not reason.strip():
        raise Invalid("Say why.", {"reason": "Say why it is validated again."})
    if due_on is not None and due_on < timezone.localdate():
        raise Invalid("Choose a day to come.", {"due_on": "Choose a day to come."})
    again = judging.current().again[subjects.tier_of(version)]
    return _raise(
        version=version,
        trigger=Trigger.ASKED,
        reason=reason.strip(),
        due_on=due_on or timezone.localdate() + dt.timedelta(days=again.within),
        by=by,
    )


@action
def _raise(
    *,
    version: Any,
    trigger: str,
    reason: str,
    due_on: dt.date,
    by: Any,
    source: str = "",
    since: dt.datetime | None = None,
) -> Revalidation:
    raised = Revalidation(
        version=version,
        trigger=trigger,
        reason=reason,
        source=source,
        since=since or timezone.now(),
        first_due_on=due_on,
        due_on=due_on,
        raised_by=by,
    )
    raised.save(force_insert=True)
    details = {"trigger": trigger, "due": due_on}
    record(by=by, action="revalidation.raised", subject=raised, reason=reason, details=details)
    tell(
        [person for person in _validators(raised) if person != by],
        text=f"Validate {version} again by {due_on:%-d %B}: {str(raised.get_trigger_display()).lower()}",
        url=raised.get_absolute_url(),
        template="validation/revalidation",
        context={"revalidation": raised, "version": str(version)},
    )
    return raised


def raise_by_date(*, by: Any) -> int:
    """Raise what is due by its period, as early as the tier gives time for it; returns how many."""
    today, rules = timezone.localdate(), judging.current()
    concluded = ~Q(validation_runs__outcome=Outcome.NONE)
    versions = subjects.in_use().annotate(last=Max("validation_runs__concluded_at", filter=concluded))
    raised = 0
    for version in versions.select_related("model__project", "model__organization", "organization"):
        last = version.last or version.validated_at
        again = rules.again[subjects.tier_of(version)]
        if last is None:
            continue
        day = timezone.localtime(last).date()
        due = day + dt.timedelta(days=again.every)
        if due - dt.timedelta(days=again.within) > today:
            continue
        reason = f"It was last validated on {day:%-d %B %Y}; every {again.every} days it is again."
        found = trigger_revalidation(version=version, trigger=Trigger.DATE, reason=reason, due_on=due, by=by)
        raised += found is not None
    return raised


def remind_of_revalidations(*, by: Any) -> None:
    """Remind validators of what is due in a week, or overdue."""
    rows = Revalidation.objects.due().select_related("version__model__organization", "organization")
    for one in rows:
        if one.should_remind:
            _remind(revalidation=one, by=by)


@action
def _remind(*, revalidation: Revalidation, by: Any) -> None:
    record(by=by, action="revalidation.reminded", subject=revalidation, details={"due": revalidation.due_on})
    late = "was due on" if revalidation.is_overdue else "is due on"
    tell(
        _validators(revalidation),
        text=f"Validate {revalidation.version} again: it {late} {revalidation.due_on:%-d %B}",
        url=revalidation.get_absolute_url(),
        template="validation/revalidation",
        context={"revalidation": revalidation, "version": str(revalidation.version)},
    )


def settle_revalidations(*, run: ValidationRun, by: Any) -> None:
    """A conclusion settles what was due when its run began; what was triggered since stays."""
    for one in Revalidation.objects.due().filter(version=run.version, created_at__lte=run.created_at):
        _end(revalidation=one, state=RevalidationState.SETTLED, because=run.statement, run=run, by=by)


def lapse_revalidations(*, version: Any, by: Any) -> None:
    """A version that is not used any more needs no validation."""
    for one in Revalidation.objects.due().filter(version=version):
        because = f"{version} is {version.get_state_display().lower()}."
        _end(revalidation=one, state=RevalidationState.LAPSED, because=because, by=by)


@action
def _end(
    *, revalidation: Revalidation, state: RevalidationState, because: str, by: Any, run: ValidationRun | None = None
) -> None:
    REVALIDATION_STATES.move(revalidation, state)
    revalidation.settled_by, revalidation.ended_at = run, timezone.now()
    revalidation.save()
    record(by=by, action=f"revalidation.{state.value}", subject=revalidation, reason=because)
    waiting = Request.objects.filter(deferrals__revalidation=revalidation, deferrals__state=DeferralState.REQUESTED)
    for request in waiting:
        approvals.invalidate(request=request, by=by, because="There is nothing left to defer.")


@action
def request_deferral(*, revalidation: Revalidation, reason: str, until: dt.date, by: Any) -> Deferral:
    """Ask for permission to validate later; the approval decides."""
    policies.check_request_deferral(by, revalidation)
    if not reason.strip():
        raise Invalid("Say why it can wait.", {"reason": "Say why it can wait."})
    today = timezone.localdate()
    if until <= max(today, revalidation.due_on) or until > today + LONGEST:
        raise Invalid("A deferral ends later than now, within a year.", {"until": "Choose a later day, within a year."})
    deferral = Deferral(revalidation=revalidation, reason=reason.strip(), until=until, requested_by=by)
    version = revalidation.version
    deferral.request = approvals.request(
        kind=Kind.DEFERRAL,
        scope=version.model.project_id,
        title=f"Validate {version} by {until:%-d %B %Y} instead of {revalidation.due_on:%-d %B %Y}",
        link=revalidation.get_absolute_url(),
        snapshot=deferral_snapshot(deferral),
        conflicts=dict(subjects.developers(version)),
        message=deferral.reason,
        by=by,
        tier=subjects.tier_of(version),
    )
    deferral.save(force_insert=True)
    details = {"until": until, "request": deferral.request.pk}
    record(by=by, action="deferral.requested", subject=deferral, reason=deferral.reason, details=details)
    return deferral


def deferral_snapshot(deferral: Deferral) -> dict[str, Any]:
    """What the signers sign for."""
    one = deferral.revalidation
    return {
        "version": str(one.version),
        "artifact": one.version.artifact.sha256,
        "trigger": one.trigger,
        "why_due": one.reason,
        "due": one.due_on,
        "is_due": one.is_due,
        "reason": deferral.reason,
        "until": deferral.until,
    }


@action
def conclude_deferral(*, request: Request, by: Any) -> Deferral:
    """Take over what the approval decided: granted, the day moves; anything else, it stays."""
    related = ("revalidation__version__model__organization", "revalidation__organization")
    deferral = Deferral.objects.select_for_update(of=("self",)).select_related(*related).get(request=request)
    if deferral.state == DeferralState.GRANTED:
        record(by=by, action="deferral.overtaken", subject=deferral, reason=request.outcome)
        return deferral
    granted = request.state == RequestState.APPROVED
    DEFERRAL_STATES.move(deferral, DeferralState.GRANTED if granted else DeferralState.DECLINED)
    deferral.decided_at = timezone.now()
    deferral.save()
    record(by=by, action=f"deferral.{deferral.state}", subject=deferral, reason=request.outcome)
    one = deferral.revalidation
    if granted and one.is_due:
        one.due_on = deferral.until
        one.save()
    tell([deferral.requested_by], text=f"{deferral.get_state_display()}: {deferral}", url=one.get_absolute_url())
    return deferral


def _validators(revalidation: Revalidation) -> Any:
    return access.people_with(Permission.VALIDATE, revalidation)
