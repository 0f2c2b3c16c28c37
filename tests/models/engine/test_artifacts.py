"""Intake of uploads: fit to the signature, first run, skops with a fixed list, all in the sandbox."""

from __future__ import annotations

import pickle  # noqa: TID251 - to make the file that has to be refused
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import skops.io
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

from apps.core import sandbox
from apps.core.sandbox import Job
from apps.models.engine import artifacts
from apps.models.engine.onnx_runtime import OnnxModel
from apps.models.engine.signatures import Signature
from apps.models.engine.skops_models import SkopsModel
from tests.models.engine import hostile

RANDOM = np.random.default_rng(1)
X = RANDOM.normal(size=(200, 2)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
BINARY: dict[str, Any] = {
    "task": "binary",
    "target": "late",
    "inputs": [{"name": "a", "type": "number"}, {"name": "b", "type": "number"}],
    "classes": [0, 1],
}


def inspect(path: Path, content: bytes, signature: dict[str, Any] | None = BINARY, **payload: Any) -> dict[str, Any]:
    """The intake's answer for these bytes."""
    path = path / "upload"
    path.write_bytes(content)
    job = Job.local(payload={"name": "model.onnx", "signature": signature, **payload}, inputs={"artifact": path})
    return artifacts.inspect(job)


def stops(answer: dict[str, Any]) -> list[str]:
    """Sentences of what stopped a file."""
    return [finding["sentence"] for finding in answer["findings"] if finding["severity"] == "stop"]


@pytest.fixture(scope="module")
def logistic() -> LogisticRegression:
    return LogisticRegression().fit(X, Y)


def test_matrix_model_is_taken_and_fed_through_its_signature(tmp_path: Path, logistic: LogisticRegression) -> None:
    content = to_onnx(logistic, X[:1], options={"zipmap": False}, target_opset=15).SerializeToString()

    answer = inspect(tmp_path, content)

    assert stops(answer) == []
    assert answer["ok"]
    assert answer["signature"]["graph"] == {"layout": "matrix", "probabilities": "probabilities"}
    said = OnnxModel(content, answer["signature"]).predict({"a": X[:, 0], "b": X[:, 1]})
    np.testing.assert_allclose(said["score"], logistic.predict_proba(X)[:, 1], atol=1e-6)


def test_zipmap_model_is_taken(tmp_path: Path, logistic: LogisticRegression) -> None:
    content = to_onnx(logistic, X[:1], target_opset=15).SerializeToString()

    answer = inspect(tmp_path, content, {**BINARY, "classes": [1, 0]})

    assert stops(answer) == []
    said = OnnxModel(content, answer["signature"]).predict({"a": X[:, 0], "b": X[:, 1]})
    np.testing.assert_allclose(said["score"], logistic.predict_proba(X)[:, 0], atol=1e-6)


def test_regression_matrix_is_taken(tmp_path: Path) -> None:
    answer = inspect(tmp_path, hostile.honest(), hostile.SIGNATURE)

    assert stops(answer) == []
    assert answer["signature"]["graph"] == {"layout": "matrix", "value": "value"}


def test_integer_tensors_cannot_be_empty_and_that_is_noted(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["a"], ["fa"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["fa", "b"], ["value"]),
    ]
    inputs = [hostile.tensor("a", [None, 1], TensorProto.INT64), hostile.tensor("b", [None, 1])]

    answer = inspect(tmp_path, hostile.model(nodes, inputs=inputs).SerializeToString(), hostile.SIGNATURE)

    assert answer["ok"]
    assert [finding["code"] for finding in answer["findings"]] == ["nullable"]


def test_pickle_named_onnx_is_refused_with_a_sentence(tmp_path: Path) -> None:
    answer = inspect(tmp_path, pickle.dumps({"weights": [1, 2]}))

    assert not answer["ok"]
    assert answer["format"] == "pickle"
    assert stops(answer)[0].startswith("This file is a Python pickle, although its name ends in .onnx.")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"inputs": BINARY["inputs"][:1]}, "The model takes 2 columns, but its signature names 1."),
        (
            {"inputs": [*BINARY["inputs"][:1], {"name": "c", "type": "string"}]},
            "The model takes numbers only, but c is text in its signature.",
        ),
        ({"task": "multiclass", "classes": [0, 1, 2]}, "has 2 columns; the signature needs 3."),
        ({"task": "guess"}, "The signature cannot be used: task must be one of"),
    ],
)
def test_signature_that_does_not_fit_is_refused(
    tmp_path: Path, logistic: LogisticRegression, changes: dict[str, Any], said: str
) -> None:
    content = to_onnx(logistic, X[:1], options={"zipmap": False}, target_opset=15).SerializeToString()

    answer = inspect(tmp_path, content, {**BINARY, **changes})

    assert not answer["ok"]
    assert any(said in sentence for sentence in stops(answer))


