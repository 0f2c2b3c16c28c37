"""Where every model stands in its life: the board shows all of them, a page of one model shows its eight steps.

A life is a model of a project, or a project that has no model yet. Whatever their number, each stage is asked once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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


def steps(thing: Any, user: Any) -> Sequence[Step]:
    """The eight steps of one project or model. Announced to core, so that pages of lower apps can show them."""
    model = thing if isinstance(thing, RegisteredModel) else None
    project = model.project if model is not None else thing
    if model is None:
        model = (
            access.visible(RegisteredModel.objects.filter(project=project), user).order_by("retired_at", "id").first()
        )
    return _standing(_lives([(project, model)], user)[0]).steps


def board(user: Any) -> list[Standing]:
    """Every model and every project without one that the person may see, by name."""
    projects = list(
        access.visible(Project.objects.all(), user)
        .select_related("organization", "approval", "owner")
        .order_by("title")
    )
    models = access.visible(RegisteredModel.objects.all(), user).select_related(
        "organization", "owner", "project__organization", "project__approval"
    )
    pairs: list[tuple[Project, RegisteredModel | None]] = [(model.project, model) for model in models.order_by("name")]
    with_model = {model.project_id for _, model in pairs if model is not None}
    pairs += [(project, None) for project in projects if project.pk not in with_model]
    return [_standing(life) for life in _lives(pairs, user)]


def _lives(pairs: Sequence[tuple[Project, RegisteredModel | None]], user: Any) -> list[Life]:
    projects = list({project.pk for project, _ in pairs})
    models = [model.pk for _, model in pairs if model is not None]
    known = {stage.STAGE: stage.load(user, projects, models) for stage in KNOWN}
    return [
        Life(
            project,
            model,
            {
                key: facts.get(model.pk if model is not None else None) or facts.get(project.pk)
                for key, facts in known.items()
            },
        )
        for project, model in pairs
    ]


def _standing(life: Life) -> Standing:
    found = [stage.step(life) for stage in KNOWN]
    stage = _current(found)
    return Standing(life, [_in_order(step, stage) for step in found], stage)


def _current(found: Sequence[Step]) -> Stage:
    """The last stage at which something goes on after all before it are done; at the very end, the last."""
    reached = [step for step in found if step.status in AT_WORK]
    if not reached:
        return STAGES[-1] if found[-1].status == "done" else BY_KEY[found[0].stage]
    first = BY_KEY[reached[0].stage]
    later = [BY_KEY[step.stage] for step in reached if BY_KEY[step.stage].number >= BY_KEY["monitoring"].number]
    return later[-1] if later else first


def _in_order(step: Step, current: Stage) -> Step:
    """A step beyond the current one has not been reached, whatever it says of itself."""
    stage = BY_KEY[step.stage]
    if stage.number > current.number and step.status == "here":
        return Step(step.stage, "waiting", "", step.url)
    if stage.number < current.number and step.status == "here":
        return Step(step.stage, "done", step.note, step.url)
    return step
