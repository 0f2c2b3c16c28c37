"""Findings: raised, given to an owner, worked on, retested, closed by somebody else."""

import datetime as dt
from typing import Any

from django.db.models import Max
from django.utils import timezone

from apps.audit.actions import action, record
from apps.core.errors import Invalid
from apps.discussions.notices import tell
from apps.organizations import access
from apps.organizations.roles import Permission
from apps.validation import judging, policies, subjects
from apps.validation.actions.independence import keep_independence
from apps.validation.actions.waivers import invalidate_waivers_if_changed, mail_of
from apps.validation.engine.judging import beyond
from apps.validation.models import (
    FINDING_STATES,
    CheckResult,
    Finding,
    FindingState,
    Occasion,
    Severity,
    ValidationRun,
    Verdict,
)
from apps.validation.signals import standing_changed


def raise_from_result(*, result: CheckResult, by: Any) -> Finding:
    """The finding that a failed check becomes by the rules in force; the version's developer gets it.

    A check that fails again, in the same way and no graver, is the finding that there is already, with this for its
    retest: to close it takes a later one that goes well.
    """
    version = result.run.version
    rules = judging.current()
    severity, rule = rules.weigh(
        family=result.family,
        tier=result.run.plan.tier,
        required=result.required,
        beyond=beyond(result.figure_judged, result.fail),
    )
    known = _known(result, severity)
    if known is not None:
        return _link(_locked(known), result, "finding.seen_again", by)
    return _raise(
        version=version,
        title=_title(result),
        description=result.sentence,
        severity=Severity(severity),
        weighed_by=rule,
        owner=subjects.default_owner(version),
        due_on=_due(rules, severity),
        result=result,
        run=result.run,
        by=by,
    )


def _known(result: CheckResult, severity: str) -> Finding | None:
    """The finding of the same question to the same version that is not closed, unless this failure weighs more.

    What somebody has weighed by hand stays as it was weighed.
    """
    same = Finding.objects.unsettled().filter(
        version=result.run.version,
        result__name=result.name,
        result__key=result.key,
        result__parameters=result.parameters,
    )
    weight = _weight(severity)
    return next((one for one in same.order_by("number") if not one.weighed_by or _weight(one.severity) >= weight), None)


def _title(result: CheckResult) -> str:
    """What failed, and for which attributes, so that two findings of a run are told apart."""
    attributes = " and ".join(map(str, result.parameters.get("attributes") or []))
    what = result.parameters.get("title") or check_title(result.key)
    return f"{what} failed{f' for {attributes}' if attributes else ''}"[:200]


def _due(rules: judging.Judging, severity: str) -> dt.date:
    return timezone.localdate() + dt.timedelta(days=rules.days[severity])


@action
def raise_finding(
    *,
    version: Any,
    title: str,
    description: str,
    severity: str,
    by: Any,
    owner: Any = None,
    due_on: dt.date | None = None,
    run: ValidationRun | None = None,
) -> Finding:
    """Raise a finding that no check raised: the validator's own challenge."""
    policies.check_raise_finding(by, version)
    if severity not in Severity.values:
        raise Invalid("Say how much it weighs.", {"severity": f"Choose one of {', '.join(Severity.values)}."})
    empty = {
        name: "Fill this in." for name, text in (("title", title), ("description", description)) if not text.strip()
    }
    if empty:
        raise Invalid("Say what is wrong.", empty)
    chosen = owner or subjects.default_owner(version)
    policies.check_owner(chosen, version)
    return _raise(
        version=version,
        title=title.strip(),
        description=description.strip(),
        severity=Severity(severity),
        owner=chosen,
        due_on=due_on or _due(judging.current(), severity),
        run=run,
        by=by,
    )


