"""Is every list in a good order? Gain and first hits over lists, against trivial orders and the champion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from apps.validation.engine.arrays import Array, Flags, Floats, Line, Whole, codes
from apps.validation.engine.base import (
    TIERS,
    Bound,
    CannotRun,
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
from apps.validation.engine.case import Case, Rows, parts_of
from apps.validation.engine.intervals import (
    MIN_ROWS,
    bootstrap,
    paired,
    percentile,
    repeats_for,
    share_above,
    share_interval,
)
from apps.validation.engine.metrics import Weighted
from apps.validation.engine.ranking import lists, ndcg, reciprocal_ranks, seen, undecided

RANKING = frozenset({Kind.RANKING})
OVER_LISTS = "bootstrap over lists, percentile"
TOP = Parameter(10, "How many places from the top count.", 1, 1_000)
TRIED_ROWS = 50_000


class RankingCheck(Check):
    """What the checks of rankings share: they need to know which list a row belongs to."""

    family = Family.PERFORMANCE
    kinds = RANKING
    needs = frozenset({Need.GROUP})
    tiers = TIERS


def list_numbers(case: Case, rows: Rows | None = None) -> Whole:
    """The number of each row's list, -1 where it is not told; CannotRun where these rows lack the column."""
    found = case.role("group", rows)
    if found is None:
        raise CannotRun(f"The rows have no column {case.roles.get('group', '')}.")
    return codes(found)[0]


def gains_of(rows: Rows) -> Floats:
    """The truth as gain: figures that are not negative."""
    gains = np.asarray(rows.truth, dtype=float)
    if (gains < 0).any():
        raise CannotRun("The truth holds negative figures: gain begins at 0.")
    return gains


def over_lists(values: Floats, seed: int) -> Interval | None:
    """The interval of a mean over lists, lists drawn again."""
    found = bootstrap(mean(values), len(values), seed)
    return None if found is None else Interval(found.low, found.high, found.level, OVER_LISTS)


def mean(values: Floats) -> Weighted:
    """The weighted mean of a value for each list; NaN for none."""
    return lambda weights: float(weights @ values / weights.sum()) if weights.any() else float("nan")


def by_list(case: Case, scores: Array, top: int) -> Floats:
    """The gain at the first places of every list of the test rows that has any gain, by some scores."""
    groups = list_numbers(case)
    told = groups >= 0
    values, _ = ndcg(groups[told], np.asarray(scores, dtype=float)[told], gains_of(case.test)[told], top)
    if len(values) < MIN_ROWS:
        raise TooSmall(f"Only {len(values)} lists have a row with any gain.")
    return values


class Gain(RankingCheck):
    """How much of the best possible gain the first places hold."""

    key = "rank.ndcg"
    title = "Gain of the first places"
    question = "Do the first places of a list hold what is worth most?"
    metric = "mean over lists of the discounted gain at the first places over that of the best order (NDCG), lower end"
    source = "Järvelin and Kekäläinen 2002; equal to scikit-learn's ndcg_score"
    judged = Bound.LOWER
    limits = {"low": Limits(None, 0.40), "limited": Limits(0.35, 0.50), "high": Limits(0.45, 0.60)}
    parameters = {"top": TOP}

    def measure(self, case: Case, top: int = 10, **settings: Any) -> Measured:
        """The mean with its interval over lists, and how lists of different length fare."""
        values = by_list(case, case.said.score, top)
        lines = _by_length(case, top)
        titles: Titles = {"part": ("lists with", "text"), "lists": ("lists", "count"), "gain": f"NDCG@{top}"}
        value = float(values.mean())
        return Measured(
            value,
            f"The first {top} places of {len(values):,} lists hold {value:.1%} of the gain of the best order.",
            over_lists(values, case.seed),
            tables=[table("By length of the list", lines, **titles)],
            figures=[bars("Does the order hold for short and long lists?", f"NDCG@{top}", lines, "part", "gain")],
        )


