"""Models that were trained by a recipe, asked one check the way a run asks it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from apps.core.sandbox import Job
from apps.models.engine import training
from apps.validation.engine.plans import Item
from apps.validation.engine.runner import validate
from tests.models.engine.samples import parquet


def trained(folder: Path, chosen: dict[str, Any], task: str) -> dict[str, Any]:
    """The record of a training by this recipe on 900 rows, whose file and rows then are in the folder."""
    train, test = (parquet(folder, part, rows=900, task=task) for part in ("train", "test"))
    return training.fit(Job.local(payload={"recipe": chosen}, inputs={"train": train, "test": test}, outputs=folder))


def facts_of(record: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What is known of a training by its record, its rows being given; `changes` of how it was done."""
    best = next(row for row in record["candidates"] if row["name"] == record["chosen"])
    training = {
        "recipe": record["recipe"],
        "estimator": best["estimator"],
        "parameters": record["parameters"],
        "rows": record["data"]["train_rows"],
        "libraries": record["libraries"],
        "is_whole": True,
        **changes,
    }
    return {"training": training, "conversion": record["conversion"]}


def asked(folder: Path, item: Item, record: dict[str, Any], facts: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a check says of the trained model, knowing of its training what the record says or these facts."""
    said: list[dict[str, Any]] = []
    payload = {
        "model": {"format": "onnx", "sha256": record["artifact"]["sha256"], "signature": record["signature"]},
        "items": [item.as_json()],
        "seed": 3,
        "max_rows": 1_000,
        "facts": facts_of(record) if facts is None else facts,
    }
    files = {role: folder / name for role, name in (
        ("model", "model.onnx"), ("train", "train.parquet"), ("test", "test.parquet")
    )}  # fmt: skip
    validate(Job.local(payload=payload, inputs=dict(files), tell=said.append))
    return said[-1]
