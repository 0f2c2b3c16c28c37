"""Planning, as the portal needs to know it: projects, what their charters wait for, risks nobody has treated."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from apps.approvals.models import Request, RequestState
from apps.portal.stages.base import Concern, Findable, Life, Source, Step, day
from apps.projects.models import Project, ProjectState, Risk, RiskState

STAGE = "planning"


def _charters(user: Any) -> QuerySet:
    return Project.objects.filter(state=ProjectState.DRAFT).filter(
        Q(approval__state=RequestState.OPEN) | Q(approval__state=RequestState.CHANGES)
    )


def _tell_charter(project: Project) -> Concern:
    request: Any = project.approval
    is_back = request.state == RequestState.CHANGES
    why = "The charter came back: changes were asked for" if is_back else "The charter waits for signatures"
    return Concern(
        STAGE,
        project.title,
        project.get_absolute_url() if is_back else request.get_absolute_url(),
        why,
        "wrong" if request.is_overdue else "attention",
        None if is_back else request.due_at,
        project.title,
    )


def _risks(user: Any) -> QuerySet:
    """High risks that nobody has said what remains of."""
    return Risk.objects.filter(
        state=RiskState.OPEN, residual_likelihood=None, likelihood__gte=4, impact__gte=4
    ).exclude(project__state__in=[ProjectState.RETIRED, ProjectState.REJECTED])


def _tell_risk(risk: Risk) -> Concern:
    why = f"Risk of level {risk.level} of 25 without a treatment, owned by {risk.owner}"
    return Concern(STAGE, str(risk), risk.get_absolute_url(), why, project=risk.project.title)


SOURCES = [
    Source(STAGE, _charters, _tell_charter, ("organization", "approval__organization"), ("approval__due_at",)),
    Source(STAGE, _risks, _tell_risk, ("organization", "project__organization", "owner"), ("id",)),
]

FINDABLES = [
    Findable(
        "Projects",
        "planning",
        lambda: Project.objects.all(),
        ("title", "key", "problem"),
        lambda project: project.title,
        lambda project: f"{project.get_state_display()}, owned by {project.owner}",
        lambda project: project.get_absolute_url(),
        ("organization", "owner"),
        ("title",),
    ),
    Findable(
        "Requests",
        "approval",
        lambda: Request.objects.all(),
        ("title", "message"),
        lambda request: request.title,
        lambda request: f"{request.get_kind_display()}, {request.get_state_display().lower()}",
        lambda request: request.get_absolute_url(),
    ),
]


def load(user: Any, projects: list[Any], models: list[Any]) -> dict[Any, Any]:
    """Planning knows no more than the project itself says."""
    return {}


def step(life: Life) -> Step:
    """Where the project stands in its own stage."""
    project: Project = life.project
    url = project.get_absolute_url()
    if project.state == ProjectState.REJECTED:
        return Step(STAGE, "wrong", "Not approved", url, ["Change the charter and ask again, or leave it."])
    if project.state != ProjectState.DRAFT:
        return Step(STAGE, "done", f"Approved {day(project.approved_at)}".strip(), url)
    if project.is_waiting:
        return Step(STAGE, "here", "Waiting for signatures", url, ["The charter waits for signatures."])
    if not project.tier:
        return Step(STAGE, "here", "No tier yet", url, ["Answer the questionnaire that gives the risk tier."])
    if project.tier == "prohibited":
        return Step(STAGE, "wrong", "Prohibited", url, ["This use is prohibited; the project stops here."])
    return Step(STAGE, "here", "Charter being written", url, ["Ask for approval of the charter."])
