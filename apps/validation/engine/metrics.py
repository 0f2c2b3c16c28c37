"""Scores of a model, each prepared once and then evaluated under any row weights: a bootstrap repeat costs one pass.

Every metric takes truth and prediction of n rows and gives a function from weights (n,) to a float. With weights of
one it equals scikit-learn's figure of the same name; NaN where it is not defined (one class only, no rows).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from apps.validation.engine.arrays import Array, Floats
from apps.validation.engine.base import CLASSIFIERS, CannotRun, Kind, Sense

Weighted = Callable[[Floats], float]
TINY = 1e-15


@dataclass(frozen=True)
class Prediction:
    """What a model said of n rows.

    `score` is the probability of the positive class, that of the label where there are several classes, or the figure
    itself. `chances` (n, classes) are the probabilities of all classes, where a model with several gives them.
    """

    score: Array
    label: Array
    chances: Array | None = None

    def take(self, index: Array) -> Prediction:
        """The prediction for some of the rows."""
        return Prediction(self.score[index], self.label[index], None if self.chances is None else self.chances[index])


def _ratio(above: float, below: float) -> float:
    return float(above / below) if below else float("nan")


def auc(truth: Array, said: Prediction) -> Weighted:
    """Area under the ROC curve: the share of (positive, negative) pairs in the right order, ties counting half."""
    order = np.argsort(said.score, kind="stable")
    positive = np.asarray(truth, dtype=float)[order]
    ranked = said.score[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]]) if len(ranked) else np.array([], dtype=int)

    def evaluate(weights: Floats) -> float:
        if not len(starts):
            return float("nan")
        sorted_weights = weights[order]
        up = np.add.reduceat(sorted_weights * positive, starts)
        down = np.add.reduceat(sorted_weights * (1 - positive), starts)
        pairs = up.sum() * down.sum()
        return _ratio(float(np.dot(up, np.cumsum(down) - down / 2)), float(pairs))

    return evaluate


def average_precision(truth: Array, said: Prediction) -> Weighted:
    """Precision averaged over the steps of recall, from the highest score down; equal scores are one step."""
    order = np.argsort(-np.asarray(said.score, dtype=float), kind="stable")
    positive = np.asarray(truth, dtype=float)[order]
    last = np.flatnonzero(np.r_[np.diff(said.score[order]) != 0, True]) if len(order) else np.array([], dtype=int)

    def evaluate(weights: Floats) -> float:
        sorted_weights = weights[order]
        hits, marked = np.cumsum(sorted_weights * positive)[last], np.cumsum(sorted_weights)[last]
        if not len(hits) or not hits[-1]:
            return float("nan")
        precision = np.divide(hits, marked, out=np.zeros_like(hits), where=marked > 0)
        return float(np.diff(hits, prepend=0.0) @ precision / hits[-1])

    return evaluate


def auc_one_against_rest(truth: Array, said: Prediction) -> Weighted:
    """The mean over classes of the area under the ROC curve of that class against all others."""
    if said.chances is None:
        raise CannotRun("The model does not give the probabilities of all classes.")
    labels = np.arange(said.chances.shape[1])
    each = [auc(truth == label, Prediction(said.chances[:, label], said.label)) for label in labels]
    return lambda weights: float(np.mean([one(weights) for one in each]))


def matthews(truth: Array, said: Prediction) -> Weighted:
    """Correlation of truth and label (Matthews 1975; Gorodkin 2004 for several classes); 0 where one does not vary."""
    levels, numbers = np.unique(np.concatenate([truth, said.label]), return_inverse=True)
    true, label, size = numbers[: len(truth)], numbers[len(truth) :], len(levels)
    right = (true == label).astype(float)

    def evaluate(weights: Floats) -> float:
        there, given = (np.bincount(values, weights, minlength=size) for values in (true, label))
        total = float(weights.sum())
        spread = (total**2 - float(there @ there)) * (total**2 - float(given @ given))
        return (float(weights @ right) * total - float(there @ given)) / float(np.sqrt(spread)) if spread > 0 else 0.0

    return evaluate


def accuracy(truth: Array, said: Prediction) -> Weighted:
    """Share of rows whose label is right."""
    right = (said.label == truth).astype(float)
    return lambda weights: _ratio(float(weights @ right), float(weights.sum()))


def f1(truth: Array, said: Prediction) -> Weighted:
    """Harmonic mean of precision and recall of the positive class; 0 where nothing is said or true."""
    true, label = np.asarray(truth) == 1, np.asarray(said.label) == 1
    both, either = (true & label).astype(float), true.astype(float) + label

    def evaluate(weights: Floats) -> float:
        marked = float(weights @ either)
        return 2 * float(weights @ both) / marked if marked else 0.0

    return evaluate


def macro_f1(truth: Array, said: Prediction) -> Weighted:
    """The mean of every class's F1, each class counting the same."""
    levels, numbers = np.unique(np.concatenate([truth, said.label]), return_inverse=True)
    true, label, size = numbers[: len(truth)], numbers[len(truth) :], len(levels)

    def evaluate(weights: Floats) -> float:
        both = np.bincount(true[true == label], weights[true == label], minlength=size)
        marked = np.bincount(true, weights, minlength=size) + np.bincount(label, weights, minlength=size)
        seen = marked > 0
        return float(np.mean(2 * both[seen] / marked[seen])) if seen.any() else float("nan")

    return evaluate


