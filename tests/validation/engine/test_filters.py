"""Filters of rows: what they take, what is missing, and a sentence for what is none."""

from __future__ import annotations

import numpy as np
import pytest

from apps.validation.engine.base import CannotRun
from apps.validation.engine.filters import FilterError, read_filter

ROWS = {
    "age": np.array([20.0, 30.0, 40.0, np.nan]),
    "region": np.array(["north", "south", "", "north"], dtype=object),
    "home town": np.array(["A", "B", "A", "it's"], dtype=object),
}


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("age < 30", [0]),
        ("age <= 30", [0, 1]),
        ("age > 20 and age >= 40", [2]),
        ("age = 30", [1]),
        ("age != 30", [0, 2]),
        ("age in (20, 4e1)", [0, 2]),
        ("age not in (20, 40)", [1]),
        ("not age < 30", [1, 2, 3]),
        ("age is missing", [3]),
        ("age is not missing", [0, 1, 2]),
        ('region = "north"', [0, 3]),
        ("region != 'north'", [1]),
        ("region is missing or age < 25", [0, 2]),
        ('age < 35 and (region = "south" or `home town` = "A")', [0, 1]),
        ('age < 35 and region = "south" or `home town` = "A"', [0, 1, 2]),
        ('`home town` in ("B", "it\'s")', [1, 3]),
        ("AGE is missing OR age<-1", None),
        ("age<30AND region='north'", None),
    ],
)
def test_filter_takes_its_rows(text: str, rows: list[int] | None) -> None:
    if rows is None:
        with pytest.raises((FilterError, CannotRun)):
            read_filter(text).flags(ROWS)
        return
    assert np.flatnonzero(read_filter(text).flags(ROWS)).tolist() == rows


def test_words_are_read_however_they_are_written() -> None:
    assert read_filter("age<30 AND Not region IN ('x')") == read_filter("age < 30 and not region in ('x')")


def test_filter_names_its_columns() -> None:
    assert list(read_filter('age < 25 and not (region = "x" or `home town` is missing)').columns()) == [
        "age", "region", "home town",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Expected the name of a column at the end."),
        ("age", "Expected =, !=, <, <=, >, >=, in or is missing at the end."),
        ("age < ", "Expected a number or a text between quotes at the end."),
        ("age < 'x'", "Expected a number at “'x'”."),
        ("age < 3 region", "Expected and, or, or the end at “region”."),
        ("(age < 3", "Expected a closing bracket at the end."),
        ("age in 3", "Expected values between brackets at “3”."),
        ("age in (3 4)", "Expected a comma or a closing bracket at “4)”."),
        ("age is 3", "Expected missing at “3”."),
        ("age == 3", "Expected a number or a text between quotes at “= 3”."),
        ("__import__('os')", "Expected =, !=, <, <=, >, >=, in or is missing at “('os')”."),
        ("age < 3; drop", "Expected a column, a value or a sign at “; drop”."),
        ("not " * 30 + "age < 3", "A filter is nested at most 20 deep."),
        (" or ".join(["a<1"] * 41), "A filter has at most 40 tests."),
        ("a" * 501, "A filter has at most 500 characters."),
    ],
)
def test_what_is_no_filter_says_where(text: str, sentence: str) -> None:
    with pytest.raises(FilterError) as error:
        read_filter(text)
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("height > 3", "The data has no column height."),
        ("age = 'x'", "The column age holds figures: compare it with a number."),
        ("region > 3", "The column region holds texts: compare it with = and a quoted text."),
    ],
)
def test_filter_that_does_not_fit_the_data_cannot_run(text: str, sentence: str) -> None:
    with pytest.raises(CannotRun) as error:
        read_filter(text).flags(ROWS)
    assert str(error.value) == sentence
