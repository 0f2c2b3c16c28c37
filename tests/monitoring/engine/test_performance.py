"""Measures from outcome states against scikit-learn on the rows, their intervals against simulation, and estimates."""

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics
from sklearn.isotonic import IsotonicRegression

from apps.monitoring.engine import outcomes, performance
from apps.monitoring.engine.baseline import Column, build
from apps.monitoring.engine.bins import MULTICLASS, REGRESSION, Outputs
from apps.monitoring.engine.performance import ESTIMATED, MATURE, PARTIAL, Metric
from apps.monitoring.engine.reduce import reduce_all, score_bins
from apps.monitoring.engine.state import merge
from tests.monitoring.engine.rows import YES_NO, baseline_of, scored

KINDS = Outputs(MULTICLASS, ("a", "b", "c"))
AMOUNT = Outputs(REGRESSION)


def measured(baseline, table):
    return performance.measure(baseline.outcome_bins, outcomes.reduce_all(table, baseline.outcome_bins))


def kinds(rng, size):
    """Three kinds, told apart with a confidence that is right."""
    sure = rng.uniform(0.4, 1.0, size)
    true = rng.integers(0, 3, size)
    said = np.where(rng.uniform(size=size) < sure, true, (true + rng.integers(1, 3, size)) % 3)
    names = np.array(KINDS.labels)
    return pa.table({"_score": sure, "_prediction": names[said].tolist(), "_label": names[true].tolist()})


def amounts(rng, size, spread=2.0):
    said = rng.normal(1_000, 10, size)
    return pa.table({"_prediction": said, "_label": said + rng.normal(0.5, spread, size)})


def test_binary_measures_equal_scikit_learn():
    rng = np.random.default_rng(1)
    baseline, table = baseline_of(scored(rng, 20_000), YES_NO), scored(rng, 5_000, 0.5)
    found = measured(baseline, table)
    true, said = (np.asarray(table.column(name)) == "yes" for name in ("_label", "_prediction"))
    score = np.asarray(table.column("_score"))
    exact = {
        "accuracy": metrics.accuracy_score(true, said),
        "precision": metrics.precision_score(true, said),
        "recall": metrics.recall_score(true, said),
        "f1": metrics.f1_score(true, said),
        "brier": metrics.brier_score_loss(true, score),
    }
    assert {name: found[name].value for name in exact} == pytest.approx(exact, abs=1e-9)
    assert found["auc"].value == pytest.approx(metrics.roc_auc_score(true, score), abs=0.0005)
    assert {one.n for name, one in found.items() if name not in ("precision", "recall")} == {5_000}


def test_multiclass_measures_equal_scikit_learn():
    rng = np.random.default_rng(2)
    baseline, table = build(kinds(rng, 5_000), [], KINDS), kinds(rng, 3_000)
    found = measured(baseline, table)
    true, said = table.column("_label").to_pylist(), table.column("_prediction").to_pylist()
    assert found["accuracy"].value == pytest.approx(metrics.accuracy_score(true, said))
    assert found["f1"].value == pytest.approx(metrics.f1_score(true, said, average="macro"))


def test_regression_measures_equal_scikit_learn():
    rng = np.random.default_rng(3)
    baseline, table = build(amounts(rng, 5_000), [], AMOUNT), amounts(rng, 3_000)
    found = measured(baseline, table)
    true, said = np.asarray(table.column("_label")), np.asarray(table.column("_prediction"))
    assert found["mae"].value == pytest.approx(metrics.mean_absolute_error(true, said), rel=1e-8)
    assert found["rmse"].value == pytest.approx(metrics.root_mean_squared_error(true, said), rel=1e-8)
    assert found["bias"].value == pytest.approx((said - true).mean(), rel=1e-8)
    assert found["r2"].value == pytest.approx(metrics.r2_score(true, said), rel=1e-6)


@pytest.mark.parametrize(("rows", "outputs"), [(scored, YES_NO), (kinds, KINDS), (amounts, AMOUNT)])
def test_intervals_hold_the_truth_about_as_often_as_they_say(rows, outputs):
    rng = np.random.default_rng(4)
    baseline = build(rows(rng, 5_000), [], outputs)
    truth = measured(baseline, rows(rng, 200_000))
    held = dict.fromkeys(truth, 0)
    for _ in range(120):
        for name, one in measured(baseline, rows(rng, 400)).items():
            assert one.low <= one.value <= one.high
            held[name] += one.low <= truth[name].value <= one.high
    assert {name for name, hits in held.items() if hits < 0.87 * 120} == set()


def test_outcomes_in_parts_equal_outcomes_at_once_to_the_bit():
    rng = np.random.default_rng(5)
    for rows, outputs in ((scored, YES_NO), (kinds, KINDS), (amounts, AMOUNT)):
        baseline, table = build(rows(rng, 500), [], outputs), rows(rng, 1_000)
        layout = baseline.outcome_bins
        hours = rng.integers(0, 9, 1_000)
        parts = [state for _, state in outcomes.reduce_groups(table, layout, hours)]
        assert merge(parts) == outcomes.reduce_all(table, layout)


