"""The use case: what it is for, what it promises, what it needs, what could go wrong, and whether it may begin."""

from typing import Any, ClassVar, Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse

from apps.core.models import AppendOnlyModel, History, TenantForeignKey, TenantManager, TenantModel, TenantQuerySet
from apps.core.states import Machine
from apps.organizations.models import KEY, PersonGrant, TeamGrant, grantable


class Tier(models.TextChoices):
    """How much harm the use could do; computed from the questionnaire."""

    LOW = "low", "Low risk"
    LIMITED = "limited", "Limited risk"
    HIGH = "high", "High risk"
    PROHIBITED = "prohibited", "Prohibited"


class Automation(models.TextChoices):
    """How far the result acts by itself."""

    ADVICE = "advice", "It advises, a person decides"
    CONFIRMED = "confirmed", "It proposes, a person confirms each decision"
    AUTOMATIC = "automatic", "It decides by itself"


class ProjectState(models.TextChoices):
    """How far the use case has come. Waiting for signatures is no state: the approval request says that."""

    DRAFT = "draft", "Draft"
    APPROVED = "approved", "Approved for development"
    LIVE = "live", "Live"
    ON_HOLD = "on_hold", "On hold"
    REJECTED = "rejected", "Rejected"
    RETIRED = "retired", "Retired"


PROJECT_STATES = Machine(
    "projects.Project",
    ProjectState,
    {
        ProjectState.DRAFT: (ProjectState.APPROVED, ProjectState.REJECTED),
        ProjectState.APPROVED: (ProjectState.LIVE, ProjectState.ON_HOLD, ProjectState.RETIRED),
        ProjectState.LIVE: (ProjectState.ON_HOLD, ProjectState.RETIRED),
        ProjectState.ON_HOLD: (ProjectState.APPROVED, ProjectState.LIVE, ProjectState.RETIRED),
        ProjectState.REJECTED: (ProjectState.DRAFT,),
        ProjectState.RETIRED: (),
    },
)


class Project(TenantModel):
    """A use case from its charter to its end. Its key in the database is its scope's: roles are held on it."""

    key = models.CharField(max_length=50, validators=[KEY])
    title = models.CharField(max_length=200)
    problem = models.TextField()
    outcomes = models.TextField(blank=True)
    intended_users = models.TextField(blank=True)
    affected_persons = models.TextField(blank=True)
    automation = models.CharField(max_length=16, choices=Automation.choices, default=Automation.ADVICE)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    sponsor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    tier = models.CharField(max_length=16, choices=Tier.choices, blank=True)
    state = models.CharField(max_length=16, choices=ProjectState.choices, default=ProjectState.DRAFT)
    approval = TenantForeignKey(
        "approvals.Request", null=True, blank=True, on_delete=models.PROTECT, related_name="projects"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    live_since = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    history = History()

    project_path = ""

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["title"]
        default_permissions = ()
        permissions: ClassVar[list[tuple[str, Any]]] = [*grantable()]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "key"], name="projects_project_key"),
            models.CheckConstraint(
                condition=models.Q(state="retired", ended_at__isnull=False)
                | (~models.Q(state="retired") & models.Q(ended_at__isnull=True)),
                name="projects_project_ended",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="live") | models.Q(live_since__isnull=False, approved_at__isnull=False),
                name="projects_project_live",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["organization", "state"], name="projects_project_state")]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("projects:project", args=[self.organization.key, self.key])

    @property
    def is_waiting(self) -> bool:
        """Whether its charter waits for signatures."""
        return self.approval is not None and self.approval.is_open

    @property
    def is_approved(self) -> bool:
        """Whether development, and what follows, may go on: approved, and the approval still counts."""
        approved = self.approval is not None and self.approval.state == "approved"
        return approved and self.state in {ProjectState.APPROVED, ProjectState.LIVE}

    @property
    def is_open(self) -> bool:
        """Whether its charter can still be changed."""
        return self.state not in {ProjectState.REJECTED, ProjectState.RETIRED}

    @property
    def assessment(self) -> "Assessment | None":
        """The newest answers to the questionnaire."""
        return self.assessments.order_by("-id").first()


class Direction(models.TextChoices):
    """Which way is better."""

    HIGHER = "higher", "Higher is better"
    LOWER = "lower", "Lower is better"


class MetricQuerySet(TenantQuerySet):
    """Reads of metrics."""

    def with_newest(self) -> Self:
        """Each with `newest_value` and `newest_at`: what was measured last; None when nothing was."""
        newest = ValueReading.objects.filter(metric=models.OuterRef("pk")).order_by("-at", "-id")
        return self.annotate(
            newest_value=models.Subquery(newest.values("value")[:1]), newest_at=models.Subquery(newest.values("at")[:1])
        )


