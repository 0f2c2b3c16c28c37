"""From rows to states: the only code that touches rows.

Two ways to the same numbers. Many rows of one hour: sort the column once and look the edges up in it (NumPy's sort is
vectorised). Few rows in many hours: look the values up and count (hour, bin) pairs at once, since sorting has a cost
per hour and column. A test holds the two equal. Both compare whole numbers ordered as the floats are (see `exact`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.monitoring.engine import contents
from apps.monitoring.engine.bins import (
    ABOVE_ALL,
    BELOW_ALL,
    NULL,
    OUTER,
    SCORES,
    Bins,
    Categorical,
    Sought,
)
from apps.monitoring.engine.edges import WIDTH, hashes
from apps.monitoring.engine.exact import Floats, Integers, carry, from_ordered, places_among, quantise, to_ordered
from apps.monitoring.engine.state import State, empty

TOGETHER = 30_000  # values whose sums are made at once: they should fit into the cache
MANY = 250  # rows an hour from which sorting wins


@dataclass(frozen=True, slots=True)
class Counted:
    """One numeric column, per group of rows: [groups, bins], [groups, 3], extremes [groups]; and the values whose sums
    are made (of the bins `Numbers.spread_out`), group by group and in each from the first bin to the last.
    """

    histogram: Integers
    beside: Integers
    outer: Floats
    lowest: Floats
    highest: Floats


def reduce_all(table: pa.Table, bins: Bins) -> State:
    """The state of all rows."""
    if table.num_rows == 0:
        return empty(bins.shape)
    return next(state for _, state in reduce_groups(table, bins, np.zeros(table.num_rows, dtype=np.int64)))


def reduce_groups(table: pa.Table, bins: Bins, groups: Integers) -> Iterator[tuple[int, State]]:
    """For every value of `groups` (one per row: the hour, say) that value and the state of its rows, in rising
    order.
    """
    names, inverse, sizes = _named(groups)
    if len(names) == 0:
        return
    table = contents.complete(table, [*bins.numbers.names, *(one.name for one in bins.categorical)])
    order = np.argsort(inverse, kind="stable") if np.any(np.diff(inverse) < 0) else None
    ends = np.cumsum(sizes)
    counts = np.zeros((len(names), bins.shape.counts), dtype=np.int64)
    sums = np.zeros((2, len(names), bins.shape.sums), dtype=np.int64)
    extremes = np.empty((2, len(names), bins.shape.extremes))
    waiting: list[Counted] = []
    for place, sought in enumerate(bins.sought):
        values = numeric_values(table, bins.numbers.names[place])
        one = count_numeric(values if order is None else values[order], sought, ends)
        inside, beside = bins.counts_of_numeric(place)
        counts[:, inside], counts[:, beside] = one.histogram, one.beside
        extremes[0, :, place], extremes[1, :, place] = one.lowest, one.highest
        waiting.append(one)
        if place + 1 == len(bins.sought) or sum(len(held.outer) for held in waiting) > TOGETHER:
            first = place + 1 - len(waiting)
            sums[:, :, first * 2 * OUTER : (place + 1) * 2 * OUTER] = _outer_sums(waiting, bins, first)
            waiting = []
    for counted, where in zip(bins.categorical, bins.category_at, strict=True):
        counts[:, where] = count_categories(table, counted, inverse, len(names))
    if bins.outputs.has_joint:
        counts[:, bins.joint_at] = count_joint(table, bins, inverse, len(names))
    for place, name in enumerate(names):
        high, low = carry(sums[0, place], sums[1, place])
        bounds = extremes[0, place] + 0.0, extremes[1, place] + 0.0  # minus zero is zero, whatever came first
        yield int(name), State(bins.fingerprint, int(sizes[place]), counts[place].copy(), high, low, *bounds)


def _named(groups: Integers) -> tuple[Integers, Integers, Integers]:
    """The groups there are, for every row the place of its group among them, and how many rows each has."""
    steps = np.diff(groups)
    if not np.any(steps < 0):
        starts = np.concatenate([[0], np.flatnonzero(steps) + 1])[: len(groups)]
        sizes = np.diff(starts, append=len(groups))
        return groups[starts], np.repeat(np.arange(len(starts)), sizes), sizes
    names, inverse, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    return names, inverse, sizes


def numeric_values(table: pa.Table, name: str) -> Floats:
    """A column as floats, nulls as NaN; a column that is not there is all nulls.

    Whole numbers beyond 2**53 become the nearest float. That keeps their order, and edges are floats too, so a value
    and the edge made from it still meet; values that a float cannot tell apart are counted as one.
    """
    place = table.schema.get_field_index(name)  # not the list of names, which is made anew at each asking
    if place < 0:
        return np.full(table.num_rows, np.nan)
    column = table.column(place)
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.int64(), safe=False) if not pa.types.is_date32(column.type) else column.cast(pa.int32())
    if not pa.types.is_float64(column.type):
        column = column.cast(pa.float64(), safe=False)
    if column.null_count:
        column = column.fill_null(np.nan)  # `to_numpy` would do so itself, and take three times as long
    return np.asarray(column.to_numpy(), dtype=np.float64)


def count_numeric(values: Floats, sought: Sought, ends: Integers) -> Counted:
    """Counts of one column whose rows are sorted by group; `ends` says where each group ends."""
    return (_count_sorted if len(values) >= MANY * len(ends) else _count_at_once)(values, sought, ends)


def _count_sorted(values: Floats, sought: Sought, ends: Integers) -> Counted:
    groups, bins = len(ends), len(sought.probes) - 3
    ordered, places = to_ordered(values), np.empty((groups, len(sought.probes)), dtype=np.int64)
    begins = np.concatenate([[0], ends[:-1]])
    # Sorted, a group is NaN, minus infinity, values, infinity, NaN: one look-up finds all this and each bin's begin.
    for group, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        part = ordered[begin:end]
        part.sort()
        places[group] = part.searchsorted(sought.probes, side="right")
    beside = np.empty((groups, 3), dtype=np.int64)
    beside[:, BELOW_ALL] = places[:, 1] - places[:, 0]
    beside[:, ABOVE_ALL] = places[:, -1] - places[:, -2]
    beside[:, NULL] = ends - begins - (places[:, -1] - places[:, 0])
    places = places[:, 1:-1] + begins[:, None]
    histogram = np.zeros((groups, WIDTH), dtype=np.int64)
    histogram[:, :bins] = places[:, 1:] - places[:, :-1]
    taken = [ordered[a:b] for a, b in places[:, sought.stretches].reshape(-1, 2).tolist()]
    first, last = places[:, 0], places[:, -1]
    bounds = from_ordered(ordered[[np.minimum(first, len(ordered) - 1), np.maximum(last, 1) - 1]])
    lowest, highest = np.where(last > first, bounds, [[np.inf], [-np.inf]])
    return Counted(histogram, beside, from_ordered(np.concatenate([ordered[:0], *taken])), lowest, highest)


def _outer_sums(many: list[Counted], bins: Bins, first: int) -> Integers:
    """The exact sums of the bins at either end [halves, groups, columns * 2 * OUTER] of neighbouring columns, `first`
    being the place of the first. The values of all are converted at once.
    """
    columns = slice(first, first + len(many))
    slots, spread_out = bins.numbers.outer[columns], bins.numbers.spread_out[columns]
    pairs = zip(slots, many, strict=True)
    counts = np.stack([np.where(slot >= 0, one.histogram[:, slot], 0) for slot, one in pairs])
    sizes = np.where(spread_out[:, None, :] >= 0, counts, 0)
    by_column = sizes.sum(axis=(1, 2))
    pivots, units = (np.repeat(one[columns], by_column) for one in (bins.numbers.pivot, bins.numbers.unit))
    ends = np.cumsum(sizes)
    found = []
    halves = quantise(np.concatenate([one.outer for one in many]) - pivots, units)
    for half, single in zip(halves, bins.numbers.single, strict=True):
        total = np.concatenate([[0], np.cumsum(half)])[ends]
        sums = np.diff(total, prepend=0).reshape(sizes.shape) + counts * single[columns, None, :]
        found.append(sums.transpose(1, 0, 2).reshape(sizes.shape[1], -1))
    return np.stack(found)


def _count_at_once(values: Floats, sought: Sought, ends: Integers) -> Counted:
    groups = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
    kinds = [np.isnan(values), values == -np.inf, values == np.inf]
    beside = np.stack([np.bincount(groups[kind], minlength=len(ends)) for kind in kinds], axis=1)
    inner = np.isfinite(values)
    values, groups = values[inner], groups[inner]
    where = sought.edges.searchsorted(to_ordered(values), side="left")
    histogram = np.bincount(groups * WIDTH + where, minlength=len(ends) * WIDTH).reshape(len(ends), WIDTH)
    is_wanted = np.zeros(WIDTH + 1, dtype=bool)
    for begin, end in sought.stretches:
        is_wanted[begin:end] = True
    taken = np.flatnonzero(is_wanted[where])
    taken = taken[np.argsort(groups[taken] * WIDTH + where[taken], kind="stable")]
    lowest, highest = np.full(len(ends), np.inf), np.full(len(ends), -np.inf)
    np.minimum.at(lowest, groups, values)
    np.maximum.at(highest, groups, values)
    return Counted(histogram, beside, values[taken], lowest, highest)


def category_names(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as text: categories are compared by their text, truth values as "true" and "false"."""
    if pa.types.is_dictionary(column.type):
        if pa.types.is_string(column.type.value_type):
            return column
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    return column if pa.types.is_string(column.type) else column.cast(pa.string(), safe=False)


