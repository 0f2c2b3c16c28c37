"""Who may plan, run, conclude and close: never those whose work is examined. Each `check_x` raises a sentence."""

import hmac
from typing import Any

from apps.core.errors import Conflict, IllegalMove, Invalid, NotVisible, Refused
from apps.core.secrets import token_hash
from apps.organizations import access
from apps.organizations.roles import Permission
from apps.validation import judging, required_evidence, subjects
from apps.validation.models import (
    FINDING_STATES,
    OPEN_RUNS,
    SILENT,
    AnswerState,
    Challenge,
    ChallengeKind,
    DeferralState,
    Finding,
    FindingState,
    Outcome,
    OutsideAnswer,
    OutsideTool,
    Plan,
    PlanState,
    Revalidation,
    RunState,
    Trigger,
    ValidationRun,
    Verdict,
    Waiver,
    WaiverState,
)

OPEN_STATES = ("draft", "candidate")
MOST_OWN_CHECKS = 40  # beside one run
UNUSABLE_STATES = ("rejected", "archived")
STANDING_STATES = ("validated", "approved")
AGAIN = " A version in use is validated again when its revalidation is due."


def check_write_template(user: Any) -> None:
    """Owners and administrators say what every plan begins with, and by which rules is judged."""
    access.check(user, Permission.ADMINISTER)


def held_against(version: Any) -> dict[Any, str]:
    """The people who do not examine a version, and why: who made it, who asked for it to be validated or approved."""
    return {**subjects.requesters(version), **subjects.developers(version)}


def check_independent(user: Any, version: Any) -> None:
    """Who made a version or asked for it does not examine it; nor does their team where its tier says so."""
    tier = subjects.tier_of(version)
    teams = judging.current().independence[tier] == "team"
    for other, why in held_against(version).items():
        if other.pk == user.pk:
            raise Refused(f"{user} {why}: somebody else has to examine it.")
        if teams and access.share_team(user, other):
            raise Refused(f"{user} is in a team with {other}, who {why}. In the {tier} tier another team examines it.")


def check_validate_any(user: Any) -> None:
    """There is something to validate."""
    access.check_somewhere(user, Permission.VALIDATE)


def check_validate(user: Any, version: Any) -> None:
    """A validator who is independent of the version's development."""
    access.check(user, Permission.VALIDATE, version)
    check_independent(user, version)


def check_write_plan(user: Any, version: Any) -> None:
    """A validator writes the plan while the version is a candidate and no run is under way."""
    check_validate(user, version)
    if version.state not in OPEN_STATES and not is_revalidated(version):
        raise IllegalMove(f"{version} is {version.get_state_display().lower()}; there is nothing left to plan.{AGAIN}")
    if ValidationRun.objects.filter(version=version, state__in=OPEN_RUNS).exists():
        raise Conflict("A run of the present plan is under way. Wait for it, or cancel it, before you change the plan.")


def check_change_plan(user: Any, plan: Plan) -> None:
    """A plan is changed while it is a draft; afterwards a new one is written, with a reason."""
    check_validate(user, plan.version)
    if not plan.is_draft:
        raise IllegalMove(
            f"{plan} is {plan.get_state_display().lower()} and does not change. Write a new plan, with a reason."
        )


def check_lock_plan(user: Any, plan: Plan) -> None:
    """A draft with at least one check is locked by a validator."""
    check_change_plan(user, plan)
    if not plan.checks.exists():
        raise Invalid("A plan without checks says nothing. Add one first.")
    called = set(plan.checks.exclude(parameters__tool=None).values_list("parameters__tool", flat=True))
    if unknown := called - set(OutsideTool.objects.filter(is_active=True).values_list("key", flat=True)):
        sentence = f"There is no outside tool {', '.join(sorted(map(str, unknown)))} that may be called."
        raise Invalid(sentence, {"lines": [sentence]})


def check_add_document(user: Any, version: Any) -> None:
    """Who develops or validates a version puts documents beside it, while it can still be used."""
    if not access.can(user, Permission.VALIDATE, version):
        access.check(user, Permission.TRAIN, version)
    if version.state in UNUSABLE_STATES:
        raise IllegalMove(f"{version} is {version.get_state_display().lower()}; nothing is added to it any more.")


def check_add_document_any(user: Any) -> None:
    """There is something to put a document beside."""
    try:
        access.check_somewhere(user, Permission.VALIDATE)
    except Refused:
        access.check_somewhere(user, Permission.TRAIN)