def _raise(*, version: Any, by: Any, **values: Any) -> Finding:
    locked = subjects.locked(version)
    newest = Finding.objects.filter(version=locked).aggregate(newest=Max("number"))["newest"] or 0
    finding = Finding(version=locked, number=newest + 1, raised_by=by, **values)
    finding.save(force_insert=True)
    record(
        by=by,
        action="finding.raised",
        subject=finding,
        reason=finding.description,
        details={"severity": finding.severity, "owner": str(finding.owner), "due": finding.due_on},
    )
    _tell_owner(finding, f"Please plan what to do about “{finding}” by {finding.due_on:%-d %B}")
    standing_changed.send(sender=Finding, version=locked, by=by)
    return finding


@action
def assign_finding(
    *, finding: Finding, by: Any, owner: Any = None, due_on: dt.date | None = None, severity: str = "", reason: str = ""
) -> Finding:
    """Give a finding another owner, day or weight. A later day or a lower weight needs a reason."""
    locked = _locked(finding)
    policies.check_assign(by, locked)
    before = _facts(locked)
    if owner is not None:
        policies.check_owner(owner, locked.version)
        locked.owner = owner
    if severity and severity not in Severity.values:
        raise Invalid("Say how much it weighs.", {"severity": f"Choose one of {', '.join(Severity.values)}."})
    is_softer = bool(due_on and due_on > locked.due_on) or (
        bool(severity) and _weight(severity) < _weight(locked.severity)
    )
    if is_softer and not reason.strip():
        raise Invalid("Say why it may take longer or weighs less.", {"reason": "Say why."})
    if severity and severity != locked.severity:
        locked.weighed_by = ""
    locked.due_on, locked.severity = due_on or locked.due_on, severity or locked.severity
    locked.save()
    record(
        by=by,
        action="finding.assigned",
        subject=locked,
        reason=reason,
        details={"before": before, "after": _facts(locked)},
    )
    invalidate_waivers_if_changed(finding=locked, by=by)
    if str(locked.owner) != before["owner"]:
        _tell_owner(locked, f"Please plan what to do about “{locked}” by {locked.due_on:%-d %B}")
    standing_changed.send(sender=Finding, version=locked.version, by=by)
    return locked


def _facts(finding: Finding) -> dict[str, str]:
    return {"owner": str(finding.owner), "due": str(finding.due_on), "severity": str(finding.severity)}


def _weight(severity: str) -> int:
    return list(Severity.values).index(severity)


@action
def plan_work(*, finding: Finding, action_plan: str, by: Any) -> Finding:
    """Its owner says what will be done about it: the work begins."""
    locked = _locked(finding)
    policies.check_plan_work(by, locked)
    if not action_plan.strip():
        raise Invalid("Say what you will do about it.", {"action_plan": "Say what you will do about it."})
    FINDING_STATES.move(locked, FindingState.IN_PROGRESS)
    locked.action_plan = action_plan.strip()
    locked.save()
    record(by=by, action="finding.planned", subject=locked, reason=locked.action_plan)
    return locked


@action
def mark_ready(*, finding: Finding, remedy: str, by: Any) -> Finding:
    """Its owner says what was done: a validator may test it again."""
    locked = _locked(finding)
    policies.check_mark_ready(by, locked)
    if not remedy.strip():
        raise Invalid("Say what was done.", {"remedy": "Say what was done."})
    FINDING_STATES.move(locked, FindingState.READY)
    locked.remedy = remedy.strip()
    locked.save()
    record(by=by, action="finding.ready", subject=locked, reason=locked.remedy)
    tell(
        [person for person in access.people_with(Permission.VALIDATE, locked) if person != by],
        text=f"Please retest “{locked}”",
        url=locked.get_absolute_url(),
        template="validation/finding",
        context=mail_of(locked),
    )
    return locked


@action
def retest(*, finding: Finding, run: ValidationRun, by: Any) -> Finding:
    """Link the same check's result in a later run. One that failed again sends the finding back to its owner."""
    locked = _locked(finding)
    policies.check_retest(by, locked)
    return _link(locked, _retest_result(locked, run), "finding.retested", by)


