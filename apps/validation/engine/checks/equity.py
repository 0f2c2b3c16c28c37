"""Fair beyond rates: what a score means in each group, whom the attribute moves, what gives it away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from apps.validation.engine.arrays import Array, Flags, Floats, Line, is_number
from apps.validation.engine.base import (
    CLASSIFIERS,
    TIERS,
    CannotRun,
    Check,
    Family,
    Kind,
    Limits,
    Measured,
    NothingToAsk,
    Parameter,
    Sense,
    Titles,
    TooSmall,
    Verdict,
    bars,
    table,
)
from apps.validation.engine.case import Case, Part, ask
from apps.validation.engine.checks.comparison import encoded
from apps.validation.engine.checks.fairness import (
    PARAMETERS,
    groups_of,
)
from apps.validation.engine.intervals import bootstrap, percentile, repeated, share_interval, wilson
from apps.validation.engine.metrics import METRICS, Prediction

BINARY = frozenset({Kind.BINARY})
GROUPS: Mapping[str, Parameter] = {name: PARAMETERS[name] for name in ("attributes", "edges", "min_rows")}


def large_groups(case: Case, settings: Mapping[str, Any]) -> tuple[list[Part], list[str]]:
    """The groups with enough rows, and the names of those without; TooSmall where fewer than two are left."""
    parts = groups_of(case.test, settings["attributes"], settings["edges"])
    large = [part for part in parts if part.size >= settings["min_rows"]]
    if len(large) < 2:
        raise TooSmall(f"Fewer than two groups of {' and '.join(settings['attributes'])} are large enough to judge.")
    return large, [part.name for part in parts if part.size < settings["min_rows"]]


def told(small: Sequence[str]) -> dict[str, Any]:
    """How a result says that some groups were not judged."""
    return {
        "notes": [f"Too small to judge: {', '.join(small)}."] if small else [],
        "at_best": Verdict.WARNED if small else Verdict.PASSED,
    }


def gap(groups: Sequence[Part], values: Floats, case: Case) -> tuple[list[Line], float, Any]:
    """The mean of some values in each group, the largest distance between two, and its interval over rows."""
    inside = [np.asarray(group.rows, dtype=float) for group in groups]

    def apart(weights: Floats) -> float:
        means = [float(weights @ (values * flags)) / max(float(weights @ flags), 1e-12) for flags in inside]
        return max(means) - min(means)

    lines: list[Line] = [
        {"group": group.name, "rows": group.size, "value": float(values[group.rows].mean())} for group in groups
    ]
    return lines, apart(np.ones(len(values))), bootstrap(apart, len(values), case.seed, 300)


TITLES: Titles = {"group": ("group", "text"), "rows": ("rows", "count")}


class GroupCalibration(Check):
    """A score means the same whoever it is given to."""

    key = "fair.calibration"
    family = Family.FAIRNESS
    title = "Calibration by group"
    question = "Does a probability mean the same for every group?"
    metric = "largest distance between two groups in how far what happens lies from what is said"
    unit = "percent"
    source = "calibration within groups (Kleinberg et al. 2017), in the large"
    kinds = BINARY
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.15), "limited": Limits(0.20, 0.08), "high": Limits(0.15, 0.06)}
    parameters = GROUPS

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The distance between the group that is overrated most and the one that is underrated most."""
        groups, small = large_groups(case, settings)
        lines, value, interval = gap(groups, case.test.truth - case.said.score, case)
        low, high = min(lines, key=lambda one: one["value"]), max(lines, key=lambda one: one["value"])
        ends = [f"{one['value']:+.1%} for {one['group']}" for one in (high, low)]
        sentence = f"What happened beyond what was said goes from {' to '.join(ends)}."
        shown = table("What happened minus what was said", lines, **TITLES, value=("mean", "percent"))
        return Measured(value, sentence, interval, tables=[shown], **told(small))


