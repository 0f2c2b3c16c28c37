"""Steps against repeated rows and missing values."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.datasets.engine.declared import Problem, setting
from apps.datasets.engine.errors import DataError
from apps.datasets.engine.hashing import RepeatFinder, Repeats, mixed, row_hashes
from apps.datasets.engine.keys import KeyIndex
from apps.datasets.engine.schema import BOOLEAN, INTEGER, NUMBER, NUMERIC, Column, Schema, counted, listed
from apps.datasets.engine.values import plain_value, typed

from .base import Batches, Context, Outcome, Step, kept_rows, need, need_new, replaced

MOST_GROUPS = 20_000
MOST_VALUES = 8_000_000


@dataclass(frozen=True, kw_only=True)
class DropDuplicates(Step):
    """Leaves one of each set of equal rows."""

    kind: ClassVar[str] = "drop_duplicates"
    title: ClassVar[str] = "Drop duplicates"
    about: ClassVar[str] = "Of rows that are equal in all columns, or in the named ones, keeps one."
    surveys: ClassVar[bool] = True

    columns: tuple[str, ...] = setting(
        "columns", "Columns", default=(), help_text="Rows equal in these are duplicates; none means all columns."
    )
    keep: str = setting("choice", "Keep", default="first", choices=("first", "last"))

    def sentence(self) -> str:
        where = f"rows with the same {listed(self.columns)}" if self.columns else "equal rows"
        return f"Of {where}, keep the {self.keep}"

    def output(self, schema: Schema, tables: Mapping[str, Schema]) -> Schema:
        need(schema, "columns", self.columns)
        return schema

    def survey(self, batches: Batches, schema: Schema, context: Context) -> Repeats:
        columns = [schema[name] for name in self.columns or schema.names]
        finder = RepeatFinder(context.folder)
        for batch in batches():
            finder.add(batch, columns)
        repeats = finder.find(self.keep)
        if len(repeats.dropped):
            context.notes.append(
                f"{counted(len(repeats.dropped), 'row')} in {counted(repeats.groups, 'set')} of duplicates "
                f"{'was' if len(repeats.dropped) == 1 else 'were'} left out."
            )
        return repeats

    def applier(
        self, schema: Schema, learned: dict[str, Any], surveyed: Repeats, context: Context
    ) -> Callable[[pa.RecordBatch], Outcome]:
        done = 0

        def apply(batch: pa.RecordBatch) -> Outcome:
            nonlocal done
            kept = surveyed.mask(done, batch.num_rows)
            done += batch.num_rows
            return kept_rows(batch, kept)

        return apply


CONSTANT, MEAN, MEDIAN, MODE, FORWARD = "constant", "mean", "median", "mode", "forward"


@dataclass(frozen=True, kw_only=True)
class FillMissing(Step):
    """Puts a value where one is missing."""

    kind: ClassVar[str] = "fill_missing"
    title: ClassVar[str] = "Fill missing values"
    about: ClassVar[str] = (
        "Puts a constant, the mean, the median or the most frequent value where one is missing, or the last value "
        "before it; within groups if wanted. Figures are recorded and used again for later data."
    )
    learns: ClassVar[bool] = True

    columns: tuple[str, ...] = setting("columns", "Columns")
    method: str = setting("choice", "With", choices=(CONSTANT, MEAN, MEDIAN, MODE, FORWARD))
    value: str | int | float | bool | None = setting(
        "value", "Constant", default=None, help_text="Needed for the method constant."
    )
    by: tuple[str, ...] = setting("columns", "Within groups of", default=())
    indicator: bool = setting(
        "flag",
        "Add an indicator",
        default=False,
        help_text="Adds a column <name>_was_missing, true where it was filled.",
    )

    def sentence(self) -> str:
        with_what = {
            CONSTANT: f"{self.value}",
            MEAN: "the mean",
            MEDIAN: "the median",
            MODE: "the most frequent value",
            FORWARD: "the last value before",
        }[self.method]
        within = f" of the same {listed(self.by)}" if self.by else ""
        return f"Fill missing {listed(self.columns)} with {with_what}{within}"

    def touches(self) -> list[str]:
        return list(self.columns)

    def indicators(self) -> list[str]:
        """The names of the columns that are added."""
        return [f"{name}_was_missing" for name in self.columns] if self.indicator else []

    def output(self, schema: Schema, tables: Mapping[str, Schema]) -> Schema:
        need(schema, "columns", self.columns, NUMERIC if self.method in (MEAN, MEDIAN) else ())
        need(schema, "by", self.by)
        need_new(schema, "indicator", self.indicators())
        if set(self.by) & set(self.columns):
            raise Problem("by", "A column cannot be filled within groups of itself.")
        if self.method == CONSTANT:
            self._check_constant(schema)
        elif self.value is not None:
            raise Problem("value", f"A value is for the method constant; the method is {self.method}.")
        for name in self.indicators():
            schema = schema.with_column(Column(name, BOOLEAN))
        return schema

    def _check_constant(self, schema: Schema) -> None:
        if self.value is None:
            raise Problem("value", "The method constant needs a value.")
        for name in self.columns:
            try:
                typed(self.value, schema[name].type)
            except ValueError as error:
                raise Problem("value", f"{name} is {schema[name].type}: {error}") from error

    @property
    def _learns_figures(self) -> bool:
        return self.method in (MEAN, MEDIAN, MODE)

    def learn(self, batches: Batches, schema: Schema, context: Context) -> dict[str, Any]:
        if not self._learns_figures:
            return {}
        keys = _groups(batches, self.by, schema) if self.by else None
        return {name: _figures(batches, schema[name], self.method, self.by, keys, schema) for name in self.columns}

    def applier(
        self, schema: Schema, learned: dict[str, Any], surveyed: Any, context: Context
    ) -> Callable[[pa.RecordBatch], Outcome]:
        fills = {name: self._filler(schema, schema[name], learned.get(name)) for name in self.columns}
        after = self.output(schema, {})

        def apply(batch: pa.RecordBatch) -> Outcome:
            columns: dict[str, pa.Array] = {}
            for name, fill in fills.items():
                columns[name] = fill(batch)
                if self.indicator:
                    columns[f"{name}_was_missing"] = pc.is_null(batch.column(name))
            return Outcome(replaced(batch, after, columns))

        return apply

    def _filler(
        self, schema: Schema, column: Column, learned: dict[str, Any] | None
    ) -> Callable[[pa.RecordBatch], pa.Array]:
        if self.method == CONSTANT:
            value = typed(self.value, column.type)
            return lambda batch: pc.fill_null(batch.column(column.name), value)
        if self.method == FORWARD:
            return _Forward(column, [schema[name] for name in self.by]).fill
        return _Figures(learned or {}, column, [schema[name] for name in self.by]).fill


class _Figures:
    """Fills from figures that were learned: by group where the group is known, else from all rows."""

    def __init__(self, learned: dict[str, Any], column: Column, by: list[Column]) -> None:
        self.column, self.by = column, by
        self.overall = typed(learned.get("overall"), column.type)
        groups = learned.get("groups") or []
        self.index: KeyIndex | None = None
        if by and groups:
            keys = [
                pa.array([typed(group[place], key.type).as_py() for group in groups], key.physical)
                for place, key in enumerate(by)
            ]
            batch = pa.RecordBatch.from_arrays(keys, [key.name for key in by])
            self.index = KeyIndex(batch, by, [key.type for key in by])
            self.values = pa.array([typed(group[-1], column.type).as_py() for group in groups], column.physical)

    def fill(self, batch: pa.RecordBatch) -> pa.Array:
        """The column with its gaps filled."""
        values = batch.column(self.column.name)
        if not values.null_count:
            return values
        if self.index is not None:
            found = self.index.find(batch, self.by)
            places = pa.array(found, mask=found < 0)
            values = pc.coalesce(values, self.values.take(places))
        return pc.fill_null(values, self.overall) if self.overall.is_valid else values


class _Forward:
    """Fills with the last value before, within groups; remembers the last values from batch to batch."""

    def __init__(self, column: Column, by: list[Column]) -> None:
        self.column, self.by = column, by
        self.last: dict[tuple[int, int], Any] = {}

    def fill(self, batch: pa.RecordBatch) -> pa.Array:
        """The column with its gaps filled; a gap before the first value of a group stays."""
        values = batch.column(self.column.name)
        pairs, codes = self._codes(batch)
        order = np.argsort(codes, kind="stable")
        ordered_codes, places = codes[order], np.arange(len(order))
        known = pc.is_valid(values).to_numpy(zero_copy_only=False)[order]
        last_known = np.maximum.accumulate(np.where(known, places, -1)) if len(order) else places
        starts = np.searchsorted(ordered_codes, ordered_codes)
        inside = last_known >= starts
        source = np.full(len(order), -1, np.int64)
        source[order] = np.where(inside, order[np.maximum(last_known, 0)], -1)
        carried = pa.array([self.last.get(pair) for pair in pairs], self.column.physical).take(pa.array(codes))
        filled = pc.coalesce(values.take(pa.array(source, mask=source < 0)), carried)
        self._remember(filled, pairs, codes)
        return filled

    def _codes(self, batch: pa.RecordBatch) -> tuple[list[tuple[int, int]], np.ndarray]:
        """The groups of this batch as pairs of hashes, and for each row the number of its group."""
        if not self.by:
            return [(0, 0)], np.zeros(batch.num_rows, np.int64)
        hashes = np.column_stack(row_hashes(batch, self.by))
        pairs, codes = np.unique(hashes, axis=0, return_inverse=True)
        return [(int(first), int(second)) for first, second in pairs], codes.reshape(-1)

    def _remember(self, filled: pa.Array, pairs: list[tuple[int, int]], codes: np.ndarray) -> None:
        ends = np.full(len(pairs), -1, np.int64)
        np.maximum.at(ends, codes, np.arange(len(codes)))
        for pair, value in zip(pairs, filled.take(pa.array(ends, mask=ends < 0)).to_pylist(), strict=True):
            if value is not None:
                self.last[pair] = value


def _groups(batches: Batches, by: tuple[str, ...], schema: Schema) -> pa.Table:
    """The keys of all groups; rows with a missing key belong to none."""
    seen: pa.Table | None = None
    for batch in batches():
        keys = pa.Table.from_batches([batch.select(list(by))]).group_by(list(by), use_threads=False).aggregate([])
        seen = (
            keys if seen is None else pa.concat_tables([seen, keys]).group_by(list(by), use_threads=False).aggregate([])
        )
        if seen.num_rows > MOST_GROUPS:
            raise DataError(
                f"{listed(by)} {'makes' if len(by) == 1 else 'make'} more than {MOST_GROUPS:,} groups; fill within "
                "fewer.",
                code="too_many_groups",
            )
    if seen is None:
        return schema.arrow().empty_table().select(list(by))
    for name in by:
        seen = seen.filter(pc.is_valid(seen[name]))
    return seen.sort_by([(name, "ascending") for name in by])


def _figures(
    batches: Batches, column: Column, method: str, by: tuple[str, ...], keys: pa.Table | None, schema: Schema
) -> dict[str, Any]:
    """The figure of all rows, and that of each group as its key followed by the figure."""
    codes, values = _collected(batches, column, by, keys, schema)
    learned: dict[str, Any] = {"overall": _figure(values, column, method)}
    if keys is not None:
        order = np.argsort(codes, kind="stable")
        codes, values = codes[order], values.take(pa.array(order))
        starts = np.searchsorted(codes, np.arange(keys.num_rows + 1))
        rows = keys.to_pylist()
        learned["groups"] = [
            [*map(plain_value, row.values()), _figure(values.slice(low, high - low), column, method)]
            for row, low, high in zip(rows, starts[:-1], starts[1:], strict=True)
            if high > low
        ]
    return learned


def _collected(
    batches: Batches, column: Column, by: tuple[str, ...], keys: pa.Table | None, schema: Schema
) -> tuple[np.ndarray, pa.Array]:
    """All known values with the number of their group; beyond a bound an even sample of them."""
    columns = [schema[name] for name in by]
    index = KeyIndex(keys, columns, [key.type for key in columns]) if keys is not None else None
    codes: list[np.ndarray] = []
    values: list[pa.Array] = []
    marks: list[np.ndarray] = []
    limit = np.uint64(2**64 - 1)
    seen = size = 0
    for batch in batches():
        known = pc.is_valid(batch.column(column.name))
        mark = mixed(np.arange(seen, seen + batch.num_rows, dtype=np.uint64))
        seen += batch.num_rows
        chosen = np.flatnonzero(known.to_numpy(zero_copy_only=False) & (mark <= limit))
        found = index.find(batch, columns) if index is not None else np.zeros(batch.num_rows, np.int64)
        codes.append(found[chosen])
        values.append(batch.column(column.name).take(pa.array(chosen)))
        marks.append(mark[chosen])
        size += len(chosen)
        if size > MOST_VALUES:
            limit = limit >> np.uint64(1)
            kept = [np.flatnonzero(part <= limit) for part in marks]
            codes = [part[places] for part, places in zip(codes, kept, strict=True)]
            values = [part.take(pa.array(places)) for part, places in zip(values, kept, strict=True)]
            marks = [part[places] for part, places in zip(marks, kept, strict=True)]
            size = sum(map(len, codes))
    whole = pa.chunked_array(values, column.physical).combine_chunks()
    return (np.concatenate(codes) if codes else np.zeros(0, np.int64)), whole


def _figure(values: pa.Array, column: Column, method: str) -> Any:
    """The figure as plain value; whole numbers stay whole. The most frequent value is the smallest among equals."""
    if not len(values):
        return None
    if method == MODE:
        # 0.0 and -0.0 are one value.
        counts = pc.value_counts(pc.add(values, 0.0) if column.type == NUMBER else values)
        most = counts.field("values").filter(pc.equal(counts.field("counts"), pc.max(counts.field("counts"))))
        return plain_value(pc.min(most).as_py())
    numbers = values.to_numpy(zero_copy_only=False).astype(np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return None
    figure = float(np.mean(numbers) if method == MEAN else np.median(numbers))
    if not math.isfinite(figure):
        return None
    return round(figure) if column.type == INTEGER else figure
