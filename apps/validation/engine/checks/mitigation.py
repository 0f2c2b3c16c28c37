"""What equal treatment would cost: by a threshold for each group, or by learning from weighted rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from apps.models.engine.weights import reweighed
from apps.validation.engine.arrays import Array, Line
from apps.validation.engine.base import (
    CannotRun,
    Check,
    Family,
    Kind,
    Limits,
    Measured,
    Need,
    Sense,
    Titles,
    TooSmall,
    table,
)
from apps.validation.engine.case import Case, Part
from apps.validation.engine.checks.equity import GROUPS, large_groups, told
from apps.validation.engine.checks.fairness import (
    PARAMETERS,
    cells_of,
    count_cells,
    groups_of,
    impact_ratio,
    parity_difference,
    selection_rate,
)
from apps.validation.engine.checks.learning import reference

BINARY = frozenset({Kind.BINARY})


class Mitigation(Check):
    """What it would cost to treat the groups alike by a threshold for each."""

    key = "fair.mitigation"
    family = Family.FAIRNESS
    title = "Price of equal treatment"
    question = "What would it cost in accuracy to reach four fifths with a threshold for each group?"
    metric = "accuracy lost when thresholds by group bring the impact ratio to 0.8"
    unit = "percent"
    source = "post-processing by group thresholds (Hardt et al. 2016); four-fifths rule"
    kinds = BINARY
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.05), "limited": Limits(None, 0.03), "high": Limits(None, 0.02)}
    parameters = {**GROUPS, "favourable": PARAMETERS["favourable"]}
    max_rows = 50_000

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The price; 0 where the ratio is reached as it is. Nothing is changed: a price for those who decide."""
        cells = cells_of(case, settings)
        judged = cells.only(cells.rows >= settings["min_rows"])
        if len(judged.names) < 2:
            raise TooSmall("Fewer than two groups are large enough to judge.")
        ratio = float(impact_ratio(judged.counts))
        if ratio >= 0.8:
            return Measured(0.0, f"The impact ratio is {ratio:.2f} already: nothing has to be paid.")
        groups, small = large_groups(case, settings)
        top = float(selection_rate(judged.counts).max())
        label = raised(case, groups, 0.8 * top, settings["favourable"] == "negative")
        before = float(np.mean(case.said.label == case.test.truth))
        after = float(np.mean(label == case.test.truth))
        sentence = (
            f"With a threshold for each group the ratio is 0.80 and accuracy {after:.1%} instead of {before:.1%}."
        )
        lines = [treated(case, group, label, settings["favourable"] == "negative") for group in groups]
        titles: Titles = {
            "group": ("group", "text"),
            "before": ("favoured", "percent"),
            "after": ("favoured then", "percent"),
            "line": "by a threshold of",
            "right": ("right", "percent"),
            "then": ("right then", "percent"),
        }
        changed = int((label != case.said.label).sum())
        note = f"{changed:,} of {len(label):,} answers would change. Different thresholds by group may be unlawful."
        shown = told(small)
        drawn = [table("A threshold for each group", lines, **titles)]
        notes = [note, *shown["notes"]]
        return Measured(max(0.0, before - after), sentence, tables=drawn, notes=notes, at_best=shown["at_best"])


class Reweighing(Check):
    """What weights on the training rows would do, by a reference learner."""

    key = "fair.reweighing"
    family = Family.FAIRNESS
    title = "Price of reweighed training"
    question = "What would it cost in accuracy to learn from training rows weighted by group and outcome?"
    metric = "accuracy lost by boosted trees when training rows are weighted so that group and outcome are independent"
    unit = "percent"
    source = "reweighing (Kamiran and Calders 2012, section 4.2); the reference learner is scikit-learn's boosted trees"
    kinds = BINARY
    sense = Sense.AT_MOST
    needs = frozenset({Need.TRAIN})
    limits = {"low": Limits(None, 0.05), "limited": Limits(None, 0.03), "high": Limits(None, 0.02)}
    parameters = {**GROUPS, "favourable": PARAMETERS["favourable"]}
    max_rows = 10_000
    train_rows = 20_000

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The price, and what both learners do to the groups. Nothing is changed: a price for those who decide."""
        attributes = settings["attributes"]
        train = case.training.sample(self.train_rows, case.seed)
        missing = [name for name in attributes if name not in train.columns]
        if missing:
            raise CannotRun(f"The training rows do not say {' and '.join(missing)}.")
        groups, small = large_groups(case, settings)
        member = np.full(len(train), -1)
        for place, part in enumerate(groups_of(train, attributes, settings["edges"])):
            member[part.rows] = place
        good = 0 if settings["favourable"] == "negative" else 1
        ways = {"as they are": np.ones(len(train)), "reweighed": reweighed(member, np.asarray(train.truth))}
        lines = [
            learned(way, reference(train, case.test, case, weights).label, groups, case, good)
            for way, weights in ways.items()
        ]
        before, after = lines
        sentence = (
            f"With reweighed training rows a reference learner's impact ratio is {after['ratio']:.2f} instead of "
            f"{before['ratio']:.2f}, its accuracy {after['accuracy']:.1%} instead of {before['accuracy']:.1%}."
        )
        titles: Titles = {
            "way": ("training rows", "text"),
            "ratio": "impact ratio",
            "gap": ("parity difference", "percent"),
            "accuracy": ("accuracy", "percent"),
        }
        shown = [table("The same learner on the same rows", lines, **titles)]
        return Measured(max(0.0, before["accuracy"] - after["accuracy"]), sentence, tables=shown, **told(small))


def learned(way: str, label: Array, groups: Sequence[Part], case: Case, good: int) -> Line:
    """How the labels treat the groups, and how often they are right."""
    counts = count_cells(groups, case.test.truth == good, label == good).counts
    return {
        "way": way,
        "ratio": float(impact_ratio(counts)),
        "gap": float(parity_difference(counts)),
        "accuracy": float(np.mean(label == case.test.truth)),
    }


def treated(case: Case, group: Part, label: Array, turned: bool) -> Line:
    """What becomes of a group: how many are favoured and how many answers are right, as it is and with these labels.

    `line` is the score of the last row that is favoured then; None where none is.
    """
    good, rows = int(not turned), group.rows
    truth, said = case.test.truth[rows], case.said.label[rows]
    favoured = case.said.score[rows][label[rows] == good]
    return {
        "group": group.name,
        "before": float(np.mean(said == good)),
        "after": float(np.mean(label[rows] == good)),
        "line": float(favoured.max() if turned else favoured.min()) if len(favoured) else None,
        "right": float(np.mean(said == truth)),
        "then": float(np.mean(label[rows] == truth)),
    }


def raised(case: Case, groups: Sequence[Part], rate: float, turned: bool) -> Array:
    """Labels in which every group gets the favourable answer at the rate at least, its best scores first."""
    label = case.said.label.copy()
    good, score = (0, -case.said.score) if turned else (1, case.said.score)
    for group in groups:
        places = np.flatnonzero(group.rows)
        wanted = int(np.ceil(rate * len(places)))
        if int((label[places] == good).sum()) < wanted:
            label[places[np.argsort(-score[places], kind="stable")[:wanted]]] = good
    return label


CHECKS = (Mitigation, Reweighing)
