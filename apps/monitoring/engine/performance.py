"""How well the model does: from labelled predictions, with an interval on every number; before labels come, an
estimate.
 Realised numbers come from outcome states, estimates from the score histogram of prediction states and the
calibration of the reference. The two are never mixed: a window is "estimated", "partial" (with its coverage) or
"mature".
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from apps.monitoring.engine import outcomes, statistics
from apps.monitoring.engine.baseline import Baseline
from apps.monitoring.engine.bins import BINARY, COARSE, MULTICLASS, PREDICTION, REGRESSION, SCORE, SCORES
from apps.monitoring.engine.exact import Floats, value
from apps.monitoring.engine.outcomes import OutcomeBins
from apps.monitoring.engine.state import State

ESTIMATED, PARTIAL, MATURE = "estimated", "partial", "mature"
MATURE_AT = 0.95  # share of the expected outcomes
Z = 1.959963984540054  # 95 % of the normal distribution
LOWER_IS_BETTER = frozenset({"brier", "log_loss", "mae", "rmse"})
HEADLINE = {BINARY: "auc", MULTICLASS: "accuracy", REGRESSION: "rmse"}

DEFINITIONS = {
    "accuracy": "Share of right predictions; 95 % Wilson interval.",
    "precision": "Share of positive predictions that were right; 95 % Wilson interval.",
    "recall": "Share of positive outcomes that were predicted; 95 % Wilson interval.",
    "f1": "Harmonic mean of precision and recall (more than two labels: mean over the labels); 95 % interval by the "
    "delta method.",
    "auc": "Area under the ROC curve from the score histogram, ties within a bin counted half; 95 % DeLong interval.",
    "brier": "Mean squared difference of score and outcome, exact; 95 % normal interval.",
    "log_loss": "Mean of minus the logarithm of the probability given to the outcome, from the score histogram; what "
    "the predicted label leaves is spread evenly over the others; 95 % normal interval.",
    "mae": "Mean absolute error, exact; 95 % normal interval.",
    "rmse": "Root of the mean squared error, exact; 95 % interval by the delta method.",
    "bias": "Mean of prediction minus outcome, exact; 95 % normal interval.",
    "r2": "Share of the outcomes' variance that is explained; 95 % interval by Olkin and Finn.",
    "estimate": "Confidence-based: every prediction adds its probability of being right: the score itself where the "
    "reference's outcomes bear it out, else their share at that score, made monotone; the interval is that of the "
    "outcomes' chance alone. Holds while scores stay calibrated: it cannot see concept drift.",
    "selection": "Predictions whose outcome is known against those whose is not: stability index of the score in ten "
    "groups and the shares of predicted labels (figures: the mean prediction), each with its test.",
}


@dataclass(frozen=True, slots=True)
class Metric:
    """One measure with its 95 % interval and the number of predictions behind it."""

    name: str
    value: float
    low: float
    high: float
    n: int

    def as_json(self) -> dict[str, Any]:
        """The metric as it is stored."""
        return {name: getattr(self, name) for name in self.__slots__}


def window_state(predicted: int, labelled: int, expected_share: float = 1.0) -> tuple[str, float]:
    """What can be said about a window, and its coverage: labelled over the outcomes that may be expected at all."""
    expected = max(predicted * expected_share, 1e-12)
    coverage = min(labelled / expected, 1.0)
    if labelled == 0:
        return ESTIMATED, 0.0
    return (MATURE if coverage >= MATURE_AT else PARTIAL), coverage


def measure(layout: OutcomeBins, state: State) -> dict[str, Metric]:
    """Every measure of the task from labelled predictions; none from no predictions."""
    if state.rows == 0:
        return {}
    by_task: dict[str, Callable[[OutcomeBins, State], list[Metric]]] = {
        BINARY: _binary,
        MULTICLASS: _multiclass,
        REGRESSION: _regression,
    }
    return {one.name: one for one in by_task[layout.task](layout, state)}


def joint(layout: OutcomeBins, state: State) -> Floats:
    """Counts [predicted label, true label (two labels) or right (more), score bin]."""
    return state.counts[layout.joint_at].reshape(len(layout.labels), 2, SCORES).astype(np.float64)


def confusion(layout: OutcomeBins, state: State) -> Floats:
    """Counts [predicted label, true label]."""
    if layout.task == BINARY:
        return joint(layout, state).sum(axis=2)
    return state.counts[layout.confusion_at].reshape(len(layout.labels), -1).astype(np.float64)


def wilson(name: str, hits: float, n: float) -> Metric:
    """A share with Wilson's interval."""
    share = hits / n
    centre, spread = share + Z**2 / (2 * n), Z * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    low, high = ((centre + sign * spread) / (1 + Z**2 / n) for sign in (-1, 1))
    return Metric(name, float(share), float(max(low, 0.0)), float(min(high, 1.0)), int(n))


