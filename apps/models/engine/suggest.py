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
    for key in _SHOWN:
        item = value.get(key)
        if item in (None, []) or (key in _TOP and item == _TOP[key]):
            continue
        if key in ("features", "candidates"):
            lines.append(f"{key}:")
            lines += [f"  - {_flow(yaml, _bare(entry))}" for entry in item]
        else:
            lines.append(f"{key}: {_flow(yaml, _bare(item))}")
    return "\n".join(lines) + "\n"


_SHOWN = (
    "task", "target", "positive", "metric", "threshold", "seed", "features", "candidates", "cv", "holdout",
    "protected", "allow_protected", "reweigh", "sample_limit",
)  # fmt: skip
_TOP = {"allow_protected": False, "sample_limit": 200_000, "threshold": 0.5}
_INSIDE = ("name", "kind", "estimator", "impute", "fill", "parameters", "grid", "folds", "share", "column")
_DEFAULTS = {"scale": "auto", "encode": "one_hot", "max_categories": 100, "required": False}


def _bare(item: Any) -> Any:
    """A mapping without what is empty or at its default."""
    if not isinstance(item, Mapping):
        return item
    first = [key for key in _INSIDE if key in item]
    names = [*first, *(key for key in item if key not in first)]
    return {
        name: item[name] for name in names if item[name] not in (None, {}, []) and _DEFAULTS.get(name) != item[name]
    }


def _flow(yaml: Any, item: Any) -> str:
    return (
        yaml.safe_dump(item, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True)
        .split("\n...")[0]
        .strip()
    )
