"""Is it better than what we have, and than something trivial? Both on the same rows, so that shared noise cancels."""

from __future__ import annotations

from typing import Any

import numpy as np

from apps.validation.engine.arrays import Array, Floats, codes, is_number
from apps.validation.engine.base import (
    TIERS,
    Bound,
    CannotRun,
    Check,
    Family,
    Kind,
    Limits,
    Measured,
    Need,
    Parameter,
    Sense,
    Table,
    TooSmall,
    table,
)
from apps.validation.engine.case import Case, Rows
from apps.validation.engine.intervals import (
    MIN_ROWS,
    mean_size,
    paired,
    percentile,
    repeats_for,
    share_above,
    share_interval,
)
from apps.validation.engine.metrics import METRIC_CHOICES, Metric, Prediction, chosen

METRIC = Parameter("", "Score to compare; empty for the usual one of the kind.", choices=METRIC_CHOICES)
MAX_TRAINING_ROWS = 50_000


def gain(metric: Metric, ours: float, theirs: float) -> float:
    """How much better ours is, in the metric's own unit; above 0 is better whichever way the metric runs."""
    return ours - theirs if metric.sense is Sense.AT_LEAST else theirs - ours


class VersusChampion(Check):
    """The paired difference to the version that serves now."""

    key = "perf.vs_champion"
    family = Family.PERFORMANCE
    title = "Against the champion"
    question = "Is it at least as good as the version that serves now, on the same rows?"
    metric = "difference of the metric on the same rows, upper end of its 95 % interval"
    source = "champion and challenger practice; paired bootstrap (Efron and Tibshirani 1993, chapter 16)"
    judged = Bound.UPPER
    needs = frozenset({Need.CHAMPION})
    tiers = TIERS
    limits = {"low": Limits(-0.02, -0.005), "limited": Limits(-0.01, 0.0), "high": Limits(-0.01, 0.0)}
    parameters = {"metric": METRIC}

    def measure(self, case: Case, metric: str = "", **settings: Any) -> Measured:
        """The gain over the champion with the probability that it is one."""
        score = chosen(metric, case.kind)
        rows = len(case.test)
        if rows < MIN_ROWS:
            raise TooSmall(f"{rows} rows are too few to compare two models on.")
        ours, theirs = (score.prepare(case.test.truth, said) for said in (case.said, case.said_by_champion))
        here, there = ours(np.ones(rows)), theirs(np.ones(rows))
        drawn = paired(ours, theirs, rows, case.seed)
        sign = 1 if score.sense is Sense.AT_LEAST else -1
        differences = sign * (drawn[:, 0] - drawn[:, 1])
        better = share_above(differences)
        sentence = f"{score.title} {here:.4g} against the champion's {there:.4g}: better with probability {better:.0%}."
        return Measured(
            gain(score, here, there),
            sentence,
            percentile(differences, method="paired bootstrap, percentile"),
            tables=[_side_by_side(case, score, here, there, better)],
        )


def _side_by_side(case: Case, score: Metric, here: float, there: float, better: float) -> Table:
    apart = float(np.mean(case.said.label != case.said_by_champion.label)) if case.kind is not Kind.REGRESSION else None
    rows = [
        {"figure": f"{score.title}, this version", "value": here},
        {"figure": f"{score.title}, champion {case.champion_name}".rstrip(), "value": there},
        {"figure": "probability that this version is better", "value": better},
    ]
    if apart is not None:
        rows.append({"figure": "share of rows on which they disagree", "value": apart})
    return table("Side by side, same rows", rows, figure=("figure", "text"), value="value")


