"""Steps that add columns: computed from others of the same row, or joined from another table."""

import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from apps.datasets.engine.conditions import COMPARISONS
from apps.datasets.engine.declared import Problem, setting
from apps.datasets.engine.errors import DataError
from apps.datasets.engine.keys import KeyIndex, compared_as
from apps.datasets.engine.schema import (
    BOOLEAN,
    DATE,
    DATETIME,
    INTEGER,
    NUMBER,
    NUMERIC,
    PHYSICAL,
    TEMPORAL,
    TEXTUAL,
    Column,
    Schema,
    counted,
    listed,
)
from apps.datasets.engine.tables import Table
from apps.datasets.engine.values import plain_row, typed

from .base import Context, Outcome, Step, kept_rows, need, need_new, replaced

MOST_JOINED = 5_000_000


def _numbers(batch: pa.RecordBatch, names: tuple[str, ...]) -> list[pa.Array]:
    return [batch.column(name) for name in names]


def _finite(values: pa.Array) -> pa.Array:
    """Division by zero and the logarithm of nothing have no value; a table says so with a null."""
    return pc.if_else(pc.is_finite(values), values, pa.scalar(None, pa.float64()))


def _floats(batch: pa.RecordBatch, names: tuple[str, ...]) -> list[pa.Array]:
    return [values.cast(pa.float64(), safe=False) for values in _numbers(batch, names)]


@dataclass(frozen=True)
class Operation:
    """One thing that can be computed: how many columns of which types, and what comes out."""

    about: str
    inputs: tuple[str, ...]
    least: int
    most: int
    result: str
    needs_value: bool = False


_MANY = 50
OPERATIONS: dict[str, Operation] = {
    "sum": Operation("the columns added up", NUMERIC, 2, _MANY, ""),
    "difference": Operation("the first column minus the second", NUMERIC, 2, 2, ""),
    "product": Operation("the columns multiplied", NUMERIC, 2, _MANY, ""),
    "ratio": Operation("the first column divided by the second; nothing where that is zero", NUMERIC, 2, 2, NUMBER),
    "absolute": Operation("the column without its sign", NUMERIC, 1, 1, ""),
    "logarithm": Operation("the natural logarithm of 1 + the column", NUMERIC, 1, 1, NUMBER),
    "above": Operation("true where the column is above the value", (*NUMERIC, *TEMPORAL), 1, 1, BOOLEAN, True),
    "at_least": Operation("true where the column is at least the value", (*NUMERIC, *TEMPORAL), 1, 1, BOOLEAN, True),
    "below": Operation("true where the column is below the value", (*NUMERIC, *TEMPORAL), 1, 1, BOOLEAN, True),
    "at_most": Operation("true where the column is at most the value", (*NUMERIC, *TEMPORAL), 1, 1, BOOLEAN, True),
    "equals": Operation("true where the column is the value", (*NUMERIC, *TEXTUAL, BOOLEAN), 1, 1, BOOLEAN, True),
    "is_missing": Operation("true where the column has no value", (), 1, 1, BOOLEAN),
    "minutes_between": Operation("minutes from the first time to the second", (DATETIME,), 2, 2, NUMBER),
    "hour": Operation("the hour of a time, 0 to 23", (DATETIME,), 1, 1, INTEGER),
    "weekday": Operation("the day of the week, 1 Monday to 7 Sunday", TEMPORAL, 1, 1, INTEGER),
    "day": Operation("the day of the month", TEMPORAL, 1, 1, INTEGER),
    "month": Operation("the month, 1 to 12", TEMPORAL, 1, 1, INTEGER),
    "year": Operation("the year", TEMPORAL, 1, 1, INTEGER),
    "date": Operation("the date of a time", (DATETIME,), 1, 1, DATE),
}
_THRESHOLDS = {"above": ">", "at_least": ">=", "below": "<", "at_most": "<=", "equals": "=="}
_PARTS = {"hour": pc.hour, "day": pc.day, "month": pc.month, "year": pc.year}