def around(name: str, middle: float, error: float, n: float, bounds: tuple[float, float]) -> Metric:
    """A number with a normal interval, kept within bounds."""
    low, high = max(middle - Z * error, bounds[0]), min(middle + Z * error, bounds[1])
    return Metric(name, float(middle), float(low), float(high), int(n))


def _binary(layout: OutcomeBins, state: State) -> list[Metric]:
    counts = joint(layout, state)
    (_, false_negative), (false_positive, true_positive) = counts.sum(axis=2)
    found = [wilson("accuracy", float(np.trace(counts.sum(axis=2))), state.rows)]
    if true_positive + false_positive:
        found.append(wilson("precision", true_positive, true_positive + false_positive))
    if true_positive + false_negative:
        found.append(wilson("recall", true_positive, true_positive + false_negative))
    missed = false_positive + false_negative
    if true_positive + missed:
        found.append(_f1(true_positive, missed, state.rows))
    scored = counts[:, :, : SCORES - 1].sum(axis=0)
    area = area_under_curve(scored[0], scored[1])
    if area is not None:
        found.append(around("auc", *area, scored.sum(), (0.0, 1.0)))
    if scored.sum():
        found.append(_brier(layout, state, float(scored.sum())))
    return found


def _f1(true_positive: float, missed: float, n: int) -> Metric:
    whole = 2 * true_positive + missed
    a, b = true_positive / n, missed / n
    by_a, by_b = 2 * missed * n / whole**2, -2 * true_positive * n / whole**2
    variance = (by_a**2 * a * (1 - a) + by_b**2 * b * (1 - b) - 2 * by_a * by_b * a * b) / n
    return around("f1", 2 * true_positive / whole, np.sqrt(max(variance, 0.0)), n, (0.0, 1.0))


def area_under_curve(negatives: Floats, positives: Floats) -> tuple[float, float] | None:
    """Area and its standard error (DeLong) from counts per score bin, lowest score first; None unless there are
    both.
    """
    n, m = negatives.sum(), positives.sum()
    if not n or not m:
        return None
    above_negatives = (np.cumsum(negatives) - negatives / 2) / n
    below_positives = 1 - (np.cumsum(positives) - positives / 2) / m
    area = float((positives * above_negatives).sum() / m)
    spread = (positives * (above_negatives - area) ** 2).sum() / m / max(m - 1, 1)
    spread += (negatives * (below_positives - area) ** 2).sum() / n / max(n - 1, 1)
    return area, float(np.sqrt(spread))


def _brier(layout: OutcomeBins, state: State, n: float) -> Metric:
    first, second = value(state.high, state.low, layout.units) / n
    return around("brier", float(first), np.sqrt(max(second - first**2, 0.0) / n), n, (0.0, 1.0))


def _multiclass(layout: OutcomeBins, state: State) -> list[Metric]:
    table = confusion(layout, state)
    right, predicted, true = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    there = predicted + true > 0
    scores = 2 * right[there] / (predicted + true)[there]
    share = table[np.ix_(there, there)] / state.rows
    weight = scores.size * (predicted + true)[there] / state.rows
    by_cell = -np.add.outer(scores / weight, scores / weight)
    by_cell[np.diag_indices_from(by_cell)] += 2 / weight
    variance = (share * by_cell**2).sum() - (share * by_cell).sum() ** 2
    f1 = around("f1", float(scores.mean()), np.sqrt(max(variance, 0.0) / state.rows), state.rows, (0.0, 1.0))
    return [
        wilson("accuracy", float(right.sum()), state.rows),
        f1,
        *_log_loss(layout, joint(layout, state).sum(axis=0)),
    ]