def _by_length(case: Case, top: int) -> list[Line]:
    groups, gains = list_numbers(case), gains_of(case.test)
    found = [part for part in lists(groups) if groups[part[0]] >= 0]
    sizes = np.array([len(part) for part in found], dtype=float)
    lines: list[Line] = []
    for part in parts_of("rows", sizes):
        inside = np.concatenate([found[place] for place in np.flatnonzero(part.rows)])
        values, _ = ndcg(groups[inside], case.said.score[inside], gains[inside], top)
        lines.append({"part": part.name, "lists": part.size, "gain": float(values.mean()) if len(values) else None})
    return lines


class FirstHit(RankingCheck):
    """How far one has to look for the first hit."""

    key = "rank.mrr"
    title = "First hit"
    question = "How far down a list is the first row that is worth anything?"
    metric = "mean over lists of one over the place of the first row with gain (MRR), lower end of its 95 % interval"
    source = "mean reciprocal rank (Voorhees 1999); rows of equal score without gain count as before it"
    judged = Bound.LOWER
    limits = {"low": Limits(None, 0.25), "limited": Limits(0.20, 0.30), "high": Limits(0.25, 0.40)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The mean, and in how many lists the first hit is at which place."""
        groups = list_numbers(case)
        told = groups >= 0
        values = reciprocal_ranks(groups[told], case.said.score[told], gains_of(case.test)[told])
        if len(values) < MIN_ROWS:
            raise TooSmall(f"Only {len(values)} lists have a row with any gain.")
        place = np.round(1 / values)
        ends = {"the first place": (1, 1), "2 to 3": (2, 3), "4 to 10": (4, 10), "11 and on": (11, np.inf)}
        lines: list[Line] = [
            {"place": name, "share": float(((place >= low) & (place <= high)).mean())}
            for name, (low, high) in ends.items()
        ]
        value = float(values.mean())
        titles: Titles = {"place": ("first hit at", "text"), "share": ("lists", "percent")}
        return Measured(
            value,
            f"In {lines[0]['share']:.1%} of the lists the first row is a hit; the mean reciprocal rank is {value:.3f}.",
            over_lists(values, case.seed),
            tables=[table("Where the first hit is", lines, **titles)],
        )


def against(case: Case, ours: Floats, theirs: Floats) -> tuple[float, Interval | None, float]:
    """How much more gain ours have, with the interval over the same lists, and the probability that it is more."""
    drawn = paired(mean(ours), mean(theirs), len(ours), case.seed, repeats_for(len(ours)))
    apart = drawn[:, 0] - drawn[:, 1]
    interval = percentile(apart, method="paired bootstrap over lists, percentile")
    return float(ours.mean() - theirs.mean()), interval, share_above(apart)


class VersusTrivial(RankingCheck):
    """Against the order that one column gives, and against none."""

    key = "rank.vs_trivial"
    title = "Against a trivial order"
    question = "Is it better than sorting by one column, or than not sorting at all?"
    metric = "difference of NDCG on the same lists to the best of: no order, or one feature's that is best in training"
    source = "own; single-feature orders as baselines as in learning to rank (Qin et al. 2010)"
    limits = {"low": Limits(None, 0.0), "limited": Limits(0.0, 0.02), "high": Limits(0.0, 0.03)}
    parameters = {"top": TOP}

    def measure(self, case: Case, top: int = 10, **settings: Any) -> Measured:
        """The difference, with an interval over the same lists."""
        ours, none = by_list(case, case.said.score, top), by_list(case, np.zeros(len(case.test)), top)
        best, name = none, "no order"
        chosen = best_feature(case, top)
        if chosen is not None:
            feature, way = chosen
            alone = by_list(case, way * np.nan_to_num(case.test.columns[feature].astype(float)), top)
            if alone.mean() > none.mean():
                best, name = alone, f"{feature}, {'highest' if way > 0 else 'lowest'} first"
        value, interval, better = against(case, ours, best)
        lines = [{"order": "the model", "gain": float(ours.mean())}, {"order": name, "gain": float(best.mean())},
                 {"order": "no order", "gain": float(none.mean())}]  # fmt: skip
        return Measured(
            value,
            f"NDCG is {ours.mean():.3f}, by {name} {best.mean():.3f}: better with probability {better:.0%}.",
            interval,
            tables=[table("Orders on the same lists", lines, order=("order", "text"), gain=f"NDCG@{top}")],
        )


def best_feature(case: Case, top: int) -> tuple[str, int] | None:
    """The feature and direction whose order has most gain in training, else in the test rows; None without figures."""
    rows = case.train if case.train is not None and case.role("group", case.train) is not None else case.test
    rows = rows if len(rows) <= TRIED_ROWS else rows.take(np.arange(TRIED_ROWS))
    groups, gains = list_numbers(case, rows), gains_of(rows)
    told = groups >= 0
    found: list[tuple[float, str, int]] = []
    for name in rows.numeric:
        values = np.nan_to_num(rows.columns[name].astype(float))
        for way in (1, -1):
            each, _ = ndcg(groups[told], way * values[told], gains[told], top)
            found += [(float(each.mean()), name, way)] if len(each) else []
    return max(found)[1:] if found else None


class VersusChampionRanking(RankingCheck):
    """Against the ranking that serves now."""

    key = "rank.vs_champion"
    title = "Ranking against the champion"
    question = "Does it order lists at least as well as the version that serves now?"
    metric = "difference of NDCG on the same lists, upper end of its 95 % interval"
    source = "champion and challenger practice; paired bootstrap (Efron and Tibshirani 1993, chapter 16)"
    judged = Bound.UPPER
    needs = frozenset({Need.GROUP, Need.CHAMPION})
    limits = {"low": Limits(-0.02, -0.005), "limited": Limits(-0.01, 0.0), "high": Limits(-0.01, 0.0)}
    parameters = {"top": TOP}

    def measure(self, case: Case, top: int = 10, **settings: Any) -> Measured:
        """The difference with the probability that it is a gain."""
        ours, theirs = (by_list(case, said.score, top) for said in (case.said, case.said_by_champion))
        value, interval, better = against(case, ours, theirs)
        sentence = (
            f"NDCG is {ours.mean():.3f}, the champion's {theirs.mean():.3f}: better with probability {better:.0%}."
        )
        return Measured(value, sentence, interval)


class Undecided(RankingCheck):
    """Places that equal scores leave open."""

    key = "rank.undecided"
    family = Family.CONSISTENCY
    title = "Undecided places"
    question = "Does the score decide who comes first?"
    metric = "mean over lists of the share of the first places that several rows have equal right to"
    unit = "percent"
    source = "own; ties as in McSherry and Najork 2008"
    sense = Sense.AT_MOST
    blind = True
    limits = {"low": Limits(None, 0.30), "limited": Limits(0.40, 0.15), "high": Limits(0.30, 0.10)}
    parameters = {"top": TOP}

    def measure(self, case: Case, top: int = 10, **settings: Any) -> Measured:
        """The mean with its interval over lists."""
        groups = list_numbers(case)
        told = groups >= 0
        values = undecided(groups[told], case.said.score[told], top)
        if len(values) < MIN_ROWS:
            raise TooSmall(f"Only {len(values)} lists have two rows.")
        value = float(values.mean())
        return Measured(
            value,
            f"{value:.1%} of the first {top} places are left open by equal scores.",
            over_lists(values, case.seed),
        )


class SeenLists(RankingCheck):
    """Lists that training has seen."""

    key = "rank.seen"
    family = Family.DATA
    title = "Lists seen in training"
    question = "Are the lists it is tested on others than those it was trained on?"
    metric = "share of the test lists that are among the training rows"
    unit = "percent"
    source = "splits by group (Kaufman et al. 2012, leakage)"
    needs = frozenset({Need.GROUP, Need.TRAIN})
    sense = Sense.AT_MOST
    blind = True
    limits = {"low": Limits(None, 0.05), "limited": Limits(0.05, 0.0), "high": Limits(0.01, 0.0)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The share, with the lists that are on both sides."""
        asked = case.role("group")
        known = case.role("group", case.training)
        if asked is None or known is None:
            raise CannotRun(f"The training rows have no column {case.roles['group']}.")
        _, ours = codes(asked)
        both = sorted({*ours} & {*codes(known)[1]})
        value = len(both) / max(1, len(ours))
        return Measured(
            value,
            f"{len(both):,} of {len(ours):,} test lists were in training: {', '.join(both[:5])}." if both
            else "No test list was in training.",
            share_interval(float(len(both)), float(len(ours))),
        )  # fmt: skip


class Exposure(RankingCheck):
    """Whether groups are shown as much as they are worth."""

    key = "rank.exposure"
    family = Family.FAIRNESS
    title = "Exposure of groups"
    question = "Is every group shown as much as its rows are worth?"
    metric = "smallest over largest exposure of a group for its share of the gain"
    source = "disparate treatment of exposure (Singh and Joachims 2018)"
    limits = {"low": Limits(None, 0.70), "limited": Limits(0.60, 0.80), "high": Limits(0.70, 0.85)}
    parameters = {
        "attributes": Parameter([], "The protected attribute, or several to be crossed.", required=True),
        "edges": Parameter([], "Where to cut an attribute that is a figure, such as age; empty for its quartiles."),
        "min_rows": Parameter(100, "Groups with fewer rows are too small to judge.", 20, 100_000),
    }

    def measure(
        self,
        case: Case,
        attributes: Sequence[str] = (),
        edges: Sequence[float] = (),
        min_rows: int = 100,
        **settings: Any,
    ) -> Measured:
        """The ratio over the groups that are large enough, lists drawn again for the interval."""
        from apps.validation.engine.checks.fairness import groups_of

        gains, shown, groups = gains_of(case.test), exposure(case), list_numbers(case)
        told = groups >= 0
        parts = [part for part in groups_of(case.test, attributes, edges) if (part.rows & told).sum() >= min_rows]
        if len(parts) < 2:
            raise TooSmall(f"Fewer than two groups of {' and '.join(attributes)} have {min_rows} rows.")
        count = int(groups.max()) + 1
        worth = np.array([_sums(groups, told & part.rows, gains, count) for part in parts])
        views = np.array([_sums(groups, told & part.rows, shown, count) for part in parts])

        def ratio(weights: Floats) -> float:
            below = worth @ weights
            each = np.divide(views @ weights, below, out=np.full(len(below), np.nan), where=below > 0)
            return float(each.min() / each.max()) if np.isfinite(each).all() and each.max() > 0 else float("nan")

        value = ratio(np.ones(count))
        each = views.sum(axis=1) / np.maximum(worth.sum(axis=1), 1e-12)
        lines: list[Line] = [
            {"group": part.name, "rows": part.size, "exposure": float(shown[part.rows].mean()), "for_worth": float(one)}
            for part, one in zip(parts, each, strict=True)
        ]
        least = min(lines, key=lambda line: line["for_worth"])
        titles: Titles = {"group": ("group", "text"), "rows": ("rows", "count"), "exposure": "mean exposure",
                          "for_worth": "exposure for each unit of gain"}  # fmt: skip
        interval = bootstrap(ratio, count, case.seed)
        return Measured(
            value,
            f"For the same gain {least['group']} is shown {value:.0%} as much as the group shown most.",
            interval and Interval(interval.low, interval.high, interval.level, OVER_LISTS),
            tables=[table("Groups", lines, **titles)],
        )


def exposure(case: Case) -> Floats:
    """How much each test row is seen: one over the logarithm of its place, equal scores sharing theirs."""
    found, groups = np.zeros(len(case.test)), list_numbers(case)
    for part in lists(groups):
        if groups[part[0]] >= 0:
            found[part] = seen(case.said.score[part])
    return found


def _sums(groups: Whole, inside: Flags, values: Floats, count: int) -> Floats:
    return np.bincount(groups[inside], values[inside], minlength=count)


CHECKS = (Gain, FirstHit, VersusTrivial, VersusChampionRanking, Undecided, SeenLists, Exposure)
