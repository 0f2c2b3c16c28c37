"""Checks that misbehave, through the real path: each costs its own result, the worker lives, nothing is left."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from apps.core import sandbox
from apps.core.sandbox import MIB
from apps.core.sandbox.kernel import IS_LINUX
from apps.validation import tasks
from apps.validation.engine import trials
from apps.validation.engine.registry import registry
from apps.validation.models import RunState, Verdict
from apps.work import jobs
from apps.work.models import JobState
from tests.cast import Cast
from tests.support import deliver
from tests.validation import factories
from tests.validation.factories import LINES, finished_run, fresh

pytestmark = pytest.mark.skipif(not IS_LINUX, reason="Landlock and seccomp exist on Linux only")
FORBIDDEN = "The calculation tried something that is forbidden in here: "
ENDED = "This check ended the process it ran in. The calculation "
REASONS = {
    "trial.fork": FORBIDDEN + "Operation not permitted.",
    "trial.memory": "The calculation asked for more memory than it may have.",
    "trial.socket": FORBIDDEN + "Operation not permitted.",
    "trial.write": FORBIDDEN + "Permission denied ({path}).",
    "trial.crash:segv": ENDED + "crashed (SIGSEGV). The file or the data broke the library that read it.",
    "trial.crash:abort": ENDED + "crashed (SIGABRT). The file or the data broke the library that read it.",
    "trial.loop": ENDED + "was stopped after 1.5 seconds, the time limit of one check.",
}
CRASH = {"key": "trial.crash", "fail": 0.5, "parameters": {"signal": int(signal.SIGSEGV)}}


@pytest.fixture
def boxes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the folders of children lie; the checks that misbehave are known, here and in the child."""
    for check in trials.CHECKS:
        monkeypatch.setitem(registry()._checks, check.key, check)
    monkeypatch.setattr(tasks, "FUNCTION", f"{trials.__name__}:validate")
    sandbox.close_idle()
    folder = tmp_path / "boxes"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    sandbox.close_idle()


def living(process: psutil.Process) -> set[psutil.Process]:
    """The processes below one. Servers of other tests may be among them."""
    return {child for child in process.children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE}


def hostile_lines(path: Path) -> list[dict[str, Any]]:
    """A line for each of REASONS, and a sound one at the end."""
    given: dict[str, dict[str, Any]] = {
        "trial.write": {"path": str(path)},
        "trial.crash:segv": {"signal": int(signal.SIGSEGV)},
        "trial.crash:abort": {"signal": int(signal.SIGABRT)},
    }
    lines = [
        {"key": name.partition(":")[0], "name": name, "fail": 0.5, "parameters": given.get(name, {})}
        for name in REASONS
    ]
    return [*lines, LINES[0]]


def test_each_costs_its_own_result_and_nothing_is_left(
    inside: Cast, boxes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "CHECK_SECONDS", 1.5)
    outside = tmp_path / "was-here"
    me = psutil.Process()
    before, there = me.memory_info().rss, living(me)

    run = finished_run(inside, lines=hostile_lines(outside))

    results = {result.name: result for result in run.results.all()}
    assert {name: results[name].reason for name in REASONS} == {
        name: reason.format(path=outside) for name, reason in REASONS.items()
    }
    for result in results.values():
        assert all(wall in result.layer for wall in ("Landlock", "seccomp", "limits")), result.name
    assert (run.state, run.verdict, results["perf.auc"].verdict) == (RunState.FINISHED, Verdict.NOT_RUN, "passed")
    sandbox.close_idle()
    assert living(me) <= there
    assert list(boxes.iterdir()) == [] and not outside.exists()
    assert me.memory_info().rss - before < 200 * MIB


def test_too_long_an_answer_costs_that_check(inside: Cast, boxes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "LIMITS", replace(tasks.LIMITS, result_bytes=MIB))
    run = finished_run(inside, lines=[{"key": "trial.talk", "fail": 0.5}, LINES[2]])

    assert run.results.get(key="trial.talk").reason == ENDED + "answered with more than 1 MiB, its limit."
    assert run.results.get(key="sec.format").verdict == Verdict.PASSED


def test_what_ends_every_child_ends_the_run_with_a_sentence_and_the_worker_goes_on(inside: Cast, boxes: Path) -> None:
    run = factories.queued_run(inside, lines=[*({**CRASH, "name": f"crash {one}"} for one in range(5)), LINES[2]])
    deliver(inside.meridian)

    run = fresh(run)
    assert (run.state, run.verdict, run.results.count()) == (RunState.BROKEN, "", tasks.CRASHES)
    assert run.error.startswith("The calculation crashed (SIGSEGV).")
    assert jobs.newest(run).state == JobState.FAILED
    again = factories.again(inside, run, [LINES[2]])
    assert (again.state, again.verdict) == (RunState.FINISHED, Verdict.PASSED)


@pytest.mark.parametrize("way", ["page", "API"])
def test_cancel_reaches_a_check_inside_an_endless_loop(
    inside: Cast, boxes: Path, monkeypatch: pytest.MonkeyPatch, sign_in: Any, way: str
) -> None:
    run = factories.queued_run(inside, lines=[LINES[2], {"key": "trial.loop", "fail": 0.5}])
    address = run.get_absolute_url() if way == "page" else f"/o/meridian/api/v1/validation-runs/{run.pk}/"
    client, told, asked = sign_in(inside.vera), tasks.Attempt.told, jobs.Running.cancelled

    def cancel(self: Any, part: dict[str, Any]) -> None:
        told(self, part)
        if part.get("begun") == "trial.loop":
            assert client.post(f"{address}cancel/").status_code in {200, 303}

    def beat_and_ask(self: jobs.Running) -> bool:
        self.beat()  # Inside the transaction of a test no thread does it.
        return asked(self)

    monkeypatch.setattr(tasks.Attempt, "told", cancel)
    monkeypatch.setattr(jobs.Running, "cancelled", beat_and_ask)
    deliver(inside.meridian)

    run = fresh(run)
    assert (run.state, run.error) == (RunState.CANCELLED, "This was cancelled before it finished.")
    assert list(run.results.values_list("name", flat=True)) == ["sec.format"]
    assert jobs.newest(run).state == JobState.CANCELLED
    sandbox.close_idle()
    assert list(boxes.iterdir()) == []
