"""Each wall against a function that tries to get through: a plain sentence, and the caller lives."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from apps.core import sandbox
from apps.core.sandbox import GIB, MIB, Limits, walls
from apps.core.sandbox.kernel import IS_LINUX

TRIALS = "apps.core.sandbox.trials"
linux = pytest.mark.skipif(not IS_LINUX, reason="Landlock and seccomp exist on Linux only")


def attempt(name: str, limits: Limits | None = None, **keywords: Any) -> sandbox.Result:
    """Run a trial in a light child with small limits."""
    chosen = limits or Limits(wall=20, memory=GIB, output_bytes=16 * MIB)
    return sandbox.run(f"{TRIALS}:{name}", limits=chosen, profile="light", **keywords)


def test_run_when_all_is_well_gives_value_log_and_walls() -> None:
    result = attempt("say", payload={"a": [1, None, "ü"]})

    assert result.value["payload"] == {"a": [1, None, "ü"]}
    assert result.value["folder"] == []
    assert result.log == "said to the log\n"
    assert result.layer.endswith("limits")
    assert result.value["layer"] == result.layer
    assert result.seconds < 10
    assert result.peak_memory > 0


@linux
def test_run_on_linux_names_landlock_and_seccomp() -> None:
    assert "Landlock" in attempt("say").layer
    assert "seccomp" in attempt("say").layer


def test_environment_holds_no_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    sandbox.close_idle()

    environment = attempt("say").value["environment"]

    assert "DATABASE_URL" not in environment
    assert environment["ORT_DISABLE_TELEMETRY"] == "1"
    assert environment["OMP_NUM_THREADS"] == "1"


def test_progress_reaches_the_caller() -> None:
    seen: list[tuple[int, int, str]] = []

    attempt("say", progress=lambda *step: seen.append(step))

    assert seen == [(1, 2, "Half way")]


def test_parts_told_before_a_crash_have_reached_the_caller() -> None:
    parts: list[Any] = []

    with pytest.raises(sandbox.Crashed):
        attempt("tell_then_crash", told=parts.append)

    assert parts == [{"part": 1}, {"part": None}]


def test_caller_who_raises_while_told_ends_the_run() -> None:
    def refuse(part: Any) -> None:
        raise RuntimeError("no room")

    with pytest.raises(RuntimeError, match="no room"):
        attempt("tell_then_crash", told=refuse)


def test_output_files_are_moved_to_the_folder(tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_text("a,b\n")

    attempt("say", inputs={"rows": source}, outputs=tmp_path / "out")

    assert [(path.name, path.read_text()) for path in (tmp_path / "out").iterdir()] == [("rows.copy", "a,b\n")]


def test_endless_loop_times_out() -> None:
    with pytest.raises(sandbox.TimedOut, match=r"stopped after 1 processor seconds, its limit\."):
        attempt("loop_forever", Limits(wall=20, cpu=1))


def test_endless_wait_is_ended_by_the_wall_clock() -> None:
    with pytest.raises(sandbox.TimedOut, match=r"stopped after 0\.5 seconds, its time limit\."):
        attempt("wait_forever", Limits(wall=0.5))


def test_memory_beyond_the_limit_is_refused() -> None:
    with pytest.raises(sandbox.OutOfMemory, match=r"more memory than its limit of 1\.0 GiB\."):
        attempt("take_memory")


@linux
def test_fork_bomb_cannot_start_one_process() -> None:
    with pytest.raises(sandbox.Refused, match=r"forbidden in here: Operation not permitted"):
        attempt("start_processes_without_end")


@linux
@pytest.mark.parametrize("name", ["open_socket", "start_program", "signal_parent"])
def test_forbidden_calls_are_refused(name: str) -> None:
    with pytest.raises(sandbox.Refused, match=r"tried something that is forbidden in here"):
        attempt(name)


@linux
def test_write_outside_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "was-here"

    with pytest.raises(sandbox.Refused, match=r"Permission denied|Read-only file system"):
        attempt("write_outside", payload={"path": str(target)})

    assert not target.exists()


@linux
def test_read_of_a_file_that_was_not_given_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")

    with pytest.raises(sandbox.Refused, match=r"Permission denied"):
        attempt("read_outside", payload={"path": str(secret)})


@linux
def test_memory_and_environment_of_the_caller_cannot_be_read() -> None:
    # In a process namespace of its own the child does not even see the number.
    with pytest.raises(sandbox.SandboxError, match=r"Permission denied|No such file"):
        attempt("read_outside", payload={"path": f"/proc/{os.getpid()}/environ"})


@linux
def test_input_file_cannot_be_changed(tmp_path: Path) -> None:
    given = tmp_path / "rows.csv"
    given.write_text("a,b\n")

    with pytest.raises(sandbox.Refused, match=r"Permission denied|Read-only file system"):
        attempt("change_input", inputs={"file": given})

    assert given.read_text() == "a,b\n"


@linux
def test_link_among_the_outputs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(sandbox.Refused):
        attempt("leave_link", outputs=tmp_path / "out")


def test_filled_disk_is_stopped() -> None:
    with pytest.raises(sandbox.Refused, match=r"wrote more than 16 MiB of files, its limit\."):
        attempt("fill_disk")


def test_too_large_an_answer_is_refused() -> None:
    with pytest.raises(sandbox.Refused, match=r"answered with more than 16 MiB, its limit\."):
        attempt("answer_too_much")


def test_crash_names_its_signal() -> None:
    with pytest.raises(sandbox.Crashed, match=r"The calculation crashed \(SIGSEGV\)\.") as caught:
        attempt("crash", payload={"signal": int(signal.SIGSEGV)})

    assert caught.value.signal == signal.SIGSEGV


def test_refusal_of_the_function_keeps_its_sentence() -> None:
    with pytest.raises(sandbox.Refused, match=r"^The column 'month' is not in this file\.$"):
        attempt("refuse")


def test_error_of_the_function_is_named_and_its_traceback_is_in_the_log() -> None:
    with pytest.raises(sandbox.Failed, match=r"stopped with an error\. ValueError: three is not two$") as caught:
        attempt("stumble")

    assert "Traceback" in caught.value.log


@pytest.mark.parametrize(
    "function", ["os:system", "apps.core.sandbox.child:run", f"{TRIALS}:unmarked", f"{TRIALS}:report"]
)
def test_function_outside_the_allow_list_is_refused(function: str) -> None:
    with pytest.raises(sandbox.Refused, match=r"may run in the sandbox\.$"):
        sandbox.run(function, profile="light", limits=Limits(wall=10))


def test_cancelled_run_is_stopped() -> None:
    with pytest.raises(sandbox.Cancelled):
        attempt("wait_forever", cancelled=lambda: True)


def test_caller_works_on_after_every_failure() -> None:
    for name in ("crash", "refuse", "take_memory"):
        with pytest.raises(sandbox.SandboxError):
            attempt(name, payload={"signal": 11})

    assert attempt("say").value["payload"] == {}


def test_missing_walls_are_named_when_the_kernel_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(**_: object) -> int:
        raise walls.kernel.Unavailable("Landlock is not available on this kernel (no such call).")

    def no_filter() -> None:
        raise walls.kernel.Unavailable("System call filters are not allowed here (no).")

    monkeypatch.setattr(walls.landlock, "restrict", unavailable)
    monkeypatch.setattr(walls.seccomp, "restrict", no_filter)
    monkeypatch.setattr(walls.kernel, "no_new_privileges", lambda: None)
    monkeypatch.setattr(walls.kernel, "drop_capabilities", lambda: None)
    monkeypatch.setattr(walls, "set_limits", lambda limits: None)

    held = walls.close_in(limits=Limits(), inputs=[], writable=[], outer=[], missing=["bubblewrap is not installed."])

    assert held.layer == "limits"
    assert held.missing[0] == "bubblewrap is not installed."
    assert len(held.missing) == 3 if IS_LINUX else 2
