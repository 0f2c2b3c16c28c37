"""Launchers: warm ones are used again, none outlives its caller, forks do not share them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from apps.core import sandbox
from apps.core.sandbox import Limits, client

SAY = "apps.core.sandbox.trials:say"
ROOT = Path(client.APPS).parent


def say() -> dict[str, object]:
    """What a well-behaved child answers."""
    value: dict[str, object] = sandbox.run(SAY, profile="light", limits=Limits(wall=20)).value
    return value


def launchers() -> set[int]:
    """Process numbers of our own launchers."""
    return {
        process.pid
        for process in psutil.Process().children(recursive=True)
        if process.cmdline()[1:5] == ["-s", "-P", "-m", "apps.core.sandbox.launcher"]
    }


def test_launcher_is_used_again() -> None:
    sandbox.close_idle()
    say()
    first = launchers()

    say()

    assert launchers() == first
    assert len(first) == 1


def test_dead_launcher_is_replaced() -> None:
    say()
    for pid in launchers():
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)

    assert say()["payload"] == {}


def test_folders_of_runs_are_removed() -> None:
    say()
    left = [launcher.folder for waiting in client._pool.idle.values() for launcher in waiting]

    assert [path for folder in left for path in Path(folder).iterdir()] == []


def test_forked_process_starts_its_own_launcher() -> None:
    say()
    before = launchers()
    pid = os.fork()
    if pid == 0:
        answered = say()["payload"] == {}
        sandbox.close_idle()
        os._exit(0 if answered else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert say()["payload"] == {}
    assert launchers() == before


def test_caller_killed_leaves_no_process(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import sys
        from apps.core import sandbox
        sandbox.run("apps.core.sandbox.trials:wait_forever", profile="light",
                    cancelled=lambda: print("waiting", flush=True))
    """)
    caller = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    assert caller.stdout
    assert caller.stdout.readline() == b"waiting\n"
    family = psutil.Process(caller.pid).children(recursive=True)
    assert len(family) >= 2

    caller.kill()
    caller.wait()

    _gone, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    deadline = time.monotonic() + 5
    while any(tmp_path.glob("*/*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(tmp_path.glob("*/*")) == []


def test_walls_hold_for_an_ordinary_user() -> None:
    become = ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.getuid() == 0 else []
    if become and subprocess.run([*become, "true"], capture_output=True, check=False).returncode:
        pytest.skip("user namespaces are not allowed here")

    done = subprocess.run(
        [*become, sys.executable, "-m", "apps.core.sandbox"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
