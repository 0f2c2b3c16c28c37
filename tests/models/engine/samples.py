"""Small made data for the engine's tests: arithmetic needs known truth, pages never show it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FEATURES: list[dict[str, Any]] = [
    {"name": "delay", "kind": "number"},
    {"name": "hour", "kind": "integer"},
    {"name": "weekend", "kind": "boolean"},
    {"name": "carrier", "kind": "category"},
]


def table(rows: int = 600, seed: int = 1, task: str = "binary") -> pa.Table:
    """Rows with gaps in every column, whose target depends on all of them."""
    random = np.random.default_rng(seed)
    delay = random.normal(10, 30, rows)
    hour = random.integers(0, 24, rows)
    weekend = random.random(rows) < 0.3
    carrier = random.choice(["AA", "B6", "DL", "UA"], rows)
    value = 0.05 * delay + 0.1 * hour - 1.0 * weekend + (carrier == "B6") + random.normal(0, 1, rows)

    def gaps(values: np.ndarray, share: float = 0.03) -> list[Any]:
        return [None if random.random() < share else item for item in values.tolist()]

    target: list[Any]
    if task == "regression":
        target = (value * 100).tolist()
    elif task == "multiclass":
        target = np.array(["early", "late", "on time"])[np.digitize(value, [0.5, 2.5])].tolist()
    else:
        target = (value > 1.5).tolist()
    return pa.table(
        {
            "delay": gaps(delay),
            "hour": gaps(hour),
            "weekend": gaps(weekend),
            "carrier": gaps(carrier),
            "target": target,
            "at": np.arange(rows),
            "note": ["free text"] * rows,
        }
    )


def parquet(folder: Path, name: str = "train", **keywords: Any) -> Path:
    """The table as a Parquet file."""
    path = folder / f"{name}.parquet"
    pq.write_table(table(**keywords), path)
    return path


def recipe(*estimators: str, task: str = "classification", **changes: Any) -> dict[str, Any]:
    """A recipe for the table with these estimators in small sizes."""
    small = {
        "random_forest": {"n_estimators": 10, "min_samples_leaf": 3},
        "gradient_boosting": {"n_estimators": 10},
        "lightgbm": {"n_estimators": 10, "min_child_samples": 5},
    }
    candidates = [{"name": name, "estimator": name, "parameters": small.get(name, {})} for name in estimators]
    base: dict[str, Any] = {"task": task, "target": "target", "features": FEATURES, "candidates": candidates}
    return {**base, **changes}
