"""Steps that choose rows and columns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.datasets.engine.conditions import Condition
from apps.datasets.engine.declared import Problem, setting
from apps.datasets.engine.errors import DataError
from apps.datasets.engine.schema import Schema, listed

from .base import Context, Outcome, Step, kept_rows, need


@dataclass(frozen=True, kw_only=True)
class KeepColumns(Step):
    """Keeps the named columns, in this order."""

    kind: ClassVar[str] = "keep_columns"
    title: ClassVar[str] = "Keep columns"
    about: ClassVar[str] = "Keeps the named columns, in this order, and drops all others."

    columns: tuple[str, ...] = setting("columns", "Columns")

    def sentence(self) -> str:
        return f"Keep {listed(self.columns, 8)}"

    def output(self, schema: Schema, tables: Mapping[str, Schema]) -> Schema:
        need(schema, "columns", self.columns)
        return Schema(tuple(schema[name] for name in self.columns))

    def applier(
        self, schema: Schema, learned: dict[str, Any], surveyed: Any, context: Context
    ) -> Callable[[pa.RecordBatch], Outcome]:
        return lambda batch: Outcome(batch.select(list(self.columns)))


@dataclass(frozen=True, kw_only=True)
class DropColumns(Step):
    """Drops the named columns."""

    kind: ClassVar[str] = "drop_columns"
    title: ClassVar[str] = "Drop columns"
    about: ClassVar[str] = "Drops the named columns and keeps all others."

    columns: tuple[str, ...] = setting("columns", "Columns")

    def sentence(self) -> str:
        return f"Drop {listed(self.columns, 8)}"

    def output(self, schema: Schema, tables: Mapping[str, Schema]) -> Schema:
        need(schema, "columns", self.columns)
        after = schema.without(self.columns)
        if not len(after):
            raise Problem("columns", "No column would be left.")
        return after

    def applier(
        self, schema: Schema, learned: dict[str, Any], surveyed: Any, context: Context
    ) -> Callable[[pa.RecordBatch], Outcome]:
        names = schema.without(self.columns).names
        return lambda batch: Outcome(batch.select(names))


ALL, ANY = "all", "any"


@dataclass(frozen=True, kw_only=True)
class FilterRows(Step):
    """Keeps the rows that meet conditions."""

    kind: ClassVar[str] = "filter_rows"
    title: ClassVar[str] = "Filter rows"
    about: ClassVar[str] = (
        "Keeps the rows that meet all conditions, or any of them; a comparison with a missing value is not met."
    )

    conditions: tuple[Condition, ...] = setting("conditions", "Conditions")
    match: str = setting("choice", "Keep rows that meet", default=ALL, choices=(ALL, ANY))

    def sentence(self) -> str:
        between = " and " if self.match == ALL else " or "
        return f"Keep rows where {between.join(condition.sentence() for condition in self.conditions)}"

    def output(self, schema: Schema, tables: Mapping[str, Schema]) -> Schema:
        for condition in self.conditions:
            try:
                condition.check(schema)
            except (ValueError, DataError) as error:
                raise Problem("conditions", str(error)) from error
        return schema

    def applier(
        self, schema: Schema, learned: dict[str, Any], surveyed: Any, context: Context
    ) -> Callable[[pa.RecordBatch], Outcome]:
        join = np.logical_and if self.match == ALL else np.logical_or

        def apply(batch: pa.RecordBatch) -> Outcome:
            met = [
                pc.fill_null(condition.holds(batch, schema), False).to_numpy(zero_copy_only=False)
                for condition in self.conditions
            ]
            return kept_rows(batch, join.reduce(met).astype(bool))

        return apply
