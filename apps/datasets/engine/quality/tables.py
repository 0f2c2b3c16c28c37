"""Rules that are met or broken by the table as a whole."""

import datetime as dt
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.datasets.engine.declared import Problem, setting
from apps.datasets.engine.hashing import RepeatFinder
from apps.datasets.engine.schema import DATE, TEMPORAL, TEXTUAL, TYPES, Schema, listed
from apps.datasets.engine.tables import Table
from apps.datasets.engine.values import plain_row

from .base import SHOWN, Gauge, Known, Measured, RowRule, Rule, Surroundings


@dataclass(frozen=True, kw_only=True)
class Unique(RowRule):
    """No two rows are equal."""

    kind: ClassVar[str] = "unique"
    title: ClassVar[str] = "No repeated rows"
    about: ClassVar[str] = "No two rows are equal in the columns, or in all columns when none is named."

    columns: tuple[str, ...] = setting("columns", "Columns", default=())

    def sentence(self) -> str:
        return f"No two rows have the same {listed(self.columns)}" if self.columns else "No two rows are equal"

    def reads(self) -> list[str]:
        return list(self.columns)

    def gauge(self, table: Table, around: Surroundings) -> Gauge:
        folder = Path(tempfile.mkdtemp(dir=around.folder))
        return _UniqueGauge(self, table.schema, folder)


class _UniqueGauge(Gauge):
    def __init__(self, rule: Unique, schema: Schema, folder: Path) -> None:
        self.rule = rule
        self.columns = [schema[name] for name in rule.columns or schema.names]
        self.finder = RepeatFinder(folder)

    def saw(self, batch: pa.RecordBatch, start: int) -> None:
        self.finder.add(batch, self.columns)

    def measured(self, table: Table) -> Measured:
        repeats = self.finder.find()
        share = len(repeats.dropped) / table.rows if table.rows else 0.0
        sample = _rows_at(table, [column.name for column in self.columns], repeats.dropped[:SHOWN])
        passed = share <= self.rule.tolerance
        return Measured(round(share, 6), self.rule.tolerance, passed, len(repeats.dropped), table.rows, sample)


def _rows_at(table: Table, names: list[str], places: np.ndarray) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    start = 0
    for batch in table.batches(names) if len(places) else ():
        inside = places[(places >= start) & (places < start + batch.num_rows)] - start
        values = batch.take(pa.array(inside)).to_pylist()
        rows += [
            {"row": start + int(place) + 1, "values": plain_row(row)} for place, row in zip(inside, values, strict=True)
        ]
        start += batch.num_rows
        if len(rows) == len(places):
            break
    return rows


@dataclass(frozen=True, kw_only=True)
class MinRows(Rule):
    """There are enough rows."""

    kind: ClassVar[str] = "min_rows"
    title: ClassVar[str] = "Enough rows"
    about: ClassVar[str] = "The table has at least so many rows."

    least: float = setting("number", "Rows")

    def sentence(self) -> str:
        return f"There are at least {self.least:,.0f} rows"

    def gauge(self, table: Table, around: Surroundings) -> Gauge:
        return Known(Measured(table.rows, self.least, table.rows >= self.least, checked=table.rows))


@dataclass(frozen=True, kw_only=True)
class Fresh(Rule):
    """The newest row is recent."""

    kind: ClassVar[str] = "fresh"
    title: ClassVar[str] = "Recent data"
    about: ClassVar[str] = "The latest time in the column is at most so many days before the check."

    column: str = setting("column", "Column")
    days: float = setting("number", "Days")

    def sentence(self) -> str:
        return f"The latest {self.column} is at most {self.days:g} days old"

    def reads(self) -> list[str]:
        return [self.column]

    def check(self, schema: Schema, tables: Mapping[str, Schema]) -> None:
        super().check(schema, tables)
        if schema[self.column].type not in TEMPORAL:
            raise Problem("column", f"{self.column} is {schema[self.column].type}; this needs dates or times.")

    def gauge(self, table: Table, around: Surroundings) -> Gauge:
        return _FreshGauge(self, table.schema[self.column].type, around.now)


class _FreshGauge(Gauge):
    def __init__(self, rule: Fresh, kind: str, now: dt.datetime) -> None:
        self.rule, self.kind, self.now = rule, kind, now
        self.latest: Any = None
        self.checked = 0

    def saw(self, batch: pa.RecordBatch, start: int) -> None:
        values = batch.column(self.rule.column)
        self.checked += len(values) - values.null_count
        latest = pc.max(values).as_py()
        if latest is not None and (self.latest is None or latest > self.latest):
            self.latest = latest

    def measured(self, table: Table) -> Measured:
        if self.latest is None:
            return Measured(None, self.rule.days, False)
        moment = self.latest
        if self.kind == DATE:
            moment = dt.datetime.combine(moment, dt.time.max, dt.UTC)
        age = (self.now - moment).total_seconds() / 86_400
        return Measured(round(age, 3), self.rule.days, age <= self.rule.days, checked=self.checked)


@dataclass(frozen=True, kw_only=True)
class HasColumns(Rule):
    """The table has the columns that others rely on."""

    kind: ClassVar[str] = "has_columns"
    title: ClassVar[str] = "Columns and types"
    about: ClassVar[str] = "The table has these columns, each of its type; others may stand beside them."

    columns: Mapping[str, str] = setting("names", "Columns and types")

    def sentence(self) -> str:
        return f"There are columns {listed([f'{name} ({kind})' for name, kind in self.columns.items()], 6)}"

    def check(self, schema: Schema, tables: Mapping[str, Schema]) -> None:
        wrong = [kind for kind in self.columns.values() if kind not in TYPES]
        if wrong:
            raise Problem("columns", f"{wrong[0]!r} is not a type; the types are {listed(TYPES)}.")

    def gauge(self, table: Table, around: Surroundings) -> Gauge:
        schema = table.schema
        absent = [name for name in self.columns if name not in schema]
        other = [name for name, kind in self.columns.items() if name in schema and not _alike(schema[name].type, kind)]
        sample = [{"row": 0, "values": {name: "is not there"}} for name in absent]
        sample += [{"row": 0, "values": {name: f"is {schema[name].type}, not {self.columns[name]}"}} for name in other]
        faults = len(absent) + len(other)
        return Known(Measured(faults, 0, not faults, faults, len(self.columns), sample[:SHOWN]))


def _alike(one: str, other: str) -> bool:
    return one == other or {one, other} <= set(TEXTUAL)
