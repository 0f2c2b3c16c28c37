"""Faults of fairness and robustness: groups treated otherwise, answers that break, turn or run the wrong way."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from apps.validation.engine.arrays import Array, Columns
from apps.validation.engine.base import Limits
from apps.validation.engine.case import Case, Rows
from tests.validation.faults import worlds
from tests.validation.faults.planted import Changed, answering, fault, logit, noise, with_feature, with_truth
from tests.validation.faults.worlds import sigmoid

SEX: dict[str, Any] = {"attributes": ["sex"]}


def seen(_: Path) -> Case:
    """The sound case in which the model is also given sex and race, and leaves them aside."""
    case = worlds.base()
    for name in ("sex", "race"):
        case = with_feature(case, name, case.training.columns[name], case.test.columns[name])
    return case


def harder(amount: float, also: Callable[[Columns], Array] | None = None) -> Callable[[Array, Columns], Array]:
    """Scores that are lower for women, or for whomever is named."""
    who = also or (lambda columns: columns["sex"] == "female")
    return lambda score, columns: sigmoid(logit(score) - amount * who(columns))


@fault("a group that is selected less often", "fair.impact_ratio", sound=seen, **SEX)
def less_often(case: Case, _: Path) -> Case:
    return answering(case, harder(1.5))


@fault("a group far behind", "fair.parity_difference", sound=seen, **SEX)
def far_behind(case: Case, _: Path) -> Case:
    return answering(case, harder(1.5))


@fault("a group with more errors", "fair.equalised_odds", sound=seen, **SEX)
def more_errors(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: np.where(columns["sex"] == "female", 1 - score, score))


@fault("a group whose good cases are passed over", "fair.equal_opportunity", sound=seen, **SEX)
def passed_over(case: Case, _: Path) -> Case:
    return answering(case, harder(1.5))


@fault("a group that gets the answer wrongly", "fair.predictive_parity", sound=seen, **SEX)
def given_wrongly(case: Case, _: Path) -> Case:
    return answering(case, harder(-2.5))


@fault("a score that means less for one group", "fair.calibration", sound=seen, **SEX)
def means_less(case: Case, _: Path) -> Case:
    return answering(case, harder(-1.0))


@fault("a combination treated otherwise", "fair.intersection", sound=seen, attributes=["sex", "race"])
def combination(case: Case, _: Path) -> Case:
    who: Callable[[Columns], Array] = lambda columns: (columns["sex"] == "female") & (columns["race"] == "B")  # noqa: E731
    return answering(case, harder(2.0, who))


@fault("a feature that stands for the attribute", "fair.proxy", **SEX)
def proxy(case: Case, _: Path) -> Case:
    random = np.random.default_rng(8)

    def club(sex: Array) -> Array:
        other = np.where(sex == "female", "gym", "bowling")
        return np.where(random.random(len(sex)) < 0.95, other, "none").astype(object)

    return with_feature(case, "club", club(case.training.columns["sex"]), club(case.test.columns["sex"]))


@fault("an answer that turns with the attribute", "fair.flip", sound=seen, **SEX)
def turns(case: Case, _: Path) -> Case:
    return answering(case, harder(1.0))


@fault("a gap that is dear to close", "fair.mitigation", sound=seen, **SEX)
def dear(case: Case, _: Path) -> Case:
    women = case.test.columns["sex"] == "female"
    truth = np.where(women, 0, case.test.truth)
    return answering(with_truth(case, truth), harder(4.0))


@fault("a gap that the outcomes themselves hold", "fair.reweighing", sound=seen, **SEX)
def held_by_outcomes(case: Case, _: Path) -> Case:
    def less(rows: Rows) -> Rows:
        kept = np.random.default_rng(8).random(len(rows)) < 0.1
        return replace(rows, truth=np.where((rows.columns["sex"] == "female") & ~kept, 0, rows.truth))

    return replace(case, train=less(case.training), test=less(case.test))


@fault("a group too small to judge", "fair.power", **SEX)
def small_group(case: Case, _: Path) -> Case:
    values = case.test.columns["sex"].copy()
    values[:30] = "other"
    return replace(case, test=case.test.with_column("sex", values))


@fault("labels that are wrong for one group", "fair.accuracy_gap", sound=seen, **SEX)
def wrong_for_one(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: np.where(columns["sex"] == "female", noise(columns), score))


@fault("a figure further off for one group", "fair.error_gap", "regression", **SEX)
def further_off(case: Case, _: Path) -> Case:
    women = case.test.columns["sex"] == "female"
    return with_truth(case, case.test.truth + np.random.default_rng(9).normal(0, 25, len(women)) * women)


@fault("an answer that hangs on the last digit", "robust.noise")
def last_digit(case: Case, _: Path) -> Case:
    known = dict(zip(case.test.columns["income"].tolist(), case.test.truth.tolist(), strict=True))
    return answering(case, lambda score, columns: np.array([known.get(v, 0.5) for v in columns["income"].tolist()]))


@fault("labels that hang on a hair", "robust.flip")
def on_a_hair(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: np.where(noise(columns) < 0.4, 1 - score, score))


@fault("labels that are easily turned", "robust.adversarial")
def easily_turned(case: Case, _: Path) -> Case:
    def wave(score: Array, columns: Columns) -> Array:
        return np.asarray(0.5 + 0.4 * np.sin(columns["age"].astype(float)))

    return answering(case, wave)


@fault("no answer when a figure is missing", "robust.missing")
def needs_all(case: Case, _: Path) -> Case:
    def answer(score: Array, columns: Columns) -> Array:
        if np.isnan(columns["visits"].astype(float)).any():
            raise ValueError("visits must be given")
        return score

    return answering(case, answer)


@fault("a gap taken for nought", "robust.missing")
def nought(case: Case, _: Path) -> Case:
    def filled(columns: Columns) -> Columns:
        wild = np.nan_to_num(columns["age"].astype(float), nan=-99_999.0)
        return {**columns, "age": np.where(wild < 0, noise(columns) * 9_000 - 4_500, wild)}

    return replace(case, model=Changed(case.model, columns=filled))


@fault("an answer that is none at the edge", "robust.range")
def at_the_edge(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: np.where(columns["distance"] > 500, np.nan, score))


@fault("a probability above one", "robust.range")
def above_one(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: score + 0.01 * (columns["income"] > 1e6))


def refusing(allowed: Callable[[str], bool]) -> Callable[[Array, Columns], Array]:
    """An answer that ends in an error for some words."""

    def answer(score: Array, columns: Columns) -> Array:
        strange = [word for word in columns["region"] if not allowed(str(word))]
        if strange:
            raise KeyError(strange[0][:20])
        return score

    return answer


@fault("an error for a category never seen", "robust.unseen")
def crash_on_new(case: Case, _: Path) -> Case:
    return answering(case, refusing(lambda word: word in {"north", "south", "east", "west"}))


@fault("an error for a damaged text", "robust.encoding")
def crash_on_damaged(case: Case, _: Path) -> Case:
    return answering(case, refusing(lambda word: word.isascii() and len(word) < 1_000))


@fault("wrong on average once the population moves", "robust.shift")
def one_sided(case: Case, _: Path) -> Case:
    rich = case.test.columns["income"] > np.quantile(case.test.columns["income"], 0.8)
    truth = np.where(rich, np.random.default_rng(6).random(len(rich)) < 0.3, case.test.truth)
    return with_truth(case, truth.astype(np.int64))


@fault("turned round by figures in another unit", "robust.units")
def by_its_unit(case: Case, _: Path) -> Case:
    known = np.concatenate([case.training.columns["distance"], case.test.columns["distance"]])

    def answer(score: Array, columns: Columns) -> Array:
        return np.where(np.isin(columns["distance"], known), score, 1 - score)

    return answering(case, answer)


@fault("more visits that lower the answer", "robust.direction", rules=["visits up", "age down"])
def wrong_way(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: sigmoid(logit(score) - 1.5 * np.maximum(columns["visits"] - 5, 0)))


@fault("an answer that depends on what must not matter", "robust.invariance", sound=seen, features=["sex"])
def matters(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: sigmoid(logit(score) + (columns["sex"] == "male")))


RICH: dict[str, Any] = {"name": "rich and often there", "row": {"income": 200_000, "visits": 9}, "least": 0.8}
POOR: dict[str, Any] = {"name": "poor and far away", "row": {"income": 4_000, "distance": 80}, "label": 0}


@fault("not what the business expects", "robust.scenarios", rows=[RICH, POOR])
def unexpected(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: np.where(columns["income"] > 100_000, 0.2, score))


@fault("all rests on one feature", "explain.importance")
def one_feature(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: sigmoid(2 * (np.log(columns["income"].astype(float)) - 10)))


@fault("features that do nothing", "explain.unused")
def idle(case: Case, _: Path) -> Case:
    for place in range(7):
        values = np.random.default_rng(place).normal(0, 1, len(case.training))
        case = with_feature(case, f"idle{place}", values, values[: len(case.test)])
    return case


@fault("what was said to matter does not", "explain.declared", features=["income", "visits", "age"])
def other_reasons(case: Case, _: Path) -> Case:
    late = (case.test.columns["distance"] > 14).astype(np.int64)
    return answering(with_truth(case, late), lambda score, columns: (columns["distance"] > 14) * 0.8 + 0.1)


@fault("nobody can retell it", "explain.surrogate")
def no_pattern(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: noise(columns))


@fault("reasons that change when asked again", "explain.reasons", sound=lambda _: worlds.base())
def no_reasons(case: Case, _: Path) -> Case:
    names = case.test.features
    weights = {}
    for place in range(30):
        name = f"part{place}"
        values = np.random.default_rng(place).normal(0, 1, len(case.training)).astype(np.float32)
        case, weights[name] = with_feature(case, name, values, values[: len(case.test)]), values
    assert names
    mixed: Callable[[Array, Columns], Array] = lambda score, columns: noise(  # noqa: E731
        {"income": sum(columns[name].astype(float) * 7 for name in weights)}  # type: ignore[dict-item]
    )
    return answering(case, mixed)


def slowly(seconds: float, by_row: bool = False) -> Callable[[Array, Columns], Array]:
    """The same answer, late."""

    def answer(score: Array, columns: Columns) -> Array:
        time.sleep(seconds * (len(score) if by_row else 1))
        return score

    return answer


@fault("a slow answer", "lat.single", calls=20)
def slow(case: Case, _: Path) -> Case:
    return answering(case, slowly(0.02))


@fault("a slow batch", "lat.batch", limits=Limits(None, 50.0), calls=5)
def slow_batch(case: Case, _: Path) -> Case:
    return answering(case, slowly(0.0001, by_row=True))
