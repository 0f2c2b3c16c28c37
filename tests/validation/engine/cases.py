"""Small worlds with a known truth, and models that are right, wrong or odd in a known way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from apps.validation.engine.arrays import Array, Columns
from apps.validation.engine.base import Kind
from apps.validation.engine.case import Case, Rows

FEATURES = ("delay", "distance", "carrier")


def sigmoid(values: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-values)))


def world(rows: int = 4_000, seed: int = 1, start: str = "2013-01-01") -> Rows:
    """Flights whose lateness follows a logistic law of delay and carrier; a protected attribute beside them."""
    random = np.random.default_rng(seed)
    delay = random.normal(0, 1, rows).astype(np.float32)
    distance = random.normal(0, 1, rows).astype(np.float32)
    carrier = random.choice(np.array(["AA", "B6", "UA"], dtype=object), rows)
    chance = law(delay, carrier)
    late = (random.random(rows) < chance).astype(np.int64)
    time = np.datetime64(start) + np.arange(rows) * np.timedelta64(30, "m")
    columns = {
        "delay": delay,
        "distance": distance,
        "carrier": carrier,
        "sex": random.choice(np.array(["female", "male"], dtype=object), rows),
        "age": random.uniform(18, 80, rows),
    }
    return Rows(columns, FEATURES, late, np.arange(rows), time.astype("datetime64[us]"))


def law(delay: Array, carrier: Array) -> Array:
    """The true chance of being late."""
    return sigmoid(2 * np.nan_to_num(delay) - 0.5 + 0.8 * (carrier == "UA"))


class Plain:
    """A model that is a function of its columns; the label is the score from a half up."""

    def __init__(self, score: Callable[[Columns], Array], label: Callable[[Array], Array] | None = None) -> None:
        self.score = score
        self.label = label or (lambda score: (score >= 0.5).astype(np.int64))

    def predict(self, columns: Columns) -> Mapping[str, Array]:
        score = np.asarray(self.score(columns), dtype=float)
        return {"score": score, "label": self.label(score)}


def knowing() -> Plain:
    """The law itself: as good as a model can be."""
    return Plain(lambda columns: law(columns["delay"], columns["carrier"]))


def guessing(seed: int = 5) -> Plain:
    """A score that has nothing to do with the truth, the same for the same row."""
    return Plain(lambda columns: sigmoid(np.sin(1e4 * (columns["distance"].astype(float) + seed))))


def case(model: Any = None, rows: int = 4_000, **given: Any) -> Case:
    """A binary case on a world of so many test rows; the knowing model unless another is given."""
    given = {"test": world(rows), "train": world(rows, seed=2), "seed": 7, **given}
    return Case(kind=Kind.BINARY, model=model or knowing(), **given)


def amounts(rows: int = 3_000, seed: int = 3) -> Rows:
    """A world whose target is a figure."""
    random = np.random.default_rng(seed)
    delay = random.normal(0, 1, rows).astype(np.float32)
    distance = random.normal(0, 1, rows).astype(np.float32)
    carrier = random.choice(np.array(["AA", "UA"], dtype=object), rows)
    return Rows(
        {"delay": delay, "distance": distance, "carrier": carrier},
        FEATURES,
        10 + 3 * delay.astype(float) + random.normal(0, 1, rows),
        np.arange(rows),
    )


def regression_case(rows: int = 3_000, **given: Any) -> Case:
    """A regression case whose model knows the law."""
    model = Plain(lambda columns: 10 + 3 * np.nan_to_num(columns["delay"].astype(float)), lambda score: score)
    given = {"test": amounts(rows), "train": amounts(rows, 4), "seed": 7, "model": model, **given}
    return Case(kind=Kind.REGRESSION, **given)
