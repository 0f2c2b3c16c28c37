"""Single values: from what a person writes in a rule to what a column holds, and back to plain JSON."""

import datetime as dt
import math
from typing import Any

import pyarrow as pa

from .casting import cast_text
from .schema import BOOLEAN, DATE, DATETIME, INTEGER, NUMBER, PHYSICAL

_EXAMPLES = {
    INTEGER: "a whole number such as 12",
    NUMBER: "a number such as 1.5",
    BOOLEAN: "true or false",
    DATE: "a date such as 2024-02-29",
    DATETIME: "a time such as 2024-02-29T10:00:00Z",
}


def typed(value: Any, kind: str) -> pa.Scalar:
    """The value as a column of this type holds it; raises ValueError with a sentence when it is not of that type."""
    if value is None:
        return pa.scalar(None, PHYSICAL[kind])
    text = _as_text(value)
    if kind == BOOLEAN and text.lower() not in ("true", "false"):
        raise ValueError(f"{value!r} is not {_EXAMPLES[kind]}.")
    try:
        return cast_text(pa.array([text], pa.string()), kind).cast(PHYSICAL[kind])[0]
    except pa.ArrowInvalid as error:
        raise ValueError(f"{value!r} is not {_EXAMPLES[kind]}.") from error


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value)


def plain_value(value: Any) -> Any:
    """A value of a table as JSON carries it."""
    if isinstance(value, dt.datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def plain_row(row: dict[str, Any]) -> dict[str, Any]:
    """A row of a table as JSON carries it."""
    return {name: plain_value(value) for name, value in row.items()}