def _losses(layout: OutcomeBins) -> Floats:
    """Minus the logarithm of the probability given to the outcome, [wrong or right, score bin]."""
    column = layout.bins.score_column
    assert column is not None
    ends = np.concatenate([[0.0], column.edges.values, [1.0]])
    means = np.zeros(SCORES - 1)
    means[: len(column.means)] = np.clip(column.means, ends[: len(column.means)], ends[1 : len(column.means) + 1])
    sure = np.clip(means, 1e-15, 1 - 1e-15)
    return -np.log(np.array([(1 - sure) / (len(layout.labels) - 1), sure]))


def _log_loss(layout: OutcomeBins, counts: Floats) -> list[Metric]:
    """From counts [wrong or right, score bin]; nothing where there is no score."""
    scored = counts[:, : SCORES - 1]
    n = scored.sum()
    if layout.bins.score_column is None or len(layout.labels) < 2 or not n:
        return []
    losses = _losses(layout)
    mean = float((scored * losses).sum() / n)
    spread = float((scored * (losses - mean) ** 2).sum() / n)
    return [around("log_loss", mean, np.sqrt(spread / n), n, (0.0, np.inf))]


def _regression(layout: OutcomeBins, state: State) -> list[Metric]:
    n = state.rows
    error, size, squared, fourth, truth, truth_squared = value(state.high, state.low, layout.units) / n
    spread = truth_squared - truth**2
    rmse = float(np.sqrt(max(squared, 0.0)))
    by_root = np.sqrt(max(fourth - squared**2, 0.0) / n) / (2 * rmse) if rmse else 0.0
    found = [
        around("mae", size, np.sqrt(max(squared - size**2, 0.0) / n), n, (0.0, np.inf)),
        around("rmse", rmse, by_root, n, (0.0, np.inf)),
        around("bias", error, np.sqrt(max(squared - error**2, 0.0) / n), n, (-np.inf, np.inf)),
    ]
    if spread > 0 and n > 3:
        share = 1 - squared / spread
        kept = min(max(share, 0.0), 1.0)
        by_share = np.sqrt(4 * kept * (1 - kept) ** 2 * (n - 2) ** 2 / ((n**2 - 1) * (n + 3)))
        found.append(around("r2", share, by_share, n, (-np.inf, 1.0)))
    return found


def calibration(baseline: Baseline, state: State) -> Floats | None:
    """Per score bin, how likely a positive outcome (two labels) or a right prediction (more) is for the predictions of
    this state: their mean score where the reference's outcomes bear the scores out, else the reference's share, made
    monotone.

    None when the reference has no labels or the model no score. Bins that the reference never had take their
    neighbour's share.
    """
    column = baseline.bins.score_column
    if baseline.outcomes is None or column is None or baseline.outcomes.rows == 0:
        return None
    counts = joint(baseline.outcome_bins, baseline.outcomes)[:, :, : SCORES - 1].sum(axis=0)
    fitted = isotonic(counts[1], counts.sum(axis=0))
    means = np.zeros(SCORES - 1)
    means[: len(column.means)] = column.means
    if not _bear_out(counts, means, fitted):
        return fitted
    place = baseline.bins.numbers.roles.index(SCORE)
    said: Floats = np.clip(statistics.sample_of(state, baseline.bins).means[place], 0.0, 1.0)
    return said


def _bear_out(counts: Floats, means: Floats, fitted: Floats) -> bool:
    """Whether the scores' bin means explain the outcomes [negative or wrong, positive or right; score bin] as well as
    the fitted shares do, each level of which may cost one unit of log-likelihood (Akaike): where they do, fitting adds
    but noise.
    """
    if means.min() < 0.0 or means.max() > 1.0:
        return False
    gain = _log_likelihood(counts, fitted) - _log_likelihood(counts, means)
    return gain <= len(np.unique(fitted[counts.sum(axis=0) > 0]))


