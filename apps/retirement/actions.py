"""From the plan to the closed report. Every verb is one transaction with one audit record."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db.models import Max
from django.utils import timezone

from apps.approvals import actions as approvals
from apps.approvals.kinds import Kind
from apps.approvals.models import Request, RequestState
from apps.audit.actions import action, record
from apps.core.canonical import plain
from apps.core.errors import Conflict, Invalid, Refused
from apps.core.files import Stored
from apps.deployments import actions as deployments
from apps.deployments.models import EndpointState
from apps.discussions.notices import tell
from apps.models import actions as models
from apps.models.models import ModelVersion, RegisteredModel, VersionState
from apps.monitoring import actions as monitoring
from apps.organizations import access
from apps.organizations.roles import Permission
from apps.retirement import measuring, policies
from apps.retirement.models import PLAN_STATES, Consumer, Disposition, DrainReading, PlanState, RetirementPlan
from apps.work import jobs, mail, schedules
from apps.work.models import Job

TERMS = (
    "cause", "reason", "successor_version", "successor_model", "without_successor", "message", "notice_days",
    "quiet_for", "hold_until",
)  # fmt: skip
WATCH = "retirement.watch"
TEN_YEARS = dt.timedelta(days=3653)  # EU AI Act, Article 18: documents of a high-risk system are kept ten years


@action
def plan(
    *,
    model: RegisteredModel,
    reason: str,
    by: Any,
    version: ModelVersion | None = None,
    cause: str = "replaced",
    successor_version: ModelVersion | None = None,
    successor_model: RegisteredModel | None = None,
    without_successor: str = "",
    message: str = "",
    notice_days: int = 30,
    quiet_for: dt.timedelta = dt.timedelta(days=1),
    hold_until: dt.date | None = None,
) -> RetirementPlan:
    """Plan the retirement of one version, or without one of the whole model with its endpoints.

    `quiet_for` is how long nobody may have asked before it is turned off, `hold_until` until when what is put away is
    held (ten years from now unless told otherwise).
    """
    policies.check_plan(by, model, version)
    drawn = RetirementPlan(
        number=(RetirementPlan.objects.aggregate(last=Max("number"))["last"] or 0) + 1, model=model, version=version,
        cause=cause, reason=reason.strip(), successor_version=successor_version, successor_model=successor_model,
        without_successor=without_successor.strip(), message=message.strip(), notice_days=notice_days,
        quiet_for=quiet_for, hold_until=hold_until or timezone.localdate() + TEN_YEARS, planned_by=by,
    )  # fmt: skip
    policies.check_terms(drawn)
    drawn.save(force_insert=True)
    record(by=by, action="retirement.planned", subject=drawn, reason=drawn.reason, details=_terms(drawn))
    return drawn


@action
def change(*, plan: RetirementPlan, changes: Mapping[str, Any], by: Any) -> RetirementPlan:
    """Change the plan's terms (TERMS). A request or approval that covers them counts no longer."""
    locked = _locked(plan)
    policies.check_change(by, locked)
    if unknown := sorted(set(changes) - set(TERMS)):
        raise Invalid("This cannot be changed.", dict.fromkeys(unknown, "This cannot be changed."))
    before = _terms(locked)
    for name, value in changes.items():
        setattr(locked, name, value.strip() if isinstance(value, str) else value)
    policies.check_terms(locked)
    after = _terms(locked)
    if before == after:
        raise Invalid("Nothing was changed.")
    locked.save()
    record(by=by, action="retirement.changed", subject=locked, details={"before": before, "after": after})
    _covered_changed(locked, by)
    return _locked(locked)


