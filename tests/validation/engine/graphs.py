"""A real ONNX file of a logistic law, its signature, and rows as Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.validation.engine.cases import world

SIGNATURE: dict[str, Any] = {
    "task": "binary",
    "target": "late",
    "inputs": [
        {"name": "delay", "type": "number", "nullable": True},
        {"name": "distance", "type": "number", "nullable": True},
        {"name": "carrier", "type": "string", "nullable": True, "categories": ["AA", "B6", "UA"]},
    ],
    "outputs": [{"name": "score", "type": "number"}, {"name": "label", "type": "boolean"}],
    "classes": [False, True],
    "threshold": 0.5,
    "graph": {"layout": "columns", "probabilities": "probabilities"},
}


def logistic(slope: float = 2.0, shift: float = -0.25) -> bytes:
    """sigmoid(slope * delay + shift) as an ONNX graph; a missing delay counts as 0."""
    from onnx import TensorProto, helper, numpy_helper

    def constant(name: str, value: float) -> Any:
        return numpy_helper.from_array(np.array([value], dtype=np.float32), name)

    nodes = [
        helper.make_node("IsNaN", ["delay"], ["gone"]),
        helper.make_node("Where", ["gone", "zero", "delay"], ["known"]),
        helper.make_node("Mul", ["known", "slope"], ["scaled"]),
        helper.make_node("Add", ["scaled", "shift"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["yes"]),
        helper.make_node("Sub", ["one", "yes"], ["no"]),
        helper.make_node("Concat", ["no", "yes"], ["probabilities"], axis=1),
    ]
    shape = [None, 1]
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("delay", "distance")]
    inputs.append(helper.make_tensor_value_info("carrier", TensorProto.STRING, shape))
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2])]
    values = {"zero": 0.0, "one": 1.0, "slope": slope, "shift": shift}
    graph = helper.make_graph(nodes, "late", inputs, outputs, [constant(name, value) for name, value in values.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def table(rows: int = 2_000, seed: int = 1, unknown: int = 0) -> Any:
    """The world as an Arrow table; the truth of the first `unknown` rows is empty."""
    import pyarrow as pa

    made = world(rows, seed)
    late = [None if place < unknown else bool(value) for place, value in enumerate(made.truth)]
    return pa.table(
        {
            **{name: pa.array(made.columns[name]) for name in ("delay", "distance", "carrier", "sex", "age")},
            "scheduled": pa.array(made.time),
            "late": pa.array(late),
        }
    )


def parquet(path: Path, rows: int = 2_000, seed: int = 1, unknown: int = 0) -> Path:
    """The table as a file."""
    import pyarrow.parquet as pq

    pq.write_table(table(rows, seed, unknown), path)
    return path
