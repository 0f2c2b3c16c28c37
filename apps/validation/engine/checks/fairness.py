"""Is it fair and unbiased? Rates of groups from cell counts, with intervals; groups too small to judge are named.

Every rate depends only on how many rows of a group had which truth and label: counts of shape (groups, 2, 2). Figures
equal fairlearn's on the same rows; intervals draw the cells anew (multinomial), which is the bootstrap over rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from apps.validation.engine.arrays import Array, Floats
from apps.validation.engine.base import (
    STRICTER_TIERS,
    TIERS,
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
    Table,
    Titles,
    TooSmall,
    Verdict,
    table,
)
from apps.validation.engine.case import Case, Part, Rows, parts_of
from apps.validation.engine.intervals import cell_draws, percentile, wilson

REPEATS = 1000
METHOD = "multinomial draw of the cell counts, percentile"
RateNames = Sequence[str]


@dataclass(frozen=True)
class Cells:
    """Groups by name and their counts: [group, truth, label], label 1 being the favourable answer."""

    names: tuple[str, ...]
    counts: Array

    @property
    def rows(self) -> Array:
        """Rows of each group."""
        return self.counts.sum(axis=(1, 2))

    def only(self, keep: Array) -> Cells:
        """Some of the groups."""
        return Cells(tuple(name for name, kept in zip(self.names, keep, strict=True) if kept), self.counts[keep])


def count_cells(parts: Sequence[Part], truth: Array, label: Array) -> Cells:
    """How many rows of each part had which truth and which label."""
    true, said = np.asarray(truth) == 1, np.asarray(label) == 1
    cell = 2 * true.astype(int) + said
    counts = np.array([np.bincount(cell[part.rows], minlength=4).reshape(2, 2) for part in parts])
    return Cells(tuple(part.name for part in parts), counts)


def _share(above: Array, below: Array) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0, above / np.where(below > 0, below, 1), np.nan)


def selection_rate(counts: Array) -> Floats:
    """Share of each group that gets the favourable answer; the last two axes are truth and label."""
    return _share(counts[..., 1].sum(axis=-1), counts.sum(axis=(-1, -2)))


def true_positive_rate(counts: Array) -> Floats:
    """Share of those with the favourable truth who get the favourable answer."""
    return _share(counts[..., 1, 1], counts[..., 1, :].sum(axis=-1))


def false_positive_rate(counts: Array) -> Floats:
    """Share of those without the favourable truth who get the favourable answer."""
    return _share(counts[..., 0, 1], counts[..., 0, :].sum(axis=-1))


def precision(counts: Array) -> Floats:
    """Share of the favourable answers that are right."""
    return _share(counts[..., 1, 1], counts[..., 1].sum(axis=-1))


RATES: Mapping[str, Callable[[Array], Floats]] = {
    "selection": selection_rate,
    "true_positive": true_positive_rate,
    "false_positive": false_positive_rate,
    "precision": precision,
}


def spread(rates: Floats) -> Floats:
    """Largest minus smallest rate over the groups (last axis)."""
    return np.asarray(np.max(rates, axis=-1) - np.min(rates, axis=-1))


def impact_ratio(counts: Array) -> Floats:
    """Smallest selection rate over largest; 1 where nobody at all is selected, for then all are treated alike."""
    rates = selection_rate(counts)
    top = np.max(rates, axis=-1)
    return np.where(top > 0, np.min(rates, axis=-1) / np.where(top > 0, top, 1), np.where(np.isnan(top), np.nan, 1.0))


def parity_difference(counts: Array) -> Floats:
    """Largest difference of selection rates between two groups."""
    return spread(selection_rate(counts))


def odds_difference(counts: Array) -> Floats:
    """The larger of the differences in true positive and in false positive rate (fairlearn's worst case)."""
    return np.maximum(spread(true_positive_rate(counts)), spread(false_positive_rate(counts)))


def opportunity_difference(counts: Array) -> Floats:
    """Largest difference of true positive rates between two groups."""
    return spread(true_positive_rate(counts))


def precision_difference(counts: Array) -> Floats:
    """Largest difference between two groups in how often the favourable answer is right."""
    return spread(precision(counts))


def groups_of(rows: Rows, attributes: Sequence[str], edges: Sequence[float]) -> list[Part]:
    """The groups of one attribute, or of several crossed; figures are cut at the edges given or at their quartiles."""
    crossed: list[Part] = []
    for attribute in attributes:
        parts = parts_of(attribute, rows.column(attribute), edges=edges if len(attributes) == 1 else ())
        if not crossed:
            crossed = parts
            continue
        crossed = [Part(f"{one.name}, {two.name}", one.rows & two.rows) for one in crossed for two in parts]
    found = [part for part in crossed if part.size]
    if len(found) < 2:
        raise CannotRun(f"{' and '.join(attributes)} has only one value in the test rows.")
    if len(found) > 200:
        raise CannotRun(f"{' and '.join(attributes)} has {len(found)} groups: give edges or another attribute.")
    return found


PARAMETERS: Mapping[str, Parameter] = {
    "attributes": Parameter([], "The protected attribute, or several to be crossed.", required=True),
    "favourable": Parameter("positive", "Which outcome is good for the person.", choices=("positive", "negative")),
    "edges": Parameter([], "Where to cut an attribute that is a figure, such as age; empty for its quartiles."),
    "min_rows": Parameter(100, "Groups with fewer rows are too small to judge.", 20, 100_000),
    "min_each_truth": Parameter(20, "Where rates by truth are compared: rows a group needs of each.", 5, 100_000),
}


class GroupCheck(Check):
    """What the checks of groups share: who is counted, who is too small, how sure the figure is."""

    family = Family.FAIRNESS
    kinds = frozenset({Kind.BINARY})
    parameters = PARAMETERS
    by_truth = False
    rates: RateNames = ("selection",)

    @staticmethod
    def figure(counts: Array) -> Floats:
        """The figure from counts of shape (..., groups, 2, 2)."""
        raise NotImplementedError

    def sentence(self, value: float, cells: Cells) -> str:
        """What the figure says, in words."""
        raise NotImplementedError

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The figure over the groups that are large enough, and every group's rates."""
        cells = cells_of(case, settings)
        judged = cells.only(self.large_enough(cells, settings))
        if len(judged.names) < 2:
            raise TooSmall(
                f"Fewer than two groups of {' and '.join(settings['attributes'])} are large enough to judge."
            )
        repeated = self.figure(cell_draws(judged.counts, REPEATS, case.seed))
        value = float(self.figure(judged.counts))
        small = [name for name in cells.names if name not in judged.names]
        return Measured(
            value,
            self.sentence(value, judged),
            percentile(repeated, method=METHOD),
            tables=[group_table(cells, judged.names)],
            figures=[rate_figure(judged, self.rates)],
            notes=[f"Too small to judge: {', '.join(small)}."] if small else [],
            at_best=Verdict.WARNED if small else Verdict.PASSED,
        )

    def large_enough(self, cells: Cells, settings: Mapping[str, Any]) -> Array:
        """Which groups have the rows that the figure needs."""
        enough = cells.rows >= settings["min_rows"]
        if self.by_truth:
            enough &= (cells.counts.sum(axis=2) >= settings["min_each_truth"]).all(axis=1)
        return np.asarray(enough)


def cells_of(case: Case, settings: Mapping[str, Any]) -> Cells:
    """The counts of the test rows, turned so that 1 is the outcome that is good for the person."""
    turned = settings["favourable"] == "negative"
    truth = 1 - case.test.truth if turned else case.test.truth
    label = 1 - case.said.label if turned else case.said.label
    return count_cells(groups_of(case.test, settings["attributes"], settings["edges"]), truth, label)


def group_table(cells: Cells, judged: Sequence[str]) -> Table:
    """Every group with its rows and rates; the small ones are shown and marked."""
    rates = {name: rate(cells.counts) for name, rate in RATES.items()}
    rows = []
    for place, name in enumerate(cells.names):
        row: dict[str, Any] = {"group": name, "rows": int(cells.rows[place])}
        row.update({key: float(rate[place]) for key, rate in rates.items()})
        row["low"], row["high"] = wilson(float(cells.counts[place, :, 1].sum()), float(cells.rows[place]))
        row["judged"] = "yes" if name in judged else "too small to judge"
        rows.append(row)
    titles: Titles = {
        "group": ("group", "text"),
        "rows": ("rows", "count"),
        "selection": ("selection rate", "percent"),
        "low": ("95 % from", "percent"),
        "high": ("to", "percent"),
        "true_positive": ("true positive rate", "percent"),
        "false_positive": ("false positive rate", "percent"),
        "precision": ("precision", "percent"),
        "judged": ("judged", "text"),
    }
    return table("Rates by group", rows, **titles)


RATE_TITLES = {
    "selection": "selection rate",
    "true_positive": "true positive rate",
    "false_positive": "false positive rate",
    "precision": "precision",
}


def rate_figure(cells: Cells, names: RateNames) -> Figure:
    """The rates that are compared, group by group, with Wilson intervals for the selection rate."""
    series = []
    for name in names:
        rates = RATES[name](cells.counts).tolist()
        bounds: list[tuple[float, float]] = []
        if name == "selection":
            bounds = [wilson(float(counts[:, 1].sum()), float(counts.sum())) for counts in cells.counts]
        series.append(
            Series(
                RATE_TITLES[name], list(cells.names), rates, [low for low, _ in bounds], [high for _, high in bounds]
            )
        )
    return Figure("bars", "Are the groups treated alike?", series, "group", "rate")


def _ends(cells: Cells, rates: Floats) -> tuple[str, float, str, float]:
    low, high = int(np.nanargmin(rates)), int(np.nanargmax(rates))
    return cells.names[low], float(rates[low]), cells.names[high], float(rates[high])


class ImpactRatio(GroupCheck):
    """The four-fifths rule."""

    key = "fair.impact_ratio"
    blind = True
    title = "Impact ratio"
    question = (
        "Does every group get the favourable answer at least four fifths as often as the group that gets it most?"
    )
    metric = "smallest selection rate over largest"
    source = "four-fifths rule, US Uniform Guidelines 1978; fairlearn demographic_parity_ratio"
    sense = Sense.AT_LEAST
    tiers: ClassVar[Sequence[str]] = TIERS
    limits = {"low": Limits(None, 0.80), "limited": Limits(0.70, 0.80), "high": Limits(0.80, 0.90)}
    figure = staticmethod(impact_ratio)

    def sentence(self, value: float, cells: Cells) -> str:
        """Who gets it least often and who most."""
        low, least, high, most = _ends(cells, selection_rate(cells.counts))
        return (
            f"The favourable answer goes to {least:.1%} of {low} and to {most:.1%} of {high}: a ratio of {value:.2f}."
        )


class ParityDifference(GroupCheck):
    """Demographic parity as a difference."""

    key = "fair.parity_difference"
    blind = True
    title = "Parity difference"
    question = "How far apart are the groups in getting the favourable answer?"
    metric = "largest difference of selection rates"
    unit = "percent"
    source = "demographic parity (Dwork et al. 2012); fairlearn demographic_parity_difference"
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.20), "limited": Limits(None, 0.10), "high": Limits(0.20, 0.10)}
    figure = staticmethod(parity_difference)

    def sentence(self, value: float, cells: Cells) -> str:
        """The two groups furthest apart."""
        low, least, high, most = _ends(cells, selection_rate(cells.counts))
        return f"{high} gets the favourable answer in {most:.1%}, {low} in {least:.1%}: {value * 100:.1f} points apart."