def test_columns_beside_the_inputs_stay_in_the_signature(tmp_path: Path, logistic: LogisticRegression) -> None:
    beside = [{"name": "remark", "type": "text"}, {"name": "vector", "type": "embedding", "size": 8}]
    content = to_onnx(logistic, X[:1], options={"zipmap": False}, target_opset=15).SerializeToString()
    answer = inspect(tmp_path, content, BINARY | {"beside": beside})
    assert answer["signature"]["beside"] == beside


def test_upload_without_signature_is_refused(tmp_path: Path) -> None:
    assert stops(inspect(tmp_path, hostile.honest(), None)) == [
        "The upload has no signature. Say which inputs it takes and what its classes are."
    ]


def test_names_of_columns_have_to_meet(tmp_path: Path) -> None:
    nodes = [helper.make_node("Add", ["a", "z"], ["value"])]
    inputs = [hostile.tensor("a", [None, 1]), hostile.tensor("z", [None, 1])]

    answer = inspect(tmp_path, hostile.model(nodes, inputs=inputs).SerializeToString(), hostile.SIGNATURE)

    assert stops(answer) == [
        "The model takes inputs that its signature does not name: z.",
        "The signature names inputs that the model does not take: b.",
    ]


def test_model_that_gives_no_probabilities_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Add", ["x", "x"], ["value"])]
    outputs = [hostile.tensor("value", [None, 2])]

    answer = inspect(tmp_path, hostile.model(nodes, outputs=outputs).SerializeToString())

    assert stops(answer) == ["The output is no probabilities: values outside 0 to 1, or rows that do not add up to 1."]


def test_model_that_gives_no_numbers_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Log", ["m"], ["value"]), helper.make_node("MatMul", ["x", "w"], ["m"])]
    minus = onnx.numpy_helper.from_array(np.array([[-1.0], [-1.0]], dtype=np.float32), "w")

    answer = inspect(tmp_path, hostile.model(nodes[::-1], constants=[minus]).SerializeToString(), hostile.SIGNATURE)

    assert stops(answer) == ["The model answers something that is not a number for ordinary rows."]


def skops_bytes(model: Any) -> bytes:
    """A skops file."""
    content: bytes = skops.io.dumps(model)
    return content


def test_skops_model_is_taken_for_validation_and_not_for_serving(tmp_path: Path, logistic: LogisticRegression) -> None:
    answer = inspect(tmp_path, skops_bytes(logistic))

    assert answer["ok"]
    assert answer["format"] == "skops"
    assert answer["findings"][0]["code"] == "serving"
    said = SkopsModel(tmp_path / "upload", answer["signature"]).predict({"a": X[:, 0], "b": X[:, 1]})
    np.testing.assert_allclose(said["score"], logistic.predict_proba(X)[:, 1], atol=1e-6)


@pytest.mark.parametrize("model", [HistGradientBoostingClassifier(max_iter=5), LinearRegression()])
def test_common_estimators_are_on_the_list(tmp_path: Path, model: Any) -> None:
    signature = hostile.SIGNATURE if isinstance(model, LinearRegression) else BINARY

    assert stops(inspect(tmp_path, skops_bytes(model.fit(X, Y)), signature)) == []


class Foreign:
    """A type that no list knows."""


def test_skops_file_with_foreign_types_is_refused_without_loading(tmp_path: Path) -> None:
    answer = inspect(tmp_path, skops_bytes({"model": Foreign()}))

    assert not answer["ok"]
    assert "types that are not on our list: tests.models.engine.test_artifacts.Foreign" in stops(answer)[0]


def test_skops_model_without_probabilities_is_refused(tmp_path: Path) -> None:
    answer = inspect(tmp_path, skops_bytes(LinearRegression().fit(X, Y)))

    assert stops(answer) == ["The model has no predict_proba, which its signature needs."]


def test_intake_in_the_sandbox_takes_the_signature_along(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(hostile.honest())

    done = sandbox.run(
        "apps.models.engine.artifacts:inspect",
        payload={"name": "m.onnx", "signature": hostile.SIGNATURE},
        inputs={"artifact": path},
        profile="runtime",
    )

    assert done.value["ok"]
    assert Signature.from_json(done.value["signature"]).names == ["a", "b"]
