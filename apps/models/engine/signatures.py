"""What goes into a model and what comes out: one description for training, validation, serving and monitoring.

How a column travels (one-dimensional arrays of the same length, by input name):

- number, integer, boolean: float32; missing is NaN; a boolean is 0.0 or 1.0; integers are exact up to 2**24.
- string: object array of str; missing is "" (reserved, never None).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

TASKS = ("binary", "multiclass", "regression")
TYPES = ("number", "integer", "string", "boolean")
TEXT, EMBEDDING = "text", "embedding"
LARGEST_EMBEDDING = 4096
MISSING_TEXT = ""
LARGEST_EXACT_INTEGER = 2**24
SHOWN_NAMES = 5

Columns = dict[str, "np.ndarray"]
Scalar = str | int | float | bool


class SignatureError(Exception):
    """Data that does not fit a signature, or a signature that is none: a sentence, and one more per field."""

    def __init__(self, sentence: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.fields = fields or {}


@dataclass(frozen=True)
class Input:
    """One input column. `categories` are the words seen in training; others are accepted and count as unseen.

    A string that `is_text` holds sentences: it is watched as text, not as a category.
    """

    name: str
    type: str
    nullable: bool = True
    categories: tuple[str, ...] | None = None
    is_text: bool = False

    def as_json(self) -> dict[str, Any]:
        """The column as it stands in the signature's JSON."""
        plain: dict[str, Any] = {"name": self.name, "type": self.type, "nullable": self.nullable}
        plain |= {"is_text": True} if self.is_text else {}
        return plain if self.categories is None else {**plain, "categories": list(self.categories)}


@dataclass(frozen=True)
class Content:
    """A column of text or of embeddings (lists of `size` numbers) that is watched: an input, or one that comes beside
    the inputs although the model does not take it.
    """

    name: str
    kind: str
    size: int = 0

    def as_json(self) -> dict[str, Any]:
        """The column as it stands in the signature's JSON."""
        plain: dict[str, Any] = {"name": self.name, "type": self.kind}
        return plain if self.kind == TEXT else {**plain, "size": self.size}


