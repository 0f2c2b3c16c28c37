"""Rows to states: nothing lost, both ways of counting equal, every kind of column defined."""

import datetime as dt
import decimal

import numpy as np
import pyarrow as pa
import pytest

from apps.monitoring.engine import reduce
from apps.monitoring.engine.edges import KNOWN, TOP
from apps.monitoring.engine.reduce import reduce_all, reduce_groups
from apps.monitoring.engine.state import merge
from tests.monitoring.engine.rows import YES_NO, baseline_of, mixed, scored, shapes


def numeric_counts(state, bins, name):
    """Bins and [nulls, minus infinities, plus infinities] of one column."""
    place = [column.name for column in bins.numeric].index(name)
    histogram = state.counts[bins.histogram_at].reshape(len(bins.numeric), -1)[place]
    return histogram, state.counts[bins.beside_at].reshape(-1, 3)[place].tolist()


def category_counts(state, bins, name):
    place = [column.name for column in bins.categorical].index(name)
    return state.counts[bins.category_at[place]].tolist()


def test_reduce_counts_every_row_once_per_column():
    table = mixed(np.random.default_rng(1), 5_000)
    baseline = baseline_of(table)
    state = baseline.reference
    for name in ("amount", "visits"):
        histogram, beside = numeric_counts(state, baseline.bins, name)
        assert histogram.sum() + sum(beside) == 5_000
        assert beside[0] == table.column(name).null_count
    assert sum(category_counts(state, baseline.bins, "place")) == 5_000


@pytest.mark.parametrize("rows", [1, 30, 5_000])
def test_reduce_by_sorting_and_by_looking_up_agree_to_the_bit(rows, monkeypatch):
    rng = np.random.default_rng(rows)
    baseline = baseline_of(scored(rng, 3_000), YES_NO)
    table = scored(rng, rows, shift=2.0)
    hours = rng.integers(0, 24, rows)
    monkeypatch.setattr(reduce, "MANY", 0)
    by_sorting = dict(reduce_groups(table, baseline.bins, hours))
    monkeypatch.setattr(reduce, "MANY", 10**9)
    by_look_up = dict(reduce_groups(table, baseline.bins, hours))
    assert by_sorting == by_look_up


def test_reduce_in_parts_equals_reduce_at_once_to_the_bit():
    rng = np.random.default_rng(7)
    baseline = baseline_of(shapes(rng, 20_000))
    table = shapes(rng, 10_000, shift=4.0)
    hours = rng.integers(0, 5, 10_000)
    whole = reduce_all(table, baseline.bins)
    assert merge(state for _, state in reduce_groups(table, baseline.bins, hours)) == whole
    assert merge(reduce_all(table.slice(start, 777), baseline.bins) for start in range(0, 10_000, 777)) == whole


@pytest.mark.parametrize("many", [0, 10**9])
def test_reduce_keeps_infinities_nulls_and_extremes_apart(many, monkeypatch):
    monkeypatch.setattr(reduce, "MANY", many)
    baseline = baseline_of(pa.table({"x": [1.0, 2.0, 3.0]}))
    strange = [-np.inf, np.inf, np.inf, np.copysign(np.nan, 1.0), np.copysign(np.nan, -1.0), None]
    table = pa.table({"x": pa.array([*strange, 2.0, 9.0, -4.0])})
    state = reduce_all(table, baseline.bins)
    histogram, beside = numeric_counts(state, baseline.bins, "x")
    # Below, 1, between, 2, between, 3, above.
    assert histogram[:7].tolist() == [1, 0, 0, 1, 0, 0, 1]
    assert beside == [3, 1, 2]
    assert (state.lowest[0], state.highest[0]) == (-4.0, 9.0)


@pytest.mark.parametrize("many", [0, 10**9])
def test_reduce_puts_both_zeros_where_zero_belongs(many, monkeypatch):
    monkeypatch.setattr(reduce, "MANY", many)
    for zero in (0.0, -0.0):
        baseline = baseline_of(pa.table({"x": [-1.0, zero, zero, 1.0]}))
        histogram, _ = numeric_counts(
            reduce_all(pa.table({"x": [0.0, -0.0, 5e-324, -5e-324]}), baseline.bins), baseline.bins, "x"
        )
        # Below, -1, between, 0, between, 1, above.
        assert histogram[:7].tolist() == [0, 0, 1, 2, 1, 0, 0]


