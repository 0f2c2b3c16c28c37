"""Where a figure is wrong: too high or too low on average, and drawn too far apart or too close together."""

from __future__ import annotations

from typing import Any

import numpy as np

from apps.validation.engine.arrays import Floats
from apps.validation.engine.base import (
    TIERS,
    CannotRun,
    Check,
    Family,
    Figure,
    Kind,
    Limits,
    Measured,
    Sense,
    Series,
    table,
)
from apps.validation.engine.case import Case
from apps.validation.engine.checks.performance import thinned
from apps.validation.engine.intervals import bootstrap, mean_size

FIGURES = frozenset({Kind.REGRESSION})


def residuals(case: Case) -> tuple[Floats, float]:
    """True minus said, in the target's unit, and the standard deviation of the target; CannotRun where it is none."""
    size = float(np.std(case.test.truth))
    if not size:
        raise CannotRun("The target is the same in all test rows.")
    return np.asarray(case.test.truth, dtype=float) - case.said.score, size


class Bias(Check):
    """Too high or too low on average."""

    key = "perf.residual_bias"
    family = Family.PERFORMANCE
    title = "Bias"
    question = "Is what the model says too high or too low on average?"
    metric = "size of the mean error in standard deviations of the target"
    source = "common practice; mean of the residuals"
    kinds = FIGURES
    sense = Sense.AT_MOST
    tiers = TIERS
    limits = {"low": Limits(None, 0.20), "limited": Limits(0.20, 0.10), "high": Limits(0.15, 0.07)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The size of the mean error with its normal interval, and the largest errors by row."""
        error, size = residuals(case)
        value = float(abs(error.mean())) / size
        way = "too low" if error.mean() > 0 else "too high"
        spread = [
            {"share": f"{share:.0%} of the errors are below", "value": float(np.quantile(error, share))}
            for share in (0.05, 0.25, 0.5, 0.75, 0.95)
        ]
        worst = np.argsort(-np.abs(error), kind="stable")[:10]
        return Measured(
            value,
            f"What is said is {way} by {abs(error.mean()):.4g} on average, {value:.3f} standard deviations.",
            mean_size(error / size),
            tables=[table("Errors, true minus said", spread, share=("quantile", "text"), value="error")],
            figures=[residual_scatter(case, error)],
            offending_rows=[{"row": int(case.test.number[place]), "error": float(error[place])} for place in worst],
        )


def residual_scatter(case: Case, error: Floats) -> Figure:
    """Error over what was said, thinned."""
    order = np.argsort(case.said.score, kind="stable")
    keep = order[thinned(len(order))]
    points = Series("test rows", case.said.score[keep].tolist(), error[keep].tolist())
    return Figure("scatter", "Are the errors alike wherever the model is asked?", [points], "said", "true minus said")


class Slope(Check):
    """Whether a unit more in what is said is a unit more in what happens."""

    key = "perf.residual_slope"
    family = Family.PERFORMANCE
    title = "Calibration slope"
    question = "Does a unit more in what is said mean a unit more in what happens?"
    metric = "distance from 1 of the slope of the truth on what is said"
    source = "calibration slope (Cox 1958; Steyerberg 2009)"
    kinds = FIGURES
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.30), "limited": Limits(0.30, 0.15), "high": Limits(0.25, 0.10)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The distance, with a bootstrap interval over rows."""
        said, truth = case.said.score.astype(float), np.asarray(case.test.truth, dtype=float)
        if not float(np.std(said)):
            raise CannotRun("The model says the same figure for every row.")

        def slope(weights: Floats) -> float:
            total = weights.sum()
            centre, middle = float(weights @ said / total), float(weights @ truth / total)
            spread = float(weights @ np.square(said - centre))
            return float(weights @ ((said - centre) * (truth - middle))) / spread if spread else float("nan")

        def distance(weights: Floats) -> float:
            return abs(slope(weights) - 1)

        found = slope(np.ones(len(said)))
        extremes = "too extreme" if found < 1 else "too timid"
        sentence = f"A unit more in what is said means {found:.3f} more in truth: the figures are {extremes}."
        return Measured(abs(found - 1), sentence, bootstrap(distance, len(said), case.seed))


CHECKS = (Bias, Slope)
