"""The kinds of decision there are. Each has a default policy that an organization may replace."""

from dataclasses import dataclass, field

from django.db import models

from apps.organizations.roles import OrganizationRole, ProjectRole


class Kind(models.TextChoices):
    CHARTER = "charter", "Charter of a project"
    DATA = "data_sign_off", "Fitness of a dataset version"
    MODEL = "model_approval", "Approval of a model version"
    DEPLOYMENT = "deployment", "Deployment to production"
    WAIVER = "waiver", "Waiver of a finding"
    DEFERRAL = "deferral", "Deferral of a revalidation"
    BASELINE = "baseline", "New monitoring baseline"
    RETIREMENT = "retirement", "Retirement of a model"
    BY_BUSINESS = "statement_business_owner", "Statement of the business owner"
    BY_RISK = "statement_risk_approver", "Statement of risk"
    BY_COMPLIANCE = "statement_compliance_approver", "Statement of compliance"
    BY_SECURITY = "statement_security_approver", "Statement of security"


# Who may be asked to sign a statement: a kind for each role, so that each has a policy of its own.
STATEMENTS: dict[str, Kind] = {
    ProjectRole.BUSINESS_OWNER: Kind.BY_BUSINESS,
    ProjectRole.RISK: Kind.BY_RISK,
    ProjectRole.COMPLIANCE: Kind.BY_COMPLIANCE,
    ProjectRole.SECURITY: Kind.BY_SECURITY,
}


class Independence(models.TextChoices):
    """How far a signer must be from the work."""

    NONE = "none", "Anyone who holds the role"
    PERSON = "person", "Another person than those who asked, developed or last changed it"
    TEAM = "team", "A person of another team than those"


@dataclass(frozen=True)
class Step:
    """One step of a default policy."""

    role: str
    quorum: int = 1
    days: int = 5
    escalate_to: str = OrganizationRole.OWNER


@dataclass(frozen=True)
class Default:
    """The policy an organization begins with."""

    steps: tuple[Step, ...]
    independence: Independence = Independence.PERSON
    is_high_risk: bool = False
    tiers: tuple[str, ...] = field(default=())


DEFAULTS: dict[str, Default] = {
    Kind.CHARTER: Default((Step(ProjectRole.RISK), Step(ProjectRole.COMPLIANCE))),
    Kind.DATA: Default((Step(ProjectRole.COMPLIANCE),)),
    Kind.MODEL: Default((Step(ProjectRole.RISK), Step(ProjectRole.BUSINESS_OWNER)), is_high_risk=True),
    Kind.DEPLOYMENT: Default((Step(ProjectRole.SECURITY),), is_high_risk=True),
    Kind.WAIVER: Default((Step(ProjectRole.RISK),), is_high_risk=True),
    Kind.DEFERRAL: Default((Step(ProjectRole.RISK),), is_high_risk=True),
    Kind.BASELINE: Default((Step(ProjectRole.RISK),)),
    Kind.RETIREMENT: Default((Step(ProjectRole.BUSINESS_OWNER), Step(ProjectRole.COMPLIANCE))),
    **{kind: Default((Step(role),)) for role, kind in STATEMENTS.items()},
}
