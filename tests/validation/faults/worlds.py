"""Worlds with a known law, data sets that come with scikit-learn, and real models trained on them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from apps.validation.engine.arrays import Array, Columns, Floats, is_number
from apps.validation.engine.base import Kind
from apps.validation.engine.case import Case, Rows
from apps.validation.engine.rulebooks import EU_AI_ACT, ISO_42001, NIST_AI_RMF, SR_26_2

FACTS: dict[str, Any] = {
    "documents": [
        {"document": "card", "section": name, "required": True, "filled": True, "stale": False}
        for name in ("Intended use", "Out of scope", "Limitations", "Fairness and ethics", "Human oversight")
    ],
    "lineage": [{"what": what, "known": True} for what in ("the training rows", "the recipe", "the split")],
    "evidence": [
        {"key": key, "name": key, "known": True}
        for book in (EU_AI_ACT, NIST_AI_RMF, SR_26_2, ISO_42001)
        for point in book.points
        for key in point.keys
    ],
    "dependencies": {"packages": {"scikit-learn": "1.7.2"}, "found": [], "source": "advisories.json"},
    "conversion": {"rows": 500, "worst_difference": 2e-7, "label_flips": 0},
}


class Fitted:
    """A scikit-learn estimator behind columns by name: categories one by one, gaps by the median of training."""

    def __init__(self, estimator: Any, train: Rows, kind: Kind) -> None:
        self.kind = kind
        self.names = train.features
        self.levels = {
            name: sorted({str(word) for word in train.columns[name]})
            for name in self.names
            if not is_number(train.columns[name])
        }
        self.middle = {
            name: float(np.nanmedian(train.columns[name].astype(float)))
            for name in self.names
            if name not in self.levels
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.estimator = estimator.fit(self.matrix(train.inputs), train.truth)

    def matrix(self, columns: Columns) -> Floats:
        """The columns as the estimator takes them, shape (rows, figures and levels)."""
        parts: list[Array] = []
        for name in self.names:
            values = columns[name]
            if name in self.levels:
                parts += [(values == level).astype(float) for level in self.levels[name]]
            else:
                parts.append(np.nan_to_num(values.astype(float), nan=self.middle[name]))
        return np.column_stack(parts)

    def predict(self, columns: Columns) -> Mapping[str, Array]:
        """Score and label, and the probabilities where there are several classes."""
        matrix = self.matrix(columns)
        if self.kind is Kind.REGRESSION:
            figure = np.asarray(self.estimator.predict(matrix), dtype=float)
            return {"score": figure, "label": figure}
        chances = self.estimator.predict_proba(matrix)
        if self.kind is Kind.BINARY:
            return {"score": chances[:, 1], "label": (chances[:, 1] >= 0.5).astype(np.int64)}
        label = chances.argmax(axis=1)
        return {"score": chances.max(axis=1), "label": label, "probabilities": chances}


def sigmoid(values: Array) -> Floats:
    """The logistic function."""
    return np.asarray(1 / (1 + np.exp(-values)))


def people(rows: int = 1_500, seed: int = 1, shift: float = 0.0) -> Rows:
    """Customers who take an offer or not by a logistic law; sex and race beside it have nothing to do with it."""
    random = np.random.default_rng(seed)
    columns: dict[str, Array] = {
        "income": random.lognormal(10, 0.5, rows).astype(np.float32),
        "age": random.uniform(18, 80, rows).astype(np.float32),
        "visits": random.poisson(4, rows).astype(np.float32),
        "distance": random.gamma(2.0, 8.0, rows).astype(np.float32),
        "region": random.choice(np.array(["north", "south", "east", "west"], dtype=object), rows),
        "channel": random.choice(np.array(["web", "shop", "phone"], dtype=object), rows),
    }
    features = tuple(columns)
    logit = (
        1.6 * (np.log(columns["income"].astype(float)) - 10)
        - 0.03 * (columns["age"].astype(float) - 49)
        + 0.35 * (columns["visits"].astype(float) - 4)
        + 0.7 * (columns["channel"] == "web")
        - 0.04 * (columns["distance"].astype(float) - 16)
        + shift
    )
    columns["sex"] = random.choice(np.array(["female", "male"], dtype=object), rows)
    columns["race"] = random.choice(np.array(["A", "B"], dtype=object), rows, p=[0.7, 0.3])
    truth = (random.random(rows) < sigmoid(logit)).astype(np.int64)
    time = (np.datetime64("2025-01-01") + np.arange(rows) * np.timedelta64(2, "h")).astype("datetime64[us]")
    return Rows(columns, features, truth, np.arange(rows), time)


def spending(rows: int = 1_500, seed: int = 1) -> Rows:
    """The same people with what they spend, a figure."""
    base = people(rows, seed)
    noise = np.random.default_rng(seed + 500).normal(0, 12, rows)
    figure = (
        40 * (np.log(base.columns["income"].astype(float)) - 10)
        + 6 * base.columns["visits"].astype(float)
        + 10 * (base.columns["channel"] == "web")
        + 100
        + noise
    )
    return Rows(base.columns, base.features, figure, base.number, base.time)


def table_rows(matrix: Floats, truth: Array, prefix: str = "x") -> Rows:
    """Rows from a matrix of figures."""
    names = tuple(f"{prefix}{place}" for place in range(matrix.shape[1]))
    columns = {name: matrix[:, place].astype(np.float32) for place, name in enumerate(names)}
    return Rows(columns, names, np.asarray(truth), np.arange(len(truth)))


def halves(rows: Rows, seed: int = 3) -> tuple[Rows, Rows]:
    """Training and test rows, drawn by the seed."""
    order = np.random.default_rng(seed).permutation(len(rows))
    middle = len(rows) // 2
    train, test = rows.take(np.sort(order[:middle])), rows.take(np.sort(order[middle:]))
    return train, test


def case_of(estimator: Any, train: Rows, test: Rows, kind: Kind, **given: Any) -> Case:
    """The case of an estimator trained on some rows and asked about others."""
    model = Fitted(estimator, train, kind)
    return Case(kind=kind, model=model, test=test, train=train, facts=FACTS, seed=7, **given)


@cache
def base(kind: str = "binary") -> Case:
    """The sound case that faults are planted in: one of each kind, trained once."""
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if kind == "regression":
        regression = make_pipeline(StandardScaler(), LinearRegression())
        return case_of(
            _Logged(regression),
            spending(4_000, seed=2),
            spending(2_000, seed=1),
            Kind.REGRESSION,
            whole=frozenset({"visits"}),
        )
    learner = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    if kind == "multiclass":
        return case_of(learner, *halves(digits()), Kind.MULTICLASS)
    return case_of(
        _Logged(learner), people(4_000, seed=2), people(2_000, seed=1), Kind.BINARY, whole=frozenset({"visits"})
    )


class _Logged:
    """An estimator that is given the logarithm of the first column, as whoever knows the law would."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, matrix: Floats, truth: Array) -> _Logged:
        self.estimator.fit(self._logged(matrix), truth)
        return self

    def predict(self, matrix: Floats) -> Array:
        return self.estimator.predict(self._logged(matrix))

    def predict_proba(self, matrix: Floats) -> Floats:
        return self.estimator.predict_proba(self._logged(matrix))

    @staticmethod
    def _logged(matrix: Floats) -> Floats:
        return np.column_stack([np.log(np.maximum(matrix[:, 0], 1)), matrix[:, 1:]])


@cache
def digits() -> Rows:
    """Handwritten digits as 64 figures, from scikit-learn."""
    from sklearn.datasets import load_digits

    found = load_digits()
    keep = found.data.std(axis=0) > 0.5
    return table_rows(found.data[:, keep], found.target)
