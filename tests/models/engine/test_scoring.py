"""Scoring whole files and measuring latency."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from apps.core import sandbox
from apps.core.sandbox import Job, Refused
from apps.models.engine import scoring, training
from tests.models.engine.samples import parquet, recipe


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Folder with a small trained model, and the record of its run."""
    folder = tmp_path_factory.mktemp("trained")
    job = Job.local(payload={"recipe": recipe("logistic")}, inputs={"train": parquet(folder)}, outputs=folder)
    return folder, training.fit(job)


def test_score_writes_flat_arrays_with_truth(tmp_path: Path, trained: tuple[Path, dict[str, Any]]) -> None:
    folder, run = trained

    done = sandbox.run(
        "apps.models.engine.scoring:score",
        payload={"signature": run["signature"], "format": "onnx"},
        inputs={"model": folder / "model.onnx", "rows": folder / "train.parquet"},
        outputs=tmp_path,
    )

    arrays = {path.stem: np.load(path, allow_pickle=False) for path in tmp_path.iterdir()}
    assert done.value["rows"] == 600
    assert sorted(arrays) == ["label", "score", "truth"]
    assert arrays["label"].dtype == np.int32
    np.testing.assert_array_equal(arrays["label"], arrays["score"] >= 0.5)
    assert (arrays["label"] == arrays["truth"]).mean() > 0.7


def test_score_without_target_writes_no_truth(tmp_path: Path, trained: tuple[Path, dict[str, Any]]) -> None:
    folder, run = trained
    rows = tmp_path / "rows.parquet"
    pq.write_table(pq.read_table(folder / "train.parquet").drop_columns(["target"]), rows)
    job = Job.local(
        payload={"signature": run["signature"], "format": "onnx"},
        inputs={"model": folder / "model.onnx", "rows": rows},
        outputs=tmp_path,
    )

    assert scoring.score(job)["truth"] is False
    assert not (tmp_path / "truth.npy").exists()


def test_score_names_missing_columns(tmp_path: Path, trained: tuple[Path, dict[str, Any]]) -> None:
    folder, run = trained
    rows = tmp_path / "rows.parquet"
    pq.write_table(pq.read_table(folder / "train.parquet").drop_columns(["delay"]), rows)
    job = Job.local(
        payload={"signature": run["signature"], "format": "onnx"},
        inputs={"model": folder / "model.onnx", "rows": rows},
        outputs=tmp_path,
    )

    with pytest.raises(Refused, match=r"^The dataset lacks columns: delay is missing\.$"):
        scoring.score(job)


def test_latency_is_measured_for_every_batch_size(trained: tuple[Path, dict[str, Any]]) -> None:
    folder, run = trained
    job = Job.local(
        payload={"signature": run["signature"], "format": "onnx", "batches": [1, 50], "repeats": 20},
        inputs={"model": folder / "model.onnx"},
    )

    done = scoring.latency(job)

    assert done["made_up"] is True
    assert list(done["batches"]) == ["1", "50"]
    assert 0 < done["batches"]["1"]["p50"] <= done["batches"]["1"]["p99"]
