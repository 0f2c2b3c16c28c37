"""Rows kept as they are taken: part after part into one Parquet file, of which only a row group is held."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from apps.monitoring.engine.intake import Intake, Marks, Numbers, Raw, RowError, first_of, misfit
from apps.monitoring.engine.reading import MOST_CELLS, MOST_ROWS
from apps.monitoring.engine.wanted import AT, ID, USED_AGAIN

FLOATS = (pa.float32(), pa.float64())
TRIED = 1_024  # values by which a column's way of writing is chosen: more of them chose no better
ZSTD = pa.Codec("zstd")


@dataclass
class Kept:
    """What became of a batch: rows in the file, rows sent and refused, the first refused ones told, first and last
    event.
    """

    rows: int = 0
    sent: int = 0
    refused: int = 0
    errors: list[RowError] = field(default_factory=list)
    first_at: dt.datetime | None = None
    last_at: dt.datetime | None = None


def keep(
    parts: Iterable[Raw],
    take: Callable[[Raw], Intake],
    path: Path,
    *,
    keep_good: bool,
    unique: bool = True,
    plain: bool = False,
) -> Kept:
    """Take every part and write its good rows to a Parquet file at `path`.

    Without `keep_good` the file is worth nothing once a row is refused: it is not written to its end, but all refused
    rows are counted. With `unique` an id that comes in several parts counts where it came last, as within one part. For
    `plain` see `written`.
    """
    kept, missing, ids = Kept(), None, _Ids()
    with Writer(path, plain) as writer:
        for part in parts:
            found = take(part)
            kept.sent += found.rows
            kept.refused += found.refused
            kept.errors = first_of([*kept.errors, *found.errors])
            missing = found.missing if missing is None else missing & found.missing
            if keep_good or not kept.refused:
                writer.add(found.table)
                if unique:
                    ids.add(found)
    if missing:
        raise misfit(sorted(missing))
    replaced = ids.replaced(path) if keep_good or not kept.refused else None
    if replaced is not None:
        kept.refused += int(replaced.sum())
        told = [RowError(int(number), "prediction_id", USED_AGAIN) for number in ids.number[replaced]]
        kept.errors = first_of([*kept.errors, *told])
        writer = _without(path, replaced, plain)
    kept.rows, kept.first_at, kept.last_at = writer.rows, writer.first_at, writer.last_at
    return kept


def written(table: pa.Table, *, plain: bool = False) -> dict[str, Any]:
    """How columns like these are written to Parquet, as options of PyArrow's writer.

    Numbers hardly repeat, so only text and truth values get a dictionary: five times faster to write, and smaller. Of
    floats that do not repeat only the first bytes are alike: their bytes are parted by place (BYTE_STREAM_SPLIT) where
    that makes them smaller, which halves the time of reading them. `plain` leaves it out, for readers that do not know
    it.
    """
    repeating = [one.name for one in table.schema if one.name != ID and _repeats(one.type)]
    floats = [] if plain else [one.name for one in table.schema if one.type in FLOATS]
    parted = [name for name in floats if _is_smaller_parted(table.column(name))]
    return {"compression": "zstd", "use_dictionary": repeating or False, "use_byte_stream_split": parted or False}


def _is_smaller_parted(column: pa.ChunkedArray) -> bool:
    """Whether zstd packs the first values better with their bytes parted by place: it does unless whole values
    repeat.
    """
    first = np.ascontiguousarray(column.slice(0, TRIED).drop_null())
    parted = np.ascontiguousarray(first.view(np.uint8).reshape(-1, first.itemsize).T)
    return ZSTD.compress(parted).size < ZSTD.compress(first).size


class Writer:
    """A Parquet file in row groups of some million values, and of few enough rows to be counted at once."""

    def __init__(self, path: Path, plain: bool = False) -> None:
        self.path, self.plain, self.rows = path, plain, 0
        self.first_at: dt.datetime | None = None
        self.last_at: dt.datetime | None = None
        self._file: pq.ParquetWriter | None = None
        self._waiting: list[pa.Table] = []

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: Any) -> None:
        self._flush()
        if self._file is not None:
            self._file.close()

    def add(self, table: pa.Table) -> None:
        """Write the rows, or hold them until there are enough for a row group."""
        if table.num_rows == 0:
            return
        self.rows += table.num_rows
        span = pc.min_max(table.column(AT)).as_py()
        self.first_at = min(self.first_at or span["min"], span["min"])
        self.last_at = max(self.last_at or span["max"], span["max"])
        self._waiting.append(table)
        rows = sum(one.num_rows for one in self._waiting)
        if rows >= MOST_ROWS or rows * table.num_columns >= MOST_CELLS:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        table, self._waiting = pa.concat_tables(self._waiting), []
        if self._file is None:
            self._file = pq.ParquetWriter(self.path, table.schema, **written(table, plain=self.plain))
        self._file.write_table(table, row_group_size=table.num_rows)


def _repeats(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_boolean(kind))


def opened(path: Path) -> pq.ParquetFile:
    """A kept file for counting: text is read as it was written, each value once and beside it which row has which."""
    metadata = pq.read_metadata(path)
    kinds = metadata.schema.to_arrow_schema()
    repeating = [one.name for one in kinds if one.name != ID and pa.types.is_string(one.type)]
    return pq.ParquetFile(path, metadata=metadata, read_dictionary=repeating, pre_buffer=False)


def groups(path: Path) -> Iterator[pa.Table]:
    """The row groups of a kept file, one at a time."""
    with pq.ParquetFile(path, pre_buffer=False) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number, use_threads=False)


class _Ids:
    """The ids of a batch over all its parts: their hashes, and the numbers their rows were sent under."""

    def __init__(self) -> None:
        self._hashes: list[Numbers] = []
        self._numbers: list[Numbers] = []

    @property
    def number(self) -> Numbers:
        """The number of each row."""
        return np.concatenate(self._numbers)

    def add(self, found: Intake) -> None:
        """The rows of one part."""
        names = found.table.column(ID).to_pylist()
        self._hashes.append(np.fromiter(map(hash, names), np.int64, len(names)))
        self._numbers.append(found.numbers)

    def replaced(self, path: Path) -> Marks | None:
        """Per kept row whether its id comes again later; None when no id does. Parts hold an id once by themselves."""
        if len(self._hashes) < 2:
            return None
        hashes = np.concatenate(self._hashes)
        order = np.argsort(hashes, kind="stable")
        same = hashes[order][1:] == hashes[order][:-1]
        if not same.any():
            return None
        asked = np.unique(np.concatenate([order[:-1][same], order[1:][same]]))
        last: dict[str, int] = {}
        marks = np.zeros(len(hashes), dtype=bool)
        # Equal hashes are asked for their ids: two ids may share one.
        for place, name in zip(asked.tolist(), _ids_at(path, asked), strict=True):
            if name in last:
                marks[last[name]] = True
            last[name] = place
        return marks if marks.any() else None


def _ids_at(path: Path, places: Numbers) -> Iterator[str]:
    """The ids of the rows at these places, in order."""
    start = 0
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            ids = file.read_row_group(number, columns=[ID]).column(ID)
            mine = places[(places >= start) & (places < start + len(ids))] - start
            yield from ids.take(pa.array(mine)).to_pylist()
            start += len(ids)


def _without(path: Path, marks: Marks, plain: bool) -> Writer:
    """Write the file again without the marked rows."""
    former = path.with_suffix(".former")
    path.rename(former)
    start = 0
    with Writer(path, plain) as writer:
        for table in groups(former):
            writer.add(table.filter(pa.array(~marks[start : start + table.num_rows])))
            start += table.num_rows
    former.unlink()
    return writer
