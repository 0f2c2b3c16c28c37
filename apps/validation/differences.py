"""What changed between two versions of a template, or two plans: line by line, field by field, in words."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.core.formats import NOTHING

FIELDS = ("fail", "warn", "judged", "required")


@dataclass(frozen=True)
class Difference:
    """One thing that is otherwise than before."""

    where: str
    what: str
    before: str
    after: str


def between_lines(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[Difference]:
    """Checks that came, went or are asked otherwise."""
    old, new = ({line["name"]: line for line in lines} for lines in (before, after))
    found = [Difference(name, "asked", "yes", "no") for name in old if name not in new]
    found += [Difference(name, "asked", "no", "yes") for name in new if name not in old]
    for name in (name for name in new if name in old):
        was, now = (_parts(line) for line in (old[name], new[name]))
        found += between(was, now, name)
    return found


def _parts(line: Mapping[str, Any]) -> dict[str, Any]:
    return {**{field: line[field] for field in FIELDS}, **line["parameters"]}


def between(before: Mapping[str, Any], after: Mapping[str, Any], where: str = "") -> list[Difference]:
    """Parts that are otherwise."""
    names = [*before, *(name for name in after if name not in before)]
    return [
        Difference(where, name.replace("_", " "), words(before.get(name)), words(after.get(name)))
        for name in names
        if before.get(name) != after.get(name)
    ]


def words(value: Any) -> str:
    """A value as a reader would write it."""
    if value in (None, "", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(f"{one['name']}: {one['where']}" if _is_slice(one) else _plain(one) for one in value)
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_plain(part)}" for name, part in value.items())
    return _plain(value)


def _is_slice(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"name", "where"}


def _plain(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return f"{value:g}" if isinstance(value, float) else str(value)
