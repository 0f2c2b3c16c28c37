"""Is the model accurate? Scores with their intervals, and what is lost between training and test."""

from __future__ import annotations

from typing import Any

import numpy as np

from apps.validation.engine.arrays import Array, Floats, Line
from apps.validation.engine.base import (
    CLASSIFIERS,
    MAX_POINTS,
    TIERS,
    Bound,
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
    Table,
    Titles,
    TooSmall,
    table,
)
from apps.validation.engine.case import Case, Rows
from apps.validation.engine.intervals import bootstrap, percentile, repeated, repeats_for
from apps.validation.engine.metrics import METRIC_CHOICES, METRICS, Metric, Prediction, chosen

BINARY = frozenset({Kind.BINARY})


def scored(case: Case, metric: Metric) -> tuple[float, Any]:
    """The metric on the test rows and its bootstrap interval."""
    prepared = metric.prepare(case.test.truth, case.said)
    value = prepared(np.ones(len(case.test)))
    if not np.isfinite(value):
        raise TooSmall(f"{metric.title} is not defined on these rows: they hold one outcome only.")
    return value, bootstrap(prepared, len(case.test), case.seed)


def thinned(count: int) -> Array:
    """Places of at most MAX_POINTS points spread evenly over a curve, both ends kept."""
    return np.unique(np.linspace(0, count - 1, min(count, MAX_POINTS)).round().astype(int))


def roc_points(truth: Array, score: Floats) -> tuple[Floats, Floats]:
    """False and true positive rates from the strictest threshold to the loosest, one point for each distinct score."""
    order = np.argsort(-score, kind="stable")
    hit = np.asarray(truth, dtype=float)[order]
    last = np.flatnonzero(np.r_[np.diff(score[order]) != 0, True])
    true, false = np.cumsum(hit)[last], np.cumsum(1 - hit)[last]
    return np.r_[0.0, false / max(false[-1], 1)], np.r_[0.0, true / max(true[-1], 1)]


def roc_figure(case: Case) -> Figure:
    """The ROC curve, thinned to what a page can draw."""
    false, true = roc_points(case.test.truth, case.said.score)
    keep = thinned(len(false))
    line = Series("model", false[keep].tolist(), true[keep].tolist())
    return Figure(
        "curve",
        "How many positives are found for each false alarm?",
        [line],
        "false positive rate",
        "true positive rate",
        diagonal=True,
    )


def confusion_table(case: Case) -> Table:
    """How often each truth met each label."""
    levels = np.unique(np.concatenate([case.test.truth, case.said.label]))[:20]
    rows = []
    for level in levels:
        true = case.test.truth == level
        row: dict[str, Any] = {"truth": str(level)}
        row.update({f"said_{other}": int((true & (case.said.label == other)).sum()) for other in levels})
        rows.append(row)
    titles: Titles = {f"said_{level}": (f"said {level}", "count") for level in levels}
    return table("Truth against label", rows, truth=("truth", "text"), **titles)


def class_table(case: Case) -> Table:
    """Precision and recall at the label the model gives."""
    true, label = case.test.truth == 1, case.said.label == 1
    both, said, there = int((true & label).sum()), int(label.sum()), int(true.sum())
    rows: list[Line] = [
        {"figure": "positives in the data", "value": there / len(true)},
        {"figure": "positives said", "value": said / len(true)},
        {"figure": "precision", "value": both / said if said else None},
        {"figure": "recall", "value": both / there if there else None},
    ]
    return table("At the model's own threshold", rows, figure=("figure", "text"), value=("value", "percent"))


