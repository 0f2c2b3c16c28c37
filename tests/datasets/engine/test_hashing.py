"""Hashes: equal values and only those agree, in every run; repeats and distinct counts against plain sets."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.datasets.engine.hashing import SALTS, DistinctCounter, RepeatFinder, hashed, row_hashes
from apps.datasets.engine.schema import Column

texts = st.lists(st.one_of(st.none(), st.text(max_size=8)), max_size=40)


@given(texts)
def test_texts_hash_alike_exactly_when_they_are_equal(values):
    hashes = hashed(pa.array(values, pa.string()), "string")

    assert len(set(hashes.tolist())) == len(set(values))


def test_a_hash_is_the_same_in_every_run_and_in_every_piece_of_an_array():
    values = pa.array(["", "a", "flight", None, "x" * 10_000])

    assert hashed(values, "string").tolist()[1:3] == [16174174400138340505, 3247096806831765438]
    assert hashed(values.slice(1, 3), "string").tolist() == hashed(values, "string").tolist()[1:4]


def test_long_texts_that_differ_by_a_period_differ():
    one, other = "a" + "b" * 4095 + "c" + "d" * 4095, "c" + "d" * 4095 + "a" + "b" * 4095

    hashes = hashed(pa.array([one, other]), "string")

    assert hashes[0] != hashes[1]


def test_zero_has_one_sign_and_null_is_no_number():
    hashes = hashed(pa.array([0.0, -0.0, None, 1.0]), "number")

    assert hashes[0] == hashes[1]
    assert len(set(hashes.tolist())) == 3


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([True, False, None]), "boolean"),
        (pa.array([1, -1, None]), "integer"),
        (pa.array([dt.date(2024, 1, 1), dt.date(1960, 1, 1), None]), "date"),
        (pa.array([dt.datetime(2024, 1, 1), dt.datetime(1960, 1, 1), None], pa.timestamp("us", "UTC")), "datetime"),
    ],
)
def test_every_type_is_hashed(values, kind):
    assert len(set(hashed(values, kind).tolist())) == 3


def test_the_order_of_columns_matters_and_the_two_hashes_are_independent():
    batch = pa.RecordBatch.from_pydict({"a": [1, 2], "b": [2, 1]})
    first, second = row_hashes(batch, [Column("a", "integer"), Column("b", "integer")])

    assert first[0] != first[1]
    assert not np.any(first == second)
    assert SALTS[0] != SALTS[1]


@pytest.mark.parametrize("keep", ["first", "last"])
@given(
    values=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["x", "y", None])), max_size=60),
    at_once=st.integers(1, 70),
)
def test_repeats_are_the_rows_that_a_plain_look_finds(tmp_path_factory, values, at_once, keep):
    finder = RepeatFinder(tmp_path_factory.mktemp("repeats"))
    finder.ROWS_AT_ONCE = at_once
    for start in range(0, len(values), 7):
        piece = values[start : start + 7]
        batch = pa.RecordBatch.from_arrays(
            [pa.array([a for a, _ in piece], pa.int64()), pa.array([b for _, b in piece], pa.string())], ["a", "b"]
        )
        finder.add(batch, [Column("a", "integer"), Column("b", "string")])

    repeats = finder.find(keep)

    places = range(len(values)) if keep == "first" else reversed(range(len(values)))
    kept: dict = {}
    for place in places:
        kept.setdefault(values[place], place)
    assert repeats.dropped.tolist() == sorted(set(range(len(values))) - set(kept.values()))
    assert repeats.groups == sum(values.count(value) > 1 for value in set(values))
    mask = np.concatenate(
        [repeats.mask(start, min(5, len(values) - start)) for start in range(0, len(values), 5)] or [[]]
    )
    assert np.flatnonzero(mask).tolist() == sorted(kept.values())


def test_distinct_values_are_counted_exactly_up_to_the_bound():
    counter = DistinctCounter(bound=1000)
    for start in range(0, 1000, 100):
        counter.add(pa.array([*range(start, start + 100), None, 0]), "integer")

    assert (counter.count, counter.is_exact) == (1000, True)


@pytest.mark.parametrize("size", [2_000, 20_000, 50_000, 300_000])
def test_beyond_the_bound_distinct_values_are_estimated(size):
    counter = DistinctCounter(bound=1000)
    for start in range(0, size, 50_000):
        counter.add(pa.array(np.arange(start, min(size, start + 50_000))), "integer")

    assert not counter.is_exact
    # Four standard errors of a sketch with 2^14 registers.
    assert counter.count == pytest.approx(size, rel=0.033)
