"""Where is the model weakest, and where is it wrong in the same way again and again?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from apps.validation.engine.arrays import Array, Floats, Line, codes, is_number
from apps.validation.engine.base import (
    CLASSIFIERS,
    TIERS,
    Check,
    Family,
    Interval,
    Kind,
    Limits,
    Measured,
    NothingToAsk,
    Parameter,
    Sense,
    Titles,
    TooSmall,
    bars,
    table,
)
from apps.validation.engine.case import Case, Part, Rows, figure_text, parts_of
from apps.validation.engine.intervals import LEVEL, NORMAL_95, draws, mean_size, percentile
from apps.validation.engine.metrics import BY_SLICE, METRIC_CHOICES, Metric, chosen

MAX_LEVELS = 10
MAX_FEATURES = 60
TREE_DEPTH = 3
MIN_ROWS = Parameter(500, "Slices with fewer rows are not looked at.", 50, 1_000_000)


class WeakestSlice(Check):
    """The weakest category against the other categories of the same column.

    Ranges of figures are left to the check below: within a narrow range of what matters most every sound model ranks
    less well than over the whole range, so that a score by range finds fault with all of them.
    """

    key = "slice.weakest"
    family = Family.CONSISTENCY
    title = "Weakest category"
    question = "Is there a category on which the model is much worse than on the others?"
    metric = "score in the weakest category as a share of that in the other categories of the same column"
    unit = "percent"
    source = "weak segments as in deepchecks (80 %); the other categories as reference are our own"
    tiers = TIERS
    limits = {
        "low": Limits(None, 0.75),
        "limited": Limits(0.70, 0.85),
        "high": Limits(0.80, 0.90),
        "low:regression": Limits(None, 0.40),
        "limited:regression": Limits(0.33, 0.50),
        "high:regression": Limits(0.40, 0.60),
    }
    parameters = {
        "min_rows": MIN_ROWS,
        "metric": Parameter("", "Score to compare; empty for the usual one of the kind.", choices=METRIC_CHOICES),
    }
    max_rows = 200_000

    def measure(self, case: Case, min_rows: int = 500, metric: str = "", **settings: Any) -> Measured:
        """The category with the smallest share, and the ten weakest."""
        score = chosen(metric, case.kind, BY_SLICE)
        if not categories(case.test):
            raise NothingToAsk("No column holds categories: there is none to be weak in.")
        cuts = [large_parts(case, score, name, min_rows) for name in categories(case.test)]
        slices = [one for cut in cuts if len(cut) > 1 for one in compared(case, score, cut)]
        if not slices:
            raise TooSmall(f"No column has two categories of {min_rows} rows with a defined {score.title}.")
        found = sorted(slices, key=lambda one: one.share)
        weakest = found[0]
        rows = [one.line for one in found[:10]]
        titles: Titles = {"slice": ("slice", "text"), "rows": ("rows", "count"), "score": score.title}
        share = "share of the others"
        return Measured(
            weakest.share,
            f"The weakest category is {weakest.part.name}: {score.title} {weakest.score:.3f}, "
            f"against {weakest.reference:.3f} in the others.",
            share_interval(case, score, weakest),
            tables=[table("Weakest categories", rows, **titles, others="in the others", share=(share, "percent"))],
            figures=[bars("Where is the model weakest?", share, rows, "slice", "share")],
            rows_used=len(case.test),
        )


def categories(rows: Rows) -> list[str]:
    """The columns that hold categories, those beside the model's features too."""
    return [name for name, values in rows.columns.items() if not is_number(values)][:MAX_FEATURES]


def large_parts(case: Case, score: Metric, name: str, min_rows: int) -> list[Part]:
    """The categories of a column that have the rows and a defined score."""
    parts = [part for part in parts_of(name, case.test.columns[name]) if part.size >= min_rows]
    return [part for part in parts if np.isfinite(score_of(case, score, part.rows))]


@dataclass(frozen=True)
class Slice:
    """A part beside the others of its cut: both scores, and the one as a share of the other."""

    part: Part
    others: tuple[Part, ...]
    score: float
    reference: float
    share: float

    @property
    def line(self) -> Line:
        """The slice as a row of evidence."""
        return {
            "slice": self.part.name,
            "rows": self.part.size,
            "score": self.score,
            "others": self.reference,
            "share": self.share,
        }


def compared(case: Case, score: Metric, cut: Sequence[Part]) -> list[Slice]:
    """Every part of a cut against the mean of the others, weighted by their rows."""
    sizes = np.array([part.size for part in cut], dtype=float)
    scores = np.array([score_of(case, score, part.rows) for part in cut])
    others = of_others(scores, sizes)
    shares = relative(score, scores, others)
    return [
        Slice(part, tuple(one for one in cut if one is not part), float(ours), float(theirs), float(share))
        for part, ours, theirs, share in zip(cut, scores, others, shares, strict=True)
    ]


