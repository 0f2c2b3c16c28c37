"""Latency that adds up, and when errors, feedback and value deserve attention."""

import numpy as np
import pytest

from apps.monitoring.engine import service
from apps.monitoring.engine.policy import DRIFT, NEAR, NOT_ENOUGH, QUIET, Limits


def test_percentiles_from_counts_are_close_to_those_from_calls():
    seconds = np.random.default_rng(1).lognormal(-4, 1, 20_000)
    counts = service.add_counts([service.latency_counts(part) for part in np.split(seconds, 4)])
    for percent in (50, 95, 99):
        assert service.percentile(counts, percent) == pytest.approx(np.percentile(seconds, percent), rel=0.09)


def test_percentile_without_calls_is_none_and_of_one_call_is_near_it():
    assert service.percentile(service.add_counts([[]]), 95) is None
    assert service.percentile(service.add_counts([service.latency_counts([0.01])]), 99) == pytest.approx(0.01, rel=0.2)
    assert service.percentile(service.add_counts([service.latency_counts([900.0])]), 50) > 90


@pytest.mark.parametrize(
    ("calls", "failed", "seconds", "errors", "latency"),
    [
        (1_000, 0, 0.01, QUIET, QUIET),
        (1_000, 50, 0.01, DRIFT, QUIET),
        (1_000, 21, 0.45, NEAR, NEAR),
        (1_000, 0, 2.0, QUIET, DRIFT),
        (100, 50, 2.0, NOT_ENOUGH, NOT_ENOUGH),
        (0, 0, 0.0, NOT_ENOUGH, NOT_ENOUGH),
    ],
)
def test_service_is_judged_by_errors_and_latency(calls, failed, seconds, errors, latency):
    counts = service.add_counts([service.latency_counts([seconds] * calls)])
    levels, readings = service.judge_service(calls, failed, counts, Limits())
    assert levels == {"errors": errors, "latency": latency}
    assert readings["calls"] == calls


@pytest.mark.parametrize(
    ("ratings", "said"),
    [([5] * 30, QUIET), ([1, 2] * 30, DRIFT), ([1, 5, 2] * 10, NEAR), ([1] * 19, NOT_ENOUGH), ([], NOT_ENOUGH)],
)
def test_feedback_is_judged_by_its_mean_and_certainty(ratings, said):
    assert service.judge_feedback(ratings, Limits())[0] == {"feedback": said}


@pytest.mark.parametrize(
    ("met", "progress", "due", "said"),
    [
        (True, 1.2, True, QUIET),
        (False, 0.5, False, NEAR),
        (False, 0.5, True, DRIFT),
        (False, -0.1, False, DRIFT),
        (False, None, False, NEAR),
    ],
)
def test_value_is_judged_by_the_promise(met, progress, due, said):
    assert service.judge_value(met, progress, due) == said
