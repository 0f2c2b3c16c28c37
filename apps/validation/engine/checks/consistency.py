"""Does it perform consistently? Over folds, over time, and when the same thing is asked twice."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from apps.validation.engine.arrays import Array, Floats, Line
from apps.validation.engine.base import (
    MAX_EVIDENCE_ROWS,
    TIERS,
    CannotRun,
    Check,
    Family,
    Figure,
    Limits,
    Measured,
    Need,
    Parameter,
    Sense,
    Series,
    Titles,
    TooSmall,
    Verdict,
    table,
)
from apps.validation.engine.case import Case, ask, parts_of
from apps.validation.engine.intervals import bootstrap, draws, percentile
from apps.validation.engine.metrics import METRIC_CHOICES, Metric, chosen

METRIC = Parameter("", "Score to compare; empty for the usual one of the kind.", choices=METRIC_CHOICES)
SCORE: Titles = {
    "part": ("part", "text"),
    "rows": ("rows", "count"),
    "value": "score",
    "low": "95 % from",
    "high": "to",
}


def part_scores(case: Case, metric: Metric, parts: Sequence[tuple[str, Array]]) -> list[Line]:
    """The metric of each named part of the test rows, with its interval; value NaN where it is not defined there."""
    scores = []
    for place, (name, index) in enumerate(parts):
        prepared = metric.prepare(case.test.truth[index], case.said.take(index))
        interval = bootstrap(prepared, len(index), case.seed + place, 200)
        low, high = (interval.low, interval.high) if interval else (None, None)
        scores.append(
            {"part": name, "rows": len(index), "value": prepared(np.ones(len(index))), "low": low, "high": high}
        )
    return scores


def worst_shortfall(case: Case, metric: Metric, parts: Sequence[Array]) -> Any:
    """The interval of the largest shortfall of a part against the whole: every draw takes the worst part anew."""
    whole = metric.prepare(case.test.truth, case.said)
    each = [metric.prepare(case.test.truth[index], case.said.take(index)) for index in parts]

    def largest(weights: Floats) -> float:
        reference = whole(weights)
        return max(metric.shortfall(reference, one(weights[index])) for one, index in zip(each, parts, strict=True))

    return percentile(np.array([largest(weights) for weights in draws(len(case.test), 200, case.seed)]))


def weakest_part(
    case: Case,
    score: Metric,
    named: Sequence[tuple[str, Array]],
    min_rows: int,
    what: str,
    kind: str,
    least: int = 2,
    unit: str = "rows",
) -> Measured:
    """The largest shortfall of a part that is large enough, and the score of every part.

    `what` names a part, `unit` what the case has a row for.
    """
    scores = part_scores(case, score, named)
    large = [place for place, row in enumerate(scores) if row["rows"] >= min_rows and np.isfinite(row["value"])]
    if len(large) < least:
        some = "No parts" if least == 1 else "Fewer than two parts"
        raise TooSmall(f"{some}, each a {what}, have {min_rows} {unit} on which {score.title} is defined.")
    whole = score.of(case.test.truth, case.said)
    shortfalls = {scores[place]["part"]: score.shortfall(whole, scores[place]["value"]) for place in large}
    weakest = max(shortfalls, key=lambda name: shortfalls[name])
    small = [row["part"] for place, row in enumerate(scores) if place not in large]
    return Measured(
        shortfalls[weakest],
        f"{score.title} is {whole:.3f} over all {unit} and weakest for {weakest}: {shortfalls[weakest]:.1%} below.",
        worst_shortfall(case, score, [named[place][1] for place in large]),
        tables=[table(f"{score.title} by {what}", scores, **{**SCORE, "rows": (unit, "count")})],
        figures=[parts_figure(f"Does the score hold for every {what}?", score, scores, kind)],
        notes=[f"Too small to judge: {', '.join(small)}."] if small else [],
        at_best=Verdict.WARNED if small else Verdict.PASSED,
    )


def parts_figure(title: str, metric: Metric, scores: Sequence[Line], kind: str) -> Figure:
    """The scores of the parts in their order, with intervals."""
    line = Series(
        metric.title,
        [score["part"] for score in scores],
        [score["value"] for score in scores],
        [score["low"] for score in scores],
        [score["high"] for score in scores],
    )
    return Figure(kind, title, [line], "", metric.title)


class Folds(Check):
    """How much the score depends on which rows it is asked about."""

    key = "consist.folds"
    family = Family.CONSISTENCY
    title = "Stable across folds"
    question = "Is the score about the same on every random part of the rows?"
    metric = "largest shortfall of a fold, of the test rows or of cross-validation, against the whole, as a share"
    unit = "percent"
    source = "common practice (k-fold, Kohavi 1995)"
    sense = Sense.AT_MOST
    tiers = TIERS
    limits = {"low": Limits(None, 0.15), "limited": Limits(0.20, 0.10), "high": Limits(0.15, 0.05)}
    parameters = {"folds": Parameter(5, "Random parts of the test rows.", 2, 20), "metric": METRIC}

    def measure(self, case: Case, folds: int = 5, metric: str = "", **settings: Any) -> Measured:
        """The largest shortfall among test folds and recorded folds of cross-validation."""
        score = chosen(metric, case.kind)
        order = np.random.default_rng(case.seed).permutation(len(case.test))
        parts = [np.sort(part) for part in np.array_split(order, folds)]
        scores = part_scores(case, score, [(f"fold {number}", part) for number, part in enumerate(parts, 1)])
        if not all(np.isfinite(row["value"]) for row in scores):
            raise TooSmall(f"{score.title} is not defined on every fold: there are too few rows of each outcome.")
        whole = score.of(case.test.truth, case.said)
        largest = max(score.shortfall(whole, row["value"]) for row in scores)
        tables = [table(f"{score.title} by fold of the test rows", scores, **SCORE)]
        recorded = [float(value) for value in (case.facts.get("cross_validation") or {}).get(score.key, [])]
        if recorded:
            middle = float(np.mean(recorded))
            largest = max(largest, *(score.shortfall(middle, value) for value in recorded))
            rows = [{"part": f"fold {number}", "value": value} for number, value in enumerate(recorded, 1)]
            title = f"{score.title} by fold of cross-validation in training"
            tables.append(table(title, rows, part=("fold", "text"), value="score"))
        sentence = f"{score.title} is {whole:.3f} over all rows; the weakest fold is {largest:.1%} below."
        figure = parts_figure("Does the score depend on the rows?", score, scores, "bars")
        return Measured(largest, sentence, worst_shortfall(case, score, parts), tables=tables, figures=[figure])


class TimeSlices(Check):
    """How the score holds as time goes by."""

    key = "consist.time_slices"
    family = Family.CONSISTENCY
    title = "Stable over time"
    question = "Is the score about the same in every stretch of time?"
    metric = "largest shortfall of a time slice against all test rows, as a share"
    unit = "percent"
    source = "out-of-time testing, common practice in credit scoring"
    sense = Sense.AT_MOST
    needs = frozenset({Need.TIME})
    tiers = TIERS
    limits = {"low": Limits(None, 0.20), "limited": Limits(0.25, 0.10), "high": Limits(0.20, 0.10)}
    parameters = {
        "slices": Parameter(6, "Stretches of time with about equal numbers of rows.", 2, 60),
        "min_rows": Parameter(100, "Slices with fewer rows are too small to judge.", 20, 100_000),
        "metric": METRIC,
    }

    def measure(self, case: Case, slices: int = 6, min_rows: int = 100, metric: str = "", **settings: Any) -> Measured:
        """The largest shortfall, and the score of every slice on its dates."""
        named = time_parts(np.asarray(case.test.time), slices)
        return weakest_part(case, chosen(metric, case.kind), named, min_rows, "stretch of time", "line")


def time_parts(time: Array, slices: int) -> list[tuple[str, Array]]:
    """Rows in order of time cut into slices of about equal size, named by their dates; equal times stay together."""
    known = np.flatnonzero(~np.isnat(time))
    if not len(known):
        raise CannotRun("The time column holds no dates.")
    ordered = known[np.argsort(time[known], kind="stable")]
    stamps = time[ordered]
    cuts = {0, len(ordered)} | {
        int(np.searchsorted(stamps, stamps[len(ordered) * cut // slices])) for cut in range(1, slices)
    }
    edges = sorted(cuts)
    return [
        (f"{_day(stamps[start])} to {_day(stamps[end - 1])}", np.sort(ordered[start:end]))
        for start, end in itertools.pairwise(edges)
    ]


def _day(stamp: Any) -> str:
    return str(np.datetime_as_string(stamp, unit="D"))


class Repeat(Check):
    """The same question gets the same answer."""

    key = "consist.repeat"
    blind = True
    family = Family.CONSISTENCY
    title = "Same input, same answer"
    question = "Does a row get the same answer twice, in another order, beside its own copy, and alone?"
    metric = "largest difference of the score for the same row"
    source = "own; the idea of a stochasticity test as in giskard's scan"
    sense = Sense.AT_MOST
    tiers = TIERS
    limits = {"low": Limits(1e-4, 1e-5), "limited": Limits(1e-6, None), "high": Limits(1e-6, None)}
    parameters = {"alone": Parameter(200, "Rows that are also asked one by one.", 1, 5_000)}
    max_rows = 20_000

    def measure(self, case: Case, alone: int = 200, **settings: Any) -> Measured:
        """The largest difference over the ways to ask, and the rows where it happened."""
        rows = case.test
        first = ask(case.model, rows)
        order = np.random.default_rng(case.seed).permutation(len(rows))
        shuffled = np.empty_like(first.score)
        shuffled[order] = ask(case.model, rows.take(order)).score
        single = np.sort(order[: min(alone, len(rows))])
        copies = ask(case.model, rows.take(np.repeat(np.arange(len(rows)), 2))).score
        apart = np.maximum(np.abs(copies[::2] - first.score), np.abs(copies[1::2] - first.score))
        lonely = np.concatenate([ask(case.model, rows.take(np.array([place]))).score for place in single])
        ways = {
            "asked twice": np.abs(ask(case.model, rows).score - first.score),
            "in another order": np.abs(shuffled - first.score),
            "beside its own copy": apart,
            "alone": np.abs(lonely - first.score[single]),
        }
        flat = {name: difference.reshape(len(difference), -1).max(axis=1) for name, difference in ways.items()}
        largest = max(float(np.max(difference)) for difference in flat.values())
        summary: list[Line] = [
            {"way": name, "rows": len(one), "largest": float(one.max()), "differing": int((one > 0).sum())}
            for name, one in flat.items()
        ]
        titles: Titles = {
            "way": ("asked", "text"),
            "rows": ("rows", "count"),
            "differing": ("rows that differ", "count"),
        }
        same = "Every row got the same answer each time."
        return Measured(
            largest,
            same if largest == 0 else f"The same row got scores up to {largest:.2g} apart.",
            tables=[table("Ways to ask the same", summary, **titles, largest="largest difference")],
            offending_rows=_differing(rows.number, flat, single),
            rows_used=len(rows),
        )


def _differing(number: Array, ways: dict[str, Floats], single: Array) -> list[Line]:
    """The rows with the largest differences, a limited number."""
    found: list[Line] = []
    for name, difference in ways.items():
        places = single if name == "alone" else np.arange(len(difference))
        for place in np.argsort(-difference, kind="stable")[:MAX_EVIDENCE_ROWS]:
            if difference[place] > 0:
                found.append({"row": int(number[places[place]]), "asked": name, "difference": float(difference[place])})
    return sorted(found, key=lambda row: -row["difference"])[:MAX_EVIDENCE_ROWS]


class ColumnOrder(Check):
    """The order in which columns arrive."""

    key = "consist.columns"
    blind = True
    family = Family.CONSISTENCY
    title = "Order of the columns"
    question = "Does the answer stay the same when the columns arrive in another order?"
    metric = "largest difference of the score for the same row"
    source = "own"
    sense = Sense.AT_MOST
    tiers = TIERS
    limits = {"low": Limits(1e-4, 1e-5), "limited": Limits(1e-6, None), "high": Limits(1e-6, None)}
    max_rows = 2_000

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The largest difference between the columns as registered and in reverse."""
        turned = dict(reversed(case.test.inputs.items()))
        difference = np.abs(ask(case.model, case.test, turned).score - case.said.score)
        value = float(difference.max())
        other = "No answer depends on the order of the columns."
        return Measured(
            value,
            f"The order of the columns moves scores by up to {value:.2g}." if value else other,
            offending_rows=_differing(case.test.number, {"columns in reverse": difference}, np.arange(len(difference))),
        )


class Sources(Check):
    """How the score holds where the rows come from."""

    key = "consist.sources"
    family = Family.CONSISTENCY
    title = "Stable across sources"
    question = "Is the score about the same for every source of the data?"
    metric = "largest shortfall of a source against all test rows, as a share"
    unit = "percent"
    source = "internal-external validation (Steyerberg and Harrell 2016)"
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 0.20), "limited": Limits(0.25, 0.10), "high": Limits(0.20, 0.10)}
    reads = ("column",)
    parameters = {
        "column": Parameter("", "The column that says where a row comes from.", required=True),
        "min_rows": Parameter(100, "Sources with fewer rows are too small to judge.", 20, 100_000),
        "metric": METRIC,
    }

    def measure(self, case: Case, column: str = "", min_rows: int = 100, metric: str = "", **settings: Any) -> Measured:
        """The largest shortfall, and the score of every source."""
        parts = parts_of(column, case.test.column(column))
        named = [(part.name, np.flatnonzero(part.rows)) for part in parts]
        return weakest_part(case, chosen(metric, case.kind), named, min_rows, "source", "bars")


CHECKS = (Folds, TimeSlices, Repeat, ColumnOrder, Sources)
