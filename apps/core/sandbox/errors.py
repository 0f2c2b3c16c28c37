"""What can go wrong in an isolated run, each with a sentence for a person."""

from __future__ import annotations


class SandboxError(Exception):
    """An isolated run that gave no result. `str(error)` is a sentence that can be shown as it stands."""

    code = "failed"

    def __init__(self, sentence: str, *, log: str = "", layer: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.log = log
        self.layer = layer


class TimedOut(SandboxError):
    """The run needed longer than its wall clock or its processor seconds allowed."""

    code = "timed_out"


class OutOfMemory(SandboxError):
    """The run asked for more memory than its limit."""

    code = "out_of_memory"


class Crashed(SandboxError):
    """The child was ended by a signal."""

    code = "crashed"

    def __init__(self, sentence: str, *, signal: int = 0, log: str = "", layer: str = "") -> None:
        super().__init__(sentence, log=log, layer=layer)
        self.signal = signal


class Refused(SandboxError):
    """The function said no with a sentence of its own, or something was tried that the walls forbid."""

    code = "refused"


class Cancelled(SandboxError):
    """The caller asked to stop."""

    code = "cancelled"


class Failed(SandboxError):
    """The function raised an error of its own; the traceback is in `log`."""

    code = "failed"
