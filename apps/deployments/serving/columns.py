"""From the lists of a request to the arrays of a model: fast where everything fits, exact in words where it does not.

Gives what `Signature.columns` gives, ten times faster on a hundred rows because types are looked at per column and not
per value. Anything unusual is left to `Signature.columns`, and its refusal is completed with the row.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from apps.models.engine.signatures import LARGEST_EXACT_INTEGER, MISSING_TEXT, Columns, Input, Signature, SignatureError

NUMBERS = frozenset({int, float})
LARGEST_FLOAT = float(np.finfo(np.float32).max)
SHOWN = 5


class Misfit(Exception):
    """Inputs that do not fit the model; the sentence names features and rows, counted from 1."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def convert(signature: Signature, lists: Mapping[str, Sequence[Any]]) -> Columns:
    """Arrays by input name, or Misfit."""
    try:
        if len(lists) == len(signature.inputs):
            arrays = {
                name: array
                for column in signature.inputs
                if (array := _array(column, lists[(name := column.name)])) is not None
            }
            if len(arrays) == len(lists):
                return arrays
        slowly = _slowly(signature, lists)
    except (KeyError, SignatureError):
        raise _misfit(signature, lists) from None
    _refuse_infinite(slowly)
    return slowly


def _array(column: Input, values: Sequence[Any]) -> np.ndarray | None:
    """The column when every value is of the plain type; None where it takes a closer look."""
    kinds = set(map(type, values))
    if type(None) in kinds:
        if not column.nullable:
            return None
        kinds.discard(type(None))
        blank = MISSING_TEXT if column.type == "string" else math.nan
        values = [blank if value is None else value for value in values]
    if column.type == "string":
        return _text(column, kinds, values)
    if column.type == "boolean":
        return np.array(values, dtype=np.float32) if kinds <= {bool} else None
    return _number(column, kinds, values)


def _text(column: Input, kinds: set[type], values: Sequence[Any]) -> np.ndarray | None:
    if not kinds <= {str} or (not column.nullable and MISSING_TEXT in values):
        return None
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _number(column: Input, kinds: set[type], values: Sequence[Any]) -> np.ndarray | None:
    if not kinds <= NUMBERS:
        return None
    try:
        wide = np.array(values, dtype=np.float64)
    except OverflowError:
        return None
    known = wide[~np.isnan(wide)]
    largest = np.abs(known).max(initial=0.0)
    if column.type == "integer" and (largest > LARGEST_EXACT_INTEGER or (known != np.floor(known)).any()):
        return None
    return wide.astype(np.float32) if largest <= LARGEST_FLOAT else None


def _slowly(signature: Signature, lists: Mapping[str, Sequence[Any]]) -> Columns:
    # A whole number beyond every float counts as infinite, and is refused as such.
    with np.errstate(over="ignore"):
        return signature.columns({name: [_tame(value) for value in values] for name, values in lists.items()})


def _tame(value: Any) -> Any:
    return math.inf if type(value) is int and value.bit_length() > 1023 else value


def _refuse_infinite(arrays: Mapping[str, Any]) -> None:
    for name, array in arrays.items():
        if array.dtype == np.float32 and np.isinf(array).any():
            row = int(np.isinf(array).argmax()) + 1
            raise Misfit(f"The inputs do not fit the model: {name} in row {row} is too large for a number of 32 bits.")


def _misfit(signature: Signature, lists: Mapping[str, Sequence[Any]]) -> Misfit:
    try:
        _refuse_infinite(_slowly(signature, lists))
    except SignatureError as error:
        said = [f"{name} {_placed(signature, name, text, lists)}" for name, text in list(error.fields.items())[:SHOWN]]
        more = f" And {len(error.fields) - SHOWN} more." if len(error.fields) > SHOWN else ""
        return Misfit(f"The inputs do not fit the model: {' '.join(said) or error.sentence}{more}")
    return Misfit("The inputs do not fit the model.")


def _placed(signature: Signature, name: str, text: str, lists: Mapping[str, Sequence[Any]]) -> str:
    """The refusal of a column with its first row that is refused."""
    column = next((column for column in signature.inputs if column.name == name), None)
    values = lists.get(name)
    if column is None or not isinstance(values, list):
        return text
    alone = Signature(signature.task, signature.target, (column,), signature.classes, signature.threshold)
    for row, value in enumerate(values, start=1):
        try:
            _slowly(alone, {name: [value]})
        except SignatureError as error:
            return f"in row {row} {error.fields[name]}"
    return text
