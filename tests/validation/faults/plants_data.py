"""Faults of data: leaks, twins, units, drift, gaps, damaged and missing things."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from apps.validation.engine.arrays import Array
from apps.validation.engine.case import Case, Rows
from tests.validation.faults import worlds
from tests.validation.faults.planted import fault, with_column, with_feature, with_truth


def drawn(seed: int = 4) -> Any:
    """Randomness of its own for a fault."""
    return np.random.default_rng(seed)


@fault("the target among the features", "data.single_feature")
def leaked_target(case: Case, _: Path) -> Case:
    sides = [rows.truth + drawn().normal(0, 0.1, len(rows)) for rows in (case.training, case.test)]
    return with_feature(case, "paid_later", *sides)


@fault("the target among the features, as a word", "data.single_feature")
def leaked_word(case: Case, _: Path) -> Case:
    words = np.array(["lost", "won"], dtype=object)
    return with_feature(case, "status", words[case.training.truth], words[case.test.truth])


@fault("the class among the features", "data.single_feature", "multiclass")
def leaked_class(case: Case, _: Path) -> Case:
    return with_feature(case, "code", case.training.truth * 7.0 % 10, case.test.truth * 7.0 % 10)


@fault("the figure among the features, in another unit", "data.single_feature", "regression")
def leaked_figure(case: Case, _: Path) -> Case:
    return with_feature(case, "invoice", case.training.truth * 1.19, case.test.truth * 1.19)


@fault("a gap that tells the outcome", "data.missing_leak")
def telling_gap(case: Case, _: Path) -> Case:
    values = case.test.columns["visits"].copy()
    values[(case.test.truth == 1) & (drawn().random(len(values)) < 0.9)] = np.nan
    return with_column(case, "visits", values)


def rows_of(first: Rows, second: Rows) -> Rows:
    """Rows of both, one after the other."""
    columns = {name: np.concatenate([first.columns[name], second.columns[name]]) for name in first.columns}
    truth = np.concatenate([first.truth, second.truth])
    return Rows(columns, first.features, truth, np.arange(len(truth)))


@fault("training rows among the test rows", "data.leak")
def rows_across_the_split(case: Case, _: Path) -> Case:
    return replace(case, test=rows_of(case.test.take(np.arange(1_400)), case.training.take(np.arange(600))))


@fault("test rows there twice", "data.duplicates")
def rows_twice(case: Case, _: Path) -> Case:
    return replace(case, test=rows_of(case.test, case.test.take(np.arange(500))))


@fault("equal rows with opposite truth", "data.conflicts")
def contradictions(case: Case, _: Path) -> Case:
    turned = case.test.take(np.arange(400))
    return replace(case, test=rows_of(case.test, replace(turned, truth=1 - turned.truth)))


@fault("a running number as a feature", "data.identifier")
def running_number(case: Case, _: Path) -> Case:
    seen, asked = np.arange(len(case.training)), np.arange(len(case.test)) + len(case.training)
    return with_feature(case, "customer_no", seen.astype(np.float32), asked.astype(np.float32))


@fault("a name of the row as a feature", "data.identifier")
def row_name(case: Case, _: Path) -> Case:
    def names(rows: Rows) -> Array:
        return np.array([f"C-{number:06d}" for number in rows.number], dtype=object)

    return with_feature(case, "contract", names(case.training), names(case.test))


@fault("metres instead of kilometres", "data.units")
def metres(case: Case, _: Path) -> Case:
    return with_column(case, "distance", case.test.columns["distance"] * 1000)


@fault("months instead of years", "data.units")
def months(case: Case, _: Path) -> Case:
    return with_column(case, "age", case.test.columns["age"] * 12)


@fault("another unit from one channel only", "data.units")
def one_channel(case: Case, _: Path) -> Case:
    phone = case.test.columns["channel"] == "phone"
    return with_column(case, "income", np.where(phone, case.test.columns["income"] / 12, case.test.columns["income"]))


@fault("test rows from another year", "data.drift")
def drifted(case: Case, _: Path) -> Case:
    return with_column(case, "age", (case.test.columns["age"] * 0.6).astype(np.float32))


@fault("features that hang together in another way", "data.separable")
def other_world(case: Case, _: Path) -> Case:
    income, age = np.sort(case.test.columns["income"]), case.test.columns["age"]
    return with_column(case, "income", income[np.argsort(np.argsort(age))])


@fault("an outcome that has become common", "data.target_shift")
def other_outcome(case: Case, _: Path) -> Case:
    return replace(case, test=worlds.people(2_000, 1, shift=1.2))


@fault("a figure that has moved", "data.target_shift", "regression")
def moved_figure(case: Case, _: Path) -> Case:
    return with_truth(case, case.test.truth + 20)


@fault("a feature no longer delivered", "data.missing_shift")
def not_delivered(case: Case, _: Path) -> Case:
    values = case.test.columns["distance"].copy()
    values[drawn().random(len(values)) < 0.4] = np.nan
    return with_column(case, "distance", values)


@fault("categories that training never saw", "data.domain")
def new_categories(case: Case, _: Path) -> Case:
    values = case.test.columns["region"].copy()
    values[drawn().random(len(values)) < 0.3] = "overseas"
    return with_column(case, "region", values)


@fault("figures beyond all that training saw", "data.domain")
def beyond(case: Case, _: Path) -> Case:
    values = case.test.columns["distance"].copy()
    values[:600] += 1_000
    return with_column(case, "distance", values)


@fault("an outcome that training never saw", "data.labels", "multiclass")
def new_class(case: Case, _: Path) -> Case:
    return replace(case, train=case.training.take(case.training.truth != 4))


@fault("hardly any positive row", "data.size")
def too_few(case: Case, _: Path) -> Case:
    negative = np.flatnonzero(case.test.truth == 0)
    positive = np.flatnonzero(case.test.truth == 1)[:20]
    return replace(case, test=case.test.take(np.sort(np.r_[negative, positive])))


@fault("-999 for unknown", "data.sentinels")
def sentinel(case: Case, _: Path) -> Case:
    values = case.test.columns["visits"].copy()
    values[drawn().random(len(values)) < 0.05] = -999
    return with_column(case, "visits", values)


@fault("text read in the wrong encoding", "data.encoding")
def mojibake(case: Case, _: Path) -> Case:
    values = case.test.columns["region"].copy()
    values[values == "south"] = "süden".encode().decode("latin-1")
    return with_column(case, "region", values)


@fault("a feature stuck at one value", "data.constant")
def stuck(case: Case, _: Path) -> Case:
    return with_column(case, "visits", np.full(len(case.test), 4, dtype=np.float32))


@fault("too few rows to learn from", "perf.learning_curve", "regression", rows=3_000)
def too_little_to_learn(case: Case, _: Path) -> Case:
    return replace(case, train=case.training.take(np.arange(240)))


def by_recipe(trees: int) -> Callable[[Path], Case]:
    """Customers learned by a forest of so many trees, with the recipe on record."""
    features = [
        {"name": name, "kind": "category" if name in ("region", "channel") else "number"}
        for name in worlds.base().test.features
    ]
    forest = {"estimator": "random_forest", "parameters": {"n_estimators": trees, "min_samples_leaf": 5}}
    recipe = {"task": "classification", "target": "taken", "features": features, "candidates": [forest]}
    facts = {**worlds.FACTS, "training": {"recipe": recipe, **forest}}
    return lambda _: replace(worlds.base(), facts=facts)


@fault("a model that is luck", "consist.seeds", sound=by_recipe(40), rows=2_000)
def luck(case: Case, folder: Path) -> Case:
    few = case.training.take(np.arange(260))
    return replace(by_recipe(1)(folder), train=few)
