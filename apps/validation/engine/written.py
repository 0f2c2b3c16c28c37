"""Plans and templates as YAML or JSON: the schema they are held against, read with lines, written in a settled order.

A text is read by YAML's safe rules and may not use anchors, so that it is never larger than it looks. What is wrong is
told by field and line, all at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.validation.engine import LARGEST_LIMIT

LONGEST = 200_000
DEEPEST = 20
MOST_CHECKS = 200
DIALECT = "https://json-schema.org/draft/2020-12/schema"
Path = tuple[str | int, ...]

_NAME = {"type": "string", "minLength": 1, "maxLength": 200}
_LIMIT = {"type": ["number", "null"], "minimum": -LARGEST_LIMIT, "maximum": LARGEST_LIMIT}
_DATA = {
    "type": "object",
    "description": "A version of a dataset.",
    "required": ["dataset", "number"],
    "additionalProperties": False,
    "properties": {"dataset": {**_NAME, "description": "Its key."}, "number": {"type": "integer", "minimum": 1}},
}
_CHECK = {
    "type": "object",
    "required": ["key"],
    "additionalProperties": False,
    "properties": {
        "key": {**_NAME, "description": "As validation-checks/ lists it."},
        "name": {**_NAME, "maxLength": 120, "description": "Needed only where a check is asked more than once."},
        "parameters": {"type": "object"},
        "fail": {**_LIMIT, "description": "Fails beyond it."},
        "warn": {**_LIMIT, "description": "Warns beyond it."},
        "judged": {"enum": ["value", "lower", "upper"], "description": "Which end of the interval is judged."},
        "required": {"type": "boolean", "description": "Whether the verdict needs it."},
    },
}
_SHARED: dict[str, Any] = {
    "columns": {
        "type": "object",
        "description": "Columns by role.",
        "additionalProperties": False,
        "properties": dict.fromkeys(("time", "series", "horizon", "group"), _NAME),
    },
    "attributes": {"type": "array", "items": _NAME, "maxItems": 20, "description": "Protected attributes."},
    "slices": {
        "type": "object",
        "description": 'Filters by name, like: age < 25 and region = "north"',
        "maxProperties": 30,
        "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 500},
    },
    "evidence": {
        "type": "array",
        "items": {**_NAME, "maxLength": 400},
        "maxItems": 40,
        "description": "What must be there to conclude: card, card: Limitations, charter, risks, data, "
        "document: Penetration test, signature: Risk approver: The errors that remain are accepted.",
    },
    "checks": {"type": "array", "items": _CHECK, "minItems": 1, "maxItems": MOST_CHECKS},
    "reason": {"type": "string", "maxLength": 5_000, "description": "Why it is written."},
}
_KIND = {"enum": ["binary", "multiclass", "regression", "forecast", "ranking", "generic"]}
_TIER = {"enum": ["low", "limited", "high"]}


def schema(of: str) -> dict[str, Any]:
    """The JSON schema of a "plan" or a "template"."""
    about: dict[str, Any] = {"type": "object", "additionalProperties": False}
    if of == "template":
        properties = {"tier": _TIER, "kind": _KIND, **_SHARED}
        return {"$schema": DIALECT, "title": "Template of validation plans", **about, "properties": properties,
                "required": ["tier", "kind", "checks"]}  # fmt: skip
    properties = {
        "model": {**_NAME, "description": "Its key."},
        "version": {"type": "integer", "minimum": 1},
        "kind": _KIND,
        "data": {
            "type": "object",
            "description": "Data by role; empty test and train: those of its training.",
            "additionalProperties": False,
            "properties": dict.fromkeys(("test", "train", "reference", "stress"), _DATA),
        },
        "favourable": {"enum": ["positive", "negative"], "description": "The outcome that is good for the person."},
        "seed": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
        "max_rows": {"type": "integer", "minimum": 1_000, "maximum": 5_000_000},
        **_SHARED,
    }
    return {"$schema": DIALECT, "title": "Validation plan", **about, "properties": properties,
            "required": ["model", "version"]}  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """What is wrong: the field as a path with dots, its line from 1 (0 where nobody can say), a sentence."""

    field: str
    line: int
    sentence: str

    def __str__(self) -> str:
        where = f"Line {self.line}" if self.line else ""
        place = ", ".join(part for part in (where, self.field) if part)
        return f"{place}: {self.sentence}" if place else self.sentence


class Unreadable(ValueError):
    """The text is no such plan or template; `problems` are all that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(" ".join(map(str, problems)))
        self.problems = list(problems)


@dataclass(frozen=True)
class Text:
    """What a text says, and in which line each part of it begins."""

    value: dict[str, Any]
    lines: Mapping[Path, int]

    def line(self, path: Sequence[str | int]) -> int:
        """The line of a part, or of the nearest part above it."""
        path = tuple(path)
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)

    def problem(self, path: Sequence[str | int], sentence: str) -> Problem:
        """A sentence about a part."""
        return Problem(".".join(map(str, path)), self.line(path), sentence)


