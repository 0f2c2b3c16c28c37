"""What a function sees when it runs in the sandbox, and what a caller may limit and gets back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

KIB, MIB, GIB = 2**10, 2**20, 2**30

Progress = Callable[[int, int, str], None]
Told = Callable[[Any], None]
SandboxedFunction = Callable[["Job"], Any]


@dataclass(frozen=True)
class Limits:
    """Limits of one run. `memory` is what may be allocated beyond the libraries that are loaded already."""

    wall: float = 300.0
    cpu: float | None = None
    memory: int = 4 * GIB
    file_size: int = GIB
    output_bytes: int = 2 * GIB
    result_bytes: int = 16 * MIB
    log_bytes: int = 256 * KIB
    threads: int = 1

    @property
    def cpu_seconds(self) -> int:
        """Processor seconds: as given, else the wall clock on every thread."""
        return max(1, round(self.cpu if self.cpu is not None else self.wall * self.threads))

    def as_json(self) -> dict[str, Any]:
        """The limits as plain JSON, `cpu` resolved."""
        return {**asdict(self), "cpu": self.cpu_seconds}


@dataclass(frozen=True)
class Result:
    """What an isolated run gave, and which walls stood around it."""

    value: Any
    layer: str
    missing: list[str]
    seconds: float
    cpu_seconds: float
    peak_memory: int
    log: str


def _no_progress(done: int, total: int, message: str) -> None:
    """Progress that nobody listens to."""


def _nobody_listens(part: Any) -> None:
    """Parts of a result that nobody listens to."""


@dataclass(frozen=True)
class Job:
    """The one argument of a sandboxed function: JSON, read-only input files, an empty folder for flat output files."""

    payload: dict[str, Any]
    inputs: dict[str, Path]
    outputs: Path
    threads: int = 1
    progress: Progress = field(default=_no_progress)
    tell: Told = field(default=_nobody_listens)  # a part of the result, as JSON, before the end
    layer: str = "none"  # the walls around this run, in words

    @classmethod
    def local(
        cls,
        *,
        payload: dict[str, Any] | None = None,
        inputs: dict[str, str | Path] | None = None,
        outputs: str | Path = ".",
        progress: Progress = _no_progress,
        tell: Told = _nobody_listens,
    ) -> Job:
        """A job for calling the function directly, without walls, as tests of an engine do."""
        paths = {name: Path(path) for name, path in (inputs or {}).items()}
        return cls(payload=payload or {}, inputs=paths, outputs=Path(outputs), progress=progress, tell=tell)


def sandboxed[F: SandboxedFunction](function: F) -> F:
    """Mark a function of an `engine` package as one that the sandbox may run: the mark is the allow-list."""
    function.__sandboxed__ = True  # type: ignore[attr-defined]
    return function
