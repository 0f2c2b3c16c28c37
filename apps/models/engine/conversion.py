"""From a fitted preprocessor and estimator to one ONNX graph, and the proof that both say the same."""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper

from .onnx_runtime import OnnxModel, class_positions
from .preprocessing import Preprocessor, tensor_type
from .signatures import Columns, Signature

OPSET = {"": 15, "ai.onnx.ml": 3}
IR_VERSION = 8
TOLERANCE = 1e-5
INNER = "model/"


class Graph:
    """Nodes and constants while a graph is put together."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        """Add a constant and give its name."""
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def node(self, operator: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        """Add a node and give the name of its output."""
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, domain=domain, **attributes))
        return output


def _convert_estimator(estimator: Any, width: int) -> onnx.ModelProto:
    """The estimator alone, from a float matrix called X."""
    from skl2onnx.common.data_types import FloatTensorType

    inputs = [("X", FloatTensorType([None, width]))]
    if type(estimator).__module__.startswith("lightgbm"):
        from onnxmltools import convert_lightgbm
        from onnxmltools.convert.common.data_types import FloatTensorType as LightFloat

        model = convert_lightgbm(
            _in_single_precision(estimator),
            initial_types=[("X", LightFloat([None, width]))],
            zipmap=False,
            target_opset=OPSET[""],
        )
    else:
        from skl2onnx import convert_sklearn

        options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "classes_") else None
        model = convert_sklearn(estimator, initial_types=inputs, options=options, target_opset=OPSET)
    return compose.add_prefix(model, INNER)


def _in_single_precision(estimator: Any) -> Any:
    """The same LightGBM model with every threshold lowered to the next single-precision figure.

    The model is fed single precision but splits half-way between two such figures, in double; ONNX keeps thresholds in
    single precision, and rounded up, the upper figure would go the other way. For x in single precision, x <= t exactly
    when x <= the largest such figure that is not above t, so the lowered model answers the same.
    """
    from lightgbm import Booster

    lines = []
    for line in estimator.booster_.model_to_string().split("\n"):
        if line.startswith("threshold="):
            lines.append("threshold=" + " ".join(map(repr, _lowered(line.removeprefix("threshold=").split()).tolist())))
        elif not line.startswith("tree_sizes="):  # the lengths of the texts of trees, which have just changed
            lines.append(line)
    same = copy.copy(estimator)
    same._Booster = Booster(model_str="\n".join(lines))
    return same


def _lowered(thresholds: list[str]) -> np.ndarray:
    """The largest single-precision figures that are not above the given ones, as float64."""
    exact = np.array(thresholds, dtype=np.float64)
    single = exact.astype(np.float32)
    return np.where(single > exact, np.nextafter(single, np.float32(-np.inf)), single).astype(np.float64)


def export(preprocessor: Preprocessor, estimator: Any, signature: Signature) -> bytes:
    """One ONNX file: a tensor [N, 1] per input, and `probabilities` [N, C] or `value` [N, 1] out."""
    graph = Graph()
    matrix = preprocessor.export(graph, "prepare/matrix")
    inner = _convert_estimator(estimator, len(preprocessor.titles))
    graph.node("Identity", [matrix], inner.graph.input[0].name)
    result = inner.graph.output[-1].name
    name, width = ("value", 1) if signature.task == "regression" else ("probabilities", len(signature.classes))
    last = Graph()
    last.node("Identity", [result], name)
    model = helper.make_model(
        helper.make_graph(
            [*graph.nodes, *inner.graph.node, *last.nodes],
            "tenure",
            [tensor_type(column) for column in signature.inputs],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, width])],
            [*graph.constants, *inner.graph.initializer],
        ),
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in _opsets(inner).items()],
        ir_version=IR_VERSION,
        producer_name="tenure",
    )
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _opsets(inner: onnx.ModelProto) -> dict[str, int]:
    """The operator sets of the converted estimator, at least ours."""
    found = {item.domain: item.version for item in inner.opset_import}
    return {domain: max(version, found.get(domain, 0)) for domain, version in OPSET.items()}


def original(preprocessor: Preprocessor, estimator: Any, signature: Signature, columns: Columns) -> np.ndarray:
    """What the trained model itself says: values [N] or probabilities [N, C], float64."""
    matrix = preprocessor.transform(columns)
    if signature.task == "regression":
        return np.asarray(estimator.predict(matrix), dtype=np.float64)
    return np.asarray(estimator.predict_proba(matrix), dtype=np.float64)


@dataclass(frozen=True)
class Proof:
    """Trained against exported model on the same rows. For regressions the difference is relative to the spread."""

    rows: int
    worst_difference: float
    label_flips: int
    tolerance: float = TOLERANCE

    @property
    def holds(self) -> bool:
        """Whether the exported model may stand for the trained one."""
        return self.worst_difference <= self.tolerance

    def as_json(self) -> dict[str, Any]:
        """The proof for the record."""
        return {**asdict(self), "holds": self.holds}


def prove(content: bytes, signature: Signature, columns: Columns, expected: np.ndarray) -> Proof:
    """Compare the exported model with what the trained one said."""
    model = OnnxModel(content, signature)
    said = model.raw(columns)
    worst = float(np.abs(said - expected).max(initial=0.0))
    if signature.task == "regression":
        return Proof(len(expected), worst / max(1.0, float(np.abs(expected).max(initial=0.0))), 0)
    flips = int((class_positions(signature, said) != class_positions(signature, expected)).sum())
    return Proof(len(expected), worst, flips)