class EqualisedOdds(GroupCheck):
    """Errors shared equally."""

    key = "fair.equalised_odds"
    title = "Equalised odds"
    question = "Is the model right, and wrong, equally often for every group?"
    metric = "larger of the differences in true positive and in false positive rate"
    unit = "percent"
    source = "Hardt, Price and Srebro 2016; fairlearn equalized_odds_difference"
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.20), "limited": Limits(0.25, 0.10), "high": Limits(0.20, 0.10)}
    by_truth = True
    rates = ("true_positive", "false_positive")
    figure = staticmethod(odds_difference)

    def sentence(self, value: float, cells: Cells) -> str:
        """Both differences."""
        hits, alarms = spread(true_positive_rate(cells.counts)), spread(false_positive_rate(cells.counts))
        return f"True positive rates are up to {hits * 100:.1f} points apart, false ones up to {alarms * 100:.1f}."


class EqualOpportunity(GroupCheck):
    """Those who deserve the favourable answer get it equally often."""

    key = "fair.equal_opportunity"
    title = "Equal opportunity"
    question = "Among those with the favourable truth, does every group get the favourable answer equally often?"
    metric = "largest difference of true positive rates"
    unit = "percent"
    source = "Hardt, Price and Srebro 2016; fairlearn equal_opportunity_difference"
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.20), "limited": Limits(None, 0.10), "high": Limits(0.20, 0.10)}
    by_truth = True
    rates = ("true_positive",)
    figure = staticmethod(opportunity_difference)

    def sentence(self, value: float, cells: Cells) -> str:
        """The two groups furthest apart."""
        low, least, high, most = _ends(cells, true_positive_rate(cells.counts))
        return (
            f"{high} gets it in {most:.1%} of the deserved cases, {low} in {least:.1%}: {value * 100:.1f} points apart."
        )


