"""What a rule is, and what measures it while the rows go by."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.datasets.engine.conditions import Condition
from apps.datasets.engine.declared import Declared, Problem, setting
from apps.datasets.engine.schema import Schema
from apps.datasets.engine.tables import Table
from apps.datasets.engine.values import plain_row

SHOWN = 10
MUST, SHOULD = "must", "should"
RULES: dict[str, type["Rule"]] = {}


@dataclass
class Measured:
    """What a rule found: the value held against the limit, and the rows at fault."""

    value: Any
    limit: Any
    passed: bool
    offending: int = 0
    checked: int = 0
    sample: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Surroundings:
    """What rules may look at beside the table: other tables by name, the time now, a folder for what is large."""

    tables: Mapping[str, Path]
    now: dt.datetime
    folder: Path


class Gauge:
    """Measures one rule while the rows go by."""

    def saw(self, batch: pa.RecordBatch, start: int) -> None:
        """Take the rows from `start` on."""

    def measured(self, table: Table) -> Measured:
        """The result, once all rows were seen."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Rule(Declared):
    """One demand on a table."""

    word: ClassVar[str] = "rule"

    severity: str = setting(
        "choice",
        "If it fails",
        default=MUST,
        choices=(MUST, SHOULD),
        help_text="must: the data cannot be signed off; should: shown as a warning.",
    )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.kind:
            RULES[cls.kind] = cls

    def reads(self) -> list[str]:
        """The columns that the rule looks at."""
        return []

    def check(self, schema: Schema, tables: Mapping[str, Schema]) -> None:
        """Raise Problem or DataError when the rule cannot be applied to this table."""
        for name in self.reads():
            schema[name]

    def gauge(self, table: Table, around: Surroundings) -> Gauge:
        """What measures the rule on this table."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class RowRule(Rule):
    """A demand on each row, with a share of rows that may break it."""

    tolerance: float = setting(
        "number", "Share that may break it", default=0.0, help_text="0.01 allows one row in a hundred."
    )

    def check(self, schema: Schema, tables: Mapping[str, Schema]) -> None:
        super().check(schema, tables)
        if not 0 <= self.tolerance < 1:
            raise Problem("tolerance", "The share that may break the rule lies between 0 and 1.")

    def broken(self, batch: pa.RecordBatch, schema: Schema) -> pa.Array:
        """Per row whether it breaks the rule; null where it cannot be held against it."""
        raise NotImplementedError

    def gauge(self, table: Table, around: Surroundings) -> Gauge:
        return RowGauge(self, table.schema)


class RowGauge(Gauge):
    """Counts the rows that break a rule and keeps the first of them."""

    def __init__(self, rule: RowRule, schema: Schema) -> None:
        self.rule, self.schema = rule, schema
        self.offending = self.checked = 0
        self.sample: list[dict[str, Any]] = []

    def saw(self, batch: pa.RecordBatch, start: int) -> None:
        broken = self.rule.broken(batch, self.schema)
        self.checked += len(broken) - broken.null_count
        places = np.flatnonzero(pc.fill_null(broken, False).to_numpy(zero_copy_only=False))
        self.offending += len(places)
        for place in places[: max(0, SHOWN - len(self.sample))]:
            row = batch.select(list(dict.fromkeys(self.rule.reads()))).slice(int(place), 1).to_pylist()[0]
            self.sample.append({"row": start + int(place) + 1, "values": plain_row(row)})

    def measured(self, table: Table) -> Measured:
        share = self.offending / self.checked if self.checked else 0.0
        passed = share <= self.rule.tolerance
        return Measured(round(share, 6), self.rule.tolerance, passed, self.offending, self.checked, self.sample)


class Known(Gauge):
    """A rule whose result needs no rows."""

    def __init__(self, found: Measured) -> None:
        self.found = found

    def measured(self, table: Table) -> Measured:
        return self.found


def fits(field_name: str, condition: Condition, schema: Schema) -> None:
    """Raise Problem for this field when the condition cannot be applied."""
    try:
        condition.check(schema)
    except ValueError as error:
        raise Problem(field_name, str(error)) from error
