"""An ONNX model behind its signature. Only what the gate let pass is opened in a process that is not a child."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime as ort

from .signatures import Columns, Signature, SignatureError, class_key

DTYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": object,
}
Feed = Callable[[Columns], dict[str, np.ndarray]]
Outputs = dict[str, np.ndarray]


def _options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return options


def _column(array: np.ndarray, dtype: Any, name: str) -> np.ndarray:
    """An array in the type of its tensor; integers and booleans cannot be missing there."""
    if dtype is object or dtype is np.float32 or dtype is np.float64:
        return array.astype(dtype, copy=False)
    if np.isnan(array).any():
        raise SignatureError("The inputs do not fit the model.", {name: "must not be null."})
    return array.astype(dtype)


class OnnxModel:
    """Predict from columns in their travelling form; opened from bytes, so no path of the file system is involved."""

    def __init__(self, content: bytes, signature: Signature | dict[str, Any], threads: int = 1) -> None:
        self.signature = Signature.from_json(signature)
        self.session = ort.InferenceSession(content, _options(threads), providers=["CPUExecutionProvider"])
        self._feed = self._feeder()
        self._wanted = [self._output_name()]
        self._read = self._reader()
        self._classes = _class_array(self.signature)

    def predict(self, columns: Columns) -> Outputs:
        """`score` float64 [N], `label` [N] in the type of the classes, multiclass also `probabilities` [N, C]."""
        return finish(self.signature, self.raw(columns), self._classes)

    def raw(self, columns: Columns) -> np.ndarray:
        """Values [N] or probabilities [N, C] as float64, before thresholds and labels."""
        return self._read(self.session.run(self._wanted, self._feed(columns))[0])

    def _feeder(self) -> Feed:
        tensors = self.session.get_inputs()
        names = self.signature.names
        if self.signature.graph.get("layout", "columns") == "matrix":
            name, dtype = tensors[0].name, DTYPES[tensors[0].type]
            return lambda columns: {name: np.stack([columns[key] for key in names], axis=1).astype(dtype, copy=False)}
        ranks = {tensor.name: len(tensor.shape) for tensor in tensors}
        plan = [(tensor.name, DTYPES[tensor.type], ranks[tensor.name] == 2) for tensor in tensors]

        def feed(columns: Columns) -> dict[str, np.ndarray]:
            return {
                name: _column(columns[name], dtype, name).reshape(-1, 1)
                if deep
                else _column(columns[name], dtype, name)
                for name, dtype, deep in plan
            }

        return feed

    def _output_name(self) -> str:
        graph = self.signature.graph
        named = graph.get("value" if self.signature.task == "regression" else "probabilities")
        outputs = [output.name for output in self.session.get_outputs()]
        return str(named) if named in outputs else str(outputs[-1])

    def _reader(self) -> Callable[[Any], np.ndarray]:
        """How the raw output becomes values [N] or probabilities [N, C]."""
        if self.signature.task == "regression":
            return lambda raw: np.asarray(raw, dtype=np.float64).reshape(-1)
        kind = next(output.type for output in self.session.get_outputs() if output.name == self._wanted[0])
        if kind.startswith("seq"):
            return self._read_maps
        return lambda raw: _probabilities(np.asarray(raw, dtype=np.float64))

    def _read_maps(self, raw: list[dict[Any, float]]) -> np.ndarray:
        """Probabilities from one map per row, put in the order of the signature's classes."""
        names = {class_key(key): key for key in (raw[0] if raw else {})}
        wanted = [class_key(value) for value in self.signature.classes]
        if raw and set(wanted) != set(names):
            found = ", ".join(sorted(names))
            raise SignatureError(f"The model knows other classes than its signature: {found}.")
        return np.array([[row[names[key]] for key in wanted] for row in raw], dtype=np.float64).reshape(len(raw), -1)


def _class_array(signature: Signature) -> np.ndarray:
    """Class values for indexing, in a type that gives back the JSON values."""
    values = list(signature.classes)
    if values and all(isinstance(value, bool) for value in values):
        return np.array(values, dtype=np.bool_)
    if values and all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return np.array(values, dtype=np.int64)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _probabilities(raw: np.ndarray) -> np.ndarray:
    """[N, C] from [N, C], or from the positive class alone as [N] or [N, 1]."""
    if raw.ndim == 1:
        raw = raw[:, None]
    return np.concatenate([1.0 - raw, raw], axis=1) if raw.shape[1] == 1 else raw


def class_positions(signature: Signature, probabilities: np.ndarray) -> np.ndarray:
    """int32 positions in `classes`: by the threshold for two classes, else the largest probability."""
    if signature.task == "binary":
        return (probabilities[:, 1] >= signature.threshold).astype(np.int32)
    return probabilities.argmax(axis=1).astype(np.int32)


def finish(signature: Signature, values: np.ndarray, classes: np.ndarray) -> Outputs:
    """The outputs that every model gives, from regression values [N] or probabilities [N, C]."""
    if signature.task == "regression":
        return {"score": values}
    positions = class_positions(signature, values)
    if signature.task == "binary":
        return {"score": values[:, 1], "label": classes[positions]}
    rows = np.arange(len(values))
    return {"score": values[rows, positions], "label": classes[positions], "probabilities": values}
