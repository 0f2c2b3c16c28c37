"""ONNX files that try something, built for the tests, beside an honest one."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSETS = [helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 3)]
SIGNATURE: dict[str, Any] = {
    "task": "regression",
    "target": "minutes",
    "inputs": [{"name": "a", "type": "number"}, {"name": "b", "type": "number"}],
}


def tensor(name: str, shape: list[int | None], kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    """A graph input or output."""
    return helper.make_tensor_value_info(name, kind, shape)


def model(
    nodes: list[onnx.NodeProto],
    *,
    constants: list[onnx.TensorProto] | None = None,
    inputs: list[onnx.ValueInfoProto] | None = None,
    outputs: list[onnx.ValueInfoProto] | None = None,
    opsets: list[onnx.OperatorSetIdProto] | None = None,
    functions: list[onnx.FunctionProto] | None = None,
) -> onnx.ModelProto:
    """A model from [N, 2] called x to [N, 1] called value, unless said otherwise."""
    graph = helper.make_graph(
        nodes, "g", inputs or [tensor("x", [None, 2])], outputs or [tensor("value", [None, 1])], constants or []
    )
    return helper.make_model(graph, opset_imports=opsets or OPSETS, ir_version=8, functions=functions or [])


def weights(name: str = "w") -> onnx.TensorProto:
    """A constant [2, 1]."""
    return numpy_helper.from_array(np.array([[1.0], [2.0]], dtype=np.float32), name)


def external(name: str = "w", location: str = "weights.bin") -> onnx.TensorProto:
    """A constant whose values are to be read from a file."""
    found = onnx.TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[2, 1])
    found.data_location = TensorProto.EXTERNAL
    found.external_data.add(key="location", value=location)
    return found


def honest() -> bytes:
    """A linear model."""
    return model([helper.make_node("MatMul", ["x", "w"], ["value"])], constants=[weights()]).SerializeToString()


def _branch(name: str, constant: onnx.TensorProto) -> onnx.GraphProto:
    node = helper.make_node("Constant", [], [name], value=constant)
    return helper.make_graph([node], name, [], [tensor(name, [2, 1])])


def _hidden_in_subgraph() -> onnx.ModelProto:
    condition = numpy_helper.from_array(np.array(True), "c")
    nodes = [
        helper.make_node(
            "If", ["c"], ["w"], then_branch=_branch("t", external("e")), else_branch=_branch("f", weights("f"))
        ),
        helper.make_node("MatMul", ["x", "w"], ["value"]),
    ]
    return model(nodes, constants=[condition])


def _sparse() -> onnx.ModelProto:
    made = model([helper.make_node("MatMul", ["x", "w"], ["value"])])
    sparse = onnx.SparseTensorProto(dims=[2, 1])
    sparse.values.CopyFrom(external("w"))
    sparse.indices.CopyFrom(numpy_helper.from_array(np.array([0, 1]), "i"))
    made.graph.sparse_initializer.append(sparse)
    return made


def _function() -> onnx.ModelProto:
    inside = helper.make_function("own", "Own", ["x"], ["y"], [helper.make_node("Neg", ["x"], ["y"])], OPSETS)
    return model(
        [helper.make_node("Own", ["x"], ["value"], domain="own")],
        opsets=[*OPSETS, helper.make_opsetid("own", 1)],
        functions=[inside],
    )


def _function_with_external() -> onnx.ModelProto:
    constant = helper.make_node("Constant", [], ["w"], value=external("w"))
    body = [constant, helper.make_node("MatMul", ["x", "w"], ["y"])]
    inside = helper.make_function("own", "Own", ["x"], ["y"], body, OPSETS)
    made = _function()
    made.functions[0].CopyFrom(inside)
    return made


def _loop() -> onnx.ModelProto:
    inputs = [tensor("i", [], TensorProto.INT64), tensor("go", [], TensorProto.BOOL), tensor("v", [None, 2])]
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Add", ["v", "v"], ["out"])],
        "body",
        inputs,
        [tensor("on", [], TensorProto.BOOL), tensor("out", [None, 2])],
    )
    most = numpy_helper.from_array(np.array(2**62), "most")
    true = numpy_helper.from_array(np.array(True), "true")
    return model([helper.make_node("Loop", ["most", "true", "x"], ["value"], body=body)], constants=[most, true])


def _growing() -> onnx.ModelProto:
    shape = numpy_helper.from_array(np.array([2**20, 2**10]), "s")
    nodes = [helper.make_node("ConstantOfShape", ["s"], ["big"]), helper.make_node("ReduceMax", ["big"], ["value"])]
    return model(nodes, constants=[shape])


HOSTILE: dict[str, tuple[Any, str]] = {
    "external weights": (
        lambda: model([helper.make_node("MatMul", ["x", "w"], ["value"])], constants=[external()]),
        "external",
    ),
    "external path outside": (
        lambda: model(
            [helper.make_node("MatMul", ["x", "w"], ["value"])], constants=[external("w", "../../etc/passwd")]
        ),
        "external",
    ),
    "external in an attribute": (
        lambda: model(
            [
                helper.make_node("Constant", [], ["w"], value=external()),
                helper.make_node("MatMul", ["x", "w"], ["value"]),
            ]
        ),
        "external",
    ),
    "external in a subgraph": (_hidden_in_subgraph, "external"),
    "external in a sparse tensor": (_sparse, "external"),
    "external in a function": (_function_with_external, "external"),
    "own function": (_function, "function"),
    "foreign domain": (
        lambda: model(
            [helper.make_node("PythonOp", ["x"], ["value"], domain="com.microsoft")],
            opsets=[*OPSETS, helper.make_opsetid("com.microsoft", 1)],
        ),
        "domain",
    ),
    "foreign domain not imported": (
        lambda: model([helper.make_node("Run", ["x"], ["value"], domain="evil")]),
        "domain",
    ),
    "endless loop": (_loop, "operator"),
    "growing tensor": (_growing, "operator"),
    "chance": (lambda: model([helper.make_node("RandomNormalLike", ["x"], ["value"])]), "operator"),
}
