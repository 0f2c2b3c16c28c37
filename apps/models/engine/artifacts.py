"""Intake of an upload, in the sandbox: what it is, whether it may be opened, whether it fits its signature."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from apps.core.canonical import sha256_of
from apps.core.sandbox import Job, sandboxed

from . import formats, gate, skops_models
from .gate import Report
from .onnx_runtime import OnnxModel
from .signatures import MISSING_TEXT, Columns, Signature, SignatureError

TEXT_TENSORS = {"string"}
NUMBER_TENSORS = {"float", "double", "int64", "int32", "bool"}
PROBE_ROWS = 3


@sandboxed
def inspect(job: Job) -> dict[str, Any]:
    """Examine one upload. payload: name (as uploaded), signature (JSON or null), allow (operators), size_limit.

    Gives ok, format, size, sha256, findings, graph and the completed signature; never raises for a bad file.
    """
    path = job.inputs["artifact"]
    found = formats.detect(path)
    report, signature = Report(), None
    if found == "onnx":
        signature = _inspect_onnx(path, job.payload, report)
    elif found == "skops":
        signature = _inspect_skops(path, job.payload, report)
    else:
        report.stop("format", formats.refusal(found, str(job.payload.get("name", ""))))
    return {
        "ok": report.passes,
        "format": found,
        "size": path.stat().st_size,
        "sha256": sha256_of(path),
        "findings": [finding.as_json() for finding in report.findings],
        "graph": report.graph,
        "signature": signature.as_json() if signature and report.passes else None,
    }


def _declared(payload: dict[str, Any], report: Report) -> Signature | None:
    """The signature that came with the upload."""
    if not payload.get("signature"):
        report.stop("signature", "The upload has no signature. Say which inputs it takes and what its classes are.")
        return None
    try:
        return Signature.from_json(payload["signature"])
    except SignatureError as error:
        report.stop("signature", error.sentence)
        return None


def _inspect_onnx(path: Path, payload: dict[str, Any], report: Report) -> Signature | None:
    """Static gate, then fit to the signature, then a first run on three rows."""
    content = path.read_bytes()
    seen = gate.examine(
        content, allow=tuple(payload.get("allow", ())), size_limit=int(payload.get("size_limit", gate.SIZE_LIMIT))
    )
    report.findings, report.graph = seen.findings, seen.graph
    signature = _declared(payload, report)
    if signature is None or not seen.passes:
        return None
    signature = match(signature, seen.graph, report)
    if report.passes:
        _first_run(lambda: OnnxModel(content, signature), signature, report)
    return signature


def _inspect_skops(path: Path, payload: dict[str, Any], report: Report) -> Signature | None:
    """Only types of our own list, then a first run on three rows."""
    skops_models.examine(path, report)
    signature = _declared(payload, report)
    if signature is None or not report.passes:
        return None
    _first_run(lambda: skops_models.SkopsModel(path, signature), signature, report)
    report.note("serving", "skops models are validated here; the prediction server opens ONNX only.")
    return signature


def match(signature: Signature, graph: dict[str, Any], report: Report) -> Signature:
    """Hold the declared inputs and outputs against the graph; gives the signature with the way to feed it."""
    tensors = graph["inputs"]
    layout = _layout(signature, tensors)
    if layout == "matrix":
        _match_matrix(signature, tensors[0], report)
    else:
        _match_columns(signature, tensors, report)
    output = _match_output(signature, graph["outputs"], report)
    key = "value" if signature.task == "regression" else "probabilities"
    return replace(signature, graph={"layout": layout, key: output})


def _layout(signature: Signature, tensors: list[dict[str, Any]]) -> str:
    """One tensor for all columns, or one for each."""
    one = len(tensors) == 1 and tensors[0]["type"] in NUMBER_TENSORS
    if not one:
        return "columns"
    width = tensors[0]["shape"][1] if len(tensors[0]["shape"]) == 2 else 1
    return "columns" if [tensors[0]["name"]] == signature.names and width == 1 else "matrix"


def _match_matrix(signature: Signature, tensor: dict[str, Any], report: Report) -> None:
    width = tensor["shape"][1] if len(tensor["shape"]) == 2 else None
    if width is not None and width != len(signature.inputs):
        report.stop("signature", f"The model takes {width} columns, but its signature names {len(signature.inputs)}.")
    if words := [column.name for column in signature.inputs if column.type == "string"]:
        report.stop("signature", f"The model takes numbers only, but {', '.join(words)} is text in its signature.")


def _match_columns(signature: Signature, tensors: list[dict[str, Any]], report: Report) -> None:
    wanted = {column.name: column for column in signature.inputs}
    given = {tensor["name"]: tensor for tensor in tensors}
    if missing := [name for name in given if name not in wanted]:
        report.stop("signature", f"The model takes inputs that its signature does not name: {', '.join(missing[:10])}.")
    if extra := [name for name in wanted if name not in given]:
        report.stop("signature", f"The signature names inputs that the model does not take: {', '.join(extra[:10])}.")
    for name in wanted.keys() & given.keys():
        kind, tensor = wanted[name].type, given[name]
        if tensor["type"] not in (TEXT_TENSORS if kind == "string" else NUMBER_TENSORS):
            report.stop("signature", f"{name} is {kind} in the signature, but the model takes {tensor['type']}.")
        if len(tensor["shape"]) > 2 or (len(tensor["shape"]) == 2 and tensor["shape"][1] not in (1, None)):
            report.stop("signature", f"{name} is not one column in the model (its shape is {tensor['shape']}).")
        if tensor["type"] in ("int64", "int32", "bool") and wanted[name].nullable:
            report.note("nullable", f"The model cannot take an empty {name}; such rows will be refused.")


def _match_output(signature: Signature, outputs: list[dict[str, Any]], report: Report) -> str:
    """The output that carries probabilities or values: the named one, else the last of a fitting type."""
    key = "value" if signature.task == "regression" else "probabilities"
    named = signature.graph.get(key)
    fitting = [output for output in outputs if output["type"] in ("float", "double", "maps")]
    chosen = next((output for output in fitting if output["name"] == named), fitting[-1] if fitting else None)
    if chosen is None:
        report.stop("signature", f"No output of the model carries {key}.")
        return ""
    width = chosen["shape"][1] if len(chosen["shape"]) == 2 else None
    good = {1} if signature.task == "regression" else {len(signature.classes)}
    if signature.task == "binary":
        good.add(1)
    if width is not None and width not in good:
        report.stop(
            "signature",
            f"The output {chosen['name']} has {width} column{'s' if width != 1 else ''}; the signature needs "
            f"{' or '.join(map(str, sorted(good)))}.",
        )
    return str(chosen["name"])


def probe(signature: Signature, rows: int = PROBE_ROWS) -> Columns:
    """A few harmless rows: zeros, ones, twos, and the first category of each text."""
    columns: Columns = {}
    for column in signature.inputs:
        if column.type == "string":
            words = column.categories or (MISSING_TEXT if column.nullable else "a",)
            columns[column.name] = np.array([words[index % len(words)] for index in range(rows)], dtype=object)
        else:
            top = 2 if column.type == "boolean" else rows
            columns[column.name] = np.arange(rows, dtype=np.float32) % top
    return columns


def _first_run(opened: Any, signature: Signature, report: Report) -> None:
    """Open the model and let it answer three rows: right shape, numbers, the same twice."""
    try:
        model = opened()
        first, second = model.raw(probe(signature)), model.raw(probe(signature))
    except SignatureError as error:
        report.stop("run", error.sentence)
        return
    except MemoryError:
        raise
    except Exception as error:
        text = " ".join(str(error).split())[:200]
        report.stop("run", f"The model could not answer three rows ({type(error).__name__}: {text}).")
        return
    wanted = (PROBE_ROWS,) if signature.task == "regression" else (PROBE_ROWS, len(signature.classes))
    if first.shape != wanted:
        report.stop("run", f"The model answers {list(first.shape)} for {PROBE_ROWS} rows; {list(wanted)} was expected.")
    elif not np.isfinite(first).all():
        report.stop("run", "The model answers something that is not a number for ordinary rows.")
    elif not np.array_equal(first, second):
        report.stop("run", "The model gives different answers for the same rows.")
    elif signature.task != "regression" and not _are_probabilities(first):
        report.stop("run", "The output is no probabilities: values outside 0 to 1, or rows that do not add up to 1.")


def _are_probabilities(values: np.ndarray) -> bool:
    """Within 0 and 1, rows adding up to 1, up to the accuracy of float32."""
    return bool(((values >= -1e-5) & (values <= 1 + 1e-5)).all() and np.allclose(values.sum(axis=1), 1, atol=1e-3))
