"""When a difference deserves a person's attention: two gates, enough rows, and more than one bad window.

 An effect alone cries wolf on small samples, and a p-value alone on large ones. So a signal needs an effect over its
limit *and* a corrected p-value (Benjamini-Hochberg over all tests of its family in the check). One bad window is not
yet news.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from apps.monitoring.engine.exact import Floats, Integers
from apps.monitoring.engine.results import LEVELS

NOT_ENOUGH, QUIET, NEAR, DRIFT = LEVELS
WORST = LEVELS.index(DRIFT)
OPEN, CLOSE, KEEP = "open", "close", "keep"


class Unusable(ValueError):
    """The limits contradict each other or are out of range; the sentence says which."""


@dataclass(frozen=True)
class Limits:
    """The limits of one monitor. Shares are absolute changes; `features` overrides `psi` for single features.

    A signal opens after `open_after` bad windows among the last `among`, and closes after `close_after` windows in a
    row whose effects are all under `release` times their limits.
    """

    psi: float = 0.1
    severe: float = 0.25
    q: float = 0.01
    null: float = 0.05
    unseen: float = 0.02
    outside: float = 0.05
    minimum: int = 200
    most_windows: int = 7
    open_after: int = 2
    among: int = 3
    close_after: int = 2
    release: float = 0.8
    performance: float = 0.03
    error_share: float = 0.02
    latency: float = 0.5
    rating: float = 3.0
    silence_hours: int = 24
    impact: float = 0.8
    gap: float = 0.1
    group: int = 50
    told_apart: float = 0.1
    features: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shares = [self.q, self.null, self.unseen, self.outside, self.release, self.impact, self.gap]
        shares.append(self.told_apart)
        if not all(0 < share <= 1 for share in shares) or self.psi <= 0 or self.performance <= 0:
            raise Unusable(
                "Limits of shares, q and release lie above 0 and at most at 1; those of effects are above 0."
            )
        if not all(0 < limit < np.inf for limit in self.features.values()):
            raise Unusable("Limits of single features are numbers above 0.")
        if not 1 <= self.open_after <= self.among:
            raise Unusable("A signal opens after 1 or more bad windows, among at least as many.")
        if min(self.minimum, self.most_windows, self.close_after, self.silence_hours, self.group) < 1:
            raise Unusable("Rows, windows and hours are counted from 1.")

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> "Limits":
        """Limits from stored JSON; unknown names and words for numbers raise Unusable."""
        unknown = set(given) - set(cls.__dataclass_fields__)
        if unknown:
            raise Unusable(f"There is no limit named {', '.join(sorted(unknown))}.")
        try:
            plain: dict[str, Any] = {name: _number(name, given[name]) for name in given if name != "features"}
            return cls(**plain, features={key: float(value) for key, value in given.get("features", {}).items()})
        except (TypeError, ValueError, AttributeError) as error:
            if isinstance(error, Unusable):
                raise
            raise Unusable("Limits are numbers, and those of single features a table of feature and number.") from error

    def as_json(self) -> dict[str, Any]:
        """The limits as they are stored with a result."""
        return {**vars(self), "features": dict(self.features)}

    def effect(self, feature: str) -> float:
        """The limit of the stability index for this feature."""
        return self.features.get(feature, self.psi)


def _number(name: str, value: Any) -> float | int:
    whole = Limits.__dataclass_fields__[name].type in ("int", int)
    number = int(value) if whole else float(value)
    if isinstance(value, bool) or number != float(value):
        raise Unusable(f"The limit {name} is a {'whole ' if whole else ''}number.")
    return number


def benjamini_hochberg(p: Floats) -> Floats:
    """The q-value of every p-value: the false discovery rate at which it would still be called a discovery."""
    size = len(p)
    if size == 0:
        return p
    order = np.argsort(p)
    scaled = p[order] * size / np.arange(1, size + 1)
    q = np.empty(size)
    q[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return np.minimum(q, 1.0)


def windows_needed(rows: Sequence[int], limits: Limits) -> int | None:
    """How many windows, newest first, together have the minimum of rows; None when even the most do not."""
    total = 0
    for number, size in enumerate(rows[: limits.most_windows], start=1):
        total += size
        if total >= limits.minimum:
            return number
    return None


def level(effect: float, q: float, limit: float, limits: Limits) -> str:
    """DRIFT when both gates are passed, NEAR when the effect is not yet back under its release, else QUIET."""
    if effect >= limit and q < limits.q:
        return DRIFT
    return NEAR if effect >= limits.release * limit and q < limits.q else QUIET


def levels(effects: Floats, q: Floats, limit: Floats | float, limits: Limits) -> Integers:
    """The `level` of each of many effects, as its place in LEVELS; a q-value that is not a number counts as one."""
    passed = q < limits.q
    near = passed & (effects >= limits.release * limit)
    return WORST - 2 + near.astype(np.int64) + (passed & (effects >= limit))


def worst(levels: Sequence[str]) -> str:
    """The level of a check from those of its signals."""
    for found in (DRIFT, NEAR, QUIET):
        if found in levels:
            return found
    return NOT_ENOUGH


def move(is_open: bool, history: Sequence[str], limits: Limits) -> str:
    """Whether a signal opens, closes or stays, from the levels of its windows, oldest first.

    Windows without enough rows say nothing, neither that it is bad nor that it is over.
    """
    told = [one for one in history if one != NOT_ENOUGH]
    if not is_open:
        return OPEN if told[-limits.among :].count(DRIFT) >= limits.open_after else KEEP
    calm = told[-limits.close_after :]
    return CLOSE if len(calm) == limits.close_after and all(one == QUIET for one in calm) else KEEP