@action
def add_consumer(
    *, plan: RetirementPlan, name: str, by: Any, contact: Any = None, email: str = "", use: str = ""
) -> Consumer:
    """Name a system or team that uses it, reached by a member or by mail; told at once when notice was given before."""
    locked = _locked(plan)
    policies.check_add_consumer(by, locked)
    _check_consumer(locked, name, contact, email)
    consumer = Consumer(plan=locked, name=name.strip(), contact=contact, email=email.strip(), use=use.strip())
    consumer.save(force_insert=True)
    details = {"consumer": consumer.name, "reached": consumer.reached, "use": consumer.use}
    record(by=by, action="retirement.consumer_added", subject=locked, details=details)
    if locked.state == PlanState.PLANNED:
        _covered_changed(locked, by)
    elif locked.notified_at is not None:
        _give_notice(locked, consumer)
    return consumer


def _check_consumer(plan: RetirementPlan, name: str, contact: Any, email: str) -> None:
    if not name.strip():
        raise Invalid("Name the consumer.", {"name": "Name the system or team."})
    if (contact is None) == (not email.strip()):
        raise Invalid("Say whom to tell.", {"contact": "Choose a member or give an address, not both."})
    if contact is not None and access.membership(contact) is None:
        raise Invalid(f"{contact} is no member here.", {"contact": "Choose a member."})
    if plan.consumers.filter(name=name.strip()).exists():
        raise Conflict(f"“{name.strip()}” is named already.")


@action
def remove_consumer(*, consumer: Consumer, by: Any, reason: str) -> RetirementPlan:
    """It does not use it after all; only before notice is given."""
    locked = consumer.plan = _locked(consumer.plan)
    policies.check_remove_consumer(by, consumer)
    _needed(reason, "Say why it is no consumer.")
    details = {"consumer": consumer.name, "reached": consumer.reached}
    record(by=by, action="retirement.consumer_removed", subject=locked, reason=reason, details=details)
    consumer.delete()
    _covered_changed(locked, by)
    return locked


@action
def request_approval(*, plan: RetirementPlan, by: Any, message: str = "") -> Request:
    """Ask for the retirement to be approved as planned now."""
    locked = _locked(plan)
    policies.check_request_approval(by, locked)
    locked.approval = approvals.request(
        kind=Kind.RETIREMENT,
        scope=locked.model.project_id,
        title=str(locked),
        link=locked.get_absolute_url(),
        snapshot=snapshot(locked),
        conflicts={locked.planned_by: "planned it"} if locked.planned_by != by else None,
        message=message,
        tier=locked.model.project.tier,
        by=by,
    )
    locked.save()
    details = {"request": locked.approval_id, "hash": locked.approval.content_hash}
    record(by=by, action="retirement.approval_asked", subject=locked, reason=message, details=details)
    return locked.approval


@action
def conclude_approval(*, request: Request, by: Any) -> RetirementPlan:
    """Take over the decision; called by the receiver of approvals' news."""
    locked = _locked(RetirementPlan.objects.get(approval=request))
    if request.state == RequestState.APPROVED:
        locked.approved_at = request.decided_at
        return _move(locked, PlanState.APPROVED, by, request.outcome)
    if locked.state == PlanState.APPROVED:
        locked.approved_at = None
        return _move(locked, PlanState.PLANNED, by, request.outcome)
    verb = f"retirement.approval_{request.state}"
    record(by=by, action=verb, subject=locked, reason=request.outcome, details={"hash": request.content_hash})
    return locked


@action
def notify(*, plan: RetirementPlan, by: Any) -> RetirementPlan:
    """Tell every consumer; from now on the notice runs and each has to acknowledge."""
    locked = _locked(plan)
    policies.check_notify(by, locked)
    locked.notified_at = timezone.now()
    moved = _move(locked, PlanState.NOTIFIED, by, locked.message, {"ends": locked.notice_ends_at})
    for consumer in locked.consumers.select_related("contact"):
        _give_notice(locked, consumer)
    return moved


def _give_notice(plan: RetirementPlan, consumer: Consumer) -> None:
    consumer.plan, consumer.notified_at = plan, timezone.now()
    consumer.save()
    ends = timezone.localtime(plan.notice_ends_at)
    text = f"Please acknowledge by {ends:%-d %B}: {plan.subject} will be turned off"
    context = {"plan": plan, "consumer": consumer, "ends": ends}
    if consumer.contact is not None:
        url = consumer.get_absolute_url()
        tell([consumer.contact], text=text, url=url, template="retirement/notice", context=context)
    else:
        given = {"organization": plan.organization, "text": text, **context}
        mail.send(to=consumer.email, subject=text, template="retirement/notice_outside", context=given)


