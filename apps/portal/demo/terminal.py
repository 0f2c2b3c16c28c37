"""What the demo says in the terminal: numbered steps, live progress, the time each took."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from apps.core.tenancy import tenant
from apps.work.models import Job, JobState

STAGES = ("planning", "data", "development", "validation", "deployment", "monitoring", "retraining", "retirement")


class JobFailed(RuntimeError):
    """A worker ended a job of the demo without a result."""


class Terminal:
    """Writes steps and waits for workers, showing how far they are."""

    def __init__(self, out: Any = None) -> None:
        self.out = out or sys.stdout
        self.live = self.out.isatty()
        self.number = 0
        self.started = time.monotonic()

    def heading(self, text: str) -> None:
        """Begin a chapter."""
        self._line(f"\n{text}\n{'─' * len(text)}")

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """One step, with the seconds it took."""
        self.number += 1
        began = time.monotonic()
        self._progress(f"{self.number:3}  {text} …")
        yield
        self._line(f"{self.number:3}  {text}  ({time.monotonic() - began:.1f} s)")

    def say(self, text: str) -> None:
        """A line by itself."""
        self._line(f"     {text}")

    def wait(self, organization_id: Any, job_id: Any, seconds: float = 600) -> None:
        """Wait for a job, showing its progress; raises JobFailed with its sentence."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with tenant(organization_id):
                job = Job.objects.get(pk=job_id)
            if job.state == JobState.SUCCEEDED:
                return
            if not job.is_open:
                raise JobFailed(f"{job.title}: {job.error}")
            share = f" {job.done / job.total:4.0%}" if job.total else ""
            self.show(f"{job.title}:{share} {job.message}")
            time.sleep(0.25)
        raise JobFailed(f"{job.title} did not end within {seconds:.0f} s. Are the workers running?")

    def show(self, text: str) -> None:
        """How far it is, in place of the line before."""
        self._progress(f"     {text}")

    def _progress(self, text: str) -> None:
        if self.live:
            self.out.write(f"\r\x1b[2K{text[:118]}")
            self.out.flush()

    def _line(self, text: str) -> None:
        self.out.write(f"{chr(13) + chr(27) + '[2K' if self.live else ''}{text}\n")
        self.out.flush()
