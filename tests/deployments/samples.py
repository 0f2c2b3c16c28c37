"""A small real ONNX model, its signature, and a routing table around it."""

import hashlib
import json
from typing import Any

import numpy as np

ORGANIZATION, ORGANIZATION_ID = "meridian", "01900000-0000-7000-8000-0000000000aa"
OTHER, OTHER_ID = "harbor", "01900000-0000-7000-8000-0000000000bb"
ENDPOINT_ID = "01900000-0000-7000-8000-000000000001"
VERSION_ID = "01900000-0000-7000-8000-0000000000f3"

SIGNATURE: dict[str, Any] = {
    "task": "binary",
    "target": "late",
    "inputs": [
        {"name": "dep_delay", "type": "number", "nullable": True},
        {"name": "month", "type": "integer", "nullable": False},
        {"name": "carrier", "type": "string", "nullable": True, "categories": ["AA", "B6"]},
        {"name": "weekend", "type": "boolean", "nullable": False},
    ],
    "outputs": [{"name": "score", "type": "number"}, {"name": "label", "type": "boolean"}],
    "classes": [False, True],
    "threshold": 0.5,
    "graph": {"layout": "columns", "probabilities": "probabilities"},
}


def onnx_bytes(slope: float = 0.1) -> bytes:
    """sigmoid(slope * dep_delay + 0.01 * month + (1 for B6) + 0.5 * weekend), missing delay as 0."""
    from onnx import TensorProto, helper, numpy_helper

    def constant(name: str, value: float) -> Any:
        return numpy_helper.from_array(np.array([[value]], dtype=np.float32), name)

    columns = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in ("dep_delay", "month", "weekend")
    ]
    carrier = helper.make_tensor_value_info("carrier", TensorProto.STRING, [None, 1])
    out = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2])
    node = helper.make_node
    nodes = [
        node("IsNaN", ["dep_delay"], ["missing"]),
        node("Where", ["missing", "zero", "dep_delay"], ["delay"]),
        node(
            "LabelEncoder",
            ["carrier"],
            ["jet"],
            domain="ai.onnx.ml",
            keys_strings=["B6"],
            values_floats=[1.0],
            default_float=0.0,
        ),
        node("Mul", ["delay", "slope"], ["a"]),
        node("Mul", ["month", "hundredth"], ["b"]),
        node("Mul", ["weekend", "half"], ["c"]),
        node("Sum", ["a", "b", "c", "jet"], ["logit"]),
        node("Sigmoid", ["logit"], ["p"]),
        node("Sub", ["one", "p"], ["q"]),
        node("Concat", ["q", "p"], ["probabilities"], axis=1),
    ]
    weights = [
        constant("zero", 0),
        constant("one", 1),
        constant("slope", slope),
        constant("hundredth", 0.01),
        constant("half", 0.5),
    ]
    graph = helper.make_graph(nodes, "sample", [*columns, carrier], [out], weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())


def expected(dep_delay: float, month: int, carrier: str, weekend: bool, slope: float = 0.1) -> float:
    """What the model answers, by hand."""
    return float(1 / (1 + np.exp(-(slope * dep_delay + 0.01 * month + (carrier == "B6") + 0.5 * weekend))))


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def token(
    organization: str = ORGANIZATION, asks: list[str] | None = None, sees: list[str] | None = None, **more: Any
) -> dict[str, Any]:
    """A token's entry in the table; it may ask the sample endpoint unless told otherwise."""
    return {
        "id": "t-1",
        "organization": organization,
        "asks": [ENDPOINT_ID] if asks is None else asks,
        "sees": [ENDPOINT_ID] if sees is None else sees,
        **more,
    }


def endpoint(sha: str, **changes: Any) -> dict[str, Any]:
    """The sample endpoint's entry in the table."""
    return {
        "organization": ORGANIZATION,
        "organization_id": ORGANIZATION_ID,
        "endpoint": "late-arrivals",
        "endpoint_id": ENDPOINT_ID,
        "state": "live",
        "version": 3,
        "version_id": VERSION_ID,
        "sha256": sha,
        "signature": SIGNATURE,
        "must_record": False,
        "problem": "",
        **changes,
    }


def table(endpoints: list[dict[str, Any]], tokens: dict[str, dict[str, Any]], number: int = 1) -> bytes:
    """A routing table as the router writes it; `tokens` by their plain text."""
    return json.dumps(
        {"number": number, "tokens": {token_hash(key): entry for key, entry in tokens.items()}, "endpoints": endpoints}
    ).encode()


def request(**columns: list) -> dict[str, Any]:
    """A request's JSON with one tensor per column; a flight of two rows unless told otherwise."""
    columns = columns or {"dep_delay": [10, None], "month": [3, 4], "carrier": ["B6", "AA"], "weekend": [False, True]}
    kinds = {"dep_delay": "FP64", "month": "INT64", "carrier": "BYTES", "weekend": "BOOL"}
    return {
        "inputs": [
            {"name": name, "shape": [len(values)], "datatype": kinds.get(name, "FP64"), "data": values}
            for name, values in columns.items()
        ]
    }