@dataclass(frozen=True)
class Signature:
    """Inputs, outputs and classes of a model. `graph` tells how its ONNX graph is fed; only OnnxModel reads that.

    `beside` are columns that are sent with predictions for being watched, though the model does not take them.
    """

    task: str
    target: str
    inputs: tuple[Input, ...]
    classes: tuple[Scalar, ...] = ()
    threshold: float | None = None
    graph: dict[str, Any] = field(default_factory=dict)
    beside: tuple[Content, ...] = ()

    @property
    def contents(self) -> list[Content]:
        """Every column of text or embeddings, inputs first."""
        return [*(Content(one.name, TEXT) for one in self.inputs if one.is_text), *self.beside]

    @property
    def names(self) -> list[str]:
        """Input names in order."""
        return [column.name for column in self.inputs]

    @property
    def outputs(self) -> list[dict[str, str]]:
        """`score` for every model and `label` in the type of the classes for classifiers."""
        outputs = [{"name": "score", "type": "number"}]
        return [*outputs, {"name": "label", "type": type_of(self.classes[0])}] if self.classes else outputs

    def as_json(self) -> dict[str, Any]:
        """The JSON that is stored with a model version."""
        plain = {
            "task": self.task,
            "target": self.target,
            "inputs": [column.as_json() for column in self.inputs],
            "outputs": self.outputs,
            "classes": list(self.classes),
            "threshold": self.threshold,
            "graph": self.graph,
        }
        return {**plain, "beside": [one.as_json() for one in self.beside]} if self.beside else plain

    @classmethod
    def from_json(cls, value: Any) -> Signature:
        """The signature from its JSON; raises SignatureError with everything that is wrong with it."""
        if isinstance(value, Signature):
            return value
        if not isinstance(value, Mapping):
            raise SignatureError("A signature is a JSON object with task, target, inputs and classes.")
        problems: dict[str, str] = {}
        inputs = _read_inputs(value.get("inputs"), problems)
        task, classes = value.get("task"), value.get("classes") or []
        if task not in TASKS:
            problems["task"] = f"must be one of {', '.join(TASKS)}."
        else:
            _check_classes(str(task), classes, problems)
        threshold = _read_threshold(task, value.get("threshold"), problems)
        target = value.get("target")
        if not isinstance(target, str) or not target:
            problems["target"] = "must name the column that holds the truth."
        graph = value.get("graph") or {}
        if not isinstance(graph, Mapping):
            problems["graph"] = "must be an object."
        beside = _read_beside(value.get("beside"), [one.name for one in inputs], problems)
        if problems:
            raise SignatureError(summary("The signature cannot be used", problems), problems)
        return cls(str(task), str(target), tuple(inputs), tuple(classes), threshold, dict(graph), tuple(beside))

    def columns(self, values: Mapping[str, Sequence[Any]]) -> Columns:
        """Arrays from JSON lists by name. Refuses missing and unknown names, wrong types, nulls and unequal lengths."""
        problems = self._name_problems(values)
        arrays: Columns = {}
        for column in self.inputs:
            if column.name in values and column.name not in problems:
                try:
                    arrays[column.name] = _array(column, values[column.name])
                except ValueError as error:
                    problems[column.name] = str(error)
        if not problems and len({len(array) for array in arrays.values()}) > 1:
            problems["inputs"] = "must all have the same number of values."
        if problems:
            raise SignatureError(summary("The inputs do not fit the model", problems), problems)
        return arrays

    def columns_from_rows(self, rows: Sequence[Mapping[str, Any]]) -> Columns:
        """Arrays from a list of JSON objects, one per row."""
        names = {name for row in rows for name in row}
        if len(rows) and all(names == row.keys() for row in rows):
            return self.columns({name: [row[name] for row in rows] for name in names})
        for number, row in enumerate(rows, start=1):
            if problems := self._name_problems(row):
                raise SignatureError(summary(f"Row {number} does not fit the model", problems), problems)
        return self.columns({name: [row[name] for row in rows] for name in self.names})

    def columns_from_arrow(self, table: pa.Table) -> Columns:
        """Arrays from an Arrow table; other columns are left aside, missing ones are refused."""
        from apps.models.engine import arrow

        return arrow.columns(self, table)

    def _name_problems(self, given: Mapping[str, Any]) -> dict[str, str]:
        known = set(self.names)
        missing = {name: "is missing. Send it, or null." for name in self.names if name not in given}
        unknown = {str(name): "is not an input of this model. Leave it out." for name in given if name not in known}
        return missing | unknown


def type_of(value: Scalar) -> str:
    """The signature type of a class value."""
    if isinstance(value, bool):
        return "boolean"
    return "integer" if isinstance(value, int) else "number" if isinstance(value, float) else "string"


def class_key(value: Scalar | None) -> str:
    """One spelling per class value: 1, 1.0 and true meet, whichever way a file stores them."""
    if isinstance(value, bool | int | float):
        number = float(value)
        return str(int(number)) if number.is_integer() else repr(number)
    return str(value)


def summary(start: str, problems: Mapping[str, str]) -> str:
    """One sentence that names the first few problems."""
    named = [f"{name} {text}" for name, text in list(problems.items())[:SHOWN_NAMES]]
    more = f" And {len(problems) - SHOWN_NAMES} more." if len(problems) > SHOWN_NAMES else ""
    return f"{start}: {' '.join(named)}{more}"


def _read_inputs(value: Any, problems: dict[str, str]) -> list[Input]:
    """The input list; what is wrong goes into `problems`."""
    if not isinstance(value, list) or not value:
        problems["inputs"] = "must be a list with at least one column."
        return []
    inputs = [column for item in value if (column := _read_input(item, problems))]
    names = [column.name for column in inputs]
    for name in {name for name in names if names.count(name) > 1}:
        problems[name] = "is named twice."
    return inputs


