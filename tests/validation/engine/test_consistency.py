"""Planted inconsistencies are found: a fold, a month, a slice, a die in the model."""

from __future__ import annotations

import numpy as np
import pytest

from apps.validation.engine.base import CannotRun, Kind, Sense, Verdict
from apps.validation.engine.checks.consistency import Folds, Repeat, TimeSlices, time_parts
from apps.validation.engine.checks.slices import Systematic, WeakestSlice
from tests.validation.engine.cases import Plain, case, law, regression_case, world


def test_folds_of_a_sound_model_are_alike() -> None:
    found = Folds().measure(case())

    assert Folds.default_limits("high", Kind.BINARY).verdict(found.value, Sense.AT_MOST) is Verdict.PASSED
    assert [row["rows"] for row in found.tables[0].rows] == [800] * 5


def test_folds_of_cross_validation_count_too() -> None:
    found = Folds().measure(case(facts={"cross_validation": {"auc": [0.9, 0.9, 0.5]}}))

    assert found.value == pytest.approx((0.7667 - 0.5) / 0.7667, abs=1e-3)
    assert [row["value"] for row in found.tables[1].rows] == [0.9, 0.9, 0.5]


def test_folds_with_too_few_of_an_outcome_cannot_run() -> None:
    rows = world()
    few = np.r_[np.flatnonzero(rows.truth == 0)[:200], np.flatnonzero(rows.truth == 1)[:2]]

    with pytest.raises(CannotRun, match="not defined on every fold"):
        Folds().measure(case(test=rows.take(few)))


def test_month_in_which_the_law_is_turned_around_is_found() -> None:
    rows = world(6_000)
    turned = rows.truth.copy()
    turned[4_000:5_000] = 1 - turned[4_000:5_000]
    broken = type(rows)(rows.columns, rows.features, turned, rows.number, rows.time)

    found = TimeSlices().measure(case(test=broken), slices=6)

    weakest = max(found.tables[0].rows, key=lambda row: -row["value"])
    assert weakest["part"] == "2013-03-25 to 2013-04-15"
    assert found.value > 0.5
    assert TimeSlices().measure(case(rows=6_000)).value < 0.1


def test_slices_of_time_keep_equal_times_together_and_lose_no_row() -> None:
    time = np.array(["2013-01-01"] * 50 + ["2013-01-02"] * 5 + ["2013-01-03"] * 45 + ["NaT"], dtype="datetime64[us]")

    parts = time_parts(time, 4)

    assert [name for name, _ in parts] == [
        "2013-01-01 to 2013-01-01",
        "2013-01-02 to 2013-01-02",
        "2013-01-03 to 2013-01-03",
    ]
    assert sorted(np.concatenate([index for _, index in parts]).tolist()) == list(range(100))


def test_repeat_of_a_sound_model_is_exact() -> None:
    found = Repeat().measure(case())

    assert found.value == 0.0
    assert found.offending_rows == []


def test_repeat_finds_a_model_with_a_die_in_it() -> None:
    random = np.random.default_rng(0)
    dice = Plain(
        lambda columns: law(columns["delay"], columns["carrier"]) + random.normal(0, 1e-3, len(columns["delay"]))
    )

    found = Repeat().measure(case(dice))

    assert Repeat.default_limits("limited", Kind.BINARY).verdict(found.value, Sense.AT_MOST) is Verdict.FAILED
    assert 0 < len(found.offending_rows) <= 50


def test_repeat_finds_a_model_that_looks_at_its_neighbours() -> None:
    batch = Plain(lambda columns: law(columns["delay"] - columns["delay"].mean(), columns["carrier"]))

    rows = {row["way"]: row for row in Repeat().measure(case(batch)).tables[0].rows}

    assert rows["asked twice"]["largest"] == 0.0
    assert rows["alone"]["largest"] > 0.1


def blind_to(carrier: str) -> Plain:
    """Knows nothing of one carrier's flights."""

    def score(columns: dict) -> np.ndarray:
        known = law(columns["delay"], columns["carrier"])
        return np.where(columns["carrier"] == carrier, 0.4 + 1e-3 * np.sin(1e4 * columns["distance"]), known)

    return Plain(score)


def test_weak_category_is_found() -> None:
    found = WeakestSlice().measure(case(blind_to("B6"), rows=12_000))

    assert found.tables[0].rows[0]["slice"] == "carrier = B6"
    assert found.value == pytest.approx(0.5 / 0.86, abs=0.05)
    assert found.interval is not None and found.interval.low < found.value < found.interval.high


def test_sound_model_has_no_category_far_below() -> None:
    assert WeakestSlice().measure(case(rows=12_000)).value > 0.9
    assert WeakestSlice().measure(regression_case(6_000)).value > 0.9


def test_categories_of_few_rows_cannot_be_judged() -> None:
    with pytest.raises(CannotRun, match="No column has two categories of 500 rows"):
        WeakestSlice().measure(case(rows=900))


def test_systematic_error_is_found_where_it_was_planted() -> None:
    found = Systematic().measure(case(blind_to("B6"), rows=12_000))

    worst = found.tables[0].rows[0]
    assert "carrier is B6" in worst["slice"] and "delay" in worst["slice"]
    assert Systematic.default_limits("limited", Kind.BINARY).verdict(found.value, Sense.AT_MOST) is Verdict.FAILED
    assert found.interval is not None and found.interval.low <= abs(worst["mean"]) <= found.interval.high


def test_sound_models_have_no_systematic_error_in_ten_worlds() -> None:
    limits = Systematic.default_limits("high", Kind.BINARY)
    for seed in range(10):
        found = Systematic().measure(case(test=world(8_000, 100 + seed), seed=seed))
        assert limits.verdict(found.value, Sense.AT_MOST) is Verdict.PASSED
    assert Systematic().measure(regression_case(6_000)).value < 0.1


def test_systematic_error_on_few_rows_cannot_be_judged() -> None:
    with pytest.raises(CannotRun, match="too few for slices of 500"):
        Systematic().measure(case(rows=900))
