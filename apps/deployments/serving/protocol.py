"""Open Inference Protocol, version 2, in JSON: from a request's bytes to columns, from outputs to an answer's bytes.

A feature is a tensor of shape [N] or [N, 1] named like the feature; N is the number of rows. A model whose features are
all numbers also takes one tensor of shape [N, features] in the order of its metadata. Two parameters are ours:
`prediction_ids` (a name for each row, for outcomes that come later) and `event_at` (when the thing predicted was asked
about: RFC 3339, one for all rows or a list).
"""

import datetime as dt
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from apps.deployments.serving.columns import Misfit, convert
from apps.models.engine.signatures import Columns, Signature

DATATYPES = {"number": "FP64", "integer": "INT64", "string": "BYTES", "boolean": "BOOL"}
WHOLE = [f"{kind}{bits}" for kind in ("INT", "UINT") for bits in (8, 16, 32, 64)]
KNOWN = frozenset({"BOOL", "BYTES", "FP16", "FP32", "FP64", *WHOLE})
ID_LENGTH = 128
AHEAD = dt.timedelta(hours=1)  # how far a clock may run ahead of ours
EARLIEST = dt.datetime(1971, 1, 1, tzinfo=dt.UTC)  # a clock that was never set says 1970


class Rejected(Exception):
    """A request that cannot be answered: HTTP status and a sentence for the caller."""

    def __init__(self, status: int, sentence: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.headers = status, sentence, headers


@dataclass(frozen=True)
class Ask:
    """A request for predictions. `ids` and `events` are what the caller gave, one per row; empty when nothing was."""

    id: str
    rows: int
    lists: dict[str, list]
    wanted: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    events: tuple[str, ...] = ()

    def columns(self, signature: Signature) -> Columns:
        """The arrays the model takes; Rejected names feature and row of what does not fit."""
        try:
            return convert(signature, self.lists)
        except Misfit as misfit:
            raise Rejected(400, misfit.sentence) from None


def read(body: bytes, names: list[str], row_limit: int) -> Ask:
    """The request in `body`; `names` are the model's inputs in order. Raises Rejected with a sentence."""
    content = _load(body)
    lists, rows = _lists(content.get("inputs"), names)
    if not 1 <= rows <= row_limit:
        sentence = f"The request holds {rows:,} rows; from 1 to {row_limit:,} are allowed. Split it and send the parts."
        raise Rejected(400, sentence)
    parameters = content.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise Rejected(400, "“parameters” must be a JSON object.")
    identity = content.get("id", "")
    if not isinstance(identity, str) or len(identity) > ID_LENGTH:
        raise Rejected(400, f"“id” must be a text of at most {ID_LENGTH} characters.")
    wanted = _wanted(content.get("outputs"))
    if not parameters:
        return Ask(identity, rows, lists, wanted)
    return Ask(
        identity,
        rows,
        lists,
        wanted,
        _ids(parameters.get("prediction_ids"), rows),
        _events(parameters.get("event_at"), rows),
    )


def answer(
    name: str,
    version: int,
    identity: str,
    outputs: Mapping[str, np.ndarray],
    wanted: tuple[str, ...],
    parameters: Mapping[str, Any] | None = None,
) -> bytes:
    """The answer's bytes. Raises Rejected(500) when the model gave something that is not a number."""
    tensors = [_tensor(key, array) for key, array in outputs.items() if not wanted or key in wanted]
    if unknown := set(wanted) - set(outputs):
        raise Rejected(400, f"This model has no output “{sorted(unknown)[0]}”. It has: {', '.join(outputs)}.")
    content: dict[str, Any] = {"model_name": name, "model_version": str(version), "id": identity, "outputs": tensors}
    if parameters:
        content["parameters"] = dict(parameters)
    try:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:
        sentence = "The model answered with something that is not a number. Its owner should look at it."
        raise Rejected(500, sentence) from None


def row_ids(identity: str, given: tuple[str, ...], rows: int) -> list[str]:
    """The id of each row's prediction: the caller's, else the request's, numbered from 1 when rows are several."""
    if given:
        return list(given)
    return [identity] if rows == 1 else [f"{identity}/{number}" for number in range(1, rows + 1)]


def metadata(name: str, versions: list[int], signature: Signature) -> dict[str, Any]:
    """A model's description in the words of the protocol."""
    outputs = [_describe(output["name"], output["type"]) for output in signature.outputs]
    if signature.task == "multiclass":
        outputs.append({"name": "probabilities", "datatype": "FP64", "shape": [-1, len(signature.classes)]})
    return {
        "name": name,
        "versions": [str(version) for version in versions],
        "platform": "onnxruntime_onnx",
        "inputs": [_describe(column.name, column.type) for column in signature.inputs],
        "outputs": outputs,
    }


def _describe(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "datatype": DATATYPES[kind], "shape": [-1]}


def _load(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body, parse_constant=_no_constant)
        if b"\\u" in body:
            _check_text(content)
    except UnicodeError:
        raise Rejected(400, "The body holds text that is not valid Unicode. Send JSON in UTF-8.") from None
    except RecursionError:
        raise Rejected(400, "The body is nested too deeply.") from None
    except ValueError as error:
        raise Rejected(400, f"The body is not JSON: {error}.") from None
    if not isinstance(content, dict):
        raise Rejected(400, "The body must be a JSON object with “inputs”.")
    return content


def _no_constant(name: str) -> NoReturn:
    raise Rejected(400, f"{name} is not JSON. For a value that is missing, send null.")


def _check_text(content: Any) -> None:
    # Half characters and NUL pass JSON, but cannot be stored with the prediction.
    if isinstance(content, str):
        content.encode()
        if "\0" in content:
            raise Rejected(400, "The body holds the character NUL, which cannot be recorded. Leave it out.")
    elif isinstance(content, list):
        for part in content:
            _check_text(part)
    elif isinstance(content, dict):
        for key, part in content.items():
            _check_text(key)
            _check_text(part)


def _lists(inputs: Any, names: list[str]) -> tuple[dict[str, list], int]:
    if not isinstance(inputs, list) or not inputs or not all(isinstance(tensor, dict) for tensor in inputs):
        raise Rejected(400, "“inputs” must be a list of tensors, each an object with name, shape, datatype and data.")
    lists: dict[str, list] = {}
    rows = -1
    for tensor in inputs:
        name, shape, data = _read_tensor(tensor)
        if len(shape) == 2 and shape[1] != 1 and len(inputs) == 1 and name not in names:
            return _matrix(name, shape, data, names)
        if len(shape) > 2 or (len(shape) == 2 and shape[1] != 1):
            raise Rejected(400, f"{name} must have the shape [rows] or [rows, 1], not {shape}.")
        if name in lists:
            raise Rejected(400, f"{name} is sent twice.")
        if rows not in (-1, shape[0]):
            first = next(iter(lists))
            sentence = f"{name} has {shape[0]:,} rows, but {first} has {rows:,}. All inputs need the same number."
            raise Rejected(400, sentence)
        lists[name], rows = data, shape[0]
    return lists, rows


def _read_tensor(tensor: dict[str, Any]) -> tuple[str, list[int], list]:
    name, shape, data = tensor.get("name"), tensor.get("shape"), tensor.get("data")
    if not isinstance(name, str) or not name:
        raise Rejected(400, "Each tensor of “inputs” needs a name.")
    if tensor.get("datatype") not in KNOWN:
        sentence = f"{name} needs a datatype; numbers are FP64, whole numbers INT64, text BYTES, true and false BOOL."
        raise Rejected(400, sentence)
    if not isinstance(shape, list) or not shape or not all(type(size) is int and size >= 0 for size in shape):
        raise Rejected(400, f"{name} needs a shape: a list of sizes, as [1] for one row.")
    if not isinstance(data, list):
        raise Rejected(400, f"{name} needs “data”: a list of values.")
    if data and type(data[0]) is list:
        if not all(type(part) is list for part in data):
            raise Rejected(400, f"{name} mixes lists and values in its data.")
        data = [value for part in data for value in part]
    size = math.prod(shape)
    if len(data) != size:
        raise Rejected(400, f"{name} has {len(data):,} values, but its shape {shape} needs {size:,}.")
    return name, shape, data


def _matrix(name: str, shape: list[int], data: list, names: list[str]) -> tuple[dict[str, list], int]:
    if shape[1] != len(names):
        raise Rejected(
            400, f"{name} has {shape[1]} columns, but the model has {len(names)} inputs: {', '.join(names)}."
        )
    return {column: data[position :: shape[1]] for position, column in enumerate(names)}, shape[0]


def _wanted(outputs: Any) -> tuple[str, ...]:
    if outputs is None or outputs == []:
        return ()
    if not isinstance(outputs, list) or not all(
        isinstance(output, dict) and isinstance(output.get("name"), str) for output in outputs
    ):
        raise Rejected(400, "“outputs” must be a list of objects with a name.")
    return tuple(output["name"] for output in outputs)


def _ids(given: Any, rows: int) -> tuple[str, ...]:
    if given is None:
        return ()
    if (
        not isinstance(given, list)
        or len(given) != rows
        or not all(isinstance(one, str) and 0 < len(one) <= ID_LENGTH for one in given)
    ):
        raise Rejected(
            400, f"“prediction_ids” must hold one text of 1 to {ID_LENGTH} characters for each of the {rows:,} rows."
        )
    if len(set(given)) != rows:
        raise Rejected(400, "“prediction_ids” holds an id twice; each row needs its own.")
    return tuple(given)


def _events(given: Any, rows: int) -> tuple[str, ...]:
    if given is None:
        return ()
    times = [given] * rows if isinstance(given, str) else given
    if not isinstance(times, list) or len(times) != rows:
        raise Rejected(400, f"“event_at” must be a time, or a list with one for each of the {rows:,} rows.")
    latest = dt.datetime.now(dt.UTC) + AHEAD
    for number, text in enumerate(times if isinstance(given, list) else times[:1], start=1):
        moment = _time(text)
        if moment is None:
            raise Rejected(400, f"“event_at” of row {number} must be a time with its zone, as 2013-04-01T10:00:00Z.")
        if not EARLIEST <= moment <= latest:
            when = "in the future" if moment > latest else f"before {EARLIEST:%Y}"
            raise Rejected(400, f"“event_at” of row {number} lies {when}. Send when it happened, or leave it out.")
    return tuple(times)


def _time(text: Any) -> dt.datetime | None:
    try:
        moment = dt.datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def _tensor(name: str, array: np.ndarray) -> dict[str, Any]:
    shape = list(array.shape)
    return {"name": name, "datatype": _datatype(array), "shape": shape, "data": array.ravel().tolist()}


def _datatype(array: np.ndarray) -> str:
    if array.dtype == object:
        values = {type(value) for value in array}
        return "FP64" if values <= {int, float} else "BYTES"
    return {"b": "BOOL", "i": "INT64"}.get(array.dtype.kind, "FP64")
