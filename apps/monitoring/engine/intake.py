"""From what was sent to rows of known columns, with every refused row told by number, column and reason.

The parts that reading gives (apps.monitoring.engine.reading) become the same table whatever format they came in. A file
that lacks columns is refused whole (`Unreadable`); a value that does not fit refuses its row. Whole columns are
converted at once; only where a value does not fit are they looked at one by one, for the reason.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from apps.models.engine.signatures import class_key
from apps.monitoring.engine import embeddings

MOST_TOLD = 100  # refused rows that are told one by one; the rest are counted
TYPES = {
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "string": pa.string(),
    "class": pa.string(),
    "time": pa.timestamp("us", tz="UTC"),
    "embedding": embeddings.TYPE,
}

Numbers = NDArray[np.int64]
Marks = NDArray[np.bool_]


class Unreadable(ValueError):
    """Nothing can be taken from what was sent: a sentence that says what to do, and one more per column."""

    def __init__(self, sentence: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.fields = dict(fields or {})


@dataclass(frozen=True, slots=True)
class Field:
    """A column that is wanted: its type, whether it may be null or absent, and the name it is kept under.

    `classes` are the values of a "class" column as the model gives them; they are kept as their `class_key`. `size` is
    how many numbers an "embedding" has.
    """

    name: str
    type: str
    nullable: bool = True
    optional: bool = False
    kept_as: str = ""
    classes: tuple[Any, ...] = ()
    size: int = 0

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
    """Columns as they were sent, the number each row was sent under, and the rows that reading had to skip.

    `is_text` when every value came as text; `is_part` when a column that is missing here may come with another part.
    """

    columns: dict[str, Any]
    rows: int
    numbers: Numbers
    is_text: bool = False
    is_part: bool = False
    skipped: list[RowError] = field(default_factory=list)


@dataclass(frozen=True)
class Intake:
    """The good rows and their numbers, how many rows were sent and refused, the first refused ones told, and the
    wanted columns that did not come.
    """

    table: pa.Table
    numbers: Numbers
    rows: int
    refused: int
    errors: list[RowError]
    missing: frozenset[str] = frozenset()

    def without(self, problems: Iterable[tuple[str, Any, str]]) -> "Intake":
        """The intake without the rows that are marked, by column, marks and the reason; the first mark tells."""
        errors, bad = list(self.errors), np.zeros(self.table.num_rows, dtype=bool)
        for column, marks, said in problems:
            new = marked(marks) & ~bad
            errors += [RowError(int(self.numbers[place]), column, said) for place in np.flatnonzero(new)[:MOST_TOLD]]
            bad |= new
        if not bad.any():
            return self
        table, numbers = self.table.filter(pa.array(~bad)), self.numbers[~bad]
        return Intake(table, numbers, self.rows, self.refused + int(bad.sum()), first_of(errors), self.missing)


def marked(marks: Any) -> Marks:
    """Marks as NumPy has them; null is unmarked."""
    if isinstance(marks, np.ndarray):
        return marks
    return np.asarray(marks.fill_null(False)).astype(bool)


def first_of(errors: Iterable[RowError]) -> list[RowError]:
    """As many as are told, in the order of the rows."""
    return sorted(errors, key=lambda error: error.row)[:MOST_TOLD]


def normalise(raw: Raw, fields: Sequence[Field], *, ignore: Iterable[str] = (), strict: bool = True) -> Intake:
    """Rows with the wanted columns in their types. With `strict`, columns nobody asked for are refused by name."""
    missing = _check_names(raw, fields, set(ignore), strict)
    errors, bad = list(raw.skipped), np.zeros(raw.rows, dtype=bool)
    arrays: dict[str, pa.Array] = {}
    for one in fields:
        if one.name not in raw.columns:
            arrays[one.kept] = pa.nulls(raw.rows, TYPES[one.type])
            wrong = _nulls(arrays[one.kept], one)
        else:
            arrays[one.kept], wrong = convert(raw.columns[one.name], one, raw.is_text)
        errors += [RowError(int(raw.numbers[place]), one.name, said) for place, said in wrong.told]
        bad |= wrong.marks if wrong else False
    table, numbers = pa.table(arrays), raw.numbers
    if bad.any():
        table, numbers = table.filter(pa.array(~bad)), numbers[~bad]
    refused = int(bad.sum()) + len(raw.skipped)
    return Intake(table, numbers, raw.rows + len(raw.skipped), refused, first_of(errors), missing)


def _check_names(raw: Raw, fields: Sequence[Field], ignore: set[str], strict: bool) -> frozenset[str]:
    """The columns that are missing here and may yet come; raises Unreadable for the others and for unknown ones."""
    wanted = {one.name for one in fields}
    missing = [one.name for one in fields if one.name not in raw.columns and not one.optional]
    wanted |= ignore
    unknown = [name for name in raw.columns if name not in wanted] if strict else []
    if raw.rows and (unknown or (missing and not raw.is_part)):
        raise misfit(missing, unknown)
    return frozenset(missing)


def misfit(missing: Iterable[str], unknown: Iterable[str] = ()) -> Unreadable:
    """What to say of columns that did not come, and of those nobody asked for."""
    problems = dict.fromkeys(missing, "is missing. Send it, or null.")
    problems |= dict.fromkeys(unknown, "is not a column of this. Leave it out.")
    problems = {_printable(name): said for name, said in problems.items()}
    told = " ".join(f"{name} {said}" for name, said in list(problems.items())[:5])
    return Unreadable(f"The columns do not fit: {told}", problems)


def _printable(name: str) -> str:
    """A name that JSON let through, half characters and all, as it can be written."""
    return name.encode("utf-8", "backslashreplace").decode()


@dataclass(slots=True)
class Wrong:
    """The values of a column that do not fit: marks by place, and the first of them with their reasons."""

    marks: Marks
    told: list[tuple[int, str]]

    def __bool__(self) -> bool:
        return len(self.told) > 0


NONE_WRONG = Wrong(np.zeros(0, dtype=bool), [])


def convert(values: Any, wanted: Field, is_text: bool) -> tuple[pa.Array, Wrong]:
    """A column in the wanted type, and the values that do not fit, which are null in it."""
    array = _as_arrow(values)
    whole = None if array is None else _at_once(array, wanted, is_text)
    if whole is not None:
        return whole, _nulls(whole, wanted)
    found, wrong = _one_by_one(values if isinstance(values, list) else values.to_pylist(), wanted, is_text)
    array = _without_nan(pa.array(found, TYPES[wanted.type]))
    if wanted.nullable:
        return array, wrong
    marks = marked(pc.is_null(array))
    known = dict(wrong.told)
    empty = [(int(place), "must have a value.") for place in np.flatnonzero(marks & ~wrong.marks)[:MOST_TOLD]]
    return array, Wrong(marks, sorted([*known.items(), *empty])[:MOST_TOLD])


def _one_by_one(given: list[Any], wanted: Field, is_text: bool) -> tuple[list[Any], Wrong]:
    found: list[Any] = []
    wrong = Wrong(np.zeros(len(given), dtype=bool), [])
    parse = PARSERS[wanted.type]
    for place, value in enumerate(given):
        try:
            found.append(None if value is None or value == "" else parse(value, is_text, wanted))
        except (ValueError, OverflowError) as error:
            found.append(None)
            wrong.marks[place] = True
            if len(wrong.told) < MOST_TOLD:
                wrong.told.append((place, str(error)))
    return found, wrong


def _as_arrow(values: Any) -> pa.Array | None:
    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)
    if isinstance(values, pa.Array):
        return values
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
        return None


def _at_once(array: pa.Array, wanted: Field, is_text: bool) -> pa.Array | None:
    """The whole column converted by Arrow; None when a value may not fit, so that they have to be looked at singly."""
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    try:
        if wanted.type == "embedding":
            return embeddings.at_once(array, wanted.size)
        if _is_text(array.type):
            return _text_at_once(array.cast(pa.string()), wanted, is_text)
        if wanted.type == "class":
            return _classes_at_once(array, wanted, is_text)
        return _cast(array, wanted.type) if _fits(array.type, wanted.type) else None
    except (pa.ArrowException, ValueError):
        return None


def _is_text(given: pa.DataType) -> bool:
    return bool(pa.types.is_string(given) or pa.types.is_large_string(given) or pa.types.is_string_view(given))


def _text_at_once(array: pa.Array, wanted: Field, is_text: bool) -> pa.Array | None:
    empty = pc.equal(array, "")
    if pc.any(empty).as_py():
        array = pc.if_else(empty, pa.scalar(None, pa.string()), array)
    if wanted.type == "string":
        return None if _holds(array, "\0") else array
    if wanted.type == "class":
        return _classes_at_once(array, wanted, is_text)
    if wanted.type == "time":
        return _times_at_once(array)
    # Arrow reads 0x1F as a number, which nobody else does.
    if is_text and not _holds(array, "x", ignore_case=True):
        return _without_nan(array.cast(TYPES[wanted.type]))
    return None


def _holds(array: pa.Array, text: str, **more: Any) -> bool:
    return bool(pc.any(pc.match_substring(array, text, **more)).as_py())


def _classes_at_once(array: pa.Array, wanted: Field, is_text: bool) -> pa.Array:
    """Every value that occurs is looked at once; raises ValueError when one is no class."""
    encoded = array.dictionary_encode()
    keys = [_class(value, is_text, wanted) for value in encoded.dictionary.to_pylist()]
    return pa.array(keys, pa.string()).take(encoded.indices)


def _times_at_once(array: pa.Array) -> pa.Array:
    """Times that all name their zone, or none of which does; raises ArrowInvalid for others."""
    try:
        return array.cast(TYPES["time"])
    except pa.ArrowInvalid:
        return array.cast(pa.timestamp("us")).cast(TYPES["time"])


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
    return _without_nan(array.cast(TYPES[wanted], safe=False))


def _without_nan(array: pa.Array) -> pa.Array:
    """The same with null for what is not a number."""
    if not pa.types.is_floating(array.type):
        return array
    strange = pc.is_nan(array)
    return pc.if_else(strange, pa.scalar(None, array.type), array) if pc.any(strange).as_py() else array


def _nulls(array: pa.Array, wanted: Field) -> Wrong:
    if wanted.nullable or array.null_count == 0:
        return NONE_WRONG
    marks = marked(array.is_null())
    return Wrong(marks, [(int(place), "must have a value.") for place in np.flatnonzero(marks)[:MOST_TOLD]])


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


def _embedding(value: Any, _: bool, wanted: Field) -> list[float]:
    return embeddings.parsed(value, wanted.size)


PARSERS: dict[str, Callable[[Any, bool, Field], Any]] = {
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "string": _string,
    "class": _class,
    "time": _time,
    "embedding": _embedding,
}
