"""Would more training rows help? A reference learner on growing parts of the training rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from apps.validation.engine.arrays import Floats, Line
from apps.validation.engine.base import (
    Check,
    Family,
    Figure,
    Kind,
    Limits,
    Measured,
    Need,
    Parameter,
    Sense,
    Series,
    Titles,
    TooSmall,
    table,
)
from apps.validation.engine.case import Case, Rows
from apps.validation.engine.checks.comparison import encoded
from apps.validation.engine.metrics import METRIC_CHOICES, Prediction, chosen

SHARES = (0.125, 0.25, 0.5, 1.0)


class LearningCurve(Check):
    """What a reference learner gains from the second half of the training rows."""

    key = "perf.learning_curve"
    family = Family.PERFORMANCE
    title = "Learning curve"
    question = "Were there enough training rows, or would more of them help?"
    metric = "gain of the score from half of the training rows to all of them, boosted trees as reference"
    source = "learning curves (Perlich et al. 2003); the reference learner is scikit-learn's boosted trees"
    sense = Sense.AT_MOST
    needs = frozenset({Need.TRAIN})
    limits = {"low": Limits(None, 0.10), "limited": Limits(None, 0.05), "high": Limits(None, 0.03)}
    parameters = {
        "rows": Parameter(8_000, "Training rows of the last step.", 200, 100_000),
        "metric": Parameter("", "Score to compare; empty for the usual one of the kind.", choices=METRIC_CHOICES),
    }
    max_rows = 10_000

    def measure(self, case: Case, rows: int = 8_000, metric: str = "", **settings: Any) -> Measured:
        """The gain of the last doubling and the score of every step."""
        score = chosen(metric, case.kind)
        train = case.training.sample(rows, case.seed)
        if len(train) < 200:
            raise TooSmall(f"{len(train)} training rows are too few to see a curve.")
        order = np.random.default_rng(case.seed).permutation(len(train))
        steps: list[Line] = []
        for share in SHARES:
            part = train.take(np.sort(order[: int(len(train) * share)]))
            steps.append({"rows": len(part), "score": score.of(case.test.truth, reference(part, case.test, case))})
        sign = 1 if score.perfect else -1
        gain = sign * (steps[-1]["score"] - steps[-2]["score"])
        line = Series(score.title, [step["rows"] for step in steps], [step["score"] for step in steps])
        titles: Titles = {"rows": ("training rows", "count"), "score": score.title}
        return Measured(
            gain,
            f"{score.title} of the reference goes from {steps[-2]['score']:.3f} to {steps[-1]['score']:.3f} with twice "
            "the rows.",
            tables=[table("Reference learner by number of training rows", steps, **titles)],
            figures=[Figure("curve", "Would more rows help?", [line], "training rows", score.title)],
        )


def reference(train: Rows, test: Rows, case: Case, weights: Floats | None = None) -> Prediction:
    """What boosted trees fitted on some training rows, perhaps weighted, say about the test rows."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    seen, asked = encoded(train, test)
    settings = {"max_iter": 60, "learning_rate": 0.1, "early_stopping": False, "random_state": case.seed}
    if case.kind is Kind.REGRESSION:
        return answers(HistGradientBoostingRegressor(**settings).fit(seen, train.truth, weights), asked, case.kind)
    if len(np.unique(train.truth)) < 2:
        raise TooSmall("A part of the training rows holds one outcome only.")
    return answers(HistGradientBoostingClassifier(**settings).fit(seen, train.truth, weights), asked, case.kind)


def answers(learner: Any, matrix: Floats, kind: Kind) -> Prediction:
    """What a fitted scikit-learn estimator says about the rows of a matrix."""
    if kind is Kind.REGRESSION:
        figure = np.asarray(learner.predict(matrix), dtype=float)
        return Prediction(figure, figure)
    chances: Floats = learner.predict_proba(matrix)
    label = learner.classes_[chances.argmax(axis=1)]
    if kind is Kind.BINARY:
        return Prediction(chances[:, 1], label)
    return Prediction(chances.max(axis=1), label, chances)


CHECKS = (LearningCurve,)
