"""Validation, as the portal needs to know it: candidates, findings, waivers, approvals of versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from apps.approvals.models import RequestState
from apps.core.formats import shorten
from apps.models.models import ModelVersion, VersionState
from apps.organizations import access
from apps.portal.stages import development
from apps.portal.stages.base import Concern, Findable, Life, Source, Step, several
from apps.validation.models import (
    OPEN_RUNS,
    Finding,
    Revalidation,
    RunState,
    Severity,
    ValidationRun,
    Waiver,
    WaiverState,
)

STAGE = "validation"
SOON = timedelta(days=14)
VERSION = ("organization", "model__organization", "model__project")
FINDING = ("organization", "owner", "version__model__organization", "version__model__project")


def _candidates(user: Any) -> QuerySet:
    """Candidates that no validation run is at work on."""
    at_work = ValidationRun.objects.filter(version=OuterRef("pk"), state__in=OPEN_RUNS)
    return ModelVersion.objects.filter(~Exists(at_work), state=VersionState.CANDIDATE)


def _tell_candidate(version: ModelVersion) -> Concern:
    why = "Waits for a validation to be carried out and concluded"
    return Concern(STAGE, str(version), version.get_absolute_url(), why, project=version.model.project.title)


def _approvals(user: Any) -> QuerySet:
    return ModelVersion.objects.filter(state=VersionState.VALIDATED, approval__state=RequestState.OPEN)


def _tell_approval(version: ModelVersion) -> Concern:
    request: Any = version.approval
    meaning = "wrong" if request.is_overdue else "attention"
    why = "Its approval waits for signatures"
    title = version.model.project.title
    return Concern(STAGE, str(version), request.get_absolute_url(), why, meaning, request.due_at, title)


def _findings(user: Any) -> QuerySet:
    """Findings that are overdue, or heavy and not waived."""
    heavy = Finding.objects.blocking().values("pk")
    late = Q(due_on__lt=timezone.localdate())
    return Finding.objects.unsettled().filter(late | Q(pk__in=heavy))


def _tell_finding(finding: Finding) -> Concern:
    how = "overdue" if finding.is_overdue else "open"
    why = f"{finding.get_severity_display()} finding {how}, owned by {finding.owner}"
    meaning = "wrong" if finding.is_overdue or finding.severity == Severity.CRITICAL else "attention"
    title = finding.version.model.project.title
    return Concern(STAGE, str(finding), finding.get_absolute_url(), why, meaning, finding.due_on, title)


def _waivers(user: Any) -> QuerySet:
    return Waiver.objects.filter(state=WaiverState.GRANTED, until__lte=timezone.localdate() + SOON)


def _tell_waiver(waiver: Waiver) -> Concern:
    why = "The waiver ends; then the finding blocks again"
    title = waiver.finding.version.model.project.title
    return Concern(STAGE, str(waiver), waiver.get_absolute_url(), why, "attention", waiver.until, title)


def _again(user: Any) -> QuerySet:
    """What has to be validated again, and soon."""
    return Revalidation.objects.due().filter(due_on__lte=timezone.localdate() + SOON)


def _tell_again(one: Revalidation) -> Concern:
    title = one.version.model.project.title
    meaning = "wrong" if one.is_overdue else "attention"
    why = f"To be validated again: {str(one.get_trigger_display()).lower()}"
    return Concern(STAGE, str(one.version), one.get_absolute_url(), why, meaning, one.due_on, title)


def _broken(user: Any) -> QuerySet:
    """Runs that an error stopped and that were not started again."""
    later = ValidationRun.objects.filter(version=OuterRef("version"), number__gt=OuterRef("number"))
    return ValidationRun.objects.filter(~Exists(later), state=RunState.BROKEN)


def _tell_broken(run: ValidationRun) -> Concern:
    why = shorten(run.error, 160) or "The validation run was stopped by an error"
    title = run.version.model.project.title
    return Concern(STAGE, str(run), run.get_absolute_url(), why, "wrong", None, title)


SOURCES = [
    Source(STAGE, _findings, _tell_finding, FINDING, ("due_on",)),
    Source(STAGE, _approvals, _tell_approval, (*VERSION, "approval__organization"), ("approval__due_at",)),
    Source(STAGE, _candidates, _tell_candidate, VERSION, ("id",)),
    Source(
        STAGE,
        _again,
        _tell_again,
        ("organization", "version__model__organization", "version__model__project"),
        ("due_on",),
    ),
    Source(STAGE, _broken, _tell_broken, ("organization", "version__model__organization", "version__model__project")),
    Source(
        STAGE,
        _waivers,
        _tell_waiver,
        ("finding__organization", "finding__version__model__project", "finding__version__model__organization"),
        ("until",),
    ),
]

FINDABLES = [
    Findable(
        "Findings",
        "flag",
        lambda: Finding.objects.all(),
        ("title", "description", "version__model__name"),
        str,
        lambda finding: f"{finding.get_severity_display()}, {finding.get_state_display().lower()}, {finding.version}",
        lambda finding: finding.get_absolute_url(),
        ("organization", "version__model__organization"),
    ),
]


@dataclass
class Facts:
    """Findings and runs of a model's versions."""

    unsettled: int = 0
    blocking: int = 0
    running: int = 0


def load(user: Any, projects: list[Any], models: list[Any]) -> dict[Any, Facts]:
    """Facts by model, in two queries."""
    found: dict[Any, Facts] = {}
    findings = access.visible(Finding.objects.unsettled().filter(version__model__in=models), user).order_by()
    heavy = Q(pk__in=Finding.objects.blocking().values("pk"))
    for row in findings.values("version__model").annotate(n=Count("pk"), blocking=Count("pk", filter=heavy)):
        found[row["version__model"]] = Facts(row["n"], row["blocking"])
    at_work = ValidationRun.objects.filter(version__model__in=models, state__in=OPEN_RUNS)
    for row in access.visible(at_work, user).order_by().values("version__model").annotate(n=Count("pk")):
        found.setdefault(row["version__model"], Facts()).running = row["n"]
    return found


def step(life: Life) -> Step:
    """Done as soon as a version is approved; findings that block are shown even then."""
    if life.model is None:
        return Step(STAGE, "waiting")
    url = f"/o/{life.project.organization.key}/validation/?model={life.model.key}"
    facts: Facts = life.of(STAGE) or Facts()
    versions: development.Facts = life.of(development.STAGE) or development.Facts()
    missing = [f"Settle or waive {several(facts.blocking, 'blocking finding')}."] if facts.blocking else []
    if facts.blocking:
        return Step(STAGE, "attention", several(facts.blocking, "blocking finding"), url, missing)
    if versions.approved:
        note = several(facts.unsettled, "open finding") if facts.unsettled else f"{versions.approved} approved"
        return Step(STAGE, "done", note, url)
    if versions.waiting:
        return Step(STAGE, "here", "Waiting for approval", url, ["The approval waits for signatures."])
    if versions.validated:
        return Step(STAGE, "here", "Validated", url, ["Ask for approval of the validated version."])
    if facts.running:
        return Step(STAGE, "here", "Checks running", url, ["A validation run is under way."])
    return Step(STAGE, "here", "To be validated", url, ["Lock a plan, run it, and conclude."])
