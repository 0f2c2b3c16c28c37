"""Does a feature know too much? One that is nearly the truth, one whose gaps tell, one that names the row."""

from __future__ import annotations

from typing import Any

import numpy as np

from apps.validation.engine.arrays import Array, Floats, Line, codes, is_missing, is_number
from apps.validation.engine.base import (
    TIERS,
    CannotRun,
    Check,
    Family,
    Kind,
    Limits,
    Measured,
    Parameter,
    Sense,
    Titles,
    bars,
    table,
)
from apps.validation.engine.case import Case, Rows
from apps.validation.engine.intervals import bootstrap
from apps.validation.engine.metrics import METRICS, Prediction, Weighted

MAX_FEATURES = 200
TELLS = {
    Kind.BINARY: "ROC AUC",
    Kind.MULTICLASS: "share of right classes",
    Kind.REGRESSION: "squared rank correlation",
}


def as_figures(rows: Rows, name: str, truth: Floats) -> Floats:
    """A feature as figures: a category by the mean of the truth in the other half of the rows, missing as lowest."""
    values = rows.columns[name]
    if is_number(values):
        return np.nan_to_num(values.astype(float), nan=-1e30, posinf=1e30, neginf=-1e30)
    numbers, levels = codes(values)
    found = np.full(len(values), float(truth.mean()))
    even = np.arange(len(values)) % 2 == 0
    for here, other in ((even, ~even), (~even, even)):
        known = other & (numbers >= 0)
        sums = np.bincount(numbers[known], truth[known], minlength=len(levels))
        counts = np.bincount(numbers[known], minlength=len(levels))
        means = np.where(counts > 0, sums / np.maximum(counts, 1), float(truth.mean()))
        found[here] = np.where(numbers[here] >= 0, means[numbers[here]], float(truth.mean()))
    return found


