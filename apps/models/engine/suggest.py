"""A first recipe for a dataset, as YAML that a person goes on with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .estimators import BINARY_OR_MORE, REGRESSION

KINDS = {"number": "number", "integer": "integer", "boolean": "boolean", "string": "category", "category": "category"}
FIRST = {
    BINARY_OR_MORE: [
        {"name": "Logistic regression", "estimator": "logistic"},
        {"name": "Random forest", "estimator": "random_forest", "parameters": {"n_estimators": 100}},
        {"name": "LightGBM", "estimator": "lightgbm", "parameters": {"n_estimators": 200, "learning_rate": 0.05}},
    ],
    REGRESSION: [
        {"name": "Ridge regression", "estimator": "ridge"},
        {"name": "Random forest", "estimator": "random_forest", "parameters": {"n_estimators": 100}},
        {"name": "LightGBM", "estimator": "lightgbm", "parameters": {"n_estimators": 200, "learning_rate": 0.05}},
    ],
}


def recipe(schema: Iterable[Mapping[str, Any]], task: str, target: str) -> dict[str, Any]:
    """A recipe that uses every column that can be a feature; times and the target are left out."""
    features = [
        {"name": column["name"], "kind": KINDS[column["type"]]}
        for column in schema
        if column["name"] != target and column.get("type") in KINDS
    ]
    return {
        "task": task,
        "target": target,
        "metric": "rmse" if task == REGRESSION else "roc_auc",
        "seed": 20,
        "features": features,
        "candidates": FIRST[task],
        "cv": {"folds": 3, "kind": "random" if task == REGRESSION else "stratified"},
        "protected": [],
    }


def text(value: Mapping[str, Any]) -> str:
    """A recipe as YAML: one line per feature and candidate, what stands at its default left out."""
    import yaml

    lines = []
    for key, item in value.items():
        if item is None or item == [] or key not in _SHOWN:
            continue
        if key in ("features", "candidates"):
            lines.append(f"{key}:")
            lines += [f"  - {_flow(yaml, _bare(entry))}" for entry in item]
        else:
            lines.append(f"{key}: {_flow(yaml, _bare(item))}")
    return "\n".join(lines) + "\n"


_SHOWN = (
    "task", "target", "positive", "metric", "threshold", "seed", "features", "candidates", "cv", "holdout",
    "protected", "allow_protected", "sample_limit",
)  # fmt: skip
_DEFAULTS = {"scale": "auto", "encode": "one_hot", "max_categories": 100, "required": False}


def _bare(item: Any) -> Any:
    """A mapping without what is empty or at its default."""
    if not isinstance(item, Mapping):
        return item
    return {key: entry for key, entry in item.items() if entry not in (None, {}, []) and _DEFAULTS.get(key) != entry}


def _flow(yaml: Any, item: Any) -> str:
    return (
        yaml.safe_dump(item, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True)
        .split("\n...")[0]
        .strip()
    )
