"""Which segment rows lie in: values in the order they came, no more than fifty, figures between cuts."""

import numpy as np
import pyarrow as pa

from apps.monitoring.engine import segments
from apps.monitoring.engine.segments import LONGEST, MOST, NONE, OTHER, Column


def said(table, column):
    places, labels = segments.places(table, column)
    return [labels[place] for place in places]


def test_values_are_segments_in_the_order_they_came():
    column = Column("origin")
    assert said(pa.table({"origin": ["JFK", None, "EWR", "JFK"]}), column) == ["JFK", NONE, "EWR", "JFK"]
    assert said(pa.table({"origin": ["LGA", "EWR"]}), column) == ["LGA", "EWR"]
    assert column.values == ["JFK", "EWR", "LGA"]


def test_a_column_of_very_many_values_has_fifty_segments_and_the_rest():
    column = Column("tail")
    names = [f"N{place}" for place in range(10_000)]
    found = said(pa.table({"tail": names}), column)
    assert (len(column.values), found[MOST - 1], set(found[MOST:])) == (MOST, f"N{MOST - 1}", {OTHER})
    assert said(pa.table({"tail": ["N9999", "N3"]}), column) == [OTHER, "N3"]


def test_a_missing_column_is_a_segment_of_its_own():
    assert said(pa.table({"other": [1, 2]}), Column("origin")) == [NONE, NONE]


def test_figures_are_cut():
    column = Column("age", [25.0, 40.0])
    ages = pa.table({"age": [24.9, 25.0, 39.0, 40.0, 90.0, None]})
    assert said(ages, column) == ["below 25", "25 to 40", "25 to 40", "40 and above", "40 and above", NONE]


def test_long_values_are_cut_and_stay_apart():
    one, two = segments.short("x" * 200), segments.short("x" * 199)
    assert len(one) <= LONGEST
    assert one != two
    assert segments.short(OTHER) != OTHER


def test_numbers_and_truth_values_are_told_by_their_text():
    column = Column("month")
    assert said(pa.table({"month": np.array([1, 2, 1])}), column) == ["1", "2", "1"]
    assert said(pa.table({"month": [True, False]}), Column("month")) == ["true", "false"]