def category_codes(table: pa.Table, name: str) -> tuple[Integers, list[str]]:
    """For every row the place of its category in the list returned beside; -1 for null."""
    if table.schema.get_field_index(name) < 0:
        return np.full(table.num_rows, -1, dtype=np.int64), []
    encoded = category_names(table.column(name)).dictionary_encode().unify_dictionaries().combine_chunks()
    codes = encoded.indices.fill_null(-1) if encoded.indices.null_count else encoded.indices
    return codes.to_numpy(zero_copy_only=False), encoded.dictionary.to_pylist()


def cells_of(names: list[str], column: Categorical) -> Integers:
    """The cell of each category: its own, or "other" for a rare one of the reference, or "unseen"."""
    kinds, other = column.categories, len(column.categories.top)
    cells = np.array([kinds.places.get(name, -1) for name in names], dtype=np.int64)
    strange = np.flatnonzero(cells < 0)
    if len(strange) == 0:
        return cells
    if kinds.is_open:
        cells[strange] = other
        return cells
    rare = np.isin(hashes(names[place] for place in strange), kinds.known)
    cells[strange] = np.where(rare, other, other + 1)
    kinds.places.update((names[place], other) for place in strange[rare])  # so that each is hashed once
    return cells


def count_categories(table: pa.Table, column: Categorical, groups: Integers, size: int) -> Integers:
    """Counts per group [size, cells + nulls]."""
    codes, names = category_codes(table, column.name)
    width = column.categories.cells + 1
    # Wrapped around, the code of null is the last one; not to ask whether codes are in range saves half the time.
    cells = np.append(cells_of(names, column), width - 1).take(codes, mode="wrap")
    return np.bincount(groups * width + cells, minlength=size * width).reshape(size, width)


