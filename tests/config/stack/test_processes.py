import signal
import time

import psutil
import pytest

from config.stack.folders import ROOT
from config.stack.processes import (
    Process,
    clear_leftovers,
    ending,
    marked,
    read_procfile,
    stop_together,
    turn_over,
)


@pytest.fixture
def start(tmp_path):
    """Starts a shell command as a process of a portal; ends all of them after the test."""
    # A shell cannot trap what it was told to ignore, as whatever is started in the background is told of SIGQUIT.
    before = signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    started = []

    def start_one(name, command):
        process = Process(name, command, data=tmp_path, environment={"PATH": "/usr/bin:/bin"}, folder=tmp_path)
        started.append(process)
        process.start()
        return process

    yield start_one
    stop_together(started)
    clear_leftovers(tmp_path)
    signal.signal(signal.SIGQUIT, before)


def wait_for(condition, seconds=5):
    """Whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def test_stop_together_ends_grandchildren_in_sessions_of_their_own(start, tmp_path):
    process = start("family", "sh -c 'setsid sh -c \"sleep 61 & sleep 62\" & sleep 63; true'")
    assert wait_for(lambda: len(marked(str(tmp_path))) >= 4)
    stop_together([process])
    assert marked(str(tmp_path)) == []


def test_stop_together_kills_what_does_not_listen(start, tmp_path, monkeypatch):
    monkeypatch.setattr("config.stack.processes.PATIENCE", ((signal.SIGTERM, 0.3), (signal.SIGQUIT, 0.3)))
    deaf = start("deaf", "sh -c 'trap \"\" TERM QUIT; touch ready; while true; do sleep 0.1; done'")
    assert wait_for((tmp_path / "ready").exists)
    stop_together([deaf])
    assert not deaf.is_running


def test_stop_together_asks_celery_to_hand_its_task_back(start, tmp_path, monkeypatch):
    patience = "config.stack.processes.PATIENCE"
    monkeypatch.setattr(patience, ((signal.SIGTERM, 0.3), (signal.SIGQUIT, 30)))
    script = 'trap "" TERM; trap "echo back > result; exit" QUIT; touch $0; while true; do sleep 0.05; done'
    worker, other = start("worker", f"sh -c '{script}' celery"), start("other", f"sh -c '{script}' another")
    assert wait_for(lambda: (tmp_path / "celery").exists() and (tmp_path / "another").exists())
    began = time.monotonic()
    stop_together([worker])
    assert (tmp_path / "result").read_text() == "back\n"
    assert time.monotonic() - began < 25
    (tmp_path / "result").unlink()
    monkeypatch.setattr(patience, ((signal.SIGTERM, 0.3), (signal.SIGQUIT, 0.5)))
    stop_together([other])
    assert not (tmp_path / "result").exists()


def test_stop_together_lets_a_process_finish(start, tmp_path):
    polite = start(
        "polite", "sh -c 'trap \"echo done > result; exit\" TERM; touch ready; while true; do sleep 0.05; done'"
    )
    assert wait_for((tmp_path / "ready").exists)
    stop_together([polite])
    assert (tmp_path / "result").read_text() == "done\n"


def test_bury_kills_children_that_outlived_the_command(start, tmp_path):
    process = start("leader", "sh -c 'sleep 64 & exit 3'")
    assert wait_for(lambda: not process.is_running)
    assert process.bury() == "ended with status 3"
    assert marked(str(tmp_path)) == []


def test_bury_makes_the_pauses_grow_and_forgets_old_deaths(start):
    process = start("mortal", "false")
    pauses = []
    for _ in range(9):
        process.popen or process.start()
        process.popen.wait()
        process.bury()
        pauses.append(round(process.next_start_at - time.monotonic(), 1))
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    process.start()
    process.started_at -= 120
    process.popen.wait()
    process.bury()
    assert process.deaths == 1


def test_clear_leftovers_ends_only_what_carries_the_mark(start, tmp_path):
    ours = start("ours", "sleep 65")
    theirs = Process(
        "theirs", "sleep 66", data=tmp_path / "other", environment={"PATH": "/usr/bin:/bin"}, folder=tmp_path
    )
    theirs.start()
    assert wait_for(lambda: len(marked(str(tmp_path))) == 1)
    assert clear_leftovers(tmp_path) == 1
    assert not ours.is_running
    assert theirs.is_running
    stop_together([theirs])


def test_process_writes_to_its_log(start, tmp_path):
    process = start("talker", "echo said")
    process.popen.wait()
    assert (tmp_path / "log" / "talker.log").read_text() == "said\n"


def test_turn_over_puts_a_long_log_aside(tmp_path, monkeypatch):
    monkeypatch.setattr("config.stack.processes.LONGEST_LOG", 5)
    log = tmp_path / "web.log"
    log.write_text("long text")
    turn_over(log)
    assert not log.exists()
    assert (tmp_path / "web.log.1").read_text() == "long text"


def test_ending_names_the_signal():
    assert ending(-9) == "was ended by SIGKILL"
    assert ending(1) == "ended with status 1"


def test_procfile_names_the_processes_of_the_portal():
    assert list(read_procfile(ROOT / "Procfile")) == ["web", "serve", "work", "compute", "validate", "beat"]


def test_zombies_do_not_count_as_left_over(start, tmp_path):
    process = start("short", "true")
    assert wait_for(lambda: psutil.Process(process.popen.pid).status() == psutil.STATUS_ZOMBIE)
    assert marked(str(tmp_path)) == []
