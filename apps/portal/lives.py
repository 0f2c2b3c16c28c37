"""Where every model stands in its life: the board shows all of them, a page of one model shows its eight steps.

A life is a model of a project, or a project that has no model yet. Whatever their number, each stage is asked once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from apps.core.lifecycle import BY_KEY, STAGES, Stage
from apps.core.pages import Step
from apps.models.models import RegisteredModel
from apps.organizations import access
from apps.portal.stages import STAGES as KNOWN
from apps.portal.stages.base import Life
from apps.projects.models import Project

# What stands still at a stage is "waiting"; these say that something goes on there.
AT_WORK = ("here", "attention", "wrong")


@dataclass(frozen=True)
class Standing:
    """A life with its eight steps and the stage it is in now."""

    life: Life
    steps: Sequence[Step]
    stage: Stage

    @property
    def here(self) -> Step:
        """The step of the stage it is in."""
        return self.steps[self.stage.number - 1]

    @property
    def worst(self) -> Step:
        """The step that needs somebody most: what is wrong, then what asks for attention, then where it stands."""
        weight = {"wrong": 0, "attention": 1}
        return min(self.steps, key=lambda step: (weight.get(step.status, 2), step is not self.here))


@dataclass(frozen=True)
class Line:
    """One line of the board before anything is loaded: its name and the keys behind it."""

    name: str
    project: Any
    model: Any


def steps(thing: Any, user: Any) -> Sequence[Step]:
    """The eight steps of one project or model. Announced to core, so that pages of lower apps can show them."""
    if isinstance(thing, RegisteredModel):
        return _standing(_lives([(thing.project, thing)], user)[0]).steps
    models = access.visible(RegisteredModel.objects.filter(project=thing), user)
    return _standing(_lives([(thing, models.order_by("-retired_at", "id").last())], user)[0]).steps


def index(user: Any, tier: str = "", words: str = "") -> list[Line]:
    """Every model, and every project without one, that the person may see, by name; nothing else is loaded yet."""
    models = access.visible(RegisteredModel.objects.all(), user).order_by()
    projects = access.visible(Project.objects.all(), user).order_by()
    if tier:
        models, projects = models.filter(project__tier=tier), projects.filter(tier=tier)
    named = [Line(name, project, model) for name, project, model in models.values_list("name", "project", "pk")]
    with_model = {line.project for line in named}
    bare = [Line(title, pk, None) for title, pk in projects.values_list("title", "pk") if pk not in with_model]
    found = [line for line in (*named, *bare) if words.lower() in line.name.lower()]
    return sorted(found, key=lambda line: line.name.lower())


def load(lines: Sequence[Line], user: Any) -> list[Standing]:
    """Where these lines stand; as many queries for one line as for hundreds."""
    models = {
        model.pk: model
        for model in RegisteredModel.objects.filter(pk__in=[line.model for line in lines if line.model]).select_related(
            "organization", "owner", "project__organization", "project__approval", "project__owner"
        )
    }
    projects = {
        project.pk: project
        for project in Project.objects.filter(pk__in=[line.project for line in lines if not line.model]).select_related(
            "organization", "approval", "owner"
        )
    }
    pairs = [
        (models[line.model].project, models[line.model]) if line.model else (projects[line.project], None)
        for line in lines
    ]
    return [_standing(life) for life in _lives(pairs, user)]


def _lives(pairs: Sequence[tuple[Project, RegisteredModel | None]], user: Any) -> list[Life]:
    projects = list({project.pk for project, _ in pairs})
    models = [model.pk for _, model in pairs if model is not None]
    known = {stage.STAGE: stage.load(user, projects, models) for stage in KNOWN}
    return [
        Life(project, model, {key: _facts(facts, project, model) for key, facts in known.items()})
        for project, model in pairs
    ]


def _facts(facts: dict[Any, Any], project: Project, model: RegisteredModel | None) -> Any:
    found = facts.get(model.pk) if model is not None else None
    return facts.get(project.pk) if found is None else found


def _standing(life: Life) -> Standing:
    found = [stage.step(life) for stage in KNOWN]
    if life.model is not None and life.model.is_retired:
        return Standing(life, [replace(step, status="done", missing=()) for step in found], STAGES[-1])
    stage = _current(found)
    return Standing(life, [_in_order(step, stage) for step in found], stage)


def _current(found: Sequence[Step]) -> Stage:
    """The first stage at which something is left to do; once a version runs, the last at which something goes on."""
    reached = [BY_KEY[step.stage] for step in found if step.status in AT_WORK]
    if not reached:
        return BY_KEY[found[0].stage]
    running = [stage for stage in reached if stage.number >= BY_KEY["monitoring"].number]
    return running[-1] if running else reached[0]


def _in_order(step: Step, current: Stage) -> Step:
    """A step beyond the current one has not been reached, and one before it is done, whatever it says of itself."""
    if step.status != "here":
        return step
    number = BY_KEY[step.stage].number
    if number > current.number:
        return replace(step, status="waiting", note="", missing=())
    return replace(step, status="done", missing=()) if number < current.number else step