def count_joint(table: pa.Table, bins: Bins, groups: Integers, size: int) -> Integers:
    """Counts of (predicted label, score bin) per group [size, labels * SCORES]; rows of an unknown label are left
    out.
    """
    rows, labels = label_codes(table, bins.outputs.prediction, bins.outputs.labels), len(bins.outputs.labels)
    scores = score_bins(table, bins)
    known = rows >= 0
    key = (groups * labels + rows) * SCORES + scores
    return np.bincount(key[known], minlength=size * labels * SCORES).reshape(size, labels * SCORES)


def label_codes(table: pa.Table, name: str, labels: tuple[str, ...]) -> Integers:
    """For every row the place of its label among the labels; -1 for null and for labels that are not among them."""
    codes, names = category_codes(table, name)
    places = {label: place for place, label in enumerate(labels)}
    return np.array([places.get(found, -1) for found in names] + [-1], dtype=np.int64)[codes]


def score_bins(table: pa.Table, bins: Bins) -> Integers:
    """The score's bin of every row; the last place for rows without a finite score."""
    column = bins.score_column
    if column is None:
        return np.full(table.num_rows, SCORES - 1, dtype=np.int64)
    scores = numeric_values(table, column.name)
    where = places_among(column.edges.values, scores)
    return np.where(np.isfinite(scores), where, SCORES - 1)


def kind_of(column_type: Any) -> str:
    """Whether a column of this Arrow type is counted as "numeric" or as "category"."""
    types = pa.types
    numeric = types.is_integer(column_type) or types.is_floating(column_type) or types.is_decimal(column_type)
    return "numeric" if numeric or types.is_temporal(column_type) else "category"
