"""Sound models: different learners, tasks, data sets and seeds, with nothing wrong that a check may find."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from apps.validation.engine.base import Kind, Need
from apps.validation.engine.case import Case, Rows
from apps.validation.engine.plans import ALWAYS_THERE, Item, Subject, template
from tests.validation.faults import converted, uses, worlds

Make = Callable[[], Case]
NO_FILE = ("sec.format", "sec.graph", "sec.digest", "sec.scanner", "lat.cold", "lat.size", "lat.memory")


def linear(**settings: Any) -> Any:
    """Logistic regression on scaled figures."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=500, **settings))


def trees(name: str, **settings: Any) -> Any:
    """One of scikit-learn's ensembles of trees."""
    from sklearn import ensemble

    return getattr(ensemble, name)(random_state=0, **settings)


def shop(estimator: Callable[[], Any], seed: int, rows: int = 2_000) -> Case:
    """Customers of a shop, learned from 4,000 rows."""
    train, test = worlds.people(4_000, seed + 100), worlds.people(rows, seed)
    return worlds.case_of(estimator(), train, test, Kind.BINARY, whole=frozenset({"visits"}))


def spent(estimator: Callable[[], Any], seed: int) -> Case:
    """What customers spend."""
    return worlds.case_of(
        estimator(),
        worlds.spending(4_000, seed + 100),
        worlds.spending(2_000, seed),
        Kind.REGRESSION,
        whole=frozenset({"visits"}),
    )


def shipped(name: str, estimator: Callable[[], Any], kind: Kind) -> Case:
    """A data set that comes with scikit-learn, halved."""
    from sklearn import datasets

    found = getattr(datasets, f"load_{name}")()
    return worlds.case_of(estimator(), *worlds.halves(worlds.table_rows(found.data, found.target)), kind)


def made(name: str, estimator: Callable[[], Any], kind: Kind, **settings: Any) -> Case:
    """A generated data set, halved."""
    from sklearn import datasets

    matrix, truth = getattr(datasets, f"make_{name}")(random_state=1, **settings)
    return worlds.case_of(estimator(), *worlds.halves(worlds.table_rows(matrix, truth)), kind)


def with_champion() -> Case:
    """A model beside the one it is to replace."""
    case = shop(partial(trees, "GradientBoostingClassifier", n_estimators=60), 21)
    old = shop(linear, 21)
    return replace(case, champion=old.model, champion_name="1")


def with_gaps() -> Case:
    """Customers of whom a tenth of the incomes are unknown, on both sides alike."""

    def gaps(rows: Rows, seed: int) -> Rows:
        values = rows.columns["income"].copy()
        values[np.random.default_rng(seed).random(len(rows)) < 0.1] = np.nan
        return rows.with_column("income", values)

    train, test = gaps(worlds.people(4_000, 131), 5), gaps(worlds.people(2_000, 31), 6)
    return worlds.case_of(linear(), train, test, Kind.BINARY, whole=frozenset({"visits"}))


def by_recipe() -> Case:
    """The file that a recipe made, with its record."""
    with tempfile.TemporaryDirectory() as folder:
        case = converted.case_of(Path(folder))
        assert len(case.said.score)  # opens the file, which then is in memory
    return case


BINARY, MANY, FIGURE = Kind.BINARY, Kind.MULTICLASS, Kind.REGRESSION
FOREST = partial(trees, "RandomForestClassifier", n_estimators=30, min_samples_leaf=8, max_features=0.5)
BOOSTED = partial(trees, "HistGradientBoostingClassifier", max_iter=50, learning_rate=0.08, max_leaf_nodes=8)
BOOSTED_FIGURE = partial(trees, "HistGradientBoostingRegressor", max_iter=120)


def ridge() -> Any:
    """Linear regression held back."""
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), Ridge())


def shallow() -> Any:
    """A tree that a person can read."""
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(max_depth=5, min_samples_leaf=40, random_state=0)


def neighbours() -> Any:
    """What happened to the nearest forty."""
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), KNeighborsClassifier(40))


SOUND: dict[str, Make] = {
    "the law itself": partial(worlds.base, "binary"),
    "logistic regression": partial(shop, linear, 11),
    "boosted trees": partial(shop, BOOSTED, 12),
    "random forest": partial(shop, FOREST, 13),
    "gradient boosting": partial(shop, partial(trees, "GradientBoostingClassifier", n_estimators=60), 14),
    "extra trees": partial(shop, partial(trees, "ExtraTreesClassifier", n_estimators=30, min_samples_leaf=8), 15),
    "a tree to read": partial(shop, shallow, 16),
    "nearest neighbours": partial(shop, neighbours, 17, 1_200),
    "beside a champion": with_champion,
    "gaps on both sides": with_gaps,
    "tumours": partial(shipped, "breast_cancer", partial(linear, C=0.1), BINARY),
    "generated, two classes": partial(made, "classification", BOOSTED, BINARY, n_samples=4000, class_sep=0.7),
    "generated, rare outcome": partial(
        made, "classification", linear, BINARY, n_samples=4000, weights=[0.88], class_sep=0.9, flip_y=0.05
    ),
    "digits": partial(worlds.base, "multiclass"),
    "three classes by trees": partial(
        made, "classification", BOOSTED, MANY, n_samples=4000, n_classes=3, n_informative=5
    ),
    "four classes": partial(
        made, "classification", linear, MANY, n_samples=2400, n_classes=4, n_informative=6, class_sep=1.0
    ),
    "spending by its law": partial(worlds.base, "regression"),
    "spending by boosted trees": partial(spent, BOOSTED_FIGURE, 18),
    "generated figure": partial(made, "regression", ridge, FIGURE, n_samples=2000, n_features=8, noise=30.0),
    "sales of shops": uses.forecast,
    "sales by the hour": partial(uses.forecast, 4, "trees", "h"),
    "goods in a list": uses.ranking,
    "goods in a list by trees": partial(uses.ranking, 5, "trees"),
    "answers nobody can judge": uses.generic,
    "figures nobody can judge": partial(uses.generic, "regression"),
    "with population, stress and slices": uses.roles,
    "converted, by a recipe": by_recipe,
    "friedman's figure": partial(made, "friedman1", BOOSTED_FIGURE, FIGURE, n_samples=3000, noise=1.0),
}


def plan_for(case: Case, tier: str = "limited") -> list[Item]:
    """The built-in plan for a case, without what needs a file."""
    there = ALWAYS_THERE | {Need.CONVERSION} | case.given
    attributes = [name for name in ("sex", "race") if name in case.test.columns]
    lines = template(Subject(tier, case.used_as, attributes, there=frozenset(there), answer=case.kind))
    return [line for line in lines if line.key not in NO_FILE]