def _link(locked: Finding, result: CheckResult, action_name: str, by: Any) -> Finding:
    """Keep what the check said later; where it did not go well, work that was said to be ready is not."""
    locked.retest = result
    goes_back = locked.state == FindingState.READY and result.verdict not in {Verdict.PASSED, Verdict.WARNED}
    if goes_back:
        FINDING_STATES.move(locked, FindingState.IN_PROGRESS)
    locked.save()
    details = {"verdict": result.verdict, "value": result.value, "run": str(result.run), "result": result.pk}
    record(by=by, action=action_name, subject=locked, details=details)
    if goes_back:
        _tell_owner(locked, f"The retest of “{locked}” did not pass")
    return locked


def _retest_result(finding: Finding, run: ValidationRun) -> CheckResult:
    """The result of the finding's check in a finished, later run of the same model."""
    if finding.result is None:
        raise Invalid("No check raised this finding, so there is no result to link. Close it with what you saw.")
    if not run.is_finished or run.version.model_id != finding.version.model_id:
        raise Invalid("Choose a finished run of the same model.", {"run": "Choose a finished run of the same model."})
    result = _same_check(finding.result, run)
    if result is None:
        sentence = f"{run} does not contain the check {finding.result.name}."
        raise Invalid(sentence, {"run": sentence})
    last = max(one.created_at for one in (finding.result, finding.retest) if one is not None)
    if result.created_at <= last:
        sentence = "Choose a run after the one in which the check was seen last."
        raise Invalid(sentence, {"run": sentence})
    return result


def _same_check(before: CheckResult, run: ValidationRun) -> CheckResult | None:
    """The same line in another run: by its name, else the same check asked in the same way under another name."""
    by_name = run.results.filter(name=before.name, key=before.key).first()
    return by_name or run.results.filter(key=before.key, parameters=before.parameters).first()


@action
def close_finding(*, finding: Finding, note: str, by: Any) -> Finding:
    """Close a finding that is put right, with what was seen. Never by its owner or by who developed the version."""
    locked = _locked(finding)
    policies.check_close(by, locked)
    if not note.strip():
        raise Invalid("Say what you saw.", {"note": "Say what you saw."})
    FINDING_STATES.move(locked, FindingState.CLOSED)
    locked.closing_note, locked.closed_by, locked.closed_at = note.strip(), by, timezone.now()
    locked.save()
    keep_independence(person=by, version=locked.version, occasion=Occasion.CLOSED, finding=locked)
    record(by=by, action="finding.closed", subject=locked, reason=locked.closing_note)
    invalidate_waivers_if_changed(finding=locked, by=by)
    tell([locked.owner], text=f"Closed: “{locked}”", url=locked.get_absolute_url())
    standing_changed.send(sender=Finding, version=locked.version, by=by)
    return locked


@action
def remind_overdue(*, finding: Finding, by: Any) -> Finding:
    """Its day has passed: remind the owner, and tell the validators."""
    record(by=by, action="finding.overdue", subject=finding, details={"due": finding.due_on})
    _tell_owner(finding, f"Overdue since {finding.due_on:%-d %B}: “{finding}”")
    tell(
        [person for person in access.people_with(Permission.VALIDATE, finding) if person != finding.owner],
        text=f"Overdue since {finding.due_on:%-d %B}: “{finding}”",
        url=finding.get_absolute_url(),
    )
    return finding


def check_title(key: str) -> str:
    """The check's title as the registry has it, or its key when nobody brings it any more."""
    from apps.validation.engine.registry import registry

    try:
        return registry().get(key).title
    except KeyError:
        return key


def _tell_owner(finding: Finding, text: str) -> None:
    tell(
        [finding.owner],
        text=text,
        url=finding.get_absolute_url(),
        template="validation/finding",
        context=mail_of(finding),
    )


def _locked(finding: Finding) -> Finding:
    return Finding.objects.select_for_update(of=("self",)).get(pk=finding.pk)
