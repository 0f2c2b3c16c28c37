"""Tools outside of Tenure, and the results that they and people bring: kept with their evidence, judged like others."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.audit.actions import action, record
from apps.core import files
from apps.core.errors import Conflict, Invalid
from apps.validation import evidence_files, policies
from apps.validation.actions.awaiting import still_awaited
from apps.validation.actions.runs import finish_run, keep_outside
from apps.validation.models import (
    ANSWER_STATES,
    AnswerState,
    CheckResult,
    OutsideAnswer,
    OutsideTool,
    ResultOrigin,
    RunState,
    ValidationRun,
    Verdict,
)
from apps.work import deliveries
from apps.work.models import Transport

# A word that stands where a key stands in the addresses of pages.
RESERVED = {"new"}


@action
def add_tool(*, key: str, name: str, address: str, by: Any) -> OutsideTool:
    """Name a service that plans may call. Calls are signed with a secret of its own (see `deliveries.secret_of`)."""
    policies.check_manage_tools(by)
    if key in RESERVED:
        sentence = f"“{key}” is a word of the addresses here. Choose another key."
        raise Invalid(sentence, {"key": sentence})
    destination = deliveries.open_destination(transport=Transport.WEBHOOK, address=address)
    tool = OutsideTool(key=key, name=name.strip(), destination=destination, added_by=by)
    tool.full_clean(exclude=["organization", "destination"], validate_constraints=False)
    try:
        with transaction.atomic():
            tool.save(force_insert=True)
    except IntegrityError as error:
        taken = f"There is an outside tool with the key {key} already."
        raise Conflict(taken) from error
    record(by=by, action="tool.added", subject=tool, details={"to": destination.shown})
    return tool


@action
def change_tool_secret(*, tool: OutsideTool, by: Any) -> str:
    """A new signing secret, which is returned; the former one signs beside it for a day."""
    policies.check_manage_tools(by)
    fresh = deliveries.change_secret(destination=tool.destination)
    record(by=by, action="tool.secret_changed", subject=tool)
    return fresh


@action
def retire_tool(*, tool: OutsideTool, by: Any) -> OutsideTool:
    """Have no new plan call it; runs that wait for it go on waiting."""
    policies.check_retire_tool(by, tool)
    tool.is_active = False
    tool.save()
    record(by=by, action="tool.retired", subject=tool)
    return tool


@action
def report_result(*, awaited: OutsideAnswer, said: Mapping[str, Any], file: Any, by: Any) -> CheckResult:
    """Bring the result of another tool for a line that waits for one; see `_keep` for what is said."""
    policies.check_report(by, awaited)
    return _keep(awaited, said, file, by)


@action
def answer(*, awaited: OutsideAnswer, token: str, said: Mapping[str, Any], file: Any, by: Any) -> CheckResult:
    """Take the answer of a tool that was called; only with the token of that call, once, and in time."""
    policies.check_token(awaited, token)
    return _keep(awaited, said, file, by)


@action
def miss_answer(*, awaited: OutsideAnswer, by: Any) -> OutsideAnswer:
    """When its time has passed without an answer, the check could not run."""
    run, locked = _locked(awaited)
    policies.check_missed(run, locked)
    ANSWER_STATES.move(locked, AnswerState.MISSED)
    hours = locked.check_line.parameters["hours"]
    reason = f"No answer came within {f'{hours} hours' if hours > 1 else 'an hour'}."
    locked.result = keep_outside(run=run, line=locked.check_line, said=_silent(reason), by=by)
    locked.save()
    record(by=by, action="answer.missed", subject=locked, reason=reason)
    _finish_when_all_are_there(run, by)
    return locked


def _keep(awaited: OutsideAnswer, said: Mapping[str, Any], file: Any, by: Any) -> CheckResult:
    """Keep a result with its evidence.

    `said`: tool, tool_version, sentence; value with low and high where there is an interval, or `reason` where the tool
    could not run; sha256 of the evidence file where the sender knows it.
    """
    run, locked = _locked(awaited)
    policies.check_waits(run, locked)
    tool, release = (str(said.get(name) or "").strip() for name in ("tool", "tool_version"))
    judged = _judged(locked, said, tool)
    if file is None or not file.size:
        raise Invalid("Send the evidence: the file that the tool wrote.", {"file": "Send the tool's file."})
    stored = evidence_files.store(file, file.name)
    claimed = str(said.get("sha256") or "").strip().lower()
    if claimed and claimed != stored.sha256:
        files.delete(stored.path)
        sentence = f"The file that came has the SHA-256 {stored.sha256}, not {claimed}. Nothing was kept."
        raise Invalid(sentence, {"sha256": sentence})
    ANSWER_STATES.move(locked, AnswerState.ANSWERED)
    locked.tool, locked.tool_version, locked.file, locked.file_name = tool, release, stored.path, file.name[-200:]
    locked.sha256, locked.size = stored.sha256, stored.size
    locked.answered_by, locked.answered_at = by, timezone.now()
    locked.result = keep_outside(run=run, line=locked.check_line, said=judged, by=by, origin=ResultOrigin.REPORTED)
    locked.save()
    details = {"tool": f"{tool} {release}", "sha256": stored.sha256, "size": stored.size}
    record(by=by, action="answer.kept", subject=locked, details=details)
    _finish_when_all_are_there(run, by)
    return locked.result


def _locked(awaited: OutsideAnswer) -> tuple[ValidationRun, OutsideAnswer]:
    """Run and line, locked in this order, so that the last answer and the worker's end do not miss each other."""
    run = ValidationRun.objects.select_for_update(of=("self",)).select_related("plan", "version").get(pk=awaited.run_id)
    rows = OutsideAnswer.objects.select_for_update(of=("self",)).select_related("check_line", "called")
    return run, rows.get(pk=awaited.pk)