class AccuracyGap(Check):
    """Right equally often for every group."""

    key = "fair.accuracy_gap"
    family = Family.FAIRNESS
    title = "Accuracy by group"
    question = "Is the label right equally often for every group?"
    metric = "largest difference of accuracy between two groups"
    unit = "percent"
    source = "overall accuracy equality (Berk et al. 2018); fairlearn accuracy_score_difference"
    kinds = CLASSIFIERS
    sense = Sense.AT_MOST
    tiers = TIERS
    limits = {"low": Limits(None, 0.20), "limited": Limits(0.25, 0.15), "high": Limits(0.20, 0.12)}
    parameters = GROUPS

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The difference between the group with most and the one with fewest right labels."""
        groups, small = large_groups(case, settings)
        lines, value, interval = gap(groups, (case.said.label == case.test.truth).astype(float), case)
        low, high = min(lines, key=lambda one: one["value"]), max(lines, key=lambda one: one["value"])
        sentence = (
            f"{high['value']:.1%} of the labels are right for {high['group']}, {low['value']:.1%} for {low['group']}."
        )
        shown = table("Share of right labels", lines, **TITLES, value=("right", "percent"))
        return Measured(value, sentence, interval, tables=[shown], **told(small))


class ErrorGap(Check):
    """A figure equally near for every group."""

    key = "fair.error_gap"
    family = Family.FAIRNESS
    title = "Error by group"
    question = "Is the figure equally near the truth for every group?"
    metric = "largest difference of the mean absolute error between two groups, as a share of the overall one"
    unit = "percent"
    source = "fairlearn mean_absolute_error_group differences; bounded group loss (Agarwal et al. 2019)"
    kinds = frozenset({Kind.REGRESSION})
    sense = Sense.AT_MOST
    tiers = TIERS
    limits = {"low": Limits(None, 0.50), "limited": Limits(0.60, 0.30), "high": Limits(0.50, 0.25)}
    parameters = GROUPS

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The difference between the group with the largest and the one with the smallest error."""
        groups, small = large_groups(case, settings)
        error = np.abs(np.asarray(case.test.truth, dtype=float) - case.said.score)
        whole = float(error.mean())
        if not whole:
            raise CannotRun("The model makes no error on these rows.")
        lines, value, interval = gap(groups, error / whole, case)
        high = max(lines, key=lambda one: one["value"])
        sentence = f"The mean error is {whole:.4g} and largest for {high['group']}: {high['value'] - 1:+.1%}."
        shown = table("Mean absolute error as a share of the overall one", lines, **TITLES, value=("share", "percent"))
        return Measured(value, sentence, interval, tables=[shown], **told(small))


class Flip(Check):
    """The same person with another value of the attribute."""

    key = "fair.flip"
    blind = True
    family = Family.FAIRNESS
    title = "Attribute exchanged"
    question = "Does the answer change when nothing but the protected attribute changes?"
    metric = "share of rows whose label changes for some other value; for a figure the mean move in deviations"
    unit = "percent"
    source = "counterfactual flip test, after Kusner et al. 2017 without a causal model"
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.10), "limited": Limits(0.20, 0.05), "high": Limits(0.10, 0.02)}
    parameters = {"attributes": PARAMETERS["attributes"]}
    max_rows = 5_000
    values = 5

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The share; 0 where the model does not see the attribute."""
        attribute = settings["attributes"][0]
        case.test.column(attribute)
        if attribute not in case.test.features:
            raise NothingToAsk(f"The model does not see {attribute}; what stands for it is another check.")
        moved = np.zeros(len(case.test))
        for value in common_values(case.test.columns[attribute], self.values):
            column = np.full(len(case.test), value, dtype=case.test.columns[attribute].dtype)
            said = ask(case.model, case.test, {**case.test.inputs, attribute: column})
            moved = np.maximum(moved, self.distance(case, said))
        value = float(moved.mean())
        interval = None if case.kind is Kind.REGRESSION else share_interval(float(moved.sum()), len(moved))
        return Measured(
            value,
            f"With another {attribute} {value:.1%} of the answers would change.",
            interval,
            offending_rows=case.test.places(moved > 0),
        )

    @staticmethod
    def distance(case: Case, said: Prediction) -> Floats:
        """1 for a row whose label changed; for a figure how far it moved, in standard deviations of the target."""
        if case.kind is Kind.REGRESSION:
            return np.asarray(np.abs(said.score - case.said.score) / (float(np.std(case.said.score)) or 1.0))
        return np.asarray(said.label != case.said.label, dtype=float)


def common_values(values: Array, most: int) -> list[Any]:
    """The commonest values of a category, or quantiles of a figure."""
    if is_number(values) and len(np.unique(values)) > most:
        return np.unique(np.nanquantile(values.astype(float), np.linspace(0.1, 0.9, most))).tolist()
    found, counts = np.unique(values.astype(str) if not is_number(values) else values, return_counts=True)
    return found[np.argsort(-counts, kind="stable")][:most].tolist()


class Proxy(Check):
    """Features that give the attribute away."""

    key = "fair.proxy"
    blind = True
    family = Family.FAIRNESS
    title = "Proxies"
    question = "Do the other features give the protected attribute away?"
    metric = "mean ROC AUC with which boosted trees tell the groups from the other features of the model"
    source = "proxy discrimination by prediction of the attribute (Feldman et al. 2015)"
    sense = Sense.AT_MOST
    tiers = TIERS
    limits = {"low": Limits(None, 0.95), "limited": Limits(None, 0.90), "high": Limits(None, 0.80)}
    parameters = GROUPS
    max_rows = 10_000

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The AUC on the half of the rows that the trees have not seen, and the features that tell most."""
        groups, small = large_groups(case, settings)
        features = tuple(name for name in case.test.features if name not in settings["attributes"])
        if not features:
            raise CannotRun("The model has no other feature.")
        member = np.full(len(case.test), -1)
        for place, group in enumerate(groups):
            member[group.rows] = place
        value, spread, lines = told_by(case, features, member, len(groups))
        titles: Titles = {"feature": ("feature", "text"), "alone": "ROC AUC alone"}
        name = " and ".join(settings["attributes"])
        return Measured(
            value,
            f"From the other features {name} is told with a ROC AUC of {value:.2f}; {lines[0]['feature']} tells most.",
            spread,
            tables=[table("Features that give it away", lines[:10], **titles)],
            figures=[bars("What stands for the attribute?", "ROC AUC alone", lines[:10], "feature", "alone")],
            **told(small),
        )


