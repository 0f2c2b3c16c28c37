"""The reference of a trained version: the same rows kept back as the training kept back, scored and told."""

import numpy as np
import pyarrow as pa
import pytest

from apps.models.engine import recipes
from apps.models.engine.signatures import Signature
from apps.models.engine.training import Training
from apps.monitoring.engine import reference

LATE = Signature.from_json(
    {
        "task": "binary",
        "target": "late",
        "inputs": [{"name": "delay", "type": "number"}, {"name": "carrier", "type": "string"}],
        "classes": [False, True],
        "threshold": 0.5,
    }
)


def flights(size=500):
    rng = np.random.default_rng(1)
    return pa.table(
        {
            "delay": rng.normal(size=size),
            "carrier": rng.choice(["AA", "B6"], size).tolist(),
            "hour": pa.array(rng.permutation(size), pa.timestamp("s")),
            "late": pa.array(rng.uniform(size=size) < 0.3, mask=rng.uniform(size=size) < 0.1),
        }
    )


class Job:
    """As much of a sandbox job as cutting rows needs."""

    def __init__(self, recipe):
        self.payload = {"recipe": recipe}

    def tell(self, _):
        pass

    def progress(self, *_):
        pass


@pytest.mark.parametrize(
    "holdout", [{"kind": "random", "share": 0.2}, {"kind": "time", "share": 0.3, "column": "hour"}]
)
def test_kept_back_rows_are_those_the_training_kept_back(holdout):
    recipe = recipes.from_json(
        {
            "task": "classification",
            "target": "late",
            "features": [{"name": "delay", "kind": "number"}, {"name": "carrier", "kind": "category"}],
            "candidates": [{"estimator": "logistic"}],
            "metric": "roc_auc",
            "holdout": holdout,
        }
    )
    training = Training(Job(recipe.as_json()))
    training.signature = LATE
    _, test = training.hold_out(training.load(flights(), "training"))
    found = reference.kept_back(flights(), recipe.as_json(), LATE)
    assert found.column("delay").to_numpy().astype(np.float32).tolist() == test.columns["delay"].tolist()


def test_reference_counts_inputs_of_all_rows_and_scores_of_those_kept_back():
    table = flights()
    kept = table.slice(0, 100)
    score = np.linspace(0, 1, 100)
    truth = np.array([{True: 1, False: 0, None: -1}[one] for one in kept.column("late").to_pylist()])
    rows = reference.scored_rows(kept, LATE, score, (score >= 0.5).astype(np.int32), truth)
    baseline = reference.build(table, rows, LATE)
    assert baseline.reference.rows == 500
    assert baseline.outcomes.rows == int((truth >= 0).sum())
    assert [column.name for column in baseline.bins.numeric] == ["delay", "_score"]
    assert [column.name for column in baseline.bins.categorical] == ["carrier", "_prediction"]
