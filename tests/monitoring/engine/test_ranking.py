"""NDCG over lists against scikit-learn, ties and unknown outcomes included."""

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from apps.monitoring.engine import ranking
from apps.validation.engine.ranking import ndcg


@pytest.mark.parametrize("k", [3, 10, 100])
def test_lists_equal_scikit_learn(k):
    rng = np.random.default_rng(1)
    groups = rng.integers(0, 60, 900)
    scores, gains = rng.integers(0, 8, 900) / 8.0, rng.integers(0, 4, 900).astype(float)
    found, lists = ndcg(groups, scores, gains, k)
    exact = [ndcg_score([gains[groups == one]], [scores[groups == one]], k=k) for one in np.unique(groups)]
    assert lists == len(exact)
    assert found == pytest.approx(exact)


def test_lists_with_an_unknown_outcome_or_without_gain_are_left_out():
    groups = np.array([0, 0, 1, 1, 2, 2])
    gains = np.array([1.0, 0.0, 1.0, np.nan, 0.0, 0.0])
    found, lists = ndcg(groups, np.array([0.1, 0.9, 0.5, 0.4, 0.3, 0.2]), gains, 10)
    assert (lists, found.tolist()) == (2, [pytest.approx(1 / np.log2(3))])


def test_measure_has_an_interval_and_nothing_from_nothing():
    one = ranking.measure(np.array([0.8, 0.9, 1.0, 0.7]), 5)
    assert (one.name, one.value, one.n) == ("ndcg@5", pytest.approx(0.85), 4)
    assert one.low < 0.85 < one.high
    assert ranking.measure(np.empty(0), 5) is None
    assert ndcg(np.empty(0, dtype=int), np.empty(0), np.empty(0), 5)[1] == 0