class MetricManager(TenantManager.from_queryset(MetricQuerySet)):  # type: ignore[misc]
    """Metrics of the ambient organization."""


class SuccessMetric(TenantModel):
    """One promise in numbers: from where, to where, by when."""

    project = TenantForeignKey(Project, on_delete=models.CASCADE, related_name="metrics")
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    unit = models.CharField(max_length=40, blank=True)
    direction = models.CharField(max_length=8, choices=Direction.choices, default=Direction.HIGHER)
    baseline = models.FloatField(null=True, blank=True)
    target = models.FloatField()
    due_on = models.DateField()
    objects: ClassVar = MetricManager()
    history = History()

    project_path = "project"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "project", "name"], name="projects_metric_name")
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("projects:metric", args=[self.project.organization.key, self.project.key, self.pk])

    def is_met_by(self, value: float) -> bool:
        """Whether a value keeps the promise."""
        return value >= self.target if self.direction == Direction.HIGHER else value <= self.target

    def progress_at(self, value: float) -> float | None:
        """How much of the way from baseline to target a value is, 0 to 1 and beyond; None without a way to go."""
        if self.baseline is None or self.baseline == self.target:
            return None
        return (value - self.baseline) / (self.target - self.baseline)


class ValueReading(AppendOnlyModel):
    """What the business measured, held against the promise. A wrong reading is corrected by a newer one."""

    metric = TenantForeignKey(SuccessMetric, on_delete=models.PROTECT, related_name="readings")
    value = models.FloatField()
    at = models.DateTimeField()
    source = models.CharField(max_length=200)
    note = models.TextField(blank=True)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    project_path = "metric__project"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["at", "id"]
        indexes: ClassVar = [models.Index(fields=["organization", "metric", "at"], name="projects_reading_time")]

    def __str__(self) -> str:
        return f"{self.metric}: {self.value:g} {self.metric.unit}".strip()


class SourceKind(models.TextChoices):
    """Where data comes from."""

    DATABASE = "database", "Own database or warehouse"
    FILES = "files", "Files"
    STREAM = "stream", "Events or sensors"
    SERVICE = "service", "Another system's interface"
    PURCHASED = "purchased", "Bought from a supplier"
    PUBLIC = "public", "Public source"
    MANUAL = "manual", "Collected or labelled by people"


class PersonalData(models.TextChoices):
    """What data tells about people."""

    NONE = "none", "No personal data"
    PERSONAL = "personal", "Personal data"
    SPECIAL = "special", "Special categories (health, origin, belief, …)"


class DataRequirement(TenantModel):
    """Data the project needs, and whose it is."""

    project = TenantForeignKey(Project, on_delete=models.CASCADE, related_name="requirements")
    kind = models.CharField(max_length=16, choices=SourceKind.choices)
    description = models.TextField()
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    personal_data = models.CharField(max_length=16, choices=PersonalData.choices, default=PersonalData.NONE)
    history = History()

    project_path = "project"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.description[:80]}"

    def get_absolute_url(self) -> str:
        return f"{self.project.get_absolute_url()}#data"


class RiskState(models.TextChoices):
    """Whether a risk is being worked on, lived with, or gone."""

    OPEN = "open", "Open"
    ACCEPTED = "accepted", "Accepted"
    CLOSED = "closed", "Closed"


RISK_STATES = Machine(
    "projects.Risk",
    RiskState,
    {
        RiskState.OPEN: (RiskState.ACCEPTED, RiskState.CLOSED),
        RiskState.ACCEPTED: (RiskState.OPEN, RiskState.CLOSED),
        RiskState.CLOSED: (RiskState.OPEN,),
    },
)


class RiskCategory(models.TextChoices):
    """What kind of thing could go wrong."""

    BUSINESS = "business", "Business"
    DATA = "data", "Data"
    MODEL = "model", "Model"
    PEOPLE = "people", "People affected"
    LEGAL = "legal", "Law and compliance"
    SECURITY = "security", "Security"
    OPERATION = "operation", "Operation"


class Treatment(models.TextChoices):
    """What is done about a risk."""

    AVOID = "avoid", "Avoid it"
    REDUCE = "reduce", "Reduce it"
    TRANSFER = "transfer", "Transfer it"
    ACCEPT = "accept", "Live with it"


SCALE = [MinValueValidator(1), MaxValueValidator(5)]


