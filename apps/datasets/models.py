"""Where data come from, their immutable versions, how they were prepared, what they must meet, how they are divided."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse

from apps.core.models import AppendOnlyModel, History, TenantForeignKey, TenantModel
from apps.core.states import Machine
from apps.organizations.models import KEY
from apps.projects.models import PersonalData, SourceKind


class Classification(models.TextChoices):
    """Who may know the data."""

    PUBLIC = "public", "Public"
    INTERNAL = "internal", "Internal"
    CONFIDENTIAL = "confidential", "Confidential"
    RESTRICTED = "restricted", "Restricted"


class LawfulBasis(models.TextChoices):
    """Why personal data may be used (GDPR article 6)."""

    NOT_NEEDED = "not_needed", "No personal data"
    CONSENT = "consent", "Consent"
    CONTRACT = "contract", "Contract"
    LEGAL_OBLIGATION = "legal_obligation", "Legal obligation"
    VITAL_INTERESTS = "vital_interests", "Vital interests"
    PUBLIC_TASK = "public_task", "Public task"
    LEGITIMATE_INTERESTS = "legitimate_interests", "Legitimate interests"


class DataSource(TenantModel):
    """Where data come from: whose they are, under which licence, about whom, and until when they may be kept."""

    project = TenantForeignKey("projects.Project", on_delete=models.PROTECT, related_name="sources")
    requirement = TenantForeignKey(
        "projects.DataRequirement", null=True, blank=True, on_delete=models.PROTECT, related_name="sources"
    )
    key = models.CharField(max_length=50, validators=[KEY])
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=16, choices=SourceKind.choices)
    description = models.TextField(blank=True)
    origin = models.CharField(max_length=300, blank=True, help_text="The system, supplier or address it comes from.")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    licence = models.CharField(max_length=120, blank=True)
    classification = models.CharField(max_length=16, choices=Classification.choices, default=Classification.INTERNAL)
    personal_data = models.CharField(max_length=16, choices=PersonalData.choices, default=PersonalData.NONE)
    lawful_basis = models.CharField(max_length=24, choices=LawfulBasis.choices, default=LawfulBasis.NOT_NEEDED)
    retain_until = models.DateField(null=True, blank=True)
    population = models.TextField(blank=True, help_text="Whom or what the data cover, and whom they do not.")
    collection = models.TextField(blank=True, help_text="How they were collected and labelled.")
    known_biases = models.TextField(blank=True)
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    history = History()

    project_path = "project"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "key"], name="datasets_source_key"),
            models.CheckConstraint(
                condition=models.Q(personal_data="none") | ~models.Q(lawful_basis="not_needed"),
                name="datasets_source_lawful",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("datasets:source", args=[self.organization.key, self.key])

    @property
    def state(self) -> str:
        """A word for its badge."""
        return "active" if self.is_active else "closed"


class Purpose(models.TextChoices):
    """What a dataset is for."""

    TRAINING = "training", "Training"
    VALIDATION = "validation", "Validation"
    TEST = "test", "Test"
    REFERENCE = "reference", "Reference table"
    PRODUCTION = "production", "Production records"


class Dataset(TenantModel):
    """A table of a project under one name; its versions are what is used."""

    project = TenantForeignKey("projects.Project", on_delete=models.PROTECT, related_name="datasets")
    source = TenantForeignKey(DataSource, null=True, blank=True, on_delete=models.PROTECT, related_name="datasets")
    key = models.CharField(max_length=50, validators=[KEY])
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    purpose = models.CharField(max_length=16, choices=Purpose.choices, default=Purpose.TRAINING)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    history = History()

    project_path = "project"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["organization", "key"], name="datasets_dataset_key")]
        indexes: ClassVar = [models.Index(fields=["organization", "project"], name="datasets_dataset_project")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("datasets:dataset", args=[self.organization.key, self.key])


class VersionState(models.TextChoices):
    """What is believed of a version. Waiting for signatures is no state: the sign-off request says that."""

    DRAFT = "draft", "Being read"
    FAILED = "failed", "Could not be read"
    PROFILED = "profiled", "Profiled"
    SIGNED_OFF = "signed_off", "Signed off as fit"
    REJECTED = "rejected", "Rejected"


VERSION_STATES = Machine(
    "datasets.DatasetVersion",
    VersionState,
    {
        VersionState.DRAFT: (VersionState.PROFILED, VersionState.FAILED, VersionState.REJECTED),
        VersionState.FAILED: (VersionState.DRAFT, VersionState.REJECTED),
        VersionState.PROFILED: (VersionState.SIGNED_OFF, VersionState.REJECTED),
        VersionState.SIGNED_OFF: (VersionState.PROFILED, VersionState.REJECTED),
        VersionState.REJECTED: (),
    },
)


class Origin(models.TextChoices):
    """How a version came to be."""

    UPLOADED = "uploaded", "Uploaded"
    REFERENCED = "referenced", "Taken from a folder"
    PREPARED = "prepared", "Prepared from another version"
    PART = "part", "Part of a split"


class FileFormat(models.TextChoices):
    """What was brought; what is kept is always Parquet."""

    CSV = "csv", "CSV"
    PARQUET = "parquet", "Parquet"


class DatasetVersion(TenantModel):
    """An immutable table: once it has been read, neither its rows nor what was measured of them change.

    `file` is the canonical Parquet in storage and `sha256` the hash of its bytes; `raw_…` is what was brought.
    `schema` is a list of columns (name, type, nullable, unit, role), `profile` what apps.datasets.engine.profile says.
    A trigger refuses every change of them (see the migrations).
    """

    dataset = TenantForeignKey(Dataset, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    origin = models.CharField(max_length=16, choices=Origin.choices)
    state = models.CharField(max_length=16, choices=VersionState.choices, default=VersionState.DRAFT)
    note = models.TextField(blank=True)
    source = TenantForeignKey(DataSource, null=True, blank=True, on_delete=models.PROTECT, related_name="versions")
    parent = TenantForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")

    raw_name = models.CharField(max_length=200, blank=True)
    raw_file = models.CharField(max_length=500, blank=True)
    raw_sha256 = models.CharField(max_length=64, blank=True)
    raw_size = models.BigIntegerField(null=True, blank=True)
    format = models.CharField(max_length=16, choices=FileFormat.choices, blank=True)
    options = models.JSONField(default=dict, blank=True)
    reading = models.JSONField(default=dict, blank=True)
    failure = models.TextField(blank=True)
    failure_details = models.JSONField(default=dict, blank=True)

    file = models.CharField(max_length=500, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField(null=True, blank=True)
    rows = models.BigIntegerField(null=True, blank=True)
    schema = models.JSONField(default=list, blank=True)
    profile = models.JSONField(default=dict, blank=True)
    profiled_at = models.DateTimeField(null=True, blank=True)

    sign_off_request = TenantForeignKey(
        "approvals.Request", null=True, blank=True, on_delete=models.PROTECT, related_name="dataset_versions"
    )
    fit_for = models.TextField(blank=True, help_text="The use for which the version was signed off.")
    signed_off_at = models.DateTimeField(null=True, blank=True)
    rejected_because = models.TextField(blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    history = History(excluded_fields=["profile", "reading", "failure_details"])

    project_path = "dataset__project"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["dataset", "-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "dataset", "number"], name="datasets_version_number"),
            models.CheckConstraint(
                condition=models.Q(state__in=["draft", "failed", "rejected"])
                | (~models.Q(sha256="") & models.Q(rows__isnull=False)),
                name="datasets_version_content",
            ),
            models.CheckConstraint(
                condition=models.Q(state="signed_off", signed_off_at__isnull=False)
                | (~models.Q(state="signed_off") & models.Q(signed_off_at__isnull=True)),
                name="datasets_version_signed_off",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="failed") | ~models.Q(failure=""), name="datasets_version_failure"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "state"], name="datasets_version_state"),
            models.Index(fields=["organization", "sha256"], name="datasets_version_hash"),
        ]

    def __str__(self) -> str:
        return f"{self.dataset} v{self.number}"

    def get_absolute_url(self) -> str:
        return reverse("datasets:version", args=[self.organization.key, self.dataset.key, self.number])

    @property
    def address(self) -> str:
        """How recipes and rules call it: dataset@number."""
        return f"{self.dataset.key}@{self.number}"

    @property
    def is_readable(self) -> bool:
        """Whether there are rows to use."""
        return self.state in {VersionState.PROFILED, VersionState.SIGNED_OFF}

    @property
    def is_signed_off(self) -> bool:
        """Whether it may be trained and validated on."""
        return self.state == VersionState.SIGNED_OFF

    @property
    def is_waiting(self) -> bool:
        """Whether its fitness waits for signatures."""
        return self.sign_off_request is not None and self.sign_off_request.is_open

    @property
    def is_part(self) -> bool:
        """Whether it is a part of a split; it then follows the version that was divided."""
        return self.origin == Origin.PART

    def column_names(self) -> list[str]:
        """The names of its columns in their order."""
        return [column["name"] for column in self.schema]


class VersionInput(AppendOnlyModel):
    """A version from whose rows another was made: the line of descent, joined tables included."""

    version = TenantForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="inputs")
    input = TenantForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="uses")
    how = models.CharField(max_length=16, choices=[("prepared", "Prepared"), ("joined", "Joined"), ("split", "Split")])
    sha256 = models.CharField(max_length=64)

    project_path = "version__dataset__project"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "version", "input", "how"], name="datasets_input_once"),
            models.CheckConstraint(condition=~models.Q(version=models.F("input")), name="datasets_input_other"),
        ]

    def __str__(self) -> str:
        return f"{self.version} from {self.input}"


class WorkState(models.TextChoices):
    """How far a piece of work on data has come; the job beside it knows how much is done."""

    STARTED = "started", "Started"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"


_WORK_MOVES: dict[Any, tuple[Any, ...]] = {
    WorkState.STARTED: (WorkState.SUCCEEDED, WorkState.FAILED),
    WorkState.SUCCEEDED: (),
    WorkState.FAILED: (),
}


class PreparationRun(TenantModel):
    """A recipe applied to a version: what went in, what each step changed, what came out."""

    source = TenantForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="preparations")
    into = TenantForeignKey(Dataset, on_delete=models.PROTECT, related_name="preparations")
    number = models.PositiveIntegerField()
    recipe = models.JSONField()
    learned_from = TenantForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    note = models.TextField(blank=True)
    state = models.CharField(max_length=16, choices=WorkState.choices, default=WorkState.STARTED)
    report = models.JSONField(default=dict, blank=True)
    learned = models.JSONField(default=list, blank=True)
    result = TenantForeignKey(
        DatasetVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="prepared_by"
    )
    failure = models.TextField(blank=True)
    failure_details = models.JSONField(default=dict, blank=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    history = History(excluded_fields=["report", "learned", "failure_details"])

    project_path = "into__project"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "into", "number"], name="datasets_preparation_number"),
            models.CheckConstraint(
                condition=models.Q(state="succeeded", result__isnull=False)
                | (~models.Q(state="succeeded") & models.Q(result__isnull=True)),
                name="datasets_preparation_result",
            ),
        ]

    def __str__(self) -> str:
        return f"Preparation {self.number} of {self.into}"

    def get_absolute_url(self) -> str:
        return reverse("datasets:preparation", args=[self.organization.key, self.into.key, self.number])


PREPARATION_STATES = Machine("datasets.PreparationRun", WorkState, _WORK_MOVES)


class Severity(models.TextChoices):
    """What a broken rule means."""

    MUST = "must", "Must hold: no sign-off without it"
    SHOULD = "should", "Should hold: shown as a warning"


class QualityRule(TenantModel):
    """A demand on every version of a dataset. It is replaced, not changed, so that results keep their meaning."""

    dataset = TenantForeignKey(Dataset, on_delete=models.CASCADE, related_name="rules")
    number = models.PositiveIntegerField()
    rule = models.JSONField()
    sentence = models.CharField(max_length=400)
    severity = models.CharField(max_length=8, choices=Severity.choices)
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    history = History()

    project_path = "dataset__project"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "dataset", "number"], name="datasets_rule_number")
        ]

    def __str__(self) -> str:
        return self.sentence

    def get_absolute_url(self) -> str:
        return f"{reverse('datasets:rules', args=[self.organization.key, self.dataset.key])}#rule-{self.number}"

    @property
    def state(self) -> str:
        """A word for its badge."""
        return "active" if self.is_active else "ended"


class QualityCheck(AppendOnlyModel):
    """One measuring of all rules on a version."""

    version = TenantForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="checks")
    passed = models.BooleanField()
    must_failed = models.PositiveIntegerField()
    should_failed = models.PositiveIntegerField()
    checked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    project_path = "version__dataset__project"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"Quality of {self.version}"

    def get_absolute_url(self) -> str:
        return f"{self.version.get_absolute_url()}#quality"


class QualityResult(AppendOnlyModel):
    """What one rule found: the value held against the limit, and the first rows at fault."""

    check_run = TenantForeignKey(QualityCheck, on_delete=models.PROTECT, related_name="results")
    rule = TenantForeignKey(QualityRule, on_delete=models.PROTECT, related_name="results")
    severity = models.CharField(max_length=8, choices=Severity.choices)
    passed = models.BooleanField()
    value = models.FloatField(null=True, blank=True)
    limit = models.FloatField(null=True, blank=True)
    offending = models.BigIntegerField(default=0)
    checked = models.BigIntegerField(default=0)
    sample = models.JSONField(default=list)
    finding = models.TextField()

    project_path = "check_run__version__dataset__project"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "check_run", "rule"], name="datasets_result_once")
        ]

    def __str__(self) -> str:
        return f"{self.rule}: {'passed' if self.passed else 'failed'}"

    @property
    def verdict(self) -> str:
        """A word for its badge: a warning only warns."""
        if self.passed:
            return "passed"
        return "failed" if self.severity == Severity.MUST else "warning"


class Split(TenantModel):
    """A version divided into parts by a plan that always gives the same rows."""

    source = TenantForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="splits")
    number = models.PositiveIntegerField()
    plan = models.JSONField()
    sentence = models.CharField(max_length=400)
    state = models.CharField(max_length=16, choices=WorkState.choices, default=WorkState.STARTED)
    report = models.JSONField(default=dict, blank=True)
    failure = models.TextField(blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    history = History(excluded_fields=["report"])

    project_path = "source__dataset__project"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "source", "number"], name="datasets_split_number")
        ]

    def __str__(self) -> str:
        return f"split {self.number} of {self.source}"

    def get_absolute_url(self) -> str:
        source = self.source
        return reverse("datasets:split", args=[self.organization.key, source.dataset.key, source.number, self.number])


SPLIT_STATES = Machine("datasets.Split", WorkState, _WORK_MOVES)


class SplitPart(AppendOnlyModel):
    """One part of a split: a version of the same dataset, that is signed off with the version that was divided."""

    split = TenantForeignKey(Split, on_delete=models.PROTECT, related_name="parts")
    name = models.CharField(max_length=50)
    order = models.PositiveSmallIntegerField()
    version = TenantForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="part_of")

    project_path = "split__source__dataset__project"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["order"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "split", "name"], name="datasets_part_name"),
            models.UniqueConstraint(fields=["organization", "version"], name="datasets_part_version"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.split}"
