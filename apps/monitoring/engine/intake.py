"""From what was sent to rows of known columns, with every refused row told by number, column and reason.

JSON, NDJSON, CSV, Parquet and Arrow streams become the same table. A file that cannot be read at all, or lacks
columns, is refused whole (`Unreadable`); a value that does not fit refuses its row.
"""

import csv
import datetime as dt
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from apps.models.engine.signatures import class_key

MOST_TOLD = 100  # refused rows that are told one by one; the rest are counted
TYPES = {
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "string": pa.string(),
    "class": pa.string(),
    "time": pa.timestamp("us", tz="UTC"),
}
FORMATS = {
    "application/json": "json",
    "application/x-ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "text/csv": "csv",
    "application/vnd.apache.parquet": "parquet",
    "application/x-parquet": "parquet",
    "application/vnd.apache.arrow.stream": "arrow",
}


PACKINGS = {"gzip": "gzip", "x-gzip": "gzip", "zstd": "zstd"}  # Content-Encoding, and what Arrow calls it


class Unreadable(ValueError):
    """Nothing can be taken from what was sent: a sentence that says what to do, and one more per column."""

    def __init__(self, sentence: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.fields = dict(fields or {})


@dataclass(frozen=True, slots=True)
class Field:
    """A column that is wanted: its type, whether it may be null or absent, and the name it is kept under.

    `classes` are the values of a "class" column as the model gives them; they are kept as their `class_key`.
    """

    name: str
    type: str
    nullable: bool = True
    optional: bool = False
    kept_as: str = ""
    classes: tuple[Any, ...] = ()

    @property
    def kept(self) -> str:
        """The name of the column in the table."""
        return self.kept_as or self.name


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row was refused: its number (the first is 1), the column, and a reason."""

    row: int
    column: str
    said: str


@dataclass
class Raw:
    """Columns as they were sent, what reading already refused, and the numbers of rows it had to skip.

    `is_text` when every value came as text.
    """

    columns: dict[str, Any]
    rows: int
    is_text: bool = False
    errors: list[RowError] = field(default_factory=list)
    skipped: frozenset[int] = frozenset()

    def numbers(self) -> NDArray[np.int64]:
        """The number of every row as it was sent."""
        every = np.arange(1, self.rows + len(self.skipped) + 1)
        return every[~np.isin(every, list(self.skipped))] if self.skipped else every


@dataclass(frozen=True)
class Intake:
    """The good rows, and the refused ones told by row and column."""

    table: pa.Table
    rows: int
    refused: int
    errors: list[RowError]


def unpack(body: bytes, packing: str, limit: int) -> bytes:
    """The body as it was before it was packed with one of the PACKINGS.

    Never more than one byte over `limit` is unpacked, so that a small body cannot fill the memory.
    """
    try:
        with pa.CompressedInputStream(pa.BufferReader(body), PACKINGS[packing]) as stream:
            return bytes(stream.read(limit + 1))
    except (pa.ArrowException, OSError) as error:
        raise Unreadable(f"The body is not {packing}, or is cut off. Send it again, or unpacked.") from error


def read(body: bytes, format: str) -> Raw:
    """The columns of a body in one of the FORMATS; raises Unreadable with a sentence that says what is wrong."""
    if not body.strip():
        raise Unreadable("Nothing was sent. Send at least one row.")
    readers: dict[str, Callable[[bytes], Raw]] = {
        "json": _json,
        "ndjson": _ndjson,
        "csv": _csv,
        "parquet": _parquet,
        "arrow": _arrow,
    }
    raw = readers[format](body)
    if not raw.rows and not raw.errors:
        raise Unreadable("Nothing was sent. Send at least one row.")
    return raw


def from_rows(rows: Sequence[Any]) -> Raw:
    """Columns from JSON objects; inputs may lie in an object of their own, "features"."""
    flat = [_flat(row, number) for number, row in enumerate(rows, start=1)]
    names = dict.fromkeys(name for row in flat for name in row)
    return Raw({name: [row.get(name) for row in flat] for name in names}, len(flat))


def _flat(row: Any, number: int) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        raise Unreadable(f"Row {number} is not an object with a value per column.")
    features = row.get("features")
    if not isinstance(features, Mapping):
        return dict(row)
    return {**{name: value for name, value in row.items() if name != "features"}, **features}


def _json(body: bytes) -> Raw:
    try:
        given = _parsed(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"The body is not JSON: {error}.") from error
    rows = given.get("rows") if isinstance(given, Mapping) else given
    if not isinstance(rows, list):
        raise Unreadable('Send a list of objects, or an object with that list as "rows".')
    return from_rows(rows)


def _parsed(text: bytes) -> Any:
    """JSON as a value. NaN, which Python writes though JSON has no such thing, is taken as well."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


def _ndjson(body: bytes) -> Raw:
    rows: list[Any] = []
    errors: list[RowError] = []
    for number, line in enumerate((line for line in body.splitlines() if line.strip()), start=1):
        try:
            found = _parsed(line)
            rows.append(found if isinstance(found, Mapping) else None)
        except (ValueError, RecursionError):
            rows.append(None)
        if rows[-1] is None:
            errors.append(RowError(number, "", "is not a JSON object."))
    raw = from_rows([row or {} for row in rows])
    raw.errors = errors
    return raw


def _csv(body: bytes) -> Raw:
    broken: list[RowError] = []

    def skip(row: Any) -> str:
        said = f"has {row.actual_columns} values where the first line names {row.expected_columns} columns."
        broken.append(RowError(row.number - 1 if row.number else 0, "", said))
        return "skip"

    try:
        names = next(csv.reader(io.StringIO(body[:1_000_000].decode("utf-8-sig", "replace"))))
        table = pa.csv.read_csv(
            io.BytesIO(body),
            read_options=pa.csv.ReadOptions(use_threads=False),
            parse_options=pa.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=True
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError, csv.Error, StopIteration) as error:
        raise Unreadable(f"The body cannot be read as CSV with a first line of column names: {error}.") from error
    if len(set(names)) < len(names):
        raise Unreadable("The first line names a column twice, or holds no names. Send the column names first.")
    raw = _table(table)
    raw.is_text, raw.errors, raw.skipped = True, broken, frozenset(error.row for error in broken)
    return raw


def _parquet(body: bytes) -> Raw:
    try:
        return _table(pa.parquet.read_table(io.BytesIO(body)))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Unreadable(
            "The body cannot be read as Parquet; it is damaged or cut off. Send the file again."
        ) from error


def _arrow(body: bytes) -> Raw:
    try:
        return _table(pa.ipc.open_stream(io.BytesIO(body)).read_all())
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Unreadable("The body cannot be read as an Arrow stream; it is damaged or cut off.") from error


def _table(table: pa.Table) -> Raw:
    # What others wrote may point outside its own bytes, or call bytes text that are none.
    table.validate(full=True)
    return Raw({name: table.column(name) for name in table.column_names}, table.num_rows)


def normalise(raw: Raw, fields: Sequence[Field], *, ignore: Iterable[str] = (), strict: bool = True) -> Intake:
    """Rows with the wanted columns in their types. With `strict`, columns nobody asked for are refused by name."""
    _check_names(raw, fields, set(ignore), strict)
    errors, numbers = list(raw.errors), raw.numbers()
    arrays: dict[str, pa.Array] = {}
    for one in fields:
        if one.name not in raw.columns:
            arrays[one.kept] = pa.nulls(raw.rows, TYPES[one.type])
            continue
        arrays[one.kept], wrong = convert(raw.columns[one.name], one, raw.is_text)
        errors += [RowError(int(numbers[place]), one.name, said) for place, said in wrong.items()]
    bad = {error.row for error in errors} - raw.skipped
    table = pa.table(arrays)
    if bad:
        table = table.filter(pa.array(~np.isin(numbers, list(bad))))
    errors.sort(key=lambda error: error.row)
    return Intake(table, raw.rows + len(raw.skipped), len(bad) + len(raw.skipped), errors)


def _check_names(raw: Raw, fields: Sequence[Field], ignore: set[str], strict: bool) -> None:
    wanted = {one.name for one in fields}
    missing = [one.name for one in fields if one.name not in raw.columns and not one.optional]
    unknown = [name for name in raw.columns if name not in wanted | ignore] if strict else []
    problems = dict.fromkeys(missing, "is missing. Send it, or null.")
    problems |= dict.fromkeys(unknown, "is not a column of this. Leave it out.")
    if problems and raw.rows:
        problems = {_printable(name): said for name, said in problems.items()}
        told = " ".join(f"{name} {said}" for name, said in list(problems.items())[:5])
        raise Unreadable(f"The columns do not fit: {told}", problems)


def _printable(name: str) -> str:
    """A name that JSON let through, half characters and all, as it can be written."""
    return name.encode("utf-8", "backslashreplace").decode()


def convert(values: Any, wanted: Field, is_text: bool) -> tuple[pa.Array, dict[int, str]]:
    """A column in the wanted type, and the places (from 0) of values that do not fit, with the reason."""
    array = _as_arrow(values)
    if array is not None and not is_text and _fits(array.type, wanted.type):
        array = _cast(array, wanted.type)
        return array, _nulls(array, wanted)
    given = values if isinstance(values, list) else values.to_pylist()
    found: list[Any] = []
    wrong: dict[int, str] = {}
    parse = PARSERS[wanted.type]
    for place, value in enumerate(given):
        try:
            found.append(None if value is None or value == "" else parse(value, is_text, wanted))
        except (ValueError, OverflowError) as error:
            found.append(None)
            wrong[place] = str(error)
    array = pa.array(found, TYPES[wanted.type])
    return array, {**_nulls(array, wanted, wrong), **wrong}


def _as_arrow(values: Any) -> pa.Array | None:
    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
        return None


def _fits(given: pa.DataType, wanted: str) -> bool:
    """Whether a whole column of this type can be cast, with no value to look at singly."""
    types = pa.types
    if types.is_null(given):
        return True
    if wanted == "number":
        return types.is_integer(given) or types.is_floating(given) or types.is_decimal(given)
    if wanted == "integer":
        return types.is_integer(given) and not types.is_uint64(given)
    if wanted == "boolean":
        return types.is_boolean(given)
    return wanted == "time" and types.is_timestamp(given)


def _cast(array: pa.Array, wanted: str) -> pa.Array:
    if wanted == "time" and pa.types.is_timestamp(array.type) and array.type.tz is None:
        return array.cast(pa.timestamp("us"), safe=False).cast(TYPES["time"])
    array = array.cast(TYPES[wanted], safe=False)
    if wanted == "number" and array.null_count < len(array):
        array = pa.Array.from_pandas(array.to_numpy(zero_copy_only=False))  # NaN is null
    return array


def _nulls(array: pa.Array, wanted: Field, told: Mapping[int, str] | None = None) -> dict[int, str]:
    if wanted.nullable or array.null_count == 0:
        return {}
    empty = np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))
    return {int(place): "must have a value." for place in empty if int(place) not in (told or {})}


