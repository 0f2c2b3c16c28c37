"""Figures of merit for comparing candidates and recording runs; scikit-learn computes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .onnx_runtime import class_positions
from .signatures import Signature


def evaluate(signature: Signature, truth: np.ndarray, said: np.ndarray) -> dict[str, float]:
    """Every metric of the task. truth: values or class positions [N]; said: values [N] or probabilities [N, C].

    A metric that is not defined on these rows (one class only) is left out.
    """
    if signature.task == "regression":
        return _regression(truth, said)
    labels = class_positions(signature, said)
    return {**_labels(signature, truth, labels), **_probabilities(signature, truth, said)}


def _regression(truth: np.ndarray, said: np.ndarray) -> dict[str, float]:
    from sklearn import metrics

    result = {
        "rmse": metrics.root_mean_squared_error(truth, said),
        "mae": metrics.mean_absolute_error(truth, said),
    }
    if len(truth) > 1:
        result["r2"] = metrics.r2_score(truth, said)
    return {name: float(value) for name, value in result.items()}


def _labels(signature: Signature, truth: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    from sklearn import metrics

    average: Any = "binary" if signature.task == "binary" else "macro"
    options = {"average": average, "zero_division": 0.0}
    result = {
        "accuracy": metrics.accuracy_score(truth, labels),
        "f1": metrics.f1_score(truth, labels, **options),
        "precision": metrics.precision_score(truth, labels, **options),
        "recall": metrics.recall_score(truth, labels, **options),
    }
    recalls = metrics.recall_score(truth, labels, labels=np.unique(truth), average=None, zero_division=0.0)
    result["balanced_accuracy"] = float(np.mean(recalls))
    return {name: float(value) for name, value in result.items()}


def _probabilities(signature: Signature, truth: np.ndarray, said: np.ndarray) -> dict[str, float]:
    from sklearn import metrics

    every = list(range(len(signature.classes)))
    clipped = np.clip(said, 1e-12, 1.0)
    clipped = clipped / clipped.sum(axis=1, keepdims=True)
    result = {"log_loss": metrics.log_loss(truth, clipped, labels=every)}
    present = np.unique(truth)
    if signature.task == "binary":
        result["brier"] = np.mean((said[:, 1] - truth) ** 2)
        if len(present) == 2:
            result["roc_auc"] = metrics.roc_auc_score(truth, said[:, 1])
            result["average_precision"] = metrics.average_precision_score(truth, said[:, 1])
    elif len(present) == len(every):
        one_hot = np.eye(len(every))[truth]
        result["brier"] = np.mean(np.sum((said - one_hot) ** 2, axis=1))
        result["roc_auc"] = metrics.roc_auc_score(truth, clipped, multi_class="ovr", labels=every)
        result["average_precision"] = metrics.average_precision_score(one_hot, said)
    return {name: float(value) for name, value in result.items()}
