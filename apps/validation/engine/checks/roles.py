"""What the plan brings besides test and training: a population to stand for, rows that are hard, slices by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from apps.validation.engine.arrays import Flags, Line
from apps.validation.engine.base import (
    TIERS,
    CannotRun,
    Check,
    Family,
    Kind,
    Limits,
    Measured,
    Need,
    Parameter,
    Sense,
    Titles,
    TooSmall,
    Verdict,
    table,
)
from apps.validation.engine.case import Case, Rows
from apps.validation.engine.checks.consistency import METRIC, weakest_part
from apps.validation.engine.checks.performance import lost_between
from apps.validation.engine.checks.ranking import RANKING, TOP, RankingCheck, gains_of, list_numbers, mean
from apps.validation.engine.checks.robustness import unsound, without_answer
from apps.validation.engine.checks.shift import rows_outside, told_apart
from apps.validation.engine.filters import FilterError, read_filter
from apps.validation.engine.intervals import MIN_ROWS, share_interval
from apps.validation.engine.metrics import BY_SLICE, Metric, Prediction, chosen
from apps.validation.engine.ranking import lists, ndcg


def reference_of(case: Case) -> Rows:
    """The reference rows; CannotRun without them."""
    if case.reference is None:
        raise CannotRun(case.why_absent(Need.REFERENCE))
    return case.reference


class Represents(Check):
    """Whether the test rows stand for the population that the model is for."""

    key = "data.represents"
    family = Family.DATA
    title = "Test rows and the reference told apart"
    question = "Do the test rows look like the population that the model is for?"
    metric = "ROC AUC of boosted trees that tell test rows from reference rows, on rows they have not seen"
    source = "classifier two-sample test (Lopez-Paz and Oquab 2017)"
    sense = Sense.AT_MOST
    needs = frozenset({Need.REFERENCE})
    tiers = TIERS
    blind = True
    limits = {"low": Limits(None, 0.75), "limited": Limits(0.85, 0.65), "high": Limits(0.75, 0.60)}
    parameters = {"rows": Parameter(4_000, "Rows of each side.", 200, 50_000)}

    def measure(self, case: Case, rows: int = 4_000, **settings: Any) -> Measured:
        """The AUC with its interval, and the features that tell most."""
        return told_apart(reference_of(case), case.test, "reference", rows, case.seed)


class Uncovered(Check):
    """Parts of the population of which the test rows hold nobody."""

    key = "data.uncovered"
    family = Family.DATA
    title = "Population left untested"
    question = "How many of the population lie where no test row is?"
    metric = "share of reference rows with a figure outside the range, or a category outside the list, of the test rows"
    unit = "percent"
    source = "own; coverage of the population, as domain of applicability turned round"
    sense = Sense.AT_MOST
    needs = frozenset({Need.REFERENCE})
    tiers = TIERS
    blind = True
    limits = {"low": Limits(None, 0.10), "limited": Limits(0.20, 0.05), "high": Limits(0.10, 0.02)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The share, and how much each feature adds to it."""
        outside, lines = rows_outside(case.test, reference_of(case))
        value = float(outside.mean())
        titles: Titles = {"feature": ("feature", "text"), "share": ("rows outside", "percent")}
        return Measured(
            value,
            f"{value:.1%} of the reference rows lie where no test row is, most by {lines[0]['feature']}.",
            share_interval(float(outside.sum()), len(outside)),
            tables=[table("Reference rows outside, by feature", lines[:20], **titles)],
            rows_used=len(outside),
        )


