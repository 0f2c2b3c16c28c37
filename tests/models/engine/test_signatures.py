"""One description of inputs and outputs: what fits, what is refused, and with which words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from apps.models.engine.signatures import Signature, SignatureError

JSON: dict[str, Any] = {
    "task": "binary",
    "target": "late",
    "inputs": [
        {"name": "delay", "type": "number", "nullable": True},
        {"name": "month", "type": "integer", "nullable": False},
        {"name": "carrier", "type": "string", "nullable": True, "categories": ["AA", "B6"]},
        {"name": "weekend", "type": "boolean", "nullable": True},
    ],
    "outputs": [{"name": "score", "type": "number"}, {"name": "label", "type": "boolean"}],
    "classes": [False, True],
    "threshold": 0.4,
    "graph": {"layout": "columns", "probabilities": "probabilities"},
}
ROW = {"delay": 3.5, "month": 4, "carrier": "AA", "weekend": True}


@pytest.fixture
def signature() -> Signature:
    return Signature.from_json(JSON)


def refused(signature: Signature, **changes: Any) -> dict[str, str]:
    """The problems of one row with some values changed."""
    with pytest.raises(SignatureError) as caught:
        signature.columns_from_rows([{**ROW, **changes}])
    return caught.value.fields


def test_signature_survives_its_json(signature: Signature) -> None:
    assert signature.as_json() == JSON


def test_columns_travel_as_float32_and_text(signature: Signature) -> None:
    columns = signature.columns({"delay": [1, None], "month": [4, 5], "carrier": ["AA", None], "weekend": [True, None]})

    assert columns["delay"].dtype == np.float32
    assert columns["delay"][0] == 1.0
    assert np.isnan(columns["delay"][1])
    assert columns["carrier"].tolist() == ["AA", ""]
    assert columns["weekend"][0] == 1.0
    assert np.isnan(columns["weekend"][1])


def test_unseen_category_is_accepted(signature: Signature) -> None:
    assert signature.columns_from_rows([{**ROW, "carrier": "ZZ"}])["carrier"].tolist() == ["ZZ"]


def test_missing_and_unknown_names_are_both_named(signature: Signature) -> None:
    with pytest.raises(SignatureError) as caught:
        signature.columns_from_rows([{"delay": 1, "month": 2, "carrier": "AA", "speed": 3}])

    assert caught.value.fields == {
        "weekend": "is missing. Send it, or null.",
        "speed": "is not an input of this model. Leave it out.",
    }
    assert caught.value.sentence.startswith("Row 1 does not fit the model: ") or "do not fit" in caught.value.sentence


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("delay", "3", "must be a number, not '3'."),
        ("delay", True, "must be a number, not True."),
        ("month", None, "must not be null."),
        ("month", 4.5, "must be a whole number, not 4.5."),
        ("month", 2**24 + 1, "must lie within ±16777216, not 16777217."),
        ("carrier", 7, "must be text, not 7."),
        ("weekend", "yes", "must be true or false, not 'yes'."),
    ],
)
def test_wrong_value_is_refused_with_its_reason(signature: Signature, name: str, value: Any, said: str) -> None:
    assert refused(signature, **{name: value}) == {name: said}


def test_unequal_lengths_are_refused(signature: Signature) -> None:
    with pytest.raises(SignatureError, match="same number of values"):
        signature.columns({"delay": [1], "month": [1, 2], "carrier": ["AA"], "weekend": [True]})


def test_rows_with_different_names_name_the_row(signature: Signature) -> None:
    with pytest.raises(SignatureError, match=r"^Row 2 does not fit the model: weekend is missing"):
        signature.columns_from_rows([ROW, {key: ROW[key] for key in ("delay", "month", "carrier")}])


def test_arrow_table_leaves_other_columns_aside(signature: Signature) -> None:
    table = pa.table(
        {
            "delay": pa.array([1.5, None]),
            "month": pa.array([1, 2]),
            "carrier": pa.array(["AA", None]).dictionary_encode(),
            "weekend": pa.array([True, None]),
            "note": ["x", "y"],
        }
    )

    columns = signature.columns_from_arrow(table)

    assert columns["month"].tolist() == [1.0, 2.0]
    assert columns["carrier"].tolist() == ["AA", ""]
    assert "note" not in columns


def test_arrow_table_names_every_column_that_does_not_fit(signature: Signature) -> None:
    table = pa.table({"delay": ["x"], "month": pa.array([None], pa.int64()), "weekend": [True]})

    with pytest.raises(SignatureError) as caught:
        signature.columns_from_arrow(table)

    assert caught.value.fields == {
        "carrier": "is missing.",
        "delay": "must be of type number, but holds string.",
        "month": "must not have empty values.",
    }


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"task": "guess"}, "task"),
        ({"target": ""}, "target"),
        ({"inputs": []}, "inputs"),
        ({"inputs": [{"name": "a", "type": "date"}]}, "a"),
        ({"inputs": [{"name": "a", "type": "number"}, {"name": "a", "type": "number"}]}, "a"),
        ({"classes": [1]}, "classes"),
        ({"task": "regression"}, "classes"),
        ({"threshold": 2}, "threshold"),
        ({"graph": []}, None),
        ({"graph": [1]}, "graph"),
    ],
)
def test_signature_that_is_none_is_refused(changes: dict[str, Any], field: str | None) -> None:
    if field is None:
        assert Signature.from_json({**JSON, **changes}).graph == {}
        return
    with pytest.raises(SignatureError) as caught:
        Signature.from_json({**JSON, **changes})
    assert list(caught.value.fields) == [field]