def test_reduce_of_whole_numbers_beyond_what_a_float_tells_apart():
    values = [2**53, 2**53 + 1, 2**53 + 2, 2**62]
    baseline = baseline_of(pa.table({"id": pa.array(values, pa.int64())}))
    state = reduce_all(pa.table({"id": pa.array([2**53 + 1, 2**62 + 1, 2**63 - 1, None], pa.int64())}), baseline.bins)
    histogram, beside = numeric_counts(state, baseline.bins, "id")
    assert (histogram.sum(), beside[0]) == (3, 1)
    assert histogram[len(baseline.bins.numeric[0].edges.values)] == 1  # only the largest lies beyond the reference


@pytest.mark.parametrize(
    "array",
    [
        pa.array([True, False, None]),
        pa.array(["a", "b", None]).dictionary_encode(),
        pa.array(["a", "b", None], pa.large_string()),
        pa.array([1, 2, None], pa.uint64()),
        pa.array([1.5, 2.5, None], pa.float32()),
        pa.array([decimal.Decimal("1.25"), decimal.Decimal("7.5"), None]),
        pa.array([dt.date(2013, 1, 1), dt.date(2013, 5, 1), None]),
        pa.array([dt.datetime(2013, 1, 1), dt.datetime(2013, 5, 1), None]),
        pa.nulls(3, pa.float64()),
        pa.nulls(3, pa.string()),
    ],
)
def test_reduce_knows_every_kind_of_column(array):
    table = pa.table({"column": array})
    baseline = baseline_of(table)
    assert reduce_all(table, baseline.bins) == baseline.reference
    assert int(baseline.reference.counts.sum()) == 3


def test_reduce_of_categories_tells_rare_from_unseen():
    names = [f"usual {place % TOP}" for place in range(TOP * 3)] + [f"rare {place}" for place in range(10)]
    baseline = baseline_of(pa.table({"name": names}))
    state = reduce_all(pa.table({"name": ["usual 3", "rare 4", "never before", None]}), baseline.bins)
    other, unseen, null = category_counts(state, baseline.bins, "name")[-3:]
    assert (other, unseen, null) == (1, 1, 1)


def test_reduce_of_a_million_categories_counts_strangers_as_other():
    baseline = baseline_of(pa.table({"name": [str(place) for place in range(TOP + KNOWN + 50)]}))
    state = reduce_all(pa.table({"name": [f"new {place}" for place in range(1_000)]}), baseline.bins)
    other, unseen, _ = category_counts(state, baseline.bins, "name")[-3:]
    assert (other, unseen) == (1_000, 0)


def test_reduce_of_a_missing_column_counts_nulls():
    baseline = baseline_of(pa.table({"x": [1.0, 2.0], "place": ["a", "b"]}))
    state = reduce_all(pa.table({"y": [1, 2, 3]}), baseline.bins)
    assert numeric_counts(state, baseline.bins, "x")[1] == [3, 0, 0]
    assert category_counts(state, baseline.bins, "place")[-1] == 3


def test_reduce_of_no_rows_is_the_empty_state():
    baseline = baseline_of(pa.table({"x": [1.0, 2.0]}))
    state = reduce_all(pa.table({"x": pa.array([], pa.float64())}), baseline.bins)
    assert state.is_empty
    assert state + baseline.reference == baseline.reference


def test_reduce_counts_label_and_score_together():
    rng = np.random.default_rng(5)
    table = scored(rng, 4_000)
    baseline = baseline_of(table, YES_NO)
    joint = baseline.reference.counts[baseline.bins.joint_at].reshape(2, -1)
    said = np.asarray(table.column("_prediction")) == "yes"
    assert joint.sum(axis=1).tolist() == [int((~said).sum()), int(said.sum())]
