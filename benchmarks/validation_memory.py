"""A plan on a million rows of a hundred columns, in the child and the four gigabytes that a run may have.

    python -m benchmarks.validation_memory [--rows 1000000] [--columns 100] [--only perf.auc,data.duplicates]

A Parquet file is written part by part, a gradient-boosting classifier is learned from some of its rows and converted
to ONNX, and the whole built-in plan for a binary model of the high tier runs as a worker runs it: same function, same
limits, same walls. Printed are the verdicts, the most memory the child held, and its processor seconds.
"""

import argparse
import hashlib
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from apps.core import sandbox
from apps.core.sandbox import MIB
from apps.validation.engine.base import Kind
from apps.validation.engine.plans import Subject, template

FUNCTION = "apps.validation.engine.runner:validate"
LIMITS = sandbox.Limits(wall=6600, memory=4 * sandbox.GIB, result_bytes=64 * MIB, threads=1)
PART, LEARNED, WORDS = 50_000, 20_000, 4


def part(rows: int, columns: int, random: np.random.Generator) -> pa.Table:
    """Figures, a few columns of words, a protected attribute, a day, and a target that some of the figures make."""
    figures = random.normal(size=(rows, columns - WORDS)).astype(np.float32)
    words = random.integers(0, 12, size=(rows, WORDS))
    odds = figures[:, :6] @ np.array([1.2, -0.9, 0.7, 0.5, -0.4, 0.3]) + (words[:, 0] == 3) * 1.5
    late = (odds + random.logistic(size=rows) > 1.0).astype(np.int64)
    made = {f"f{at}": figures[:, at].astype(np.float64) for at in range(columns - WORDS)}
    made |= {f"w{at}": np.array([f"word {code}" for code in range(12)])[words[:, at]] for at in range(WORDS)}
    days = np.datetime64("2026-01-01") + random.integers(0, 200, rows).astype("timedelta64[D]")
    sex = np.array(["f", "m"])[random.integers(0, 2, rows)]
    return pa.table({**made, "sex": sex, "day": days, "late": late})


def write(path: Path, rows: int, columns: int, seed: int) -> pa.Table:
    """The file; gives back its first rows, to learn from."""
    random, first = np.random.default_rng(seed), None
    with pq.ParquetWriter(path, part(1, columns, random).schema) as writer:
        for begin in range(0, rows, PART):
            made = part(min(PART, rows - begin), columns, random)
            writer.write_table(made)
            first = made if first is None else first
    assert first is not None
    return first.slice(0, LEARNED)


def learn(rows: pa.Table, folder: Path) -> tuple[Path, dict[str, Any]]:
    """The file of a gradient-boosting model that is trained as the portal trains, and its signature."""
    features = [
        {"name": name, "kind": "category" if name.startswith("w") else "number"}
        for name in rows.column_names
        if name[0] in "fw"
    ]
    recipe = {
        "task": "classification",
        "target": "late",
        "metric": "roc_auc",
        "seed": 20,
        "features": features,
        "candidates": [{"name": "LightGBM", "estimator": "lightgbm", "parameters": {"n_estimators": 100}}],
        "cv": {"folds": 2, "kind": "stratified"},
        "protected": [],
    }
    pq.write_table(rows, folder / "learned.parquet")
    said = sandbox.run(
        "apps.models.engine.training:fit",
        payload={"recipe": recipe},
        inputs={"train": folder / "learned.parquet"},
        outputs=folder,
        limits=LIMITS,
    ).value
    return folder / "model.onnx", said["signature"]


def payload(model: Path, signature: dict[str, Any], only: list[str]) -> dict[str, Any]:
    """What a worker tells the child: the built-in plan of the high tier, and 200,000 rows of each file."""
    items = [item.as_json() for item in template(Subject("high", Kind.BINARY, ["sex"]))]
    return {
        "model": {
            "format": "onnx",
            "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
            "signature": signature,
        },
        "items": [item for item in items if not only or item["key"] in only],
        "done": [],
        "seed": 20,
        "max_rows": 200_000,
        "roles": {"time": "day", "attributes": ["sex"]},
        "facts": {},
    }


def run(folder: Path, rows: int, columns: int, only: list[str]) -> None:
    """The whole of it in a folder."""
    first = write(folder / "train.parquet", rows, columns, seed=1)
    write(folder / "test.parquet", rows, columns, seed=2)
    size = (folder / "test.parquet").stat().st_size / MIB
    print(f"{rows:,} rows by {columns} columns for each of test and train: {size:,.0f} MiB a file.", flush=True)
    model, signature = learn(first, folder)
    results: list[dict[str, Any]] = []

    def told(part: dict[str, Any]) -> None:
        if "name" in part:
            results.append(part)
            why = part["reason"] or part["sentence"]
            print(f"{part['name']:28} {part['verdict']:14} {part['seconds']:7.1f} s  {why[:90]}", flush=True)

    inputs = {"model": model, "test": folder / "test.parquet", "train": folder / "train.parquet"}
    done = sandbox.run(FUNCTION, payload=payload(model, signature, only), inputs=inputs, limits=LIMITS, told=told)
    verdicts = Counter(result["verdict"] for result in results)
    print(f"\n{len(results)} checks: {', '.join(f'{count} {verdict}' for verdict, count in verdicts.items())}.")
    print(f"Rows: {done.value['rows']}. Walls: {done.layer}.")
    print(
        f"Most memory {done.peak_memory / MIB:,.0f} MiB, where {LIMITS.memory / MIB:,.0f} MiB may be had beside the "
        f"libraries; processor {done.cpu_seconds:,.0f} s, clock {done.seconds:,.0f} s."
    )


def main() -> None:
    """Make, learn, run, print."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, default=1_000_000)
    asked.add_argument("--columns", type=int, default=100)
    asked.add_argument("--only", default="")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as name:
        run(Path(name), given.rows, given.columns, [key for key in given.only.split(",") if key])


if __name__ == "__main__":
    main()
