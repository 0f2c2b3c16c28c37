"""Projects at every point of their life, walked there by the real actions."""

import datetime as dt
from typing import Any

from apps.approvals import actions as approvals
from apps.approvals.models import Policy
from apps.projects import actions
from apps.projects.models import Project, ProjectState
from tests.cast import Cast

HARMLESS = {
    "practices": ["none"],
    "areas": ["none"],
    "persons": "indirect",
    "automation": "advice",
    "harm": "inconvenience",
    "reversal": "easily",
    "data": "none",
    "contact": "no",
}
LIMITED = {**HARMLESS, "harm": "loss"}
HIGH = {**HARMLESS, "areas": ["services"]}
PROHIBITED = {**HARMLESS, "practices": ["social_scoring"]}


def draft(cast: Cast, key: str = "late-arrivals", **more: Any) -> Project:
    """A project just opened by Bianca, with the whole cast in their roles."""
    given = {
        "key": key,
        "title": "Late arrivals",
        "problem": "Passengers miss their connections because nobody knows early which flights will be late.",
        "by": cast.bianca,
    }
    project = actions.open_project(**(given | more))
    cast.staff(project)
    return project


def complete(cast: Cast, project: Project, answers: dict = LIMITED) -> Project:
    """The draft with everything its approval needs."""
    bianca = cast.bianca
    actions.change_charter(
        project=project,
        changes={"outcomes": "Fewer missed connections.", "intended_users": "Gate planners.", "sponsor": cast.odile},
        by=bianca,
    )
    actions.add_metric(
        project=project, name="Missed connections", baseline=4.0, target=3.0, unit="%", direction="lower",
        due_on=dt.date(2026, 12, 31), by=bianca,
    )  # fmt: skip
    actions.add_requirement(
        project=project, kind="database", description="Flights with delays", owner=cast.dario, by=bianca
    )
    actions.add_risk(
        project=project, title="Weather changes by season", likelihood=4, impact=3, owner=cast.dario,
        measures="Drift checks every day.", residual_likelihood=2, residual_impact=3, by=bianca,
    )  # fmt: skip
    actions.add_stakeholder(project=project, name="Passengers' council", role="Affected persons", by=bianca)
    actions.assess(project=project, answers=answers, by=bianca)
    project.refresh_from_db()
    return project


def sign_all(cast: Cast, request: Any) -> None:
    """Every step of a request signed by whoever of the cast holds its role."""
    for step in Policy.objects.get(pk=request.policy_id).steps.all():
        signer = {**cast.project_roles, "owner": cast.odile}[step.role]
        approvals.sign(request=request, by=signer, confirmed=True)


def project_at(cast: Cast, state: str, answers: dict = LIMITED, **more: Any) -> Project:
    """A project in a state, reached through the real actions."""
    project = draft(cast, **more)
    if state == ProjectState.DRAFT:
        return project
    complete(cast, project, answers)
    request = actions.request_approval(project=project, by=cast.bianca)
    if state == ProjectState.REJECTED:
        approvals.decline(request=request, by=cast.rhea, reason="Not worth it.", confirmed=True)
    else:
        sign_all(cast, request)
    project.refresh_from_db()
    if state in {ProjectState.LIVE, ProjectState.RETIRED}:
        actions.go_live(project=project, by=cast.otto)
    if state == ProjectState.ON_HOLD:
        actions.put_on_hold(project=project, reason="Budget.", by=cast.bianca)
    if state == ProjectState.RETIRED:
        actions.retire(project=project, reason="Replaced.", by=cast.bianca)
    project.refresh_from_db()
    return project
