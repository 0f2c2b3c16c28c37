"""Who may open, plan, approve and end a project, and what has to be there first. Each `check_x` raises a sentence."""

from typing import Any

from apps.core.errors import Conflict, IllegalMove, Refused
from apps.organizations import access
from apps.organizations.roles import OrganizationRole, Permission
from apps.projects.engine import matrix, questionnaire
from apps.projects.models import (
    PROJECT_STATES,
    RISK_STATES,
    Project,
    ProjectState,
    Risk,
    RiskState,
    SuccessMetric,
    Tier,
)


def check_open_project(user: Any) -> None:
    """Members and up open projects."""
    access.check(user, Permission.CREATE_PROJECT)


def check_plan(user: Any, project: Project) -> None:
    """The charter is written by its planners while the project is neither rejected nor retired."""
    access.check(user, Permission.PLAN, project)
    if not project.is_open:
        how = "Take it up again first." if project.state == ProjectState.REJECTED else "Nothing in it changes any more."
        raise IllegalMove(
            f"“{project}” is {project.get_state_display().lower()}. {how}", PROJECT_STATES.next(project.state)
        )


def check_plan_part(user: Any, part: Any) -> None:
    """So are its metrics, risks, data requirements and stakeholders."""
    check_plan(user, part.project)


def check_choose_owner(user: Any, project: Project, changes: dict) -> None:
    """Owner and sponsor are members; the owner is handed over by whoever may give roles."""
    if changes.get("owner", project.owner) != project.owner:
        access.check(user, Permission.STAFF, project)


def missing(project: Project) -> list[str]:
    """What the charter still lacks before anybody can decide on it, as sentences; empty when it is complete."""
    assessment = project.assessment
    risks = list(project.risks.exclude(state=RiskState.CLOSED))
    lacks = {
        "Say what the expected outcomes are.": not project.outcomes.strip(),
        "Say who will use it.": not project.intended_users.strip(),
        "Name a sponsor.": project.sponsor_id is None,
        "Promise at least one success metric with a target.": not project.metrics.exists(),
        "Say what data it needs.": not project.requirements.exists(),
        "Answer the risk questionnaire.": assessment is None,
        "Answer the newest version of the risk questionnaire.": (
            assessment is not None and assessment.version != questionnaire.newest().version
        ),
        "Name at least one risk.": not risks,
    }
    found = [sentence for sentence, is_missing in lacks.items() if is_missing]
    return found + [sentence for risk in risks if (sentence := _untreated(risk))]


def _untreated(risk: Risk) -> str:
    if risk.residual_level is None:
        return f"Say what remains of risk R{risk.number} after its treatment."
    if risk.residual_level >= matrix.HIGH and risk.state != RiskState.ACCEPTED:
        return f"Have the remaining risk R{risk.number} accepted, or treat it further."
    return ""


def check_not_prohibited(project: Project) -> None:
    """A prohibited use stops here."""
    if project.tier != Tier.PROHIBITED:
        return
    assessment = project.assessment
    given = assessment.reasons if assessment is not None else []
    reasons = " ".join(reason["reason"] for reason in given if reason["tier"] == Tier.PROHIBITED)
    raise Refused(f"“{project}” is a prohibited use and stops here. {reasons}".strip())


def check_request_approval(user: Any, project: Project) -> None:
    """Asked for by who may, for a complete charter that is not prohibited, one request at a time."""
    access.check(user, Permission.REQUEST_APPROVAL, project)
    if project.state not in {ProjectState.DRAFT, ProjectState.APPROVED, ProjectState.LIVE}:
        raise IllegalMove(
            f"“{project}” is {project.get_state_display().lower()}; its charter cannot be approved now.",
            PROJECT_STATES.next(project.state),
        )
    if project.is_waiting:
        raise Conflict(f"The charter of “{project}” waits for signatures already.")
    if project.is_approved:
        raise Conflict(f"The charter of “{project}” is approved, and nothing in its promise has changed since.")
    check_not_prohibited(project)
    if lacks := missing(project):
        raise Refused(f"The charter is not complete. {' '.join(lacks)}")


