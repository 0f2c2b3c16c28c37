"""Names and types of the columns of a table, and how each type is kept in Parquet."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from .errors import DataError

INTEGER, NUMBER, BOOLEAN, DATETIME, DATE, STRING, CATEGORY = (
    "integer",
    "number",
    "boolean",
    "datetime",
    "date",
    "string",
    "category",
)
LONGEST_SHOWN = 60
TYPES = (INTEGER, NUMBER, BOOLEAN, DATETIME, DATE, STRING, CATEGORY)
NUMERIC = (INTEGER, NUMBER)
TEXTUAL = (STRING, CATEGORY)
TEMPORAL = (DATETIME, DATE)
ROLES = ("target", "feature", "identifier", "time", "protected", "weight", "ignored")  # what a column can be for

# A category is kept as text: Parquet builds the dictionary by itself, and no reader has to know about one.
PHYSICAL = {
    INTEGER: pa.int64(),
    NUMBER: pa.float64(),
    BOOLEAN: pa.bool_(),
    DATETIME: pa.timestamp("us", tz="UTC"),
    DATE: pa.date32(),
    STRING: pa.string(),
    CATEGORY: pa.string(),
}


@dataclass(frozen=True)
class Column:
    """One column: its name, its type, whether nulls are allowed, and what people said about it."""

    name: str
    type: str
    nullable: bool = True
    unit: str = ""
    role: str = ""

    @property
    def physical(self) -> pa.DataType:
        """The Arrow type that holds this column in a canonical file."""
        return PHYSICAL[self.type]


@dataclass(frozen=True)
class Schema:
    """The columns of a table in their order."""

    columns: tuple[Column, ...]

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __contains__(self, name: object) -> bool:
        return any(column.name == name for column in self.columns)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise DataError(
            f"There is no column {name!r}; the columns are {listed(self.names)}.", code="no_such_column", column=name
        )

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def arrow(self) -> pa.Schema:
        """The schema as Arrow sees it; whether nulls are allowed is ours to check, not the file's."""
        return pa.schema([pa.field(column.name, column.physical) for column in self.columns])

    def with_column(self, column: Column) -> "Schema":
        """This schema with the column replaced where it stands, or added at the end."""
        if column.name in self:
            return Schema(tuple(column if old.name == column.name else old for old in self.columns))
        return Schema((*self.columns, column))

    def without(self, names: Iterable[str]) -> "Schema":
        """This schema without the named columns."""
        gone = set(names)
        return Schema(tuple(column for column in self.columns if column.name not in gone))

    def to_list(self) -> list[dict[str, Any]]:
        """The schema as plain values, for JSON."""
        return [asdict(column) for column in self.columns]

    @classmethod
    def from_list(cls, rows: Iterable[dict[str, Any]]) -> "Schema":
        """The schema written by `to_list`."""
        return cls(tuple(Column(**row) for row in rows))


def listed(names: Iterable[object], at_most: int = 12) -> str:
    """Names as a person would list them, cut where the list or a name gets long."""
    texts = [name if len(name) <= LONGEST_SHOWN else f"{name[:LONGEST_SHOWN]}…" for name in map(str, names)]
    shown = ", ".join(texts[:at_most])
    return shown if len(texts) <= at_most else f"{shown} and {len(texts) - at_most} more"


def counted(number: int, noun: str, plural: str = "") -> str:
    """`3 rows`, `1 row`, `1,204 rows`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