def _log_likelihood(counts: Floats, shares: Floats) -> float:
    misses, hits = counts
    sure = np.clip(shares, 1e-9, 1 - 1e-9)
    return float(special.xlogy(hits, sure).sum() + special.xlog1py(misses, -sure).sum())


def isotonic(hits: Floats, sizes: Floats) -> Floats:
    """The rising shares that fit best (pool adjacent violators), weighted by size; empty bins take the one before
    or after.
    """
    blocks: list[list[float]] = []
    for place in np.flatnonzero(sizes):
        blocks.append([float(hits[place]), float(sizes[place]), float(place)])
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] >= blocks[-1][0] * blocks[-2][1]:
            hit, size, last = blocks.pop()
            blocks[-1] = [blocks[-1][0] + hit, blocks[-1][1] + size, last]
    fitted = np.zeros(len(sizes))
    start = 0
    for hit, size, last in blocks:
        fitted[start : int(last) + 1] = hit / size
        start = int(last) + 1
    fitted[start:] = fitted[start - 1] if start else 0.0
    return fitted


def estimate(baseline: Baseline, state: State) -> dict[str, Metric]:
    """What the measures should be for these predictions, whose outcomes nobody knows yet; nothing without a
    calibration.
    """
    known = calibration(baseline, state)
    if known is None or state.rows == 0:
        return {}
    labels = len(baseline.bins.outputs.labels)
    counts = state.counts[baseline.bins.joint_at].reshape(labels, SCORES)[:, : SCORES - 1].astype(np.float64)
    n = counts.sum()
    if not n:
        return {}
    chance = (counts.sum(axis=0) * known * (1 - known)).sum() / n**2
    if baseline.bins.outputs.task == MULTICLASS:
        right = float((counts.sum(axis=0) * known).sum() / n)
        expected = np.array([counts.sum(axis=0) * (1 - known), counts.sum(axis=0) * known])
        found = [around("accuracy", right, np.sqrt(chance), n, (0.0, 1.0)), *_log_loss(baseline.outcome_bins, expected)]
        return {one.name: one for one in found}
    right = float((counts[1] * known).sum() + (counts[0] * (1 - known)).sum())
    found = [around("accuracy", right / n, np.sqrt(chance), n, (0.0, 1.0))]
    found += _estimated_shares(counts, known) + _estimated_f1(counts, known)
    area = area_under_curve(counts.sum(axis=0) * (1 - known), counts.sum(axis=0) * known)
    if area is not None:
        found.append(around("auc", *area, n, (0.0, 1.0)))
    return {one.name: one for one in found}


def _estimated_shares(counts: Floats, known: Floats) -> list[Metric]:
    """Precision and recall; the interval is that of the outcomes' chance, by the delta method."""
    positive, hit, missed = counts[1].sum(), (counts[1] * known).sum(), (counts[0] * known).sum()
    spread = [(row * known * (1 - known)).sum() for row in (counts[1], counts[0])]
    found = []
    if positive:
        found.append(around("precision", hit / positive, np.sqrt(spread[0]) / positive, positive, (0.0, 1.0)))
    true = hit + missed
    if true:
        variance = (missed / true**2) ** 2 * spread[0] + (hit / true**2) ** 2 * spread[1]
        found.append(around("recall", hit / true, np.sqrt(variance), counts.sum(), (0.0, 1.0)))
    return found


def _estimated_f1(counts: Floats, known: Floats) -> list[Metric]:
    positive, hit, missed = counts[1].sum(), (counts[1] * known).sum(), (counts[0] * known).sum()
    whole = positive + hit + missed
    if not whole:
        return []
    by_hit, by_missed = 2 / whole - 2 * hit / whole**2, -2 * hit / whole**2
    spread = [(row * known * (1 - known)).sum() for row in (counts[1], counts[0])]
    variance = by_hit**2 * spread[0] + by_missed**2 * spread[1]
    return [around("f1", 2 * hit / whole, np.sqrt(variance), counts.sum(), (0.0, 1.0))]


def concept_drift(realised: Metric, estimated: Metric) -> dict[str, float]:
    """Realised minus estimated and how far beyond chance it lies: what the inputs alone do not explain."""
    apart = realised.value - estimated.value
    errors = [(one.high - one.low) / (2 * Z) for one in (realised, estimated)]
    joined = math.hypot(*errors)
    z = apart / joined if joined else 0.0
    return {"difference": apart, "z": z, "p": float(2 * special.ndtr(-abs(z)))}


