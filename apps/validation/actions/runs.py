"""Running a locked plan, keeping each result as it comes, and concluding from them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Max
from django.utils import timezone

from apps.audit.actions import action, record
from apps.core.errors import Conflict, Invalid
from apps.discussions.notices import tell
from apps.organizations import access
from apps.organizations.roles import Permission
from apps.validation import attestations, policies, reuse, subjects
from apps.validation.actions.awaiting import await_answers, still_awaited
from apps.validation.actions.conditions import keep_conditions, read_conditions
from apps.validation.actions.findings import raise_from_result
from apps.validation.actions.independence import keep_independence
from apps.validation.actions.plans import check_unchanged
from apps.validation.actions.revalidation import settle_revalidations
from apps.validation.models import (
    ANSWER_STATES,
    RUN_STATES,
    AnswerState,
    CheckResult,
    Occasion,
    Outcome,
    Plan,
    PlanCheck,
    ResultOrigin,
    RunState,
    ValidationRun,
    Verdict,
)
from apps.validation.signals import concluded, run_finished
from apps.work import jobs


@action
def start_run(*, plan: Plan, by: Any, anew: bool = False) -> ValidationRun:
    """Queue a run of a locked plan for a worker, and return it; `anew` takes nothing over from earlier runs."""
    policies.check_start_run(by, plan)
    version = subjects.locked(plan.version)
    check_unchanged(plan)
    newest = ValidationRun.objects.filter(version=version).aggregate(newest=Max("number"))["newest"] or 0
    run = ValidationRun(plan=plan, version=version, number=newest + 1, started_by=by, anew=anew)
    run.independence = independence_statement(by, version)
    run.save(force_insert=True)
    keep_independence(person=by, version=version, occasion=Occasion.STARTED, run=run)
    jobs.start(
        kind="validation.run",
        subject=run,
        title=f"Validate {version}",
        by=by,
        queue="validation",
        url=run.get_absolute_url(),
    )
    record(
        by=by,
        action="run.started",
        subject=run,
        details={"plan": plan.number, "hash": plan.content_hash, "independence": run.independence, "anew": anew},
    )
    return run


def independence_statement(user: Any, version: Any) -> str:
    """What makes the validator independent, in words that stay with the run."""
    people = ", ".join(sorted({str(developer) for developer in subjects.developers(version)})) or "nobody here"
    asked = ", ".join(sorted({str(person) for person in subjects.requesters(version)}))
    made = f"{user} neither trained, registered nor changed {version}; that was {people}."
    return f"{made} Its validation or approval was asked for by {asked}." if asked else made


@action
def begin_run(*, run: ValidationRun, inputs: Mapping[str, Any], by: Any) -> ValidationRun:
    """A worker has it: note when and on which bytes. A worker that takes over after another died changes nothing."""
    if run.state == RunState.RUNNING:
        record(by=by, action="run.taken_over", subject=run, details={"done": run.results.count()})
        return run
    RUN_STATES.move(run, RunState.RUNNING)
    run.started_at, run.inputs = timezone.now(), dict(inputs)
    run.save()
    record(by=by, action="run.begun", subject=run, details=dict(inputs))
    await_answers(run, by)
    return run


@action
def keep_result(*, run: ValidationRun, said: Mapping[str, Any], by: Any, inputs_hash: str = "") -> CheckResult:
    """Keep one check's result. The same check told twice, by a worker that took over, is kept once.

    `inputs_hash` is what it was measured from (see `reuse.keys_of`), where a later run may take it over.
    """
    line = PlanCheck.objects.get(plan_id=run.plan_id, name=said["name"])
    kept = CheckResult.objects.filter(run=run, name=line.name).first()
    if kept is None:
        kept = CheckResult(run=run, check_line=line, **measurement(line, said))
        kept.inputs_hash = inputs_hash
        kept.save(force_insert=True)
    _record_result(kept, by)
    return kept


@action
def take_over_result(*, run: ValidationRun, line: PlanCheck, earlier: CheckResult, by: Any) -> CheckResult | None:
    """Keep what an earlier run measured on the same inputs, judged by this plan's thresholds; None if it cannot be."""
    judged = reuse.judged_again(line, earlier)
    if judged is None:
        return None
    kept = CheckResult(
        run=run,
        check_line=line,
        **_of_line(line),
        origin=ResultOrigin.REUSED,
        reused_from=earlier,
        inputs_hash=earlier.inputs_hash,
        **judged,
        **{name: getattr(earlier, name) for name in reuse.TAKEN_OVER},
    )
    kept.save(force_insert=True)
    _record_result(kept, by)
    return kept


