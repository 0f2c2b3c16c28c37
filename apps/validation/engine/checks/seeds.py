"""Is the model luck? The recipe that made it, learned again with other seeds."""

from __future__ import annotations

from typing import Any

import numpy as np

from apps.models.engine import recipes, weights
from apps.models.engine.estimators import ESTIMATORS, Setting
from apps.models.engine.preprocessing import Preprocessor
from apps.validation.engine.arrays import Line
from apps.validation.engine.base import (
    Check,
    Family,
    Kind,
    Limits,
    Measured,
    Need,
    NothingToAsk,
    Parameter,
    Sense,
    Titles,
    TooSmall,
    bars,
    table,
)
from apps.validation.engine.case import Case
from apps.validation.engine.checks.learning import answers
from apps.validation.engine.metrics import METRIC_CHOICES, Prediction, chosen

LEAST_ROWS = 200


class Seeds(Check):
    """How far the score moves when nothing but the seed of the training changes."""

    key = "consist.seeds"
    family = Family.CONSISTENCY
    title = "Other seeds"
    question = "Would the same recipe with another seed give as good a model?"
    metric = "largest less smallest score of models learned by the version's recipe with different seeds"
    source = "variance between training runs (Bouthillier et al. 2021)"
    sense = Sense.AT_MOST
    needs = frozenset({Need.TRAIN, Need.RECIPE})
    limits = {"low": Limits(None, 0.05), "limited": Limits(0.08, 0.03), "high": Limits(0.05, 0.02)}
    parameters = {
        "seeds": Parameter(4, "How many seeds are tried.", 2, 20),
        "rows": Parameter(5_000, "Training rows each of them learns from.", 200, 100_000),
        "metric": Parameter("", "Score to compare; empty for the usual one of the kind.", choices=METRIC_CHOICES),
    }
    max_rows = 10_000

    def measure(self, case: Case, seeds: int = 4, rows: int = 5_000, metric: str = "", **settings: Any) -> Measured:
        """The range of the score, and by seed the score and how many answers differ from those of the first.

        NothingToAsk where all answers are the same to the last bit: a range of 0 would look like a measurement.
        """
        score = chosen(metric, case.kind)
        if len(case.training) < LEAST_ROWS:
            raise TooSmall(f"{len(case.training)} training rows are too few to learn from again.")
        said = [learned_again(case, rows, case.seed + number) for number in range(seeds)]
        first = said[0]
        if all(np.array_equal(one.score, first.score, equal_nan=True) for one in said):
            raise NothingToAsk(
                f"This learner does not depend on its seed: learned again with {seeds} seeds, it answers all "
                f"{len(case.test):,} rows exactly alike."
            )
        differ = self.differ(case, first)
        lines: list[Line] = [
            {"seed": str(case.seed + number), "score": score.of(case.test.truth, one), "differ": differ(one)}
            for number, one in enumerate(said)
        ]
        scores = [line["score"] for line in lines]
        spread = float(max(scores) - min(scores))
        unlike = "distance to the first, in deviations" if case.kind is Kind.REGRESSION else "answers unlike the first"
        unit = "number" if case.kind is Kind.REGRESSION else "percent"
        titles: Titles = {"seed": ("seed", "text"), "score": score.title, "differ": (unlike, unit)}
        return Measured(
            spread,
            f"With {seeds} seeds {score.title} lies between {min(scores):.3f} and {max(scores):.3f}.",
            tables=[table("The recipe with other seeds", lines, **titles)],
            figures=[bars("Does the seed decide?", score.title, lines, "seed", "score")],
        )

    @staticmethod
    def differ(case: Case, first: Prediction) -> Any:
        """How unlike the first another prediction is: a share of labels, or a mean distance in deviations."""
        if case.kind is Kind.REGRESSION:
            deviation = float(np.std(case.test.truth)) or 1.0
            return lambda one: float(np.mean(np.abs(one.score - first.score))) / deviation
        return lambda one: float(np.mean(one.label != first.label))


def learned_again(case: Case, rows: int, seed: int) -> Prediction:
    """What the recipe's chosen estimator, fitted on some training rows with a seed, says about the test rows."""
    training = case.fact("training")
    recipe = recipes.from_json(training["recipe"])
    kind = ESTIMATORS[training["estimator"]]
    train = case.training.sample(rows, case.seed)
    prepared = Preprocessor.fit(recipe, train.inputs, scale=kind.scale)
    seen, asked = prepared.transform(train.inputs), prepared.transform(case.test.inputs)
    setting = Setting(recipe.task, seed, 1, seen.shape[1], len(np.unique(train.truth)))
    weighed = None
    if recipe.reweigh:
        groups = weights.crossed([train.column(name) for name in recipe.reweigh])
        weighed = weights.reweighed(groups, np.asarray(train.truth))
    learner = kind.fitted(setting, training["parameters"], seen, train.truth, weighed)
    return answers(learner, asked, case.kind)


CHECKS = (Seeds,)
