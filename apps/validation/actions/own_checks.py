"""Checks that the validator asks outside the locked plan: measured by the same worker, shown and counted apart."""

from collections.abc import Mapping
from typing import Any

from apps.audit.actions import action, record
from apps.core.errors import Invalid
from apps.validation import policies, report, setups, subjects
from apps.validation.actions.plans import Misfit, check_unchanged, read_lines
from apps.validation.actions.runs import measurement
from apps.validation.models import Challenge, ChallengeKind, OwnResult, Plan, ValidationRun, Verdict
from apps.work import jobs


@action
def ask_check(*, run: ValidationRun, line: Mapping[str, Any], reason: str, by: Any) -> Challenge:
    """Ask a check of the registry that the plan does not ask, or asks otherwise, on the plan's own bytes.

    `line` is as in a plan: key, and as far as they are not the check's own for the tier parameters, fail, warn, judged.
    What a worker measures changes neither the verdict of the run nor what its plan says.
    """
    rows = ValidationRun.objects.select_for_update(of=("self",)).select_related("version__model__project", "plan")
    run = rows.get(pk=run.pk)
    policies.check_ask_check(by, run)
    if not reason.strip():
        raise Invalid("Say what you want to know.", {"reason": "Say what you want to know."})
    check_unchanged(run.plan)
    asked = _line(run.plan, line)
    title = report.title(report.described(asked["key"])["title"], asked["parameters"])
    made = Challenge(run=run, kind=ChallengeKind.CHECK, title=title[:200], text=reason.strip(), line=asked)
    made.written_by = by
    made.save(force_insert=True)
    jobs.start(
        kind="validation.own_check",
        subject=made,
        title=f"Measure “{title}” of {run.version}",
        by=by,
        queue="validation",
        url=made.get_absolute_url(),
    )
    record(by=by, action="own_check.asked", subject=run, reason=f"{title}: {made.text}", details=asked)
    return made


def _line(plan: Plan, given: Mapping[str, Any]) -> dict[str, Any]:
    """The line as it is kept, with the family it belongs to; Invalid with what is wrong."""
    from apps.validation.engine.base import Family
    from apps.validation.engine.registry import registry

    try:
        read = read_lines([{**given, "required": False}], plan.kind, plan.tier, subjects.kind_of(plan.version))
    except Misfit as error:
        said = [problem.removeprefix("Line 1: ") for problem in error.fields["lines"]]
        raise Invalid(" ".join(said), {"line": said}) from None
    setups.check_columns(plan, read)
    line = read[0]
    family = registry().get(line["key"]).family
    if family is Family.OUTSIDE:
        sentence = "What others answer has its line in a plan. Keep what another tool said as a test of your own."
        raise Invalid(sentence, {"line": sentence})
    return {**line, "family": family.value}


@action
def keep_own_result(*, challenge: Challenge, said: Mapping[str, Any], by: Any) -> OwnResult:
    """Keep what a worker measured, once. It counts for no verdict and raises no finding by itself."""
    kept = OwnResult(challenge=challenge, **measurement(challenge.asked, said))
    kept.save(force_insert=True)
    details = {name: getattr(kept, name) for name in ("name", "verdict", "value", "fail", "warn")}
    record(by=by, action="own_check.recorded", subject=challenge.run, details=details)
    return kept


def keep_unmeasured(*, challenge: Challenge, sentence: str, by: Any) -> OwnResult:
    """Keep why an own check could not run: its worker gave up, or somebody cancelled it."""
    said = {"verdict": Verdict.NOT_RUN, "sense": "at_least", "reason": sentence}
    return keep_own_result(challenge=challenge, said=said, by=by)


@action
def cancel_own_check(*, challenge: Challenge, by: Any) -> Challenge:
    """Ask the worker to leave an own check alone; one that no worker has yet ends at once."""
    policies.check_cancel_own_check(by, challenge)
    record(by=by, action="own_check.cancel_requested", subject=challenge.run, details={"name": challenge.line["name"]})
    job = jobs.newest(challenge)
    if job is not None:
        jobs.cancel(job=job)
    return challenge
