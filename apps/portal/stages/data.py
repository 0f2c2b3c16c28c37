"""Data, as the portal needs to know it: versions that wait for their sign-off or could not be read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Q, QuerySet

from apps.approvals.models import RequestState
from apps.core.formats import shorten
from apps.datasets.models import Dataset, DatasetVersion, VersionState
from apps.organizations import access
from apps.portal.stages.base import Concern, Findable, Life, Source, Step, day, several

STAGE = "data"
RELATED = ("organization", "dataset__organization", "dataset__project")


def _unread(user: Any) -> QuerySet:
    return DatasetVersion.objects.filter(state=VersionState.FAILED)


def _tell_unread(version: DatasetVersion) -> Concern:
    why = shorten(version.failure, 160) or "The file could not be read"
    return Concern(STAGE, str(version), version.get_absolute_url(), why, "wrong", None, version.dataset.project.title)


def _unsigned(user: Any) -> QuerySet:
    return DatasetVersion.objects.filter(state=VersionState.PROFILED, sign_off_request__state=RequestState.OPEN)


def _tell_unsigned(version: DatasetVersion) -> Concern:
    request: Any = version.sign_off_request
    why = "Waits to be signed off as fit"
    meaning = "wrong" if request.is_overdue else "attention"
    return Concern(
        STAGE, str(version), request.get_absolute_url(), why, meaning, request.due_at, version.dataset.project.title
    )


SOURCES = [
    Source(STAGE, _unread, _tell_unread, RELATED, ("-id",)),
    Source(
        STAGE, _unsigned, _tell_unsigned, (*RELATED, "sign_off_request__organization"), ("sign_off_request__due_at",)
    ),
]

FINDABLES = [
    Findable(
        "Datasets",
        "data",
        lambda: Dataset.objects.all(),
        ("name", "key", "description"),
        lambda dataset: dataset.name,
        lambda dataset: dataset.project.title,
        lambda dataset: dataset.get_absolute_url(),
        ("organization", "project"),
        ("name",),
    ),
]


@dataclass(frozen=True)
class Facts:
    """The versions of a project's datasets."""

    versions: int
    signed_off: int
    waiting: int
    newest: datetime | None


def load(user: Any, projects: list[Any], models: list[Any]) -> dict[Any, Facts]:
    """Facts by project, in one query."""
    rows = access.visible(DatasetVersion.objects.filter(dataset__project__in=projects), user).order_by()
    signed = Q(state=VersionState.SIGNED_OFF)
    counted = rows.values("dataset__project").annotate(
        n=Count("pk"),
        good=Count("pk", filter=signed),
        open=Count("pk", filter=Q(sign_off_request__state=RequestState.OPEN)),
        newest=Max("signed_off_at", filter=signed),
    )
    return {row["dataset__project"]: Facts(row["n"], row["good"], row["open"], row["newest"]) for row in counted}


def step(life: Life) -> Step:
    """Done as soon as one version is signed off."""
    url = f"/o/{life.project.organization.key}/datasets/?project={life.project.key}"
    facts: Facts | None = life.of(STAGE)
    if facts is None:
        return Step(STAGE, "here", "No data yet", url, ["Upload or reference a first dataset."])
    if facts.signed_off:
        return Step(STAGE, "done", f"{facts.signed_off} signed off, {day(facts.newest)}".rstrip(", "), url)
    if facts.waiting:
        return Step(STAGE, "here", "Waiting for sign-off", url, ["A dataset version waits to be signed off as fit."])
    return Step(STAGE, "here", several(facts.versions, "version"), url, ["Have a dataset version signed off as fit."])
