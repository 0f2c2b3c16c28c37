"""The caller's side: start or reuse a launcher, send one request, follow it, turn the end into a result or an error."""

from __future__ import annotations

import atexit
import json
import os
import selectors
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from . import bubblewrap, outcome
from .errors import Failed, Refused, SandboxError
from .job import Limits, Progress, Result, Told, _no_progress, _nobody_listens
from .walls import APPS

Profile = Literal["light", "runtime", "learning"]
ASK_EVERY = 0.5
START_SECONDS = 180.0
GRACE_SECONDS = 20.0
KEEP_IDLE = 2


def _environment(threads: int, home: str) -> dict[str, str]:
    """An environment built from nothing: no credential of ours can be in it."""
    one_or_more = {
        name: str(threads)
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    }
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": home,
        "TMPDIR": home,
        "PYTHONPATH": str(APPS.parent),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "ORT_DISABLE_TELEMETRY": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        # No thread may run in the launcher when it forks.
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
        "MALLOC_ARENA_MAX": "2",
        # Waiting threads sleep instead of spinning: on a shared machine spinning costs more than it gains.
        "OMP_WAIT_POLICY": "PASSIVE",
        **one_or_more,
    }


class Gone(Exception):
    """The launcher ended without an end frame."""


class Launcher:
    """One warm launcher process and the folder that holds the folders of its runs."""

    def __init__(self, profile: Profile, threads: int) -> None:
        self.key = (profile, threads)
        self.folder = tempfile.mkdtemp(prefix="tenure-sandbox-")
        wrap, why_not = bubblewrap.prefix(self.folder)
        self.outer = ["bubblewrap"] if wrap else []
        self.missing = [] if wrap else [why_not]
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the launcher
        command = [*wrap, sys.executable, "-s", "-P", "-m", "apps.core.sandbox.launcher", profile, self.folder]
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=_environment(threads, self.folder),
            cwd=self.folder,
            start_new_session=True,
            bufsize=0,
        )
        assert self.process.stdin and self.process.stdout
        self.input, self.output = self.process.stdin, self.process.stdout
        self.buffer = b""
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.output, selectors.EVENT_READ)

    def wait_ready(self) -> None:
        """Wait until the libraries are loaded; raises Failed with what the launcher said."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                if any(kind == "R" for kind, _ in self.frames(1.0)):
                    return
            except Gone:
                break
        said = self.last_words()
        self.close()
        raise Failed("The sandbox could not start. See the log of the run for its reason.", log=said)

    def send(self, request: dict[str, Any]) -> None:
        """Write one request line; raises Gone when the launcher left."""
        data = json.dumps(request).encode() + b"\n"
        try:
            while data:
                data = data[self.input.write(data) or 0 :]
        except (BrokenPipeError, ValueError) as error:
            raise Gone from error

    def frames(self, timeout: float) -> Iterator[tuple[str, Any]]:
        """Frames that arrived within the timeout; raises Gone at the end of the stream."""
        if not self.selector.select(timeout):
            return
        chunk = os.read(self.output.fileno(), 1 << 20)
        if not chunk:
            raise Gone
        *lines, self.buffer = (self.buffer + chunk).split(b"\n")
        for line in lines:
            yield chr(line[0]), outcome.read_json(line[1:])

    def last_words(self) -> str:
        """The end of what the launcher wrote to its standard error."""
        self.errors.seek(0)
        return self.errors.read()[-4000:].decode(errors="replace")

    def close(self) -> None:
        """End the launcher; its child dies with it."""
        self.selector.close()
        self.input.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.output.close()
        self.errors.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def forget(self) -> None:
        """Close our copies of the pipes in a forked process, without touching the launcher of our parent."""
        self.input.close()
        self.output.close()
        self.process.returncode = 0


@dataclass
class _Pool:
    """Idle launchers of this process by profile and threads."""

    idle: dict[tuple[str, int], list[Launcher]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, profile: Profile, threads: int) -> Launcher:
        """A launcher that is alive: an idle one, else a new one."""
        while True:
            with self.lock:
                waiting = self.idle.get((profile, threads), [])
                launcher = waiting.pop() if waiting else None
            if launcher is None:
                launcher = Launcher(profile, threads)
                launcher.wait_ready()
                return launcher
            if launcher.process.poll() is None:
                return launcher
            launcher.close()

    def give_back(self, launcher: Launcher) -> None:
        """Keep it warm for the next run, unless enough are waiting already."""
        with self.lock:
            waiting = self.idle.setdefault(launcher.key, [])
            if len(waiting) < KEEP_IDLE:
                waiting.append(launcher)
                return
        launcher.close()

    def close(self) -> None:
        """End every idle launcher."""
        with self.lock:
            launchers = [launcher for waiting in self.idle.values() for launcher in waiting]
            self.idle.clear()
        for launcher in launchers:
            launcher.close()

    def forget(self) -> None:
        """In a forked process: the launchers belong to our parent."""
        self.lock = threading.Lock()
        for waiting in self.idle.values():
            for launcher in waiting:
                launcher.forget()
        self.idle.clear()


_pool = _Pool()
atexit.register(_pool.close)
os.register_at_fork(after_in_child=_pool.forget)


@dataclass
class _Follow:
    """What a run has said so far."""

    progress: Progress
    told: Told = _nobody_listens
    messages: list[dict[str, Any]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    walls: dict[str, Any] | None = None
    end: dict[str, Any] | None = None

    def take(self, kind: str, body: Any) -> None:
        """One frame. Only the first announcement of walls counts: it came before anything foreign was touched."""
        if kind == "E":
            self.end = body
        elif kind == "L":
            self.log.append(str(body))
        elif kind == "M" and isinstance(body, dict):
            if "walls" in body:
                self.walls = self.walls or body
            elif "progress" in body:
                done, total, message = outcome.read_progress(body["progress"])
                self.progress(done, total, message)
            elif "part" in body:
                self.told(body["part"])
            else:
                self.messages.append(body)


def _follow(launcher: Launcher, request: dict[str, Any], follow: _Follow, cancelled: Callable[[], bool]) -> None:
    """Read frames until the end of the child, asking now and then whether to stop."""
    launcher.send(request)
    deadline = time.monotonic() + request["limits"]["wall"] + GRACE_SECONDS
    asked, stopping = time.monotonic(), False
    while follow.end is None:
        for kind, body in launcher.frames(ASK_EVERY):
            follow.take(kind, body)
        now = time.monotonic()
        if now > deadline:
            raise Gone
        if now - asked >= ASK_EVERY and not stopping:
            asked = now
            if cancelled():
                stopping = True
                launcher.send({"cancel": True})


def _collect(source: Path, target: Path) -> None:
    """Move the flat files that the function wrote; anything else than a plain file is refused."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        facts = path.lstat()
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
            raise Refused(f"The calculation left something that is not a plain file ({path.name}).")
        shutil.move(path, target / path.name)


