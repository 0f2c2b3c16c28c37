"""Which segment each row lies in: the value of a column, or the stretch of a figure between cuts.

At most `MOST` values of a column have a segment of their own, in the order in which they came; later ones share
"(other)", so that a column of a million values costs no more than fifty states an hour.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa

from apps.monitoring.engine.exact import Integers
from apps.monitoring.engine.reduce import category_codes, numeric_values

MOST = 50
LONGEST = 50
OTHER, NONE = "(other)", "(none)"


@dataclass
class Column:
    """A column to tell rows apart by. `values` grows with what comes, up to MOST."""

    name: str
    cuts: Sequence[float] = ()
    values: list[str] = field(default_factory=list)

    @property
    def labels(self) -> list[str]:
        """Every segment there can be now, in the order people expect."""
        return [*(stretches(self.cuts) if self.cuts else self.values), OTHER, NONE]


def name_of(column: str, value: str) -> str:
    """The name a segment's states are kept under."""
    return f"{column}={value}"


def column_of(segment: str) -> str:
    """The column of a segment's name."""
    return segment.split("=", 1)[0]


def short(value: str) -> str:
    """A value as it names a segment: long ones are cut and told apart by a hash; none is taken for a word of ours."""
    if len(value) <= LONGEST and value not in (OTHER, NONE):
        return value
    return f"{value[: LONGEST - 8]}~{hashlib.sha256(value.encode()).hexdigest()[:7]}"


def stretches(cuts: Sequence[float]) -> list[str]:
    """The stretches between cuts: "below 25", "25 to 40", "40 and above"."""
    between = [f"{low:g} to {high:g}" for low, high in pairwise(cuts)]
    return [f"below {cuts[0]:g}", *between, f"{cuts[-1]:g} and above"]


def places(table: pa.Table, column: Column) -> tuple[Integers, list[str]]:
    """For every row the place of its segment in the list returned beside. New values are added to `column.values`."""
    if column.cuts:
        return _by_cuts(table, column)
    codes, names = category_codes(table, column.name)
    known = {value: place for place, value in enumerate(column.values)}
    found = np.full(len(names), len(column.values), dtype=np.int64)
    for code in _in_order(codes):
        value = short(names[code])
        if value not in known and len(column.values) < MOST:
            known[value] = len(column.values)
            column.values.append(value)
        found[code] = known.get(value, -1)
    other = len(column.values)
    found = np.where(found < 0, other, found)
    return np.append(found, other + 1)[codes], column.labels


def _in_order(codes: Integers) -> list[int]:
    """The codes that occur, in the order of their first row."""
    seen, first = np.unique(codes[codes >= 0], return_index=True)
    return [int(code) for code in seen[np.argsort(first, kind="stable")]]


def _by_cuts(table: pa.Table, column: Column) -> tuple[Integers, list[str]]:
    values = numeric_values(table, column.name)
    where = np.searchsorted(np.asarray(column.cuts), values, side="right")
    return np.where(np.isnan(values), len(column.cuts) + 2, where), column.labels
