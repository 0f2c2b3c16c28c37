"""Do test rows come from the world of the training rows? Feature by feature, all together, and in their unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from apps.validation.engine.arrays import Array, Flags, Floats, Line, codes, is_missing, is_number
from apps.validation.engine.base import (
    TIERS,
    Check,
    Family,
    Interval,
    Kind,
    Limits,
    Measured,
    Need,
    Parameter,
    Sense,
    Titles,
    TooSmall,
    bars,
    table,
)
from apps.validation.engine.case import Case, Rows
from apps.validation.engine.checks.comparison import encoded
from apps.validation.engine.intervals import NORMAL_95, percentile, repeated, share_interval
from apps.validation.engine.metrics import METRICS, Prediction

TRAINING = frozenset({Need.TRAIN})


class MissingShift(Check):
    """Gaps that one side does not have."""

    key = "data.missing_shift"
    blind = True
    family = Family.DATA
    title = "Gaps in training and test"
    question = "Are as many values missing in the test rows as in training?"
    metric = "largest difference in the share of missing values of a feature"
    unit = "percent"
    source = "own; missing values by feature"
    sense = Sense.AT_MOST
    needs = TRAINING
    limits = {"low": Limits(None, 0.20), "limited": Limits(0.30, 0.05), "high": Limits(0.20, 0.05)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The feature with the largest difference, with the interval of a difference of shares."""
        lines: list[Line] = []
        for name in case.test.features:
            before = float(is_missing(case.training.columns[name]).mean())
            now = float(is_missing(case.test.columns[name]).mean())
            lines.append({"feature": name, "train": before, "test": now, "difference": abs(now - before)})
        lines.sort(key=lambda line: -line["difference"])
        first = lines[0]
        spread = first["train"] * (1 - first["train"]) / len(case.training)
        spread += first["test"] * (1 - first["test"]) / len(case.test)
        half = NORMAL_95 * float(np.sqrt(spread))
        low, high = max(0.0, first["difference"] - half), min(1.0, first["difference"] + half)
        titles: Titles = {
            "feature": ("feature", "text"),
            "train": ("missing in training", "percent"),
            "test": ("in the test rows", "percent"),
        }
        return Measured(
            first["difference"],
            f"{first['feature']} is missing in {first['test']:.1%} of the test rows, in training {first['train']:.1%}.",
            Interval(low, high, method="normal, of a difference of shares"),
            tables=[table("Missing values", lines[:20], **titles)],
        )


