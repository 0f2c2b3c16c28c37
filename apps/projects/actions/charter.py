"""A project from its opening to its end: charter, tier, approval, state."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from apps.approvals import actions as approvals
from apps.approvals.kinds import Kind
from apps.approvals.models import Request, RequestState
from apps.audit.actions import action, record
from apps.audit.models import Record
from apps.core.canonical import plain
from apps.core.errors import Conflict, Invalid
from apps.core.ids import uuid7
from apps.discussions.notices import tell
from apps.organizations import actions as organizations
from apps.organizations.models import Scope
from apps.organizations.roles import ProjectRole
from apps.projects import policies
from apps.projects.actions.shared import apply, check_fields, check_people, locked, needed, note
from apps.projects.charter import charter
from apps.projects.engine import questionnaire
from apps.projects.models import PROJECT_STATES, Assessment, Project, ProjectState
from apps.projects.signals import approved, retiring

CHARTER_FIELDS = (
    "title", "problem", "outcomes", "intended_users", "affected_persons", "automation", "owner", "sponsor",
)  # fmt: skip
WRITING = (
    "project.opened", "project.charter_changed", "project.assessed", "metric.added", "metric.changed",
    "requirement.added", "requirement.changed", "risk.added", "risk.changed",
)  # fmt: skip


@action
def open_project(
    *,
    key: str,
    title: str,
    problem: str,
    by: Any,
    owner: Any = None,
    sponsor: Any = None,
    outcomes: str = "",
    intended_users: str = "",
    affected_persons: str = "",
    automation: str = "advice",
) -> Project:
    """Open a project as a draft; its owner (who opens it, unless named) becomes its business owner."""
    policies.check_open_project(by)
    owner = owner or by
    project = Project(
        id=uuid7(), key=key, title=title.strip(), problem=problem.strip(), outcomes=outcomes.strip(),
        intended_users=intended_users.strip(), affected_persons=affected_persons.strip(), automation=automation,
        owner=owner, sponsor=sponsor, created_by=by,
    )  # fmt: skip
    check_people(owner=owner, sponsor=sponsor)
    check_fields(project)
    if key == "new" or Project.objects.filter(key=key).exists():  # projects/new/ is the page that opens one
        raise Conflict(f"There is already a project “{key}”. Choose another key.")
    scope = organizations.open_scope(pk=project.pk, label=project.title)
    project.save(force_insert=True)
    organizations.assign_first_role(scope=scope, role=ProjectRole.BUSINESS_OWNER, user=owner, by=by)
    if owner != by:
        organizations.assign_first_role(scope=scope, role=ProjectRole.VIEWER, user=by, by=by)
        tell([owner], text=f"You own the new project “{project}”", url=project.get_absolute_url())
    record(by=by, action="project.opened", subject=project, details={"key": key, "owner": str(owner)})
    return project


@action
def change_charter(*, project: Project, changes: Mapping[str, Any], by: Any, reason: str = "") -> Project:
    """Change parts of the charter (CHARTER_FIELDS); an approval that covers them counts no longer."""
    project = locked(project)
    policies.check_plan(by, project)
    policies.check_choose_owner(by, project, dict(changes))
    before, after = apply(project, changes, CHARTER_FIELDS)
    check_people(owner=project.owner, sponsor=project.sponsor)
    project.save()
    scope = Scope.objects.get(pk=project.pk)
    if "title" in after:
        scope.label = project.title
        scope.save()
    if "owner" in after:
        organizations.assign_first_role(scope=scope, role=ProjectRole.BUSINESS_OWNER, user=project.owner, by=by)
    note(project, by, "project.charter_changed", project, before, after, reason)
    project.refresh_from_db()
    return project


@action
def put_on_hold(*, project: Project, reason: str, by: Any) -> Project:
    """Stop work on a project for a while."""
    project = locked(project)
    policies.check_hold(by, project)
    needed(reason, "Say why it is put on hold.")
    return _move(project, ProjectState.ON_HOLD, by, "project.put_on_hold", reason)


@action
def resume(*, project: Project, by: Any, reason: str = "") -> Project:
    """Take a project up again where it was."""
    project = locked(project)
    policies.check_resume(by, project)
    return _move(project, policies.state_after_hold(project), by, "project.resumed", reason)


@action
def reopen(*, project: Project, by: Any, reason: str = "") -> Project:
    """Take a rejected project up again as a draft."""
    project = locked(project)
    policies.check_reopen(by, project)
    return _move(project, ProjectState.DRAFT, by, "project.reopened", reason)


@action
def go_live(*, project: Project, by: Any, reason: str = "") -> Project:
    """The first version is in production; called by the deployment that puts it there."""
    project = locked(project)
    policies.check_go_live(by, project)
    project.live_since = project.live_since or timezone.now()
    return _move(project, ProjectState.LIVE, by, "project.went_live", reason)


@action
def retire(*, project: Project, reason: str, by: Any) -> Project:
    """End a project. Later stages are asked first and may object."""
    project = locked(project)
    policies.check_retire(by, project)
    needed(reason, "Say why it ends.")
    retiring.send(sender=Project, project=project, by=by)
    project.ended_at = timezone.now()
    return _move(project, ProjectState.RETIRED, by, "project.retired", reason)


def _move(project: Project, to: ProjectState, by: Any, verb: str, reason: str) -> Project:
    before = PROJECT_STATES.move(project, to)
    project.save()
    details = {"before": {"state": before}, "after": {"state": str(to.value)}}
    record(by=by, action=verb, subject=project, reason=reason, details=details)
    return project


@action
def assess(*, project: Project, answers: Mapping[str, str | Sequence[str]], by: Any, reason: str = "") -> Assessment:
    """Answer the newest questionnaire; the tier follows, with its reasons."""
    project = locked(project)
    policies.check_plan(by, project)
    asked = questionnaire.newest()
    try:
        verdict = asked.assess(answers)
    except questionnaire.WrongAnswers as error:
        raise Invalid(str(error), error.fields) from error
    assessment = Assessment(
        project=project, questionnaire=asked.key, version=asked.version, content_hash=asked.content_hash,
        answers=plain(dict(answers)), tier=verdict.tier, reasons=list(verdict.reasons), answered_by=by,
    )  # fmt: skip
    assessment.save(force_insert=True)
    before, project.tier = project.tier, verdict.tier
    project.save()
    note(project, by, "project.assessed", project, {"tier": before}, {"tier": verdict.tier}, reason)
    return assessment


@action
def request_approval(*, project: Project, by: Any, message: str = "") -> Request:
    """Ask for the charter to be approved as it stands now."""
    project = locked(project)
    policies.check_request_approval(by, project)
    project.approval = approvals.request(
        kind=Kind.CHARTER,
        scope=project,
        title=f"Charter of “{project}”",
        link=project.get_absolute_url(),
        snapshot=charter(project),
        conflicts=_involved(project),
        message=message,
        tier=project.tier,
        by=by,
    )
    project.save()
    details = {"request": project.approval_id, "hash": project.approval.content_hash, "tier": project.tier}
    record(by=by, action="project.proposed", subject=project, reason=message, details=details)
    return project.approval


@action
def conclude_approval(*, request: Request, by: Any) -> Project:
    """Take over what the signers decided on the charter; called by the receiver of approvals' news."""
    project = locked(Project.objects.get(approval=request))
    before = project.state
    if request.state == RequestState.APPROVED:
        project.approved_at = request.decided_at
        if before == ProjectState.DRAFT:
            PROJECT_STATES.move(project, ProjectState.APPROVED)
    elif request.state == RequestState.DECLINED and before == ProjectState.DRAFT:
        PROJECT_STATES.move(project, ProjectState.REJECTED)
    project.save()
    details = {"before": {"state": before}, "after": {"state": str(project.state)}, "hash": request.content_hash}
    verb = f"project.charter_{request.state}"
    record(by=by, action=verb, subject=project, reason=request.outcome, details=details)
    if request.state == RequestState.APPROVED:
        approved.send(sender=Project, project=project, by=by)
    others = {person for person in (project.owner, project.sponsor) if person and person != request.requested_by}
    tell(others, text=f"{request.get_state_display()}: the charter of “{project}”", url=project.get_absolute_url())
    return project


def _involved(project: Project) -> dict[Any, str]:
    """Who may not sign: the owner, and whoever wrote a part of the charter."""
    wrote = Record.objects.filter(project_id=project.pk, action__in=WRITING).select_related("actor")
    return {**dict.fromkeys({entry.actor for entry in wrote}, "wrote the charter"), project.owner: "owns the project"}