class UnderStress(Check):
    """What the model loses on the rows that it must still answer well on."""

    key = "robust.stress"
    family = Family.ROBUSTNESS
    title = "Loss under stress"
    question = "Does it still answer well on the rows that the plan calls hard?"
    metric = "metric on the test rows minus metric on the stress rows, as a share of the former"
    unit = "percent"
    source = "stress testing of models (SR 26-2; EBA stress testing guidelines)"
    sense = Sense.AT_MOST
    needs = frozenset({Need.STRESS})
    tiers = TIERS
    limits = {"low": Limits(None, 0.30), "limited": Limits(0.35, 0.15), "high": Limits(0.25, 0.10)}
    parameters = {"metric": METRIC}

    def measure(self, case: Case, metric: str = "", **settings: Any) -> Measured:
        """The loss, both sides drawn again for the interval."""
        if case.stress is None or len(case.stress) < MIN_ROWS:
            raise TooSmall(f"Fewer than {MIN_ROWS} stress rows have a known truth.")
        score = chosen(metric, case.kind, BY_SLICE)
        sides = (("test", case.test, case.said), ("stress", case.stress, case.said_under_stress))
        return lost_between(*sides, score, case.seed)


class SoundUnderStress(Check):
    """Answers that are none on the rows that are hard."""

    key = "robust.stress_answers"
    family = Family.ROBUSTNESS
    title = "Answers under stress"
    question = "Is every answer on the stress rows a possible one?"
    metric = "share of stress rows without a sound answer: not finite, or no probability"
    unit = "percent"
    source = "own"
    sense = Sense.AT_MOST
    needs = frozenset({Need.STRESS})
    tiers = TIERS
    blind = True
    limits = {"low": Limits(None, 0.0), "limited": Limits(0.0, None), "high": Limits(0.0, None)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The share and what is wrong with the answers."""
        score = case.said_under_stress.score
        wrong = without_answer(score, case.kind)
        value = float(wrong.mean())
        trouble = unsound(score, case.kind) or "Every answer is sound."
        return Measured(value, trouble, share_interval(float(wrong.sum()), len(wrong)), rows_used=len(wrong))


class Declared(Check):
    """The slices that the plan names."""

    key = "slice.declared"
    family = Family.CONSISTENCY
    title = "Declared slices"
    question = "Is the score about as good in every slice that the plan names?"
    metric = "largest shortfall of a declared slice against all test rows, as a share"
    unit = "percent"
    source = "model cards: disaggregated evaluation (Mitchell et al. 2019)"
    sense = Sense.AT_MOST
    needs = frozenset({Need.SLICES})
    tiers = TIERS
    limits = {"low": Limits(None, 0.20), "limited": Limits(0.25, 0.10), "high": Limits(0.20, 0.10)}
    parameters = {
        "min_rows": Parameter(100, "Slices with fewer rows are too small to judge.", 20, 100_000),
        "metric": METRIC,
    }

    def measure(self, case: Case, min_rows: int = 100, metric: str = "", **settings: Any) -> Measured:
        """The largest shortfall, and the score of every slice with its filter."""
        named = [(name, np.flatnonzero(flags)) for name, flags in declared(case)]
        score = chosen(metric, case.kind, BY_SLICE)
        return weakest_part(case, score, named, min_rows, "declared slice", "bars", least=1)


def declared(case: Case) -> list[tuple[str, Flags]]:
    """Each slice of the plan with the test rows that are in it; CannotRun where its filter does not fit."""
    found = []
    for name, where in case.slices.items():
        try:
            found.append((name, read_filter(where).flags(case.test.columns)))
        except FilterError as error:
            raise CannotRun(f"The slice {name} cannot be read. {error}") from None
    return found


class DeclaredLists(RankingCheck):
    """The slices that the plan names, of lists: a list is in a slice when all its rows are."""

    key = "rank.slices"
    family = Family.CONSISTENCY
    title = "Declared slices of lists"
    question = "Are lists in about as good an order in every slice that the plan names?"
    metric = "largest shortfall of NDCG over the lists of a declared slice against all lists, as a share"
    unit = "percent"
    source = "model cards: disaggregated evaluation (Mitchell et al. 2019); NDCG as in rank.ndcg"
    sense = Sense.AT_MOST
    needs = frozenset({Need.GROUP, Need.SLICES})
    limits = Declared.limits
    parameters = {
        "min_lists": Parameter(50, "Slices with fewer lists are too small to judge.", 20, 100_000),
        "top": TOP,
    }

    def measure(self, case: Case, min_lists: int = 50, top: int = 10, **settings: Any) -> Measured:
        """The largest shortfall, and the gain of every slice; lists that are partly in a slice are told."""
        groups, gains, score = list_numbers(case), gains_of(case.test), case.said.score
        can_be = (groups >= 0) & ~np.isnan(score)
        found = [part for part in lists(groups) if can_be[part].all() and gains[part].any()]
        values = np.array([float(ndcg(groups[part], score[part], gains[part], top)[0].mean()) for part in found])
        named, notes = [], []
        for name, flags in declared(case):
            inside = np.array([flags[part].mean() for part in found])
            named.append((name, np.flatnonzero(inside == 1)))
            if partly := int(((inside > 0) & (inside < 1)).sum()):
                notes.append(f"{partly:,} lists are partly in {name} and do not count for it.")
        places = np.arange(len(values))
        of_lists = replace(case, test=Rows({}, (), values, places))
        of_lists.__dict__["said"] = Prediction(values, values)
        gain = Metric("ndcg", f"NDCG@{top}", RANKING, lambda truth, said: mean(truth))
        measured = weakest_part(of_lists, gain, named, min_lists, "declared slice", "bars", least=1, unit="lists")
        return replace(measured, notes=[*measured.notes, *notes], rows_used=len(case.test))


class SliceAnswers(Check):
    """What can be told of slices where nobody knows the truth: whether they are answered, and with what."""

    key = "slice.answers"
    family = Family.CONSISTENCY
    kinds = frozenset({Kind.GENERIC})
    blind = True
    title = "Answers by slice"
    question = "Is every row of every slice that the plan names answered soundly?"
    metric = "largest share of a declared slice without a sound answer: not finite, or no probability"
    unit = "percent"
    source = "own; model cards: disaggregated evaluation (Mitchell et al. 2019)"
    sense = Sense.AT_MOST
    needs = frozenset({Need.SLICES})
    tiers = TIERS
    limits = SoundUnderStress.limits

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The share in the worst slice, and of every slice what its answers are like."""
        lines: list[Line] = []
        for name, flags in declared(case):
            score, wrong = case.said.score[flags], without_answer(case.said.score[flags], case.kind)
            sound = score[~wrong]
            lines.append(
                {
                    "part": name,
                    "rows": len(score),
                    "unsound": float(wrong.mean()) if len(score) else None,
                    "mean": float(sound.mean()) if len(sound) else None,
                    "spread": float(sound.std()) if len(sound) else None,
                }
            )
        there = [line for line in lines if line["rows"]]
        if not there:
            raise TooSmall("No test row is in any declared slice.")
        worst = max(there, key=lambda line: line["unsound"])
        empty = [line["part"] for line in lines if not line["rows"]]
        titles: Titles = {
            "part": ("declared slice", "text"),
            "rows": ("rows", "count"),
            "unsound": ("without a sound answer", "percent"),
            "mean": "mean answer",
            "spread": "standard deviation",
        }
        return Measured(
            worst["unsound"],
            f"{worst['unsound']:.1%} of {worst['part']} have no sound answer."
            if worst["unsound"]
            else "Every row of every declared slice has a sound answer.",
            share_interval(worst["unsound"] * worst["rows"], worst["rows"]),
            tables=[table("Answers by declared slice", lines, **titles)],
            notes=[f"No test row is in {', '.join(empty)}."] if empty else [],
            at_best=Verdict.WARNED if empty else Verdict.PASSED,
        )


CHECKS = (Represents, Uncovered, UnderStress, SoundUnderStress, Declared, DeclaredLists, SliceAnswers)
