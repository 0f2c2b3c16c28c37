"""Steps that write the same thing the same way: dates, case, spaces, units, types, names."""

import datetime as dt
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.datasets.engine.casting import cast_text, wrong_cells
from apps.datasets.engine.declared import Problem, setting
from apps.datasets.engine.errors import WrongValues
from apps.datasets.engine.schema import (
    BOOLEAN,
    CATEGORY,
    DATE,
    DATETIME,
    INTEGER,
    NUMBER,
    NUMERIC,
    PHYSICAL,
    ROLES,
    STRING,
    TEXTUAL,
    TYPES,
    Schema,
    counted,
    listed,
)
from apps.datasets.engine.units import conversion, unit_named

from .base import Context, Outcome, Step, need, replaced

REFUSE, NULL = "refuse", "null"
WRONG = (REFUSE, NULL)


@dataclass(frozen=True, kw_only=True)
class ParseDates(Step):
    """Turns written dates into dates or times."""

    kind: ClassVar[str] = "parse_dates"
    title: ClassVar[str] = "Parse dates"
    about: ClassVar[str] = "Reads texts by one or more formats and keeps them as dates, or as times in UTC."

    columns: tuple[str, ...] = setting("columns", "Columns")
    formats: tuple[str, ...] = setting(
        "texts", "Formats", help_text="Tried in order: %d/%m/%Y, %Y-%m-%dT%H:%M:%S%z, %d %b %Y %H:%M, …"
    )
    to: str = setting("choice", "Keep as", default=DATETIME, choices=(DATETIME, DATE))
    timezone: str = setting("text", "Time zone", default="UTC", help_text="Of times that name none.")
    wrong: str = setting("choice", "What fits no format", default=REFUSE, choices=WRONG)

    def sentence(self) -> str:
        return f"Read {listed(self.columns)} as {self.to} written {' or '.join(self.formats)}"

    def touches(self) -> list[str]:
        return list(self.columns)

    def output(self, schema: Schema, tables: Mapping[str, Schema]) -> Schema:
        need(schema, "columns", self.columns, TEXTUAL)
        _need_zone(self.timezone)
        for written in self.formats:
            if not any(f"%{sign}" in written for sign in "YymdbBjcxs"):
                raise Problem("formats", f"{written!r} names no part of a date, such as %Y, %m and %d.")
        for name in self.columns:
            schema = schema.with_column(replace(schema[name], type=self.to))
        return schema

    def applier(
        self, schema: Schema, learned: dict[str, Any], surveyed: Any, context: Context
    ) -> Callable[[pa.RecordBatch], Outcome]:
        after = self.output(schema, {})
        zone = zoneinfo.ZoneInfo(self.timezone)
        return _Converted(self.columns, after, self.wrong, self.to, lambda values, _: self._parsed(values, zone)).apply

    def _parsed(self, values: pa.Array, zone: zoneinfo.ZoneInfo) -> tuple[pa.Array, np.ndarray]:
        coded = values.dictionary_encode()
        moments = [_moment(text, self.formats, zone) for text in coded.dictionary.to_pylist()]
        found: pa.Array = pa.array(moments, PHYSICAL[DATETIME])
        if self.to == DATE:
            found = pa.array([moment and moment.date() for moment in moments], pa.date32())
        parsed = found.take(coded.indices)
        wrong = pc.and_(pc.is_null(parsed), pc.is_valid(values)).to_numpy(zero_copy_only=False)
        return parsed, wrong


def _moment(text: str, formats: tuple[str, ...], zone: zoneinfo.ZoneInfo) -> dt.datetime | None:
    for written in formats:
        try:
            moment = dt.datetime.strptime(text.strip(), written)
        except ValueError:
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return None


def _need_zone(name: str) -> None:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Problem("timezone", f"{name!r} is not a time zone; write it like Europe/Vienna.") from error


class _Converted:
    """Columns turned into another type, batch after batch; what cannot be turned is refused by row, or made missing."""

    def __init__(
        self,
        columns: tuple[str, ...],
        after: Schema,
        wrong: str,
        to: str,
        convert: Callable[[pa.Array, str], tuple[pa.Array, np.ndarray]],
    ) -> None:
        self.columns, self.after, self.wrong, self.to, self.convert = columns, after, wrong, to, convert
        self.done = 0

    def apply(self, batch: pa.RecordBatch) -> Outcome:
        """The batch with the columns converted."""
        columns = {}
        for name in self.columns:
            values = batch.column(name)
            columns[name], wrong = self.convert(values, name)
            if self.wrong == REFUSE and wrong.any():
                self._refuse(values, name, wrong)
        self.done += batch.num_rows
        return Outcome(replaced(batch, self.after, columns))

    def _refuse(self, values: pa.Array, name: str, wrong: np.ndarray) -> None:
        places = np.flatnonzero(wrong)
        first = [{"row": self.done + int(place) + 1, "value": str(values[place].as_py())} for place in places[:20]]
        raise WrongValues(
            f"{first[0]['value']!r} in row {first[0]['row']:,} of {name} cannot be kept as {self.to} "
            f"(and {counted(len(places) - 1, 'more value')} near it). Add a format, correct the values in a step "
            "before, or make what does not fit missing.",
            code="not_convertible",
            column=name,
            first=first,
        )


