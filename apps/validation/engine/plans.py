"""A plan as data: lines that name a check with its parameters and thresholds, tested against the registry."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.core.canonical import content_hash
from apps.validation.engine import LARGEST_LIMIT
from apps.validation.engine.base import ONLY_WHERE_NAMED, Bound, Check, Kind, Limits, Need, Sense
from apps.validation.engine.registry import registry

FIELDS = ("name", "key", "parameters", "fail", "warn", "judged", "required")
MAX_ITEMS = 200
ALWAYS_THERE = frozenset({Need.ARTIFACT, Need.FACTS})


class PlanError(ValueError):
    """What is wrong with a plan, one sentence a line; `places` tells for each which check it is about, from 0."""

    def __init__(self, problems: Sequence[str], places: Sequence[int | None] = ()) -> None:
        super().__init__(" ".join(problems))
        self.problems = list(problems)
        self.places = list(places) or [None] * len(self.problems)


@dataclass(frozen=True)
class Item:
    """One line of a plan. `required` tells whether the verdict of the run needs it to have run."""

    name: str
    key: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    judged: Bound = Bound.VALUE
    required: bool = True

    def as_json(self) -> dict[str, Any]:
        """The line as it is stored, hashed and sent to the child."""
        return {
            "name": self.name,
            "key": self.key,
            "parameters": dict(self.parameters),
            "fail": self.limits.fail,
            "warn": self.limits.warn,
            "judged": self.judged.value,
            "required": self.required,
        }

    @classmethod
    def from_json(cls, line: Mapping[str, Any]) -> Item:
        """The line as `as_json` wrote it."""
        limits = Limits(line["fail"], line["warn"])
        return cls(line["name"], line["key"], line["parameters"], limits, Bound(line["judged"]), line["required"])


def default_item(
    check: type[Check], tier: str, kind: Kind, parameters: Mapping[str, Any] | None = None, required: bool = True
) -> Item:
    """A line with the check's own defaults for the tier."""
    settings = check.settings(parameters or {})
    return Item(
        item_name(check.key, settings), check.key, settings, check.default_limits(tier, kind), check.judged, required
    )


def item_name(key: str, settings: Mapping[str, Any]) -> str:
    """The check's key, with the protected attributes behind a colon where there are some."""
    attributes = settings.get("attributes") or []
    return f"{key}:{'+'.join(map(str, attributes))}" if attributes else key


def read_items(lines: object, kind: Kind, answer: Kind | None = None, tier: str = "") -> list[Item]:
    """The lines of a plan as given by a person or a program, every one checked; PlanError with all that is wrong.

    With a tier, a line that names no threshold at all has the check's own for it.
    """
    if not isinstance(lines, list | tuple) or not lines:
        raise PlanError(["A plan needs at least one check."])
    if len(lines) > MAX_ITEMS:
        raise PlanError([f"A plan has at most {MAX_ITEMS} checks."])
    problems: list[tuple[str, int | None]] = []
    items: list[Item] = []
    for place, line in enumerate(lines):
        try:
            items.append(_read_item(line, kind, answer, tier))
        except (KeyError, ValueError) as error:
            problems.append((f"Line {place + 1}: {error.args[0]}", place))
    names = [item.name for item in items]
    twice = sorted({name for name in names if names.count(name) > 1})
    problems += [(f"{name} is in the plan more than once.", None) for name in twice]
    if problems:
        raise PlanError([said for said, _ in problems], [place for _, place in problems])
    return items


def _read_item(line: object, kind: Kind, answer: Kind | None, tier: str) -> Item:
    if not isinstance(line, Mapping):
        raise ValueError("each line names a check, like {key: perf.auc, fail: 0.7}.")
    unknown = sorted(set(line) - set(FIELDS))
    if unknown:
        raise ValueError(f"there is no field {', '.join(map(str, unknown))}; the fields are {', '.join(FIELDS)}.")
    check = registry().get(str(line.get("key", "")))
    if not check.goes_with(kind, answer):
        raise ValueError(f"{check.key} cannot be put to a {kind} model.")
    parameters = line.get("parameters") or {}
    if not isinstance(parameters, Mapping):
        raise ValueError(f"the parameters of {check.key} are names with values.")
    settings = check.settings(parameters)
    limits = Limits(_number(line, "fail"), _number(line, "warn"))
    if tier and not {"fail", "warn"} & set(line):
        limits = check.default_limits(tier, kind)
    if limits.fail is None and limits.warn is None:
        raise ValueError(f"{check.key} needs a threshold to fail or to warn at: without one it could not judge.")
    if check.informs and limits.fail is not None:
        raise ValueError(f"{check.key} only informs: it can warn, not fail.")
    _check_order(check, limits, settings)
    judged = Bound(str(line.get("judged") or check.judged))
    required = line.get("required", not check.informs)
    if not isinstance(required, bool):
        raise ValueError(f"required of {check.key} is true or false.")
    return Item(
        str(line.get("name") or item_name(check.key, settings))[:120], check.key, settings, limits, judged, required
    )


