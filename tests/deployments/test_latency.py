"""Latencies in slices."""

import pytest

from apps.deployments.engine.latency import ENDS, add, no_calls, quantile, slice_of


def test_quantile_interpolates_within_its_slice() -> None:
    counts = no_calls()
    counts[slice_of(0.0015)] = 100
    assert quantile(counts, 0.5) == pytest.approx(0.0015)
    assert quantile(counts, 1.0) == pytest.approx(0.002)


def test_quantile_without_calls_is_none() -> None:
    assert quantile(no_calls(), 0.5) is None


def test_slowest_slice_says_at_least() -> None:
    counts = no_calls()
    counts[slice_of(99.0)] = 1
    assert quantile(counts, 0.95) == ENDS[-1]


def test_ends_belong_to_the_slice_below() -> None:
    assert [slice_of(end) for end in ENDS] == list(range(len(ENDS)))


def test_minutes_add_up() -> None:
    one, other = no_calls(), no_calls()
    one[0], other[0], other[3] = 1, 2, 4
    assert add(one, other)[:4] == [3, 0, 0, 4]
