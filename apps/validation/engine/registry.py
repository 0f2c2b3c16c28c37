"""All checks by key: the built-in ones and those other packages bring through the entry point group tenure.checks."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from apps.validation.engine.base import Check, Family, Kind

GROUP = "tenure.checks"
BUILT_IN = (
    "performance",
    "comparison",
    "calibration",
    "residuals",
    "thresholds",
    "learning",
    "consistency",
    "seeds",
    "formats",
    "slices",
    "fairness",
    "equity",
    "mitigation",
    "robustness",
    "stress",
    "scenarios",
    "explainability",
    "latency",
    "security",
    "scanner",
    "data",
    "leakage",
    "quality",
    "shift",
    "roles",
    "forecast",
    "ranking",
    "documentation",
    "outside",
)


class Registry:
    """The checks one can put into a plan, and what went wrong while gathering them."""

    def __init__(self) -> None:
        self._checks: dict[str, type[Check]] = {}
        self.problems: list[str] = []

    def add(self, check: type[Check]) -> None:
        """Take a check in; a key that is taken or a class without one is a ValueError."""
        missing = [
            name
            for name in ("key", "family", "title", "question", "metric", "source", "limits")
            if not hasattr(check, name)
        ]
        if missing:
            raise ValueError(f"{check.__name__} does not say its {', '.join(missing)}.")
        if check.key in self._checks:
            raise ValueError(f"The key {check.key} is taken by {self._checks[check.key].__name__}.")
        self._checks[check.key] = check

    def add_from_outside(self, name: str, found: object) -> None:
        """Take in what an entry point gave: a check or an iterable of checks. Trouble is noted, not raised."""
        candidates = found if isinstance(found, Iterable) else [found]
        for candidate in candidates:
            try:
                if not (isinstance(candidate, type) and issubclass(candidate, Check)):
                    raise ValueError("it is not a Check.")
                self.add(candidate)
            except ValueError as error:
                self.problems.append(f"The check from {name} is left out: {error}")

    def get(self, key: str) -> type[Check]:
        """The check of that key; KeyError with a sentence when nobody brings it."""
        try:
            return self._checks[key]
        except KeyError:
            raise KeyError(f"No check has the key {key}.") from None

    def all(self) -> list[type[Check]]:
        """Every check, in the order of the report: by family, then by key."""
        order = list(Family)
        return sorted(self._checks.values(), key=lambda check: (order.index(check.family), check.key))

    def for_kind(self, kind: Kind, answer: Kind | None = None) -> list[type[Check]]:
        """The checks that can be put to a plan of this kind, for a model with this answer or with any it may have."""
        return [check for check in self.all() if check.goes_with(kind, answer)]

    @property
    def informing(self) -> frozenset[str]:
        """The keys of the checks that only tell."""
        return frozenset(key for key, check in self._checks.items() if check.informs)


@cache
def registry() -> Registry:
    """The one registry of this process, filled at first use."""
    filled = Registry()
    for name in BUILT_IN:
        for check in import_module(f"apps.validation.engine.checks.{name}").CHECKS:
            filled.add(check)
    for entry in entry_points(group=GROUP):
        try:
            found = entry.load()
        except Exception as error:  # a broken package must cost its own checks, never the others
            filled.problems.append(f"The checks of {entry.name} could not be loaded: {error}")
            continue
        filled.add_from_outside(entry.name, found)
    return filled
