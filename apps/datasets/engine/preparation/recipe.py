"""A recipe: a validated list of steps, as plain values and as text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.datasets.engine.declared import Problem, describe
from apps.datasets.engine.errors import DataError, RecipeInvalid
from apps.datasets.engine.schema import Schema, counted, listed

from . import cleaning, correcting, deriving, shaping, standardizing  # noqa: F401  (they register their steps)
from .base import STEPS, Step

MOST_STEPS = 100


@dataclass(frozen=True)
class Recipe:
    """Steps in the order in which they are applied."""

    steps: tuple[Step, ...]

    @classmethod
    def from_list(cls, raw: Any) -> "Recipe":
        """The recipe from plain values; raises RecipeInvalid with every problem, each by its step and field."""
        if not isinstance(raw, list):
            raise _invalid([_problem(0, "", "", "A recipe is a list of steps.")])
        if not raw or len(raw) > MOST_STEPS:
            raise _invalid(
                [_problem(0, "", "", f"A recipe has between 1 and {MOST_STEPS} steps; this has {len(raw)}.")]
            )
        steps: list[Step] = []
        problems: list[dict[str, Any]] = []
        for number, values in enumerate(raw, 1):
            step, found = _step(values)
            kind = str(values.get("step", "")) if isinstance(values, Mapping) else ""
            problems += [_problem(number, kind, problem.field, problem.sentence) for problem in found]
            if step is not None:
                steps.append(step)
        if problems:
            raise _invalid(problems)
        return cls(tuple(steps))

    def to_list(self) -> list[dict[str, Any]]:
        """The recipe as plain values."""
        return [step.to_dict() for step in self.steps]

    def sentences(self) -> list[str]:
        """What each step does, in words."""
        return [step.sentence() for step in self.steps]

    def tables(self) -> list[str]:
        """The other tables that the recipe joins, each once."""
        return list(dict.fromkeys(step.table for step in self.steps if isinstance(step, deriving.Join)))

    def schemas(self, schema: Schema, tables: Mapping[str, Schema] | None = None) -> list[Schema]:
        """The schema before the first step and after each; raises RecipeInvalid at the first step that does not fit."""
        found = [schema]
        for number, step in enumerate(self.steps, 1):
            try:
                found.append(step.output(found[-1], tables or {}))
            except Problem as problem:
                raise _invalid([_problem(number, step.kind, problem.field, problem.sentence)]) from problem
            except DataError as error:
                raise _invalid([_problem(number, step.kind, "", error.sentence)]) from error
        return found


def _step(raw: Any) -> tuple[Step | None, list[Problem]]:
    if not isinstance(raw, Mapping):
        return None, [Problem("", "A step names what it does and its settings.")]
    kind = raw.get("step")
    if kind not in STEPS:
        return None, [Problem("step", f"{kind!r} is not a step; the steps are {listed(STEPS, 40)}.")]
    problems: list[Problem] = []
    return STEPS[kind].from_dict(raw, problems), problems


def _problem(step: int, kind: str, field: str, sentence: str) -> dict[str, Any]:
    return {"step": step, "kind": kind, "field": field, "sentence": sentence}


def _invalid(problems: list[dict[str, Any]]) -> RecipeInvalid:
    first = problems[0]
    where = f"Step {first['step']}: " if first["step"] else ""
    rest = f" ({counted(len(problems) - 1, 'more problem')})" if len(problems) > 1 else ""
    return RecipeInvalid(f"{where}{first['sentence']}{rest}", problems)


def described() -> list[dict[str, Any]]:
    """Every kind of step with its fields, for a form and for documentation."""
    return [describe(step) for step in STEPS.values()]