@dataclass(frozen=True, kw_only=True)
class Derive(Step):
    """Adds a column computed from others of the same row."""

    kind: ClassVar[str] = "derive"
    title: ClassVar[str] = "Derive a column"
    about: ClassVar[str] = "Computes a new column from others of the same row by one of a list of operations."

    name: str = setting("text", "New column")
    operation: str = setting("choice", "Operation", choices=tuple(OPERATIONS))
    columns: tuple[str, ...] = setting("columns", "From columns")
    value: str | int | float | bool | None = setting(
        "value", "Value", default=None, help_text="For above, at_least, below, at_most and equals."
    )
    timezone: str = setting("text", "Time zone", default="UTC", help_text="In which hour, day and date are read.")
    unit: str = setting("text", "Unit", default="")
    role: str = setting("text", "Role", default="")

    def sentence(self) -> str:
        value = f" {self.value}" if OPERATIONS[self.operation].needs_value else ""
        return f"Derive {self.name}: {self.operation}{value} of {listed(self.columns)}"

    def output(self, schema: Schema, tables: Mapping[str, Schema]) -> Schema:
        operation = OPERATIONS[self.operation]
        need_new(schema, "name", [self.name])
        need(schema, "columns", self.columns, operation.inputs)
        if not operation.least <= len(self.columns) <= operation.most:
            exact = operation.least == operation.most
            many = counted(operation.least, "column") if exact else f"{operation.least} or more columns"
            raise Problem("columns", f"{self.operation} is {operation.about}: it needs {many}.")
        self._check_value(schema, operation)
        try:
            zoneinfo.ZoneInfo(self.timezone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise Problem("timezone", f"{self.timezone!r} is not a time zone.") from error
        return schema.with_column(Column(self.name, self._type(schema, operation), True, self.unit, self.role))

    def _check_value(self, schema: Schema, operation: Operation) -> None:
        if operation.needs_value and self.value is None:
            raise Problem("value", f"{self.operation} needs a value to compare with.")
        if not operation.needs_value and self.value is not None:
            raise Problem("value", f"{self.operation} takes no value.")
        if operation.needs_value:
            try:
                self._limit(schema)
            except ValueError as error:
                raise Problem("value", str(error)) from error

    def _limit(self, schema: Schema) -> pa.Scalar:
        kind = schema[self.columns[0]].type
        return typed(self.value, NUMBER if kind == INTEGER and isinstance(self.value, float) else kind)

    def _type(self, schema: Schema, operation: Operation) -> str:
        if operation.result:
            return operation.result
        return INTEGER if all(schema[name].type == INTEGER for name in self.columns) else NUMBER

    def applier(
        self, schema: Schema, learned: dict[str, Any], surveyed: Any, context: Context
    ) -> Callable[[pa.RecordBatch], Outcome]:
        after = self.output(schema, {})
        physical = after[self.name].physical
        compute = self._computation(schema)
        return lambda batch: Outcome(replaced(batch, after, {self.name: compute(batch).cast(physical)}))

    def _computation(self, schema: Schema) -> Callable[[pa.RecordBatch], pa.Array]:
        if self.operation in _THRESHOLDS:
            limit, function = self._limit(schema), COMPARISONS[_THRESHOLDS[self.operation]]
            return lambda batch: pc.call_function(function, [batch.column(self.columns[0]), limit])
        if self.operation == "is_missing":
            return lambda batch: pc.is_null(batch.column(self.columns[0]))
        if self.operation in ("hour", "weekday", "day", "month", "year", "date"):
            return self._part
        if self._type(schema, OPERATIONS[self.operation]) == INTEGER:
            return self._whole
        return self._number

    def _part(self, batch: pa.RecordBatch) -> pa.Array:
        values = batch.column(self.columns[0])
        if pa.types.is_timestamp(values.type):
            values = pc.local_timestamp(values.cast(pa.timestamp("us", self.timezone)))
        if self.operation == "weekday":
            return pc.day_of_week(values, count_from_zero=False, week_start=1)
        if self.operation == "date":
            return pc.floor_temporal(values, unit="day").cast(PHYSICAL[DATE])
        return _PARTS[self.operation](values)

    def _whole(self, batch: pa.RecordBatch) -> pa.Array:
        values = _numbers(batch, self.columns)
        functions = {"sum": pc.add_checked, "difference": pc.subtract_checked, "product": pc.multiply_checked}
        try:
            if self.operation == "absolute":
                return pc.abs_checked(values[0])
            total = values[0]
            for other in values[1:]:
                total = functions[self.operation](total, other)
        except pa.ArrowInvalid as error:
            raise DataError(
                f"{self.name} becomes too large for a whole number; keep {listed(self.columns)} as number first.",
                code="too_large_number",
            ) from error
        return total

    def _number(self, batch: pa.RecordBatch) -> pa.Array:
        if self.operation == "minutes_between":
            start, end = (values.cast(pa.int64()) for values in _numbers(batch, self.columns))
            return pc.divide(pc.subtract(end, start).cast(pa.float64(), safe=False), 60e6)
        values = _floats(batch, self.columns)
        if self.operation == "ratio":
            return _finite(pc.divide(values[0], values[1]))
        if self.operation == "logarithm":
            return _finite(pc.log1p(values[0]))
        if self.operation == "absolute":
            return pc.abs(values[0])
        functions = {"sum": pc.add, "difference": pc.subtract, "product": pc.multiply}
        total = values[0]
        for other in values[1:]:
            total = functions[self.operation](total, other)
        return total


FIRST, REFUSE, KEEP, DROP = "first", "refuse", "keep", "drop"


@dataclass(frozen=True, kw_only=True)
class Join(Step):
    """Brings columns of another table to the rows with the same key."""

    kind: ClassVar[str] = "join"
    title: ClassVar[str] = "Join a table"
    about: ClassVar[str] = (
        "Brings columns of another dataset version to the rows with the same key; every row stays one row."
    )

    table: str = setting("table", "Dataset version", help_text="Written dataset@version, such as weather@2.")
    on: Mapping[str, str] = setting("keys", "Key columns", help_text="Here and, where it differs, there.")
    columns: tuple[str, ...] = setting("columns", "Columns to bring", default=(), help_text="None means all others.")
    prefix: str = setting("text", "Prefix of their names", default="")
    repeated: str = setting("choice", "A key that occurs twice there", default=REFUSE, choices=(REFUSE, FIRST))
    unmatched: str = setting("choice", "Rows without a match", default=KEEP, choices=(KEEP, DROP))

    def sentence(self) -> str:
        keys = [left if left == right else f"{left} = {right}" for left, right in self.on.items()]
        return f"Join {listed(self.columns, 6) or 'all columns'} of {self.table} by {listed(keys)}"

    def output(self, schema: Schema, tables: Mapping[str, Schema]) -> Schema:
        if self.table not in tables:
            raise Problem("table", f"There is no dataset version {self.table!r} to join, or you may not see it.")
        other = tables[self.table]
        need(schema, "on", self.on)
        need(other, "on", self.on.values())
        need(other, "columns", self.columns)
        for left, right in self.on.items():
            one, two = schema[left].type, other[right].type
            if one != two and not {one, two} <= set(NUMERIC) and not {one, two} <= set(TEXTUAL):
                raise Problem("on", f"{left} is {one} here and {right} is {two} there; they cannot be compared.")
        brought = self._brought(other)
        need_new(schema, "prefix" if self.prefix else "columns", brought)
        for name, column in brought.items():
            schema = schema.with_column(replace(column, name=name, nullable=True))
        return schema

    def _brought(self, other: Schema) -> dict[str, Column]:
        """The columns that come, by their new names."""
        names = self.columns or [name for name in other.names if name not in self.on.values()]
        return {f"{self.prefix}{name}": other[name] for name in names}

    def applier(
        self, schema: Schema, learned: dict[str, Any], surveyed: Any, context: Context
    ) -> Callable[[pa.RecordBatch], Outcome]:
        table = Table(context.tables[self.table])
        if table.rows > MOST_JOINED:
            raise DataError(
                f"{self.table} has {table.rows:,} rows; at most {MOST_JOINED:,} can be joined. Filter it first.",
                code="too_large_to_join",
            )
        return _Joined(self, schema, table, context).apply


class _Joined:
    """A table held in memory by its keys, joined to batch after batch."""

    def __init__(self, step: Join, schema: Schema, table: Table, context: Context) -> None:
        self.step, self.context = step, context
        self.after = step.output(schema, {step.table: table.schema})
        self.left = [schema[name] for name in step.on]
        right = [table.schema[name] for name in step.on.values()]
        kinds = [compared_as(here, there) for here, there in zip(self.left, right, strict=True)]
        self.brought = step._brought(table.schema)
        needed = list(dict.fromkeys([*step.on.values(), *(column.name for column in self.brought.values())]))
        self.rows = pa.Table.from_batches(
            list(table.batches(needed)), table.schema.arrow().empty_table().select(needed).schema
        )
        self.index = KeyIndex(self.rows, right, kinds)
        self.missed = 0
        if len(self.index.repeated):
            self._repeated()

    def _repeated(self) -> None:
        count = len(self.index.repeated)
        keys = self.rows.select(list(self.step.on.values()))
        shown = plain_row(keys.take([int(self.index.repeated[0])]).to_pylist()[0])
        if self.step.repeated == REFUSE:
            raise DataError(
                f"{counted(count, 'row')} of {self.step.table} {'repeats' if count == 1 else 'repeat'} a key, the "
                f"first is {shown}; a join would not know which to take. Drop the duplicates there, join by more "
                "columns, or take the first.",
                code="repeated_key",
                key=shown,
            )
        self.context.notes.append(f"{counted(count, 'row')} of {self.step.table} with a repeated key were not used.")

    def apply(self, batch: pa.RecordBatch) -> Outcome:
        """The batch with the columns of the other table."""
        found = self.index.find(batch, self.left)
        places = pa.array(found, mask=found < 0)
        columns = {name: self.rows[column.name].combine_chunks().take(places) for name, column in self.brought.items()}
        joined = replaced(batch, self.after, columns)
        self._note_missed(int((found < 0).sum()))
        if self.step.unmatched == DROP:
            return kept_rows(joined, found >= 0)
        return Outcome(joined)

    def _note_missed(self, count: int) -> None:
        """One note that grows, not one per batch."""
        if not count:
            return
        before = self._missed_note()
        self.missed += count
        if before in self.context.notes:
            self.context.notes.remove(before)
        self.context.notes.append(self._missed_note())

    def _missed_note(self) -> str:
        what = "were left out" if self.step.unmatched == DROP else "stay without its values"
        return f"{counted(self.missed, 'row')} without a match in {self.step.table} {what}."