class RocAuc(Check):
    """Ranking quality against a threshold."""

    key = "perf.auc"
    family = Family.PERFORMANCE
    title = "ROC AUC"
    question = "Does the model rank those with the outcome above those without?"
    metric = "area under the ROC curve, lower end of its 95 % interval"
    source = "Hanley and McNeil 1982; equal to scikit-learn's roc_auc_score"
    kinds = BINARY
    judged = Bound.LOWER
    tiers = TIERS
    limits = {"low": Limits(0.60, 0.65), "limited": Limits(0.65, 0.70), "high": Limits(0.70, 0.75)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The area, its interval and the curve."""
        value, interval = scored(case, METRICS["auc"])
        return Measured(
            value,
            f"A row with the outcome is ranked above one without in {value:.1%} of all pairs.",
            interval,
            tables=[class_table(case)],
            figures=[roc_figure(case)],
        )


class F1(Check):
    """F1 at the registered threshold."""

    key = "perf.f1"
    family = Family.PERFORMANCE
    title = "F1"
    question = "Are the rows that the model marks the right ones, and are most of the right ones marked?"
    metric = "harmonic mean of precision and recall at the model's own label"
    source = "van Rijsbergen 1979; equal to scikit-learn's f1_score"
    kinds = CLASSIFIERS
    limits = {"low": Limits(None, 0.35), "limited": Limits(0.20, 0.40), "high": Limits(0.30, 0.50)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """F1 of the positive class, or the mean over classes where there are several."""
        metric = METRICS["f1" if case.kind is Kind.BINARY else "macro_f1"]
        value, interval = scored(case, metric)
        return Measured(
            value,
            f"{metric.title} is {value:.3f} at the label the model gives.",
            interval,
            tables=[confusion_table(case)],
        )


class Accuracy(Check):
    """Share of right labels."""

    key = "perf.accuracy"
    family = Family.PERFORMANCE
    title = "Accuracy"
    question = "How often is the label right?"
    metric = "share of rows whose label is right"
    unit = "percent"
    source = "common practice; equal to scikit-learn's accuracy_score"
    kinds = CLASSIFIERS
    tiers = TIERS
    limits = {"low": Limits(None, 0.55), "limited": Limits(0.50, 0.60), "high": Limits(0.60, 0.70)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """Accuracy beside what always saying the commonest class would give."""
        value, interval = scored(case, METRICS["accuracy"])
        _, counts = np.unique(case.test.truth, return_counts=True)
        common = float(counts.max() / counts.sum())
        sentence = f"{value:.1%} of the labels are right; always saying the commonest class would give {common:.1%}."
        return Measured(value, sentence, interval, tables=[confusion_table(case)])


class Regression(Check):
    """Explained variance of a regression model, with its errors in the target's unit."""

    key = "perf.regression"
    family = Family.PERFORMANCE
    title = "Explained variance"
    question = "Does the model say more than the mean would?"
    metric = "R², lower end of its 95 % interval"
    source = "common practice; equal to scikit-learn's r2_score"
    kinds = frozenset({Kind.REGRESSION})
    judged = Bound.LOWER
    tiers = TIERS
    limits = {"low": Limits(0.0, 0.10), "limited": Limits(0.0, 0.30), "high": Limits(0.10, 0.40)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """R² and a table of all errors, each with its interval and with what the mean would give."""
        value, interval = scored(case, METRICS["r2"])
        rows = [_error_row(case, METRICS[name]) for name in ("r2", "rmse", "mae")]
        titles: Titles = {"metric": ("metric", "text"), "value": "model", "low": "95 % from", "high": "to"}
        sentence = (
            f"The model explains {value:.1%} of the variance; its root mean squared error is {rows[1]['value']:.4g}."
        )
        return Measured(
            value,
            sentence,
            interval,
            tables=[table("Errors", rows, **titles, mean="saying the mean")],
            figures=[residual_figure(case)],
        )


def _error_row(case: Case, metric: Metric) -> dict[str, Any]:
    value, interval = scored(case, metric)
    mean = np.full(len(case.test), float(np.mean(case.test.truth)))
    said = type(case.said)(mean, mean)
    low, high = (interval.low, interval.high) if interval else (None, None)
    return {"metric": metric.title, "value": value, "low": low, "high": high, "mean": metric.of(case.test.truth, said)}


def residual_figure(case: Case, bins: int = 20) -> Figure:
    """Mean of what was said against mean of what was true, in groups of equal size by what was said."""
    order = np.argsort(case.said.score, kind="stable")
    groups = [group for group in np.array_split(order, bins) if len(group)]
    said = [float(case.said.score[group].mean()) for group in groups]
    true = [float(case.test.truth[group].mean()) for group in groups]
    points = Series("test rows", said, true, size=[len(group) for group in groups])
    return Figure("scatter", "Is what the model says near what happened?", [points], "said", "true", diagonal=True)


class Degradation(Check):
    """What the model loses between the rows it was trained on and rows it has never seen."""

    key = "perf.degradation"
    family = Family.PERFORMANCE
    title = "Loss from training to test"
    question = "Did the model learn the training rows by heart?"
    metric = "metric on training rows minus metric on test rows, as a share of the former"
    unit = "percent"
    source = "common practice; 10 % as in other suites' default conditions"
    sense = Sense.AT_MOST
    needs = frozenset({Need.TRAIN})
    tiers = TIERS
    limits = {"low": Limits(None, 0.20), "limited": Limits(0.25, 0.10), "high": Limits(0.20, 0.10)}
    parameters = {
        "metric": Parameter("", "Score to compare; empty for the usual one of the kind.", choices=METRIC_CHOICES)
    }

    def measure(self, case: Case, metric: str = "", **settings: Any) -> Measured:
        """The loss; both sides are drawn again for the interval, each by itself."""
        sides = (("training", case.training, case.said_in_training), ("test", case.test, case.said))
        return lost_between(*sides, chosen(metric, case.kind), case.seed)


Side = tuple[str, Rows, Prediction]


def lost_between(first: Side, second: Side, score: Metric, seed: int) -> Measured:
    """What a score loses from some rows to others, as a share; both are drawn again, each by itself."""
    prepared = [score.prepare(rows.truth, said) for _, rows, said in (first, second)]
    before, after = (one(np.ones(len(side[1]))) for one, side in zip(prepared, (first, second), strict=True))
    if not (np.isfinite(before) and np.isfinite(after)):
        raise TooSmall(f"{score.title} is not defined on both: one holds a single outcome.")
    times = min(repeats_for(len(first[1])), repeats_for(len(second[1])))
    drawn = zip(
        repeated(prepared[0], len(first[1]), seed + 1, times),
        repeated(prepared[1], len(second[1]), seed, times),
        strict=True,
    )
    rows = [
        {"rows": name, "count": len(side), "value": value}
        for (name, side, _), value in zip((first, second), (before, after), strict=True)
    ]
    title = f"{first[0].capitalize()} against {second[0]}"
    return Measured(
        score.shortfall(before, after),
        f"{score.title} is {before:.3f} on {first[0]} rows and {after:.3f} on {second[0]} rows.",
        percentile(np.array([score.shortfall(one, other) for one, other in drawn])),
        tables=[table(title, rows, rows=("rows", "text"), count=("number", "count"), value=score.title)],
    )


class AveragePrecision(Check):
    """How pure the rows with the highest scores are."""

    key = "perf.average_precision"
    family = Family.PERFORMANCE
    title = "Average precision"
    question = "Are the rows with the highest scores those with the outcome, also where it is rare?"
    metric = "average precision as a share of the way from the base rate to 1"
    unit = "percent"
    source = "equal to scikit-learn's average_precision_score; the base rate as zero is our own"
    kinds = BINARY
    limits = {"low": Limits(None, 0.05), "limited": Limits(0.0, 0.10), "high": Limits(0.05, 0.15)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The share of the way, the base rate drawn anew with the rows."""
        outcome = np.asarray(case.test.truth, dtype=float)
        precision = METRICS["average_precision"].prepare(case.test.truth, case.said)

        def share(weights: Floats) -> float:
            rate = float(weights @ outcome / weights.sum())
            return (precision(weights) - rate) / (1 - rate) if rate < 1 else float("nan")

        value, rate = share(np.ones(len(outcome))), float(outcome.mean())
        reached = METRICS["average_precision"].of(case.test.truth, case.said)
        sentence = f"Average precision is {reached:.3f}; a score that knows nothing would have {rate:.3f}."
        return Measured(value, sentence, bootstrap(share, len(outcome), case.seed))


class Matthews(Check):
    """Whether label and truth go together at all, however rare the outcome is."""

    key = "perf.mcc"
    family = Family.PERFORMANCE
    title = "Matthews correlation"
    question = "Do label and truth go together, rather than the label always being the commonest?"
    metric = "correlation of label and truth"
    source = "Matthews 1975, Gorodkin 2004; equal to scikit-learn's matthews_corrcoef"
    kinds = CLASSIFIERS
    tiers = TIERS
    limits = {"low": Limits(None, 0.10), "limited": Limits(0.02, 0.15), "high": Limits(0.05, 0.20)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The correlation at the label the model gives; 0 for a label that never changes."""
        value, interval = scored(case, METRICS["mcc"])
        never = len(np.unique(case.said.label)) < 2
        sentence = "The label is the same for every row." if never else f"Label and truth correlate by {value:.3f}."
        return Measured(value, sentence, interval, tables=[confusion_table(case)])


class AucOfClasses(Check):
    """Ranking quality of each of several classes."""

    key = "perf.auc_ovr"
    family = Family.PERFORMANCE
    title = "ROC AUC of the classes"
    question = "Does the model rank the rows of each class above the others?"
    metric = "mean area under the ROC curve of each class against the rest, lower end of its 95 % interval"
    source = "Fawcett 2006; equal to scikit-learn's roc_auc_score, one against the rest, macro"
    kinds = frozenset({Kind.MULTICLASS})
    tiers = TIERS
    judged = Bound.LOWER
    limits = {"low": Limits(0.60, 0.65), "limited": Limits(0.65, 0.70), "high": Limits(0.70, 0.75)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The mean, and the area of each class."""
        value, interval = scored(case, METRICS["auc_ovr"])
        chances = np.asarray(case.said.chances)
        rows: list[Line] = []
        for label in range(chances.shape[1]):
            inside = case.test.truth == label
            area = METRICS["auc"].of(inside, Prediction(chances[:, label], case.said.label))
            rows.append({"class": str(label), "rows": int(inside.sum()), "area": area})
        titles: Titles = {"class": ("class", "text"), "rows": ("rows", "count"), "area": "area"}
        weakest = min(rows, key=lambda row: row["area"])
        sentence = f"A row is ranked right in {value:.1%} of the pairs; class {weakest['class']} is ranked worst."
        return Measured(value, sentence, interval, tables=[table("Area by class", rows, **titles)])


CHECKS = (RocAuc, F1, Accuracy, Regression, Degradation, AveragePrecision, Matthews, AucOfClasses)
