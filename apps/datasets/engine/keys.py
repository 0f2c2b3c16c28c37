"""Finding rows of a table by the values of some columns, through hashes, batch after batch."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .hashing import row_hashes
from .schema import NUMBER, NUMERIC, Column


class KeyIndex:
    """The rows of a table in memory, found by their key; where a key occurs twice, its first row is found.

    `kinds` are the types in which the keys of both sides are compared, column by column (`compared_as`).
    """

    def __init__(self, keys: pa.Table | pa.RecordBatch, columns: Iterable[Column], kinds: Iterable[str]) -> None:
        self._kinds = list(kinds)
        self._columns = self._compared(columns)
        known = _all_known(keys, self._columns)
        places = np.flatnonzero(known)
        first, second = _hashes(keys, self._columns)
        order = np.lexsort((places, second[places], first[places]))
        first, second, places = first[places][order], second[places][order], places[order]
        same = (first[1:] == first[:-1]) & (second[1:] == second[:-1])
        self.repeated = np.sort(places[1:][same])
        unique = np.concatenate(([True], ~same)) if len(places) else np.zeros(0, bool)
        self._first, self._second, self._places = first[unique], second[unique], places[unique]
        # Two keys with one first hash are all but impossible; they are looked at all the same.
        self._run = int(np.unique(self._first, return_counts=True)[1].max()) if len(self._first) else 0

    def _compared(self, columns: Iterable[Column]) -> list[Column]:
        return [replace(column, type=kind) for column, kind in zip(columns, self._kinds, strict=True)]

    def find(self, batch: pa.RecordBatch, columns: Iterable[Column]) -> np.ndarray:
        """For each row the place of its key in the table, or -1; a missing value is no key."""
        columns = self._compared(columns)
        found = np.full(batch.num_rows, -1, np.int64)
        if not len(self._first):
            return found
        first, second = _hashes(batch, columns)
        start = np.searchsorted(self._first, first)
        for step in range(self._run):
            at = np.minimum(start + step, len(self._first) - 1)
            hit = (self._first[at] == first) & (self._second[at] == second)
            found[hit] = self._places[at[hit]]
        found[~_all_known(batch, columns)] = -1
        return found


def compared_as(left: Column, right: Column) -> str:
    """The type in which two columns are compared: whole and other numbers as numbers, all else as it is."""
    return NUMBER if left.type != right.type and {left.type, right.type} <= set(NUMERIC) else left.type


def _hashes(rows: pa.Table | pa.RecordBatch, columns: list[Column]) -> tuple[np.ndarray, np.ndarray]:
    arrays = [_flat(rows.column(column.name)).cast(column.physical, safe=False) for column in columns]
    return row_hashes(pa.RecordBatch.from_arrays(arrays, [column.name for column in columns]), columns)


def _all_known(rows: pa.Table | pa.RecordBatch, columns: list[Column]) -> np.ndarray:
    known = np.ones(rows.num_rows, bool)
    for column in columns:
        known &= pc.is_valid(_flat(rows.column(column.name))).to_numpy(zero_copy_only=False)
    return known


def _flat(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