class Risk(TenantModel):
    """Something that could go wrong, before and after what is done about it, each as likelihood times impact."""

    project = TenantForeignKey(Project, on_delete=models.CASCADE, related_name="risks")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    category = models.CharField(max_length=16, choices=RiskCategory.choices, default=RiskCategory.MODEL)
    likelihood = models.PositiveSmallIntegerField(validators=SCALE)
    impact = models.PositiveSmallIntegerField(validators=SCALE)
    treatment = models.CharField(max_length=16, choices=Treatment.choices, default=Treatment.REDUCE)
    measures = models.TextField(blank=True)
    residual_likelihood = models.PositiveSmallIntegerField(null=True, blank=True, validators=SCALE)
    residual_impact = models.PositiveSmallIntegerField(null=True, blank=True, validators=SCALE)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=16, choices=RiskState.choices, default=RiskState.OPEN)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    accepted_at = models.DateTimeField(null=True, blank=True)
    acceptance_reason = models.TextField(blank=True)
    history = History()

    project_path = "project"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "project", "number"], name="projects_risk_number"),
            models.CheckConstraint(
                condition=models.Q(likelihood__range=(1, 5), impact__range=(1, 5)), name="projects_risk_scale"
            ),
            models.CheckConstraint(
                condition=models.Q(residual_likelihood__isnull=True, residual_impact__isnull=True)
                | models.Q(residual_likelihood__range=(1, 5), residual_impact__range=(1, 5)),
                name="projects_risk_residual",
            ),
            models.CheckConstraint(
                condition=models.Q(state="accepted", accepted_by__isnull=False, accepted_at__isnull=False)
                | (~models.Q(state="accepted") & models.Q(accepted_by__isnull=True, accepted_at__isnull=True)),
                name="projects_risk_accepted",
            ),
            # Nobody accepts the risk that is theirs to treat, whoever writes the row.
            models.CheckConstraint(
                condition=models.Q(accepted_by__isnull=True) | ~models.Q(accepted_by=models.F("owner")),
                name="projects_risk_segregation",
            ),
        ]

    def __str__(self) -> str:
        return f"R{self.number} {self.title}"

    def get_absolute_url(self) -> str:
        return reverse("projects:risk", args=[self.project.organization.key, self.project.key, self.number])

    @property
    def level(self) -> int:
        """Likelihood times impact as things stand before treatment, 1 to 25."""
        return self.likelihood * self.impact

    @property
    def residual_level(self) -> int | None:
        """Likelihood times impact after treatment; None while nobody has said."""
        if self.residual_likelihood is None or self.residual_impact is None:
            return None
        return self.residual_likelihood * self.residual_impact


class Assessment(AppendOnlyModel):
    """Answers to one version of the questionnaire, with the tier they give and the reasons for it."""

    project = TenantForeignKey(Project, on_delete=models.CASCADE, related_name="assessments")
    questionnaire = models.CharField(max_length=40)
    version = models.CharField(max_length=20)
    content_hash = models.CharField(max_length=64)
    answers = models.JSONField()
    tier = models.CharField(max_length=16, choices=Tier.choices)
    reasons = models.JSONField(default=list)
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    project_path = "project"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["organization", "project", "-id"], name="projects_assessment_new")]

    def __str__(self) -> str:
        return f"{self.get_tier_display()} by questionnaire {self.version}"

    def get_absolute_url(self) -> str:
        return reverse("projects:assessment", args=[self.project.organization.key, self.project.key])


class Stakeholder(TenantModel):
    """Somebody with an interest in the project: a member, or a person or group outside."""

    project = TenantForeignKey(Project, on_delete=models.CASCADE, related_name="stakeholders")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    name = models.CharField(max_length=120, blank=True)
    role = models.CharField(max_length=120)
    interest = models.TextField(blank=True)
    history = History()

    project_path = "project"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(user__isnull=False, name="") | (models.Q(user__isnull=True) & ~models.Q(name="")),
                name="projects_stakeholder_who",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user or self.name} ({self.role})"

    def get_absolute_url(self) -> str:
        return f"{self.project.get_absolute_url()}#stakeholders"


class ProjectPersonGrant(PersonGrant):
    """One permission on one project for a person, until a date."""

    content_object: Any = TenantForeignKey(Project, on_delete=models.CASCADE, related_name="person_grants")
    history = History()

    grant_path = "project_path"
    project_path = "content_object"

    class Meta(PersonGrant.Meta):
        abstract = False
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "user", "permission", "content_object"], name="projects_person_grant_one"
            )
        ]


class ProjectTeamGrant(TeamGrant):
    """One permission on one project for a team, until a date."""

    content_object: Any = TenantForeignKey(Project, on_delete=models.CASCADE, related_name="team_grants")
    history = History()

    grant_path = "project_path"
    project_path = "content_object"

    class Meta(TeamGrant.Meta):
        abstract = False
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "group", "permission", "content_object"], name="projects_team_grant_one"
            )
        ]