def worsening(now: Metric, before: Metric) -> tuple[float, float]:
    """How much worse a measure became (positive is worse), and the one-sided p-value that it did not."""
    sign = 1.0 if now.name in LOWER_IS_BETTER else -1.0
    apart = sign * (now.value - before.value)
    errors = [(one.high - one.low) / (2 * Z) for one in (now, before)]
    joined = math.hypot(*errors)
    return apart, float(special.ndtr(-apart / joined)) if joined else float(apart <= 0)


def selection(baseline: Baseline, predicted: State, known: State) -> dict[str, Any] | None:
    """Whether predictions whose outcome is known are like the rest: early outcomes are no random sample.

    None where nothing, or everything, is known. `psi` and `p` are of the score; of a figure `shift` is the difference
    of the means in standard deviations.
    """
    if not 0 < known.rows < predicted.rows:
        return None
    if baseline.bins.outputs.task == REGRESSION:
        return _selected_figures(baseline, predicted, known)
    labels = baseline.bins.outputs.labels
    every = predicted.counts[baseline.bins.joint_at].reshape(len(labels), SCORES).astype(np.float64)
    mine = joint(baseline.outcome_bins, known).sum(axis=1)
    rest = np.maximum(every - mine, 0.0)
    found: dict[str, Any] = {"known": known.rows, "rest": predicted.rows - known.rows, "labels": {}}
    for place, label in enumerate(labels):
        shares = statistics.shares_of(
            *(np.array([n]) for n in (rest[place].sum(), rest.sum(), mine[place].sum(), mine.sum()))
        )
        found["labels"][label] = {
            "known": float(shares.current[0]), "rest": float(shares.reference[0]), "p": float(shares.p[0])
        }  # fmt: skip
    column = baseline.bins.score_column
    if column is not None:
        place = baseline.bins.numbers.names.index(column.name)
        groups = baseline.bins.groups(COARSE)[place : place + 1]
        reached = [np.cumsum(one[:, : SCORES - 1].sum(axis=0))[None, :] for one in (rest, mine)]
        sides = [statistics.grouped(one, groups)[0] for one in reached]
        index = statistics.index_of(*(statistics.parts_of(one) for one in sides))
        many = np.array([np.count_nonzero(sides[0] + sides[1])], dtype=np.float64)
        p = statistics.index_p(np.array([index]), np.array([sides[0].sum()]), np.array([sides[1].sum()]), many)
        found |= {"psi": float(index), "p": float(p[0])}
    return found


def _selected_figures(baseline: Baseline, predicted: State, known: State) -> dict[str, Any] | None:
    layout = baseline.outcome_bins
    place = next((n for n, one in enumerate(baseline.bins.numeric) if one.role == PREDICTION), None)
    if place is None or layout.prediction_column is None or not layout.prediction_column.sd:
        return None
    sums = value(known.high, known.low, layout.units)
    mine = (sums[outcomes.TRUTH] + sums[outcomes.ERROR]) / known.rows + layout.centre
    whole = statistics.sample_of(predicted, baseline.bins)
    every = float((whole.counts[place] * whole.means[place]).sum() / max(whole.sizes[place], 1.0))
    rest = predicted.rows - known.rows
    apart = (mine - every) * predicted.rows / rest
    error = layout.prediction_column.sd * math.sqrt(1 / known.rows + 1 / rest)
    p = float(2 * special.ndtr(-abs(apart / error)))
    return {"known": known.rows, "rest": rest, "shift": float(apart / layout.prediction_column.sd), "p": p}


def delay_curve(layout: OutcomeBins, state: State) -> list[dict[str, float]]:
    """Share of the known outcomes that had come after 1, 2, 4 ... hours."""
    delays = state.counts[layout.delay_at].astype(np.float64)
    total = delays.sum()
    if not total:
        return []
    shares = np.cumsum(delays) / total
    return [
        {"hours": float(2**place), "share": float(share)} for place, share in enumerate(shares[: outcomes.DELAYS - 1])
    ]