def _attempt(
    request: dict[str, Any],
    profile: Profile,
    progress: Progress,
    told: Told,
    cancelled: Callable[[], bool],
    outputs: Path | None,
) -> Result | None:
    """One try on one launcher; None when the launcher had left before it took the request."""
    launcher = _pool.take(profile, request["limits"]["threads"])
    folder = Path(launcher.folder) / uuid.uuid4().hex
    for name in ("work", "outputs"):
        (folder / name).mkdir(parents=True)
    follow, keep = _Follow(progress, told), False
    request = {**request, "folder": str(folder), "outer": launcher.outer, "missing": launcher.missing}
    try:
        try:
            _follow(launcher, request, follow, cancelled)
        except Gone:
            if follow.walls is None and launcher.process.poll() == 0:
                return None
            raise Failed(
                "The sandbox ended unexpectedly. Start the run again.", log="".join(follow.log) + launcher.last_words()
            ) from None
        assert follow.end is not None
        keep = follow.end["reason"] != "cancelled"
        result = outcome.settle(
            end=follow.end, messages=follow.messages, walls=follow.walls, log="".join(follow.log), request=request
        )
        if outputs is not None:
            _collect(folder / "outputs", outputs)
        return result
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if keep:
            _pool.give_back(launcher)
        else:
            launcher.close()


def run(
    function: str,
    *,
    payload: dict[str, Any] | None = None,
    inputs: dict[str, str | Path] | None = None,
    outputs: str | Path | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
    told: Told | None = None,
    cancelled: Callable[[], bool] | None = None,
    profile: Profile = "learning",
) -> Result:
    """Run one marked function in an isolated child and give its result; raises a SandboxError with a sentence.

    `cancelled` is asked about twice a second in this thread, also while the child says nothing. `told` gets each part
    of the result that the function hands on with `job.tell` before its end; what it raises ends the run.
    """
    request = {
        "function": function,
        "payload": payload or {},
        "inputs": {name: str(Path(path).resolve(strict=True)) for name, path in (inputs or {}).items()},
        "limits": (limits or Limits()).as_json(),
    }
    target = Path(outputs) if outputs is not None else None
    for _ in range(3):
        result = _attempt(
            request, profile, progress or _no_progress, told or _nobody_listens, cancelled or (lambda: False), target
        )
        if result is not None:
            return result
    raise SandboxError("The sandbox could not be reached. Start the run again.")


def close_idle() -> None:
    """End the warm launchers of this process now instead of after their idle time."""
    _pool.close()