def _finish_when_all_are_there(run: ValidationRun, by: Any) -> None:
    if run.state == RunState.WAITING and not still_awaited(run).exists():
        finish_run(run=run, measured={}, by=by)


def _judged(awaited: OutsideAnswer, said: Mapping[str, Any], tool: str) -> dict[str, Any]:
    """The result as it is kept; Invalid with the fields where something is missing or does not fit."""
    empty = {name: "Fill this in." for name in ("tool", "tool_version") if not str(said.get(name) or "").strip()}
    if not said.get("reason") and said.get("value") is None:
        empty["value"] = "Give the figure, or as the reason why there is none."
    if said.get("value") is not None and not str(said.get("sentence") or "").strip():
        empty["sentence"] = "Say in a sentence what was found."
    if empty:
        raise Invalid("Say what was found, by which tool in which version.", empty)
    if said.get("value") is None:
        return _silent(f"{tool} could not run it. {said['reason']}"[:2000])
    return _by_thresholds(awaited, said, tool)


def _by_thresholds(awaited: OutsideAnswer, said: Mapping[str, Any], tool: str) -> dict[str, Any]:
    from apps.validation.engine import runner
    from apps.validation.engine.base import Bound, CannotRun, Interval, Limits, Measured, Sense

    line, value, low, high = awaited.check_line, said["value"], said.get("low"), said.get("high")
    if (low is None) != (high is None) or (low is not None and not low <= value <= high):
        ends = "Give both ends of the interval, with the figure between them, or none."
        raise Invalid(ends, {"low": ends})
    interval = None if low is None or high is None else Interval(low, high, method=f"as {tool} reports it")
    measured = Measured(value, str(said["sentence"]).strip()[:2000], interval)
    sense = Sense(line.parameters["sense"])
    try:
        verdict, sentence = runner.judge(measured, Limits(line.fail, line.warn), Bound(line.judged), sense)
    except CannotRun as error:
        needed = "The threshold of this line is meant for an end of the interval: give both."
        raise Invalid(needed, {"low": needed}) from error
    ends_said = None if interval is None else {"low": low, "high": high, "level": None, "method": interval.method}
    return {"verdict": verdict.value, "value": value, "interval": ends_said, "sense": sense.value, "sentence": sentence}


def _silent(reason: str) -> dict[str, Any]:
    return {"verdict": Verdict.NOT_RUN, "sense": "at_least", "reason": reason}
