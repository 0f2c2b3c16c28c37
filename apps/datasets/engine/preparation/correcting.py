"""Steps that correct inconsistent values: by a map, by a range, by a pattern."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.datasets.engine.declared import Problem, setting
from apps.datasets.engine.schema import NUMERIC, TEMPORAL, TEXTUAL, Schema, listed
from apps.datasets.engine.values import typed

from .base import Context, Outcome, Step, kept_rows, need, replaced

CLIP, NULL, DROP, REPLACE, KEEP = "clip", "null", "drop", "replace", "keep"


@dataclass(frozen=True, kw_only=True)
class MapValues(Step):
    """Replaces values one by one."""

    kind: ClassVar[str] = "map_values"
    title: ClassVar[str] = "Map values"
    about: ClassVar[str] = "Replaces each listed value by another, or by nothing."

    column: str = setting("column", "Column")
    mapping: Mapping[str, Any] = setting("mapping", "Old and new values", help_text="An empty new value means missing.")
    otherwise: str = setting("choice", "All other values", default=KEEP, choices=(KEEP, NULL))

    def sentence(self) -> str:
        pairs = listed([f"{old} → {'missing' if new is None else new}" for old, new in self.mapping.items()], 4)
        return f"Map {self.column}: {pairs}{'; all others are missing' if self.otherwise == NULL else ''}"

    def touches(self) -> list[str]:
        return [self.column]

    def output(self, schema: Schema, tables: Mapping[str, Schema]) -> Schema:
        need(schema, "column", [self.column])
        for value in (*self.mapping, *self.mapping.values()):
            _fits(value, schema[self.column].type, "mapping")
        return schema

    def applier(
        self, schema: Schema, learned: dict[str, Any], surveyed: Any, context: Context
    ) -> Callable[[pa.RecordBatch], Outcome]:
        column = schema[self.column]
        old = pa.array([typed(value, column.type).as_py() for value in self.mapping], column.physical)
        new = pa.array([typed(value, column.type).as_py() for value in self.mapping.values()], column.physical)

        def apply(batch: pa.RecordBatch) -> Outcome:
            values = batch.column(self.column)
            places = pc.index_in(values, value_set=old, skip_nulls=True)
            rest = values if self.otherwise == KEEP else pa.scalar(None, column.physical)
            mapped = pc.if_else(pc.is_valid(places), new.take(places), rest)
            return Outcome(replaced(batch, schema, {self.column: mapped}))

        return apply


@dataclass(frozen=True, kw_only=True)
class LimitRange(Step):
    """Deals with values outside a range."""

    kind: ClassVar[str] = "limit_range"
    title: ClassVar[str] = "Limit range"
    about: ClassVar[str] = (
        "Values below the least or above the greatest are set to it, made missing, or their rows dropped."
    )

    column: str = setting("column", "Column")
    minimum: str | int | float | bool | None = setting("value", "Least", default=None)
    maximum: str | int | float | bool | None = setting("value", "Greatest", default=None)
    action: str = setting("choice", "Outside the range", choices=(CLIP, NULL, DROP))

    def sentence(self) -> str:
        low = f"below {self.minimum}" if self.minimum is not None else ""
        high = f"above {self.maximum}" if self.maximum is not None else ""
        done = {CLIP: "set to the limit", NULL: "made missing", DROP: "dropped with the row"}[self.action]
        return f"{self.column} {' or '.join(filter(None, [low, high]))}: {done}"

    def touches(self) -> list[str]:
        return [] if self.action == DROP else [self.column]

    def output(self, schema: Schema, tables: Mapping[str, Schema]) -> Schema:
        need(schema, "column", [self.column], (*NUMERIC, *TEMPORAL))
        if self.minimum is None and self.maximum is None:
            raise Problem("minimum", "A range needs a least or a greatest value.")
        kind = schema[self.column].type
        low, high = _fits(self.minimum, kind, "minimum"), _fits(self.maximum, kind, "maximum")
        if low is not None and high is not None and low > high:
            raise Problem("maximum", "The greatest value is below the least.")
        return schema

    def applier(
        self, schema: Schema, learned: dict[str, Any], surveyed: Any, context: Context
    ) -> Callable[[pa.RecordBatch], Outcome]:
        column = schema[self.column]
        low, high = typed(self.minimum, column.type), typed(self.maximum, column.type)

        def apply(batch: pa.RecordBatch) -> Outcome:
            values = batch.column(self.column)
            below = pc.fill_null(pc.less(values, low), False)
            above = pc.fill_null(pc.greater(values, high), False)
            if self.action == DROP:
                return kept_rows(batch, pc.invert(pc.or_(below, above)).to_numpy(zero_copy_only=False))
            if self.action == CLIP:
                limited = pc.if_else(below, low, pc.if_else(above, high, values))
            else:
                limited = pc.if_else(pc.or_(below, above), pa.scalar(None, column.physical), values)
            return Outcome(replaced(batch, schema, {self.column: limited}))

        return apply


@dataclass(frozen=True, kw_only=True)
class MatchPattern(Step):
    """Deals with texts that do not match a pattern, or replaces what matches."""

    kind: ClassVar[str] = "match_pattern"
    title: ClassVar[str] = "Match pattern"
    about: ClassVar[str] = (
        "Replaces every part of a text that matches a regular expression (RE2), or makes missing or drops what does "
        "not match it as a whole."
    )

    column: str = setting("column", "Column")
    pattern: str = setting("text", "Regular expression")
    action: str = setting("choice", "Do", choices=(REPLACE, NULL, DROP))
    replacement: str = setting("text", "Replace by", default="", help_text=r"\1 stands for the first group.")

    def sentence(self) -> str:
        if self.action == REPLACE:
            return f"Replace {self.pattern} in {self.column} by {self.replacement or 'nothing'}"
        return f"{self.column} not matching {self.pattern}: {'made missing' if self.action == NULL else 'row dropped'}"

    def touches(self) -> list[str]:
        return [] if self.action == DROP else [self.column]

    def output(self, schema: Schema, tables: Mapping[str, Schema]) -> Schema:
        need(schema, "column", [self.column], TEXTUAL)
        try:
            pc.match_substring_regex(pa.array(["a"]), self.pattern)
        except pa.ArrowInvalid as error:
            raise Problem("pattern", f"The regular expression cannot be read: {_reason(error)}.") from error
        try:
            pc.replace_substring_regex(pa.array(["a"]), self.pattern, self.replacement)
        except pa.ArrowInvalid as error:
            raise Problem("replacement", f"The replacement cannot be read: {_reason(error)}.") from error
        return schema

    def applier(
        self, schema: Schema, learned: dict[str, Any], surveyed: Any, context: Context
    ) -> Callable[[pa.RecordBatch], Outcome]:
        def apply(batch: pa.RecordBatch) -> Outcome:
            values = batch.column(self.column)
            if self.action == REPLACE:
                changed = pc.replace_substring_regex(values, self.pattern, self.replacement)
                return Outcome(replaced(batch, schema, {self.column: changed}))
            wrong = pc.invert(pc.fill_null(pc.match_substring_regex(values, f"^(?:{self.pattern})$"), True))
            if self.action == DROP:
                return kept_rows(batch, ~np.asarray(wrong))
            changed = pc.if_else(wrong, pa.scalar(None, values.type), values)
            return Outcome(replaced(batch, schema, {self.column: changed}))

        return apply


def _fits(value: Any, kind: str, field_name: str) -> Any:
    try:
        return typed(value, kind).as_py()
    except ValueError as error:
        raise Problem(field_name, str(error)) from error


def _reason(error: Exception) -> str:
    return str(error).removeprefix("Invalid regular expression: ").rstrip(".")