def check_ask_signatures(user: Any, plan: Plan) -> None:
    """Who may ask for decisions asks for what a plan in force demands."""
    access.check(user, Permission.REQUEST_APPROVAL, plan)
    if plan.state == PlanState.REPLACED:
        raise IllegalMove(f"{plan} was replaced. Ask from the plan in force.")


def check_ask_signature(user: Any, plan: Plan, asked: str) -> tuple[str, str]:
    """The same for one signature that nobody gave yet, by its text in the plan; returns its role and statement."""
    check_ask_signatures(user, plan)
    signature = required_evidence.signature_of(asked)
    if signature is None or asked not in plan.evidence:
        raise Invalid("The plan asks for no such signature.", {"asked": "Choose one that the plan asks for."})
    stands = next(one for one in required_evidence.standing(plan) if one.asked == asked)
    if stands.is_waiting:
        raise Conflict("Somebody was asked for it already, and has not decided yet.")
    if stands.is_there:
        raise Conflict("It is signed already.")
    return signature


def check_start_run(user: Any, plan: Plan) -> None:
    """A locked plan is run for a candidate, one run at a time."""
    check_validate(user, plan.version)
    if not plan.is_locked:
        raise IllegalMove(f"{plan} is {plan.get_state_display().lower()}. Only a locked plan is run.")
    if plan.version.state != "candidate" and not is_revalidated(plan.version):
        raise IllegalMove(
            f"{plan.version} is {plan.version.get_state_display().lower()}. Only a candidate is validated.{AGAIN}"
        )
    if ValidationRun.objects.filter(version=plan.version, state__in=OPEN_RUNS).exists():
        raise Conflict("A run of this version is under way. Wait for it, or cancel it.")


def check_cancel_run(user: Any, run: ValidationRun) -> None:
    """A validator stops a run that has not ended."""
    access.check(user, Permission.VALIDATE, run)
    if not run.is_open:
        raise IllegalMove(f"{run} is {run.get_state_display().lower()}; there is nothing to cancel.")


def check_manage_tools(user: Any) -> None:
    """Owners and administrators say which tools outside may be called."""
    access.check(user, Permission.ADMINISTER)


def check_retire_tool(user: Any, tool: OutsideTool) -> None:
    """A tool is retired once."""
    check_manage_tools(user)
    if not tool.is_active:
        raise IllegalMove(f"{tool} is retired already.")


def check_report(user: Any, awaited: OutsideAnswer) -> None:
    """A validator, or a service account that holds the role, brings a result; a tool that was called answers itself."""
    check_validate(user, awaited.run.version)
    if awaited.called_id is not None:
        raise Refused(f"{awaited} is answered by the tool that was called, with the token of the call.")


def check_token(awaited: OutsideAnswer, token: str) -> None:
    """The token of this very call, and no other."""
    if not awaited.token_hash or not hmac.compare_digest(awaited.token_hash, token_hash(token)):
        raise Refused("This is not the token of this call.")


def check_waits(run: ValidationRun, awaited: OutsideAnswer) -> None:
    """An answer is taken once, in time, while the run waits for it."""
    if awaited.state == AnswerState.ANSWERED:
        raise Conflict(f"{awaited} was answered {awaited.answered_at:%Y-%m-%d %H:%M} UTC; an answer is taken once.")
    if not run.is_open:
        raise Conflict(f"{run} is {run.get_state_display().lower()}; it waits for no answer.")
    if not awaited.is_open:
        raise Conflict(f"{awaited} was awaited until {awaited.due_at:%Y-%m-%d %H:%M} UTC; this comes too late.")


def check_missed(run: ValidationRun, awaited: OutsideAnswer) -> None:
    """An answer is missed when its time has passed and the run still waits for it."""
    if awaited.state != AnswerState.WAITING or awaited.is_open or not run.is_open:
        raise Conflict(f"{awaited} is not missed.")


