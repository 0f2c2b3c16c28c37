"""Conditions of use: limits under which a validator found a version fit, as plain data that gate and servers enforce.

A condition has a kind, the limits of that kind, words of the validator's own, and whether it is strict: what goes
beyond a strict one is refused, what goes beyond another is let through, flagged and told.
"""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

UNTIL, PLACES, TRAFFIC, INPUTS, MONITOR, CONFIRM, STATEMENT = (
    "until", "places", "traffic", "inputs", "monitor", "confirm", "statement",
)  # fmt: skip
KINDS = (UNTIL, PLACES, TRAFFIC, INPUTS, MONITOR, CONFIRM, STATEMENT)
# What monitors watch, and the limits they take for it. A limit is met by a monitor that is at least as strict.
WATCHED: dict[str, tuple[str, ...]] = {
    "drift": ("psi", "null", "unseen", "outside"),
    "performance": ("performance",),
    "service": ("error_share", "latency"),
    "silence": ("silence_hours",),
    "feedback": ("rating",),
    "value": (),
    "segments": ("impact", "gap"),
    "contents": ("told_apart",),
}
FLOORS = frozenset({"rating", "impact"})  # of these a larger limit is the stricter one
MOST_VALUES = 1_000
NUMBERS = ("number", "integer")


class Unusable(ValueError):
    """A condition that cannot be enforced; the sentence says what is wrong with it."""


@dataclass(frozen=True)
class Condition:
    """One condition of use."""

    kind: str
    limits: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    is_strict: bool = False

    def as_json(self) -> dict[str, Any]:
        """The condition as it is stored, signed for and sent."""
        return asdict(self) | {"limits": dict(self.limits)}

    @property
    def words(self) -> str:
        """The condition as a sentence."""
        said = WORDS[self.kind](self.limits)
        return " ".join(part for part in (said, self.text) if part)


@dataclass(frozen=True)
class Place:
    """Where and when a version would answer: what conditions are held against.

    `share` is the part of the callers that get its answers; `monitors` are those active at the endpoint, each with its
    `kind` and all its `limits`; None where there is no endpoint yet.
    """

    today: dt.date
    environment: str
    endpoint: str = ""
    share: float = 1.0
    monitors: Sequence[Mapping[str, Any]] | None = None


def broken(condition: Condition, place: Place) -> str:
    """Why the condition does not allow it there and then; empty when it does."""
    rule = {UNTIL: _until, PLACES: _places, TRAFFIC: _traffic, MONITOR: _monitor}.get(condition.kind)
    return rule(condition.limits, place) if rule is not None else ""


def read(given: Mapping[str, Any], inputs: Mapping[str, str]) -> Condition:
    """A condition from JSON; `inputs` are the model's inputs with their types. Unusable says what is wrong."""
    unknown = set(given) - {"kind", "limits", "text", "is_strict"}
    kind, limits, text = given.get("kind"), given.get("limits") or {}, given.get("text") or ""
    if unknown or kind not in KINDS or not isinstance(limits, Mapping) or not isinstance(text, str):
        raise Unusable(f"A condition has a kind ({', '.join(KINDS)}), limits, a text, and whether it is strict.")
    checked = READERS[kind](limits, inputs)
    if kind == STATEMENT and not text.strip():
        raise Unusable("Say what has to be acknowledged.")
    return Condition(kind, checked, text.strip(), bool(given.get("is_strict")))


def _until(limits: Mapping[str, Any], place: Place) -> str:
    last = dt.date.fromisoformat(limits["date"])
    return f"It was found fit until {_day(last)}, and that day has passed." if place.today > last else ""


def _places(limits: Mapping[str, Any], place: Place) -> str:
    if place.environment in limits["environments"] or place.endpoint in limits["endpoints"]:
        return ""
    return f"It may be used {_where(limits)} only, not at {place.endpoint or place.environment}."


def _traffic(limits: Mapping[str, Any], place: Place) -> str:
    if place.share <= limits["most"]:
        return ""
    return f"{_traffic_words(limits)} Here it would answer {place.share:.0%} of them."


def _monitor(limits: Mapping[str, Any], place: Place) -> str:
    there = [one for one in place.monitors or () if one["kind"] == limits["kind"]]
    if any(_is_met(limits, one["limits"]) for one in there):
        return ""
    wanted = _monitor_words(limits)
    if place.monitors is None:
        return f"{wanted} There is no endpoint yet: create it, and the monitor, first."
    return f"{wanted} {'The one there is allows more.' if there else 'There is none.'}"