def read(text: str, of: str) -> Text:
    """A plan or a template from YAML, of which JSON is a part; Unreadable with everything that is wrong."""
    import jsonschema

    found = _parse(text)
    wrong = sorted(jsonschema.Draft202012Validator(schema(of)).iter_errors(found.value), key=_place)
    if wrong:
        raise Unreadable(list(dict.fromkeys(found.problem(*_told(error)) for error in wrong[:50])))
    return found


def _place(error: Any) -> list[str]:
    return [str(part) for part in error.absolute_path]


def _told(error: Any) -> tuple[list[str | int], str]:
    """Where an error is, and a sentence that says it without the schema's words."""
    path: list[str | int] = list(error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        known = list(error.schema.get("properties", {}))
        odd = next(name for name in error.instance if name not in known)
        return [*path, odd], f"There is no field {odd}; the fields are {', '.join(known)}."
    if error.validator == "required":
        names = [name for name in error.validator_value if name not in error.instance]
        return path, f"{', '.join(names)} is missing."
    if error.validator == "enum":
        return path, f"It is one of {', '.join(map(str, error.validator_value))}."
    if error.validator == "type":
        return path, f"It is {_KINDS.get(str(error.validator_value), 'a number or empty')}."
    sides = {"minimum": "at least", "maximum": "at most", "minItems": "at least", "maxItems": "at most",
             "maxLength": "at most", "minLength": "at least", "maxProperties": "at most"}  # fmt: skip
    unit = {"Items": " entries", "Length": " letters", "Properties": " entries"}
    ending = next((words for part, words in unit.items() if error.validator.endswith(part)), "")
    return path, f"It is {sides[error.validator]} {error.validator_value:,}{ending}."


_KINDS = {
    "string": "a text; write it between quotes if it looks like something else",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "names with values",
}


def _parse(text: str) -> Text:
    """Plain values from YAML, and the line of each."""
    import yaml

    if len(text) > LONGEST:
        raise Unreadable([Problem("", 0, f"The text has more than {LONGEST:,} characters.")])
    if odd := re.search(r"[^\x09\x0a\x0d\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text):
        line = text.count("\n", 0, odd.start()) + 1
        raise Unreadable([Problem("", line, "There is a character that nobody can see.")])
    try:
        _refuse_anchors(text)
        node = yaml.compose(text, yaml.SafeLoader)
        lines: dict[Path, int] = {}
        value = _value(node, (), lines) if node is not None else {}
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        said = getattr(error, "problem", None) or "it cannot be read"
        raise Unreadable([Problem("", mark.line + 1 if mark else 0, f"This is not YAML: {said}.")]) from None
    if not isinstance(value, dict):
        raise Unreadable([Problem("", 1, "It begins with names and values, like model: late-flights.")])
    return Text(value, lines)


def _refuse_anchors(text: str) -> None:
    """Nothing may stand for something else: a few lines could mean billions of entries."""
    import yaml

    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if getattr(event, "anchor", None):
            raise Unreadable([Problem("", line, "Anchors and aliases (& and *) cannot be used here.")])
        if getattr(event, "tag", None):
            raise Unreadable([Problem("", line, "Tags (!) cannot be used here.")])
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise Unreadable([Problem("", line, f"This is nested more than {DEEPEST} deep.")])


_POWER = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")


def _value(node: Any, path: Path, lines: dict[Path, int]) -> Any:
    """The plain value of a node; names are texts, each there once."""
    import yaml

    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        return [_value(part, (*path, place), lines) for place, part in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, part in node.value:
            line = key.start_mark.line + 1
            name = key.value
            if not isinstance(key, yaml.ScalarNode) or name in found:
                raise Unreadable([Problem(str(name)[:80], line, "A name is a text, and there only once.")])
            found[name] = _value(part, (*path, name), lines)
            lines[(*path, name)] = line
        return found
    if node.tag.endswith((":timestamp", ":binary")):
        return node.value
    if node.style is None and _POWER.fullmatch(node.value):  # a number of JSON, a text to YAML 1.1
        return float(node.value) if abs(float(node.value)) < float("inf") else node.value
    try:
        value = yaml.SafeLoader("").construct_object(node)
    except (ValueError, OverflowError):
        raise Unreadable([Problem("", lines[path], "This number cannot be read.")]) from None
    return node.value if isinstance(value, float) and value - value != 0 else value


def dump(value: Mapping[str, Any]) -> str:
    """The same as YAML, in the order in which it is; read again it gives the same."""
    import yaml

    return str(yaml.safe_dump(_plain(value), sort_keys=False, allow_unicode=True, width=100))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def lines_of(checks: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Checks as a person writes them: without a name that follows from the rest, without empty parts."""
    from apps.validation.engine.plans import item_name

    for line in checks:
        written = dict(line)
        if written["name"] == item_name(written["key"], written["parameters"]):
            del written["name"]
        order = ("key", "name", "parameters", "fail", "warn", "judged", "required")
        yield {name: written[name] for name in order if name in written and written[name] not in (None, {})}