def check_conclude(user: Any, run: ValidationRun, outcome: str = "") -> None:
    """A validator concludes from the newest finished run of the plan in force; fit when nothing speaks against it."""
    check_validate(user, run.version)
    if not run.is_finished:
        raise IllegalMove(f"{run} is {run.get_state_display().lower()}. Conclude when it has finished.")
    if run.is_concluded:
        raise IllegalMove(f"{run} is concluded: {str(run.get_outcome_display()).lower()}.")
    if run.version.state != "candidate" and not is_revalidated(run.version):
        raise IllegalMove(
            f"{run.version} is {run.version.get_state_display().lower()}. Only a candidate is concluded on.{AGAIN}"
        )
    if not run.plan.is_locked:
        raise Refused("The plan of this run was replaced. Conclude from a run of the plan in force.")
    if ValidationRun.objects.filter(version=run.version, number__gt=run.number, state=RunState.FINISHED).exists():
        raise Refused("There is a newer run. Conclude from that one.")
    if run.challenges.filter(kind=ChallengeKind.CHECK, answer=None).exists():
        raise Conflict("A check of your own is still being measured. Wait for it, or cancel it.")
    if outcome in {Outcome.VALIDATED, Outcome.CONDITIONS}:
        check_nothing_against(run, outcome)


def is_revalidated(version: Any) -> bool:
    """Whether a version that was found fit has to be validated again."""
    return version.state in STANDING_STATES and Revalidation.objects.due().filter(version=version).exists()


def check_ask_revalidation(user: Any, version: Any) -> None:
    """A validator asks, once at a time, for a version that was found fit."""
    check_validate(user, version)
    if version.state not in STANDING_STATES:
        raise IllegalMove(
            f"{version} is {version.get_state_display().lower()}; only what was found fit is validated again."
        )
    if Revalidation.objects.due().filter(version=version, trigger=Trigger.ASKED).exists():
        raise Conflict(f"A validation of {version} was asked for already.")


def check_request_deferral(user: Any, revalidation: Revalidation) -> None:
    """Who may ask for decisions asks, one at a time, while it is due."""
    access.check(user, Permission.REQUEST_APPROVAL, revalidation)
    if not revalidation.is_due:
        raise IllegalMove(f"{revalidation} is {revalidation.get_state_display().lower()}; there is nothing to defer.")
    if revalidation.deferrals.filter(state=DeferralState.REQUESTED).exists():
        raise Conflict("A deferral waits for a decision already.")


def held_up_by(version: Any) -> str:
    """Why new traffic waits for a revalidation, in a sentence; empty where none is late, or its tier does not mind."""
    late = Revalidation.objects.overdue().filter(version=version).first()
    if late is None or subjects.tier_of(version) not in judging.current().holds:
        return ""
    why = str(late.get_trigger_display())
    return f"It was to be validated again by {late.due_on:%-d %B %Y} ({why[:1].lower()}{why[1:]}), and was not."


def check_challenge(user: Any, run: ValidationRun) -> None:
    """An independent validator, until the run is concluded: what is said later is said on a new run."""
    check_validate(user, run.version)
    if run.is_concluded:
        raise IllegalMove(f"{run} is concluded. Write a comment, raise a finding, or say it on a new run.")


def check_ask_check(user: Any, run: ValidationRun) -> None:
    """An independent validator, of a run that has finished, until it is concluded."""
    check_challenge(user, run)
    if not run.is_finished:
        raise IllegalMove(
            f"{run} is {run.get_state_display().lower()}. A check of your own is asked of a finished run."
        )
    if run.challenges.filter(kind=ChallengeKind.CHECK).count() >= MOST_OWN_CHECKS:
        raise Refused(
            f"{run} has {MOST_OWN_CHECKS} own checks already. Write a new plan that asks what you want to know."
        )


def check_cancel_own_check(user: Any, challenge: Challenge) -> None:
    """A validator stops what has no answer yet."""
    check_validate(user, challenge.run.version)
    if challenge.kind != ChallengeKind.CHECK or challenge.answered is not None:
        raise IllegalMove(f"“{challenge}” has ended; there is nothing to cancel.")


def check_nothing_against(run: ValidationRun, outcome: str) -> None:
    """Fit needs all evidence to be there, every required check to have run, every heavy finding closed or waived."""
    if lacking := required_evidence.missing(run.plan):
        raise Refused(
            f"The plan asks for evidence that is not there: {', '.join(map(str, lacking))}. Add it, or write a new "
            "plan with the reason why it is not needed."
        )
    silent = run.results.filter(verdict__in=SILENT, required=True).values_list("name", flat=True)
    if silent:
        raise Refused(
            f"{', '.join(silent)} could not judge, and the plan requires it. A check that did not judge is no pass: "
            "run again, or write a new plan with the reason why it is not required."
        )
    against = list(blocking_findings(run.version)[:5])
    if against:
        names = ", ".join(str(finding) for finding in against)
        raise Refused(f"Findings stand against it: {names}. They are closed or waived first.")
    if outcome == Outcome.VALIDATED and run.verdict == Verdict.WARNED:
        raise Refused(
            "There are warnings. Say under which conditions they can be lived with: conclude “fit under conditions”."
        )