@dataclass(frozen=True, kw_only=True)
class SetTimeZone(Step):
    """Takes times that were read as UTC as local times."""

    kind: ClassVar[str] = "set_time_zone"
    title: ClassVar[str] = "Set time zone"
    about: ClassVar[str] = "The times were written in local time without a zone; keeps them in UTC."

    columns: tuple[str, ...] = setting("columns", "Columns")
    timezone: str = setting("text", "Time zone", help_text="Such as America/New_York.")

    def sentence(self) -> str:
        return f"Take {listed(self.columns)} as times in {self.timezone}"

    def touches(self) -> list[str]:
        return list(self.columns)

    def output(self, schema: Schema, tables: Mapping[str, Schema]) -> Schema:
        need(schema, "columns", self.columns, [DATETIME])
        _need_zone(self.timezone)
        return schema

    def applier(
        self, schema: Schema, learned: dict[str, Any], surveyed: Any, context: Context
    ) -> Callable[[pa.RecordBatch], Outcome]:
        def apply(batch: pa.RecordBatch) -> Outcome:
            columns = {}
            for name in self.columns:
                naive = batch.column(name).cast(pa.timestamp("us"))
                # The hour that occurs twice in autumn is taken as the first, the one that is skipped as its end.
                local = pc.assume_timezone(naive, self.timezone, ambiguous="earliest", nonexistent="latest")
                columns[name] = local.cast(PHYSICAL[DATETIME])
            return Outcome(replaced(batch, schema, columns))

        return apply


LOWER, UPPER, TITLE = "lower", "upper", "title"
_CASES = {LOWER: pc.utf8_lower, UPPER: pc.utf8_upper, TITLE: pc.utf8_title}


@dataclass(frozen=True, kw_only=True)
class ChangeCase(Step):
    """Writes texts in one case."""

    kind: ClassVar[str] = "change_case"
    title: ClassVar[str] = "Change case"
    about: ClassVar[str] = "Writes all letters small, all large, or the first of each word large."

    columns: tuple[str, ...] = setting("columns", "Columns")
    case: str = setting("choice", "Case", choices=tuple(_CASES))

    def sentence(self) -> str:
        return f"Write {listed(self.columns)} in {self.case} case"

    def touches(self) -> list[str]:
        return list(self.columns)

    def output(self, schema: Schema, tables: Mapping[str, Schema]) -> Schema:
        need(schema, "columns", self.columns, TEXTUAL)
        return schema

    def applier(
        self, schema: Schema, learned: dict[str, Any], surveyed: Any, context: Context
    ) -> Callable[[pa.RecordBatch], Outcome]:
        change = _CASES[self.case]
        return lambda batch: Outcome(
            replaced(batch, schema, {name: change(batch.column(name)) for name in self.columns})
        )


@dataclass(frozen=True, kw_only=True)
class TrimText(Step):
    """Takes away spaces around texts."""

    kind: ClassVar[str] = "trim_text"
    title: ClassVar[str] = "Trim text"
    about: ClassVar[str] = "Takes away spaces at both ends; makes several spaces inside one; an empty text is missing."

    columns: tuple[str, ...] = setting("columns", "Columns")
    inside: bool = setting("flag", "Make several spaces inside one", default=False)

    def sentence(self) -> str:
        return f"Trim spaces of {listed(self.columns)}"

    def touches(self) -> list[str]:
        return list(self.columns)

    def output(self, schema: Schema, tables: Mapping[str, Schema]) -> Schema:
        need(schema, "columns", self.columns, TEXTUAL)
        return schema

    def applier(
        self, schema: Schema, learned: dict[str, Any], surveyed: Any, context: Context
    ) -> Callable[[pa.RecordBatch], Outcome]:
        def trimmed(values: pa.Array) -> pa.Array:
            values = pc.utf8_trim_whitespace(values)
            if self.inside:
                values = pc.replace_substring_regex(values, r"\s+", " ")
            return pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)

        return lambda batch: Outcome(
            replaced(batch, schema, {name: trimmed(batch.column(name)) for name in self.columns})
        )


