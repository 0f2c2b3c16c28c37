"""Sums that do not depend on the order, and floats compared as whole numbers."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from apps.monitoring.engine import exact

numbers = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200)
any_floats = st.lists(st.floats() | st.sampled_from([0.0, -0.0, 5e-324, -5e-324, np.inf, -np.inf]), min_size=1)


@given(numbers, st.randoms(use_true_random=False), st.integers(0, 200))
def test_sums_are_the_same_in_any_order_and_any_parts(values, random, at):
    unit = exact.unit_for(1e6)
    shuffled = list(values)
    random.shuffle(shuffled)
    parts = [exact.add(np.array(part), unit) for part in (shuffled[:at], shuffled[at:])]
    assert exact.carry_one(*(sum(half) for half in zip(*parts, strict=True))) == exact.add(np.array(values), unit)


@given(numbers)
def test_sums_are_close_to_the_true_sum(values):
    unit = exact.unit_for(1e6)
    high, low = exact.add(np.array(values), unit)
    found = exact.value(np.array([high]), np.array([low]), unit)[0]
    assert abs(found - sum(values)) <= len(values) * unit + 1e-6


def test_values_far_beyond_the_scale_are_capped_not_wrong():
    high, low = exact.add(np.full(1_000, 1e300), exact.unit_for(1.0))
    assert exact.value(np.array([high]), np.array([low]), exact.unit_for(1.0))[0] == 1_000 * exact.CAP * exact.unit_for(
        1.0
    )


def test_units_exist_for_every_scale():
    for scale in (0.0, 5e-324, 1.0, 1e308, np.inf, np.nan):
        assert 0 < exact.unit_for(scale) < np.inf


@given(any_floats)
def test_whole_numbers_are_ordered_as_their_floats_and_become_them_again(values):
    values = np.array([*values, np.nan, np.copysign(np.nan, -1.0), -np.inf, np.inf])
    ordered = exact.to_ordered(values)
    assert exact.from_ordered(ordered).tobytes() == values.tobytes()
    real = ~np.isnan(values)
    assert np.array_equal(ordered[real][:, None] <= ordered[real], _in_order(values[real][:, None], values[real]))
    assert ordered[-3] < ordered[-2] < ordered[-1] < ordered[-4]


def _in_order(left, right):
    return np.where(left == right, np.signbit(left) >= np.signbit(right), left < right)


@given(any_floats, any_floats)
def test_places_are_those_found_among_floats(edges, values):
    edges = np.unique(np.array([one for one in edges if np.isfinite(one)]))
    values = np.array([one for one in values if one == one])
    assert np.array_equal(exact.places_among(edges, values), np.searchsorted(edges, values, side="left"))
