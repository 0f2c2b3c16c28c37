"""Models of a use case: training runs, artifacts, versions with their state, named pointers, cards."""

from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.urls import reverse

from apps.core.models import AppendOnlyModel, History, TenantForeignKey, TenantModel
from apps.core.states import Machine
from apps.models.engine.figures import short_title_of
from apps.organizations.models import KEY, PersonGrant, TeamGrant, grantable

ALIAS = RegexValidator(
    r"^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$",
    "Use small letters, digits and hyphens, at most 40, beginning with a letter.",
)
CHAMPION, CHALLENGER = "champion", "challenger"


class ModelKind(models.TextChoices):
    """What a model learns."""

    CLASSIFICATION = "classification", "Classification"
    REGRESSION = "regression", "Regression"


class RegisteredModel(TenantModel):
    """A model of a project across all its versions."""

    project = TenantForeignKey("projects.Project", on_delete=models.PROTECT, related_name="models")
    key = models.CharField(max_length=50, validators=[KEY])
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    kind = models.CharField(max_length=16, choices=ModelKind.choices, default=ModelKind.CLASSIFICATION)
    target = models.CharField(max_length=120, help_text="The column that holds the truth.")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    retired_at = models.DateTimeField(null=True, blank=True)
    history = History()

    project_path = "project"
    model_path = ""

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["name"]
        default_permissions = ()
        permissions: ClassVar = grantable()  # type: ignore[assignment]
        constraints: ClassVar = [models.UniqueConstraint(fields=["organization", "key"], name="models_model_key")]
        indexes: ClassVar = [models.Index(fields=["organization", "project"], name="models_model_project")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("models:model", args=[self.organization.key, self.key])

    @property
    def is_retired(self) -> bool:
        """Whether it has left office."""
        return self.retired_at is not None

    @property
    def state(self) -> str:
        """A word for lists; the states that matter are those of the versions."""
        return "retired" if self.is_retired else "active"

    @property
    def champion(self) -> "ModelVersion | None":
        """The version in office."""
        return self._named(CHAMPION)

    @property
    def challenger(self) -> "ModelVersion | None":
        """The version that may follow it."""
        return self._named(CHALLENGER)

    def _named(self, name: str) -> "ModelVersion | None":
        alias = self.aliases.filter(name=name).select_related("version__model__organization").first()
        return alias.version if alias else None


class RunState(models.TextChoices):
    """How far a training run has come."""

    RUNNING = "running", "In progress"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


RUN_STATES = Machine(
    "models.TrainingRun",
    RunState,
    {
        RunState.RUNNING: (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED),
        RunState.SUCCEEDED: (),
        RunState.FAILED: (),
        RunState.CANCELLED: (),
    },
)


class TrainingRun(TenantModel):
    """One training from a recipe on an exact dataset version: what went in, what came out, in which walls."""

    model = TenantForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="runs")
    number = models.PositiveIntegerField()
    recipe = models.JSONField()
    recipe_hash = models.CharField(max_length=64)
    dataset_version = TenantForeignKey(
        "datasets.DatasetVersion", on_delete=models.PROTECT, related_name="training_runs"
    )
    split = TenantForeignKey(
        "datasets.Split", null=True, blank=True, on_delete=models.PROTECT, related_name="training_runs"
    )
    reason = models.TextField(blank=True)
    state = models.CharField(max_length=16, choices=RunState.choices, default=RunState.RUNNING)
    error = models.TextField(blank=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    finished_at = models.DateTimeField(null=True, blank=True)
    # What the training gives (see engine.training.fit): candidates, chosen, metrics, conversion, importance, libraries.
    result = models.JSONField(null=True, blank=True)
    isolation = models.CharField(max_length=120, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    peak_memory = models.BigIntegerField(null=True, blank=True)
    log = models.TextField(blank=True)
    history = History(excluded_fields=["result", "log"])

    project_path = "model__project"
    model_path = "model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "model", "number"], name="models_run_number"),
            models.CheckConstraint(
                condition=models.Q(state="running", finished_at__isnull=True)
                | (~models.Q(state="running") & models.Q(finished_at__isnull=False)),
                name="models_run_finished",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="succeeded") | models.Q(result__isnull=False), name="models_run_result"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["organization", "state"], name="models_run_state")]

    def __str__(self) -> str:
        return f"{self.model} run {self.number}"

    def get_absolute_url(self) -> str:
        return reverse("models:run", args=[self.organization.key, self.model.key, self.number])

    @property
    def is_open(self) -> bool:
        """Whether it has not ended yet."""
        return self.state == RunState.RUNNING

    @property
    def metric(self) -> str:
        """The metric that decides between its candidates."""
        return str(self.recipe.get("metric", ""))

    @property
    def metric_name(self) -> str:
        """That metric as people write it."""
        return short_title_of(self.metric)