@dataclass(frozen=True, kw_only=True)
class ConvertUnits(Step):
    """Turns a measure from one unit into another."""

    kind: ClassVar[str] = "convert_units"
    title: ClassVar[str] = "Convert units"
    about: ClassVar[str] = "°F to °C, ft to m, mph to km/h and the like, or by a factor and an offset of your own."

    columns: tuple[str, ...] = setting("columns", "Columns")
    to_unit: str = setting("text", "To unit")
    from_unit: str = setting("text", "From unit", default="", help_text="Empty: the unit in the schema.")
    factor: float = setting(
        "number", "Factor", default=0.0, help_text="For units that are not known: value × factor + offset."
    )
    offset: float = setting("number", "Offset", default=0.0)

    def sentence(self) -> str:
        return f"Convert {listed(self.columns)}{f' from {self.from_unit}' if self.from_unit else ''} to {self.to_unit}"

    def touches(self) -> list[str]:
        return list(self.columns)

    def output(self, schema: Schema, tables: Mapping[str, Schema]) -> Schema:
        need(schema, "columns", self.columns, NUMERIC)
        if self.offset and not self.factor:
            raise Problem("factor", "An offset needs a factor; 1 leaves the size as it is.")
        for name in self.columns:
            self._conversion(schema, name)
            unit = self.to_unit if self.factor else unit_named(self.to_unit)
            schema = schema.with_column(replace(schema[name], type=NUMBER, unit=unit))
        return schema

    def _conversion(self, schema: Schema, name: str) -> tuple[float, float]:
        if self.factor:
            return self.factor, self.offset
        from_unit = self.from_unit or schema[name].unit
        if not from_unit:
            raise Problem("from_unit", f"The schema names no unit of {name}; say from which unit to convert.")
        try:
            return conversion(from_unit, self.to_unit)
        except ValueError as error:
            raise Problem("to_unit", str(error)) from error

    def applier(
        self, schema: Schema, learned: dict[str, Any], surveyed: Any, context: Context
    ) -> Callable[[pa.RecordBatch], Outcome]:
        after = self.output(schema, {})
        factors = {name: self._conversion(schema, name) for name in self.columns}

        def apply(batch: pa.RecordBatch) -> Outcome:
            columns = {
                name: pc.add(pc.multiply(batch.column(name).cast(pa.float64(), safe=False), factor), offset)
                for name, (factor, offset) in factors.items()
            }
            return Outcome(replaced(batch, after, columns))

        return apply


@dataclass(frozen=True, kw_only=True)
class ChangeType(Step):
    """Keeps columns as another type."""

    kind: ClassVar[str] = "change_type"
    title: ClassVar[str] = "Change type"
    about: ClassVar[str] = "Keeps texts as numbers, numbers as texts, times as dates, and so on."

    columns: tuple[str, ...] = setting("columns", "Columns")
    to: str = setting("choice", "Type", choices=TYPES)
    wrong: str = setting("choice", "What does not fit", default=REFUSE, choices=WRONG)

    def sentence(self) -> str:
        return f"Keep {listed(self.columns)} as {self.to}"

    def touches(self) -> list[str]:
        return list(self.columns)

    def output(self, schema: Schema, tables: Mapping[str, Schema]) -> Schema:
        need(schema, "columns", self.columns)
        for name in self.columns:
            kind = schema[name].type
            if not _convertible(kind, self.to):
                raise Problem("to", f"{name} is {kind}, which cannot be kept as {self.to}.")
            schema = schema.with_column(replace(schema[name], type=self.to))
        return schema

    def applier(
        self, schema: Schema, learned: dict[str, Any], surveyed: Any, context: Context
    ) -> Callable[[pa.RecordBatch], Outcome]:
        def convert(values: pa.Array, name: str) -> tuple[pa.Array, np.ndarray]:
            return _as_type(values, schema[name].type, self.to)

        return _Converted(self.columns, self.output(schema, {}), self.wrong, self.to, convert).apply


def _convertible(kind: str, to: str) -> bool:
    if kind == to or kind in TEXTUAL or to in (STRING, CATEGORY):
        return True
    return (kind, to) in {
        (INTEGER, NUMBER),
        (NUMBER, INTEGER),
        (INTEGER, BOOLEAN),
        (BOOLEAN, INTEGER),
        (BOOLEAN, NUMBER),
        (DATETIME, DATE),
        (DATE, DATETIME),
    }


