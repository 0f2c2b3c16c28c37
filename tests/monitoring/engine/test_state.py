"""States add up like the rows behind them, and their bytes are proof against damage."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.monitoring.engine import state as states
from apps.monitoring.engine.codec import Damaged
from apps.monitoring.engine.reduce import reduce_all
from tests.monitoring.engine.rows import YES_NO, baseline_of, scored, shapes

BASELINE = baseline_of(scored(np.random.default_rng(0), 2_000), YES_NO)
EMPTY = states.empty(BASELINE.bins.shape)


@st.composite
def some_state(draw):
    size, seed, shift = draw(st.integers(0, 50)), draw(st.integers(0, 2**16)), draw(st.floats(-1e6, 1e6))
    return reduce_all(scored(np.random.default_rng(seed), size, shift), BASELINE.bins)


@settings(max_examples=40, deadline=None)
@given(some_state(), some_state(), some_state())
def test_merge_is_associative_commutative_and_empty_is_nothing(a, b, c):
    assert (a + b) + c == a + (b + c) == states.merge([c, a, b])
    assert a + b == b + a
    assert a + EMPTY == a


@settings(max_examples=20, deadline=None)
@given(some_state())
def test_codec_gives_back_the_same_state(state):
    assert states.decode(state.encode()) == state
    assert (state.encode() == EMPTY.encode()) is state.is_empty


def test_codec_refuses_every_damage():
    blob = BASELINE.reference.encode()
    for broken in (
        b"",
        blob[:10],
        blob[:-1],
        blob[:-5] + b"12345",
        b"XXXX" + blob[4:],
        blob[:200] + b"\0\1\2\3" + blob[204:],
    ):
        with pytest.raises(Damaged):
            states.decode(broken)


def test_codec_holds_counts_of_any_size():
    for most in (0, 255, 256, 65_536, 2**33):
        big = states.State(b"f" * 32, 1, np.array([most, 0]), np.array([-5]), np.array([7]), np.empty(0), np.empty(0))
        assert states.decode(big.encode()).counts.tolist() == [most, 0]


def test_merge_refuses_other_bins():
    other = baseline_of(shapes(np.random.default_rng(1), 100))
    with pytest.raises(states.Mismatch):
        BASELINE.reference + other.reference


def test_roll_up_to_days_and_months_loses_nothing():
    rng = np.random.default_rng(3)
    start = dt.datetime(2013, 1, 30, 5, tzinfo=dt.UTC)
    hours = {start + dt.timedelta(hours=n): reduce_all(scored(rng, 20), BASELINE.bins) for n in range(0, 80, 3)}
    rolled = hours
    for grain in ("day", "month"):
        starts = sorted({states.start_of(start, grain) for start in rolled})
        rolled = {
            whole: states.merge(one for start, one in rolled.items() if states.start_of(start, grain) == whole)
            for whole in starts
        }
    assert list(rolled) == [dt.datetime(2013, 1, 1, tzinfo=dt.UTC), dt.datetime(2013, 2, 1, tzinfo=dt.UTC)]
    assert states.merge(rolled.values()) == states.merge(hours.values())
    blobs = [one.encode() for one in hours.values()]
    assert states.total(blobs, BASELINE.bins.shape) == states.merge(hours.values())


def test_window_starts_and_ends_meet():
    moment = dt.datetime(2012, 2, 29, 23, 59, tzinfo=dt.UTC)
    for grain in ("hour", "day", "month"):
        begin = states.start_of(moment, grain)
        after = states.end_of(begin, grain)
        assert begin <= moment < after
        assert states.start_of(after, grain) == after


def test_subtract_takes_back_exactly_what_was_added():
    rng = np.random.default_rng(5)
    a, b = (reduce_all(scored(rng, size), BASELINE.bins) for size in (40, 30))
    left = states.subtract(a + b, b)
    assert (left.counts.tolist(), left.rows) == (a.counts.tolist(), a.rows)
    assert (left.high.tolist(), left.low.tolist()) == (a.high.tolist(), a.low.tolist())
    with pytest.raises(ValueError, match="more to take away"):
        states.subtract(b, a + b)