def test_outcomes_without_label_or_with_an_unknown_one_are_not_counted():
    rng = np.random.default_rng(6)
    baseline = baseline_of(scored(rng, 500), YES_NO)
    table = scored(rng, 4).set_column(3, "_label", pa.array(["yes", None, "maybe", "no"]))
    assert outcomes.reduce_all(table, baseline.outcome_bins).rows == 2
    assert measured(baseline, table.slice(1, 2)) == {}


def test_measures_of_one_kind_of_outcome_leave_out_what_cannot_be_said():
    rng = np.random.default_rng(7)
    baseline = baseline_of(scored(rng, 500), YES_NO)
    only = pa.table({"_score": [0.1, 0.2], "_prediction": ["no", "no"], "_label": ["no", "no"]})
    assert set(measured(baseline, only)) == {"accuracy", "brier"}
    unscored = only.drop_columns(["_score"])
    assert set(measured(baseline, unscored)) == {"accuracy"}


def test_isotonic_equals_scikit_learn():
    rng = np.random.default_rng(8)
    sizes = rng.integers(0, 30, 240).astype(float)
    hits = rng.binomial(sizes.astype(int), np.linspace(0.1, 0.8, 240)).astype(float)
    there = sizes > 0
    places, shares = np.flatnonzero(there), hits[there] / sizes[there]
    wanted = IsotonicRegression().fit(places, shares, sizes[there]).predict(places)
    assert performance.isotonic(hits, sizes)[there] == pytest.approx(wanted)


def test_estimate_without_labels_is_close_to_what_comes_true():
    rng = np.random.default_rng(9)
    baseline, table = baseline_of(scored(rng, 50_000), YES_NO), scored(rng, 50_000, 1.0)
    estimated = performance.estimate(baseline, reduce_all(table, baseline.bins))
    realised = measured(baseline, table)
    for name in ("accuracy", "f1", "auc"):
        assert estimated[name].value == pytest.approx(realised[name].value, abs=0.008)
        assert abs(performance.concept_drift(realised[name], estimated[name])["z"]) < 4


def test_estimate_is_what_numpy_makes_of_the_rows_with_the_same_calibration():
    rng = np.random.default_rng(21)
    baseline, table = baseline_of(scored(rng, 50_000), YES_NO), scored(rng, 40_000, 0.7)
    state = reduce_all(table, baseline.bins)
    found = performance.estimate(baseline, state)
    score = np.asarray(table.column("_score"))
    said = np.asarray(table.column("_prediction")) == "yes"
    chance = performance.calibration(baseline, state)[score_bins(table, baseline.bins)]
    hit, missed = chance[said].sum(), chance[~said].sum()
    order = np.argsort(score)
    below = np.cumsum((1 - chance)[order]) - (1 - chance)[order] / 2
    exact = {
        "accuracy": np.where(said, chance, 1 - chance).mean(),
        "precision": hit / said.sum(),
        "recall": hit / (hit + missed),
        "f1": 2 * hit / (said.sum() + hit + missed),
        "auc": (chance[order] * below).sum() / (chance.sum() * (1 - chance).sum()),
    }
    assert {name: one.value for name, one in found.items()} == pytest.approx(exact, abs=0.002)
    assert all(one.low < one.value < one.high for one in found.values())


def test_calibration_takes_scores_at_their_word_only_where_the_outcomes_do():
    rng = np.random.default_rng(25)
    fair = scored(rng, 50_000)
    sure = np.asarray(fair.column("_score"))
    bent = fair.set_column(1, "_score", pa.array(sure**3 / (sure**3 + (1 - sure) ** 3)))
    for table, is_fair in ((fair, True), (bent, False)):
        baseline = baseline_of(table, YES_NO)
        chance = performance.calibration(baseline, baseline.reference)[score_bins(table, baseline.bins)]
        assert np.abs(chance - sure).mean() < 0.01
        # A fit to the outcomes has levels, as many as rise; a score at its word has one for every bin.
        assert (len(np.unique(chance)) > 200) is is_fair


def test_estimated_intervals_hold_what_comes_true_about_as_often_as_they_say():
    rng = np.random.default_rng(22)
    baseline = baseline_of(scored(rng, 200_000), YES_NO)
    held = dict.fromkeys(("accuracy", "precision", "recall", "f1"), 0)
    for _ in range(100):
        table = scored(rng, 1_000)
        estimated, realised = (
            performance.estimate(baseline, reduce_all(table, baseline.bins)),
            measured(baseline, table),
        )
        for name in held:
            held[name] += estimated[name].low <= realised[name].value <= estimated[name].high
    assert {name for name, hits in held.items() if hits < 88} == set()


