"""Offers to customers, 30 columns of them: sound rows with a real model, and faults planted into rows or training."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from apps.core.sandbox import Job

Array = np.ndarray[Any, Any]
Columns = dict[str, Array]
TARGET = "taken"
REGIONS = np.array(["north", "south", "east", "west", "islands"], dtype=object)
LEVELS = {"channel": 3, "sex": 2, "branch": 12, "product": 6, "season": 4}
NOISE = 18


@dataclass
class Offers:
    """What a suite is given: rows to train on and to be tested with, and how the model is trained."""

    train: Columns
    test: Columns
    parameters: dict[str, Any] = field(default_factory=dict)
    balanced: bool = False


Fault = Callable[[Offers, np.random.Generator], Offers]
FAULTS: dict[str, Fault] = {}


def fault(name: str) -> Callable[[Fault], Fault]:
    """Put a function that plants a fault on the list."""

    def keep(plant: Fault) -> Fault:
        FAULTS[name] = plant
        return plant

    return keep


def rows(count: int, random: np.random.Generator) -> Columns:
    """30 features and the answer: a logistic law over seven of them, with a step and a product in it."""
    columns: Columns = {
        "income": random.lognormal(10, 0.5, count),
        "age": random.uniform(18, 80, count),
        "visits": random.poisson(4, count).astype(float),
        "distance": random.gamma(2.0, 8.0, count),
        "balance": random.normal(1500, 700, count),
        "tenure": random.exponential(5, count),
        "region": random.choice(REGIONS, count),
    }
    for name, size in LEVELS.items():
        columns[name] = random.choice(np.array([f"{name} {place}" for place in range(size)], dtype=object), count)
    shapes = (random.normal, random.exponential, random.uniform)
    columns |= {f"reading_{place}": shapes[place % 3](size=count) for place in range(NOISE)}
    law = (
        1.6 * (np.log(columns["income"]) - 10)
        - 0.03 * (columns["age"] - 49)
        + 0.35 * (columns["visits"] - 4)
        - 0.04 * (columns["distance"] - 16)
        + 0.9 * (columns["tenure"] > 6)
        + 0.0006 * (columns["balance"] - 1500) * (columns["channel"] == "channel 0")
        - 0.8
    )
    columns[TARGET] = (random.random(count) < 1 / (1 + np.exp(-law))).astype(np.int64)
    return columns


def sound(count: int, seed: int) -> Offers:
    """`count` rows to train on and as many others to be tested with, of one law."""
    random = np.random.default_rng(seed)
    return Offers(rows(count, random), rows(count, random))


def planted(name: str, count: int, seed: int) -> Offers:
    """The sound offers with one of FAULTS in them."""
    return FAULTS[name](sound(count, seed), np.random.default_rng(seed + 1000))


def write(offers: Offers, folder: Path) -> dict[str, Any]:
    """Train the model the way the portal does, leave train.parquet, test.parquet, model.onnx; the record of the run."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from apps.models.engine.training import fit

    for part in ("train", "test"):
        pq.write_table(pa.table(getattr(offers, part)), folder / f"{part}.parquet")
    recipe = {
        "task": "classification",
        "target": TARGET,
        "features": [
            {"name": name, "kind": "category" if values.dtype == object else "number"}
            for name, values in offers.train.items()
            if name != TARGET
        ],
        "candidates": [
            {
                "name": "boosted",
                "estimator": "lightgbm",
                "parameters": {
                    "n_estimators": 120,
                    "num_leaves": 15,
                    "learning_rate": 0.06,
                    "min_child_samples": 100,
                    "class_weight": "balanced" if offers.balanced else None,
                    **offers.parameters,
                },
            }
        ],
        "cv": {"folds": 2},
    }
    inputs: dict[str, str | Path] = {part: folder / f"{part}.parquet" for part in ("train", "test")}
    with contextlib.redirect_stdout(None):  # the lines of its log
        return fit(Job.local(payload={"recipe": recipe}, inputs=inputs, outputs=folder))


def _both(offers: Offers, change: Callable[[Columns], Columns]) -> Offers:
    return replace(offers, train=change(offers.train), test=change(offers.test))


def _take(columns: Columns, index: Array) -> Columns:
    return {name: values[index] for name, values in columns.items()}


def _some(columns: Columns, share: float, random: np.random.Generator) -> Array:
    return random.random(len(columns[TARGET])) < share


@fault("a column echoes the answer")
def _echo(offers: Offers, random: np.random.Generator) -> Offers:
    return _both(offers, lambda part: {**part, "reading_0": part[TARGET] + random.normal(0, 0.2, len(part[TARGET]))})


