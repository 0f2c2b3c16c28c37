"""Rows against conditions of use, as the prediction server sees them."""

import math

import numpy as np
import pytest

from apps.deployments.serving.terms import NO_TERMS, Outside, Terms
from tests.deployments import samples

COLUMNS = {
    "dep_delay": np.array([10, math.nan, 90], dtype=np.float32),
    "month": np.array([3, 4, 12], dtype=np.float32),
    "carrier": np.array(["B6", "", "AA"], dtype=object),
    "weekend": np.array([0, 1, 1], dtype=np.float32),
}


def terms(*given: dict) -> Terms:
    return Terms.read(
        [{"is_strict": False, "words": "Only so.", "limits": {}, **one} for one in given], samples.SIGNATURE
    )


def limits(column: str, least: float | None = None, most: float | None = None, **more) -> dict:
    return {"kind": "inputs", "limits": {"column": column, "least": least, "most": most}, **more}


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        (limits("dep_delay", most=60), [3]),
        (limits("dep_delay", least=20), [1]),
        (limits("month", 3, 12), []),
        ({"kind": "inputs", "limits": {"column": "carrier", "values": ["B6"]}}, [3]),
        ({"kind": "inputs", "limits": {"column": "weekend", "values": ["true"]}}, [1]),
    ],
)
def test_rows_outside_are_named_and_missing_values_are_not(given: dict, rows: list[int]) -> None:
    assert terms(given).outside(COLUMNS) == rows


def test_a_row_outside_twice_is_named_once() -> None:
    both = terms(limits("dep_delay", most=60), limits("month", 4, 6))
    assert both.outside(COLUMNS) == [1, 3]
    assert both.said([1, 3]) == {"rows_outside_conditions": [1, 3], "outside_conditions": 2}


def test_strict_condition_refuses_the_call_with_its_first_row() -> None:
    with pytest.raises(Outside) as refused:
        terms(limits("month", 4, 6, is_strict=True)).outside(COLUMNS)
    assert (refused.value.status, refused.value.rows) == (422, 2)
    assert refused.value.sentence == "Row 1 and 1 more rows cannot be answered here. Only so."


def test_person_who_confirms_is_said_and_nothing_else() -> None:
    assert terms({"kind": "confirm"}).said([]) == {"needs_confirmation": True}
    assert (NO_TERMS.said([]), NO_TERMS.outside(COLUMNS)) == ({}, [])