def _read_input(item: Any, problems: dict[str, str]) -> Input | None:
    if not isinstance(item, Mapping) or not isinstance(item.get("name"), str) or not item["name"]:
        problems["inputs"] = "must each be an object with a name and a type."
        return None
    name, kind = item["name"], item.get("type")
    if kind not in TYPES:
        problems[name] = f"must have one of the types {', '.join(TYPES)}."
        return None
    categories = item.get("categories")
    if categories is not None and not (isinstance(categories, list) and all(isinstance(c, str) for c in categories)):
        problems[name] = "must have its categories as a list of words."
        return None
    if item.get("is_text") and kind != "string":
        problems[name] = "can be text only where its type is string."
    words = None if categories is None else tuple(categories)
    return Input(name, str(kind), bool(item.get("nullable", True)), words, bool(item.get("is_text", False)))


def _read_beside(value: Any, taken: list[str], problems: dict[str, str]) -> list[Content]:
    """The columns beside the inputs; what is wrong goes into `problems`."""
    found: list[Content] = []
    for item in value if isinstance(value, list) else []:
        name = item.get("name") if isinstance(item, Mapping) else None
        if not isinstance(name, str) or not name:
            problems["beside"] = "must each be an object with a name and a type."
            continue
        kind, size = item.get("type"), item.get("size", 0)
        if kind not in (TEXT, EMBEDDING):
            problems[name] = f"must have one of the types {TEXT}, {EMBEDDING}."
        elif kind == EMBEDDING and (not isinstance(size, int) or not 1 <= size <= LARGEST_EMBEDDING):
            problems[name] = f"must say its size, a whole number up to {LARGEST_EMBEDDING}."
        elif name in taken or any(one.name == name for one in found):
            problems[name] = "is named twice."
        else:
            found.append(Content(name, str(kind), int(size) if kind == EMBEDDING else 0))
    if value is not None and not isinstance(value, list):
        problems["beside"] = "must be a list of columns."
    return found


def _check_classes(task: str, classes: Any, problems: dict[str, str]) -> None:
    if not isinstance(classes, list) or not all(isinstance(item, str | int | float) for item in classes):
        problems["classes"] = "must be a list of words, numbers or booleans."
    elif task == "regression" and classes:
        problems["classes"] = "must be empty for a regression."
    elif task == "binary" and len(classes) != 2:
        problems["classes"] = "must hold two values, the positive one second."
    elif task == "multiclass" and len(classes) < 3:
        problems["classes"] = "must hold at least three values in the order of the probabilities."


def _read_threshold(task: Any, value: Any, problems: dict[str, str]) -> float | None:
    if task != "binary":
        return None
    if value is None:
        return 0.5
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        problems["threshold"] = "must be a number between 0 and 1."
        return None
    return float(value)


def _array(column: Input, values: Sequence[Any]) -> np.ndarray:
    """One column from JSON values; raises ValueError with what is wrong, beginning with a verb."""
    import numpy as np

    if isinstance(values, str) or not isinstance(values, Sequence):
        raise ValueError("must be a list of values.")
    if column.type == "string":
        text = [_text(column, value) for value in values]
        array = np.empty(len(text), dtype=object)
        array[:] = text
        return array
    return np.array([_number(column, value) for value in values], dtype=np.float32)


def _null(column: Input) -> None:
    if not column.nullable:
        raise ValueError("must not be null.")


def _text(column: Input, value: Any) -> str:
    if value is None or value == MISSING_TEXT:
        _null(column)
        return MISSING_TEXT
    if not isinstance(value, str):
        raise ValueError(f"must be text, not {_shown(value)}.")
    return value


def _number(column: Input, value: Any) -> float:
    if value is None:
        _null(column)
        return math.nan
    if column.type == "boolean":
        if isinstance(value, bool) or value in (0, 1):
            return float(value)
        raise ValueError(f"must be true or false, not {_shown(value)}.")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be a number, not {_shown(value)}.")
    if math.isnan(value):
        _null(column)
        return math.nan
    if column.type == "integer" and (math.isinf(value) or value != int(value)):
        raise ValueError(f"must be a whole number, not {_shown(value)}.")
    if column.type == "integer" and abs(value) > LARGEST_EXACT_INTEGER:
        raise ValueError(f"must lie within ±{LARGEST_EXACT_INTEGER}, not {_shown(value)}.")
    return float(value)


def _shown(value: Any) -> str:
    """A foreign value, short enough for a sentence."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