class RunLine(AppendOnlyModel):
    """What a run says while it works: a line for its log, perhaps with the figures of a candidate that is done."""

    run = TenantForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="lines")
    text = models.CharField(max_length=500)
    candidate = models.JSONField(null=True, blank=True)

    project_path = "run__model__project"
    model_path = "run__model"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [models.Index(fields=["organization", "run", "id"], name="models_line_run")]

    def __str__(self) -> str:
        return self.text


class MetricPart(models.TextChoices):
    """On which rows a figure was measured."""

    FOLDS = "cv", "Cross-validation"
    TRAIN = "train", "Training rows"
    TEST = "test", "Test rows"


class RunMetric(AppendOnlyModel):
    """One figure of one candidate of a run, for sorting and comparing."""

    run = TenantForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="run_metrics")
    candidate = models.CharField(max_length=200)
    part = models.CharField(max_length=8, choices=MetricPart.choices)
    metric = models.CharField(max_length=40)
    value = models.FloatField()
    deviation = models.FloatField(null=True, blank=True)

    project_path = "run__model__project"
    model_path = "run__model"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "run", "candidate", "part", "metric"], name="models_metric_one"
            )
        ]

    def __str__(self) -> str:
        return f"{self.metric} of {self.candidate}: {self.value:g}"


class ArtifactState(models.TextChoices):
    """What the gate said about a file."""

    RECEIVED = "received", "Waiting for the gate"
    ACCEPTED = "accepted", "Accepted"
    REFUSED = "refused", "Refused"


ARTIFACT_STATES = Machine(
    "models.Artifact",
    ArtifactState,
    {
        ArtifactState.RECEIVED: (ArtifactState.ACCEPTED, ArtifactState.REFUSED),
        ArtifactState.ACCEPTED: (),
        ArtifactState.REFUSED: (),
    },
)


class Artifact(TenantModel):
    """A stored model file: content hash, what it is, what the gate found, the signature it answers to."""

    model = TenantForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="artifacts")
    run = TenantForeignKey(TrainingRun, null=True, blank=True, on_delete=models.PROTECT, related_name="artifacts")
    name = models.CharField(max_length=200)
    path = models.CharField(max_length=300, editable=False)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    format = models.CharField(max_length=16, blank=True)
    state = models.CharField(max_length=16, choices=ArtifactState.choices, default=ArtifactState.RECEIVED)
    findings = models.JSONField(default=list)
    graph = models.JSONField(default=dict)
    signature = models.JSONField(null=True, blank=True)
    isolation = models.CharField(max_length=120, blank=True)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    history = History(excluded_fields=["graph"])

    project_path = "model__project"
    model_path = "model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~models.Q(state="accepted") | models.Q(signature__isnull=False), name="models_artifact_signed"
            ),
            # A run has one result, however often it was picked up.
            models.UniqueConstraint(
                fields=["organization", "run"], condition=models.Q(run__isnull=False), name="models_artifact_run"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["organization", "sha256"], name="models_artifact_content")]

    def __str__(self) -> str:
        return f"{self.name} ({self.sha256[:12]})"

    def get_absolute_url(self) -> str:
        return reverse("models:artifact", args=[self.organization.key, self.model.key, self.pk])

    @property
    def stops(self) -> list[str]:
        """Sentences of what made the gate refuse it."""
        return [finding["sentence"] for finding in self.findings if finding.get("severity") == "stop"]


class VersionState(models.TextChoices):
    """What we believe about a version. Where it runs is a deployment's matter."""

    DRAFT = "draft", "Draft"
    CANDIDATE = "candidate", "Candidate"
    VALIDATED = "validated", "Validated"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    ARCHIVED = "archived", "Archived"


VERSION_STATES = Machine(
    "models.ModelVersion",
    VersionState,
    {
        VersionState.DRAFT: (VersionState.CANDIDATE, VersionState.ARCHIVED),
        VersionState.CANDIDATE: (VersionState.VALIDATED, VersionState.REJECTED, VersionState.ARCHIVED),
        VersionState.VALIDATED: (
            VersionState.APPROVED,
            VersionState.CANDIDATE,
            VersionState.REJECTED,
            VersionState.ARCHIVED,
        ),
        VersionState.APPROVED: (VersionState.VALIDATED, VersionState.REJECTED, VersionState.ARCHIVED),
        VersionState.REJECTED: (VersionState.ARCHIVED,),
        VersionState.ARCHIVED: (),
    },
)


