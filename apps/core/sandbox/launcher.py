"""The launcher: a clean, warm process of our own that forks one isolated child per request.

It loads heavy libraries once, never opens a foreign file itself, passes the child's messages on, keeps the wall
clock and kills what is left. It ends when its caller ends, because its standard input closes then.

Towards the caller it writes frames: one letter, a JSON text, a line feed.
`R` ready · `M` a message of the child, unread · `L` text for the log · `E` the end of the child.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import shutil
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import child, kernel
from .job import Limits

IDLE_SECONDS = 120.0
LOOK_EVERY = 0.25
PROFILES: dict[str, tuple[str, ...]] = {
    "light": (),
    "runtime": ("numpy", "pyarrow.parquet", "onnx", "onnxruntime"),
    "learning": (
        "numpy",
        "pyarrow.parquet",
        "onnx",
        "onnxruntime",
        "sklearn.ensemble",
        "sklearn.linear_model",
        "sklearn.pipeline",
        "sklearn.compose",
        "sklearn.impute",
        "sklearn.preprocessing",
        "sklearn.model_selection",
        "sklearn.metrics",
        "skl2onnx",
        "onnxmltools",
        "lightgbm",
        "skops.io",
    ),
}


def frame(out: int, kind: bytes, body: bytes) -> None:
    """Write one frame to the caller."""
    data = kind + body + b"\n"
    while data:
        data = data[os.write(out, data) :]


def folder_bytes(folder: Path) -> int:
    """Bytes of the files beneath a folder; a file that vanishes meanwhile counts nothing."""
    total = 0
    for entry in folder.rglob("*"):
        try:
            total += entry.lstat().st_size
        except OSError:
            continue
    return total


@dataclass
class Run:
    """One child while it runs: its pipes, its clock, what has been passed on so far."""

    request: dict[str, Any]
    out: int
    pid: int = 0
    messages: int = -1
    log: int = -1
    reason: str = ""
    buffer: bytes = b""
    message_bytes: int = 0
    log_bytes: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def limits(self) -> Limits:
        """The limits of this run."""
        return Limits(**self.request["limits"])

    def start(self) -> None:
        """Fork the child; the launcher keeps the reading ends."""
        message_read, message_write = os.pipe()
        log_read, log_write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            child.run(self.request, message_write, log_write)
        os.close(message_write)
        os.close(log_write)
        self.messages, self.log = message_read, log_read

    def stop(self, reason: str) -> None:
        """Kill the child's whole group, remembering why (the first reason counts)."""
        self.reason = self.reason or reason
        for kill in (os.killpg, os.kill):
            try:
                kill(self.pid, signal.SIGKILL)
            except OSError:
                continue

    def pass_on(self, chunk: bytes) -> None:
        """Whole message lines to the caller, up to the size limit."""
        self.message_bytes += len(chunk)
        if self.message_bytes > self.limits.result_bytes:
            self.stop("result")
            return
        *lines, self.buffer = (self.buffer + chunk).split(b"\n")
        for line in lines:
            frame(self.out, b"M", line)

    def pass_log(self, chunk: bytes) -> None:
        """Text to the caller until the log is full; after that it is read and dropped."""
        room = self.limits.log_bytes - self.log_bytes
        self.log_bytes += len(chunk)
        if room > 0:
            frame(self.out, b"L", json.dumps(chunk[:room].decode(errors="replace")).encode())

    def look(self) -> None:
        """Clock and disk: stop what is over its limits."""
        if time.monotonic() - self.started > self.limits.wall:
            self.stop("wall")
        elif folder_bytes(Path(self.request["folder"])) > self.limits.output_bytes:
            self.stop("output")


def _read(run: Run, descriptor: int) -> bool:
    """Read what is there; False when the other end is closed."""
    chunk = os.read(descriptor, 65536)
    if chunk:
        (run.pass_on if descriptor == run.messages else run.pass_log)(chunk)
    return bool(chunk)


def _watch(run: Run) -> None:
    """Pass everything on until both pipes are closed or the child is gone."""
    pipes = {run.messages, run.log}
    last_look = time.monotonic()
    while pipes:
        watched = [*pipes, 0] if run.reason != "cancelled" else list(pipes)
        ready, _, _ = select.select(watched, [], [], LOOK_EVERY)
        if 0 in ready:
            os.read(0, 65536)
            run.stop("cancelled")  # a line or the end of the input: both mean that nobody waits any more
        for descriptor in pipes.intersection(ready):
            if not _read(run, descriptor):
                pipes.discard(descriptor)
        if time.monotonic() - last_look >= LOOK_EVERY:
            run.look()
            last_look = time.monotonic()
        if not ready and os.waitid(os.P_PID, run.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break  # a descendant may hold the pipes open; it is killed below


def _reap(run: Run) -> dict[str, Any]:
    """Wait for the child with the clock still running, kill what it left, account for it."""
    while not os.waitid(os.P_PID, run.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        run.look()
        time.sleep(0.005)
    seconds = time.monotonic() - run.started
    try:
        os.killpg(run.pid, signal.SIGKILL)
    except OSError:
        pass
    _, status, usage = os.wait4(run.pid, 0)
    _kill_orphans()
    unit = 1024 if kernel.IS_LINUX else 1
    return {
        "status": os.waitstatus_to_exitcode(status),
        "reason": run.reason,
        "seconds": round(seconds, 3),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
        "peak_memory": usage.ru_maxrss * unit,
    }


def _kill_orphans() -> None:
    """Kill descendants that changed their group, where no filter kept them from starting."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while True:
        try:
            left = [int(word) for word in children.read_text().split()]
        except OSError:
            return
        if not left:
            return
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        for pid in left:
            os.waitpid(pid, 0)


def serve(request: dict[str, Any], out: int) -> None:
    """One request from fork to end frame."""
    run = Run(request=request, out=out)
    run.start()
    try:
        _watch(run)
        end = _reap(run)
    finally:
        os.close(run.messages)
        os.close(run.log)
    frame(out, b"E", json.dumps(end).encode())


def _read_line(timeout: float) -> bytes:
    """One request line from the caller; empty when it left or stayed silent too long."""
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([0], [], [], timeout)
        chunk = os.read(0, 1 << 20) if ready else b""
        if not chunk:
            return b""
        line += chunk
    return line


def main(profile: str, folder: str) -> None:
    """Warm up, then serve until the caller leaves; the folder of all runs is removed at the end."""
    out = os.dup(1)
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    kernel.adopt_orphans()
    for module in PROFILES[profile]:
        importlib.import_module(module)
    try:
        frame(out, b"R", b"{}")
        while line := _read_line(IDLE_SECONDS):
            serve(json.loads(line), out)
    except BrokenPipeError:
        pass
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