def of_others(values: Floats, sizes: Floats) -> Floats:
    """For each entry the mean of all the others, weighted by size."""
    return np.asarray((float(values @ sizes) - values * sizes) / (sizes.sum() - sizes))


def relative(score: Metric, part: Floats, others: Floats) -> Floats:
    """The parts' scores as shares of the others'; above 1 where a part is better, whichever way the metric runs."""
    above, below = (part, others) if score.perfect else (others, part)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(above / below)


def score_of(case: Case, score: Metric, rows: Array) -> float:
    """The metric on some of the test rows."""
    return score.of(case.test.truth[rows], case.said.take(rows))


def share_interval(case: Case, score: Metric, weakest: Slice) -> Interval | None:
    """The interval of the share, the slice and the others drawn together."""
    parts = [weakest.part.rows, *(other.rows for other in weakest.others)]
    sizes = np.array([inside.sum() for inside in parts], dtype=float)
    prepared = [score.prepare(case.test.truth[inside], case.said.take(inside)) for inside in parts]
    drawn = [
        np.array([one(weights[inside]) for one, inside in zip(prepared, parts, strict=True)])
        for weights in draws(len(case.test), 200, case.seed)
    ]
    return percentile(np.array([relative(score, values, of_others(values, sizes))[0] for values in drawn]))


class Systematic(Check):
    """A kind of row on which what happens and what is said differ in the same direction.

    Slices are sought in one half of the rows by a shallow tree on the error, and count only as far as the other half
    confirms them: a sound model has none, however hard its task is.
    """

    key = "slice.systematic"
    family = Family.CONSISTENCY
    title = "Systematic error"
    question = "Is there a kind of row on which the model is wrong in the same way again and again?"
    metric = "largest mean error of a slice in the same direction in both halves of the rows"
    source = "multicalibration (Hebert-Johnson et al. 2018) by a tree on the error; the confirming half is our own"
    kinds = frozenset({Kind.BINARY, Kind.REGRESSION})
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.20), "limited": Limits(0.25, 0.10), "high": Limits(0.20, 0.10)}
    parameters = {"min_rows": MIN_ROWS}
    max_rows = 100_000

    def measure(self, case: Case, min_rows: int = 500, **settings: Any) -> Measured:
        """The largest confirmed error, in probability or in standard deviations of the target."""
        if len(case.test) < 2 * min_rows:
            raise TooSmall(f"{len(case.test)} rows are too few for slices of {min_rows}.")
        error = errors(case)
        seek = np.random.default_rng(case.seed).random(len(case.test)) < 0.5
        parts = [part for part in candidates(case, error, seek, min_rows) if part.size >= min_rows]
        found = sorted((confirmed(part, error, seek) for part in parts), key=lambda row: -row["error"])
        if not found:
            raise TooSmall(f"No slice has {min_rows} rows.")
        worst = found[0]
        title = "Where is the model wrong in the same way?"
        way = "too low" if worst["mean"] > 0 else "too high"
        said = f"What is said is {way} by {abs(worst['mean']):.3f} on average where {worst['slice']}."
        titles: Titles = {
            "slice": ("slice", "text"),
            "rows": ("rows", "count"),
            "mean": "mean error",
            "low": "95 % from",
        }
        return Measured(
            worst["error"],
            said if worst["error"] else "No slice is wrong in the same direction in both halves of the rows.",
            size_interval(worst["low"], worst["high"]),
            tables=[table("Largest mean errors", found[:10], **titles, high="to", error="confirmed")],
            figures=[bars(title, "confirmed mean error", found[:10], "slice", "error", limits=True)],
            rows_used=len(case.test),
        )


def size_interval(low: float, high: float) -> Interval:
    """The interval of the size of a mean whose own interval is given."""
    near = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
    return Interval(near, max(abs(low), abs(high)), LEVEL, "normal, of the mean error")


def errors(case: Case) -> Floats:
    """What happened minus what was said; in standard deviations of the target where that is a figure."""
    error = np.asarray(case.test.truth, dtype=float) - case.said.score
    size = float(np.std(case.test.truth)) if case.kind is Kind.REGRESSION else 1.0
    return error / size if size else error


