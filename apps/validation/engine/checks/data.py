"""Can the test data be trusted? Rows it shares with training, rows it holds twice, features that look elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np

from apps.validation.engine.arrays import Array, Floats, Line, codes, figure_bits, is_missing, is_number, mixed
from apps.validation.engine.base import (
    TIERS,
    CannotRun,
    Check,
    Family,
    Interval,
    Limits,
    Measured,
    Need,
    Parameter,
    Sense,
    bars,
    table,
)
from apps.validation.engine.case import Case, Rows
from apps.validation.engine.intervals import share_interval

EMPTY_SHARE = 1e-4


def fingerprints(rows: Rows, names: tuple[str, ...], levels: dict[str, list[str]]) -> Array:
    """One 64-bit number for features and truth of each row; missing values are alike, zero has one sign."""
    total = mixed(np.zeros(len(rows)))
    for name in names:
        values = rows.columns[name]
        part = figure_bits(values.astype(float)) if is_number(values) else codes(values, levels[name])[0] + 1
        total = mixed(total ^ mixed(part))
    return mixed(total ^ mixed(figure_bits(np.asarray(rows.truth, dtype=float))))


def known_levels(sets: tuple[Rows, ...], names: tuple[str, ...]) -> dict[str, list[str]]:
    """For every text column the values that any of the sets holds, so that all of them number alike."""
    levels = {}
    for name in names:
        if not is_number(sets[0].columns[name]):
            levels[name] = sorted({level for rows in sets for level in codes(rows.columns[name])[1]})
    return levels


class Leak(Check):
    """Test rows that the model has already seen, beyond what coarse data meet by chance.

    Rows of a few rounded features have twins without any leak. How many is told by the training rows themselves: the
    share of them that have a twin among the others is the share of new rows that would meet one.
    """

    key = "data.leak"
    family = Family.DATA
    title = "Test rows seen in training"
    question = "Are the test rows new to the model?"
    metric = "share of test rows found in training, features and truth alike, beyond the share met by chance"
    unit = "percent"
    source = "train and test sample mix as in deepchecks (5 %); the correction for chance is our own"
    sense = Sense.AT_MOST
    needs = frozenset({Need.TRAIN})
    tiers = TIERS
    limits = {"low": Limits(None, 0.10), "limited": Limits(0.20, 0.05), "high": Limits(0.20, 0.05)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The share beyond chance, with its interval, and the rows that were met."""
        names = case.test.features
        levels = known_levels((case.training, case.test), names)
        seen, counts = np.unique(fingerprints(case.training, names, levels), return_counts=True)
        met = np.isin(fingerprints(case.test, names, levels), seen)
        expected = float(counts[counts > 1].sum() / counts.sum())
        share, interval = float(met.mean()), share_interval(float(met.sum()), len(met))
        by_chance = f"By chance {expected:.1%} would be met: as many training rows have a twin in training."
        return Measured(
            beyond(share, expected),
            f"{int(met.sum()):,} of {len(met):,} test rows are also in the training rows. {by_chance}",
            Interval(beyond(interval.low, expected), beyond(interval.high, expected), method="Wilson, beyond chance"),
            offending_rows=case.test.places(met) if share > expected else [],
        )


def beyond(share: float, chance: float) -> float:
    """How much of what chance leaves over is taken: 0 at or below chance, 1 where everything is met."""
    return max(0.0, (share - chance) / (1 - chance)) if chance < 1 else 0.0


