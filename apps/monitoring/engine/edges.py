"""Where a numeric feature's bins lie, and which categories of a feature are counted by name.

 Bins are closed on the right: bin `i` holds `edges[i-1] < x <= edges[i]`. The first edge is the float just below the
smallest reference value and the last is the largest, so the first and last bins hold what the reference never had.
240 quantile bins nest into 10, 16, 20, 24, 30 and 40 groups, so that coarse statistics are the same numbers as from
the rows.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from apps.monitoring.engine.exact import Floats, Integers

BINS = 240
WIDTH = BINS + 2  # with the two bins outside the reference
LISTED = BINS - 30  # distinct values up to which each has an edge: what fills one of 30 groups has two in any case
TOP = 250  # categories counted by name
KNOWN = 5_000  # further categories remembered by hash, so that "rare" can be told from "never seen"


@dataclass(frozen=True, slots=True)
class Edges:
    """Right-closed bin edges of one feature: strictly rising, at most `BINS` + 1 of them.

    `mode` is "quantiles"; "distinct" when every reference value has an edge, the most frequent of them one on either
    side, so that values which appear between them are counted apart; or "empty" when the reference holds no finite
    value and nothing can be compared.
    """

    values: Floats
    mode: str

    @property
    def bins(self) -> int:
        """Number of bins, the two outer ones included."""
        return len(self.values) + 1

    def atoms(self) -> NDArray[np.bool_]:
        """Per bin: whether the bin can hold one value only, so that nothing can lie between its ends."""
        alone = np.zeros(self.bins, dtype=bool)
        alone[1:-1] = np.nextafter(self.values[:-1], np.inf) == self.values[1:]
        return alone


def quantile_values(ordered: Floats, parts: int) -> Floats:
    """The `parts` + 1 quantiles of sorted values, from the smallest to the largest, each one of the values themselves.

    The inverse of the empirical distribution (Hyndman and Fan's first definition): at most k/parts of the values lie
    below the k-th. Integers only, so no rounding can move an edge.
    """
    size = len(ordered)
    places = (size * np.arange(parts + 1) + parts - 1) // parts - 1
    return ordered[np.clip(places, 0, size - 1)]


def with_atoms(quantiles: Floats) -> Floats:
    """Rising edges from all quantiles but the first: a value that several share gets an edge just below it, hence
    its own bin.
    """
    repeated = np.unique(quantiles[1:][quantiles[1:] == quantiles[:-1]])
    return np.unique(np.concatenate([quantiles[1:], just_below(repeated)]))


def just_below(values: Floats) -> Floats:
    """The next smaller float of each value; minus infinity below the smallest there is."""
    with np.errstate(over="ignore"):
        return np.nextafter(values, -np.inf)


def edges_of(ordered: Floats) -> Edges:
    """Edges for a feature from its sorted finite reference values."""
    if len(ordered) == 0:
        return Edges(np.empty(0), "empty")
    below = just_below(ordered[:1])
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    distinct, counts = ordered[first], np.diff(np.append(first, len(ordered)))
    if len(distinct) <= LISTED:
        often = distinct[np.argsort(-counts, kind="stable")[: BINS - len(distinct)]]
        return Edges(np.unique(np.concatenate([below, distinct, just_below(often)])), "distinct")
    return Edges(np.unique(np.concatenate([below, with_atoms(quantile_values(ordered, BINS))])), "quantiles")


def group_cuts(ordered: Floats, edges: Edges, groups: int) -> Integers:
    """Which edges divide the bins into about `groups` groups of equal reference share; values outside join the outer
    groups.

    The cuts are the reference's quantiles (deciles for ten groups); a value that fills a whole group by itself is cut
    off on both sides.
    """
    if edges.mode == "empty":
        return np.empty(0, dtype=np.int64)
    quantiles = quantile_values(ordered, groups)
    repeated = np.unique(quantiles[1:][quantiles[1:] == quantiles[:-1]])
    at = np.searchsorted(edges.values, quantiles[1:-1])
    beside = np.searchsorted(edges.values, repeated)
    beneath = np.searchsorted(edges.values, just_below(repeated), side="right") - 1
    return np.unique(np.concatenate([at, beside, beneath])).astype(np.int64)


def shown_cuts(ordered: Floats, edges: Edges, columns: int) -> Integers:
    """Which edges divide the bins into about `columns` columns of even width between the first and last hundredth."""
    if edges.mode == "empty":
        return np.empty(0, dtype=np.int64)
    low, high = quantile_values(ordered, 100)[[1, 99]]
    with np.errstate(over="ignore", invalid="ignore"):
        grid = np.linspace(low, high, columns + 1) if high > low else np.array([low])
        found = np.abs(edges.values[:, None] - grid[None, :]).argmin(axis=0)
    return np.unique(found).astype(np.int64)


@dataclass(frozen=True)
class Categories:
    """The categories of one feature: `top` by name, `known` by hash, and whether there were too many to remember
    (`is_open`).
    """

    top: tuple[str, ...]
    known: NDArray[np.uint64]
    is_open: bool

    @cached_property
    def places(self) -> dict[str, int]:
        """The cell of every top category, and of those others that were met and found to be known."""
        return {name: place for place, name in enumerate(self.top)}

    @property
    def cells(self) -> int:
        """Counted cells: every top category, "other" and "unseen"."""
        return len(self.top) + 2


def categories_of(counts: dict[str, int]) -> Categories:
    """The categories to count by name, most frequent first, and what is remembered of the others."""
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    rest = ranked[TOP:]
    is_open = len(rest) > KNOWN
    known = np.empty(0, dtype=np.uint64) if is_open else np.unique(hashes(rest))
    return Categories(tuple(ranked[:TOP]), known, is_open)


def hashes(names: Iterable[str]) -> NDArray[np.uint64]:
    """A 64-bit hash of each name."""
    digests = b"".join(hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest() for name in names)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)
