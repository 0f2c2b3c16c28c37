"""How long the rest of a run takes: by what the same checks took before, and how fast this run is beside that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

# A run that is far off what was before says more about other rows than about its own pace.
SLOWEST, FASTEST = 20.0, 0.05


class Pace:
    """The lines of a run in their order, with the seconds each took earlier (where it ran) and takes now."""

    def __init__(self, names: Sequence[str], earlier: Mapping[str, float]) -> None:
        self.names, self.earlier = list(names), earlier
        self.now: dict[str, float] = {}

    def done(self, name: str, seconds: float | None) -> None:
        """A line has its result; None for one whose time says nothing about the others."""
        self.names = [one for one in self.names if one != name]
        if seconds is not None:
            self.now[name] = seconds

    def left(self, current: str = "", spent: float = 0.0) -> float | None:
        """Seconds until all are done, when `current` has been at work for `spent`; None while nothing can be known."""
        pace = self._pace()
        known = {**{name: seconds * pace for name, seconds in self.earlier.items()}, **self.now}
        if not known:
            return None
        usual = fmean(self.now.values() or known.values())
        seconds = {name: known.get(name, usual) for name in self.names}
        if current in seconds:
            seconds[current] = max(0.0, seconds[current] - spent)
        return sum(seconds.values())

    def _pace(self) -> float:
        both = self.now.keys() & self.earlier.keys()
        before = sum(self.earlier[name] for name in both)
        return min(SLOWEST, max(FASTEST, sum(self.now[name] for name in both) / before)) if before else 1.0
