"""Two gates, enough rows, and more than one bad window."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from apps.monitoring.engine import policy
from apps.monitoring.engine.policy import DRIFT, NEAR, NOT_ENOUGH, QUIET, Limits, Unusable


@given(st.lists(st.floats(0, 1), max_size=60))
def test_benjamini_hochberg_equals_scipy(p):
    found = policy.benjamini_hochberg(np.array(p))
    wanted = stats.false_discovery_control(p) if p else []
    assert found == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(
    ("effect", "q", "said"),
    [(0.1, 0.001, DRIFT), (0.5, 0.2, QUIET), (0.09, 0.001, NEAR), (0.079, 0.0, QUIET), (0.0, 1.0, QUIET)],
)
def test_level_needs_effect_and_evidence(effect, q, said):
    assert policy.level(effect, q, 0.1, Limits()) == said


def test_windows_grow_until_there_are_enough_rows():
    limits = Limits(minimum=200, most_windows=3)
    assert policy.windows_needed([500, 1], limits) == 1
    assert policy.windows_needed([90, 90, 90], limits) == 3
    assert policy.windows_needed([50, 50, 50, 500], limits) is None
    assert policy.windows_needed([], limits) is None


def test_signal_opens_after_two_bad_windows_of_three():
    limits = Limits()
    assert policy.move(False, [DRIFT], limits) == policy.KEEP
    assert policy.move(False, [DRIFT, QUIET, DRIFT], limits) == policy.OPEN
    assert policy.move(False, [DRIFT, QUIET, QUIET, DRIFT], limits) == policy.KEEP
    assert policy.move(False, [DRIFT, NOT_ENOUGH, NOT_ENOUGH, DRIFT], limits) == policy.OPEN


def test_signal_closes_only_when_it_is_well_over():
    limits = Limits()
    assert policy.move(True, [DRIFT, QUIET], limits) == policy.KEEP
    assert policy.move(True, [DRIFT, QUIET, NEAR], limits) == policy.KEEP
    assert policy.move(True, [DRIFT, QUIET, NOT_ENOUGH, QUIET], limits) == policy.CLOSE
    assert policy.move(True, [], limits) == policy.KEEP


def test_limits_read_back_what_was_stored():
    limits = Limits(psi=0.2, features={"temp": 0.4}, minimum=500)
    assert Limits.read(limits.as_json()) == limits
    assert (limits.effect("temp"), limits.effect("wind")) == (0.4, 0.2)


@pytest.mark.parametrize(
    "given_limits",
    [
        {"psi": 0},
        {"q": 2},
        {"open_after": 4, "among": 3},
        {"minimum": 0},
        {"unheard_of": 1},
        {"psi": "much"},
        {"minimum": 1.5},
        {"features": ["temp"]},
        {"psi": True},
    ],
)
def test_limits_that_contradict_are_refused(given_limits):
    with pytest.raises(Unusable):
        Limits.read(given_limits)