class ModelVersion(TenantModel):
    """One immutable version of a model: artifact, signature, where it came from, and what we believe about it.

    A trigger keeps what it is from being changed, and who made it from validating it (migration 0002).
    """

    model = TenantForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    artifact = TenantForeignKey(Artifact, on_delete=models.PROTECT, related_name="versions")
    signature = models.JSONField()
    run = TenantForeignKey(TrainingRun, null=True, blank=True, on_delete=models.PROTECT, related_name="versions")
    dataset_version = TenantForeignKey(
        "datasets.DatasetVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="model_versions"
    )
    state = models.CharField(max_length=16, choices=VersionState.choices, default=VersionState.DRAFT)
    note = models.TextField(blank=True)
    approval = TenantForeignKey(
        "approvals.Request", null=True, blank=True, on_delete=models.PROTECT, related_name="model_versions"
    )
    registered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    validated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    validated_at = models.DateTimeField(null=True, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    history = History(excluded_fields=["signature"])

    project_path = "model__project"
    model_path = "model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "model", "number"], name="models_version_number"),
            models.UniqueConstraint(fields=["organization", "model", "artifact"], name="models_version_artifact"),
            models.CheckConstraint(
                condition=models.Q(validated_by__isnull=True, validated_at__isnull=True)
                | models.Q(validated_by__isnull=False, validated_at__isnull=False),
                name="models_version_validated",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="approved")
                | models.Q(approved_at__isnull=False, approval__isnull=False, validated_at__isnull=False),
                name="models_version_approved",
            ),
            models.CheckConstraint(
                condition=models.Q(state="archived", archived_at__isnull=False)
                | (~models.Q(state="archived") & models.Q(archived_at__isnull=True)),
                name="models_version_archived",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["organization", "state"], name="models_version_state")]

    def __str__(self) -> str:
        return f"{self.model} version {self.number}"

    def get_absolute_url(self) -> str:
        return reverse("models:version", args=[self.organization.key, self.model.key, self.number])

    @property
    def is_waiting(self) -> bool:
        """Whether its approval waits for signatures."""
        return self.approval is not None and self.approval.is_open

    @property
    def can_serve(self) -> bool:
        """Whether the prediction server can open it: ONNX only."""
        return self.artifact.format == "onnx"

    @property
    def card(self) -> "ModelCard | None":
        """The newest revision of its card's written parts."""
        return self.cards.order_by("-revision").first()


class Alias(TenantModel):
    """A name that points at one version of a model: champion, challenger, or a free one. Its history is kept."""

    model = TenantForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="aliases")
    name = models.CharField(max_length=40, validators=[ALIAS])
    version = TenantForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="aliases")
    reason = models.TextField(blank=True)
    set_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField()
    history = History()

    project_path = "model__project"
    model_path = "model"

    class Meta(TenantModel.Meta):
        verbose_name_plural = "aliases"
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "model", "name"], name="models_alias_name")
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.model}"

    def get_absolute_url(self) -> str:
        return reverse("models:names", args=[self.organization.key, self.model.key])


class ModelCard(AppendOnlyModel):
    """One revision of the written parts of a version's card; the facts beside them come from the records."""

    version = TenantForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="cards")
    revision = models.PositiveIntegerField()
    written = models.JSONField()
    content_hash = models.CharField(max_length=64)
    reason = models.TextField(blank=True)
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    project_path = "version__model__project"
    model_path = "version__model"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "version", "revision"], name="models_card_revision")
        ]

    def __str__(self) -> str:
        return f"Card of {self.version}, revision {self.revision}"

    def get_absolute_url(self) -> str:
        return reverse("models:card", args=[self.organization.key, self.version.model.key, self.version.number])


class ModelPersonGrant(PersonGrant):
    """One permission on one model for a person, until a date."""

    content_object: Any = TenantForeignKey(RegisteredModel, on_delete=models.CASCADE, related_name="person_grants")
    history = History()

    grant_path = "model_path"
    project_path = "content_object__project"

    class Meta(PersonGrant.Meta):
        abstract = False
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "user", "permission", "content_object"], name="models_person_grant_one"
            )
        ]


class ModelTeamGrant(TeamGrant):
    """One permission on one model for a team, until a date."""

    content_object: Any = TenantForeignKey(RegisteredModel, on_delete=models.CASCADE, related_name="team_grants")
    history = History()

    grant_path = "model_path"
    project_path = "content_object__project"

    class Meta(TeamGrant.Meta):
        abstract = False
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "group", "permission", "content_object"], name="models_team_grant_one"
            )
        ]
