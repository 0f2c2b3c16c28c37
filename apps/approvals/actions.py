"""Asking for decisions and taking them. Every verb is one transaction with one audit record and its mails."""

import datetime as dt
from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from apps.approvals import policies
from apps.approvals.kinds import DEFAULTS
from apps.approvals.models import (
    REQUEST_STATES,
    Conflict,
    Delegation,
    Policy,
    PolicyStep,
    Request,
    RequestState,
    Signature,
    Verdict,
)
from apps.approvals.signals import decided, signing
from apps.audit.actions import action, record
from apps.core import tenancy
from apps.core.canonical import content_hash, plain
from apps.core.errors import Invalid, ReauthenticationNeeded, Refused
from apps.core.locks import hold
from apps.discussions.notices import tell
from apps.organizations import access
from apps.organizations.models import Scope
from apps.organizations.people import system


def current_policy(kind: str, tier: str = "") -> Policy:
    """The policy in force for a kind of decision at a tier.

    An organization that was there before the kind gets its default policy when such a decision is first asked for.
    """
    found = Policy.objects.filter(kind=kind, is_current=True)
    policy = found.filter(tiers__contains=[tier]).first() if tier else None
    return policy or found.filter(tiers=[]).first() or _default_policy(kind)


@action
def request(
    *,
    kind: str,
    scope: Any,
    title: str,
    link: str,
    snapshot: dict,
    by: Any,
    conflicts: dict[Any, str] | None = None,
    message: str = "",
    tier: str = "",
) -> Request:
    """Ask for a decision on a frozen snapshot and return the request; the first step's people get a mail.

    `scope` is the project (or its id); `conflicts` maps people who may not sign to why, beside who asks. Whether the
    person may ask is the subject's policy, checked by its own action.
    """
    policy = current_policy(kind, tier)
    frozen = plain(snapshot)
    opened = Request(
        kind=kind,
        policy=policy,
        scope=Scope.objects.get(pk=getattr(scope, "pk", scope)),
        title=title[:250],
        link=link,
        snapshot=frozen,
        content_hash=content_hash(frozen),
        message=message,
        requested_by=by,
        due_at=timezone.now(),
    )
    opened.due_at += dt.timedelta(days=policies.current_step(opened).days)
    opened.save(force_insert=True)
    for user, why in {by: "asked for this decision", **(conflicts or {})}.items():
        Conflict(request=opened, user=user, why=why).save(force_insert=True)
    _check_signable(opened)
    record(
        by=by,
        action="request.opened",
        subject=opened,
        reason=message,
        details={"kind": kind, "hash": opened.content_hash, "policy": str(policy)},
    )
    _tell_step(opened)
    return opened


def _check_signable(opened: Request) -> None:
    """Refuse a request that nobody could ever decide, with who is missing."""
    for step in opened.policy.steps.all():
        people = access.people_in_roles([step.role], opened.scope_id)
        able = [person for person in people if _is_independent(opened, person)]
        if len(able) < step.quorum:
            role = step.role.replace("_", " ")
            raise Refused(
                f"Step {step.order} needs {step.quorum} signature(s) of the role {role} by people who did not work on "
                f"it; there are {len(able)}. Give the role to somebody else on the project first."
            )


def _is_independent(opened: Request, person: Any) -> bool:
    try:
        policies._check_independent(opened, person)
    except Refused:
        return False
    return True


def sign(*, request: Request, by: Any, comment: str = "", confirmed: bool = False) -> Signature:
    """Sign the current step. `confirmed` says that the person has just shown again who they are."""
    _let_the_subject_speak(request, by)
    return _sign(request=request, by=by, comment=comment, confirmed=confirmed)


@action
def _sign(*, request: Request, by: Any, comment: str, confirmed: bool) -> Signature:
    locked = _open(request, by)
    signature = _decide(locked, by, Verdict.SIGNED, comment, confirmed)
    if _quorum_reached(locked):
        _advance(locked, by)
    return signature


def decline(*, request: Request, by: Any, reason: str, confirmed: bool = False) -> Request:
    """Say no, with the reason. The request ends."""
    _let_the_subject_speak(request, by)
    return _decline(request=request, by=by, reason=reason, confirmed=confirmed)


@action
def _decline(*, request: Request, by: Any, reason: str, confirmed: bool) -> Request:
    locked = _open(request, by)
    _decide(
        locked,
        by,
        Verdict.DECLINED,
        _needed(reason, "Say why you decline, so that something can be done about it."),
        confirmed,
    )
    return _end(locked, RequestState.DECLINED, by, reason)


def ask_for_changes(*, request: Request, by: Any, reason: str, confirmed: bool = False) -> Request:
    """Send it back with what has to change. The request ends; a new one covers the changed thing."""
    _let_the_subject_speak(request, by)
    return _ask_for_changes(request=request, by=by, reason=reason, confirmed=confirmed)


@action
def _ask_for_changes(*, request: Request, by: Any, reason: str, confirmed: bool) -> Request:
    locked = _open(request, by)
    _decide(locked, by, Verdict.CHANGES, _needed(reason, "Say what has to change."), confirmed)
    return _end(locked, RequestState.CHANGES, by, reason)