@action
def acknowledge(*, consumer: Consumer, by: Any, note: str = "") -> Consumer:
    """Say that one knows, and what one does about it; for somebody outside, how they said so."""
    locked = _locked(consumer.plan)
    consumer = Consumer.objects.select_related("contact").get(pk=consumer.pk)
    consumer.plan = locked
    policies.check_acknowledge(by, consumer)
    if consumer.contact_id is None and not note.strip():
        sentence = "Say how they acknowledged it: a mail of which day, a call with whom."
        raise Invalid(sentence, {"note": sentence})
    consumer.acknowledged_at, consumer.acknowledged_by, consumer.note = timezone.now(), by, note.strip()
    consumer.save()
    details = {"consumer": consumer.name, "reached": consumer.reached}
    record(by=by, action="retirement.acknowledged", subject=locked, reason=note, details=details)
    if not policies.unacknowledged(locked):
        text = f"Every consumer of {locked.subject} has acknowledged its end"
        tell([locked.planned_by], text=text, url=locked.get_absolute_url())
    return consumer


@action
def start_draining(*, plan: RetirementPlan, by: Any) -> RetirementPlan:
    """Turn traffic away: endpoints of a whole model tell callers that they go away. From now on it is counted."""
    locked = _locked(plan)
    policies.check_drain(by, locked)
    locked.draining_at = timezone.now()
    moved = _move(locked, PlanState.DRAINING, by, "")
    if locked.is_whole_model:
        for endpoint in measuring.endpoints_of(locked):
            if endpoint.state == EndpointState.LIVE:
                deployments.drain(endpoint=endpoint, reason=f"{locked}: {locked.reason}", by=by)
    every = min(max(locked.quiet_for / 4, dt.timedelta(minutes=1)), dt.timedelta(hours=1))
    schedules.plan(
        name=f"Count what still comes to {locked.subject}"[:200], task=WATCH, subject_id=locked.pk, every=every
    )
    measure(plan=locked, by=by)
    return moved


def measure(*, plan: RetirementPlan, by: Any) -> Job:
    """Have a worker count what still comes. Counting decides nothing, so no record; what is counted gets one."""
    policies.check_measure(by, plan)
    open_one = jobs.newest(plan)
    if open_one is not None and open_one.is_open and open_one.kind == "retirement.measure":
        return open_one
    title = f"Count what still comes to {plan.subject}"
    return jobs.start(kind="retirement.measure", subject=plan, title=title, by=by, url=plan.get_absolute_url())


@action
def keep_reading(
    *, plan: RetirementPlan, window: measuring.Window, counted: measuring.Counted, by: Any
) -> DrainReading:
    """Keep what was counted. A whole window without a call proves zero traffic; a call that comes later undoes that."""
    locked = _locked(plan)
    reading = DrainReading(
        plan=locked,
        since=window.since,
        until=window.until,
        predictions=counted.predictions,
        newest_at=counted.newest_at,
        waiting=counted.waiting,
        is_quiet=window.is_whole and not counted.predictions and not counted.waiting,
        counted=plain(counted.endpoints),
    )
    reading.save(force_insert=True)
    details = {
        "predictions": reading.predictions,
        "waiting": reading.waiting,
        "since": window.since,
        "until": window.until,
    }
    record(by=by, action="retirement.counted", subject=locked, details=details | {"quiet": reading.is_quiet})
    if locked.state == PlanState.DRAINING and reading.is_quiet:
        locked.drained_at = window.until
        _move(locked, PlanState.DRAINED, by, f"Nobody asked for {_words(locked.quiet_for)}.")
        people = access.people_with(Permission.RETIRE, locked)
        tell(people, text=f"Turn it off now: nobody asks {locked.subject} any more", url=locked.get_absolute_url())
    elif locked.state == PlanState.DRAINED and counted.predictions:
        locked.drained_at = None
        _move(locked, PlanState.DRAINING, by, f"{counted.predictions} predictions were asked for again.")
    return reading


