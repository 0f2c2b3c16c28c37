"""Faults of forecasts and rankings, and of what a plan names beside test and training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from apps.validation.engine.arrays import Array
from apps.validation.engine.case import Case
from tests.validation.faults.planted import Changed, answering, fault, noise, with_column, with_truth
from tests.validation.faults.uses import generic, of_forecast, of_ranking, ranking, with_roles


def whole(case: Case, scores: Array) -> Case:
    """The case with these answers for the test rows as a whole, whatever it is asked."""
    said = answering(case, lambda score, columns: score)
    said.__dict__["said"] = replace(case.said, score=scores, label=scores)
    return said


@fault("a forecast worse than last season's value", "fore.mase", sound=of_forecast)
def far_off(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: np.full(len(score), float(np.mean(case.training.truth))))


@fault("a forecast that repeats last week", "fore.vs_naive", sound=of_forecast)
def repeats(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: columns["last_week"].astype(float))


@fault("always a tenth too much", "fore.bias", sound=of_forecast)
def too_much(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: 1.1 * score)


@fault("lost further ahead", "fore.horizon", sound=of_forecast)
def lost_ahead(case: Case, _: Path) -> Case:
    drift = np.random.default_rng(1).normal(0, 1, len(case.test)) * 3 * np.asarray(case.test.columns["lead"])
    return whole(case, case.said.score + drift)


@fault("weekdays left out", "fore.leftover", sound=of_forecast)
def no_week(case: Case, _: Path) -> Case:
    means = case.test.columns["mean_month"].astype(float)
    return whole(case, means)


@fault("rows drawn at random instead of the newest", "fore.ahead", sound=of_forecast)
def mixed_times(case: Case, _: Path) -> Case:
    time = np.asarray(case.test.time).copy()
    time[::3] -= np.timedelta64(120, "D")
    return replace(case, test=replace(case.test, time=time))


def limits(_: Path) -> Case:
    """The sound forecast with limits that hold nine tenths."""
    case = of_forecast(_)
    half = np.quantile(np.abs(case.test.truth - case.said.score), 0.92)
    for name, way in (("low", -1), ("high", 1)):
        case = with_column(case, name, case.said.score + way * half)
    return case


@fault("limits far too narrow", "fore.coverage", sound=limits, lower="low", upper="high", level=0.9)
def narrow(case: Case, _: Path) -> Case:
    middle = (case.test.columns["low"] + case.test.columns["high"]) / 2
    return with_column(with_column(case, "low", middle - 2), "high", middle + 2)


@fault("an order by nothing", "rank.ndcg", sound=of_ranking)
def by_nothing(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: -score)


@fault("the first hit far down", "rank.mrr", sound=of_ranking)
def far_down(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: -score)


@fault("an order that one column gives better", "rank.vs_trivial", sound=of_ranking)
def by_price(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: -columns["price"].astype(float))


def replacing(_: Path) -> Case:
    """The sound ranking beside one that is as good."""
    return replace(ranking(), champion=ranking().model, champion_name="1")


@fault("a ranking worse than the one it replaces", "rank.vs_champion", sound=replacing)
def worse_order(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: score + 1.5 * np.sin(1e4 * columns["fit"].astype(float)))


@fault("scores rounded until they decide nothing", "rank.undecided", sound=of_ranking)
def rounded(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: np.round(score / 2))


@fault("test lists that training has seen", "rank.seen", sound=of_ranking)
def seen_before(case: Case, _: Path) -> Case:
    names = case.test.columns["query"].copy()
    names[np.isin(names, np.unique(names.astype(str))[:60])] = case.training.columns["query"][0]
    return with_column(case, "query", names)


@fault("a group shown less than it is worth", "rank.exposure", sound=of_ranking, attributes=["sex"])
def shown_less(case: Case, _: Path) -> Case:
    return whole(case, case.said.score - 2.0 * (case.test.columns["sex"] == "female"))


@fault("test rows of customers unlike the population", "data.represents", sound=with_roles)
def unlike(case: Case, _: Path) -> Case:
    return with_column(case, "distance", case.test.columns["distance"] * np.float32(2.0))


@fault("a region that nobody tested", "data.uncovered", sound=with_roles)
def untested(case: Case, _: Path) -> Case:
    return replace(case, test=case.test.take(case.test.columns["region"] != "west"))


@fault("lost on the rows that are hard", "robust.stress", sound=with_roles)
def lost_there(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: np.where(columns["age"] > 65, noise(columns), score))


@fault("no answer on the rows that are hard", "robust.stress_answers", sound=with_roles)
def silent_there(case: Case, _: Path) -> Case:
    model = Changed(case.model, lambda score, columns: np.where(columns["age"] > 79, np.nan, score))
    return replace(case, model=model)


@fault("a declared slice that is answered badly", "slice.declared", sound=with_roles)
def bad_slice(case: Case, _: Path) -> Case:
    truth = np.asarray(case.test.truth).copy()
    young = case.test.columns["age"] < 30
    truth[young] = np.random.default_rng(3).integers(0, 2, int(young.sum()))
    return with_truth(case, truth)


@fault("lists of one market in no order", "rank.slices", sound=of_ranking)
def unordered_abroad(case: Case, _: Path) -> Case:
    abroad = case.test.columns["market"] == "abroad"
    return whole(case, np.where(abroad, noise(case.test.columns, "fit"), case.said.score))


@fault("no answer for one slice", "slice.answers", sound=lambda _: generic())
def silent_for_one(case: Case, _: Path) -> Case:
    return answering(case, lambda score, columns: np.where(columns["age"] < 19, np.nan, score))
