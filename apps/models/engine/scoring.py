"""Score many rows and measure latency, in the sandbox. The model is opened from bytes, around it an empty folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from apps.core.sandbox import Job, Refused, sandboxed

from . import arrow, artifacts
from .onnx_runtime import OnnxModel, class_positions
from .signatures import Columns, Signature, SignatureError
from .skops_models import SkopsModel

CHUNK = 65_536
Model = OnnxModel | SkopsModel


def open_model(path: Path, format: str, signature: Signature | dict[str, Any], threads: int = 1) -> Model:
    """The model of an artifact, whichever format it has. Only inside the sandbox."""
    if format == "onnx":
        return OnnxModel(path.read_bytes(), signature, threads)
    if format == "skops":
        return SkopsModel(path, signature, threads)
    raise Refused(f"Models of the format '{format}' are not opened.")


def score_columns(model: Model, columns: Columns, job: Job | None = None) -> np.ndarray:
    """Values [N] or probabilities [N, C] for all rows, in chunks."""
    total = len(next(iter(columns.values())))
    parts = []
    for start in range(0, total, CHUNK):
        parts.append(model.raw({name: column[start : start + CHUNK] for name, column in columns.items()}))
        if job:
            job.progress(min(start + CHUNK, total), total, f"Scored {min(start + CHUNK, total)} of {total} rows")
    if not parts:
        return np.zeros((0, max(1, len(model.signature.classes))))
    return np.concatenate(parts)


@sandboxed
def score(job: Job) -> dict[str, Any]:
    """Score a Parquet file. payload: signature, format; inputs: model, rows.

    Writes score.npy float64 [N], label.npy int32 [N] (positions in classes), probabilities.npy [N, C] for many
    classes, and truth.npy where the file has the target (float64, or int32 positions with -1 for unknown).
    """
    signature = Signature.from_json(job.payload["signature"])
    try:
        present = arrow.column_names(job.inputs["rows"])
        with_truth = signature.target in present
        table = arrow.read(job.inputs["rows"], [*signature.names, *([signature.target] if with_truth else [])])
        columns = signature.columns_from_arrow(table)
        truth = arrow.truth(signature, table.column(signature.target)) if with_truth else None
    except SignatureError as error:
        raise Refused(error.sentence) from error
    started = time.perf_counter()
    model = open_model(job.inputs["model"], job.payload["format"], signature, job.threads)
    said = score_columns(model, columns, job)
    seconds = time.perf_counter() - started
    _write(job.outputs, signature, said, truth)
    return {"rows": len(said), "seconds": seconds, "columns": signature.names, "truth": with_truth}


def _write(folder: Path, signature: Signature, said: np.ndarray, truth: np.ndarray | None) -> None:
    """The arrays of one scoring, plain .npy without objects."""
    arrays: dict[str, np.ndarray] = {}
    if signature.task == "regression":
        arrays["score"] = said.reshape(-1)
    else:
        labels = class_positions(signature, said)
        arrays["label"] = labels
        arrays["score"] = said[:, 1] if signature.task == "binary" else said[np.arange(len(said)), labels]
    if signature.task == "multiclass":
        arrays["probabilities"] = said
    if truth is not None:
        arrays["truth"] = truth
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)


@sandboxed
def latency(job: Job) -> dict[str, Any]:
    """Time to open, and per call for single rows and batches. payload: signature, format, batches, repeats.

    Milliseconds at the 50th, 95th and 99th percentile of `repeats` calls each, after ten to warm up. Rows are taken
    from the input file `rows` where given, else harmless made-up ones are used (and `made_up` says so).
    """
    signature = Signature.from_json(job.payload["signature"])
    repeats = int(job.payload.get("repeats", 500))
    started = time.perf_counter()
    model = open_model(job.inputs["model"], job.payload["format"], signature, job.threads)
    opened = time.perf_counter() - started
    batches = [int(size) for size in job.payload.get("batches", (1, 100))]
    columns = _rows(job, signature, max(batches))
    measured = {str(size): _measure(model, {k: v[:size] for k, v in columns.items()}, repeats) for size in batches}
    return {"open_ms": opened * 1000, "batches": measured, "repeats": repeats, "made_up": "rows" not in job.inputs}


def _rows(job: Job, signature: Signature, count: int) -> Columns:
    """At least `count` rows, repeated where the file has fewer."""
    if "rows" not in job.inputs:
        return artifacts.probe(signature, count)
    try:
        table = arrow.read(job.inputs["rows"], signature.names).slice(0, count)
        columns = signature.columns_from_arrow(table)
    except SignatureError as error:
        raise Refused(error.sentence) from error
    if not table.num_rows:
        raise Refused("There are no rows to measure with.")
    return {name: np.resize(column, count) for name, column in columns.items()}


def _measure(model: Model, columns: Columns, repeats: int) -> dict[str, float]:
    """Percentiles of the time of one call in milliseconds."""
    for _ in range(10):
        model.predict(columns)
    times = np.empty(repeats)
    for index in range(repeats):
        started = time.perf_counter()
        model.predict(columns)
        times[index] = time.perf_counter() - started
    p50, p95, p99 = np.percentile(times * 1000, [50, 95, 99])
    return {"p50": float(p50), "p95": float(p95), "p99": float(p99)}
