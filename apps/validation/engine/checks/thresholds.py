"""Is the line between yes and no drawn where the errors cost least?"""

from __future__ import annotations

from typing import Any

import numpy as np

from apps.validation.engine.arrays import Array, Floats, Line
from apps.validation.engine.base import (
    CannotRun,
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
from apps.validation.engine.checks.performance import thinned
from apps.validation.engine.intervals import bootstrap
from apps.validation.engine.metrics import Prediction


def drawn_line(said: Prediction) -> float:
    """The score from which the model says yes, as its own labels show; CannotRun where they follow no threshold."""
    yes, no = said.score[said.label == 1], said.score[said.label != 1]
    if not len(yes) or not len(no):
        raise CannotRun("The label is the same for every row: no threshold can be seen.")
    lowest, highest = float(yes.min()), float(no.max())
    if lowest < highest:
        raise CannotRun("The labels do not follow a threshold on the score.")
    return (lowest + highest) / 2


def costs(truth: Array, score: Floats, alarm: float, miss: float) -> tuple[Floats, Floats]:
    """Every threshold worth drawing, from the highest down, and the mean cost a row of saying yes from it on."""
    order = np.argsort(-score, kind="stable")
    positive = np.asarray(truth, dtype=float)[order]
    last = np.flatnonzero(np.r_[np.diff(score[order]) != 0, True])
    hits = np.r_[0.0, np.cumsum(positive)[last]]
    alarms = np.r_[0.0, np.cumsum(1 - positive)[last]]
    lines = np.r_[np.inf, score[order][last]]
    return lines, (alarm * alarms + miss * (positive.sum() - hits)) / len(score)


class ThresholdCost(Check):
    """What the threshold costs beyond the best one.

    Without costs given, they are those that the threshold itself implies: whoever says yes from 20 % on holds a missed
    case for four times as dear as a false alarm.
    """

    key = "perf.threshold"
    family = Family.PERFORMANCE
    title = "Threshold"
    question = "Is the line between yes and no drawn where the errors cost least?"
    metric = "cost at the model's threshold beyond the cheapest, as a share of what saying always the same would cost"
    unit = "percent"
    source = "cost-sensitive threshold (Elkan 2001)"
    kinds = frozenset({Kind.BINARY})
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.20), "limited": Limits(0.25, 0.10), "high": Limits(0.20, 0.10)}
    parameters = {
        "alarm": Parameter(0.0, "Cost of a false alarm; 0 where the threshold says it.", 0.0, 1e9),
        "miss": Parameter(0.0, "Cost of a missed case; 0 where the threshold says it.", 0.0, 1e9),
    }

    def measure(self, case: Case, alarm: float = 0.0, miss: float = 0.0, **settings: Any) -> Measured:
        """The avoidable cost, and the cost over all thresholds."""
        line = drawn_line(case.said)
        if not alarm or not miss:
            if not 0 < line < 1:
                raise CannotRun("The threshold lies at an end of the scale: say what errors cost.")
            alarm, miss = line, 1 - line
        truth = np.asarray(case.test.truth, dtype=float)
        loss = np.where(case.said.label == 1, alarm * (1 - truth), miss * truth)
        lines, spent = costs(truth, case.said.score, alarm, miss)
        best = int(np.argmin(spent))
        cheapest = np.where(case.said.score >= lines[best], alarm * (1 - truth), miss * truth)
        trivial = min(float(spent[0]), float(spent[-1]))
        if not trivial:
            raise CannotRun("The rows hold one outcome only.")

        def beyond(weights: Floats) -> float:
            return float(weights @ (loss - cheapest) / weights.sum()) / trivial

        value = beyond(np.ones(len(truth)))
        rows: list[Line] = [
            {"line": "the model's", "at": line, "cost": float(loss.mean())},
            {"line": "the cheapest", "at": float(lines[best]), "cost": float(spent[best])},
            {"line": "always the same answer", "at": None, "cost": trivial},
        ]
        titles: Titles = {"line": ("threshold", "text"), "at": "score", "cost": "cost of a row"}
        priced = f"A false alarm costs {alarm:.3g}, a missed case {miss:.3g}."
        return Measured(
            value,
            f"{value:.1%} of what no model would cost could be saved by saying yes from {lines[best]:.3f} on.",
            bootstrap(beyond, len(truth), case.seed, 200),
            tables=[table("Cost by threshold", rows, **titles)],
            figures=[cost_figure(lines, spent)],
            notes=[priced],
        )


def cost_figure(lines: Floats, spent: Floats) -> Figure:
    """Cost over the threshold, thinned."""
    keep = thinned(len(lines) - 1) + 1
    drawn = Series("model", lines[keep].tolist(), spent[keep].tolist())
    return Figure("curve", "What does each threshold cost?", [drawn], "says yes from", "cost of a row")


CHECKS = (ThresholdCost,)
