"""Simple comparisons of a column with a value or another column: what filters keep and what rules demand."""

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .schema import BOOLEAN, NUMERIC, TEXTUAL, Schema
from .values import plain_value, typed

COMPARISONS = {"==": "equal", "!=": "not_equal", "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal"}
_SPOKEN = {
    "==": "is",
    "!=": "is not",
    "<": "is below",
    "<=": "is at most",
    ">": "is above",
    ">=": "is at least",
    "in": "is one of",
    "not_in": "is none of",
    "missing": "is missing",
    "present": "is present",
}
OPERATORS = tuple(_SPOKEN)


@dataclass(frozen=True)
class Condition:
    """`column` compared with `value`, or with the column `other`."""

    column: str
    operator: str
    value: Any = None
    other: str = ""

    @classmethod
    def from_dict(cls, raw: Any) -> "Condition":
        """A condition from plain values; raises ValueError with a sentence."""
        if not isinstance(raw, Mapping):
            raise ValueError("A condition names a column, an operator and a value.")
        unknown = sorted(set(map(str, raw)) - {"column", "operator", "value", "other"})
        if unknown:
            raise ValueError(f"A condition has no {', '.join(unknown)}; it has column, operator, value or other.")
        column, operator = raw.get("column"), raw.get("operator")
        if not isinstance(column, str) or not column:
            raise ValueError("A condition needs a column.")
        if operator not in OPERATORS:
            raise ValueError(f"{operator!r} is not an operator; the operators are {', '.join(OPERATORS)}.")
        value, other = raw.get("value"), raw.get("other") or ""
        for single in value if isinstance(value, list | tuple) else [value]:
            if isinstance(single, float) and not math.isfinite(single):
                raise ValueError(f"{column} cannot be compared with {single}; use a finite number.")
            if single is not None and not isinstance(single, str | int | float | bool | dt.date):
                raise ValueError(f"{column} cannot be compared with {single!r}; use a single value.")
        if operator in ("in", "not_in") and not isinstance(value, list | tuple):
            raise ValueError(f"{operator} needs a list of values.")
        if operator in COMPARISONS and isinstance(value, list | tuple):
            raise ValueError(f"{column} {_SPOKEN[operator]} … needs a single value; for several write in or not_in.")
        if operator in COMPARISONS and value is None and not other:
            raise ValueError(f"{column} {_SPOKEN[operator]} … needs a value, or another column.")
        plain = [plain_value(single) for single in value] if isinstance(value, list | tuple) else plain_value(value)
        return cls(column, operator, plain, str(other))

    def to_dict(self) -> dict[str, Any]:
        """The condition as plain values."""
        raw: dict[str, Any] = {"column": self.column, "operator": self.operator}
        if self.other:
            raw["other"] = self.other
        elif self.operator not in ("missing", "present"):
            raw["value"] = self.value
        return raw

    def sentence(self) -> str:
        """The condition as a person reads it."""
        if self.operator in ("missing", "present"):
            return f"{self.column} {_SPOKEN[self.operator]}"
        shown = self.other or (", ".join(map(str, self.value)) if isinstance(self.value, list) else self.value)
        return f"{self.column} {_SPOKEN[self.operator]} {shown}"

    def check(self, schema: Schema) -> None:
        """Raise ValueError or DataError when the columns do not exist or cannot be compared so."""
        kind = schema[self.column].type
        if self.operator in ("<", "<=", ">", ">=") and kind == BOOLEAN:
            raise ValueError(f"{self.column} is true or false; it can be compared with == and != only.")
        if self.other:
            there = schema[self.other].type
            if not (kind == there or {kind, there} <= set(NUMERIC) or {kind, there} <= set(TEXTUAL)):
                raise ValueError(f"{self.column} is {kind} and {self.other} is {there}; they cannot be compared.")
            return
        for value in self.value if isinstance(self.value, list) else [self.value]:
            if self.operator not in ("missing", "present"):
                self._typed(value, schema)

    def _typed(self, value: Any, schema: Schema) -> pa.Scalar:
        kind = schema[self.column].type
        # 2.5 compares with whole numbers too.
        return typed(value, "number" if kind == "integer" and isinstance(value, float) else kind)

    def holds(self, batch: pa.RecordBatch, schema: Schema) -> pa.Array:
        """Per row true, false, or null where a value that is compared is missing."""
        values = batch.column(self.column)
        if self.operator == "missing":
            return pc.is_null(values)
        if self.operator == "present":
            return pc.is_valid(values)
        if self.operator in ("in", "not_in"):
            wanted = pa.array([typed(value, schema[self.column].type).as_py() for value in self.value], values.type)
            found = pc.is_in(values, value_set=wanted)
            held = found if self.operator == "in" else pc.invert(found)
            return pc.if_else(pc.is_valid(values), held, pa.scalar(None, pa.bool_()))
        right = batch.column(self.other) if self.other else self._typed(self.value, schema)
        return pc.call_function(COMPARISONS[self.operator], [values, right])
