"""Starts the processes of one host's prediction server, starts again what dies, and stops all of them together."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from apps.deployments.serving.config import PARENT

log = structlog.get_logger("tenure.serving")
AGAIN_AFTER = 1.0


@dataclass
class Child:
    """A process to keep running; `patience` seconds to end after SIGTERM."""

    name: str
    command: Sequence[str]
    patience: float
    process: subprocess.Popen | None = None
    started_at: float = field(default=0.0)

    def keep_running(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Start it unless it runs; not more often than once a second."""
        if self.process is not None and self.process.poll() is None:
            return
        if self.process is not None:
            if time.monotonic() - self.started_at < AGAIN_AFTER:
                return
            log.error("process_died", process=self.name, code=self.process.returncode)
        self.started_at = time.monotonic()
        # A session of its own: Ctrl-C reaches only us, and we stop the others in order.
        self.process = subprocess.Popen(  # noqa: S603 (our own interpreter and modules)
            self.command,
            cwd=folder,
            env={**environment, PARENT: str(os.getpid())},
            start_new_session=True,
        )

    def stop(self) -> None:
        """End it: politely, then not."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(self.patience)
        except subprocess.TimeoutExpired:
            log.error("process_killed", process=self.name)
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Supervisor:
    """Keeps children running until told to stop, then stops them in the order given."""

    def __init__(self, children: Sequence[Child], folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.children, self.folder = children, folder
        self.environment = dict(os.environ if environment is None else environment)
        self.is_stopping = False

    def run(self, meanwhile: Callable[[], None]) -> None:
        """Look after the children, calling `meanwhile` between looks, until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        try:
            while not self.is_stopping:
                for child in self.children:
                    child.keep_running(self.folder, self.environment)
                meanwhile()
        finally:
            for child in self.children:
                child.stop()

    def _stop(self, *_: object) -> None:
        self.is_stopping = True


def python(*arguments: str) -> list[str]:
    """The command line of our own interpreter."""
    return [sys.executable, *arguments]
