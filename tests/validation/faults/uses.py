"""Worlds of what plans take models for beyond plain answers: sales of shops, lists of goods, a whole population."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from apps.validation.engine.arrays import Array
from apps.validation.engine.base import Kind
from apps.validation.engine.case import Case, Rows
from tests.validation.faults import worlds

WEEK = (0.0, 4.0, 8.0, 12.0, 30.0, 45.0, 20.0)


def sales(shops: int = 8, days: int = 300, noise: float = 6.0, seed: int = 1, step: str = "D") -> Rows:
    """What shops sell a day: a level of their own, a week, offers, noise; known a day before are the weeks before."""
    random = np.random.default_rng(seed)
    before = 35
    day = np.arange(days + before)
    offers = (random.random((shops, len(day))) < 0.15).astype(float)
    level = random.uniform(80, 200, (shops, 1))
    sold = level + np.array(WEEK)[day % 7] + 25 * offers + random.normal(0, noise, offers.shape)
    means = np.array([[row[place - 28 : place].mean() for place in day[before:]] for row in sold])
    last = sold[:, before - 7 : -7]
    time = np.datetime64("2024-01-01").astype(f"datetime64[{step}]") + np.arange(days)
    columns: dict[str, Array] = {
        "mean_month": means.ravel().astype(np.float32),
        "last_week": last.ravel().astype(np.float32),
        "offer": offers[:, before:].ravel().astype(np.float32),
        "weekday": np.tile(np.array([f"day {place % 7}" for place in day[before:]], dtype=object), shops),
        "shop": np.repeat(np.array([f"shop {number}" for number in range(shops)], dtype=object), days),
    }
    at = np.tile(time.astype("datetime64[us]"), shops)
    columns["lead"] = np.tile(np.arange(days, dtype=float) % 14 + 1, shops)
    truth = sold[:, before:].ravel()
    features = ("mean_month", "last_week", "offer", "weekday")
    return Rows(columns, features, truth, np.arange(len(truth)), at)


def split_at(rows: Rows, moment: str) -> tuple[Rows, Rows]:
    """What was before a moment, and what is from then on."""
    later = np.asarray(rows.time) >= np.datetime64(moment)
    return rows.take(~later), rows.take(later)


@cache
def forecast(seed: int = 1, learner: str = "linear", step: str = "D") -> Case:
    """A forecast of the last weeks, learned from all before."""
    from sklearn.ensemble import GradientBoostingRegressor
    from sklearn.linear_model import LinearRegression

    rows = sales(seed=seed, step=step)
    moments = np.unique(np.asarray(rows.time))
    train, test = split_at(rows, str(moments[-70]))
    estimator = LinearRegression() if learner == "linear" else GradientBoostingRegressor(random_state=0)
    case = worlds.case_of(estimator, train, test, Kind.REGRESSION)
    return replace(case, planned_as=Kind.FORECAST, roles={"series": "shop", "horizon": "lead"})


def goods(queries: int = 300, seed: int = 1) -> Rows:
    """What a search finds: gain of 0 to 3 by fit, price and age of the goods; who sells has nothing to do with it."""
    random = np.random.default_rng(seed)
    sizes = random.integers(6, 18, queries)
    rows = int(sizes.sum())
    columns: dict[str, Array] = {
        "fit": random.normal(0, 1, rows).astype(np.float32),
        "price": random.gamma(3.0, 10.0, rows).astype(np.float32),
        "age": random.uniform(0, 400, rows).astype(np.float32),
        "sex": random.choice(np.array(["female", "male"], dtype=object), rows),
    }
    columns["query"] = np.repeat(np.array([f"{seed}-{number}" for number in range(queries)], dtype=object), sizes)
    worth = 1.3 * columns["fit"] - 0.05 * (columns["price"] - 30) - 0.004 * (columns["age"] - 200)
    worth = worth.astype(float) + random.normal(0, 0.5, rows)
    gain = np.digitize(worth, [0.3, 1.2, 2.2]).astype(float)
    abroad = np.repeat(np.arange(queries) % 3 == 0, sizes)
    columns["market"] = np.where(abroad, "abroad", "home").astype(object)
    return Rows(columns, ("fit", "price", "age"), gain, np.arange(rows))


MARKETS = {"abroad": 'market = "abroad"', "at home": 'market = "home"'}
SLICES = {"young": "age < 30", "young on the web": 'age < 35 and channel = "web"', "not north": 'region != "north"'}


@cache
def ranking(seed: int = 1, learner: str = "linear") -> Case:
    """Lists in the order of a learned gain."""
    from sklearn.ensemble import GradientBoostingRegressor
    from sklearn.linear_model import LinearRegression

    estimator = LinearRegression() if learner == "linear" else GradientBoostingRegressor(random_state=0)
    case = worlds.case_of(estimator, goods(400, seed + 50), goods(250, seed), Kind.REGRESSION)
    return replace(case, planned_as=Kind.RANKING, roles={"group": "query"}, slices=MARKETS)


def untold(rows: Rows) -> Rows:
    """The same rows with no truth."""
    return replace(rows, truth=np.full(len(rows), np.nan))


def generic(kind: str = "binary") -> Case:
    """A model of whose answers nobody knows the truth."""
    case = worlds.base(kind)
    return replace(case, planned_as=Kind.GENERIC, test=untold(case.test), train=untold(case.training), slices=SLICES)


@cache
def roles() -> Case:
    """The sound case with a population, hard rows, and slices."""
    hard = worlds.people(3_000, seed=23)
    hard = hard.take(hard.columns["age"] > 65)
    reference = untold(worlds.people(3_000, seed=22))
    return replace(worlds.base(), reference=reference, stress=hard, slices=SLICES)


def of_forecast(_: Path) -> Case:
    """The sound forecast."""
    return forecast()


def of_ranking(_: Path) -> Case:
    """The sound ranking."""
    return ranking()


def with_roles(_: Path) -> Case:
    """The sound case with roles."""
    return roles()
