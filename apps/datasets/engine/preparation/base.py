"""What a step of a recipe is: validated fields, the schema it leaves, what it learns, and how it changes rows."""

import datetime as dt
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from apps.datasets.engine.conditions import Condition
from apps.datasets.engine.errors import DataError
from apps.datasets.engine.schema import Schema, listed
from apps.datasets.engine.values import plain_value

type Batches = Callable[[], Iterator[pa.RecordBatch]]

STEPS: dict[str, type["Step"]] = {}


class StepProblem(Exception):
    """A field of a step does not fit; the sentence says why."""

    def __init__(self, field_name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field_name
        self.sentence = sentence


@dataclass(frozen=True)
class Outcome:
    """The rows after a step, and which of the rows before it they are, where some were left out."""

    batch: pa.RecordBatch
    kept: np.ndarray | None = None


@dataclass
class Context:
    """What a run gives its steps: the tables that recipes may join, and a folder for what does not fit in memory."""

    tables: Mapping[str, Path]
    folder: Path
    notes: list[str] = field(default_factory=list)


def setting(
    kind: str, label: str, *, default: Any = MISSING, choices: tuple[str, ...] = (), help_text: str = ""
) -> Any:
    """A field of a step: how it is written (`kind`), and what a form calls it. Without default it must be given.

    Kinds: column, columns, text, texts, number, whole, value, flag, choice, mapping (old -> new), names (column ->
    name), keys (column -> column), conditions, table.
    """
    metadata = {"kind": kind, "label": label, "choices": choices, "help": help_text}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Step:
    """One step of a recipe. Subclasses are dataclasses whose fields are declared with `setting`."""

    kind: ClassVar[str] = ""
    title: ClassVar[str] = ""
    about: ClassVar[str] = ""
    # Learns figures from the rows, which are recorded and used again for later rows.
    learns: ClassVar[bool] = False
    # Has to see all rows of each run before it can change the first.
    surveys: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.kind:
            STEPS[cls.kind] = cls

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any], problems: list[StepProblem]) -> "Step | None":
        """The step from plain values; what does not fit is added to `problems`."""
        known = {item.name: item for item in fields(cls)}
        for name in raw:
            if name not in known and name != "step":
                problems.append(StepProblem(str(name), f"{cls.title} has no {name}; it has {listed(known)}."))
        values: dict[str, Any] = {}
        for name, item in known.items():
            if raw.get(name) in (None, "", [], {}) and item.metadata["kind"] != "value":
                if item.default is MISSING:
                    problems.append(StepProblem(name, f"{item.metadata['label']} is needed."))
                continue
            if name not in raw:
                continue
            try:
                values[name] = _written(item, raw[name])
            except ValueError as error:
                problems.append(StepProblem(name, str(error)))
        return None if problems else cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """The step as plain values; what equals its default is left out."""
        raw: dict[str, Any] = {"step": self.kind}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.default is MISSING or value != item.default:
                raw[item.name] = _plain(value)
        return raw

    def sentence(self) -> str:
        """What the step does, for the report."""
        raise NotImplementedError

    def touches(self) -> list[str]:
        """The columns whose cells the step may change."""
        return []

    def output(self, schema: Schema, tables: Mapping[str, Schema]) -> Schema:
        """The schema after the step; raises StepProblem or DataError when it cannot be applied to this one."""
        raise NotImplementedError

    def learn(self, batches: Batches, schema: Schema, context: Context) -> dict[str, Any]:
        """Figures from all rows, as plain values that go into the report and are used again for later rows."""
        return {}

    def survey(self, batches: Batches, schema: Schema, context: Context) -> Any:
        """What the step has to know of all rows of this run, and of this run only."""
        return None

    def applier(
        self, schema: Schema, learned: dict[str, Any], surveyed: Any, context: Context
    ) -> Callable[[pa.RecordBatch], Outcome]:
        """A function that changes batch after batch; it may carry state from one to the next."""
        raise NotImplementedError


def describe(cls: type[Step]) -> dict[str, Any]:
    """The fields of a step for a form: name, kind, label, help, choices, whether needed, default."""
    described = []
    for item in fields(cls):
        needed = item.default is MISSING
        default = None if needed else _plain(item.default)
        described.append({"name": item.name, "needed": needed, "default": default, **item.metadata})
    return {"step": cls.kind, "title": cls.title, "about": cls.about, "fields": described}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Condition):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {name: plain_value(part) for name, part in value.items()}
    return plain_value(value)


