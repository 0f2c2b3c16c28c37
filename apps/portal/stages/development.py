"""Development, as the portal needs to know it: runs that failed, models without a version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from apps.core.formats import shorten
from apps.models.models import ModelVersion, RegisteredModel, RunState, TrainingRun, VersionState
from apps.organizations import access
from apps.portal.stages.base import Concern, Findable, Life, Source, Step, several

STAGE = "development"
RECENT = timedelta(days=14)


def _failed(user: Any) -> QuerySet:
    """Runs that failed lately and were not followed by another run of the same model."""
    later = TrainingRun.objects.filter(model=OuterRef("model"), number__gt=OuterRef("number"))
    since = timezone.now() - RECENT
    return TrainingRun.objects.filter(~Exists(later), state=RunState.FAILED, finished_at__gte=since)


def _tell_failed(run: TrainingRun) -> Concern:
    why = shorten(run.error, 160) or "The training run failed"
    return Concern(STAGE, str(run), run.get_absolute_url(), why, "wrong", None, run.model.project.title)


SOURCES = [
    Source(STAGE, _failed, _tell_failed, ("organization", "model__organization", "model__project"), ("-finished_at",)),
]

FINDABLES = [
    Findable(
        "Models",
        "development",
        lambda: RegisteredModel.objects.all(),
        ("name", "key", "description"),
        lambda model: model.name,
        lambda model: f"{model.get_kind_display()} in {model.project.title}",
        lambda model: model.get_absolute_url(),
        ("organization", "project"),
        ("name",),
    ),
    Findable(
        "Versions",
        "branch",
        lambda: ModelVersion.objects.all(),
        ("model__name", "model__key", "note", "artifact__sha256"),
        str,
        lambda version: f"{version.get_state_display()}, {version.artifact.sha256[:12]}",
        lambda version: version.get_absolute_url(),
        ("organization", "model__organization", "artifact"),
    ),
]


@dataclass
class Facts:
    """The versions and runs of a model."""

    versions: int = 0
    newest: int = 0
    candidates: int = 0
    validated: int = 0
    approved: int = 0
    waiting: int = 0
    running: int = 0


def load(user: Any, projects: list[Any], models: list[Any]) -> dict[Any, Facts]:
    """Facts by model, in two queries."""
    found: dict[Any, Facts] = {}
    versions = access.visible(ModelVersion.objects.filter(model__in=models), user).order_by()
    for row in versions.values("model").annotate(
        n=Count("pk"),
        newest=Max("number"),
        candidates=Count("pk", filter=Q(state=VersionState.CANDIDATE)),
        validated=Count("pk", filter=Q(state=VersionState.VALIDATED)),
        approved=Count("pk", filter=Q(state=VersionState.APPROVED)),
        waiting=Count("pk", filter=Q(approval__state="open")),
    ):
        found[row["model"]] = Facts(
            row["n"], row["newest"], row["candidates"], row["validated"], row["approved"], row["waiting"]
        )
    runs = access.visible(TrainingRun.objects.filter(model__in=models, state=RunState.RUNNING), user).order_by()
    for row in runs.values("model").annotate(n=Count("pk")):
        found.setdefault(row["model"], Facts()).running = row["n"]
    return found


def step(life: Life) -> Step:
    """Done as soon as there is a version that was handed to validation."""
    if life.model is None:
        url = f"{life.project.get_absolute_url()}"
        return Step(STAGE, "here", "No model yet", url, ["Register a model and train a first version."])
    url = life.model.get_absolute_url()
    facts: Facts = life.of(STAGE) or Facts()
    if facts.candidates or facts.validated or facts.approved:
        return Step(STAGE, "done", several(facts.versions, "version"), url)
    if facts.running:
        return Step(STAGE, "here", "Training", url, ["A training run is under way."])
    if facts.versions:
        return Step(STAGE, "here", several(facts.versions, "draft"), url, ["Hand a version to validation."])
    return Step(STAGE, "here", "No version yet", url, ["Train or upload a first version."])
