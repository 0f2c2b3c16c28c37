"""Reweighing: group and outcome become independent, and a model learned so treats the groups more alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.core.sandbox import Job
from apps.models.engine import recipes, training
from apps.models.engine.onnx_runtime import OnnxModel
from apps.models.engine.signatures import Signature
from apps.models.engine.weights import crossed, reweighed
from tests.models.engine.samples import recipe


def test_weights_make_group_and_outcome_independent() -> None:
    random = np.random.default_rng(3)
    sex = np.where(random.random(2_000) < 0.4, "female", "male")
    race = random.choice(["A", "B", "C"], 2_000)
    truth = (random.random(2_000) < np.where(sex == "female", 0.1, 0.6)).astype(int)
    groups = crossed([sex, race])

    weights = reweighed(groups, truth)

    rates = [np.average(truth[groups == group], weights=weights[groups == group]) for group in np.unique(groups)]
    assert len(rates) == 6
    assert rates == pytest.approx([truth.mean()] * 6, abs=1e-12)
    assert weights.sum() == pytest.approx(len(truth))


def test_model_trained_so_selects_the_groups_more_alike(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    sex = random.choice(["female", "male"], 3_000)
    skill, club = random.normal(size=3_000), (sex == "male") + random.normal(0, 0.4, 3_000)
    late = (skill + 1.5 * (sex == "male") + random.normal(0, 0.7, 3_000) > 1).tolist()
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"skill": skill, "club": club, "sex": sex, "target": late}), path)
    features = [{"name": name, "kind": "number"} for name in ("skill", "club")]

    def gap(**more: list[str]) -> float:
        chosen = recipe("logistic", features=features, protected=["sex"], **more)
        done = training.fit(
            Job.local(payload={"recipe": chosen}, inputs={"train": path, "test": path}, outputs=tmp_path)
        )
        model = OnnxModel((tmp_path / "model.onnx").read_bytes(), done["signature"])
        columns = Signature.from_json(done["signature"]).columns({"skill": skill.tolist(), "club": club.tolist()})
        yes = model.predict(columns)["score"] >= 0.5
        return float(yes[sex == "male"].mean() - yes[sex == "female"].mean())

    assert gap(reweigh=["sex"]) < 0.7 * gap()


def test_regression_cannot_be_reweighed() -> None:
    with pytest.raises(recipes.RecipeError, match="a regression has no classes"):
        recipes.from_json(recipe("ridge", task="regression", reweigh=["carrier"]))


def test_column_of_the_groups_is_read_and_no_feature() -> None:
    read = recipes.from_json(recipe("logistic", reweigh=["sex"]))

    assert "sex" in read.columns and "sex" not in {feature.name for feature in read.features}
    assert recipes.from_json(read.as_json()) == read
