"""Figures of groups equal fairlearn's, those of scores scikit-learn's; intervals of gaps cover as they promise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fairlearn
from sklearn import metrics as sklearn
from sklearn.linear_model import LinearRegression

from apps.validation.engine.base import CannotRun, Measured, NothingToAsk, TooSmall, Verdict
from apps.validation.engine.case import Case, Rows
from apps.validation.engine.checks.calibration import InTheLarge, TopLabel
from apps.validation.engine.checks.equity import AccuracyGap, ErrorGap, Flip, GroupCalibration, Power
from apps.validation.engine.checks.fairness import Intersection, PredictiveParity
from apps.validation.engine.checks.mitigation import Mitigation, Reweighing
from apps.validation.engine.checks.performance import AucOfClasses, AveragePrecision, Matthews
from apps.validation.engine.checks.residuals import Slope
from apps.validation.engine.checks.security import Membership
from apps.validation.engine.intervals import mean_size
from tests.validation.faults import worlds

EXACT = 1e-9
ASKED: dict[str, Any] = {"attributes": ["region"], "favourable": "positive", "edges": [], "min_rows": 100}
ASKED |= {"min_each_truth": 20}


@pytest.fixture
def case() -> Case:
    return worlds.base()


def largest_gap(metric: Any, tried: Case, groups: Any) -> float:
    """What fairlearn says is the largest difference between two groups."""
    frame = fairlearn.MetricFrame(
        metrics=metric, y_true=tried.test.truth, y_pred=tried.said.label, sensitive_features=groups
    )
    return float(frame.difference(method="between_groups"))


@pytest.mark.parametrize(
    ("check", "theirs"), [(AccuracyGap, sklearn.accuracy_score), (PredictiveParity, sklearn.precision_score)]
)
@pytest.mark.parametrize("attribute", ["sex", "race", "region"])
def test_gap_of_labels_equals_fairlearn(case: Case, check: Any, theirs: Any, attribute: str) -> None:
    ours = check().measure(case, **{**ASKED, "attributes": [attribute]})

    assert ours.value == pytest.approx(largest_gap(theirs, case, case.test.columns[attribute]), abs=EXACT)


def test_gap_of_errors_equals_fairlearn() -> None:
    tried = worlds.base("regression")
    whole = sklearn.mean_absolute_error(tried.test.truth, tried.said.score)

    theirs = largest_gap(sklearn.mean_absolute_error, tried, tried.test.columns["region"]) / whole

    assert ErrorGap().measure(tried, **ASKED).value == pytest.approx(theirs, abs=EXACT)


def test_intersection_equals_fairlearn(case: Case) -> None:
    groups = pd.DataFrame({name: case.test.columns[name] for name in ("sex", "race")})
    theirs = fairlearn.demographic_parity_ratio(case.test.truth, case.said.label, sensitive_features=groups)

    ours = Intersection().measure(case, **{**ASKED, "attributes": ["sex", "race"]})

    assert ours.value == pytest.approx(theirs, abs=EXACT)


def test_calibration_by_group_is_the_difference_of_mean_errors(case: Case) -> None:
    frame = pd.DataFrame({"error": case.test.truth - case.said.score, "group": case.test.columns["region"]})
    means = frame.groupby("group")["error"].mean()

    assert GroupCalibration().measure(case, **ASKED).value == pytest.approx(means.max() - means.min(), abs=EXACT)


def test_scores_equal_scikit_learn(case: Case) -> None:
    truth, said = case.test.truth, case.said
    rate = truth.mean()
    precision = (sklearn.average_precision_score(truth, said.score) - rate) / (1 - rate)
    many = worlds.base("multiclass")
    area = sklearn.roc_auc_score(many.test.truth, many.said.chances, multi_class="ovr")

    assert AveragePrecision().measure(case).value == pytest.approx(precision, abs=EXACT)
    assert Matthews().measure(case).value == pytest.approx(sklearn.matthews_corrcoef(truth, said.label), abs=EXACT)
    assert AucOfClasses().measure(many).value == pytest.approx(area, abs=EXACT)
    assert InTheLarge().measure(case).value == pytest.approx(abs(truth.mean() - said.score.mean()), abs=EXACT)


def test_slope_equals_a_regression_of_truth_on_said() -> None:
    tried = worlds.base("regression")
    line = LinearRegression().fit(tried.said.score.reshape(-1, 1), tried.test.truth)

    assert Slope().measure(tried).value == pytest.approx(abs(line.coef_[0] - 1), abs=EXACT)


def test_membership_equals_the_area_of_the_losses(case: Case) -> None:
    trained = case.said_in_training
    loss = np.r_[np.abs(case.training.truth - trained.score), np.abs(case.test.truth - case.said.score)]
    member = np.r_[np.ones(len(case.training)), np.zeros(len(case.test))]

    assert Membership().measure(case).value == pytest.approx(sklearn.roc_auc_score(member, -loss), abs=EXACT)


def test_interval_of_a_gap_between_groups_covers_as_it_promises() -> None:
    random = np.random.default_rng(0)
    base = worlds.people(800, 1)
    covered = 0
    for trial in range(100):
        women = base.columns["sex"] == "female"
        score = np.full(len(base), 0.5)
        truth = (random.random(len(base)) < np.where(women, 0.3, 0.5)).astype(np.int64)
        tried = Case(kind=worlds.base().kind, model=Said(score), test=replace(base, truth=truth), seed=trial)
        interval = GroupCalibration().measure(tried, **{**ASKED, "attributes": ["sex"]}).interval
        covered += interval is not None and interval.low <= 0.2 <= interval.high

    assert 88 <= covered <= 100


class Said:
    """A model that says what it is told."""

    def __init__(self, score: np.ndarray) -> None:
        self.score = score

    def predict(self, columns: Any) -> Any:
        return {"score": self.score, "label": (self.score >= 0.5).astype(np.int64)}


def test_interval_of_the_size_of_a_mean_covers_as_it_promises() -> None:
    random = np.random.default_rng(1)
    intervals = [mean_size(random.exponential(1.0, 400) - 0.8) for _ in range(300)]

    assert 277 <= sum(one is not None and one.low <= 0.2 <= one.high for one in intervals) <= 297
    assert mean_size(np.ones(5)) is None


def test_attribute_that_the_model_does_not_see_is_nothing_to_exchange(case: Case) -> None:
    with pytest.raises(NothingToAsk, match="does not see sex"):
        Flip().measure(case, attributes=["sex"])
    assert Flip().measure(case, attributes=["channel"]).value > 0.1


def test_price_of_equal_treatment_is_what_thresholds_by_group_cost(case: Case) -> None:
    assert Mitigation().measure(case, **{**ASKED, "attributes": ["sex"]}).value == 0

    shy = replace(case, model=Shy(case.model, case.test.columns["sex"] == "female"))
    found = Mitigation().measure(shy, **{**ASKED, "attributes": ["sex"]})

    assert "the ratio is 0.80" in found.sentence
    assert found.value == pytest.approx(0.0, abs=0.15)


def test_reweighing_shows_gap_and_accuracy_with_and_without(case: Case) -> None:
    def unfair(rows: Rows) -> Rows:
        passed_over = (rows.columns["sex"] == "female") & (np.arange(len(rows)) % 10 > 0)
        seen = replace(rows, features=(*rows.features, "sex"))
        return replace(seen, truth=np.where(passed_over, 0, rows.truth))

    tried = replace(case, train=unfair(case.training), test=unfair(case.test))
    found = Reweighing().measure(tried, **{**ASKED, "attributes": ["sex"]})
    plain, weighted = found.tables[0].rows

    assert weighted["ratio"] > 2 * plain["ratio"] and weighted["gap"] < plain["gap"]
    assert found.value == pytest.approx(plain["accuracy"] - weighted["accuracy"]) and found.value > 0.03
    blind = replace(tried, train=replace(tried.training, columns={"income": tried.training.columns["income"]}))
    with pytest.raises(CannotRun, match="do not say sex"):
        Reweighing().measure(blind, **{**ASKED, "attributes": ["sex"]})


class Shy(Said):
    """Another model, less sure of some rows."""

    def __init__(self, inner: Any, who: np.ndarray) -> None:
        self.inner, self.who = inner, who

    def predict(self, columns: Any) -> Any:
        score = self.inner.predict(columns)["score"] * np.where(self.who, 0.6, 1.0)
        return {"score": score, "label": (score >= 0.5).astype(np.int64)}


def test_groups_too_small_are_counted_and_named(case: Case) -> None:
    few = case.test.columns["sex"].copy()
    few[:40] = "other"
    tried = replace(case, test=case.test.with_column("sex", few))

    counted = Power().measure(tried, **{**ASKED, "attributes": ["sex"]})
    judged: Measured = AccuracyGap().measure(tried, **{**ASKED, "attributes": ["sex"]})

    assert (counted.value, counted.sentence) == (1.0, "Too small to judge: sex = other.")
    assert (judged.at_best, judged.notes) == (Verdict.WARNED, ["Too small to judge: sex = other."])
    with pytest.raises(TooSmall):
        AccuracyGap().measure(tried, **{**ASKED, "attributes": ["sex"], "min_rows": 1_500})


def test_label_of_several_classes_is_right_as_often_as_said() -> None:
    many = worlds.base("multiclass")

    found = TopLabel().measure(many)

    assert found.value < 0.1
    assert f"{np.mean(many.said.label == many.test.truth):.1%}" in found.sentence