def _number(line: Mapping[str, Any], field_name: str) -> float | None:
    value = line.get(field_name)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{field_name} is a number or empty.")
    if abs(value) > LARGEST_LIMIT:
        raise ValueError(f"{field_name} is at most {LARGEST_LIMIT:,.0f} in size.")
    return float(value)


def _check_order(check: type[Check], limits: Limits, settings: Mapping[str, Any]) -> None:
    if limits.fail is None or limits.warn is None:
        return
    wrong = limits.warn < limits.fail if check.sense_of(settings) is Sense.AT_LEAST else limits.warn > limits.fail
    if wrong:
        raise ValueError(f"{check.key} would fail before it warns: exchange its thresholds.")


def plan_hash(content: Mapping[str, Any]) -> str:
    """The hash by which a locked plan is known: over version, artifact, data, lines and seed."""
    return content_hash(content)


@dataclass(frozen=True)
class Subject:
    """What a template must know about a version to choose its lines; `there` is what checks may count on.

    `answer` is what the version answers, where the kind of plan leaves that open.
    """

    tier: str
    kind: Kind
    attributes: Sequence[str] = ()
    favourable: str = "positive"
    there: frozenset[Need] = ALWAYS_THERE | {Need.TRAIN}
    edges: Mapping[str, Sequence[float]] = field(default_factory=dict)
    answer: Kind | None = None

    def takes(self, check: type[Check]) -> bool:
        """Whether the check can be put to it; what is about data that a plan need not name only where it names them."""
        return check.goes_with(self.kind, self.answer) and not (check.needs & ONLY_WHERE_NAMED) - self.there


def template(subject: Subject) -> list[Item]:
    """The lines that a plan for this tier and kind starts with.

    Fairness comes once for each protected attribute. What cannot run because there is no champion yet, no time
    column or no training rows is in the plan all the same, as not required: the report then says why it did not run.
    """
    items: list[Item] = []
    for check in registry().all():
        if subject.tier not in check.tiers or check.asks_more() or not subject.takes(check):
            continue
        required = check.needs <= subject.there and not check.informs
        if "attributes" in check.parameters:
            items += [_fairness_item(check, subject, attributes) for attributes in asked_of(check, subject)]
        else:
            items.append(default_item(check, subject.tier, subject.kind, required=required))
    return items


def expand(lines: Sequence[Mapping[str, Any]], subject: Subject) -> list[Item]:
    """The lines of a tenant's template for one version: fairness once for each attribute, needs tested.

    Lines that a model with this answer cannot be asked, and those about data that the plan does not name, are left out.
    """
    items: list[Item] = []
    for line in lines:
        check = registry().get(str(line["key"]))
        if not subject.takes(check):
            continue
        if "attributes" not in check.parameters:
            items.append(Item.from_json({**line, "required": line["required"] and check.needs <= subject.there}))
            continue
        for attributes in asked_of(check, subject):
            parameters = {**line["parameters"], **_fairness_item(check, subject, attributes).parameters}
            parameters |= {name: line["parameters"][name] for name in ("min_rows",) if name in line["parameters"]}
            items.append(Item.from_json({**line, "name": item_name(check.key, parameters), "parameters": parameters}))
    return items


def asked_of(check: type[Check], subject: Subject) -> list[list[str]]:
    """Which protected attributes each line of a fairness check is about: one, or all of them crossed."""
    if not check.crosses:
        return [[attribute] for attribute in subject.attributes]
    anything = list(subject.attributes) == ["*"]
    return [list(subject.attributes)] if len(subject.attributes) > 1 or anything else []


def _fairness_item(check: type[Check], subject: Subject, attributes: Sequence[str]) -> Item:
    edges = list(subject.edges.get(attributes[0], ())) if len(attributes) == 1 else []
    given = {"attributes": list(attributes), "favourable": subject.favourable, "edges": edges}
    parameters = {name: value for name, value in given.items() if name in check.parameters}
    return default_item(check, subject.tier, subject.kind, parameters)
