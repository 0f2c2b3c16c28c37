"""Does a probability of 30 % mean three in ten?"""

from __future__ import annotations

from typing import Any

import numpy as np

from apps.validation.engine.arrays import Array, Floats, Line, Whole
from apps.validation.engine.base import (
    TIERS,
    Check,
    Family,
    Figure,
    Kind,
    Limits,
    Measured,
    Parameter,
    Sense,
    Series,
    Titles,
    table,
)
from apps.validation.engine.case import Case
from apps.validation.engine.intervals import bootstrap, mean_size, wilson
from apps.validation.engine.metrics import METRICS, Prediction, Weighted

BINARY = frozenset({Kind.BINARY})


def mass_bins(score: Floats, bins: int) -> Whole:
    """The bin of each row, bins holding about the same number of rows; equal scores share a bin."""
    edges = np.unique(np.quantile(score, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.searchsorted(edges, score, side="right").astype(np.int64)


def expected_error(truth: Array, score: Floats, place: Whole) -> Weighted:
    """Mean distance between what bins say and what happens in them, weighted by their rows (Naeini et al. 2015)."""
    size = int(place.max(initial=0)) + 1
    outcome = np.asarray(truth, dtype=float)

    def evaluate(weights: Floats) -> float:
        said = np.bincount(place, weights * score, minlength=size)
        happened = np.bincount(place, weights * outcome, minlength=size)
        return float(np.abs(said - happened).sum() / weights.sum())

    return evaluate


def reliability(truth: Array, score: Floats, place: Whole) -> list[Line]:
    """For each bin: rows, what was said, what happened, and its Wilson interval."""
    rows = []
    for number in np.unique(place):
        inside = place == number
        size, hits = int(inside.sum()), float(truth[inside].sum())
        low, high = wilson(hits, size)
        rows.append(
            {"rows": size, "said": float(score[inside].mean()), "happened": hits / size, "low": low, "high": high}
        )
    return rows


def reliability_figure(rows: list[Line]) -> Figure:
    """What happened over what was said; on the diagonal a probability means what it says."""
    points = Series(
        "test rows",
        [row["said"] for row in rows],
        [row["happened"] for row in rows],
        [row["low"] for row in rows],
        [row["high"] for row in rows],
        [row["rows"] for row in rows],
    )
    return Figure(
        "scatter",
        "Does a probability mean what it says?",
        [points],
        "probability said",
        "share that happened",
        diagonal=True,
    )


class CalibrationError(Check):
    """Expected calibration error in bins of equal mass."""

    key = "calib.ece"
    family = Family.PERFORMANCE
    title = "Calibration"
    question = "Does a probability mean what it says?"
    metric = "expected calibration error, bins of equal mass"
    source = "Naeini, Cooper and Hauskrecht 2015; equal-mass bins as in Nixon et al. 2019"
    kinds = BINARY
    sense = Sense.AT_MOST
    tiers = TIERS
    limits = {"low": Limits(None, 0.10), "limited": Limits(0.15, 0.05), "high": Limits(0.10, 0.05)}
    parameters = {"bins": Parameter(15, "Bins of about equal numbers of rows.", 2, 100)}

    def measure(self, case: Case, bins: int = 15, **settings: Any) -> Measured:
        """The error, its interval (bins kept as they are), and the curve."""
        score, truth = case.said.score, case.test.truth
        place = mass_bins(score, bins)
        prepared = expected_error(truth, score, place)
        value = prepared(np.ones(len(truth)))
        rows = reliability(truth, score, place)
        titles: Titles = {
            "rows": ("rows", "count"),
            "said": ("probability said", "percent"),
            "happened": ("share that happened", "percent"),
            "low": ("95 % from", "percent"),
            "high": ("to", "percent"),
        }
        return Measured(
            value,
            f"On average the probability is {value:.1%} away from what happened.",
            bootstrap(prepared, len(truth), case.seed),
            tables=[table("What was said and what happened", rows, **titles)],
            figures=[reliability_figure(rows)],
        )


class BrierScore(Check):
    """The Brier score beside that of always saying the base rate."""

    key = "calib.brier"
    family = Family.PERFORMANCE
    title = "Brier skill"
    question = "Are the probabilities better than always saying the base rate?"
    metric = "1 minus the Brier score divided by that of the base rate"
    unit = "percent"
    source = "Brier 1950; skill as in Murphy 1973; the score equals scikit-learn's brier_score_loss"
    kinds = BINARY
    limits = {"low": Limits(None, 0.0), "limited": Limits(0.0, 0.02), "high": Limits(0.0, 0.05)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The skill, with Brier score and log loss in the table."""
        truth, rows = case.test.truth, len(case.test)
        ours = METRICS["brier"].prepare(truth, case.said)
        outcome = np.asarray(truth, dtype=float)

        def skill(weights: Floats) -> float:
            rate = float(weights @ outcome / weights.sum())
            spread = rate * (1 - rate)
            return 1 - ours(weights) / spread if spread else float("nan")

        base = np.full(rows, float(outcome.mean()))
        constant = Prediction(base, base)
        scores = (METRICS["brier"], METRICS["log_loss"])
        lines: list[Line] = [
            {"score": one.title, "value": one.of(truth, case.said), "base": one.of(truth, constant)} for one in scores
        ]
        value = skill(np.ones(rows))
        shown = table(
            "Scores of the probabilities", lines, score=("score", "text"), value="model", base="always the base rate"
        )
        sentence = f"The Brier score is {lines[0]['value']:.4f}, {value:.1%} better than always saying the base rate."
        return Measured(value, sentence, bootstrap(skill, rows, case.seed), tables=[shown])


class InTheLarge(Check):
    """Whether as much happens as is said, over all rows."""

    key = "calib.large"
    family = Family.PERFORMANCE
    title = "Calibration in the large"
    question = "Does it happen as often as the probabilities say, over all rows?"
    metric = "distance between the mean probability and the share that happened"
    unit = "percent"
    source = "calibration in the large (Cox 1958; Steyerberg 2009)"
    kinds = BINARY
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.10), "limited": Limits(0.10, 0.05), "high": Limits(0.08, 0.04)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The distance with the normal interval of the mean error."""
        error = np.asarray(case.test.truth, dtype=float) - case.said.score
        said, happened = float(case.said.score.mean()), float(case.test.truth.mean())
        sentence = f"On average {said:.1%} is said and {happened:.1%} happened."
        return Measured(abs(happened - said), sentence, mean_size(error))


class TopLabel(Check):
    """Whether the label of several classes is right as often as its probability says."""

    key = "calib.top_label"
    family = Family.PERFORMANCE
    title = "Calibration of the label"
    question = "Is the label right as often as its probability says?"
    metric = "expected calibration error of the probability of the label, bins of equal mass"
    source = "top-label calibration (Guo et al. 2017)"
    kinds = frozenset({Kind.MULTICLASS})
    sense = Sense.AT_MOST
    tiers = TIERS
    limits = {"low": Limits(None, 0.15), "limited": Limits(0.20, 0.10), "high": Limits(0.15, 0.07)}
    parameters = {"bins": Parameter(10, "Bins of about equal numbers of rows.", 2, 100)}

    def measure(self, case: Case, bins: int = 10, **settings: Any) -> Measured:
        """The error, its interval and the curve."""
        score = case.said.score if case.said.chances is None else case.said.chances.max(axis=1)
        right = (case.said.label == case.test.truth).astype(float)
        place = mass_bins(score, bins)
        prepared = expected_error(right, score, place)
        value = prepared(np.ones(len(right)))
        rows = reliability(right, score, place)
        sentence = f"The labels are said to be right in {score.mean():.1%} and are in {right.mean():.1%}."
        return Measured(value, sentence, bootstrap(prepared, len(right), case.seed), figures=[reliability_figure(rows)])


CHECKS = (CalibrationError, BrierScore, InTheLarge, TopLabel)
