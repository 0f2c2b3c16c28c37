"""Edges: every reference row has a bin, repeated values have one to themselves, and groups nest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.monitoring.engine.edges import (
    BINS,
    KNOWN,
    TOP,
    WIDTH,
    categories_of,
    edges_of,
    group_cuts,
    quantile_values,
)

numbers = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=600)


def counted(values, edges):
    return np.bincount(np.searchsorted(edges.values, values, side="left"), minlength=edges.bins)


@given(numbers)
def test_edges_of_any_values_rise_and_hold_every_row(values):
    ordered = np.sort(np.array(values))
    edges = edges_of(ordered)
    assert np.all(np.diff(edges.values) > 0)
    assert edges.bins <= WIDTH
    counts = counted(ordered, edges)
    assert (counts[0], counts[-1], counts.sum()) == (0, 0, len(values))


def test_edges_of_many_values_hold_equal_shares():
    ordered = np.sort(np.random.default_rng(1).normal(size=240_000))
    edges = edges_of(ordered)
    assert edges.mode == "quantiles"
    assert set(counted(ordered, edges)[1:-1]) == {240_000 // BINS}


def test_edges_of_few_values_are_the_values():
    edges = edges_of(np.array([1.0, 1.0, 2.0, 5.0]))
    assert edges.mode == "distinct"
    below = np.nextafter([1.0, 2.0, 5.0], -np.inf)
    assert edges.values.tolist() == [below[0], 1.0, below[1], 2.0, below[2], 5.0]
    # What appears between them is counted apart from them.
    assert counted(np.array([1.0, 1.5, 2.0, 2.0, 4.9, 6.0]), edges).tolist() == [0, 1, 1, 2, 1, 0, 1]


def test_edges_of_many_few_values_lie_around_the_most_frequent():
    values = np.concatenate([np.arange(200.0), np.repeat(np.arange(60.0, 100.0), 2)])
    edges = edges_of(np.sort(values))
    assert (edges.mode, edges.bins) == ("distinct", WIDTH)
    alone = edges.values[edges.atoms()[:-1]]
    assert alone.tolist() == [0.0, *np.arange(60.0, 100.0)]


def test_edges_of_a_repeated_value_give_it_its_own_bin():
    rng = np.random.default_rng(2)
    ordered = np.sort(np.concatenate([np.zeros(6_000), rng.normal(0, 1, 4_000)]))
    edges = edges_of(ordered)
    counts = counted(ordered, edges)
    assert counts[edges.atoms()].tolist() == [6_000]
    near = counted(np.array([-1e-300, 0.0, 1e-300]), edges)
    assert near[edges.atoms()].tolist() == [1]


def test_edges_of_nothing_are_empty():
    edges = edges_of(np.empty(0))
    assert (edges.mode, edges.bins) == ("empty", 1)
    assert group_cuts(np.empty(0), edges, 10).tolist() == []


@pytest.mark.parametrize("groups", [10, 16, 20, 24, 30, 40])
def test_group_counts_from_bins_are_those_from_rows(groups):
    rng = np.random.default_rng(3)
    ordered = np.sort(rng.lognormal(size=9_973))
    other = rng.lognormal(0.3, 1, 5_000)
    edges = edges_of(ordered)
    cuts = group_cuts(ordered, edges, groups)
    from_bins = np.add.reduceat(counted(other, edges), np.concatenate([[0], cuts + 1]))
    inner = quantile_values(ordered, groups)[1:-1]
    from_rows = np.bincount(np.searchsorted(inner, other, side="left"), minlength=groups)
    assert from_bins.tolist() == from_rows.tolist()


def test_group_cuts_of_a_constant_keep_what_lies_beside_it_apart():
    ordered = np.full(50, 7.0)
    edges = edges_of(ordered)
    assert edges.bins == 3
    assert group_cuts(ordered, edges, 10).tolist() == [0, 1]


def test_categories_keep_the_most_frequent_and_remember_the_rest():
    counts = {f"name {place}": 1_000 - place for place in range(TOP + 10)}
    kinds = categories_of(counts)
    assert kinds.top == tuple(f"name {place}" for place in range(TOP))
    assert (len(kinds.known), kinds.is_open, kinds.cells) == (10, False, TOP + 2)


def test_categories_beyond_memory_are_open():
    kinds = categories_of({str(place): 1 for place in range(TOP + KNOWN + 1)})
    assert (kinds.is_open, len(kinds.known)) == (True, 0)
