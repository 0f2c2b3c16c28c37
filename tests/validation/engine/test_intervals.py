"""Intervals cover as they promise, and cells say what rows would say."""

from __future__ import annotations

import numpy as np
import pytest

from apps.validation.engine.intervals import bootstrap, cell_draws, paired, percentile, share_above, wilson
from apps.validation.engine.metrics import METRICS, Prediction


def test_bootstrap_interval_of_accuracy_covers_about_95_in_100() -> None:
    random = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        truth = np.ones(300, dtype=int)
        label = (random.random(300) < 0.8).astype(int)
        interval = bootstrap(METRICS["accuracy"].prepare(truth, Prediction(label, label)), 300, trial, 200)
        assert interval is not None
        covered += interval.low <= 0.8 <= interval.high

    assert 180 <= covered <= 199


def test_bootstrap_with_few_rows_gives_no_interval() -> None:
    truth, label = np.array([0, 1] * 5), np.array([0, 1] * 5)

    assert bootstrap(METRICS["accuracy"].prepare(truth, Prediction(label, label)), 10, 0) is None


def test_bootstrap_with_the_same_seed_is_the_same() -> None:
    random = np.random.default_rng(2)
    score = random.random(500)
    truth = (random.random(500) < score).astype(int)
    prepared = METRICS["auc"].prepare(truth, Prediction(score, truth))

    assert bootstrap(prepared, 500, 3, 50) == bootstrap(prepared, 500, 3, 50)
    assert bootstrap(prepared, 500, 3, 50) != bootstrap(prepared, 500, 4, 50)


def test_paired_repeats_cancel_what_two_models_share() -> None:
    random = np.random.default_rng(4)
    score = random.random(2_000)
    truth = (random.random(2_000) < score).astype(int)
    one = METRICS["auc"].prepare(truth, Prediction(score, truth))
    other = METRICS["auc"].prepare(truth, Prediction(score + 1e-9, truth))

    drawn = paired(one, other, 2_000, 0, 50)

    assert np.ptp(drawn[:, 0]) > 0.01
    assert np.abs(drawn[:, 0] - drawn[:, 1]).max() < 1e-12
    assert share_above(drawn[:, 0] - drawn[:, 1]) == pytest.approx(0.5)


def test_interval_with_many_undefined_repeats_is_not_given() -> None:
    assert percentile(np.array([np.nan] * 20 + [0.5] * 80)) is None
    assert percentile(np.array([np.nan] * 5 + [0.5] * 95)) is not None


def test_cell_draws_have_the_spread_of_rows_drawn_anew() -> None:
    counts = np.array([[[40, 10], [20, 30]], [[400, 100], [200, 300]]])

    drawn = cell_draws(counts, 4_000, 1)

    assert (drawn.sum(axis=(1, 2, 3)) == counts.sum()).all()
    assert drawn.mean(axis=0) == pytest.approx(counts, rel=0.05)
    assert drawn[:, 0, 0, 0].std() == pytest.approx(np.sqrt(40 * (1 - 40 / 1100)), rel=0.05)


def test_wilson_interval_stays_on_the_scale() -> None:
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-3)
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-3)
    assert np.isnan(wilson(0, 0)).all()
