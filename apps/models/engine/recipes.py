"""Training recipes: what to learn from which columns, which candidates to compare and how. Read from YAML or JSON."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from apps.core.text import unkeepable

from .estimators import BINARY_OR_MORE, ESTIMATORS, REGRESSION, parameter_problem

TASKS = (BINARY_OR_MORE, REGRESSION)
KINDS = ("number", "integer", "boolean", "category")
IMPUTE = {
    "number": ("median", "mean", "most_frequent", "constant"),
    "integer": ("median", "mean", "most_frequent", "constant"),
    "boolean": ("most_frequent", "constant"),
    "category": ("own", "most_frequent", "constant"),
}
SCALE = ("auto", "standard", "none")
ENCODE = ("one_hot", "ordinal")
CV_KINDS = ("stratified", "random", "time")
HOLDOUT_KINDS = ("random", "time")
METRICS = {
    BINARY_OR_MORE: ("roc_auc", "log_loss", "accuracy", "balanced_accuracy", "f1", "average_precision", "brier"),
    REGRESSION: ("rmse", "mae", "r2"),
}
MOST_FITS, MOST_FEATURES, MOST_CANDIDATES = 200, 1000, 20


class RecipeError(Exception):
    """A recipe that cannot be used: one sentence per place."""

    def __init__(self, problems: dict[str, str]) -> None:
        self.fields = problems
        self.sentence = "The recipe cannot be used: " + " ".join(
            f"{place}: {text}." for place, text in problems.items()
        )
        super().__init__(self.sentence)


@dataclass(frozen=True)
class Feature:
    """One input column and how it is prepared. `fill` is used by `impute: constant`."""

    name: str
    kind: str
    impute: str
    fill: float | str | None = None
    scale: str = "auto"
    encode: str = "one_hot"
    max_categories: int = 100
    required: bool = False


@dataclass(frozen=True)
class Candidate:
    """One model to try: fixed parameters, and a grid of which every combination is tried."""

    name: str
    estimator: str
    parameters: dict[str, Any] = field(default_factory=dict)
    grid: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def combinations(self) -> list[dict[str, Any]]:
        """Every parameter set of this candidate."""
        names = list(self.grid)
        return [
            {**self.parameters, **dict(zip(names, values, strict=True))}
            for values in itertools.product(*(self.grid[name] for name in names))
        ]


@dataclass(frozen=True)
class CrossValidation:
    """How the training rows are cut for comparing candidates; `time` trains on the past and tests on what follows."""

    folds: int = 3
    kind: str = "stratified"
    column: str | None = None


@dataclass(frozen=True)
class Holdout:
    """Rows kept back for the final test where no test file is given."""

    share: float = 0.2
    kind: str = "random"
    column: str | None = None


@dataclass(frozen=True)
class Recipe:
    """A whole training recipe, checked. `reweigh` names columns whose groups are to be independent of the target."""

    task: str
    target: str
    features: tuple[Feature, ...]
    candidates: tuple[Candidate, ...]
    metric: str
    cv: CrossValidation = CrossValidation()
    holdout: Holdout = Holdout()
    positive: Any = None
    threshold: float = 0.5
    seed: int = 20
    protected: tuple[str, ...] = ()
    allow_protected: bool = False
    reweigh: tuple[str, ...] = ()
    sample_limit: int = 200_000

    @property
    def columns(self) -> list[str]:
        """Every column the training reads."""
        extra = [name for name in (self.cv.column, self.holdout.column, *self.reweigh) if name]
        return list(dict.fromkeys([*(feature.name for feature in self.features), self.target, *extra]))

    @property
    def fits(self) -> int:
        """Model fits for the comparison."""
        return sum(len(candidate.combinations) for candidate in self.candidates) * self.cv.folds

    def as_json(self) -> dict[str, Any]:
        """The recipe with every default written out."""
        return {
            **asdict(self),
            "features": [asdict(feature) for feature in self.features],
            "candidates": [asdict(candidate) for candidate in self.candidates],
            "protected": list(self.protected),
            "reweigh": list(self.reweigh),
        }


def from_text(text: str) -> Recipe:
    """A recipe from YAML (JSON is YAML too); raises RecipeError."""
    import yaml

    if len(text) > 200_000:
        raise RecipeError({"recipe": "is longer than 200,000 characters"})
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        place = getattr(error, "problem_mark", None)
        where = f" in line {place.line + 1}" if place else ""
        raise RecipeError({"recipe": f"is not valid YAML{where}"}) from error
    except ValueError as error:  # a date that does not exist
        raise RecipeError({"recipe": f"is not valid YAML: {error}"}) from error
    if sentence := unkeepable(value):
        raise RecipeError({"recipe": f"cannot be kept. {sentence}"})
    return from_json(value)


def from_json(value: Any) -> Recipe:
    """A recipe from a dict; raises RecipeError with everything that is wrong."""
    if isinstance(value, Recipe):
        return value
    if not isinstance(value, Mapping):
        raise RecipeError({"recipe": "must be a mapping with task, target, features and candidates"})
    return _Reader(value).read()


class _Reader:
    """Reads one recipe and gathers what is wrong with it."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        self.value = value
        self.problems: dict[str, str] = {}

    def read(self) -> Recipe:
        """The recipe, or RecipeError."""
        task = self.choice(self.value, "task", TASKS, None)
        target = self.text(self.value, "target")
        recipe = Recipe(
            task=task,
            target=target,
            features=tuple(self.features()),
            candidates=tuple(self.candidates(task)),
            metric=self.choice(
                self.value, "metric", METRICS.get(task, ()), "roc_auc" if task != REGRESSION else "rmse"
            ),
            cv=self.cross_validation(task),
            holdout=self.holdout(),
            positive=self.value.get("positive"),
            threshold=self.number(self.value, "threshold", 0.5, 0, 1),
            seed=int(self.number(self.value, "seed", 20, 0, 2**31 - 1)),
            protected=tuple(self.names("protected")),
            reweigh=tuple(self.names("reweigh")),
            allow_protected=bool(self.value.get("allow_protected", False)),
            sample_limit=int(self.number(self.value, "sample_limit", 200_000, 100, 5_000_000)),
        )
        self.unknown(self.value, "recipe", Recipe.__dataclass_fields__)
        if not self.problems:
            self.together(recipe)
        if self.problems:
            raise RecipeError(self.problems)
        return recipe

    def together(self, recipe: Recipe) -> None:
        """What can only be checked with the whole recipe at hand."""
        names = [feature.name for feature in recipe.features]
        if recipe.target in names:
            self.problems[recipe.target] = "is the target and cannot be a feature"
        for name in {name for name in names if names.count(name) > 1}:
            self.problems[name] = "is listed twice among the features"
        for name in recipe.protected:
            if name in names and not recipe.allow_protected:
                self.problems[name] = (
                    "is a protected attribute. Leave it out, or say allow_protected: true and why in the card"
                )
        if recipe.reweigh and recipe.task == REGRESSION:
            self.problems["reweigh"] = "weighs rows by group and class, and a regression has no classes"
        titles = [candidate.name for candidate in recipe.candidates]
        if len(set(titles)) < len(titles):
            self.problems["candidates"] = "must have different names"
        if recipe.fits > MOST_FITS:
            self.problems["candidates"] = f"would need {recipe.fits} fits; at most {MOST_FITS} are allowed"

    def features(self) -> list[Feature]:
        """The feature list."""
        items = self.value.get("features")
        if not isinstance(items, list) or not items or len(items) > MOST_FEATURES:
            self.problems["features"] = f"must be a list of 1 to {MOST_FEATURES} columns"
            return []
        return [
            feature for number, item in enumerate(items, 1) if (feature := self.feature(item, f"features {number}"))
        ]

    def feature(self, item: Any, place: str) -> Feature | None:
        """One feature; a mapping."""
        if not isinstance(item, Mapping) or not isinstance(item.get("name"), str) or not item["name"]:
            self.problems[place] = "must have a name and a kind"
            return None
        place = item["name"]
        kind = self.choice(item, "kind", KINDS, None, place)
        if not kind:
            return None
        impute = self.choice(item, "impute", IMPUTE[kind], IMPUTE[kind][0], place)
        fill = item.get("fill")
        if impute == "constant" and not isinstance(fill, str if kind == "category" else int | float):
            self.problems[place] = "must say what to fill in: fill is missing or of the wrong type"
        self.unknown(item, place, Feature.__dataclass_fields__)
        return Feature(
            name=item["name"],
            kind=kind,
            impute=impute,
            fill=fill if impute == "constant" else None,
            scale=self.choice(item, "scale", SCALE, "auto", place),
            encode=self.choice(item, "encode", ENCODE, "one_hot", place),
            max_categories=int(self.number(item, "max_categories", 100, 1, 1000, place)),
            required=bool(item.get("required", False)),
        )

    def candidates(self, task: str) -> list[Candidate]:
        """The candidate list."""
        items = self.value.get("candidates")
        if not isinstance(items, list) or not items or len(items) > MOST_CANDIDATES:
            self.problems["candidates"] = f"must be a list of 1 to {MOST_CANDIDATES} models to compare"
            return []
        return [found for number, item in enumerate(items, 1) if (found := self.candidate(item, task, number))]

    def candidate(self, item: Any, task: str, number: int) -> Candidate | None:
        """One candidate; its estimator must fit the task and its parameters the estimator."""
        place = f"candidates {number}"
        if not isinstance(item, Mapping):
            self.problems[place] = "must have an estimator"
            return None
        name = self.choice(item, "estimator", tuple(ESTIMATORS), None, place)
        if not name:
            return None
        if task and task not in ESTIMATORS[name].tasks:
            self.problems[place] = f"{name} cannot learn a {task}"
        fixed, grid = self.parameters(item, name, task, place)
        self.unknown(item, place, Candidate.__dataclass_fields__)
        return Candidate(str(item.get("name") or ESTIMATORS[name].title)[:80], name, fixed, grid)

    def parameters(self, item: Mapping[str, Any], name: str, task: str, place: str) -> tuple[dict, dict]:
        """Fixed parameters and grid of a candidate, each value checked against the estimator's table."""
        fixed, grid = item.get("parameters") or {}, item.get("grid") or {}
        if not isinstance(fixed, Mapping) or not isinstance(grid, Mapping):
            self.problems[place] = "must give parameters and grid as mappings"
            return {}, {}
        for key, values in grid.items():
            if not isinstance(values, list) or not values:
                self.problems[f"{place} {key}"] = "must be a list of values to try"
                return {}, {}
        tried = [(key, value) for key, value in fixed.items()]
        tried += [(key, value) for key, values in grid.items() for value in values]
        for key, value in tried:
            if problem := parameter_problem(name, task, str(key), value):
                self.problems[f"{place} {key}"] = problem
        return dict(fixed), {key: list(values) for key, values in grid.items()}

    def cross_validation(self, task: str) -> CrossValidation:
        """How to cut for comparison; regressions cannot be stratified."""
        value = self.section("cv", CrossValidation)
        usual = "random" if task == REGRESSION else "stratified"
        kind = self.choice(value, "kind", CV_KINDS, usual, "cv")
        if kind == "stratified" and task == REGRESSION:
            self.problems["cv kind"] = "cannot be stratified for a regression; say random or time"
        return CrossValidation(
            int(self.number(value, "folds", 3, 2, 20, "cv")), kind, self.time_column(value, kind, "cv")
        )

    def holdout(self) -> Holdout:
        """How to keep rows back for the final test."""
        value = self.section("holdout", Holdout)
        kind = self.choice(value, "kind", HOLDOUT_KINDS, "random", "holdout")
        return Holdout(
            self.number(value, "share", 0.2, 0.05, 0.5, "holdout"), kind, self.time_column(value, kind, "holdout")
        )

    def time_column(self, value: Mapping[str, Any], kind: str, place: str) -> str | None:
        """The column to order by, which `time` needs and nothing else does."""
        column = value.get("column")
        if kind != "time":
            return None
        if not isinstance(column, str) or not column:
            self.problems[f"{place} column"] = "must name the column to order by"
            return None
        return column

    def section(self, key: str, kind: Any) -> Mapping[str, Any]:
        """A sub-mapping, empty where absent."""
        value = self.value.get(key) or {}
        if not isinstance(value, Mapping):
            self.problems[key] = "must be a mapping"
            return {}
        self.unknown(value, key, kind.__dataclass_fields__)
        return value

    def names(self, key: str) -> list[str]:
        """A list of column names."""
        value = self.value.get(key) or []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.problems[key] = "must be a list of column names"
            return []
        return value

    def text(self, value: Mapping[str, Any], key: str) -> str:
        """A word that has to be there."""
        found = value.get(key)
        if not isinstance(found, str) or not found:
            self.problems[key] = "must be given"
            return ""
        return found

    def choice(
        self, value: Mapping[str, Any], key: str, choices: tuple[str, ...], default: Any, place: str = ""
    ) -> str:
        """One of a few words."""
        found = value.get(key)
        if found is None and default is not None:
            return str(default)
        if found not in choices:
            self.problems[f"{place} {key}".strip()] = (
                f"must be one of {', '.join(choices)}" if choices else "is unknown"
            )
            return ""
        return str(found)

    def number(
        self, value: Mapping[str, Any], key: str, default: float, low: float, high: float, place: str = ""
    ) -> float:
        """A number within bounds."""
        found = value.get(key, default)
        if problem := "" if isinstance(found, int | float) and not isinstance(found, bool) else "must be a number":
            self.problems[f"{place} {key}".strip()] = problem
            return default
        if not low <= found <= high:
            self.problems[f"{place} {key}".strip()] = f"must lie between {low:g} and {high:g}"
            return default
        return float(found)

    def unknown(self, value: Mapping[str, Any], place: str, known: Mapping[str, Any]) -> None:
        """Words that mean nothing here are a mistake in writing, so they are refused."""
        for key in value:
            if key not in known:
                self.problems[f"{place} {key}"] = "is not known"