def _as_type(values: pa.Array, kind: str, to: str) -> tuple[pa.Array, np.ndarray]:
    """The values as this type, and which of them do not fit and are missing now."""
    fits = np.zeros(len(values), bool)
    physical = PHYSICAL[to]
    if kind in TEXTUAL:
        wrong = wrong_cells(values, to) if to not in TEXTUAL else fits
        good = pc.if_else(pa.array(wrong), pa.scalar(None, pa.string()), values) if wrong.any() else values
        return cast_text(good, to).cast(physical), wrong
    if to in TEXTUAL:
        return _written(values, kind), fits
    if kind == NUMBER and to == INTEGER:
        whole = pc.and_(pc.equal(pc.round(values), values), pc.less(pc.abs(values), 2.0**63))
        wrong = pc.invert(pc.fill_null(whole, True)).to_numpy(zero_copy_only=False)
        return pc.if_else(pa.array(wrong), pa.scalar(None, values.type), values).cast(physical), wrong
    if kind == INTEGER and to == BOOLEAN:
        wrong = pc.invert(pc.fill_null(pc.is_in(values, value_set=pa.array([0, 1])), False))
        wrong = pc.and_(wrong, pc.is_valid(values)).to_numpy(zero_copy_only=False)
        return pc.if_else(pa.array(wrong), pa.scalar(None, values.type), values).cast(physical), wrong
    if kind == DATETIME and to == DATE:
        return pc.floor_temporal(values, unit="day").cast(pa.timestamp("us")).cast(physical), fits
    return values.cast(pa.int64() if kind == BOOLEAN else physical).cast(physical), fits


def _written(values: pa.Array, kind: str) -> pa.Array:
    if kind == NUMBER:
        # Arrow writes 3.0 as 3: whole numbers of both types read the same.
        return values.cast(pa.string())
    if kind == DATETIME:
        return pc.strftime(values.cast(pa.timestamp("s", "UTC"), safe=False), format="%Y-%m-%dT%H:%M:%SZ")
    return values.cast(pa.string())


@dataclass(frozen=True, kw_only=True)
class Rename(Step):
    """Gives columns other names."""

    kind: ClassVar[str] = "rename"
    title: ClassVar[str] = "Rename columns"
    about: ClassVar[str] = "Gives columns other names; their values stay."

    names: Mapping[str, str] = setting("names", "Old and new names")

    def sentence(self) -> str:
        return f"Rename {listed([f'{old} → {new}' for old, new in self.names.items()], 6)}"

    def output(self, schema: Schema, tables: Mapping[str, Schema]) -> Schema:
        need(schema, "names", self.names)
        columns = tuple(replace(column, name=self.names.get(column.name, column.name)) for column in schema)
        names = [column.name for column in columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise Problem("names", f"{listed(twice)} would name more than one column.")
        return Schema(columns)

    def applier(
        self, schema: Schema, learned: dict[str, Any], surveyed: Any, context: Context
    ) -> Callable[[pa.RecordBatch], Outcome]:
        after = self.output(schema, {})
        return lambda batch: Outcome(pa.RecordBatch.from_arrays(batch.columns, schema=after.arrow()))


@dataclass(frozen=True, kw_only=True)
class SetRoles(Step):
    """Says what columns are for."""

    kind: ClassVar[str] = "set_roles"
    title: ClassVar[str] = "Set roles"
    about: ClassVar[str] = "Notes in the schema what a column is: target, feature, identifier, time, protected, weight."

    roles: Mapping[str, str] = setting("names", "Columns and roles")
    units: Mapping[str, str] = setting("names", "Columns and units", default=MappingProxyType({}))

    def sentence(self) -> str:
        return f"Note {listed([f'{name} as {role}' for name, role in self.roles.items()], 6)}"

    def output(self, schema: Schema, tables: Mapping[str, Schema]) -> Schema:
        need(schema, "roles", self.roles)
        need(schema, "units", self.units)
        wrong = [role for role in self.roles.values() if role not in ROLES]
        if wrong:
            raise Problem("roles", f"{wrong[0]!r} is not a role; the roles are {listed(ROLES)}.")
        for name, role in self.roles.items():
            schema = schema.with_column(replace(schema[name], role=role))
        for name, unit in self.units.items():
            schema = schema.with_column(replace(schema[name], unit=unit))
        return schema

    def applier(
        self, schema: Schema, learned: dict[str, Any], surveyed: Any, context: Context
    ) -> Callable[[pa.RecordBatch], Outcome]:
        return Outcome