class Domain(Check):
    """Test rows that lie where training has never been."""

    key = "data.domain"
    blind = True
    family = Family.DATA
    title = "Outside what was learned"
    question = "How many test rows hold a figure or a category that training never saw?"
    metric = "share of test rows with a figure outside the range, or a category outside the list, of the training rows"
    unit = "percent"
    source = "own; domain of applicability"
    sense = Sense.AT_MOST
    needs = TRAINING
    tiers = TIERS
    limits = {"low": Limits(None, 0.20), "limited": Limits(0.30, 0.10), "high": Limits(0.20, 0.05)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The share, and how much each feature adds to it."""
        outside, lines = rows_outside(case.training, case.test)
        value = float(outside.mean())
        titles: Titles = {"feature": ("feature", "text"), "share": ("rows outside", "percent")}
        return Measured(
            value,
            f"{value:.1%} of the test rows lie outside what training saw, most by {lines[0]['feature']}.",
            share_interval(float(outside.sum()), len(outside)),
            tables=[table("Rows outside, by feature", lines[:20], **titles)],
            offending_rows=case.test.places(outside),
        )


def rows_outside(known: Rows, asked: Rows) -> tuple[Flags, list[Line]]:
    """Which rows hold a value that others never had, and how many do so by each feature, the worst first."""
    outside = np.zeros(len(asked), dtype=bool)
    lines: list[Line] = []
    for name in asked.features:
        beyond = unknown_to(known.columns[name], asked.columns[name])
        lines.append({"feature": name, "share": float(beyond.mean())})
        outside |= beyond
    return outside, sorted(lines, key=lambda line: -line["share"])


def unknown_to(seen: Array, asked: Array) -> Array:
    """Which values lie outside what was seen, by more than a tenth of the range or by name; missing ones do not."""
    if is_number(seen) and is_number(asked):
        known = seen[~is_missing(seen)].astype(float)
        if not len(known):
            return ~is_missing(asked)
        slack = 0.1 * float(known.max() - known.min())
        values = asked.astype(float)
        return np.asarray((values < known.min() - slack) | (values > known.max() + slack))
    _, levels = codes(seen)
    return np.asarray((codes(asked, levels)[0] < 0) & ~is_missing(asked))


# Factors between units that are mixed up: metric prefixes, hours and minutes, miles, inches, feet, pounds, shares.
FACTORS = (10.0, 12.0, 24.0, 60.0, 100.0, 1000.0, 3600.0, 1e6, 1.609344, 2.54, 3.28084, 0.45359237, 1.8)


class Units(Check):
    """A feature in another unit than in training."""

    key = "data.units"
    blind = True
    family = Family.DATA
    title = "Units"
    question = "Do the test rows come in the units of the training rows?"
    metric = "number of features that look like training only after a change of unit"
    unit = "count"
    source = "own; two-sample distance (Kolmogorov and Smirnov) before and after common factors of units"
    sense = Sense.AT_MOST
    needs = TRAINING
    tiers = TIERS
    limits = {"low": Limits(None, 0.0), "limited": Limits(0.0, None), "high": Limits(0.0, None)}
    max_rows = 20_000
    apart, alike = 0.35, 0.12

    def measure(self, case: Case, **settings: Any) -> Measured:
        """Every feature over all rows and within each category, against training in the factors of units."""
        train = case.training.sample(20_000, case.seed)
        lines: list[Line] = []
        for where, seen, asked in parts_of_both(train, case.test):
            for name in case.test.numeric:
                before, now = known(seen.columns[name]), known(asked.columns[name])
                factor = unit_between(before, now, self.apart, self.alike)
                if factor is not None:
                    lines.append({"feature": name, "where": where, "factor": factor})
        features = sorted({line["feature"] for line in lines})
        titles: Titles = {"feature": ("feature", "text"), "where": ("in", "text"), "factor": "times training"}
        return Measured(
            float(len(features)),
            f"In another unit than training, it seems: {', '.join(features)}." if lines else "All units look alike.",
            tables=[table("Features in another unit", lines, **titles)] if lines else [],
        )


def known(values: Array) -> Floats:
    """The values that are there, as doubles."""
    return values[~is_missing(values)].astype(float)


def parts_of_both(train: Rows, test: Rows, least: int = 200) -> list[tuple[str, Rows, Rows]]:
    """All rows of both sides, and those of every category that has enough on both sides."""
    parts = [("all rows", train, test)]
    for name in test.features:
        if is_number(test.columns[name]):
            continue
        here, levels = codes(test.columns[name])
        there, _ = codes(train.columns[name], levels)
        for place, level in enumerate(levels[:20]):
            inside, seen = here == place, there == place
            if inside.sum() >= least and seen.sum() >= least:
                parts.append((f"{name} = {level}", train.take(seen), test.take(inside)))
    return parts


def unit_between(before: Floats, now: Floats, apart: float, alike: float) -> float | None:
    """The factor by which some figures must be divided to look like others; None where they do already or never do."""
    if len(before) < 50 or len(now) < 50 or len(np.unique(before)) < 10 or distance(before, now) < apart:
        return None
    for factor in (*FACTORS, *(1 / one for one in FACTORS)):
        if distance(before, now / factor) < alike:
            return factor
    if distance(before, (now - 32) / 1.8) < alike or distance(before, now * 1.8 + 32) < alike:
        return 1.8
    return None


def distance(first: Floats, second: Floats) -> float:
    """The Kolmogorov-Smirnov distance of two samples."""
    both = np.sort(np.concatenate([first, second]))
    here = np.searchsorted(np.sort(first), both, side="right") / len(first)
    there = np.searchsorted(np.sort(second), both, side="right") / len(second)
    return float(np.max(np.abs(here - there)))


class Constant(Check):
    """A feature that stands still on one side."""

    key = "data.constant"
    blind = True
    family = Family.DATA
    title = "Features that stand still"
    question = "Does a feature have one value only on one side, while it varies on the other?"
    metric = "number of features with a single value in training or in test rows, but not in both"
    unit = "count"
    source = "single value as in deepchecks"
    sense = Sense.AT_MOST
    needs = TRAINING
    limits = {"low": Limits(None, 0.0), "limited": Limits(None, 0.0), "high": Limits(0.0, None)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The number and the names."""
        still = [
            name
            for name in case.test.features
            if single(case.test.columns[name]) != single(case.training.columns[name])
        ]
        sentence = (
            f"Stands still on one side: {', '.join(still[:10])}." if still else "Every feature varies on both sides."
        )
        return Measured(float(len(still)), sentence)


def single(values: Array) -> bool:
    """Whether a column holds a single value, or none."""
    there = values[~is_missing(values)]
    return not len(there) or bool(np.all(there == there[0]))


class TargetShift(Check):
    """The truth itself has moved."""

    key = "data.target_shift"
    family = Family.DATA
    title = "The truth in training and test"
    question = "Does the outcome happen as often in the test rows as in training?"
    metric = "largest difference in the share of an outcome; for a figure the move of its mean in deviations"
    unit = "percent"
    source = "prior shift (Moreno-Torres et al. 2012)"
    sense = Sense.AT_MOST
    needs = TRAINING
    limits = {"low": Limits(None, 0.20), "limited": Limits(0.25, 0.10), "high": Limits(0.20, 0.10)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The difference, with its normal interval."""
        before, now = case.training.truth, case.test.truth
        levels: Sequence[Any] = [None] if case.kind is Kind.REGRESSION else sorted({*before.tolist(), *now.tolist()})
        size = (float(np.std(before)) or 1.0) if case.kind is Kind.REGRESSION else 1.0
        lines: list[Line] = []
        for level in levels:
            old, new = (
                values.astype(float) if level is None else (values == level).astype(float) for values in (before, now)
            )
            spread = float(np.sqrt(np.var(old) / len(old) + np.var(new) / len(new))) / size
            moved = float(new.mean() - old.mean()) / size
            name = "mean" if level is None else str(level)
            lines.append(
                {"outcome": name, "train": float(old.mean()), "test": float(new.mean()), "moved": moved, "half": spread}
            )
        first = max(lines, key=lambda line: abs(line["moved"]))
        half = NORMAL_95 * first["half"]
        value = abs(first["moved"])
        titles: Titles = {
            "outcome": ("outcome", "text"),
            "train": "training",
            "test": "test rows",
            "moved": "difference",
        }
        return Measured(
            value,
            f"Outcome {first['outcome']}: {first['train']:.3g} in training, {first['test']:.3g} in the test rows.",
            Interval(max(0.0, value - half), value + half, method="normal, of a difference"),
            tables=[table("Outcomes", lines[:20], **titles)],
        )


class Separable(Check):
    """Whether a row can be told to be a test row."""

    key = "data.separable"
    blind = True
    family = Family.DATA
    title = "Training and test told apart"
    question = "Can a learner tell test rows from training rows by their features?"
    metric = "ROC AUC of boosted trees that tell test rows from training rows, on rows they have not seen"
    source = "classifier two-sample test (Lopez-Paz and Oquab 2017)"
    sense = Sense.AT_MOST
    needs = TRAINING
    limits = {"low": Limits(None, 0.80), "limited": Limits(None, 0.70), "high": Limits(None, 0.65)}
    parameters = {"rows": Parameter(4_000, "Rows of each side.", 200, 50_000)}

    def measure(self, case: Case, rows: int = 4_000, **settings: Any) -> Measured:
        """The AUC with its interval, and the features that tell most."""
        return told_apart(case.training, case.test, "training", rows, case.seed)


def told_apart(others: Rows, test: Rows, name: str, rows: int, seed: int) -> Measured:
    """How well boosted trees tell test rows from others, on halves they have not seen, and by which features."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    others, test = others.sample(rows, seed), test.sample(rows, seed)
    if min(len(others), len(test)) < 100:
        raise TooSmall("Fewer than 100 rows on one side.")
    first, second = encoded(others, test)
    figures = np.concatenate([first, second])
    side = np.r_[np.zeros(len(first)), np.ones(len(second))]
    halves = np.random.default_rng(seed).random(len(side)) < 0.5
    trees = HistGradientBoostingClassifier(max_iter=40, early_stopping=False, random_state=seed)
    said = trees.fit(figures[halves], side[halves]).predict_proba(figures[~halves])[:, 1]
    area = METRICS["auc"].prepare(side[~halves], Prediction(said, said))
    value = area(np.ones(len(said)))
    lines = telling(test.features, figures[~halves], side[~halves])
    return Measured(
        value,
        f"Test rows are told from {name} rows with a ROC AUC of {value:.2f}; {lines[0]['feature']} tells most.",
        percentile(repeated(area, len(said), seed, 100)),
        tables=[table("Features that tell", lines[:10], feature=("feature", "text"), alone="ROC AUC alone")],
        figures=[bars("What tells test rows apart?", "ROC AUC alone", lines[:10], "feature", "alone")],
        rows_used=len(test),
    )


def telling(names: Sequence[str], figures: Floats, side: Floats) -> list[Line]:
    """How well each feature alone tells the sides apart, the best first."""
    lines: list[Line] = []
    for place, name in enumerate(names):
        score = np.nan_to_num(figures[:, place], nan=-1e30)
        value = METRICS["auc"].of(side, Prediction(score, score))
        lines.append({"feature": name, "alone": max(value, 1 - value)})
    return sorted(lines, key=lambda line: -line["alone"])


CHECKS = (MissingShift, Domain, Units, Constant, TargetShift, Separable)
