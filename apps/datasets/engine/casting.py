"""Text to typed values: exact casts of whole columns, and finding the cells that stand in the way."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .schema import BOOLEAN, DATE, DATETIME, INTEGER, NUMBER, PHYSICAL

_ZONED = r"(Z|z|[+-]\d{2}:?(\d{2})?)$"
_SHAPES = {
    INTEGER: r"^\s*[+-]?\d{1,19}\s*$",
    NUMBER: r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?\s*$|^\s*[+-]?(?i:inf|infinity)\s*$",
    BOOLEAN: r"^\s*(?i:true|false|yes|no|y|n|t|f|1|0)\s*$",
    DATE: r"^\s*\d{4}-\d{2}-\d{2}\s*$",
    DATETIME: r"^\s*\d{4}-\d{2}-\d{2}([T ]\d{2}(:\d{2}(:\d{2}(\.\d{1,9})?)?)?)?\s*(Z|z|[+-]\d{2}:?(\d{2})?)?\s*$",
}
_TRUE = pa.array(["true", "yes", "y", "t", "1"])


def cast_text(values: pa.Array, kind: str, decimal_comma: bool = False) -> pa.Array:
    """The texts as values of this type; raises pa.ArrowInvalid when one of them is not."""
    return _CASTS.get(kind, _as_text)(values, decimal_comma)


def _as_text(values: pa.Array, decimal_comma: bool) -> pa.Array:
    return values


def _as_integer(values: pa.Array, decimal_comma: bool) -> pa.Array:
    # Arrow reads 0x1F as a number; a table means an identifier by it.
    if any(pc.any(pc.match_substring(values, sign)).as_py() for sign in "xX"):
        raise pa.ArrowInvalid("hexadecimal")
    try:
        return pc.cast(values, pa.int64())
    except pa.ArrowInvalid:
        return pc.cast(_plain(values), pa.int64())


def _as_number(values: pa.Array, decimal_comma: bool) -> pa.Array:
    if decimal_comma:
        values = pc.replace_substring(pc.replace_substring(values, ".", ""), ",", ".")
    try:
        return without_nan(pc.cast(values, pa.float64()))
    except pa.ArrowInvalid:
        return without_nan(pc.cast(_plain(values), pa.float64()))


def _plain(values: pa.Array) -> pa.Array:
    return pc.utf8_ltrim(pc.utf8_trim_whitespace(values), "+")


def without_nan(values: pa.Array) -> pa.Array:
    """NaN as null: a canonical table has one way to say that a number is missing."""
    if not pc.any(pc.is_nan(values)).as_py():
        return values
    return pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)


def _as_boolean(values: pa.Array, decimal_comma: bool) -> pa.Array:
    if not _all_shaped(values, BOOLEAN):
        raise pa.ArrowInvalid("not boolean")
    true = pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(values)), value_set=_TRUE)
    return pc.if_else(pc.is_valid(values), true, pa.scalar(None, pa.bool_()))


def _as_date(values: pa.Array, decimal_comma: bool) -> pa.Array:
    try:
        return pc.cast(values, pa.date32())
    except pa.ArrowInvalid:
        return pc.cast(pc.utf8_trim_whitespace(values), pa.date32())


def _as_datetime(values: pa.Array, decimal_comma: bool) -> pa.Array:
    if len(values) and not pc.any(has_zone(values.slice(0, 50))).as_py():
        attempts = (_without_zone, _with_zone)
    else:
        attempts = (_with_zone, _without_zone)
    for attempt in attempts:
        try:
            return attempt(values)
        except pa.ArrowInvalid:
            pass
    return _mixed_datetime(pc.utf8_trim_whitespace(values))


def _with_zone(values: pa.Array) -> pa.Array:
    return pc.cast(values, PHYSICAL[DATETIME])


def _without_zone(values: pa.Array) -> pa.Array:
    return pc.cast(values, pa.timestamp("us")).cast(PHYSICAL[DATETIME])


def _mixed_datetime(values: pa.Array) -> pa.Array:
    """Some with a zone and some without: each kind is cast by itself; those without are taken as UTC."""
    zoned = has_zone(values)
    nothing = pa.scalar(None, pa.string())
    return pc.coalesce(
        _with_zone(pc.if_else(zoned, values, nothing)), _without_zone(pc.if_else(zoned, nothing, values))
    )


def has_zone(values: pa.Array) -> pa.Array:
    """Per text, whether it ends in a time zone; dates alone and nulls count as without."""
    shaped = pc.match_substring_regex(values, _ZONED)
    return pc.fill_null(pc.and_(shaped, pc.greater(pc.utf8_length(values), 10)), False)


_CASTS: dict[str, Callable[[pa.Array, bool], pa.Array]] = {
    INTEGER: _as_integer,
    NUMBER: _as_number,
    BOOLEAN: _as_boolean,
    DATE: _as_date,
    DATETIME: _as_datetime,
}


def _all_shaped(values: pa.Array, kind: str) -> bool:
    return pc.all(pc.match_substring_regex(values, _SHAPES[kind]), min_count=0).as_py() is not False


def castable(values: pa.Array, kind: str, decimal_comma: bool = False) -> bool:
    """Whether every text is a value of this type."""
    # A cast that fails costs fifty times one that succeeds: let a few values fail first.
    for piece in (values.slice(0, 50), values):
        try:
            cast_text(piece, kind, decimal_comma)
        except pa.ArrowInvalid:
            return False
    return True


def wrong_cells(values: pa.Array, kind: str, decimal_comma: bool = False) -> np.ndarray:
    """Which texts are not values of this type: first by shape, then by casting halves of the rest (a 31 February)."""
    if castable(values, kind, decimal_comma):
        return np.zeros(len(values), dtype=bool)
    looked_at = (
        pc.replace_substring(pc.replace_substring(values, ".", ""), ",", ".")
        if (decimal_comma and kind == NUMBER)
        else values
    )
    shaped = pc.fill_null(pc.match_substring_regex(looked_at, _SHAPES[kind]), True).to_numpy(zero_copy_only=False)
    wrong = ~shaped
    places = np.flatnonzero(shaped)
    _mark_wrong(values.take(pa.array(places)), places, wrong, kind, decimal_comma)
    return wrong


def _mark_wrong(values: pa.Array, places: np.ndarray, wrong: np.ndarray, kind: str, decimal_comma: bool) -> None:
    if castable(values, kind, decimal_comma):
        return
    if len(values) == 1:
        wrong[places[0]] = True
        return
    half = len(values) // 2
    _mark_wrong(values.slice(0, half), places[:half], wrong, kind, decimal_comma)
    _mark_wrong(values.slice(half), places[half:], wrong, kind, decimal_comma)