def _written(item: "Field[Any]", value: Any) -> Any:
    """The value of a field as the step keeps it; raises ValueError with a sentence."""
    return _READERS[item.metadata["kind"]](value, item.metadata)


def _text(value: Any, about: Mapping[str, Any]) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{about['label']} must be text.")
    return value


def _texts(value: Any, about: Mapping[str, Any]) -> tuple[str, ...]:
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) and part for part in parts):
        raise ValueError(f"{about['label']} must be a list of texts.")
    if len(set(parts)) < len(parts):
        raise ValueError(f"{about['label']} names something twice.")
    return tuple(parts)


def _number(value: Any, about: Mapping[str, Any]) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{about['label']} must be a number.")
    return value


def _flag(value: Any, about: Mapping[str, Any]) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{about['label']} must be true or false.")
    return value


def _choice(value: Any, about: Mapping[str, Any]) -> str:
    if value not in about["choices"]:
        raise ValueError(f"{about['label']} must be one of {listed(about['choices'], 30)}.")
    return value


def _value(value: Any, about: Mapping[str, Any]) -> Any:
    if isinstance(value, dt.date):
        return plain_value(value)
    if value is not None and not isinstance(value, str | int | float | bool):
        raise ValueError(f"{about['label']} must be a single value.")
    return value


def _mapping(value: Any, about: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{about['label']} must pair each value with another.")
    return {_key(key): _value(part, about) for key, part in value.items()}


def _key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(plain_value(key))


def _names(value: Any, about: Mapping[str, Any]) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(part, str) and part for part in value.values()):
        raise ValueError(f"{about['label']} must pair each column with a text.")
    return {str(key): part for key, part in value.items()}


def _keys(value: Any, about: Mapping[str, Any]) -> dict[str, str]:
    if isinstance(value, str | list | tuple):
        return {name: name for name in _texts(value, about)}
    return _names(value, about)


def _conditions(value: Any, about: Mapping[str, Any]) -> tuple[Condition, ...]:
    parts = [value] if isinstance(value, Mapping) else value
    if not isinstance(parts, list | tuple):
        raise ValueError(f"{about['label']} must be a list of conditions.")
    return tuple(Condition.from_dict(part) for part in parts)


_READERS: dict[str, Callable[[Any, Mapping[str, Any]], Any]] = {
    "column": _text,
    "columns": _texts,
    "text": _text,
    "texts": _texts,
    "number": _number,
    "value": _value,
    "flag": _flag,
    "choice": _choice,
    "mapping": _mapping,
    "names": _names,
    "keys": _keys,
    "conditions": _conditions,
    "table": _text,
}


def need(schema: Schema, field_name: str, names: Iterable[str], kinds: Iterable[str] = ()) -> None:
    """Raise when a column is missing or is not of one of these types."""
    kinds = tuple(kinds)
    for name in names:
        try:
            column = schema[name]
        except DataError as error:
            raise StepProblem(field_name, error.sentence) from error
        if kinds and column.type not in kinds:
            raise StepProblem(field_name, f"{name} is {column.type}; this needs {' or '.join(kinds)}.")


def need_new(schema: Schema, field_name: str, names: Iterable[str]) -> None:
    """Raise when a column that is to be added exists already or has no usable name."""
    for name in names:
        if name in schema:
            raise StepProblem(field_name, f"There is a column {name!r} already; choose another name.")
        if not name.strip() or len(name) > 200:
            raise StepProblem(field_name, "A column needs a name of at most 200 characters.")


def replaced(batch: pa.RecordBatch, schema: Schema, columns: Mapping[str, pa.Array]) -> pa.RecordBatch:
    """The batch with these columns put in, in the order of the schema after the step."""
    arrays = [columns[name] if name in columns else batch.column(name) for name in schema.names]
    return pa.RecordBatch.from_arrays(arrays, schema=schema.arrow())


def kept_rows(batch: pa.RecordBatch, kept: np.ndarray) -> Outcome:
    """The batch with only these rows."""
    return Outcome(batch.filter(pa.array(kept)), kept)