@action
def turn_off(*, plan: RetirementPlan, by: Any, reason: str = "") -> RetirementPlan:
    """End it: endpoints off, monitors and schedules stopped. The traffic is counted once more before."""
    locked = _locked(plan)
    policies.check_turn_off(by, locked)
    assert locked.drained_at is not None
    since = locked.drained_at - locked.quiet_for
    again = measuring.count(locked, since, timezone.now())
    if again.predictions or again.waiting:
        raise Refused(f"{again.predictions + again.waiting} predictions came since it was quiet. Count again.")
    said = reason or f"{locked}: {locked.reason}"
    stopped = _stop_everything(locked, said, by) if locked.is_whole_model else {}
    schedules.stop(subject_id=locked.pk, task=WATCH)
    locked.off_at = timezone.now()
    return _move(locked, PlanState.OFF, by, reason, {"proof": [since, locked.drained_at], **stopped})


def _stop_everything(plan: RetirementPlan, reason: str, by: Any) -> dict[str, Any]:
    off, monitors = [], []
    for endpoint in measuring.endpoints_of(plan):
        monitors += [str(monitor) for monitor in monitoring.stop_monitors(endpoint=endpoint, reason=reason, by=by)]
        if endpoint.state != EndpointState.OFF:
            deployments.turn_off(endpoint=endpoint, reason=reason, by=by)
            off.append(endpoint.key)
    return {"endpoints": off, "monitors": monitors}


@action
def archive(*, plan: RetirementPlan, by: Any) -> Job:
    """Have a worker check the artifacts against their hashes and seal them; the versions are put away with that."""
    locked = _locked(plan)
    policies.check_archive(by, locked)
    newest = jobs.newest(locked)
    if newest is not None and newest.is_open and newest.kind == "retirement.archive":
        raise Conflict("A worker is putting it away already.")
    record(by=by, action="retirement.archiving", subject=locked, details={"held_until": locked.hold_until})
    title = f"Put {locked.subject} away"
    return jobs.start(kind="retirement.archive", subject=locked, title=title, by=by, url=locked.get_absolute_url())


def versions_of(plan: RetirementPlan) -> list[ModelVersion]:
    """What is put away: the version, or all versions of the model that are not archived yet."""
    rows = ModelVersion.objects.filter(model=plan.model_id).select_related(
        "model__project", "model__owner", "artifact", "registered_by", "run__split", "dataset_version__dataset"
    )
    if not plan.is_whole_model:
        return list(rows.filter(pk=plan.version_id))
    return list(rows.exclude(state=VersionState.ARCHIVED).order_by("number"))


@action
def keep_archive(*, plan: RetirementPlan, sealed: list[tuple[ModelVersion, Stored]], by: Any) -> RetirementPlan:
    """Keep what was sealed, take the names from the versions, archive them, and end the model where all of it ends."""
    locked = _locked(plan)
    policies.check_archive(by, locked)
    for version, stored in sealed:
        Disposition(
            plan=locked, version=version, artifact_sha256=version.artifact.sha256, path=stored.path,
            sha256=stored.sha256, size=stored.size, held_until=locked.hold_until,
        ).save(force_insert=True)  # fmt: skip
        for alias in version.aliases.select_related("model", "version__model"):
            models.drop_alias(alias=alias, reason=str(locked), by=by)
        if version.state != VersionState.ARCHIVED:
            models.archive_version(version=version, reason=str(locked), by=by)
    locked.archived_at = timezone.now()
    held = {str(version): stored.sha256 for version, stored in sealed}
    moved = _move(locked, PlanState.ARCHIVED, by, "", {"held": held, "until": locked.hold_until})
    if locked.is_whole_model:
        models.retire_model(model=locked.model, reason=locked.reason, by=by)
    return moved


