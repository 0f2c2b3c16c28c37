"""Rules that each row meets or breaks by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.datasets.engine.conditions import Condition
from apps.datasets.engine.declared import Problem, setting
from apps.datasets.engine.keys import KeyIndex, compared_as
from apps.datasets.engine.schema import NUMERIC, TEMPORAL, TEXTUAL, Schema, listed
from apps.datasets.engine.tables import Table
from apps.datasets.engine.values import plain_row

from .base import SHOWN, Gauge, RowGauge, RowRule, Surroundings, fits


@dataclass(frozen=True, kw_only=True)
class NotNull(RowRule):
    """No value is missing."""

    kind: ClassVar[str] = "not_null"
    title: ClassVar[str] = "No missing values"
    about: ClassVar[str] = "Every row has a value in the columns; the tolerance is the greatest share without."

    columns: tuple[str, ...] = setting("columns", "Columns")

    def sentence(self) -> str:
        allowed = f" in more than {self.tolerance:.2%} of rows" if self.tolerance else ""
        return f"{listed(self.columns)} {'is' if len(self.columns) == 1 else 'are'} never missing{allowed}"

    def reads(self) -> list[str]:
        return list(self.columns)

    def broken(self, batch: pa.RecordBatch, schema: Schema) -> pa.Array:
        missing = pc.is_null(batch.column(self.columns[0]))
        for name in self.columns[1:]:
            missing = pc.or_(missing, pc.is_null(batch.column(name)))
        return missing


@dataclass(frozen=True, kw_only=True)
class InSet(RowRule):
    """Values come from a list."""

    kind: ClassVar[str] = "in_set"
    title: ClassVar[str] = "Values from a list"
    about: ClassVar[str] = "Every value is one of those listed; missing values are left to another rule."

    column: str = setting("column", "Column")
    values: tuple[str | int | float | bool, ...] = setting("values", "Values")

    def sentence(self) -> str:
        return f"{self.column} is one of {listed(self.values, 8)}"

    def reads(self) -> list[str]:
        return [self.column]

    def _condition(self) -> Condition:
        return Condition(self.column, "not_in", list(self.values))

    def check(self, schema: Schema, tables: Mapping[str, Schema]) -> None:
        super().check(schema, tables)
        fits("values", self._condition(), schema)

    def broken(self, batch: pa.RecordBatch, schema: Schema) -> pa.Array:
        return self._condition().holds(batch, schema)


@dataclass(frozen=True, kw_only=True)
class InRange(RowRule):
    """Values lie in a range."""

    kind: ClassVar[str] = "in_range"
    title: ClassVar[str] = "Values in a range"
    about: ClassVar[str] = (
        "Every value is at least the one and at most the other; missing ones are left to another rule."
    )

    column: str = setting("column", "Column")
    minimum: str | int | float | bool | None = setting("value", "Least", default=None)
    maximum: str | int | float | bool | None = setting("value", "Greatest", default=None)

    def sentence(self) -> str:
        low = f"at least {self.minimum}" if self.minimum is not None else ""
        high = f"at most {self.maximum}" if self.maximum is not None else ""
        return f"{self.column} is {' and '.join(filter(None, [low, high]))}"

    def reads(self) -> list[str]:
        return [self.column]

    def check(self, schema: Schema, tables: Mapping[str, Schema]) -> None:
        super().check(schema, tables)
        kind = schema[self.column].type
        if kind not in (*NUMERIC, *TEMPORAL):
            raise Problem("column", f"{self.column} is {kind}; a range needs numbers, dates or times.")
        if self.minimum is None and self.maximum is None:
            raise Problem("minimum", "A range needs a least or a greatest value.")
        for name, value in (("minimum", self.minimum), ("maximum", self.maximum)):
            if value is not None:
                fits(name, Condition(self.column, "<", value), schema)

    def broken(self, batch: pa.RecordBatch, schema: Schema) -> pa.Array:
        sides = []
        if self.minimum is not None:
            sides.append(Condition(self.column, "<", self.minimum).holds(batch, schema))
        if self.maximum is not None:
            sides.append(Condition(self.column, ">", self.maximum).holds(batch, schema))
        return sides[0] if len(sides) == 1 else pc.or_(*sides)


@dataclass(frozen=True, kw_only=True)
class Matches(RowRule):
    """Texts match a pattern."""

    kind: ClassVar[str] = "matches"
    title: ClassVar[str] = "Texts match a pattern"
    about: ClassVar[str] = "Every text matches a regular expression (RE2) as a whole."

    column: str = setting("column", "Column")
    pattern: str = setting("text", "Regular expression")

    def sentence(self) -> str:
        return f"{self.column} matches {self.pattern}"

    def reads(self) -> list[str]:
        return [self.column]

    def check(self, schema: Schema, tables: Mapping[str, Schema]) -> None:
        super().check(schema, tables)
        if schema[self.column].type not in TEXTUAL:
            raise Problem("column", f"{self.column} is {schema[self.column].type}; a pattern needs text.")
        try:
            pc.match_substring_regex(pa.array(["a"]), self.pattern)
        except pa.ArrowInvalid as error:
            raise Problem("pattern", f"The regular expression cannot be read: {error}.") from error

    def broken(self, batch: pa.RecordBatch, schema: Schema) -> pa.Array:
        return pc.invert(pc.match_substring_regex(batch.column(self.column), f"^(?:{self.pattern})$"))


@dataclass(frozen=True, kw_only=True)
class Holds(RowRule):
    """A comparison of two columns, or of a column with a value, is true."""

    kind: ClassVar[str] = "holds"
    title: ClassVar[str] = "A comparison holds"
    about: ClassVar[str] = "Every condition is met in every row in which the compared values are known."

    conditions: tuple[Condition, ...] = setting("conditions", "Conditions")

    def sentence(self) -> str:
        return " and ".join(condition.sentence() for condition in self.conditions)

    def reads(self) -> list[str]:
        return [name for condition in self.conditions for name in (condition.column, condition.other) if name]

    def check(self, schema: Schema, tables: Mapping[str, Schema]) -> None:
        super().check(schema, tables)
        for condition in self.conditions:
            fits("conditions", condition, schema)

    def broken(self, batch: pa.RecordBatch, schema: Schema) -> pa.Array:
        met = self.conditions[0].holds(batch, schema)
        for condition in self.conditions[1:]:
            met = pc.and_kleene(met, condition.holds(batch, schema))
        return pc.invert(met)


@dataclass(frozen=True, kw_only=True)
class RefersTo(RowRule):
    """Values occur in another table."""

    kind: ClassVar[str] = "refers_to"
    title: ClassVar[str] = "Values occur in another dataset"
    about: ClassVar[str] = "Every key is found in another dataset version; a missing key is left to another rule."

    table: str = setting("table", "Dataset version", help_text="Written dataset@version, such as planes@1.")
    on: Mapping[str, str] = setting("keys", "Key columns", help_text="Here and, where it differs, there.")

    def sentence(self) -> str:
        return f"{listed(self.on)} {'occurs' if len(self.on) == 1 else 'occur'} in {self.table}"

    def reads(self) -> list[str]:
        return list(self.on)

    def check(self, schema: Schema, tables: Mapping[str, Schema]) -> None:
        super().check(schema, tables)
        if self.table not in tables:
            raise Problem("table", f"There is no dataset version {self.table!r}, or you may not see it.")
        for name in self.on.values():
            tables[self.table][name]

    def gauge(self, table: Table, around: Surroundings) -> Gauge:
        return _ReferenceGauge(self, table.schema, Table(around.tables[self.table]))


class _ReferenceGauge(RowGauge):
    def __init__(self, rule: RefersTo, schema: Schema, other: Table) -> None:
        super().__init__(rule, schema)
        self.columns = [schema[name] for name in rule.on]
        there = [other.schema[name] for name in rule.on.values()]
        rows = pa.Table.from_batches(list(other.batches(list(dict.fromkeys(rule.on.values())))))
        kinds = [compared_as(here, far) for here, far in zip(self.columns, there, strict=True)]
        self.index = KeyIndex(rows, there, kinds)

    def saw(self, batch: pa.RecordBatch, start: int) -> None:
        known = np.ones(batch.num_rows, bool)
        for column in self.columns:
            known &= pc.is_valid(batch.column(column.name)).to_numpy(zero_copy_only=False)
        broken = (self.index.find(batch, self.columns) < 0) & known
        self.checked += int(known.sum())
        self.offending += int(broken.sum())
        for place in np.flatnonzero(broken)[: max(0, SHOWN - len(self.sample))]:
            row = batch.select(self.rule.reads()).slice(int(place), 1).to_pylist()[0]
            self.sample.append({"row": start + int(place) + 1, "values": plain_row(row)})