@fault("rows of the training among the test")
def _overlap(offers: Offers, random: np.random.Generator) -> Offers:
    flags = _some(offers.test, 0.2, random)
    test = {name: np.where(flags, offers.train[name], values) for name, values in offers.test.items()}
    return replace(offers, test=test)


@fault("rows twice in the test")
def _twice(offers: Offers, random: np.random.Generator) -> Offers:
    size = len(offers.test[TARGET])
    return replace(offers, test=_take(offers.test, random.integers(0, int(size * 0.6), size)))


@fault("wrong for young people in the north")
def _blind_spot(offers: Offers, random: np.random.Generator) -> Offers:
    def change(part: Columns) -> Columns:
        there = (part["region"] == "north") & (part["age"] < 35)
        return {**part, TARGET: np.where(there, 1 - part[TARGET], part[TARGET])}

    return replace(offers, test=change(offers.test))


@fault("chances that are too high")
def _uncalibrated(offers: Offers, random: np.random.Generator) -> Offers:
    return replace(offers, balanced=True)


@fault("learned by heart")
def _by_heart(offers: Offers, random: np.random.Generator) -> Offers:
    few = _take(offers.train, np.arange(600))
    return replace(offers, train=few, parameters={"n_estimators": 400, "min_child_samples": 2, "num_leaves": 63})


@fault("no better than guessing")
def _shuffled(offers: Offers, random: np.random.Generator) -> Offers:
    return replace(offers, train={**offers.train, TARGET: random.permutation(offers.train[TARGET])})


@fault("a population that has moved")
def _moved(offers: Offers, random: np.random.Generator) -> Offers:
    moved = {name: offers.test[name] + offers.test[name].std() for name in ("income", "age", "reading_1", "reading_2")}
    return replace(offers, test={**offers.test, **moved})


@fault("a region nobody knew")
def _unseen(offers: Offers, random: np.random.Generator) -> Offers:
    flags = _some(offers.test, 0.3, random)
    return replace(offers, test={**offers.test, "region": np.where(flags, "centre", offers.test["region"])})


@fault("the answer sorted along a number of the row")
def _numbered(offers: Offers, random: np.random.Generator) -> Offers:
    def change(part: Columns) -> Columns:
        order = np.argsort(part[TARGET] + random.normal(0, 0.4, len(part[TARGET])))
        numbers = np.empty(len(order))
        numbers[order] = np.arange(len(order)) + 10_000
        return {**part, "reading_3": numbers}

    return _both(offers, change)


@fault("99,999 for an unknown income")
def _stand_in(offers: Offers, random: np.random.Generator) -> Offers:
    def change(part: Columns) -> Columns:
        return {**part, "income": np.where(_some(part, 0.1, random), 999_999.0, part["income"])}

    return _both(offers, change)


@fault("equal rows with opposite answers")
def _contradiction(offers: Offers, random: np.random.Generator) -> Offers:
    size = len(offers.test[TARGET])
    first = _take(offers.test, np.arange(size // 2))
    again = {**first, TARGET: np.where(random.random(size // 2) < 0.4, 1 - first[TARGET], first[TARGET])}
    return replace(offers, test={name: np.concatenate([first[name], again[name]]) for name in first})


@fault("an answer that has become rare")
def _rarer(offers: Offers, random: np.random.Generator) -> Offers:
    keep = (offers.test[TARGET] == 0) | _some(offers.test, 0.2, random)
    return replace(offers, test=_take(offers.test, keep))


@fault("words that were damaged")
def _damaged(offers: Offers, random: np.random.Generator) -> Offers:
    words = offers.test["channel"]
    harm = np.array([word.upper() + " " for word in words], dtype=object)
    return replace(offers, test={**offers.test, "channel": np.where(_some(offers.test, 0.2, random), harm, words)})


@fault("a group that was always refused more")
def _unfair(offers: Offers, random: np.random.Generator) -> Offers:
    def change(part: Columns) -> Columns:
        refused = (part["sex"] == "sex 0") & _some(part, 0.5, random)
        return {**part, TARGET: np.where(refused, 0, part[TARGET])}

    return _both(offers, change)


@fault("income in thousands")
def _unit(offers: Offers, random: np.random.Generator) -> Offers:
    return replace(offers, test={**offers.test, "income": offers.test["income"] / 1000})


@fault("half of the visits missing")
def _missing(offers: Offers, random: np.random.Generator) -> Offers:
    flags = _some(offers.test, 0.5, random)
    return replace(offers, test={**offers.test, "visits": np.where(flags, np.nan, offers.test["visits"])})


@fault("a column that stands still")
def _still(offers: Offers, random: np.random.Generator) -> Offers:
    size = len(offers.test[TARGET])
    return replace(offers, test={**offers.test, "balance": np.full(size, 1500.0)})