@action
def close(*, plan: RetirementPlan, summary: str, by: Any) -> RetirementPlan:
    """End the retirement with what was learned; the report stands from then on."""
    locked = _locked(plan)
    policies.check_close(by, locked)
    locked.summary = _needed(summary, "Say how it ended and what was learned.", "summary")
    locked.closed_at, locked.closed_by = timezone.now(), by
    moved = _move(locked, PlanState.CLOSED, by, locked.summary)
    owners = {locked.model.owner, locked.model.project.owner}
    tell(owners, text=f"{locked.subject} has left office", url=locked.get_absolute_url())
    return moved


@action
def cancel(*, plan: RetirementPlan, reason: str, by: Any) -> RetirementPlan:
    """Take the retirement back: it stays in office, endpoints that drain go on."""
    locked = _locked(plan)
    policies.check_cancel(by, locked)
    _needed(reason, "Say why it stays.")
    if locked.is_measured and locked.is_whole_model:
        for endpoint in measuring.endpoints_of(locked):
            if endpoint.state == EndpointState.DRAINING:
                deployments.resume(endpoint=endpoint, reason=reason, by=by)
    schedules.stop(subject_id=locked.pk, task=WATCH)
    moved = _move(locked, PlanState.CANCELLED, by, reason)
    if locked.approval is not None and locked.is_waiting:
        approvals.invalidate(request=locked.approval, by=by, because=f"The retirement was cancelled. {reason}")
    for consumer in locked.consumers.exclude(notified_at=None).exclude(contact=None).select_related("contact"):
        consumer.plan = locked
        text = f"{locked.subject} stays in office after all"
        tell([consumer.contact], text=text, url=consumer.get_absolute_url())
    return moved


def snapshot(plan: RetirementPlan) -> dict[str, Any]:
    """What signers of a retirement sign."""
    consumers = plan.consumers.select_related("contact")
    return plain(  # type: ignore[no-any-return]
        {
            "model": plan.model.key,
            "version": plan.version.number if plan.version is not None else None,
            "artifact": plan.version.artifact.sha256 if plan.version is not None else None,
            **_terms(plan),
            "consumers": [{"name": one.name, "reached": one.reached, "use": one.use} for one in consumers],
            "endpoints": [endpoint.key for endpoint in measuring.answering_at(plan)],
        }
    )


def _terms(plan: RetirementPlan) -> dict[str, Any]:
    return {name: str(value) if hasattr(value := getattr(plan, name), "pk") else plain(value) for name in TERMS}


def _covered_changed(plan: RetirementPlan, by: Any) -> None:
    if plan.approval is not None and plan.approval.state in {RequestState.OPEN, RequestState.APPROVED}:
        approvals.invalidate_if_changed(request=plan.approval, snapshot=snapshot(plan), by=by)


def _locked(plan: RetirementPlan) -> RetirementPlan:
    related = ("model__project__owner", "model__organization", "model__owner", "version__model", "version__artifact")
    others = ("successor_version__model", "successor_model", "approval", "planned_by", "organization")
    rows = RetirementPlan.objects.select_for_update(of=("self",)).select_related(*related, *others)
    return rows.get(pk=plan.pk)


def _move(
    plan: RetirementPlan, to: PlanState, by: Any, reason: str, details: dict[str, Any] | None = None
) -> RetirementPlan:
    before = PLAN_STATES.move(plan, to)
    plan.save()
    said = {"before": {"state": before}, "after": {"state": str(to.value)}, **(details or {})}
    record(by=by, action=f"retirement.{to.value}", subject=plan, reason=reason, details=said)
    return plan


def _needed(reason: str, sentence: str, field: str = "reason") -> str:
    if not reason.strip():
        raise Invalid(sentence, {field: sentence})
    return reason.strip()


def _words(span: dt.timedelta) -> str:
    from apps.core.formats import duration

    return duration(span.total_seconds())