def told_by(case: Case, features: tuple[str, ...], member: Array, groups: int) -> tuple[float, Any, list[Line]]:
    """How well trees on half of the rows tell the groups in the other half: AUC, its interval, each feature alone."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows = case.test.take(member >= 0)
    member = member[member >= 0]
    halves = np.random.default_rng(case.seed).random(len(rows)) < 0.5
    seen, asked = rows.take(halves), rows.take(~halves)
    first, second = encoded(replace(seen, features=features), replace(asked, features=features))
    trees = HistGradientBoostingClassifier(max_iter=40, early_stopping=False, random_state=case.seed)
    chances = trees.fit(first, member[halves]).predict_proba(second)
    truth = member[~halves]
    metric = METRICS["auc_ovr"].prepare(truth, Prediction(chances[:, 0], truth, chances))
    value = metric(np.ones(len(truth)))
    if not np.isfinite(value):
        raise TooSmall("A group is missing in one half of the rows.")
    lines: list[Line] = []
    for place, name in enumerate(features):
        alone = [one_sided(second[:, place], truth == group) for group in range(groups)]
        lines.append({"feature": name, "alone": float(np.nanmax(alone))})
    lines.sort(key=lambda line: -line["alone"])
    return value, percentile(repeated(metric, len(truth), case.seed, 100)), lines


def one_sided(score: Floats, outcome: Flags) -> float:
    """The AUC of a single feature, whichever way it runs; missing values rank lowest."""
    value = METRICS["auc"].of(outcome, Prediction(np.nan_to_num(score, nan=-np.inf), outcome))
    return max(value, 1 - value)


class Power(Check):
    """Groups that are too small for anybody to judge."""

    key = "fair.power"
    family = Family.FAIRNESS
    title = "Groups large enough"
    question = "Has every group enough rows for its treatment to be judged?"
    metric = "number of groups with too few rows"
    unit = "count"
    source = "own; a group that cannot be judged is no group treated well"
    sense = Sense.AT_MOST
    tiers = TIERS
    limits = {"low": Limits(None, 0.0), "limited": Limits(None, 0.0), "high": Limits(None, 0.0)}
    parameters = GROUPS

    def measure(self, case: Case, **settings: Any) -> Measured:
        """How many groups are too small, and how sure a rate of one half would be in each."""
        parts = groups_of(case.test, settings["attributes"], settings["edges"])
        lines: list[Line] = []
        for part in parts:
            low, high = wilson(part.size / 2, part.size)
            lines.append({"group": part.name, "rows": part.size, "width": high - low})
        small = [line["group"] for line in lines if line["rows"] < settings["min_rows"]]
        enough = f"All {len(parts)} groups have {settings['min_rows']} rows or more."
        sentence = f"Too small to judge: {', '.join(small)}." if small else enough
        shown = table("How sure a rate of one half would be", lines, **TITLES, width=("width of 95 %", "percent"))
        return Measured(float(len(small)), sentence, tables=[shown])


CHECKS = (GroupCalibration, AccuracyGap, ErrorGap, Flip, Proxy, Power)
