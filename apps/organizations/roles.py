"""The verbs and the roles: who may do what, each with a sentence. `make roles` prints the matrix."""

from dataclasses import dataclass

from django.db import models


class Permission(models.TextChoices):
    """What can be done. VIEW is needed for anything else."""

    VIEW = "view", "See it, with its history"
    COMMENT = "comment", "Comment on it"
    ADMINISTER = "administer", "Manage people, teams, roles, tokens and approval policies"
    AUDIT = "audit", "Read the audit chain and the admin, export evidence"
    CREATE_PROJECT = "create_project", "Open a project"
    PLAN = "plan", "Write the charter, metrics, risks and stakeholders of a project"
    STAFF = "staff", "Give and take roles on a project"
    PREPARE_DATA = "prepare_data", "Register sources, upload, profile, prepare and split data"
    SIGN_OFF_DATA = "sign_off_data", "Ask for a dataset version to be signed off as fit"
    TRAIN = "train", "Train, upload and register models, write their cards"
    VALIDATE = "validate", "Plan and run validations, raise and close findings"
    RESOLVE_FINDING = "resolve_finding", "Work on a finding one owns"
    REQUEST_APPROVAL = "request_approval", "Ask for a decision"
    APPROVE = "approve", "Sign for the decisions one's role is asked for"
    OPERATE = "operate", "Create endpoints, deploy, roll back, drain and turn off"
    PREDICT = "predict", "Ask an endpoint for predictions"
    INGEST = "ingest", "Send predictions, outcomes and feedback"
    MONITOR = "monitor", "Set up monitors and references"
    INVESTIGATE = "investigate", "Work on incidents"
    RETRAIN = "retrain", "Write retraining policies and start retraining"
    RETIRE = "retire", "Plan and carry out a retirement"


P = Permission
READ = frozenset({P.VIEW})
TALK = frozenset({P.VIEW, P.COMMENT})


class OrganizationRole(models.TextChoices):
    OWNER = "owner", "Owner"
    ADMINISTRATOR = "administrator", "Administrator"
    MEMBER = "member", "Member"
    AUDITOR = "auditor", "Auditor"


class ProjectRole(models.TextChoices):
    BUSINESS_OWNER = "business_owner", "Business owner"
    DATA_SCIENTIST = "data_scientist", "Data scientist"
    VALIDATOR = "validator", "Validator"
    RISK = "risk_approver", "Risk approver"
    COMPLIANCE = "compliance_approver", "Compliance approver"
    SECURITY = "security_approver", "Security approver"
    OPERATOR = "operator", "Operator"
    VIEWER = "viewer", "Viewer"


@dataclass(frozen=True)
class Role:
    """A sentence and the verbs. `everywhere` roles reach every project of the organization."""

    sentence: str
    permissions: frozenset[Permission]
    everywhere: bool = False


_APPROVER = TALK | {P.APPROVE}

ROLES: dict[str, Role] = {
    OrganizationRole.OWNER: Role(
        "Answers for the organization: manages people and policies, opens projects, sees everything.",
        TALK | {P.ADMINISTER, P.AUDIT, P.CREATE_PROJECT, P.STAFF, P.APPROVE},
        everywhere=True,
    ),
    OrganizationRole.ADMINISTRATOR: Role(
        "Manages people, teams, roles, tokens and policies; sees everything, decides nothing about models.",
        TALK | {P.ADMINISTER, P.AUDIT, P.CREATE_PROJECT, P.STAFF},
        everywhere=True,
    ),
    OrganizationRole.MEMBER: Role(
        "Belongs to the organization; opens projects and works in those where a role is held.",
        frozenset({P.CREATE_PROJECT}),
    ),
    OrganizationRole.AUDITOR: Role("Reads everything, changes nothing.", READ | {P.AUDIT}, everywhere=True),
    ProjectRole.BUSINESS_OWNER: Role(
        "Owns the use case: its charter, its promise and its end.",
        TALK | {P.PLAN, P.STAFF, P.REQUEST_APPROVAL, P.APPROVE, P.RETIRE, P.INVESTIGATE, P.INGEST},
    ),
    ProjectRole.DATA_SCIENTIST: Role(
        "Prepares data, trains and registers models, works on findings.",
        TALK
        | {
            P.PREPARE_DATA,
            P.SIGN_OFF_DATA,
            P.TRAIN,
            P.RESOLVE_FINDING,
            P.REQUEST_APPROVAL,
            P.MONITOR,
            P.INVESTIGATE,
            P.RETRAIN,
            P.PREDICT,
            P.INGEST,
        },
    ),
    ProjectRole.VALIDATOR: Role(
        "Tests and challenges models that others developed.",
        TALK | {P.VALIDATE, P.REQUEST_APPROVAL, P.APPROVE, P.INVESTIGATE},
    ),
    ProjectRole.RISK: Role("Signs for risk.", _APPROVER),
    ProjectRole.COMPLIANCE: Role("Signs for compliance.", _APPROVER),
    ProjectRole.SECURITY: Role("Signs for security.", _APPROVER),
    ProjectRole.OPERATOR: Role(
        "Deploys, watches, rolls back and turns off.",
        TALK | {P.OPERATE, P.PREDICT, P.INGEST, P.MONITOR, P.INVESTIGATE, P.RETRAIN, P.RETIRE, P.REQUEST_APPROVAL},
    ),
    ProjectRole.VIEWER: Role("Reads the project.", READ),
}


def matrix() -> str:
    """The roles against the verbs, as a Markdown table."""
    head = ["Permission", *(str(role).replace("_", " ") for role in ROLES)]
    rows = [
        [
            f"{permission.value}: {permission.label}",
            *("✓" if permission in role.permissions else "" for role in ROLES.values()),
        ]
        for permission in Permission
    ]
    lines = [head, ["---"] * len(head), *rows]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    sentences = "\n".join(f"- **{str(name).replace('_', ' ')}**: {role.sentence}" for name, role in ROLES.items())
    return f"{sentences}\n\n{table}\n"