class Duplicates(Check):
    """Test rows that are there more than once."""

    key = "data.duplicates"
    family = Family.DATA
    title = "Duplicate test rows"
    question = "Does every test row count once?"
    metric = "share of test rows that are the exact copy of an earlier one, over all columns of the file"
    unit = "percent"
    source = "data duplicates as in deepchecks (5 %)"
    sense = Sense.AT_MOST
    tiers = TIERS
    limits = {"low": Limits(None, 0.10), "limited": Limits(0.20, 0.05), "high": Limits(0.20, 0.05)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The share and the rows that repeat an earlier one."""
        names = case.test.features
        marks = case.test.marks
        if marks is None:
            marks = fingerprints(case.test, names, known_levels((case.test,), names))
        _, first = np.unique(marks, return_index=True)
        repeats = np.ones(len(marks), dtype=bool)
        repeats[first] = False
        value, interval = float(repeats.mean()), share_interval(float(repeats.sum()), len(marks))
        return Measured(
            value,
            f"{int(repeats.sum()):,} of {len(marks):,} test rows are the exact copy of an earlier one.",
            interval,
            offending_rows=case.test.places(repeats),
        )


def psi(reference: Array, current: Array, bins: int = 10) -> float:
    """Population stability index between two columns: sum of (b - a) ln(b / a) over bins; empty shares count as 0.0001.

    Figures are cut at the reference's quantiles, right-closed; categories are bins themselves, missing values one more.
    """
    if is_number(reference) and is_number(current):
        before, now = _figure_counts(reference.astype(float), current.astype(float), bins)
    else:
        levels = sorted(set(codes(reference)[1]) | set(codes(current)[1]))
        before, now = (
            np.bincount(codes(values, levels)[0] + 1, minlength=len(levels) + 1) for values in (reference, current)
        )
    a, b = (np.maximum(counts / counts.sum(), EMPTY_SHARE) for counts in (before, now))
    return float(np.sum((b - a) * np.log(b / a)))


def by_chance(groups: int, before: int, now: int, features: int) -> float:
    """The index that one in twenty data sets without any movement would reach in some feature (Yurdakul 2018)."""
    from scipy.stats import chi2

    return float(chi2.ppf(1 - 0.05 / max(features, 1), max(groups - 1, 1))) * (1 / before + 1 / now)


def _figure_counts(reference: Floats, current: Floats, bins: int) -> tuple[Array, Array]:
    known = reference[~np.isnan(reference)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1])) if len(known) else np.array([])
    counts = []
    for values in (reference, current):
        missing = is_missing(values)
        inside = np.bincount(np.searchsorted(edges, values[~missing], side="left"), minlength=len(edges) + 1)
        counts.append(np.r_[inside, missing.sum()])
    return counts[0], counts[1]


class Drift(Check):
    """Whether test rows come from another world than training rows."""

    key = "data.drift"
    blind = True
    family = Family.DATA
    title = "Train and test alike"
    question = "Do the test rows look like the rows the model was trained on?"
    metric = "largest population stability index of a feature, training against test rows, beyond what chance makes"
    source = "population stability index, 0.10 and 0.25 by convention (Siddiqi 2006); chance by Yurdakul 2018"
    sense = Sense.AT_MOST
    needs = frozenset({Need.TRAIN})
    tiers = TIERS
    limits = {"low": Limits(None, 0.25), "limited": Limits(None, 0.10), "high": Limits(None, 0.10)}
    parameters = {"bins": Parameter(10, "Groups of a figure.", 2, 50)}

    def measure(self, case: Case, bins: int = 10, **settings: Any) -> Measured:
        """The index of every feature; one that moved is named."""
        if not case.test.features:
            raise CannotRun("The model has no features.")
        before, now = case.training.columns, case.test.columns
        moved: list[Line] = [
            {"feature": name, "psi": psi(before[name], now[name], bins)} for name in case.test.features
        ]
        for row in moved:
            groups = bins if is_number(now[row["feature"]]) else len(codes(now[row["feature"]])[1])
            chance = by_chance(groups, len(case.training), len(case.test), len(moved))
            row["beyond"] = max(0.0, row["psi"] - chance)
        moved.sort(key=lambda row: -row["beyond"])
        title = "Which features differ between training and test?"
        return Measured(
            moved[0]["beyond"],
            f"{moved[0]['feature']} moved most between training and test rows.",
            tables=[
                table("Movement of each feature", moved, feature=("feature", "text"), psi="PSI", beyond="beyond chance")
            ],
            figures=[bars(title, "PSI", moved[:15], "feature", "beyond", limits=True)],
        )


CHECKS = (Leak, Duplicates, Drift)