def _is_met(limits: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    name = limits.get("limit")
    if not name:
        return True
    return bool(given[name] >= limits["value"] if name in FLOORS else given[name] <= limits["value"])


def _read_until(limits: Mapping[str, Any], _: Any) -> dict[str, Any]:
    try:
        return {"date": dt.date.fromisoformat(str(limits.get("date"))).isoformat()}
    except ValueError:
        raise Unusable("Say until which day, as 2027-01-31.") from None


def _read_places(limits: Mapping[str, Any], _: Any) -> dict[str, Any]:
    read = {name: _texts(limits.get(name) or [], name) for name in ("environments", "endpoints")}
    if not any(read.values()):
        raise Unusable("Name at least one environment or endpoint.")
    return read


def _read_traffic(limits: Mapping[str, Any], _: Any) -> dict[str, Any]:
    most = _figure(limits.get("most"))
    if most is None or not 0 <= most < 1:
        raise Unusable("Say which share of the callers may get its answers, from 0 (shadow only) to below 1.")
    return {"most": most}


def _read_inputs(limits: Mapping[str, Any], inputs: Mapping[str, str]) -> dict[str, Any]:
    column = str(limits.get("column"))
    if column not in inputs:
        raise Unusable(f"The model has no input “{column}”. It has: {', '.join(sorted(inputs)[:30])}.")
    if inputs[column] in NUMBERS:
        least, most = _figure(limits.get("least")), _figure(limits.get("most"))
        if limits.get("values") or (least is None and most is None):
            raise Unusable(f"“{column}” is a number: say from where, or up to where, it may go.")
        if least is not None and most is not None and least > most:
            raise Unusable(f"“{column}” cannot begin above its end.")
        return {"column": column, "least": least, "most": most}
    values = _texts(limits.get("values") or [], "values")
    if not values or limits.get("least") is not None or limits.get("most") is not None:
        raise Unusable(f"“{column}” is no number: list the values it may have.")
    if inputs[column] == "boolean" and not set(values) <= {"true", "false"}:
        raise Unusable(f"“{column}” is true or false.")
    return {"column": column, "values": values}


def _read_monitor(limits: Mapping[str, Any], _: Any) -> dict[str, Any]:
    kind, name, value = limits.get("kind"), limits.get("limit") or "", _figure(limits.get("value"))
    if kind not in WATCHED:
        raise Unusable(f"Monitors watch {', '.join(WATCHED)}.")
    if bool(name) != (value is not None):
        raise Unusable("Give a limit with its value, or neither.")
    if name and name not in WATCHED[kind]:
        raise Unusable(f"A monitor of {kind} has these limits: {', '.join(WATCHED[kind]) or 'none'}.")
    return {"kind": kind, "limit": name, "value": value}


def _read_nothing(limits: Mapping[str, Any], _: Any) -> dict[str, Any]:
    if limits:
        raise Unusable("This kind of condition has no limits.")
    return {}


def _texts(given: Any, name: str) -> list[str]:
    if not isinstance(given, list | tuple) or not all(isinstance(one, str) and one for one in given):
        raise Unusable(f"“{name}” is a list of texts.")
    if len(given) > MOST_VALUES:
        raise Unusable(f"List at most {MOST_VALUES:,} {name}.")
    return sorted(set(given))


def _figure(given: Any) -> float | None:
    if given is None or given == "":
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise Unusable(f"“{given}” is no number.")
    return float(given)


def _day(day: dt.date) -> str:
    return f"{day.day} {day:%B %Y}"


def _where(limits: Mapping[str, Any]) -> str:
    parts = [f"in {', '.join(limits['environments'])}"] if limits["environments"] else []
    parts += [f"at {', '.join(limits['endpoints'])}"] if limits["endpoints"] else []
    return " or ".join(parts)


def _traffic_words(limits: Mapping[str, Any]) -> str:
    if limits["most"] == 0:
        return "It may run in the shadow of another version only; no caller gets its answers."
    return f"At most {limits['most']:.0%} of the callers may get its answers."


def _inputs_words(limits: Mapping[str, Any]) -> str:
    column = limits["column"]
    if "values" in limits:
        listed = ", ".join(limits["values"][:8]) + (" and others that are listed" if len(limits["values"]) > 8 else "")
        return f"Only where {column} is one of {listed}."
    ends = [f"at least {limits['least']:g}"] if limits["least"] is not None else []
    ends += [f"at most {limits['most']:g}"] if limits["most"] is not None else []
    return f"Only where {column} is {' and '.join(ends)}."


def _monitor_words(limits: Mapping[str, Any]) -> str:
    name = limits.get("limit")
    side = "at least" if name in FLOORS else "at most"
    limit = f" with {name} {side} {limits['value']:g}" if name else ""
    return f"A monitor of {limits['kind']}{limit} has to be active."


WORDS = {
    UNTIL: lambda limits: f"Until {_day(dt.date.fromisoformat(limits['date']))}.",
    PLACES: lambda limits: f"Only {_where(limits)}.",
    TRAFFIC: _traffic_words,
    INPUTS: _inputs_words,
    MONITOR: _monitor_words,
    CONFIRM: lambda limits: "A person confirms each decision.",
    STATEMENT: lambda limits: "",
}
READERS = {
    UNTIL: _read_until,
    PLACES: _read_places,
    TRAFFIC: _read_traffic,
    INPUTS: _read_inputs,
    MONITOR: _read_monitor,
    CONFIRM: _read_nothing,
    STATEMENT: _read_nothing,
}
