"""What the business knows: ways an answer must go, things that must not matter, and rows whose answer is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from apps.validation.engine.arrays import Array, Floats, Line, is_missing, is_number
from apps.validation.engine.base import (
    CannotRun,
    Check,
    Family,
    Kind,
    Limits,
    Measured,
    Parameter,
    Sense,
    Titles,
    table,
)
from apps.validation.engine.case import Case, Rows, ask
from apps.validation.engine.intervals import share_interval

WAYS = {"up": 1.0, "down": -1.0}
STEPS = (0.1, 0.25, 0.5, 1.0)


def read_rules(rules: Sequence[Any]) -> list[tuple[str, float]]:
    """Rules like "dep_delay up" as (feature, way); ValueError with a sentence."""
    found = []
    for rule in rules:
        name, _, way = str(rule).rpartition(" ")
        if way not in WAYS or not name:
            raise ValueError(f"A rule names a feature and up or down, like “delay up”, not “{rule}”.")
        found.append((name, WAYS[way]))
    return found


class Direction(Check):
    """More of one thing never lowers the answer."""

    key = "robust.direction"
    blind = True
    family = Family.ROBUSTNESS
    title = "Ways an answer must go"
    question = "Does the answer go the way it must when a feature grows?"
    metric = "share of rows for which a step in a feature moves the answer the wrong way"
    unit = "percent"
    source = "directional expectation tests (Ribeiro et al. 2020); the rules are the owner's"
    kinds = frozenset({Kind.BINARY, Kind.REGRESSION})
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.05), "limited": Limits(0.05, 0.01), "high": Limits(0.01, None)}
    parameters = {
        "rules": Parameter([], "Features and the way they move the answer: delay up, age down.", required=True),
        "tolerance": Parameter(1e-6, "Moves smaller than this are none.", 0.0, 1e9),
    }
    max_rows = 5_000

    @classmethod
    def settings(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """As for every check, and every rule must read."""
        settings = super().settings(given)
        read_rules(settings["rules"])
        return settings

    def measure(self, case: Case, rules: Sequence[Any] = (), tolerance: float = 1e-6, **settings: Any) -> Measured:
        """The share over all rules, with the rows that break one."""
        broken = np.zeros(len(case.test), dtype=bool)
        lines: list[Line] = []
        for name, way in read_rules(rules):
            values = feature(case.test, name)
            size = float(np.nanstd(values))
            wrong = np.zeros(len(values), dtype=bool)
            for step in STEPS:
                moved = (values + step * size).astype(np.float32)
                said = ask(case.model, case.test, {**case.test.inputs, name: moved})
                wrong |= way * (said.score - case.said.score) < -tolerance
            lines.append({"rule": f"{name} {'up' if way > 0 else 'down'}", "share": float(wrong.mean())})
            broken |= wrong
        value = float(broken.mean())
        titles: Titles = {"rule": ("rule", "text"), "share": ("rows that break it", "percent")}
        return Measured(
            value,
            f"{value:.1%} of the rows break a rule." if value else "No row breaks a rule.",
            share_interval(float(broken.sum()), len(broken)),
            tables=[table("Rules", lines, **titles)],
            offending_rows=case.test.places(broken),
        )


def feature(rows: Rows, name: str) -> Floats:
    """A feature that is a figure; CannotRun for anything else."""
    if name not in rows.features:
        raise CannotRun(f"The model has no feature {name}.")
    if not is_number(rows.columns[name]):
        raise CannotRun(f"{name} is no figure.")
    return rows.columns[name].astype(float)


class Invariance(Check):
    """Things that must not matter."""

    key = "robust.invariance"
    blind = True
    family = Family.ROBUSTNESS
    title = "Things that must not matter"
    question = "Does the answer stay the same when what must not matter changes?"
    metric = "largest mean move of the score when one such feature is shuffled among the rows"
    source = "invariance tests (Ribeiro et al. 2020); the features are the owner's"
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.05), "limited": Limits(0.05, 0.01), "high": Limits(0.02, 0.005)}
    parameters = {"features": Parameter([], "Features that must not move the answer.", required=True)}
    max_rows = 5_000

    def measure(self, case: Case, features: Sequence[Any] = (), **settings: Any) -> Measured:
        """The largest mean move; for a figure in standard deviations of the answers."""
        size = float(np.std(case.said.score)) or 1.0 if case.kind is Kind.REGRESSION else 1.0
        lines: list[Line] = []
        for name in map(str, features):
            if name not in case.test.features:
                lines.append({"feature": name, "move": 0.0})
                continue
            order = np.random.default_rng(case.seed).permutation(len(case.test))
            said = ask(case.model, case.test, {**case.test.inputs, name: case.test.columns[name][order]})
            lines.append({"feature": name, "move": float(np.mean(np.abs(said.score - case.said.score))) / size})
        worst = max(lines, key=lambda line: line["move"])
        moved = f"Shuffling {worst['feature']} moves the score by {worst['move']:.3f} on average."
        return Measured(
            worst["move"],
            moved if worst["move"] else "None of these features moves the answer.",
            tables=[table("Mean move of the score", lines, feature=("feature", "text"), move="move")],
        )


class Scenarios(Check):
    """Rows written by the business, each with the answer it expects."""

    key = "robust.scenarios"
    blind = True
    family = Family.ROBUSTNESS
    title = "Scenarios"
    question = "Does it answer as the business expects on the cases it has written down?"
    metric = "share of the scenarios with another answer"
    unit = "percent"
    source = "minimum functionality tests (Ribeiro et al. 2020); the scenarios are the owner's"
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.0), "limited": Limits(0.0, None), "high": Limits(0.0, None)}
    parameters = {
        "rows": Parameter(
            [],
            'Cases with what is expected: [{"name": "storm", "row": {"delay": 90}, "least": 0.5}]. Features left out '
            "are those of a typical row; expected is a label, least or most.",
            required=True,
        )
    }

    @classmethod
    def settings(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """As for every check, and every scenario must read."""
        settings = super().settings(given)
        for number, one in enumerate(settings["rows"], 1):
            read_scenario(number, one)
        return settings

    def measure(self, case: Case, rows: Sequence[Any] = (), **settings: Any) -> Measured:
        """Each scenario's answer beside what was expected."""
        given = [read_scenario(number, one) for number, one in enumerate(rows, 1)]
        said = ask(case.model, _some(case.test, len(given)), scenario_columns(case.test, given))
        lines: list[Line] = []
        for place, one in enumerate(given):
            score, label = float(said.score[place]), said.label[place].item()
            lines.append(
                {"scenario": one["name"], "score": score, "expected": wanted(one), "met": met(one, score, label)}
            )
        missed = [line for line in lines if not line["met"]]
        for line in lines:
            line["met"] = "yes" if line["met"] else "no"
        titles: Titles = {"scenario": ("scenario", "text"), "score": "score", "expected": ("expected", "text")}
        return Measured(
            len(missed) / len(lines),
            f"{len(missed)} of {len(lines)} scenarios got another answer than expected, first {missed[0]['scenario']}."
            if missed
            else f"All {len(lines)} scenarios got the expected answer.",
            tables=[table("Scenarios", lines, **titles, met=("met", "text"))],
            rows_used=len(lines),
        )


