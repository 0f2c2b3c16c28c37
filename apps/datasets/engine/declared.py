"""Steps and rules as people write them: dataclasses whose fields say how they are written and how forms call them."""

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, ClassVar, Self

from .conditions import Condition
from .schema import listed
from .values import plain_value


class Problem(Exception):
    """A field does not fit; the sentence says why."""

    def __init__(self, field_name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field_name
        self.sentence = sentence


def setting(
    kind: str, label: str, *, default: Any = MISSING, choices: tuple[str, ...] = (), help_text: str = ""
) -> Any:
    """A field: how it is written (`kind`), and what a form calls it. Without default it must be given.

    Kinds: column, columns, text, texts, number, whole, value, flag, choice, mapping (old -> new), names (column ->
    name), keys (column -> column), conditions, table.
    """
    metadata = {"kind": kind, "label": label, "choices": choices, "help": help_text}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Declared:
    """Something written as plain values: a word that says what it is, and fields declared with `setting`."""

    # The name under which the word stands.
    word: ClassVar[str] = ""
    kind: ClassVar[str] = ""
    title: ClassVar[str] = ""
    about: ClassVar[str] = ""

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any], problems: list[Problem]) -> Self | None:
        """The object from plain values; what does not fit is added to `problems`."""
        known = {item.name: item for item in fields(cls)}
        for name in raw:
            if name not in known and name != cls.word:
                problems.append(Problem(str(name), f"{cls.title} has no {name}; it has {listed(known)}."))
        values: dict[str, Any] = {}
        for name, item in known.items():
            if raw.get(name) in (None, "", [], {}) and item.metadata["kind"] != "value":
                if item.default is MISSING:
                    problems.append(Problem(name, f"{item.metadata['label']} is needed."))
                continue
            if name not in raw:
                continue
            try:
                values[name] = _written(item, raw[name])
            except ValueError as error:
                problems.append(Problem(name, str(error)))
        return None if problems else cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """The object as plain values; what equals its default is left out."""
        raw: dict[str, Any] = {self.word: self.kind}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.default is MISSING or value != item.default:
                raw[item.name] = _plain(value)
        return raw

    def sentence(self) -> str:
        """What it does or demands, in words."""
        raise NotImplementedError


def describe(cls: type[Declared]) -> dict[str, Any]:
    """The fields for a form: name, kind, label, help, choices, whether needed, default."""
    described = []
    # What all kinds share comes last.
    for item in sorted(fields(cls), key=lambda item: item.name not in cls.__annotations__):
        needed = item.default is MISSING
        default = None if needed else _plain(item.default)
        described.append({"name": item.name, "needed": needed, "default": default, **item.metadata})
    return {cls.word: cls.kind, "title": cls.title, "about": cls.about, "fields": described}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Condition):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {name: plain_value(part) for name, part in value.items()}
    return plain_value(value)


def _written(item: "Field[Any]", value: Any) -> Any:
    """The value of a field as the object keeps it; raises ValueError with a sentence."""
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
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{about['label']} must be a finite number.")
    return value


def _values(value: Any, about: Mapping[str, Any]) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{about['label']} must be a list of values.")
    return tuple(_value(part, about) for part in value)


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
    "values": _values,
    "flag": _flag,
    "choice": _choice,
    "mapping": _mapping,
    "names": _names,
    "keys": _keys,
    "conditions": _conditions,
    "table": _text,
}
