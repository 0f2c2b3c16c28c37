"""The server's fast way to arrays gives exactly what the signature itself gives, or refuses where it refuses."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.deployments.serving.columns import Misfit, convert
from apps.models.engine.signatures import Signature, SignatureError
from tests.deployments import samples

SIGNATURE = Signature.from_json(samples.SIGNATURE)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(-5, 5),
    st.floats(allow_nan=False),
    st.sampled_from([0.0, 1.0, 2.0**24, 2.0**24 + 2, 1e38, -3e38, 10**400]),
    st.text(max_size=3),
    st.sampled_from([[], {}, [1]]),
)


# Mostly what fits, or two columns that do not would hide what the third one does.
FITTING = {
    "number": st.one_of(
        st.none(), st.integers(-9, 9), st.floats(allow_nan=False), st.sampled_from([3e38, -1e39, 1e300])
    ),
    "integer": st.one_of(st.integers(-(2**24), 2**24), st.sampled_from([1.0, 2**24 + 1, 1e15])),
    "string": st.one_of(st.none(), st.text(max_size=3)),
    "boolean": st.booleans(),
}
ROW = {column.name: FITTING[column.type] | FITTING[column.type] | VALUES for column in SIGNATURE.inputs}
MOSTLY_FITTING = {column.name: FITTING[column.type] for column in SIGNATURE.inputs}


@settings(max_examples=600, deadline=None)
@given(rows=st.lists(st.fixed_dictionaries(MOSTLY_FITTING) | st.fixed_dictionaries(ROW), min_size=1, max_size=3))
def test_same_as_the_signature(rows: list[dict[str, Any]]) -> None:
    lists = {name: [row[name] for row in rows] for name in SIGNATURE.names}
    try:
        expected = SIGNATURE.columns(lists)
    except (SignatureError, OverflowError):  # an integer beyond every float overflows there
        with pytest.raises(Misfit):
            convert(SIGNATURE, lists)
        return
    if any(array.dtype == np.float32 and np.isinf(array).any() for array in expected.values()):
        with pytest.raises(Misfit):
            convert(SIGNATURE, lists)
        return
    given = convert(SIGNATURE, lists)
    for name, array in expected.items():
        assert given[name].dtype == array.dtype
        np.testing.assert_array_equal(given[name], array)


def test_refusal_names_the_first_bad_row_of_each_feature() -> None:
    lists = {"dep_delay": [1, 2, "x"], "month": [1, None, 2], "carrier": ["A", "B", 5], "weekend": [True, True, 2]}
    with pytest.raises(Misfit) as refusal:
        convert(SIGNATURE, lists)
    assert refusal.value.sentence == (
        "The inputs do not fit the model: "
        "dep_delay in row 3 must be a number, not 'x'. month in row 2 must not be null. "
        "carrier in row 3 must be text, not 5. weekend in row 3 must be true or false, not 2."
    )


def test_refusal_of_many_features_names_five() -> None:
    with pytest.raises(Misfit) as refusal:
        convert(SIGNATURE, {f"extra{number}": [1] for number in range(9)})
    assert refusal.value.sentence.endswith(" And 8 more.")
