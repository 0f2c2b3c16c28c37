"""The recipe of a version learned again with other seeds: from the record that training really leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from apps.core.sandbox import Job
from apps.models.engine import training
from apps.validation.engine.base import Verdict
from apps.validation.engine.plans import Item
from apps.validation.engine.runner import validate
from tests.models.engine.samples import parquet, recipe

ITEM = Item("consist.seeds", "consist.seeds", {"seeds": 3, "rows": 600, "metric": ""})


def asked(folder: Path, chosen: dict[str, Any], task: str, facts: bool = True) -> dict[str, Any]:
    """What the check says of a model that was trained by a recipe, asked the way a run asks it."""
    train, test = (parquet(folder, part, rows=900, task=task) for part in ("train", "test"))
    record = training.fit(Job.local(payload={"recipe": chosen}, inputs={"train": train}, outputs=folder))
    best = next(row for row in record["candidates"] if row["name"] == record["chosen"])
    made = {"recipe": record["recipe"], "estimator": best["estimator"], "parameters": record["parameters"]}
    said: list[dict[str, Any]] = []
    payload = {
        "model": {"format": "onnx", "sha256": record["artifact"]["sha256"], "signature": record["signature"]},
        "items": [ITEM.as_json()],
        "seed": 3,
        "max_rows": 1_000,
        "facts": {"training": made} if facts else {},
    }
    files = {"model": folder / "model.onnx", "train": train, "test": test}
    validate(Job.local(payload=payload, inputs=dict(files), tell=said.append))
    return said[-1]


@pytest.mark.parametrize(
    ("task", "chosen"),
    [
        ("binary", recipe("random_forest")),
        ("binary", recipe("lightgbm", reweigh=["carrier"])),
        ("multiclass", recipe("logistic")),
        ("regression", recipe("gradient_boosting", task="regression")),
    ],
)
def test_what_training_left_on_record_is_learned_again(tmp_path: Path, task: str, chosen: dict[str, Any]) -> None:
    said = asked(tmp_path, chosen, task)

    assert said["reason"] == ""
    lines = said["evidence"]["tables"][0]["rows"]
    assert [line["seed"] for line in lines] == ["3", "4", "5"]
    assert said["value"] == pytest.approx(max(line["score"] for line in lines) - min(line["score"] for line in lines))


def test_what_has_no_seed_in_it_moves_nowhere(tmp_path: Path) -> None:
    said = asked(tmp_path, recipe("logistic"), "binary")

    assert (said["value"], said["verdict"]) == (0.0, Verdict.PASSED)


def test_an_upload_cannot_be_learned_again(tmp_path: Path) -> None:
    said = asked(tmp_path, recipe("logistic"), "binary", facts=False)

    assert said["verdict"] == Verdict.NOT_RUN
    assert "No recipe of this portal" in said["reason"]