class PredictiveParity(GroupCheck):
    """A favourable answer is right equally often."""

    key = "fair.predictive_parity"
    title = "Predictive parity"
    question = "Is a favourable answer right equally often for every group?"
    metric = "largest difference of precision"
    unit = "percent"
    source = "Chouldechova 2017; fairlearn MetricFrame of precision_score"
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.25), "limited": Limits(None, 0.15), "high": Limits(0.25, 0.15)}
    rates = ("precision",)
    figure = staticmethod(precision_difference)

    def large_enough(self, cells: Cells, settings: Mapping[str, Any]) -> Array:
        """A group needs favourable answers, or there is no precision."""
        enough = super().large_enough(cells, settings)
        return np.asarray(enough & (cells.counts[:, :, 1].sum(axis=1) >= settings["min_each_truth"]))

    def sentence(self, value: float, cells: Cells) -> str:
        """The two groups furthest apart."""
        low, least, high, most = _ends(cells, precision(cells.counts))
        return f"The favourable answer is right in {most:.1%} for {high}, in {least:.1%} for {low}."


class Intersection(ImpactRatio):
    """The four-fifths rule where attributes meet."""

    key = "fair.intersection"
    blind = True
    title = "Impact ratio of intersections"
    question = "Does every combination of the attributes get the favourable answer four fifths as often as the first?"
    metric = "smallest selection rate over largest, attributes crossed"
    source = "intersectionality (Crenshaw 1989); four-fifths rule on crossed groups, fairlearn MetricFrame"
    limits = {"low": Limits(None, 0.70), "limited": Limits(None, 0.70), "high": Limits(None, 0.80)}
    tiers = STRICTER_TIERS
    crosses = True


CHECKS = (ImpactRatio, ParityDifference, EqualisedOdds, EqualOpportunity, PredictiveParity, Intersection)
