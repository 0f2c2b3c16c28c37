"""Rows of a Parquet file read in parts: a file of any length costs no more memory than the rows that are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from apps.validation.engine.arrays import Array, Whole, figure_bits, mixed

if TYPE_CHECKING:
    import pyarrow as pa

PART = 65_536
ABSENT = np.uint64(0x5DEECE66D)
LONGEST_NAME = 100


@dataclass(frozen=True)
class RowNames:
    """What the data call their rows: a text for a row's place in the file, of the columns that identify it.

    `places` are those of the rows that were read, ascending, `values` the columns at them. They stay as Arrow has
    them: only the few rows that evidence points at are ever made into texts.
    """

    places: Whole
    values: pa.Table

    def of(self, places: Sequence[int]) -> list[str | None]:
        """The name of each row, cut where it is long; None where the data leave it empty or it was not read."""
        asked = np.asarray(places, dtype=np.int64)
        found = np.minimum(np.searchsorted(self.places, asked), len(self.places) - 1)
        rows = self.values.take(found).to_pylist()
        known = (self.places[found] == asked).tolist()
        return [_name(row.values()) if there else None for row, there in zip(rows, known, strict=True)]


def _name(parts: Iterable[Any]) -> str | None:
    """The parts of a row's name as one text; whole numbers that came as doubles without a point."""
    words = [f"{part:.15g}" if isinstance(part, float) else str(part) for part in parts if part is not None]
    return ", ".join(word for word in words if word)[:LONGEST_NAME] or None


def read_chosen(path: Path, names: list[str], places: Whole) -> tuple[pa.Table, Array]:
    """The rows at these places, which come in their order: the named columns, and the marks of the rows.

    A mark is a number of 64 bits for the whole content of a row, columns that are not named included. SignatureError
    for a broken file or missing columns.
    """
    import pyarrow as pa

    from apps.models.engine import arrow

    file = arrow.opened(path, names)
    parts, marks, begin = [], [np.zeros(0, dtype=np.uint64)], 0
    for batch in file.iter_batches(PART):
        end = begin + batch.num_rows
        here = places[np.searchsorted(places, begin) : np.searchsorted(places, end)] - begin
        begin = end
        part = batch if len(here) == batch.num_rows else batch.take(pa.array(here))
        marks.append(row_marks(part))
        parts.append(part.select(names))
    schema = pa.schema([file.schema_arrow.field(name) for name in names])
    return pa.Table.from_batches(parts, schema), np.concatenate(marks)


def row_marks(batch: pa.RecordBatch) -> Array:
    """A number of 64 bits for the whole content of each row, shape (rows,)."""
    total = mixed(np.zeros(batch.num_rows))
    for values in batch.columns:
        total = mixed(total ^ _bits(values))
    return total


def _bits(values: pa.Array) -> Array:
    """64 bits for each value: a figure's own, the digest of anything else; what is absent is one of them."""
    import pyarrow.compute as pc
    from pyarrow import float64, types

    if types.is_floating(values.type):
        return figure_bits(np.asarray(pc.cast(values, float64()).to_numpy(zero_copy_only=False), dtype=np.float64))
    if types.is_integer(values.type):
        figures = pc.fill_null(values, 0).to_numpy(zero_copy_only=False).astype(np.uint64, casting="unsafe")
        return _with_absent(figures, values)
    if types.is_nested(values.type):
        return _digests(values.to_pylist())
    coded = values if types.is_dictionary(values.type) else values.dictionary_encode()
    digests = _digests(coded.dictionary.to_pylist() or [None])
    return _with_absent(digests[pc.fill_null(coded.indices, 0).to_numpy(zero_copy_only=False)], coded.indices)


def _with_absent(bits: Array, values: pa.Array) -> Array:
    absent = np.asarray(values.is_null().to_numpy(zero_copy_only=False), dtype=bool)
    return np.where(absent, ABSENT, bits)


def _digests(items: list[Any]) -> Array:
    words = [hashlib.blake2b(repr(item).encode(), digest_size=8).digest() for item in items]
    return np.frombuffer(b"".join(words), dtype=np.uint64)
