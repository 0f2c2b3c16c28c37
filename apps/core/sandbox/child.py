"""Inside the isolated child: close in, call the one function, send JSON. Runs after a fork of the launcher."""

from __future__ import annotations

import errno
import importlib
import json
import math
import os
import re
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

from . import kernel, walls
from .errors import Refused
from .job import Job, Limits, SandboxedFunction

ALLOWED = re.compile(r"^apps\.[a-z_]+\.(engine|sandbox)(\.[a-z_]+)*:[a-z_]+$")
MEMORY_WORDS = re.compile(r"bad.?alloc|out of memory|cannot allocate memory|(failed|unable) to allocate", re.IGNORECASE)
FORBIDDEN = {errno.EPERM, errno.EACCES, errno.EROFS}
MESSAGES = 3


def plain(value: Any) -> Any:
    """The value as strict JSON: NumPy numbers and arrays as numbers and lists, NaN and infinity as null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | int | bool) or value is None:
        return value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    raise TypeError(f"A result of type {type(value).__name__} cannot be sent as JSON.")


def send(message: dict[str, Any]) -> None:
    """Write one message line to the launcher."""
    data = json.dumps(message, allow_nan=False).encode() + b"\n"
    while data:
        data = data[os.write(MESSAGES, data) :]


def find(function: str) -> SandboxedFunction:
    """The function by its dotted path, only from an engine package and only if it carries the mark."""
    if not ALLOWED.match(function):
        raise Refused(f"'{function}' is not a function that may run in the sandbox.")
    module, name = function.split(":")
    found = getattr(importlib.import_module(module), name, None)
    if not getattr(found, "__sandboxed__", False):
        raise Refused(f"'{function}' is not marked as one that may run in the sandbox.")
    return found  # type: ignore[return-value]


def classify(error: BaseException) -> tuple[str, str]:
    """Code and sentence for what the function raised."""
    if isinstance(error, Refused):
        return "refused", error.sentence
    if isinstance(error, MemoryError) or MEMORY_WORDS.search(str(error)):
        return "out_of_memory", "The calculation asked for more memory than it may have."
    if isinstance(error, OSError) and error.errno in FORBIDDEN:
        what = f" ({error.filename})" if error.filename else ""
        return "refused", f"The calculation tried something that is forbidden in here: {error.strerror}{what}."
    text = " ".join(str(error).split())[:500]
    return "failed", f"The calculation stopped with an error. {type(error).__name__}: {text}"


def _settle_descriptors(messages: int, log: int) -> None:
    """Standard output and error to the log, messages on descriptor 3, everything else closed."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    # `log` may be descriptor 3 itself: it has been copied to 1 and 2 by now.
    os.dup2(messages, MESSAGES)
    os.closerange(MESSAGES + 1, 65536)


def _work(request: dict[str, Any]) -> Any:
    """Close in, then call the function; the walls are announced before anything foreign is touched."""
    limits = Limits(**request["limits"])
    folder = Path(request["folder"])
    work, outputs = folder / "work", folder / "outputs"
    os.chdir(work)
    os.environ.update(HOME=str(work), TMPDIR=str(work))
    inputs = {name: Path(path) for name, path in request["inputs"].items()}
    held = walls.close_in(
        limits=limits,
        inputs=list(inputs.values()),
        writable=[work, outputs],
        outer=request["outer"],
        missing=request["missing"],
    )
    send({"walls": held.layer, "missing": held.missing})

    def progress(done: int, total: int, message: str) -> None:
        send({"progress": [int(done), int(total), str(message)[:500]]})

    def tell(part: Any) -> None:
        send({"part": plain(part)})

    job = Job(
        payload=request["payload"],
        inputs=inputs,
        outputs=outputs,
        threads=limits.threads,
        progress=progress,
        tell=tell,
        layer=held.layer,
    )
    return find(request["function"])(job)


def run(request: dict[str, Any], messages: int, log: int) -> NoReturn:
    """The whole life of the child; never returns."""
    kernel.die_with_parent()
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _settle_descriptors(messages, log)
    status = 1
    try:
        send({"value": plain(_work(request))})
        status = 0
    except BaseException as error:
        # Whatever it was, the parent gets a sentence.
        code, sentence = classify(error)
        if not isinstance(error, Refused):
            traceback.print_exc()
        send({"error": code, "sentence": sentence})
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