def _number(value: Any, is_text: bool, _: Field) -> float:
    if isinstance(value, bool) or (isinstance(value, str) and not is_text):
        raise ValueError("must be a number.")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError("must be a number.") from None


def _integer(value: Any, is_text: bool, wanted: Field) -> int:
    if isinstance(value, str) and is_text and value.strip().lstrip("+-").isdecimal():
        value = int(value)
    number = value if isinstance(value, int) and not isinstance(value, bool) else _number(value, is_text, wanted)
    if isinstance(number, float) and not number.is_integer():
        raise ValueError("must be a whole number.")
    if not -(2**63) <= number < 2**63:
        raise ValueError("must be a whole number of at most 64 bits.")
    return int(number)


def _boolean(value: Any, is_text: bool, _: Field) -> bool:
    if is_text:
        value = {"true": True, "false": False, "1": True, "0": False}.get(str(value).strip().lower(), value)
    if value in (0, 1) and not isinstance(value, str):
        return bool(value)
    raise ValueError("must be true or false.")


def _string(value: Any, *_: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text.")
    if "\0" in value:
        raise ValueError("holds the character NUL, which cannot be kept. Leave it out.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half a character, which is not valid Unicode.") from None
    return value


def _class(value: Any, is_text: bool, wanted: Field) -> str:
    if is_text:
        named = {str(one).lower(): one for one in wanted.classes} | {class_key(one): one for one in wanted.classes}
        value = named.get(str(value).strip().lower(), named.get(str(value).strip(), value))
    found = class_key(value) if isinstance(value, str | bool | int | float) else ""
    if found not in {class_key(one) for one in wanted.classes}:
        said = ", ".join(json.dumps(one) for one in wanted.classes[:8])
        raise ValueError(f"must be one of {said}{' …' if len(wanted.classes) > 8 else ''}.")
    return found


def _time(value: Any, *_: Any) -> dt.datetime:
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value.strip())
        except ValueError:
            value = None
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day)
    if not isinstance(value, dt.datetime):
        raise ValueError("must be a time such as 2013-04-01T05:00:00Z.")
    return value.replace(tzinfo=value.tzinfo or dt.UTC).astimezone(dt.UTC)


PARSERS: dict[str, Callable[[Any, bool, Field], Any]] = {
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "string": _string,
    "class": _class,
    "time": _time,
}
