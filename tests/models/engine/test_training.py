"""Training, comparison, export and the proof that the export says the same, for every estimator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.core import sandbox
from apps.core.sandbox import Job, Refused
from apps.models.engine import arrow, conversion, gate, recipes, training
from apps.models.engine.estimators import ESTIMATORS, Setting
from apps.models.engine.onnx_runtime import OnnxModel
from apps.models.engine.preprocessing import Preprocessor, inputs_of
from apps.models.engine.signatures import Signature
from tests.models.engine.samples import parquet, recipe, table


def fit(folder: Path, chosen: dict[str, Any], **inputs: Path) -> dict[str, Any]:
    """One training run in this process."""
    return training.fit(Job.local(payload={"recipe": chosen}, inputs=dict(inputs), outputs=folder))


CASES = [
    ("binary", "classification", "logistic"),
    ("binary", "classification", "random_forest"),
    ("binary", "classification", "gradient_boosting"),
    ("binary", "classification", "lightgbm"),
    ("multiclass", "classification", "logistic"),
    ("multiclass", "classification", "random_forest"),
    ("multiclass", "classification", "gradient_boosting"),
    ("multiclass", "classification", "lightgbm"),
    ("regression", "regression", "linear"),
    ("regression", "regression", "ridge"),
    ("regression", "regression", "random_forest"),
    ("regression", "regression", "gradient_boosting"),
    ("regression", "regression", "lightgbm"),
]


@pytest.mark.parametrize(("task", "kind", "estimator"), CASES)
def test_every_estimator_is_exported_exactly_and_passes_the_gate(
    tmp_path: Path, task: str, kind: str, estimator: str
) -> None:
    done = fit(tmp_path, recipe(estimator, task=kind), train=parquet(tmp_path, task=task))

    content = (tmp_path / "model.onnx").read_bytes()
    assert done["conversion"]["holds"]
    assert done["conversion"]["label_flips"] == 0
    assert gate.examine(content).findings == []
    assert done["signature"]["task"] == task
    assert OnnxModel(content, done["signature"]).predict(
        Signature.from_json(done["signature"]).columns(
            {"delay": [None], "hour": [3], "weekend": [None], "carrier": ["never seen"]}
        )
    )["score"].shape == (1,)


@pytest.mark.parametrize("estimator", ["random_forest", "lightgbm", "gradient_boosting"])
@pytest.mark.parametrize("step", [1 / 7, float(np.spacing(np.float32(70)))], ids=["sevenths", "neighbours"])
def test_trees_agree_on_values_that_lie_on_their_thresholds(tmp_path: Path, estimator: str, step: float) -> None:
    random = np.random.default_rng(3)
    places = random.integers(0, 400, (3000, 2))
    values = 70 + places * step
    target = ((places[:, 0] * 3 + places[:, 1]) % 77 > 35).tolist()
    path = tmp_path / "train.parquet"
    pq.write_table(pa.table({"a": values[:, 0], "b": values[:, 1], "target": target}), path)
    sizes = {"random_forest": {"n_estimators": 20, "min_samples_leaf": 1}, "lightgbm": {"num_leaves": 200}}
    chosen = recipe(
        features=[{"name": "a", "kind": "number"}, {"name": "b", "kind": "number"}],
        candidates=[{"estimator": estimator, "parameters": sizes.get(estimator, {"max_depth": 8})}],
    )

    done = fit(tmp_path, chosen, train=path, test=path)

    assert done["conversion"]["rows"] == 3000
    assert done["conversion"]["label_flips"] == 0
    assert done["conversion"]["worst_difference"] < 1e-6


def test_candidates_are_compared_on_the_same_folds(tmp_path: Path) -> None:
    steps: list[str] = []
    job = Job.local(
        payload={"recipe": recipe("logistic", "random_forest", cv={"folds": 4})},
        inputs={"train": parquet(tmp_path)},
        outputs=tmp_path,
        progress=lambda done, total, message: steps.append(message),
    )

    done = training.fit(job)

    assert [row["name"] for row in done["candidates"]] == ["logistic", "random_forest"]
    for row in done["candidates"]:
        assert len(row["folds"]) == 4
        assert row["mean"] == pytest.approx(np.mean(row["folds"]))
        assert row["sd"] == pytest.approx(np.std(row["folds"], ddof=1))
    assert done["chosen"] == max(done["candidates"], key=lambda row: row["mean"])["name"]
    assert steps[1] == "logistic: fold 1 of 4"
    assert steps[-1] == "Done"


def test_smaller_metric_wins_where_smaller_is_better(tmp_path: Path) -> None:
    chosen = recipe("linear", "random_forest", task="regression", metric="rmse")

    done = fit(tmp_path, chosen, train=parquet(tmp_path, task="regression"))

    assert done["chosen"] == min(done["candidates"], key=lambda row: row["mean"])["name"]


def test_grid_tries_every_combination(tmp_path: Path) -> None:
    chosen = recipe(
        candidates=[{"name": "Ridge", "estimator": "ridge", "grid": {"alpha": [0.1, 10.0]}}], task="regression"
    )

    done = fit(tmp_path, chosen, train=parquet(tmp_path, task="regression"))

    assert [row["name"] for row in done["candidates"]] == ["Ridge (alpha=0.1)", "Ridge (alpha=10.0)"]


def test_same_seed_gives_the_same_file(tmp_path: Path) -> None:
    train = parquet(tmp_path)
    chosen = recipe("lightgbm", "random_forest", seed=5)

    first, second = fit(tmp_path, chosen, train=train), fit(tmp_path, chosen, train=train)

    assert first["artifact"]["sha256"] == second["artifact"]["sha256"]
    assert first["candidates"][0]["folds"] == second["candidates"][0]["folds"]


def test_positive_class_is_second(tmp_path: Path) -> None:
    done = fit(tmp_path, recipe("logistic", positive=False), train=parquet(tmp_path))

    assert done["signature"]["classes"] == [True, False]


def test_categories_of_the_signature_are_the_words_seen(tmp_path: Path) -> None:
    done = fit(tmp_path, recipe("logistic"), train=parquet(tmp_path))

    assert done["signature"]["inputs"][3]["categories"] == ["AA", "B6", "DL", "UA"]


def test_importance_names_the_strongest_feature_first(tmp_path: Path) -> None:
    done = fit(tmp_path, recipe("logistic"), train=parquet(tmp_path, rows=2000))

    assert done["importance"][0]["feature"] == "delay"
    assert {item["feature"] for item in done["importance"]} == {"delay", "hour", "weekend", "carrier"}


def test_time_folds_train_on_the_past_only() -> None:
    data = training.Data({}, np.zeros(100, dtype=np.int32), order=np.arange(100)[::-1].copy())

    for rows, rest in training.cut(recipes.CrossValidation(4, "time", "at"), data, 1, "binary"):
        assert data.order is not None
        assert data.order[rows].max() < data.order[rest].min()


def test_time_holdout_keeps_the_latest_rows_back(tmp_path: Path) -> None:
    chosen = recipe("logistic", holdout={"kind": "time", "column": "at", "share": 0.25})
    run = training.Training(
        Job.local(payload={"recipe": chosen}, inputs={"train": parquet(tmp_path)}, outputs=tmp_path)
    )

    train, test = run.read()

    assert train.order is not None
    assert test.order is not None
    assert (len(train), len(test)) == (450, 150)
    assert train.order.max() < test.order.min()


def test_sample_limit_draws_rows_and_says_so(tmp_path: Path) -> None:
    done = fit(tmp_path, recipe("logistic", sample_limit=300), train=parquet(tmp_path), test=parquet(tmp_path, "test"))

    assert done["data"]["train_rows"] == 300
    assert done["notes"] == ["300 of 600 training rows were drawn at random."]


def test_rows_without_target_are_left_out_and_counted(tmp_path: Path) -> None:
    whole = table()
    target = [None, *whole.column("target").to_pylist()[1:]]
    path = tmp_path / "gaps.parquet"
    pq.write_table(whole.set_column(whole.column_names.index("target"), "target", [target]), path)

    done = fit(tmp_path, recipe("logistic"), train=path)

    assert done["notes"] == ["1 training rows without a target were left out."]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"target": "speed"}, "The dataset lacks columns: speed is missing."),
        ({"target": "note"}, "has 1 different values. A classification needs 2 to 50."),
        ({"target": "at"}, "has 600 different values."),
        ({"positive": "perhaps"}, "The positive value 'perhaps' does not occur in target."),
        ({"features": [{"name": "note", "kind": "number"}]}, "note must be of type number, but holds string."),
        ({"features": [{"name": "delay", "kind": "integer"}]}, "delay must hold whole numbers."),
        ({"features": [{"name": "delay", "kind": "number", "required": True}]}, "delay must not have empty values."),
    ],
)
def test_data_that_do_not_fit_are_refused_with_a_sentence(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as caught:
        fit(tmp_path, recipe("logistic", **changes), train=parquet(tmp_path))

    assert said in caught.value.sentence


def test_truncated_parquet_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = parquet(tmp_path)
    path.write_bytes(path.read_bytes()[:-200])

    with pytest.raises(Refused, match="cannot be read as Parquet"):
        fit(tmp_path, recipe("logistic"), train=path)


def test_export_that_differs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "original", lambda *_: np.full((150, 2), 0.5))

    with pytest.raises(Refused, match=r"differs from the trained one by up to .* so nothing was registered"):
        fit(tmp_path, recipe("logistic"), train=parquet(tmp_path), test=parquet(tmp_path, "test", rows=150))

    assert not (tmp_path / "model.onnx").exists()


@pytest.mark.parametrize("impute", ["median", "mean", "most_frequent", "constant"])
@pytest.mark.parametrize("encode", ["one_hot", "ordinal"])
def test_preparation_is_the_same_in_numpy_and_onnx(impute: str, encode: str) -> None:
    features = [
        {"name": "delay", "kind": "number", "impute": impute, "fill": 5, "scale": "standard"},
        {"name": "hour", "kind": "integer", "impute": impute, "fill": 5},
        {"name": "carrier", "kind": "category", "encode": encode, "impute": "most_frequent", "max_categories": 3},
    ]
    chosen = recipes.from_json(recipe("logistic", features=features))
    signature = Signature("binary", "target", inputs_of(chosen), (False, True), 0.5)
    data = table()
    columns, truth = signature.columns_from_arrow(data), arrow.truth(signature, data.column("target"))
    fitted = Preprocessor.fit(chosen, columns, scale=True)
    matrix = fitted.transform(columns)
    estimator = ESTIMATORS["logistic"].build(Setting("classification", 1, 1, matrix.shape[1], 2), {}).fit(matrix, truth)

    content = conversion.export(fitted, estimator, signature)

    assert not np.isnan(matrix).any()
    assert conversion.prove(content, signature, columns, estimator.predict_proba(matrix)).worst_difference < 1e-6


def test_training_in_the_sandbox_gives_file_log_and_progress(tmp_path: Path) -> None:
    steps: list[tuple[int, int, str]] = []

    done = sandbox.run(
        "apps.models.engine.training:fit",
        payload={"recipe": recipe("random_forest", "lightgbm")},
        inputs={"train": parquet(tmp_path)},
        outputs=tmp_path / "out",
        limits=sandbox.Limits(wall=120, threads=2),
        progress=lambda *step: steps.append(step),
    )

    assert (tmp_path / "out" / "model.onnx").stat().st_size == done.value["artifact"]["size"]
    assert "random_forest: roc_auc" in done.log
    assert steps[0] == (0, 11, "Reading the data")
    assert steps[-1] == (11, 11, "Done")
    json.dumps(done.value, allow_nan=False)


def test_refusal_in_the_sandbox_keeps_its_sentence(tmp_path: Path) -> None:
    with pytest.raises(sandbox.Refused, match=r"^The dataset lacks columns: speed is missing\.$"):
        sandbox.run(
            "apps.models.engine.training:fit",
            payload={"recipe": recipe("logistic", target="speed")},
            inputs={"train": parquet(tmp_path)},
            outputs=tmp_path / "out",
        )