def keep_outside(
    *, run: ValidationRun, line: PlanCheck, said: Mapping[str, Any], by: Any, origin: str = ResultOrigin.MEASURED
) -> CheckResult:
    """Keep what came, or did not come, from outside for a line, in the caller's action."""
    kept = CheckResult(run=run, check_line=line, **measurement(line, said))
    kept.origin = origin
    kept.save(force_insert=True)
    _record_result(kept, by)
    return kept


def _record_result(kept: CheckResult, by: Any) -> None:
    details = {"verdict": kept.verdict, "value": kept.value, "fail": kept.fail, "warn": kept.warn}
    if kept.reused_from is not None:
        details["reused_from"] = str(kept.reused_from_id)
    record(by=by, action="check.recorded", subject=kept, details=details)


def _of_line(line: PlanCheck) -> dict[str, Any]:
    """What every result says of the line that it answers, wherever it comes from."""
    asked = ("name", "key", "family", "required", "fail", "warn", "judged", "parameters")
    return {name: getattr(line, name) for name in asked}


def measurement(line: PlanCheck, said: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a `Measurement`: a line, and what the child said of it."""
    interval = said.get("interval") or {}
    return {
        **_of_line(line),
        "verdict": said["verdict"],
        "value": said.get("value"),
        "low": interval.get("low"),
        "high": interval.get("high"),
        "interval_level": interval.get("level"),
        "interval_method": interval.get("method", ""),
        "sense": said["sense"],
        "sentence": said.get("sentence", ""),
        "reason": said.get("reason", ""),
        "evidence": said.get("evidence", {}),
        "rows_used": said.get("rows_used"),
        "rows_total": said.get("rows_total"),
        "seed": said.get("seed", 0),
        "seconds": said.get("seconds", 0.0),
        "layer": said.get("layer", ""),
    }


@action
def finish_run(*, run: ValidationRun, measured: Mapping[str, Any], by: Any) -> ValidationRun:
    """Give the run its verdict from the results that are kept, raise a finding for each failure, and tell who waits.

    While answers from outside are awaited, the run waits for them, and no worker for the run.
    """
    from apps.validation.engine import base, runner
    from apps.validation.engine.registry import registry

    # An answer locks the run as well: either it finds the run waiting, or it is found here.
    ValidationRun.objects.select_for_update(of=("self",)).get(pk=run.pk)
    results = list(run.results.all())
    awaited = list(still_awaited(run).values_list("check_line__name", flat=True))
    missing = run.plan.checks.exclude(name__in=[*awaited, *(result.name for result in results)]).count()
    if missing:
        raise Conflict(f"{missing} checks of the plan have no result yet.")
    for name, value in measured.items():
        setattr(run, name, value)
    if awaited:
        RUN_STATES.move(run, RunState.WAITING)
        run.save()
        record(by=by, action="run.waiting", subject=run, details={"for": awaited})
        return run
    told_only = registry().informing
    verdict = runner.overall(
        [(base.Verdict(result.verdict), result.required) for result in results if result.key not in told_only]
    )
    RUN_STATES.move(run, RunState.FINISHED)
    run.verdict, run.finished_at = verdict.value, timezone.now()
    run.save()
    counts = {choice.value: sum(result.verdict == choice for result in results) for choice in Verdict}
    record(by=by, action="run.finished", subject=run, details={"verdict": run.verdict, "checks": counts})
    for result in results:
        if result.verdict == Verdict.FAILED:
            raise_from_result(result=result, by=by)
    tell(
        [run.started_by],
        text=f"{run}: {str(run.get_verdict_display()).lower()}. Please conclude",
        url=run.get_absolute_url(),
        template="validation/finished",
        context={"run": str(run), "verdict": run.get_verdict_display(), "counts": counts},
    )
    run_finished.send(sender=ValidationRun, run=run, by=by)
    return run


@action
def end_run(*, run: ValidationRun, sentence: str, is_cancelled: bool, by: Any) -> ValidationRun:
    """A run ends without a verdict, cancelled or stopped by an error; its results so far stay for the record."""
    RUN_STATES.move(run, RunState.CANCELLED if is_cancelled else RunState.BROKEN)
    run.error, run.finished_at = sentence, timezone.now()
    run.save()
    for awaited in still_awaited(run):
        ANSWER_STATES.move(awaited, AnswerState.DROPPED)
        awaited.save()
    record(by=by, action="run.cancelled" if is_cancelled else "run.broken", subject=run, reason=sentence)
    if not is_cancelled:
        tell([run.started_by], text=f"{run} stopped: {sentence}"[:300], url=run.get_absolute_url())
    return run


@action
def cancel_run(*, run: ValidationRun, by: Any) -> ValidationRun:
    """Ask the worker to stop; a run that no worker has yet ends at once."""
    policies.check_cancel_run(by, run)
    record(by=by, action="run.cancel_requested", subject=run)
    if run.state == RunState.WAITING:
        return end_run(run=run, sentence="This was cancelled before all answers had come.", is_cancelled=True, by=by)
    job = jobs.newest(run)
    if job is not None:
        jobs.cancel(job=job)
    run.refresh_from_db()
    return run


@action
def conclude(
    *,
    run: ValidationRun,
    outcome: str,
    statement: str,
    by: Any,
    conditions: str = "",
    terms: Sequence[Mapping[str, Any]] = (),
) -> ValidationRun:
    """The validator's word: validated, conditions (say which) or rejected. The version moves with it.

    `terms` are conditions that gate and servers enforce (apps.validation.engine.conditions); each line of `conditions`
    is one in words, which somebody acknowledges when the version is deployed.
    """
    locked = ValidationRun.objects.select_for_update(of=("self",)).select_related("plan", "version").get(pk=run.pk)
    if outcome not in {Outcome.VALIDATED, Outcome.CONDITIONS, Outcome.REJECTED}:
        raise Invalid("Say what you conclude.", {"outcome": "Choose one."})
    policies.check_conclude(by, locked, outcome)
    if not statement.strip():
        raise Invalid("Say what you conclude and why.", {"statement": "Say what you conclude and why."})
    read = read_conditions(locked.version, terms, conditions) if outcome == Outcome.CONDITIONS else []
    locked.outcome, locked.statement = outcome, statement.strip()
    locked.conditions = "\n".join(condition.words for condition in read)
    locked.concluded_by, locked.concluded_at = by, timezone.now()
    locked.save()
    keep_conditions(locked, read)
    keep_independence(person=by, version=locked.version, occasion=Occasion.CONCLUDED, run=locked)
    signed = attestations.sign(locked)
    record(
        by=by,
        action="run.concluded",
        subject=locked,
        reason=locked.statement,
        details={
            "outcome": outcome,
            "conditions": [condition.as_json() for condition in read],
            "verdict": locked.verdict,
            "report": signed.report_sha256,
            "key": signed.key_id,
        },
    )
    settle_revalidations(run=locked, by=by)
    subjects.move(locked.version, locked, by)
    _tell_concluded(locked)
    concluded.send(sender=ValidationRun, run=locked, version=locked.version, by=by)
    return locked


def _tell_concluded(run: ValidationRun) -> None:
    people = {*subjects.developers(run.version), *access.people_with(Permission.PLAN, run.version)}
    tell(
        people - {run.concluded_by},
        text=f"{run.version}: {str(run.get_outcome_display()).lower()}",
        url=run.get_absolute_url(),
        template="validation/concluded",
        context={
            "version": str(run.version),
            "outcome": run.get_outcome_display(),
            "statement": run.statement,
            "conditions": run.conditions,
        },
    )
