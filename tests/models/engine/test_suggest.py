"""A first recipe for a dataset, and any recipe as YAML."""

from __future__ import annotations

from apps.models.engine import recipes, suggest
from tests.models.engine.samples import recipe

SCHEMA = [
    {"name": "late", "type": "boolean"},
    {"name": "hour", "type": "integer"},
    {"name": "carrier", "type": "category"},
    {"name": "at", "type": "datetime"},
]


def test_first_recipe_uses_every_column_that_can_be_a_feature() -> None:
    made = suggest.recipe(SCHEMA, "classification", "late")

    assert [(item["name"], item["kind"]) for item in made["features"]] == [("hour", "integer"), ("carrier", "category")]
    assert recipes.from_json(made).metric == "roc_auc"


def test_text_is_read_back_as_the_same_recipe() -> None:
    first = recipes.from_json(recipe("logistic", "lightgbm", threshold=0.3, protected=["sex"], cv={"kind": "random"}))

    assert recipes.from_text(suggest.text(first.as_json())) == first


def test_text_begins_with_the_question_and_leaves_defaults_out() -> None:
    text = suggest.text(recipes.from_json(recipe("logistic")).as_json())

    assert text.startswith("task: classification\ntarget: target\nmetric: roc_auc\n")
    assert "  - {name: delay, kind: number, impute: median}" in text
    assert "sample_limit" not in text