def candidates(case: Case, error: Floats, seek: Array, min_rows: int) -> list[Part]:
    """Leaves of a tree on the error of one half, and every category and quartile of every column."""
    parts = tree_parts(case.test, error, seek, max(20, min_rows // 2), case.seed)
    for name in list(case.test.columns)[:MAX_FEATURES]:
        parts += parts_of(name, case.test.columns[name])
    return parts


def confirmed(part: Part, error: Floats, seek: Array) -> Line:
    """The mean error of a slice with its interval, and how much of it both halves agree on."""
    halves = [error[part.rows & half] for half in (seek, ~seek)]
    means = [float(half.mean()) if len(half) else 0.0 for half in halves]
    inside = error[part.rows]
    mean, half_width = float(inside.mean()), NORMAL_95 * float(inside.std()) / np.sqrt(len(inside))
    agreed = min(map(abs, means)) if means[0] * means[1] > 0 else 0.0
    return {
        "slice": part.name,
        "rows": part.size,
        "mean": mean,
        "low": mean - half_width,
        "high": mean + half_width,
        "error": agreed,
    }


def questions(rows: Rows) -> tuple[Floats, list[tuple[str, str]]]:
    """What a tree may split on, with (column, level) of each: figures, and the commonest categories as yes or no."""
    columns: list[Array] = []
    names: list[tuple[str, str]] = []
    for name, values in list(rows.columns.items())[:MAX_FEATURES]:
        if is_number(values):
            columns.append(values.astype(float))
            names.append((name, ""))
            continue
        numbers, levels = codes(values)
        common = np.argsort(-np.bincount(numbers[numbers >= 0], minlength=len(levels)), kind="stable")[:MAX_LEVELS]
        columns += [(numbers == level).astype(float) for level in common]
        names += [(name, levels[level]) for level in common]
    return (np.column_stack(columns) if columns else np.empty((len(rows), 0))), names


def tree_parts(rows: Rows, error: Floats, seek: Array, min_rows: int, seed: int) -> list[Part]:
    """The leaves of a shallow tree fitted on the error of the rows in `seek`, as parts of all rows."""
    from sklearn.tree import DecisionTreeRegressor

    asked, names = questions(rows)
    if not names or seek.sum() < 2 * min_rows:
        return []
    tree = DecisionTreeRegressor(max_depth=TREE_DEPTH, min_samples_leaf=min_rows, random_state=seed)
    leaves = tree.fit(asked[seek], error[seek]).apply(asked)
    said = paths(tree.tree_, names)
    return [Part(said[leaf], leaves == leaf) for leaf in np.unique(leaves) if said[leaf]]


def paths(tree: Any, names: Sequence[tuple[str, str]]) -> dict[int, str]:
    """The conditions that lead to every node, in words."""
    said: dict[int, str] = {0: ""}
    for node in range(tree.node_count):
        if tree.children_left[node] < 0:
            continue
        feature, level = names[tree.feature[node]]
        edge = figure_text(float(tree.threshold[node]))
        by_level = (f"{feature} is not {level}", f"{feature} is {level}")
        below, above = by_level if level else (f"{feature} is up to {edge}", f"{feature} is above {edge}")
        for child, condition in ((tree.children_left[node], below), (tree.children_right[node], above)):
            said[int(child)] = f"{said[node]} and {condition}" if said[node] else condition
    return said


class Confidence(Check):
    """A category for which the model is surer, or less sure, than it is right."""

    key = "slice.confidence"
    family = Family.CONSISTENCY
    title = "Over-confidence by category"
    question = "Is there a category for which the model is surer than it is right?"
    metric = "largest distance between the probability of the label and how often it is right, in a category"
    unit = "percent"
    source = "over- and under-confidence by slice as in giskard's scan"
    kinds = CLASSIFIERS
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.20), "limited": Limits(0.25, 0.10), "high": Limits(0.20, 0.10)}
    parameters = {"min_rows": MIN_ROWS}

    def measure(self, case: Case, min_rows: int = 500, **settings: Any) -> Measured:
        """The category with the largest distance, with its normal interval."""
        if not categories(case.test):
            raise NothingToAsk("No column holds categories: there is none to be too sure of.")
        error = confidence_of(case) - (case.said.label == case.test.truth)
        parts = [part for name in categories(case.test) for part in parts_of(name, case.test.columns[name])]
        large = [part for part in parts if part.size >= min_rows]
        if not large:
            raise TooSmall(f"No category has {min_rows} rows.")
        rows: list[Line] = [
            {"category": part.name, "rows": part.size, "mean": float(error[part.rows].mean())} for part in large
        ]
        place = max(range(len(rows)), key=lambda number: abs(rows[number]["mean"]))
        found = rows[place]
        rows.sort(key=lambda row: -abs(row["mean"]))
        way = "surer" if found["mean"] > 0 else "less sure"
        titles: Titles = {"category": ("category", "text"), "rows": ("rows", "count"), "mean": "surer by"}
        return Measured(
            abs(found["mean"]),
            f"Where {found['category']} the model is {abs(found['mean']):.1%} {way} than it is right.",
            mean_size(error[large[place].rows]),
            tables=[table("Probability of the label minus how often it is right", rows[:10], **titles)],
        )


def confidence_of(case: Case) -> Floats:
    """The probability that the model gives to its own label."""
    if case.kind is Kind.BINARY:
        return np.where(case.said.label == 1, case.said.score, 1 - case.said.score)
    return np.asarray(case.said.score if case.said.chances is None else case.said.chances.max(axis=1))


CHECKS = (WeakestSlice, Systematic, Confidence)