def _mean_of(loss: Floats) -> Weighted:
    return lambda weights: _ratio(float(weights @ loss), float(weights.sum()))


def brier(truth: Array, said: Prediction) -> Weighted:
    """Mean squared distance between the probability and what happened."""
    return _mean_of(np.square(np.asarray(said.score, dtype=float) - truth))


def log_loss(truth: Array, said: Prediction) -> Weighted:
    """Mean surprise in nats; probabilities are kept away from 0 and 1 by the smallest step of a double."""
    edge = np.finfo(np.float64).eps
    chance = np.clip(np.asarray(said.score, dtype=float), edge, 1 - edge)
    return _mean_of(-np.where(np.asarray(truth) == 1, np.log(chance), np.log1p(-chance)))


def mean_absolute_error(truth: Array, said: Prediction) -> Weighted:
    """Mean distance between said and true, in the target's unit."""
    return _mean_of(np.abs(np.asarray(said.score, dtype=float) - truth))


def root_mean_squared_error(truth: Array, said: Prediction) -> Weighted:
    """Root of the mean squared distance, in the target's unit."""
    mean = _mean_of(np.square(np.asarray(said.score, dtype=float) - truth))
    return lambda weights: float(np.sqrt(mean(weights)))


def r_squared(truth: Array, said: Prediction) -> Weighted:
    """Share of the target's variance that is explained; below 0 is worse than always saying the mean."""
    target = np.asarray(truth, dtype=float)
    squares, error = np.square(target), np.square(np.asarray(said.score, dtype=float) - target)

    def evaluate(weights: Floats) -> float:
        total = float(weights.sum())
        if not total:
            return float("nan")
        spread = float(weights @ squares) - float(weights @ target) ** 2 / total
        return 1 - float(weights @ error) / spread if spread > TINY else float("nan")

    return evaluate


@dataclass(frozen=True)
class Metric:
    """A score by name: which way is better, for which kinds, and what perfect looks like."""

    key: str
    title: str
    kinds: frozenset[Kind]
    prepare: Callable[[Array, Prediction], Weighted]
    sense: Sense = Sense.AT_LEAST
    perfect: float = 1.0

    def of(self, truth: Array, said: Prediction) -> float:
        """The metric on the rows as they are."""
        return self.prepare(truth, said)(np.ones(len(truth)))

    def shortfall(self, reference: float, value: float) -> float:
        """How much worse the value is than the reference, as a share of the reference; below 0 where it is better."""
        worse = reference - value if self.sense is Sense.AT_LEAST else value - reference
        return worse / max(abs(reference), TINY)


METRICS: Mapping[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric("auc", "ROC AUC", frozenset({Kind.BINARY}), auc),
        Metric("average_precision", "average precision", frozenset({Kind.BINARY}), average_precision),
        Metric("auc_ovr", "ROC AUC, one class against the rest", frozenset({Kind.MULTICLASS}), auc_one_against_rest),
        Metric("mcc", "Matthews correlation", CLASSIFIERS, matthews),
        Metric("f1", "F1", frozenset({Kind.BINARY}), f1),
        Metric("macro_f1", "macro F1", CLASSIFIERS, macro_f1),
        Metric("accuracy", "accuracy", CLASSIFIERS, accuracy),
        Metric("brier", "Brier score", frozenset({Kind.BINARY}), brier, Sense.AT_MOST, 0.0),
        Metric("log_loss", "log loss", frozenset({Kind.BINARY}), log_loss, Sense.AT_MOST, 0.0),
        Metric("r2", "R²", frozenset({Kind.REGRESSION}), r_squared),
        Metric("mae", "mean absolute error", frozenset({Kind.REGRESSION}), mean_absolute_error, Sense.AT_MOST, 0.0),
        Metric(
            "rmse", "root mean squared error", frozenset({Kind.REGRESSION}), root_mean_squared_error, Sense.AT_MOST, 0.0
        ),
    )
}
PRIMARY: Mapping[Kind, str] = {Kind.BINARY: "auc", Kind.MULTICLASS: "macro_f1", Kind.REGRESSION: "r2"}
BY_SLICE: Mapping[Kind, str] = {Kind.BINARY: "auc", Kind.MULTICLASS: "accuracy", Kind.REGRESSION: "rmse"}
METRIC_CHOICES = ("", *METRICS)


def chosen(name: str, kind: Kind, otherwise: Mapping[Kind, str] = PRIMARY) -> Metric:
    """The metric of that name, or the usual one of this kind of model where none is named."""
    metric = METRICS[name or otherwise[kind]]
    if kind not in metric.kinds:
        raise CannotRun(f"{metric.title} is not defined for a {kind} model.")
    return metric