def require_approved(project: Project) -> None:
    """What every later stage asks before it begins work for a project."""
    check_not_prohibited(project)
    if project.is_approved:
        return
    if project.state == ProjectState.DRAFT:
        waits = "Its charter waits for signatures." if project.is_waiting else "Ask for approval of its charter first."
        raise Refused(f"“{project}” is not approved for development. {waits}")
    if project.state in {ProjectState.APPROVED, ProjectState.LIVE}:
        waits = (
            "The new request waits for signatures."
            if project.is_waiting
            else "Ask for approval of the changed charter."
        )
        raise Refused(f"The charter of “{project}” was changed after it was approved. {waits}")
    raise Refused(f"“{project}” is {project.get_state_display().lower()}; no work on it may go on.")


def is_approved(project: Project) -> bool:
    """Whether require_approved passes."""
    try:
        require_approved(project)
    except Refused:
        return False
    return True


def check_risk(user: Any, risk: Risk) -> None:
    """Open risks are worked on; accepted and closed ones are opened again first."""
    check_plan(user, risk.project)
    if risk.state != RiskState.OPEN:
        raise IllegalMove(
            f"Risk R{risk.number} is {risk.get_state_display().lower()}. Open it again to change it.",
            RISK_STATES.next(risk.state),
        )


def check_accept_risk(user: Any, risk: Risk) -> None:
    """Accepted by an approver who neither owns the risk nor the project, and did not write it last."""
    access.check(user, Permission.APPROVE, risk.project)
    RISK_STATES.check(risk, RiskState.ACCEPTED)
    if risk.residual_level is None:
        raise Refused(f"Nobody has said yet what remains of risk R{risk.number} after its treatment.")
    wrote = risk.history.first()
    reasons = {
        "you own this risk": risk.owner_id == user.pk,
        "you own this project": risk.project.owner_id == user.pk,
        "you wrote its present form": wrote is not None and wrote.history_user_id == user.pk,
    }
    for reason, holds in reasons.items():
        if holds:
            raise Refused(f"You cannot accept risk R{risk.number}: {reason}. Somebody else has to.")


def check_hold(user: Any, project: Project) -> None:
    """Stopped for a while by its planners."""
    access.check(user, Permission.PLAN, project)
    PROJECT_STATES.check(project, ProjectState.ON_HOLD)


def check_resume(user: Any, project: Project) -> None:
    """Taken up again where it was."""
    access.check(user, Permission.PLAN, project)
    if project.state != ProjectState.ON_HOLD:
        sentence = f"“{project}” is not on hold, so there is nothing to resume."
        raise IllegalMove(sentence, PROJECT_STATES.next(project.state))


def state_after_hold(project: Project) -> ProjectState:
    """Where a project goes on after a pause."""
    return ProjectState.LIVE if project.live_since else ProjectState.APPROVED


def check_reopen(user: Any, project: Project) -> None:
    """A rejected project is taken up again as a draft."""
    access.check(user, Permission.PLAN, project)
    PROJECT_STATES.check(project, ProjectState.DRAFT)


def check_go_live(user: Any, project: Project) -> None:
    """With its first deployment to production."""
    access.check(user, Permission.OPERATE, project)
    require_approved(project)
    PROJECT_STATES.check(project, ProjectState.LIVE)


def check_retire(user: Any, project: Project) -> None:
    """Ended by who may retire; later stages may object (see signals.retiring)."""
    access.check(user, Permission.RETIRE, project)
    PROJECT_STATES.check(project, ProjectState.RETIRED)


def check_record_value(user: Any, metric: SuccessMetric) -> None:
    """Measured values come from people and pipelines that may send them, for a project that was approved once."""
    access.check(user, Permission.INGEST, metric)
    if metric.project.approved_at is None:
        raise Refused(f"“{metric.project}” has promised nothing yet: its charter is not approved.")


def check_staff(user: Any, project: Project) -> None:
    """Who gives and takes roles and permissions."""
    access.check(user, Permission.STAFF, project)


def may_answer_for(user: Any) -> bool:
    """Whether a person can own or sponsor: an active member who is not there to audit."""
    member = access.membership(user)
    return member is not None and member.role != OrganizationRole.AUDITOR
