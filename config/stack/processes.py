"""Child processes as whole families: started in a group of their own, marked, and ended to the last grandchild."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

# Every process of a portal carries its data folder in this variable, and so do the processes that it starts.
MARK = "TENURE_STACK"
LONGEST_LOG = 10 * 1024**2
# On SIGTERM a Celery worker waits for its task, which may be a training; on SIGQUIT it hands the task back.
PATIENCE = ((signal.SIGTERM, 5.0), (signal.SIGQUIT, 6.0))


class Process:
    """One line of the Procfile: started, watched, started again when it dies."""

    def __init__(self, name: str, command: str, *, data: Path, environment: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.command = command
        self.folder = folder
        self.log = data / "log" / f"{name}.log"
        self.environment = {**environment, MARK: str(data), "TENURE_PROCESS": name}
        self.popen: subprocess.Popen | None = None
        self.deaths = 0
        self.started_at = 0.0
        self.next_start_at = 0.0

    def start(self, *, to_terminal: bool = False) -> None:
        """Start the command in a session of its own, writing to its log or to the terminal."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        turn_over(self.log)
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {self.command}"],
                env=dict(self.environment),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=None if to_terminal else log,
                stderr=None if to_terminal else log,
                start_new_session=True,
            )
        self.started_at = time.monotonic()

    @property
    def is_running(self) -> bool:
        """Whether the command lives."""
        return self.popen is not None and self.popen.poll() is None

    def bury(self) -> str:
        """Clear away what a dead command left behind and plan its next start; how it ended, in words."""
        assert self.popen is not None
        code = self.popen.returncode
        self.kill_family()
        if time.monotonic() - self.started_at > 60:
            self.deaths = 0
        self.deaths += 1
        self.next_start_at = time.monotonic() + min(30.0, 0.25 * 2**self.deaths)
        self.popen = None
        return ending(code)

    def signal(self, sign: int) -> None:
        """Send a signal to the command itself, which passes it on as it sees fit; SIGQUIT is for Celery only."""
        if self.is_running and self.popen and (sign != signal.SIGQUIT or "celery" in self.command):
            self.popen.send_signal(sign)

    def kill_family(self) -> None:
        """Kill the command, its group and every process that descends from it."""
        if not self.popen:
            return
        family = descendants(self.popen.pid)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        kill([*family, *marked(self.environment[MARK], self.name)])
        self.popen.wait()


def stop_together(processes: Iterable[Process]) -> None:
    """End the processes: asked politely, then firmly, then killed with all their children."""
    started = [process for process in processes if process.popen]
    for sign, seconds in PATIENCE:
        for process in started:
            process.signal(sign)
        deadline = time.monotonic() + seconds
        while any(process.is_running for process in started) and time.monotonic() < deadline:
            time.sleep(0.05)
    for process in started:
        process.kill_family()


def descendants(pid: int) -> list[psutil.Process]:
    """Children, their children, and so on."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def marked(data: str, name: str | None = None) -> list[psutil.Process]:
    """Living processes that belong to the portal of that data folder, or to one of its lines."""
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except (psutil.Error, OSError):
            continue
        belongs = environment.get(MARK) == data and name in (None, environment.get("TENURE_PROCESS"))
        if belongs and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def kill(processes: list[psutil.Process]) -> None:
    """Kill and wait until gone."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=5)


def clear_leftovers(data: Path) -> int:
    """End what a killed portal of that data folder left running; how many processes it was."""
    left = marked(str(data))
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(left, timeout=3)
    kill(alive)
    return len(left)


def ending(code: int) -> str:
    """How a process ended, in words."""
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
    return f"ended with status {code}"


def turn_over(log: Path) -> None:
    """Put a long log aside at a start; one older log is kept."""
    if log.exists() and log.stat().st_size > LONGEST_LOG:
        log.replace(log.with_suffix(".log.1"))


def read_procfile(path: Path) -> dict[str, str]:
    """Names and commands of a Procfile."""
    lines = (line.partition(":") for line in path.read_text().splitlines() if line.strip() and not line.startswith("#"))
    return {name.strip(): command.strip() for name, _, command in lines}
