"""Deliberate misbehaviour: what the walls must hold. `python -m apps.core.sandbox` runs it on the present machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import Any

from .errors import Refused
from .job import GIB, Job, sandboxed


@sandboxed
def say(job: Job) -> dict[str, Any]:
    """Behave well: give back the payload and what can be seen from inside."""
    job.progress(1, 2, "Half way")
    print("said to the log", flush=True)
    for name, path in job.inputs.items():
        (job.outputs / f"{name}.copy").write_bytes(path.read_bytes())
    return {
        "payload": job.payload,
        "environment": dict(os.environ),
        "folder": os.listdir(),
        "pid": os.getpid(),
        "layer": job.layer,
    }


@sandboxed
def tell_then_crash(job: Job) -> None:
    """Hand on two parts of the result, then die: what was told must have arrived."""
    job.tell({"part": 1})
    job.tell({"part": float("nan")})
    os.kill(os.getpid(), signal.SIGSEGV)


@sandboxed
def loop_forever(job: Job) -> None:
    """Compute without end."""
    while True:
        pass


@sandboxed
def wait_forever(job: Job) -> None:
    """Do nothing without end."""
    signal.pause()


@sandboxed
def start_processes_without_end(job: Job) -> None:
    """A fork bomb."""
    while True:
        if os.fork() == 0:
            while True:
                os.fork()


@sandboxed
def take_memory(job: Job) -> int:
    """Ask for 100 GiB."""
    return len(bytearray(100 * GIB))


@sandboxed
def open_socket(job: Job) -> None:
    """Reach for the network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"out", ("192.0.2.1", 9))


@sandboxed
def start_program(job: Job) -> None:
    """Start another program."""
    subprocess.run(["/bin/true"], check=True)


@sandboxed
def write_outside(job: Job) -> None:
    """Write where it has no business."""
    with open(job.payload["path"], "w") as handle:
        handle.write("was here")


@sandboxed
def read_outside(job: Job) -> str:
    """Read what it was not given."""
    with open(job.payload["path"]) as handle:
        return handle.read()


@sandboxed
def change_input(job: Job) -> None:
    """Write into an input file."""
    with open(job.inputs["file"], "a") as handle:
        handle.write("changed")


@sandboxed
def leave_link(job: Job) -> None:
    """Leave a link to a foreign file among the outputs."""
    os.symlink("/etc/passwd", job.outputs / "answer.json")


@sandboxed
def signal_parent(job: Job) -> None:
    """Kill whoever started us."""
    os.kill(os.getppid(), signal.SIGKILL)


@sandboxed
def crash(job: Job) -> None:
    """End by a signal of the processor or the C library."""
    os.kill(os.getpid(), job.payload["signal"])


@sandboxed
def fill_disk(job: Job) -> None:
    """Write files until somebody minds."""
    number = 0
    while True:
        number += 1
        (job.outputs / f"{number}.bin").write_bytes(bytes(1 << 20))


@sandboxed
def answer_too_much(job: Job) -> str:
    """A result beyond any limit."""
    return "x" * (1 << 26)


@sandboxed
def refuse(job: Job) -> None:
    """Say no with a sentence."""
    raise Refused("The column 'month' is not in this file.")


@sandboxed
def stumble(job: Job) -> None:
    """Raise an ordinary error."""
    raise ValueError("three is not two")


def unmarked(job: Job) -> None:
    """Carries no mark, so it may not run."""


def report() -> int:
    """Try every wall on this machine and print what held; the number of walls that did not."""
    from . import Limits, SandboxError, run

    limits = Limits(wall=3, memory=GIB, output_bytes=1 << 24)
    trials: dict[str, tuple[str, dict[str, Any]]] = {
        "endless loop": ("loop_forever", {}),
        "fork bomb": ("start_processes_without_end", {}),
        "100 GiB of memory": ("take_memory", {}),
        "a socket": ("open_socket", {}),
        "another program": ("start_program", {}),
        "a write outside": ("write_outside", {"path": "/tenure-was-here"}),
        "a read outside": ("read_outside", {"path": "/etc/passwd"}),
        "a filled disk": ("fill_disk", {}),
        "a crash": ("crash", {"signal": int(signal.SIGSEGV)}),
    }
    layer, missing, failures = "", list[str](), 0
    for name, (function, payload) in trials.items():
        try:
            result = run(f"{__name__}:{function}", payload=payload, limits=limits, profile="light")
        except SandboxError as error:
            layer = error.layer
            print(f"held    {name}: {error.sentence}")
        else:
            failures, layer, missing = failures + 1, result.layer, result.missing
            print(f"BROKEN  {name}: went through.")
    print(f"walls   {layer}", *missing, sep="\n        ", file=sys.stdout)
    return failures