@action
def withdraw(*, request: Request, by: Any, reason: str = "") -> Request:
    """Take back what one asked for."""
    locked = _locked(request)
    policies.check_withdraw(by, locked)
    return _end(locked, RequestState.WITHDRAWN, by, reason or "Withdrawn by who asked.")


@action
def invalidate(*, request: Request, by: Any, because: str) -> Request:
    """What the request covers has changed: it counts no longer, whether open or approved."""
    locked = _locked(request)
    return _end(locked, RequestState.INVALIDATED, by, because)


def invalidate_if_changed(*, request: Request | None, snapshot: dict, by: Any) -> bool:
    """Invalidate an open or approved request when the subject's snapshot hashes differently now; says whether."""
    if request is None or request.state not in {RequestState.OPEN, RequestState.APPROVED}:
        return False
    if content_hash(plain(snapshot)) == request.content_hash:
        return False
    invalidate(request=request, by=by, because="What this covers was changed after it was asked for.")
    return True


@action
def expire(*, request: Request, by: Any) -> Request:
    """Nobody answered in time, not even after escalation."""
    locked = _locked(request)
    return _end(locked, RequestState.EXPIRED, by, "Nobody decided in time.")


@action
def escalate(*, request: Request, by: Any) -> Request:
    """The step's days have passed: tell the people it escalates to, and give as many days again."""
    locked = _locked(request)
    step = policies.current_step(locked)
    locked.escalated_at = timezone.now()
    locked.due_at = timezone.now() + dt.timedelta(days=step.days)
    locked.save()
    record(by=by, action="request.escalated", subject=locked, details={"step": locked.step, "to": step.escalate_to})
    people = set(_signers(locked)) | set(
        access.people_in_roles([step.escalate_to], locked.scope_id) if step.escalate_to else []
    )
    _tell(locked, people, "escalated", f"Overdue: “{locked.title}” waits for a signature")
    return locked


@action
def remind(*, request: Request, by: Any) -> Request:
    """Half of the step's days have passed: remind its people."""
    locked = _locked(request)
    locked.reminded_at = timezone.now()
    locked.save()
    record(by=by, action="request.reminded", subject=locked, details={"step": locked.step})
    _tell(locked, _signers(locked), "reminder", f"Reminder: sign “{locked.title}” by {locked.due_at:%-d %B}")
    return locked


def follow_up(*, by: Any) -> int:
    """Remind, escalate and expire whatever is due in the ambient organization; returns how many."""
    now = timezone.now()
    moved = 0
    for waiting in Request.objects.filter(state=RequestState.OPEN).select_related("policy"):
        days = dt.timedelta(days=policies.current_step(waiting).days)
        if waiting.due_at <= now:
            (expire if waiting.escalated_at else escalate)(request=waiting, by=by)
        elif waiting.reminded_at is None and waiting.due_at - now < days / 2:
            remind(request=waiting, by=by)
        else:
            continue
        moved += 1
    return moved


@action
def delegate(
    *, absent: Any, substitute: Any, starts_at: dt.datetime, ends_at: dt.datetime, by: Any, reason: str = ""
) -> Delegation:
    """Let somebody sign for a person who is away."""
    policies.check_delegate(by, absent)
    if ends_at <= starts_at:
        raise Invalid(
            "The end has to come after the beginning.", {"ends_at": "The end has to come after the beginning."}
        )
    if absent.pk == substitute.pk:
        raise Invalid("Choose somebody else to sign.", {"substitute": "Choose somebody else."})
    if access.membership(substitute) is None:
        raise Invalid("The substitute is no member here.", {"substitute": "Choose a member of the organization."})
    delegation = Delegation(absent=absent, substitute=substitute, starts_at=starts_at, ends_at=ends_at, reason=reason)
    delegation.save(force_insert=True)
    record(
        by=by,
        action="delegation.given",
        subject=delegation,
        reason=reason,
        details={"from": starts_at, "to": ends_at, "substitute": str(substitute)},
    )
    tell([substitute], text=f"You sign for {absent} until {ends_at:%-d %B}", url="approvals:delegations")
    return delegation


@action
def revoke_delegation(*, delegation: Delegation, by: Any) -> Delegation:
    """End a delegation now."""
    policies.check_delegate(by, delegation.absent)
    delegation.revoked_at = timezone.now()
    delegation.save()
    record(by=by, action="delegation.revoked", subject=delegation)
    return delegation


@action
def write_policy(
    *,
    kind: str,
    steps: list[dict],
    independence: str,
    is_high_risk: bool,
    reason: str,
    by: Any,
    tiers: list[str] | None = None,
) -> Policy:
    """Put a new version of a policy in force; requests under way keep the one they began with.

    `steps` are dicts of role, quorum, days, escalate_to, in order.
    """
    policies.check_write_policy(by)
    if not steps:
        raise Invalid("A policy needs at least one step.", {"steps": "Add a step."})
    policy = _new_version(kind, sorted(tiers or []), independence, is_high_risk, reason)
    for order, step in enumerate(steps, start=1):
        PolicyStep(policy=policy, order=order, **step).save(force_insert=True)
    record(
        by=by,
        action="policy.written",
        subject=policy,
        reason=reason,
        details={"steps": steps, "independence": independence, "high_risk": is_high_risk},
    )
    return policy