def check_raise_finding(user: Any, version: Any) -> None:
    """A validator who is independent raises findings."""
    check_validate(user, version)


def check_assign(user: Any, finding: Finding) -> None:
    """A validator gives a finding that is not closed to an owner with a day."""
    access.check(user, Permission.VALIDATE, finding)
    _check_not_closed(finding)


def check_owner(owner: Any, finding_version: Any) -> None:
    """An owner may work on findings of this project."""
    try:
        access.check(owner, Permission.RESOLVE_FINDING, finding_version)
    except (Refused, NotVisible):
        raise Invalid(
            f"{owner} holds no role on this project that works on findings.",
            {"owner": "Choose somebody who works on findings here, as a data scientist does."},
        ) from None


def check_plan_work(user: Any, finding: Finding) -> None:
    """Its owner begins."""
    _check_work(user, finding, FindingState.IN_PROGRESS)


def check_mark_ready(user: Any, finding: Finding) -> None:
    """Its owner is done."""
    _check_work(user, finding, FindingState.READY)


def _check_work(user: Any, finding: Finding, to: str) -> None:
    access.check(user, Permission.RESOLVE_FINDING, finding)
    if finding.owner_id != user.pk:
        raise Refused(f"{finding} belongs to {finding.owner}. Only its owner says how the work on it stands.")
    FINDING_STATES.check(finding, to)


def check_retest(user: Any, finding: Finding) -> None:
    """A validator who does not own it retests a finding whose owner says that it is ready."""
    check_validate(user, finding.version)
    _check_not_owner(user, finding)
    if finding.state != FindingState.READY:
        raise IllegalMove(
            f"{finding} is {finding.get_state_display().lower()}. It is retested when its owner says that it is ready.",
            FINDING_STATES.next(finding.state),
        )


def check_close(user: Any, finding: Finding) -> None:
    """Closed by a validator who neither owns it nor developed the version, on a retest that went well.

    A finding that no check raised is closed on the validator's own word, and so is one of a version that can no longer
    be used.
    """
    check_retest(user, finding)
    if finding.result_id is None or finding.version.state in UNUSABLE_STATES:
        return
    if finding.retest is None:
        raise Refused(f"{finding} came from a check. Link the result of a retest before it is closed.")
    if finding.retest.verdict not in {Verdict.PASSED, Verdict.WARNED}:
        raise Refused(f"The retest of {finding} {finding.retest.get_verdict_display().lower()}: it stays open.")
    if finding.retest.run.version_id != finding.version_id:
        raise Refused(f"The retest was of another version. {finding} stays open until {finding.version} is rejected.")


def check_request_waiver(user: Any, finding: Finding) -> None:
    """Asked for by who may ask for decisions, for a finding that is not closed, one waiver at a time."""
    access.check(user, Permission.REQUEST_APPROVAL, finding)
    _check_not_closed(finding)
    if Waiver.objects.filter(finding=finding, state__in=[WaiverState.REQUESTED, WaiverState.GRANTED]).exists():
        raise Conflict(f"{finding} has a waiver already, in force or waiting for a decision.")


def check_revoke_waiver(user: Any, waiver: Waiver) -> None:
    """A validator, or who signs for risk, ends a waiver before its day."""
    if not access.can(user, Permission.VALIDATE, waiver):
        access.check(user, Permission.APPROVE, waiver)
    if waiver.state != WaiverState.GRANTED:
        raise IllegalMove(f"The waiver is {waiver.get_state_display().lower()}; there is nothing to revoke.")


def blocking_findings(version: Any) -> Any:
    """The findings that keep a version from being used: high or critical, not closed, not under a waiver in force."""
    return Finding.objects.filter(version=version).blocking().order_by("number")


def _check_not_closed(finding: Finding) -> None:
    if finding.is_closed:
        raise IllegalMove(f"{finding} is closed. Raise a new finding if it is back.")


def _check_not_owner(user: Any, finding: Finding) -> None:
    if finding.owner_id == user.pk:
        raise Refused(f"{finding} is yours to put right: somebody else says whether it is.")
