"""The portal's processes: started by one command, started again when they die, and gone when it ends."""

import signal
import socket
import subprocess
import sys

import psutil
import pytest

from config.stack.folders import ROOT
from tests.journeys.running import Running, is_alive, kill_9, portal, wait_for

LINES = ("web", "serve", "work", "compute", "beat")


@pytest.fixture(scope="module")
def killable(tmp_path_factory):
    """A portal that these tests break and mend, in a folder with a space in its name."""
    with portal(tmp_path_factory.mktemp("broken") / "my data", "journey_killed") as running:
        running.start()
        yield running


def say_again(running: Running, command: str = "up") -> subprocess.CompletedProcess:
    """The same command in another terminal."""
    words = [sys.executable, "-m", "config.stack", command]
    return subprocess.run(
        words, cwd=ROOT, env=running.environment, capture_output=True, text=True, check=False, timeout=60
    )


def is_ready(running: Running) -> bool:
    """Whether the portal answers that it is ready."""
    try:
        return running.answer("/health/ready") == 200
    except OSError:
        return False


def test_second_start_says_in_a_sentence_that_one_runs(killable):
    done = say_again(killable)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"Tenure already runs on {killable.data} (process {killable.process.pid}, {killable.url})" in done.stderr
    assert "Traceback" not in done.stderr
    assert is_ready(killable)


def test_taken_port_is_a_sentence(killable, tmp_path):
    with portal(tmp_path / "data", "journey_port") as other:
        other.environment["PORT"] = str(killable.port)
        done = say_again(other)
        assert done.returncode == 1
        assert f"Port {killable.port} cannot be used" in done.stderr
        assert "make up PORT=8100" in done.stderr
        assert other.family() == [] if other.process else True


def test_manage_py_by_hand_finds_the_running_portal(killable):
    assert "[X] 0001_initial" in killable.manage("showmigrations", "organizations", "--database", "owner")


@pytest.mark.parametrize("name", LINES)
def test_killed_process_comes_back_alone(killable, name):
    first = {line: wait_for(lambda line=line: killable.line(line), what=line)[0].pid for line in LINES}
    killable.kill(name)
    wait_for(lambda: killable.line(name), what=f"a new {name}")
    wait_for(lambda: is_ready(killable), what="readiness")
    changed = {line for line in LINES if killable.line(line)[0].pid != first[line]}
    assert changed == {name}


@pytest.mark.parametrize("name", ["postgres", "valkey-server"])
def test_killed_server_comes_back(killable, name):
    found = [process for process in killable.family() if process.name() == name]
    if not found:
        pytest.skip("this portal uses a given server")
    kill_9(found)
    wait_for(lambda: any(process.name() == name for process in killable.family()), what=f"a new {name}")
    wait_for(lambda: is_ready(killable), what="readiness")


def test_start_after_kill_9_of_the_supervisor_clears_what_it_left(killable):
    before = killable.line("work")
    killable.process.kill()
    killable.process.wait()
    assert all(map(is_alive, before))
    killable.output.write_text("")
    killable.start()
    assert not any(map(is_alive, before))
    assert is_ready(killable)


def test_start_after_kill_9_of_everything(killable):
    kill_9([psutil.Process(killable.process.pid), *killable.family()])
    wait_for(lambda: not killable.family(), what="everything to be gone")
    killable.output.write_text("")
    killable.start()
    assert is_ready(killable)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_end_leaves_no_process_and_no_port(killable, sign):
    family = killable.family()
    assert len(family) >= 6
    assert killable.stop(sign) == 0
    assert not any(map(is_alive, family))
    assert killable.family() == []
    for port in (killable.port, killable.port + 1):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    killable.start()


def test_stop_from_another_terminal(killable):
    family = killable.family()
    assert say_again(killable, "stop").returncode == 0
    assert killable.process.wait(timeout=30) == 0
    assert not any(map(is_alive, family))
