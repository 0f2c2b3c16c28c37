"""Parquet that somebody else wrote: checked, turned into our types, refused in a sentence where that cannot be."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .casting import without_nan
from .content import Source
from .delimited import check_names
from .errors import BadHeader, Unreadable
from .schema import BOOLEAN, CATEGORY, DATE, DATETIME, INTEGER, NUMBER, PHYSICAL, STRING

ROWS_AT_ONCE = 65_536


class ForeignParquet:
    """A Parquet file ready to be streamed in our types."""

    def __init__(self, source: Source) -> None:
        origin: str | BinaryIO = str(source.origin) if isinstance(source.origin, str | Path) else source.origin
        if not isinstance(origin, str):
            origin.seek(0)
        try:
            self._file = pq.ParquetFile(origin)
        except (OSError, pa.ArrowException, ValueError) as error:
            raise _damaged(error) from error
        self.rows: int = self._file.metadata.num_rows
        self._refuse_large(source.limit)
        self.fields = list(self._file.schema_arrow)
        if not self.fields:
            raise BadHeader("The Parquet file has no columns.", code="no_header")
        check_names([field.name.strip() for field in self.fields], "of the Parquet file")
        self.types = {field.name: _our_type(field) for field in self.fields}
        self.warnings = [warning for field in self.fields for warning in _warnings(field)]

    @property
    def names(self) -> list[str]:
        return [field.name for field in self.fields]

    def _refuse_large(self, limit: int) -> None:
        metadata = self._file.metadata
        size = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
        if size > limit:
            from .content import in_bytes

            raise Unreadable(
                f"The file unpacks to {in_bytes(size)}, more than the {in_bytes(limit)} that are read; "
                "split it into smaller files.",
                code="too_large",
                limit=limit,
            )

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows in their order, every column in the way a canonical table keeps it."""
        try:
            for batch in self._file.iter_batches(batch_size=ROWS_AT_ONCE):
                columns = [
                    _converted(batch.column(place), field.name, self.types[field.name])
                    for place, field in enumerate(self.fields)
                ]
                yield pa.RecordBatch.from_arrays(columns, names=self.names)
        except Unreadable:
            raise
        except (OSError, pa.ArrowException, ValueError) as error:
            raise _damaged(error) from error


def _damaged(error: Exception) -> Unreadable:
    return Unreadable(
        "The Parquet file is cut off or damaged: it begins as Parquet but cannot be read to its end. "
        "Most often an upload or a copy was interrupted; bring the whole file again.",
        code="damaged_parquet",
        reader=str(error)[:300],
    )


_KINDS: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pa.types.is_boolean, BOOLEAN),
    (pa.types.is_integer, INTEGER),
    (pa.types.is_floating, NUMBER),
    (pa.types.is_decimal, NUMBER),
    (pa.types.is_duration, NUMBER),
    (pa.types.is_timestamp, DATETIME),
    (pa.types.is_date, DATE),
    (pa.types.is_dictionary, CATEGORY),
    (pa.types.is_string, STRING),
    (pa.types.is_large_string, STRING),
    (pa.types.is_string_view, STRING),
    (pa.types.is_time, STRING),
    (pa.types.is_null, STRING),
    (pa.types.is_binary, STRING),
    (pa.types.is_large_binary, STRING),
)


def _our_type(field: pa.Field) -> str:
    if pa.types.is_nested(field.type):
        raise Unreadable(
            f"Column {field.name} holds lists or records ({field.type}); a table holds one value in a cell. "
            "Flatten it into columns of its own and bring the file again.",
            code="nested_column",
            column=field.name,
            found=str(field.type),
        )
    if pa.types.is_dictionary(field.type):
        inside = _our_type(field.with_type(field.type.value_type))
        return CATEGORY if inside == STRING else inside
    for matches, kind in _KINDS:
        if matches(field.type):
            return kind
    raise Unreadable(
        f"Column {field.name} is of the type {field.type}, which is not read here; write it as text or number.",
        code="unknown_type",
        column=field.name,
        found=str(field.type),
    )


def _warnings(field: pa.Field) -> list[tuple[str, str, str]]:
    if pa.types.is_decimal(field.type):
        return [("decimal", field.name, f"The decimals in {field.name} are kept as floating-point numbers.")]
    if pa.types.is_duration(field.type):
        return [("duration", field.name, f"The durations in {field.name} are kept as seconds.")]
    if pa.types.is_timestamp(field.type) and not field.type.tz:
        return [("no_zone", field.name, f"The times in {field.name} name no time zone and are taken as UTC.")]
    return []


def _converted(values: pa.Array, name: str, kind: str) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    try:
        if pa.types.is_duration(values.type):
            values = pc.divide(values.cast(pa.duration("us")).cast(pa.int64()).cast(pa.float64()), 1e6)
        elif pa.types.is_timestamp(values.type):
            # Nanoseconds below a microsecond are cut: no clock that feeds a model is that exact.
            values = values.cast(pa.timestamp("us", tz=values.type.tz), safe=False)
        elif pa.types.is_decimal(values.type):
            values = values.cast(pa.float64(), safe=False)
        values = values.cast(PHYSICAL[kind])
    except pa.ArrowInvalid as error:
        raise Unreadable(
            f"Column {name} holds values that cannot be kept as {kind} ({_shortened(error)}); change the column and "
            "bring the file again.",
            code="not_convertible",
            column=name,
        ) from error
    return without_nan(values) if kind == NUMBER else values


def _shortened(error: Exception) -> str:
    return str(error).splitlines()[0][:120].rstrip(".")
