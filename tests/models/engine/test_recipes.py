"""Training recipes: what is read, what is refused and where the reader is sent."""

from __future__ import annotations

from typing import Any

import pytest

from apps.models.engine import recipes
from apps.models.engine.recipes import RecipeError
from tests.models.engine.samples import FEATURES, recipe


def problems(value: Any) -> dict[str, str]:
    """What is wrong with a recipe."""
    with pytest.raises(RecipeError) as caught:
        recipes.from_json(value)
    return caught.value.fields


def test_recipe_survives_its_json() -> None:
    first = recipes.from_json(recipe("logistic", "lightgbm"))

    assert recipes.from_json(first.as_json()) == first


def test_recipe_is_read_from_yaml() -> None:
    text = """
    task: regression
    target: minutes
    features: [{name: hour, kind: integer}]
    candidates: [{estimator: ridge, grid: {alpha: [0.1, 1]}}]
    cv: {folds: 4, kind: time, column: at}
    """

    read = recipes.from_text(text)

    assert read.metric == "rmse"
    assert read.candidates[0].name == "Ridge regression"
    assert read.candidates[0].combinations == [{"alpha": 0.1}, {"alpha": 1}]
    assert read.fits == 8
    assert read.columns == ["hour", "minutes", "at"]


def test_broken_yaml_names_the_line() -> None:
    with pytest.raises(RecipeError, match=r"recipe: is not valid YAML in line 2\."):
        recipes.from_text("task: [\n}")


def test_yaml_cannot_build_objects() -> None:
    with pytest.raises(RecipeError):
        recipes.from_text("!!python/object/apply:os.system ['true']")


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"task": "guess"}, "task"),
        ({"target": None}, "target"),
        ({"target": "hour"}, "hour"),
        ({"features": []}, "features"),
        ({"features": [{"name": "a", "kind": "date"}]}, "a kind"),
        ({"features": [*FEATURES, FEATURES[0]]}, "delay"),
        ({"features": [{"name": "a", "kind": "number", "impute": "constant"}]}, "a"),
        ({"features": [{"name": "a", "kind": "number", "sclae": "none"}]}, "a sclae"),
        ({"candidates": [{"estimator": "svm"}]}, "candidates 1 estimator"),
        ({"candidates": [{"estimator": "ridge"}]}, "candidates 1"),
        ({"candidates": [{"estimator": "lightgbm", "parameters": {"objective": "x"}}]}, "candidates 1 objective"),
        ({"candidates": [{"estimator": "logistic", "parameters": {"C": -1}}]}, "candidates 1 C"),
        ({"candidates": [{"estimator": "logistic", "grid": {"C": 1}}]}, "candidates 1 C"),
        ({"candidates": [{"estimator": "logistic"}] * 2}, "candidates"),
        ({"metric": "rmse"}, "metric"),
        ({"cv": {"folds": 1}}, "cv folds"),
        ({"cv": {"kind": "time"}}, "cv column"),
        ({"threshold": "high"}, "threshold"),
        ({"seed": -1}, "seed"),
        ({"sample_limit": 5}, "sample_limit"),
        ({"colour": "red"}, "recipe colour"),
    ],
)
def test_mistake_is_named_by_place(changes: dict[str, Any], place: str) -> None:
    assert place in problems(recipe("logistic", **changes))


def test_protected_attribute_among_features_is_refused() -> None:
    said = problems(recipe("logistic", protected=["carrier"]))

    assert said["carrier"].startswith("is a protected attribute.")
    assert recipes.from_json(recipe("logistic", protected=["carrier"], allow_protected=True)).protected == ("carrier",)


def test_too_many_fits_are_refused() -> None:
    grid = {"C": [0.1] * 10, "max_iter": [100] * 10}

    said = problems(recipe(candidates=[{"estimator": "logistic", "grid": grid}]))

    assert said == {"candidates": "would need 300 fits; at most 200 are allowed"}


def test_regression_cannot_be_stratified() -> None:
    assert "cv kind" in problems(recipe("ridge", task="regression", cv={"kind": "stratified"}))
