"""Scores equal scikit-learn's on the same rows, weighted and unweighted, ties and all."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as oracle

from apps.validation.engine.base import CannotRun, Kind
from apps.validation.engine.metrics import METRICS, Prediction, chosen

EXACT = 1e-9


def binary(rows: int = 5_000, seed: int = 0) -> tuple[np.ndarray, Prediction, np.ndarray]:
    random = np.random.default_rng(seed)
    score = np.round(random.random(rows), 2)  # many ties
    truth = (random.random(rows) < score).astype(int)
    return truth, Prediction(score, (score >= 0.4).astype(int)), random.integers(0, 4, rows).astype(float)


@pytest.mark.parametrize(
    ("key", "theirs"),
    [
        ("auc", lambda truth, said, w: oracle.roc_auc_score(truth, said.score, sample_weight=w)),
        (
            "average_precision",
            lambda truth, said, w: oracle.average_precision_score(truth, said.score, sample_weight=w),
        ),
        ("mcc", lambda truth, said, w: oracle.matthews_corrcoef(truth, said.label, sample_weight=w)),
        ("f1", lambda truth, said, w: oracle.f1_score(truth, said.label, sample_weight=w)),
        ("macro_f1", lambda truth, said, w: oracle.f1_score(truth, said.label, sample_weight=w, average="macro")),
        ("accuracy", lambda truth, said, w: oracle.accuracy_score(truth, said.label, sample_weight=w)),
        ("brier", lambda truth, said, w: oracle.brier_score_loss(truth, said.score, sample_weight=w)),
        ("log_loss", lambda truth, said, w: oracle.log_loss(truth, said.score, sample_weight=w)),
    ],
)
def test_classification_metric_equals_scikit_learn(key: str, theirs: object) -> None:
    truth, said, weights = binary()
    ours = METRICS[key].prepare(truth, said)

    assert ours(np.ones(len(truth))) == pytest.approx(theirs(truth, said, None), abs=EXACT)
    assert ours(weights) == pytest.approx(theirs(truth, said, weights), abs=EXACT)


@pytest.mark.parametrize(
    ("key", "theirs"),
    [
        ("r2", oracle.r2_score),
        ("mae", oracle.mean_absolute_error),
        ("rmse", oracle.root_mean_squared_error),
    ],
)
def test_regression_metric_equals_scikit_learn(key: str, theirs: object) -> None:
    random = np.random.default_rng(1)
    truth = random.normal(100, 20, 5_000)
    figure = truth + random.normal(0, 7, 5_000)
    weights = random.integers(0, 4, 5_000).astype(float)
    ours = METRICS[key].prepare(truth, Prediction(figure, figure))

    assert ours(np.ones(5_000)) == pytest.approx(theirs(truth, figure), abs=EXACT)
    assert ours(weights) == pytest.approx(theirs(truth, figure, sample_weight=weights), abs=EXACT)


def test_weights_of_a_sample_equal_the_metric_of_that_sample() -> None:
    truth, said, _ = binary(400)
    index = np.random.default_rng(9).integers(0, 400, 400)
    weights = np.bincount(index, minlength=400).astype(float)

    for key in ("auc", "f1", "macro_f1", "accuracy", "brier", "log_loss"):
        metric = METRICS[key]
        assert metric.prepare(truth, said)(weights) == pytest.approx(
            metric.of(truth[index], said.take(index)), abs=EXACT
        )


def test_auc_with_one_outcome_only_is_not_a_number() -> None:
    said = Prediction(np.array([0.1, 0.9]), np.array([0, 1]))

    assert np.isnan(METRICS["auc"].of(np.array([1, 1]), said))
    assert np.isnan(METRICS["auc"].of(np.array([], dtype=int), Prediction(np.array([]), np.array([]))))


def test_shortfall_is_positive_where_worse_whichever_way_the_metric_runs() -> None:
    assert METRICS["auc"].shortfall(0.8, 0.6) == pytest.approx(0.25)
    assert METRICS["rmse"].shortfall(10.0, 12.0) == pytest.approx(0.2)
    assert METRICS["rmse"].shortfall(10.0, 9.0) == pytest.approx(-0.1)


def test_metric_of_another_kind_is_refused_with_a_sentence() -> None:
    with pytest.raises(CannotRun, match="ROC AUC is not defined for a regression model"):
        chosen("auc", Kind.REGRESSION)
    assert chosen("", Kind.REGRESSION).key == "r2"


def test_metrics_of_several_classes_equal_scikit_learn() -> None:
    random = np.random.default_rng(4)
    chances = random.dirichlet(np.ones(4), 3_000)
    truth = np.array([random.choice(4, p=row) for row in chances])
    said = Prediction(chances.max(axis=1), chances.argmax(axis=1), chances)
    ones = np.ones(len(truth))

    theirs = oracle.roc_auc_score(truth, chances, multi_class="ovr", average="macro")
    assert METRICS["auc_ovr"].prepare(truth, said)(ones) == pytest.approx(theirs, abs=EXACT)
    theirs = oracle.matthews_corrcoef(truth, said.label)
    assert METRICS["mcc"].prepare(truth, said)(ones) == pytest.approx(theirs, abs=EXACT)
    with pytest.raises(CannotRun, match="does not give the probabilities"):
        METRICS["auc_ovr"].prepare(truth, Prediction(said.score, said.label))