def ranks(values: Floats) -> Floats:
    """Places in order, equal values sharing the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[inverse], dtype=float)


def told_class(figures: Floats, truth: Array, bins: int = 100) -> float:
    """How often the commonest class of a figure's bin, as the even rows know it, is right for the odd rows."""
    edges = np.unique(np.quantile(figures, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(edges, figures, side="left")
    levels, numbers = np.unique(truth, return_inverse=True)
    even = np.arange(len(truth)) % 2 == 0
    counts = np.zeros((len(edges) + 1, len(levels)))
    np.add.at(counts, (place[even], numbers[even]), 1)
    return float(np.mean(counts.argmax(axis=1)[place[~even]] == numbers[~even]))


def knows(case: Case, figures: Floats) -> tuple[float, Weighted | None]:
    """How much of the truth some figures tell alone, and the same under weights where that can be.

    ROC AUC for yes and no, share of right classes where there are several, squared rank correlation for a figure.
    """
    if case.kind is Kind.REGRESSION:
        first, second = ranks(figures), ranks(np.asarray(case.test.truth, dtype=float))
        if not float(np.std(first)) or not float(np.std(second)):
            return 0.0, None
        return float(np.corrcoef(first, second)[0, 1] ** 2), None
    if case.kind is Kind.MULTICLASS:
        return told_class(figures, case.test.truth), None
    area = METRICS["auc"].prepare(case.test.truth, Prediction(figures, case.test.truth))
    value = area(np.ones(len(figures)))
    return (1 - value, _turned(area)) if value < 0.5 else (value, area)


def _turned(area: Weighted) -> Weighted:
    return lambda weights: 1 - area(weights)


class SingleFeature(Check):
    """A feature that is nearly the answer."""

    key = "data.single_feature"
    family = Family.DATA
    title = "A feature too good"
    question = "Does a single feature tell the truth by itself, as only something known afterwards would?"
    metric = "ROC AUC of the best single feature; share of right classes, or squared rank correlation for a figure"
    source = "leakage by a single feature (Kaufman et al. 2012); as in deepchecks and giskard"
    sense = Sense.AT_MOST
    tiers = TIERS
    limits = {"low": Limits(0.999, 0.99), "limited": Limits(0.995, 0.985), "high": Limits(0.995, 0.985)}
    max_rows = 20_000

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The best feature by itself, with its interval, and the ten best."""
        truth = np.asarray(case.test.truth, dtype=float)
        lines: list[Line] = []
        best: tuple[float, Weighted | None] = (0.0, None)
        for name in case.test.features[:MAX_FEATURES]:
            found = knows(case, as_figures(case.test, name, truth))
            lines.append({"feature": name, "alone": found[0]})
            best = max(best, found, key=lambda one: one[0])
        lines.sort(key=lambda line: -line["alone"])
        interval = bootstrap(best[1], len(truth), case.seed, 100) if best[1] else None
        told = TELLS[case.kind]
        return Measured(
            best[0],
            f"{lines[0]['feature']} alone reaches a {told} of {best[0]:.3f}.",
            interval,
            tables=[table("Single features", lines[:10], feature=("feature", "text"), alone=told)],
            figures=[bars("How much does each feature tell alone?", told, lines[:10], "feature", "alone", limits=True)],
        )


class MissingLeak(Check):
    """A gap that gives the answer away."""

    key = "data.missing_leak"
    family = Family.DATA
    title = "Gaps that tell"
    question = "Does it give the answer away that a feature is missing?"
    metric = "ROC AUC of the best single gap; share of right classes, or squared rank correlation for a figure"
    source = "leakage by missingness (Kaufman et al. 2012)"
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.85), "limited": Limits(0.90, 0.75), "high": Limits(0.90, 0.75)}
    max_rows = 50_000

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The gap that tells most."""
        lines: list[Line] = []
        for name in case.test.features[:MAX_FEATURES]:
            gap = is_missing(case.test.columns[name])
            if gap.any() and not gap.all():
                lines.append({"feature": name, "share": float(gap.mean()), "alone": knows(case, gap.astype(float))[0]})
        if not lines:
            return Measured(0.0 if case.kind is Kind.REGRESSION else 0.5, "No feature has gaps in the test rows.")
        lines.sort(key=lambda line: -line["alone"])
        titles: Titles = {"feature": ("feature", "text"), "share": ("missing", "percent"), "alone": "tells alone"}
        sentence = f"That {lines[0]['feature']} is missing tells the truth with {lines[0]['alone']:.3f}."
        return Measured(lines[0]["alone"], sentence, tables=[table("Gaps", lines[:10], **titles)])


class Identifier(Check):
    """Features that name rows instead of describing them."""

    key = "data.identifier"
    family = Family.DATA
    title = "Identifiers among the features"
    question = "Is a feature a number or a name of the row, which a model can only learn by heart?"
    metric = "number of features with nearly as many values as rows, whole numbers or texts"
    unit = "count"
    source = "identifier-label correlation as in deepchecks"
    sense = Sense.AT_MOST
    tiers = TIERS
    limits = {"low": Limits(None, 0.0), "limited": Limits(None, 0.0), "high": Limits(0.0, None)}
    parameters = {"share": Parameter(0.95, "Distinct values as a share of the rows from which on it is one.", 0.5, 1.0)}

    def measure(self, case: Case, share: float = 0.95, **settings: Any) -> Measured:
        """The features that look like identifiers."""
        rows = case.training if case.train is not None else case.test
        if len(rows) < 50:
            raise CannotRun(f"Among {len(rows)} rows nearly everything is distinct.")
        lines: list[Line] = []
        for name in rows.features:
            values = rows.columns[name]
            distinct = distinct_share(values)
            if distinct >= share and (not is_number(values) or looks_counted(values)):
                lines.append({"feature": name, "distinct": distinct})
        names = ", ".join(line["feature"] for line in lines[:5])
        titles: Titles = {"feature": ("feature", "text"), "distinct": ("distinct values", "percent")}
        return Measured(
            float(len(lines)),
            f"Looks like an identifier: {names}." if lines else "No feature looks like an identifier.",
            tables=[table("Features with nearly as many values as rows", lines, **titles)] if lines else [],
            rows_used=len(rows),
        )


def distinct_share(values: Array) -> float:
    """Distinct known values as a share of the known ones."""
    known = values[~is_missing(values)]
    return len(np.unique(known.astype(str) if not is_number(known) else known)) / len(known) if len(known) else 0.0


def looks_counted(values: Array) -> bool:
    """Whether figures are whole and lie as close together as numbers given out one after another, times ten."""
    known = values[~is_missing(values)].astype(float)
    if not len(known) or not np.array_equal(known, np.rint(known)):
        return False
    return float(known.max() - known.min()) >= 0.9 * len(known)


CHECKS = (SingleFeature, MissingLeak, Identifier)
