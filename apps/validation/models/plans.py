"""What will be asked of a version, with which thresholds, written down and locked before any answer exists."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.urls import reverse

from apps.core.models import AppendOnlyModel, History, TenantForeignKey, TenantModel, TenantOneToOneField
from apps.core.states import Machine
from apps.organizations.roles import ProjectRole

TIERS = [("low", "Low risk"), ("limited", "Limited risk"), ("high", "High risk")]
KINDS = [
    ("binary", "Yes or no"),
    ("multiclass", "One of several classes"),
    ("regression", "A figure"),
    ("forecast", "A figure for a time to come"),
    ("ranking", "An order of each list"),
    ("generic", "Anything, with no truth known"),
]
DATA_ROLES = {"test": "Test data", "train": "Training data", "reference": "Reference data", "stress": "Stress data"}
COLUMN_ROLES = {"time": "Time", "series": "Series", "horizon": "Time ahead", "group": "List"}
FAMILIES = [
    ("performance", "Performance"),
    ("consistency", "Consistency"),
    ("fairness", "Fairness"),
    ("robustness", "Robustness"),
    ("explainability", "Explainability"),
    ("latency", "Latency"),
    ("security", "Security"),
    ("data", "Data"),
    ("documentation", "Documentation"),
    ("outside", "From outside"),
]


class Template(TenantModel):
    """The checks that plans of a tier and kind begin with. A changed template is a new version with a reason.

    `setup` is what else plans take from it: columns by role, attributes and slices as far as their data have them, and
    the evidence that must be there before somebody concludes.
    """

    tier = models.CharField(max_length=16, choices=TIERS)
    kind = models.CharField(max_length=16, choices=KINDS)
    version = models.PositiveIntegerField()
    lines = models.JSONField()
    setup = models.JSONField(default=dict, blank=True)
    content_hash = models.CharField(max_length=64)
    reason = models.TextField()
    is_current = models.BooleanField(default=True)
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    history = History(excluded_fields=["lines", "setup"])

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["tier", "kind", "-version"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "tier", "kind", "version"], name="validation_template_version"
            ),
            models.UniqueConstraint(
                fields=["organization", "tier", "kind"],
                condition=models.Q(is_current=True),
                name="validation_template_current",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_tier_display()}, {str(self.get_kind_display()).lower()}: version {self.version}"

    def get_absolute_url(self) -> str:
        return reverse("validation:template", args=[self.organization.key, self.tier, self.kind, self.version])


class PlanState(models.TextChoices):
    DRAFT = "draft", "Draft"
    LOCKED = "locked", "Locked"
    REPLACED = "replaced", "Replaced by a newer plan"


PLAN_STATES = Machine(
    "validation.Plan",
    PlanState,
    {
        PlanState.DRAFT: (PlanState.LOCKED, PlanState.REPLACED),
        PlanState.LOCKED: (PlanState.REPLACED,),
        PlanState.REPLACED: (),
    },
)


class Plan(TenantModel):
    """The plan for one version: data, checks, thresholds, seed. Locked, its hash binds every result to it."""

    version = TenantForeignKey("models.ModelVersion", on_delete=models.PROTECT, related_name="validation_plans")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=16, choices=PlanState.choices, default=PlanState.DRAFT)
    tier = models.CharField(max_length=16, choices=TIERS)
    kind = models.CharField(max_length=16, choices=KINDS)
    template = TenantForeignKey(Template, null=True, blank=True, on_delete=models.PROTECT, related_name="plans")
    test_data = TenantForeignKey("datasets.DatasetVersion", on_delete=models.PROTECT, related_name="+")
    train_data = TenantForeignKey(
        "datasets.DatasetVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reference_data = TenantForeignKey(
        "datasets.DatasetVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    stress_data = TenantForeignKey(
        "datasets.DatasetVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    champion = TenantForeignKey(
        "models.ModelVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    time_column = models.CharField(max_length=200, blank=True)
    series_column = models.CharField(max_length=200, blank=True)
    horizon_column = models.CharField(max_length=200, blank=True)
    group_column = models.CharField(max_length=200, blank=True)
    attributes = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    favourable = models.CharField(
        max_length=8,
        choices=[("positive", "The positive class"), ("negative", "The negative class")],
        default="positive",
    )
    slices = models.JSONField(default=list, blank=True)
    evidence = models.JSONField(default=list, blank=True)
    seed = models.PositiveBigIntegerField()
    max_rows = models.PositiveIntegerField(default=200_000)
    reason = models.TextField(blank=True)
    content_hash = models.CharField(max_length=64, blank=True)
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    locked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    locked_at = models.DateTimeField(null=True, blank=True)
    history = History()

    project_path = "version__model__project"
    model_path = "version__model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "version", "number"], name="validation_plan_number"),
            models.UniqueConstraint(
                fields=["organization", "version"],
                condition=models.Q(state__in=["draft", "locked"]),
                name="validation_plan_one",
            ),
            models.CheckConstraint(
                condition=models.Q(locked_at__isnull=True, locked_by__isnull=True, content_hash="")
                | (models.Q(locked_at__isnull=False, locked_by__isnull=False) & ~models.Q(content_hash="")),
                name="validation_plan_lock",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="locked") | models.Q(locked_at__isnull=False), name="validation_plan_locked"
            ),
            models.CheckConstraint(condition=models.Q(number=1) | ~models.Q(reason=""), name="validation_plan_reason"),
        ]
        indexes: ClassVar = [models.Index(fields=["organization", "version", "-id"], name="validation_plan_version")]

    def __str__(self) -> str:
        return f"Plan {self.number} for {self.version}"

    def get_absolute_url(self) -> str:
        version = self.version
        return reverse("validation:plan", args=[self.organization.key, version.model.key, version.number, self.number])

    @property
    def columns(self) -> dict[str, str]:
        """The columns that are named, by role."""
        named = {role: getattr(self, f"{role}_column") for role in COLUMN_ROLES}
        return {role: column for role, column in named.items() if column}

    @property
    def data(self) -> dict[str, Any]:
        """The data that are named, by role, test data first."""
        named = {role: getattr(self, f"{role}_data") for role in DATA_ROLES}
        return {role: data for role, data in named.items() if data is not None}

    @property
    def is_draft(self) -> bool:
        """Whether it may still be written."""
        return self.state == PlanState.DRAFT

    @property
    def is_locked(self) -> bool:
        """Whether it is fixed and in force."""
        return self.state == PlanState.LOCKED


class PlanCheck(TenantModel):
    """One line of a plan. A trigger refuses every change once the plan is locked."""

    plan = TenantForeignKey(Plan, on_delete=models.CASCADE, related_name="checks")
    order = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=120)
    key = models.CharField(max_length=60)
    family = models.CharField(max_length=16, choices=FAMILIES)
    parameters = models.JSONField(default=dict, blank=True)
    fail = models.FloatField(null=True, blank=True)
    warn = models.FloatField(null=True, blank=True)
    judged = models.CharField(max_length=8)
    required = models.BooleanField(default=True)
    history = History()

    project_path = "plan__version__model__project"
    model_path = "plan__version__model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["order"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "plan", "name"], name="validation_check_name"),
            models.CheckConstraint(
                condition=models.Q(fail__isnull=False) | models.Q(warn__isnull=False), name="validation_check_limit"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def as_line(self) -> dict[str, Any]:
        """The line as it is hashed and sent to the child."""
        fields = ("name", "key", "parameters", "fail", "warn", "judged", "required")
        return {name: getattr(self, name) for name in fields}


class AskedSignature(AppendOnlyModel):
    """A statement about a version that somebody in a role was asked to sign, and the approval that decides on it."""

    version = TenantForeignKey("models.ModelVersion", on_delete=models.PROTECT, related_name="asked_signatures")
    role = models.CharField(max_length=32, choices=ProjectRole.choices)
    statement = models.CharField(max_length=300)
    request = TenantOneToOneField("approvals.Request", on_delete=models.PROTECT, related_name="+")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    project_path = "version__model__project"
    model_path = "version__model"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return self.statement

    def get_absolute_url(self) -> str:
        return self.request.get_absolute_url()


class EvidenceDocument(AppendOnlyModel):
    """A document beside a version: a file with its hash, or a link. A newer one of the same title takes its place."""

    version = TenantForeignKey("models.ModelVersion", on_delete=models.PROTECT, related_name="evidence_documents")
    title = models.CharField(max_length=120)
    url = models.URLField(max_length=500, blank=True)
    file = models.CharField(max_length=500, blank=True)
    name = models.CharField(max_length=200, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField(null=True, blank=True)
    note = models.TextField(blank=True)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    project_path = "version__model__project"
    model_path = "version__model"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(url="", size__isnull=False) & ~models.Q(file="") & ~models.Q(sha256="")
                | ~models.Q(url="") & models.Q(file="", sha256="", size__isnull=True),
                name="validation_document_one",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """The link, or where the file is handed out."""
        return self.url or reverse("validation:document", args=[self.organization.key, self.pk])