def read_scenario(number: int, one: Any) -> Mapping[str, Any]:
    """A scenario with a name and something expected; ValueError with a sentence for one that is none."""
    if not isinstance(one, Mapping) or not isinstance(one.get("row"), Mapping):
        raise ValueError(f"Scenario {number} is no case: it needs a row with values by feature.")
    if not {"label", "least", "most"} & set(one):
        raise ValueError(f"Scenario {number} does not say what is expected: label, least or most.")
    return {"name": f"scenario {number}", **one}


def wanted(one: Mapping[str, Any]) -> str:
    """What a scenario expects, in words."""
    words = {"label": "label {}", "least": "at least {}", "most": "at most {}"}
    return ", ".join(text.format(one[name]) for name, text in words.items() if name in one)


def met(one: Mapping[str, Any], score: float, label: Any) -> bool:
    """Whether an answer is the expected one."""
    right = "label" not in one or label == one["label"]
    return right and score >= float(one.get("least", -np.inf)) and score <= float(one.get("most", np.inf))


def _some(rows: Rows, count: int) -> Rows:
    return rows.take(np.zeros(count, dtype=int))


def scenario_columns(rows: Rows, given: Sequence[Mapping[str, Any]]) -> dict[str, Array]:
    """The scenarios as columns; what a scenario leaves out is the middle figure or the commonest category."""
    columns: dict[str, Array] = {}
    for name in rows.features:
        values = rows.columns[name]
        number = is_number(values)
        usual = typical(values)
        filled = [one["row"].get(name, usual) for one in given]
        columns[name] = np.array(filled, dtype=values.dtype) if number else np.array(filled, dtype=object)
    unknown = sorted({str(name) for one in given for name in one["row"]} - set(rows.features))
    if unknown:
        raise CannotRun(f"The model has no feature {', '.join(unknown)}.")
    return columns


def typical(values: Array) -> Any:
    """The median of a figure, the commonest of categories; missing where nothing is known."""
    known = values[~is_missing(values)]
    if not len(known):
        return np.nan if is_number(values) else ""
    if is_number(values):
        return float(np.median(known.astype(float)))
    found, counts = np.unique(known.astype(str), return_counts=True)
    return str(found[np.argmax(counts)])


CHECKS = (Direction, Invariance, Scenarios)
