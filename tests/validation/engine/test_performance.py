"""Scores against thresholds, against the champion, against something trivial; calibration."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as oracle

from apps.validation.engine.base import CannotRun, Kind, Sense, Verdict
from apps.validation.engine.checks.calibration import BrierScore, CalibrationError, mass_bins
from apps.validation.engine.checks.comparison import VersusChampion, VersusSimple
from apps.validation.engine.checks.performance import F1, Accuracy, Degradation, Regression, RocAuc, roc_points
from tests.validation.engine.cases import Plain, case, guessing, knowing, law, regression_case, sigmoid, world


def test_auc_equals_scikit_learn_and_lies_in_its_interval() -> None:
    tried = case()
    found = RocAuc().measure(tried)

    assert found.value == pytest.approx(oracle.roc_auc_score(tried.test.truth, tried.said.score), abs=1e-9)
    assert found.interval is not None and found.interval.low < found.value < found.interval.high
    assert found.figures[0].series[0].x[0] == 0.0 and found.figures[0].series[0].y[-1] == 1.0


def test_auc_of_a_guessing_model_fails() -> None:
    found = RocAuc().measure(case(guessing()))

    assert RocAuc.default_limits("high", Kind.BINARY).verdict(found.interval.low, RocAuc.sense) is Verdict.FAILED


def test_auc_with_one_outcome_only_cannot_run() -> None:
    rows = world()
    with pytest.raises(CannotRun, match="one outcome only"):
        RocAuc().measure(case(test=rows.take(rows.truth == 1)))


def test_roc_points_equal_scikit_learn() -> None:
    random = np.random.default_rng(0)
    score = np.round(random.random(300), 1)
    truth = random.integers(0, 2, 300)
    false, true, _ = oracle.roc_curve(truth, score, drop_intermediate=False)

    assert np.array_equal(np.column_stack(roc_points(truth, score)), np.column_stack([false, true]))


def test_f1_and_accuracy_equal_scikit_learn() -> None:
    tried = case()

    assert F1().measure(tried).value == pytest.approx(oracle.f1_score(tried.test.truth, tried.said.label), abs=1e-9)
    found = Accuracy().measure(tried)
    assert found.value == pytest.approx(oracle.accuracy_score(tried.test.truth, tried.said.label), abs=1e-9)
    counts = [row[f"said_{level}"] for row in found.tables[0].rows for level in (0, 1)]
    assert counts == oracle.confusion_matrix(tried.test.truth, tried.said.label).ravel().tolist()


def test_regression_tells_errors_beside_those_of_the_mean() -> None:
    tried = regression_case()
    found = Regression().measure(tried)
    rows = {row["metric"]: row for row in found.tables[0].rows}

    assert found.value == pytest.approx(oracle.r2_score(tried.test.truth, tried.said.score), abs=1e-9)
    assert rows["R²"]["mean"] == pytest.approx(0.0, abs=1e-12)
    assert rows["mean absolute error"]["value"] < rows["mean absolute error"]["mean"]


def test_degradation_of_a_model_that_learned_by_heart_is_found() -> None:
    train, test = world(seed=2), world(seed=1)
    heart = dict(zip(train.columns["distance"].tolist(), train.truth.tolist(), strict=True))
    model = Plain(lambda columns: np.array([heart.get(value, 0.5) for value in columns["distance"].tolist()]))

    found = Degradation().measure(case(model, train=train, test=test))

    assert found.value == pytest.approx(0.5, abs=0.03)
    assert Degradation.default_limits("limited", Kind.BINARY).verdict(found.value, Sense.AT_MOST) is Verdict.FAILED
    assert Degradation().measure(case()).value < 0.05


def test_champion_that_is_worse_is_beaten_with_near_certainty() -> None:
    blunt = Plain(lambda columns: (columns["delay"] > 0) * 0.5 + 0.2)
    found = VersusChampion().measure(case(champion=blunt))

    assert found.interval is not None and found.interval.low > 0
    assert found.tables[0].rows[2]["value"] > 0.99


def test_champion_that_is_better_makes_the_challenger_fail() -> None:
    found = VersusChampion().measure(case(guessing(), champion=knowing()))

    assert (
        VersusChampion.default_limits("limited", Kind.BINARY).verdict(found.interval.high, Sense.AT_LEAST)
        is Verdict.FAILED
    )
    assert found.tables[0].rows[2]["value"] < 0.01


def test_champion_that_is_the_same_is_a_draw() -> None:
    found = VersusChampion().measure(case(champion=knowing()))

    assert found.value == 0.0
    assert (found.interval.low, found.interval.high) == (0.0, 0.0)
    assert found.tables[0].rows[2]["value"] == 0.5


def test_comparison_by_an_error_counts_less_as_better() -> None:
    worse = Plain(lambda columns: np.full(len(columns["delay"]), 10.0), lambda score: score)
    found = VersusChampion().measure(regression_case(champion=worse), metric="rmse")

    assert found.value > 1.5


def test_paired_interval_covers_the_true_difference() -> None:
    """Two equally good noisy scores: the interval of their difference holds 0 in about 95 of 100 samples."""
    random = np.random.default_rng(8)
    covered = 0
    for trial in range(60):
        truth = random.integers(0, 2, 400)
        ours, theirs = (truth + random.normal(0, 1.5, 400) for _ in range(2))
        rows = world(400)
        tried = case(
            Plain(lambda _, said=ours: said),
            test=type(rows)(rows.columns, rows.features, truth, rows.number),
            champion=Plain(lambda _, said=theirs: said),
            seed=trial,
        )
        interval = VersusChampion().measure(tried).interval
        covered += interval.low <= 0 <= interval.high

    assert covered >= 52


def test_simple_tree_is_beaten_by_the_law_and_not_by_a_guess() -> None:
    good, bad = VersusSimple().measure(case()), VersusSimple().measure(case(guessing()))
    limits = VersusSimple.default_limits("limited", Kind.BINARY)

    assert good.value > 0.05
    assert limits.verdict(bad.value, Sense.AT_LEAST) is Verdict.FAILED
    assert VersusSimple().measure(regression_case()).value > 0.1


def test_simple_tree_cannot_learn_from_one_outcome() -> None:
    train = world(seed=2)
    with pytest.raises(CannotRun, match="one outcome only"):
        VersusSimple().measure(case(train=train.take(train.truth == 0)))


def test_calibration_of_the_law_is_good_and_of_a_bold_copy_bad() -> None:
    bold = Plain(
        lambda columns: sigmoid(
            4 * np.log(np.maximum(1e-9, (p := law(columns["delay"], columns["carrier"])) / (1 - p)))
        )
    )

    assert CalibrationError().measure(case()).value < 0.03
    found = CalibrationError().measure(case(bold))
    assert CalibrationError.default_limits("high", Kind.BINARY).verdict(found.value, Sense.AT_MOST) is Verdict.FAILED
    assert sum(row["rows"] for row in found.tables[0].rows) == 4_000


def test_equal_scores_share_a_bin() -> None:
    place = mass_bins(np.array([0.2] * 90 + [0.9] * 10), 15)

    assert len(set(place[:90].tolist())) == 1
    assert len(set(place.tolist())) == 2


def test_brier_table_equals_scikit_learn() -> None:
    tried = case()
    found = BrierScore().measure(tried)
    truth, score = tried.test.truth, tried.said.score

    assert found.tables[0].rows[0]["value"] == pytest.approx(oracle.brier_score_loss(truth, score), abs=1e-9)
    assert found.tables[0].rows[1]["value"] == pytest.approx(oracle.log_loss(truth, score), abs=1e-9)
    assert found.value == pytest.approx(1 - oracle.brier_score_loss(truth, score) / (truth.mean() * (1 - truth.mean())))
