"""From the end of a child to a result or an error with a sentence. Everything the child said is foreign text here."""

from __future__ import annotations

import json
import signal
from typing import Any

from .errors import Cancelled, Crashed, Failed, OutOfMemory, Refused, SandboxError, TimedOut
from .job import GIB, MIB, Result

MEMORY_SIGNS = ("bad_alloc", "bad allocation", "MemoryError", "out of memory", "Cannot allocate memory")


def read_json(text: bytes) -> Any:
    """The JSON value, or None for text that is none: a broken child must not break the caller."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def read_progress(value: Any) -> tuple[int, int, str]:
    """Steps done, steps in all and a message; zeros for anything else."""
    match value:
        case [int(done), int(total), str(message)]:
            return done, total, message[:500]
        case _:
            return 0, 0, ""


def _size(count: int) -> str:
    """Bytes in words."""
    return f"{count / GIB:.1f} GiB" if count >= GIB else f"{count / MIB:.0f} MiB"


def _stopped(end: dict[str, Any], limits: dict[str, Any]) -> SandboxError | None:
    """The error for a child that the launcher stopped."""
    match end["reason"]:
        case "wall":
            return TimedOut(f"The calculation was stopped after {limits['wall']:g} seconds, its time limit.")
        case "cancelled":
            return Cancelled("The calculation was stopped because it was cancelled.")
        case "output":
            return Refused(f"The calculation wrote more than {_size(limits['output_bytes'])} of files, its limit.")
        case "result":
            return Refused(f"The calculation answered with more than {_size(limits['result_bytes'])}, its limit.")
    return None


def _by_signal(number: int, limits: dict[str, Any], log: str) -> SandboxError:
    """The error for a child that was ended by a signal nobody here sent."""
    if number == signal.SIGXCPU:
        return TimedOut(f"The calculation was stopped after {limits['cpu']} processor seconds, its limit.")
    if number == signal.SIGKILL:
        return OutOfMemory("The calculation was ended by the system, most likely because memory ran out.")
    if any(sign in log for sign in MEMORY_SIGNS):
        return OutOfMemory(_memory_sentence(limits))
    name = signal.Signals(number).name if number in signal.valid_signals() else f"signal {number}"
    return Crashed(
        f"The calculation crashed ({name}). The file or the data broke the library that read it.", signal=number
    )


def _memory_sentence(limits: dict[str, Any]) -> str:
    return f"The calculation asked for more memory than its limit of {_size(limits['memory'])}."


def _said(message: dict[str, Any], limits: dict[str, Any]) -> SandboxError:
    """The error that the child reported itself."""
    sentence = str(message.get("sentence") or "The calculation stopped with an error.")[:2000]
    match message.get("error"):
        case "refused":
            return Refused(sentence)
        case "out_of_memory":
            return OutOfMemory(_memory_sentence(limits))
        case _:
            return Failed(sentence)


def settle(
    *,
    end: dict[str, Any],
    messages: list[dict[str, Any]],
    walls: dict[str, Any] | None,
    log: str,
    request: dict[str, Any],
) -> Result:
    """The result of a child that ended well; raises the fitting error otherwise."""
    limits = request["limits"]
    layer = str((walls or {}).get("walls", ""))
    last = messages[-1] if messages else {}
    error = _stopped(end, limits)
    if error is None and end["status"] < 0:
        error = _by_signal(-end["status"], limits, log)
    if error is None and (end["status"] or "value" not in last):
        error = _said(last, limits)
    if error is not None:
        error.log, error.layer = log, layer
        raise error
    return Result(
        value=last["value"],
        layer=layer,
        missing=[str(sentence) for sentence in (walls or {}).get("missing", [])],
        seconds=float(end["seconds"]),
        cpu_seconds=float(end["cpu_seconds"]),
        peak_memory=int(end["peak_memory"]),
        log=log,
    )
