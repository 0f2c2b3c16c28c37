"""Noise, gaps, edges, time: what the checks find in models that break."""

from __future__ import annotations

import time

import numpy as np
import pytest

from apps.validation.engine.base import CannotRun, Kind, Sense, Verdict
from apps.validation.engine.checks.latency import Batch, SingleRow
from apps.validation.engine.checks.robustness import Missing, Noise, Range, noisy
from tests.validation.engine.cases import Plain, case, knowing, law, regression_case, world


def test_noise_costs_a_smooth_model_little_and_one_that_remembers_much() -> None:
    rows = world()
    by_heart = dict(zip(rows.columns["delay"].tolist(), rows.truth.tolist(), strict=True))
    recall = Plain(lambda columns: np.array([by_heart.get(value, 0.5) for value in columns["delay"].tolist()]))

    smooth, brittle = Noise().measure(case(test=rows)), Noise().measure(case(recall, test=rows))

    assert smooth.value < 0.05
    assert Noise.default_limits("high", Kind.BINARY).verdict(brittle.value, Sense.AT_MOST) is Verdict.FAILED
    assert [row["strength"] for row in smooth.tables[0].rows] == [0.0, 0.05, 0.1, 0.2, 0.3, 0.5]


def test_noise_leaves_whole_numbers_whole_and_gaps_gaps() -> None:
    rows = world(200)
    delay = np.round(rows.columns["delay"] * 10).astype(np.float32)
    delay[:5] = np.nan

    moved = noisy(rows.with_column("delay", delay), 0.3, frozenset({"delay"}), 1).columns["delay"]

    assert np.isnan(moved[:5]).all() and not np.isnan(moved[5:]).any()
    assert np.array_equal(moved[5:], np.round(moved[5:]))
    assert not np.array_equal(moved[5:], delay[5:])


def test_noise_without_any_figure_cannot_run() -> None:
    rows = world(200)
    words = type(rows)({"carrier": rows.columns["carrier"]}, ("carrier",), rows.truth, rows.number)

    with pytest.raises(CannotRun, match="No feature is a figure"):
        Noise().measure(case(Plain(lambda columns: np.full(len(columns["carrier"]), 0.4)), test=words))


def test_missing_costs_a_model_that_fills_gaps_well_no_more_than_not_knowing() -> None:
    found = Missing().measure(case())

    lost = {row["feature"]: row["lost"] for row in found.tables[0].rows}
    assert max(lost, key=lambda name: lost[name]) == "delay" and lost["delay"] > 0.2
    assert (found.value, found.at_best) == (0.0, Verdict.PASSED)
    assert Missing().measure(regression_case()).tables[0].rows[0]["lost"] > 0.85


def test_missing_taken_for_a_figure_costs_more_than_not_knowing() -> None:
    wild = Plain(lambda columns: 10 + 3 * np.nan_to_num(columns["delay"].astype(float), nan=50.0), lambda score: score)

    assert Missing().measure(regression_case(model=wild)).value > 1


def test_missing_that_the_signature_allows_and_the_model_refuses_is_no_pass() -> None:
    def score(columns: dict) -> np.ndarray:
        if np.isnan(columns["distance"]).any():
            raise ValueError("distance must not be null")
        return law(columns["delay"], columns["carrier"])

    found = Missing().measure(case(Plain(score)))

    assert found.at_best is Verdict.WARNED
    assert found.tables[0].rows[0] == {
        "feature": "distance",
        "score": None,
        "lost": None,
        "shuffled": None,
        "loss": None,
        "trouble": "ValueError: distance must not be null",
    }


def test_missing_is_not_asked_of_required_features() -> None:
    found = Missing().measure(case(required=frozenset({"delay"})))

    assert {row["feature"] for row in found.tables[0].rows} == {"distance", "carrier"}
    with pytest.raises(CannotRun, match="lets no feature be missing"):
        Missing().measure(case(required=frozenset({"delay", "distance", "carrier"})))


def test_range_of_a_bounded_model_is_sound() -> None:
    assert Range().measure(case()).value == 0.0


def test_range_finds_overflow_and_errors_on_new_words() -> None:
    def score(columns: dict) -> np.ndarray:
        if (columns["carrier"] == "never seen before").any():
            raise KeyError("carrier")
        return 0.5 + columns["distance"].astype(float) / 10

    found = Range().measure(case(Plain(score)))

    troubles = {(row["feature"], row["probe"]): row["trouble"] for row in found.tables[0].rows}
    assert troubles[("carrier", "a category never seen")] == "KeyError: 'carrier'"
    assert troubles[("distance", "far above")] == "a probability outside 0 to 1"
    assert found.value > 0


def test_slow_model_fails_on_latency() -> None:
    def slow(columns: dict) -> np.ndarray:
        time.sleep(0.012)
        return knowing().score(columns)

    found = SingleRow().measure(case(Plain(slow)), calls=30)

    assert SingleRow.default_limits("limited", Kind.BINARY).verdict(found.value, Sense.AT_MOST) is Verdict.WARNED
    assert SingleRow().measure(case(), calls=50).value < 10
    assert Batch().measure(case(), rows=500, calls=5).rows_used == 500