def test_log_loss_of_many_kinds_is_that_of_scikit_learn_with_the_rest_spread_evenly():
    rng = np.random.default_rng(23)
    baseline, table = build(kinds(rng, 50_000), [], KINDS), kinds(rng, 20_000)
    sure = np.asarray(table.column("_score"))
    names = list(KINDS.labels)
    said = np.array([names.index(one) for one in table.column("_prediction").to_pylist()])
    given = np.repeat(((1 - sure) / 2)[:, None], 3, axis=1)
    given[np.arange(len(sure)), said] = sure
    wanted = metrics.log_loss(table.column("_label").to_pylist(), given, labels=names)
    found = measured(baseline, table)["log_loss"]
    assert found.value == pytest.approx(wanted, rel=0.01)
    assert found.low < wanted < found.high
    estimated = performance.estimate(baseline, reduce_all(table, baseline.bins))
    assert estimated["log_loss"].value == pytest.approx(wanted, rel=0.03)


@pytest.mark.parametrize("rows", ["scored", "amounts"])
def test_selection_sees_whether_early_outcomes_are_like_the_rest(rows):
    rng = np.random.default_rng(24)
    if rows == "scored":
        table = scored(rng, 6_000)
        baseline, by = baseline_of(scored(rng, 20_000), YES_NO), np.asarray(table.column("_score"))
    else:
        table = amounts(rng, 6_000)
        baseline, by = build(amounts(rng, 20_000), [], AMOUNT), np.asarray(table.column("_prediction"))
    every = reduce_all(table, baseline.bins)
    chosen = {"fair": np.arange(6_000) < 2_000, "early": by > np.quantile(by, 0.6)}
    found = {
        name: performance.selection(
            baseline, every, outcomes.reduce_all(table.filter(pa.array(mask)), baseline.outcome_bins)
        )
        for name, mask in chosen.items()
    }
    assert found["fair"]["p"] > 0.001
    assert found["early"]["p"] < 1e-6
    assert (found["fair"]["known"], found["fair"]["rest"]) == (2_000, 4_000)
    assert performance.selection(baseline, every, outcomes.reduce_all(table, baseline.outcome_bins)) is None


def test_estimate_of_many_kinds_and_of_nothing():
    rng = np.random.default_rng(10)
    baseline = build(kinds(rng, 20_000), [], KINDS)
    state = reduce_all(kinds(rng, 5_000), baseline.bins)
    assert performance.estimate(baseline, state)["accuracy"].value == pytest.approx(0.7, abs=0.02)
    unlabelled = build(kinds(rng, 500).drop_columns(["_label"]), [], KINDS)
    assert performance.estimate(unlabelled, state) == {}


def test_concept_drift_is_seen_where_the_estimate_is_blind():
    rng = np.random.default_rng(11)
    baseline, table = baseline_of(scored(rng, 20_000), YES_NO), scored(rng, 5_000)
    flipped = np.where(rng.uniform(size=5_000) < 0.2, "yes", table.column("_label").to_pylist())
    table = table.set_column(3, "_label", pa.array(flipped.tolist()))
    estimated = performance.estimate(baseline, reduce_all(table, baseline.bins))["accuracy"]
    found = performance.concept_drift(measured(baseline, table)["accuracy"], estimated)
    assert found["difference"] < -0.05
    assert found["p"] < 1e-6


@pytest.mark.parametrize(
    ("predicted", "labelled", "share", "said"),
    [
        (100, 0, 1.0, ESTIMATED),
        (100, 94, 1.0, PARTIAL),
        (100, 95, 1.0, MATURE),
        (100, 93, 0.97, MATURE),
        (0, 0, 1.0, ESTIMATED),
    ],
)
def test_window_state_tells_how_much_is_known(predicted, labelled, share, said):
    assert performance.window_state(predicted, labelled, share)[0] == said


def test_worsening_knows_which_way_is_worse():
    before = {"auc": Metric("auc", 0.8, 0.79, 0.81, 900), "rmse": Metric("rmse", 2.0, 1.9, 2.1, 900)}
    now = {"auc": Metric("auc", 0.7, 0.68, 0.72, 300), "rmse": Metric("rmse", 1.0, 0.9, 1.1, 300)}
    worse, p = performance.worsening(now["auc"], before["auc"])
    assert (worse, p < 1e-9) == (pytest.approx(0.1), True)
    better, p = performance.worsening(now["rmse"], before["rmse"])
    assert (better, p > 0.99) == (pytest.approx(-1.0), True)


def test_delay_curve_rises_to_the_share_that_has_come():
    rng = np.random.default_rng(12)
    baseline = baseline_of(scored(rng, 500), YES_NO)
    table = scored(rng, 4).append_column("_delay_hours", pa.array([0.5, 1.5, 30.0, None]))
    state = outcomes.reduce_all(table, baseline.outcome_bins)
    curve = performance.delay_curve(baseline.outcome_bins, state)
    shares = {one["hours"]: one["share"] for one in curve}
    assert (shares[1], shares[2], shares[32], shares[64]) == (0.25, 0.5, 0.75, 0.75)


def test_regression_far_off_scale_has_no_accident():
    baseline = build(pa.table({"_prediction": [1.0, 1.0], "_label": [1.0, 2.0]}), [Column("_x", "numeric")][:0], AMOUNT)
    found = measured(baseline, pa.table({"_prediction": [1e200, 3.0], "_label": [-1e200, 3.0]}))
    assert all(np.isfinite(one.value) for one in found.values())
