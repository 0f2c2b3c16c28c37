"""What computes a result, as hashes: the code of a check, and the libraries beneath it."""

from __future__ import annotations

import hashlib
import importlib
import platform
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

from apps.validation.engine.base import Check

APPS = Path(__file__).resolve().parents[2]
BUILT_IN = "apps.validation.engine."
# The checks themselves, and what opens models and reads rows for them.
OURS = (APPS / "validation" / "engine", APPS / "models" / "engine")


def is_built_in(check: type[Check]) -> bool:
    """Whether it comes with Tenure."""
    return check.__module__.startswith(BUILT_IN)


def code_of(check: type[Check]) -> str:
    """A hash over our own code and, for a check of another package, over the code of that package."""
    return _code("" if is_built_in(check) else check.__module__.partition(".")[0])


@cache
def _code(package: str) -> str:
    digest = hashlib.sha256()
    for place in (*OURS, *(_places(package) if package else ())):
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(f"{path.relative_to(place)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _places(package: str) -> list[Path]:
    module = importlib.import_module(package)
    return [Path(one) for one in getattr(module, "__path__", None) or [module.__file__]]


@cache
def libraries() -> str:
    """A hash over Python, the kind of machine and the version of every package that is installed."""
    there = sorted({f"{one.name} {one.version}" for one in distributions()})
    return hashlib.sha256("\n".join([platform.python_version(), platform.machine(), *there]).encode()).hexdigest()