class VersusSimple(Check):
    """What the model adds to a tree of depth three and to saying the commonest answer."""

    key = "perf.vs_simple"
    family = Family.PERFORMANCE
    title = "Against something trivial"
    question = "Is the model worth its weight beside a tree of three questions?"
    metric = "share of the way from the simple model to a perfect one that the model covers"
    unit = "percent"
    source = "gain over a simple model as in other suites' default condition of 10 %"
    needs = frozenset({Need.TRAIN})
    tiers = TIERS
    limits = {"low": Limits(None, 0.0), "limited": Limits(0.0, 0.10), "high": Limits(0.0, 0.10)}
    parameters = {"metric": METRIC, "depth": Parameter(3, "Questions one after another in the simple tree.", 1, 8)}

    def measure(self, case: Case, metric: str = "", depth: int = 3, **settings: Any) -> Measured:
        """The share of the way, with an interval by paired bootstrap."""
        score = chosen(metric, case.kind)
        simple = simple_answers(
            case.training.sample(MAX_TRAINING_ROWS, case.seed), case.test, case.kind, depth, case.seed
        )
        truth, rows = case.test.truth, len(case.test)
        ours, theirs = score.prepare(truth, case.said), score.prepare(truth, simple)
        here, there = ours(np.ones(rows)), theirs(np.ones(rows))
        drawn = paired(ours, theirs, rows, case.seed, min(200, repeats_for(rows)))
        shares = np.array([_way(score, one, other) for one, other in drawn])
        lines = [{"model": "this version", "value": here}, {"model": f"tree of depth {depth}", "value": there}]
        shown = table("Model and simple model", lines, model=("model", "text"), value=score.title)
        sentence = f"{score.title} {here:.4g} against {there:.4g} of a tree with {depth} questions."
        return Measured(
            _way(score, here, there),
            sentence,
            percentile(shares, method="paired bootstrap, percentile"),
            tables=[shown],
        )


def _way(score: Metric, ours: float, simple: float) -> float:
    """Share of the distance from the simple model to perfection that ours covers; 0 where simple is perfect already."""
    whole = abs(score.perfect - simple)
    return gain(score, ours, simple) / whole if whole > 1e-12 else 0.0


def simple_answers(train: Rows, test: Rows, kind: Kind, depth: int, seed: int) -> Prediction:
    """What a shallow tree fitted on the training rows says about the test rows."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if len(np.unique(train.truth)) < 2:
        raise CannotRun("The training rows hold one outcome only: nothing can be learned from them.")
    seen, asked = encoded(train, test)
    leaf = max(1, min(50, len(train) // 20))
    if kind is Kind.REGRESSION:
        figure = (
            DecisionTreeRegressor(max_depth=depth, min_samples_leaf=leaf, random_state=seed)
            .fit(seen, train.truth)
            .predict(asked)
        )
        return Prediction(figure, figure)
    tree = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=leaf, random_state=seed).fit(seen, train.truth)
    chances = tree.predict_proba(asked)
    return Prediction(chances[:, 1] if kind is Kind.BINARY else chances, tree.predict(asked))


def encoded(train: Rows, test: Rows) -> tuple[Floats, Floats]:
    """Features of both sets as figures, shape (rows, features): categories numbered as the training rows know them."""
    seen: list[Array] = []
    asked: list[Array] = []
    for name in train.features:
        here, there = train.columns[name], test.columns[name]
        if is_number(here) and is_number(there):
            seen.append(here.astype(float))
            asked.append(there.astype(float))
            continue
        numbers, levels = codes(here)
        seen.append(numbers.astype(float))
        asked.append(codes(there, levels)[0].astype(float))
    return np.column_stack(seen), np.column_stack(asked)


class Churn(Check):
    """How many answers change when this version takes over."""

    key = "consist.churn"
    family = Family.CONSISTENCY
    title = "Change against the champion"
    question = "For how many will the answer change when this version takes over?"
    metric = "share of rows whose label differs from the champion's; for a figure the mean distance in deviations"
    unit = "percent"
    source = "prediction churn (Milani Fard et al. 2016)"
    sense = Sense.AT_MOST
    needs = frozenset({Need.CHAMPION})
    limits = {"low": Limits(None, 0.25), "limited": Limits(None, 0.20), "high": Limits(0.40, 0.15)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The share of rows with another answer."""
        ours, theirs = case.said, case.said_by_champion
        if case.kind is Kind.REGRESSION:
            size = float(np.std(case.test.truth)) or 1.0
            moved = np.abs(ours.score - theirs.score) / size
            value, interval = float(moved.mean()), mean_size(moved)
        else:
            other = ours.label != theirs.label
            value = float(other.mean())
            interval = share_interval(float(other.sum()), len(other))
        return Measured(value, f"{value:.1%} of the answers would change.", interval)


CHECKS = (VersusChampion, VersusSimple, Churn)
