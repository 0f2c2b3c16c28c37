"""What a plan names beside test and training reaches the checks: population, stress, slices, columns of roles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from apps.core.sandbox import Job
from apps.validation.engine.base import Kind
from apps.validation.engine.loading import drawn, load_case
from apps.validation.engine.plans import default_item
from apps.validation.engine.registry import registry
from apps.validation.engine.runner import run_item
from tests.validation.engine.graphs import logistic, parquet, table
from tests.validation.engine.test_runner import FACTS, registered

SLICES = {"young": "age < 30", "women of B6": 'sex = "female" and carrier = "B6"'}


def job(tmp_path: Path, *keys: str, **given: Any) -> Job:
    (tmp_path / "model.onnx").write_bytes(logistic())
    files = {"model": tmp_path / "model.onnx"}
    for seed, name in enumerate(("test", "train", "reference", "stress")):
        files[name] = parquet(tmp_path / f"{name}.parquet", 800, seed)
    pq.write_table(table(900, 3).drop_columns(["late", "age"]), files["reference"])
    items = [default_item(registry().get(key), "limited", Kind.BINARY) for key in keys]
    payload = {
        "model": registered(logistic()),
        "items": [item.as_json() for item in items],
        "seed": 3,
        "max_rows": 10_000,
        "roles": {"time": "scheduled", "attributes": ["sex"]},
        "facts": FACTS,
        **given,
    }
    return Job.local(payload=payload, inputs=files)


def test_population_stress_and_slices_are_read_and_judged(tmp_path: Path) -> None:
    keys = ("data.represents", "data.uncovered", "robust.stress", "robust.stress_answers", "slice.declared")
    asked = job(tmp_path, *keys, slices=SLICES)

    case, about = load_case(asked)

    assert {name: part["used"] for name, part in about.items()} == {
        "test": 800, "train": 800, "reference": 900, "stress": 800,
    }  # fmt: skip
    assert "age" in case.test.columns and case.test.time is not None
    for key in keys:
        result = run_item(case, default_item(registry().get(key), "limited", Kind.BINARY))
        assert result.verdict in {"passed", "warned"}, result.reason
        if key == "slice.declared":
            parts = [row["part"] for row in result.evidence["tables"][0]["rows"]]
            assert parts == ["young", "women of B6"]


def test_column_that_a_parameter_names_is_read(tmp_path: Path) -> None:
    asked = job(tmp_path)
    asked.payload["items"] = [{"key": "consist.sources", "parameters": {"column": "age"}}]

    assert "age" in load_case(asked)[0].test.columns


def test_plan_without_truth_reads_none(tmp_path: Path) -> None:
    asked = job(tmp_path, kind="generic")
    pq.write_table(table(500, 1).drop_columns(["late"]), asked.inputs["test"])

    case, about = load_case(asked)

    assert (case.used_as, len(case.test), about["test"]["without_truth"]) == (Kind.GENERIC, 500, 0)
    assert np.isnan(case.test.truth).all()


def test_rows_of_lists_are_drawn_whole(tmp_path: Path) -> None:
    groups = np.repeat(np.arange(100), 7).astype(float)

    kept = drawn(groups, 700, 150, 4)

    assert np.unique(np.unique(groups[kept], return_counts=True)[1]).tolist() == [7]
    assert 140 <= len(kept) <= 150
    assert len(drawn(np.zeros(700), 700, 150, 4)) == 700
    assert drawn(None, 3, 5, 1).tolist() == [0, 1, 2]


def test_ranking_is_loaded_by_its_lists(tmp_path: Path) -> None:
    asked = job(tmp_path, "rank.ndcg", kind="ranking", max_rows=300, roles={"group": "query"})
    for name in ("test", "train"):
        made = table(800, 1)
        column = pa.array([f"q{place // 8}" for place in range(800)])
        pq.write_table(made.append_column("query", column), asked.inputs[name])

    case, about = load_case(asked)
    result = run_item(case, default_item(registry().get("rank.ndcg"), "limited", Kind.RANKING))

    assert about["test"]["used"] == 296 and result.verdict == "passed", result.reason