def _new_version(kind: str, tiers: list[str], independence: str, is_high_risk: bool, reason: str) -> Policy:
    same = Policy.objects.filter(kind=kind, tiers=tiers)
    for old in same.filter(is_current=True):
        old.is_current = False
        old.save()
    version = (same.aggregate(newest=Max("version"))["newest"] or 0) + 1
    policy = Policy(
        kind=kind, tiers=tiers, version=version, independence=independence, is_high_risk=is_high_risk, reason=reason
    )
    policy.save(force_insert=True)
    return policy


@action
def begin_with_defaults(*, by: Any) -> list[Policy]:
    """Give a new organization the policies it begins with."""
    return [_begin_with_default(kind, by) for kind in DEFAULTS]


def _default_policy(kind: str) -> Policy:
    hold(f"default policy of {kind} in {tenancy.current()}")
    return Policy.objects.filter(kind=kind, is_current=True, tiers=[]).first() or _begin_with_default(kind, system())


def _begin_with_default(kind: str, by: Any) -> Policy:
    default = DEFAULTS[kind]
    policy = _new_version(kind, [], default.independence, default.is_high_risk, "What every organization begins with.")
    for order, step in enumerate(default.steps, start=1):
        PolicyStep(policy=policy, order=order, **asdict(step)).save(force_insert=True)
    record(by=by, action="policy.written", subject=policy, reason=policy.reason)
    return policy


def _locked(request: Request) -> Request:
    return Request.objects.select_for_update(of=("self",)).select_related("policy", "organization").get(pk=request.pk)


def _let_the_subject_speak(request: Request, by: Any) -> None:
    """Before a decision, in a transaction of its own: that the subject has changed stands, also when it is refused."""
    with transaction.atomic():
        signing.send(sender=Request, request=request, by=by)


def _open(request: Request, by: Any) -> Request:
    locked = _locked(request)
    policies.check_sign(by, locked)
    return locked


def _needed(reason: str, sentence: str) -> str:
    if not reason.strip():
        raise Invalid(sentence, {"reason": sentence})
    return reason.strip()


def _decide(locked: Request, by: Any, verdict: Verdict, comment: str, confirmed: bool) -> Signature:
    if locked.policy.is_high_risk and not confirmed:
        raise ReauthenticationNeeded(
            "This decision is high risk: confirm who you are on the request's page, then decide."
        )
    acting = policies.acting_for(locked, by)
    signature = Signature(
        request=locked,
        step=locked.step,
        verdict=verdict,
        role=policies.current_step(locked).role,
        user=by,
        on_behalf_of=None if acting == by else acting,
        comment=comment,
        content_hash=locked.content_hash,
        confirmed_identity=confirmed,
    )
    signature.save(force_insert=True)
    details = {
        "step": locked.step,
        "role": signature.role,
        "hash": locked.content_hash,
        "for": str(signature.on_behalf_of or ""),
        "confirmed": confirmed,
    }
    record(by=by, action=f"request.{verdict.value}", subject=locked, reason=comment, details=details)
    return signature


def _quorum_reached(locked: Request) -> bool:
    signed = Signature.objects.filter(request=locked, step=locked.step, verdict=Verdict.SIGNED).count()
    return signed >= policies.current_step(locked).quorum


def _advance(locked: Request, by: Any) -> None:
    if any(step.order == locked.step + 1 for step in locked.policy.steps.all()):
        locked.step += 1
        locked.reminded_at = locked.escalated_at = None
        locked.due_at = timezone.now() + dt.timedelta(days=policies.current_step(locked).days)
        locked.save()
        _tell_step(locked)
        return
    _end(locked, RequestState.APPROVED, by, "All signatures are there.")


def _end(locked: Request, state: RequestState, by: Any, outcome: str) -> Request:
    REQUEST_STATES.move(locked, state)
    locked.decided_at, locked.outcome = timezone.now(), outcome
    locked.save()
    record(
        by=by,
        action=f"request.{state.value}",
        subject=locked,
        reason=outcome,
        details={"hash": locked.content_hash, "kind": locked.kind},
    )
    decided.send(sender=Request, request=locked, by=by)
    _tell(locked, {locked.requested_by}, "decided", f"{locked.get_state_display()}: “{locked.title}”")
    return locked


def _signers(locked: Request) -> list:
    people = access.people_in_roles([policies.current_step(locked).role], locked.scope_id)
    return [person for person in people if policies.can_sign(person, locked)]


def _tell_step(locked: Request) -> None:
    _tell(locked, _signers(locked), "requested", f"Please decide by {locked.due_at:%-d %B}: “{locked.title}”")


def _tell(locked: Request, people: Any, template: str, subject: str) -> None:
    tell(
        people,
        text=subject,
        url=locked.get_absolute_url(),
        template=f"approvals/{template}",
        context={"request_": locked, "step": policies.current_step(locked)},
    )
