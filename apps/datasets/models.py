"""Where data comes from, its immutable versions, how they were prepared, tested and found fit."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse

from apps.core.models import AppendOnlyModel, History, TenantForeignKey, TenantModel
from apps.core.states import Machine
from apps.organizations.models import KEY


class SourceKind(models.TextChoices):
    """Where data comes from."""

    DATABASE = "database", "Own database or warehouse"
    FILES = "files", "Files"
    STREAM = "stream", "Events or sensors"
    SERVICE = "service", "Another system's interface"
    PURCHASED = "purchased", "Bought from a supplier"
    PUBLIC = "public", "Public source"
    MANUAL = "manual", "Collected or labelled by people"


class Classification(models.TextChoices):
    """Who may know what the data says."""

    PUBLIC = "public", "Public"
    INTERNAL = "internal", "Internal"
    CONFIDENTIAL = "confidential", "Confidential"
    RESTRICTED = "restricted", "Restricted"


class DataSource(TenantModel):
    """A place data comes from, with who answers for it and on what terms it may be used."""

    project = TenantForeignKey("projects.Project", on_delete=models.PROTECT, related_name="data_sources")
    key = models.CharField(max_length=50, validators=[KEY])
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=16, choices=SourceKind.choices)
    description = models.TextField(blank=True)
    location = models.CharField(max_length=500, blank=True)
    licence = models.CharField(max_length=120, blank=True)
    classification = models.CharField(max_length=16, choices=Classification.choices, default=Classification.INTERNAL)
    has_personal_data = models.BooleanField(default=False)
    lawful_basis = models.CharField(max_length=200, blank=True)
    retention_days = models.PositiveIntegerField(null=True, blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    history = History()

    project_path = "project"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["organization", "key"], name="datasets_source_key")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("datasets:source", args=[self.organization.key, self.key])


class Dataset(TenantModel):
    """A table that lives on through its versions."""

    project = TenantForeignKey("projects.Project", on_delete=models.PROTECT, related_name="datasets")
    source = TenantForeignKey(DataSource, null=True, blank=True, on_delete=models.PROTECT, related_name="datasets")
    key = models.CharField(max_length=50, validators=[KEY])
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    history = History()

    project_path = "project"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["organization", "key"], name="datasets_dataset_key")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("datasets:dataset", args=[self.organization.key, self.key])


class VersionState(models.TextChoices):
    """How far a version has come. Waiting for the sign-off is read through the request."""

    RECEIVED = "received", "Received"
    PROFILED = "profiled", "Profiled"
    FAILED = "failed", "Could not be read"
    SIGNED_OFF = "signed_off", "Signed off as fit"
    REJECTED = "rejected", "Not fit"


class VersionOrigin(models.TextChoices):
    """How a version came to be."""

    UPLOAD = "upload", "Uploaded"
    REFERENCE = "reference", "Referenced"
    PREPARATION = "preparation", "Prepared from another version"
    SPLIT = "split", "Part of a split"


class DatasetVersion(TenantModel):
    """An immutable table: its content never changes, what is known of it (profile, sign-off) grows."""

    dataset = TenantForeignKey(Dataset, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    origin = models.CharField(max_length=16, choices=VersionOrigin.choices)
    # The canonical Parquet in storage; what was uploaded is kept beside it as it came.
    file = models.CharField(max_length=300, blank=True)
    original_file = models.CharField(max_length=300, blank=True)
    original_name = models.CharField(max_length=200, blank=True)
    format = models.CharField(max_length=16, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    original_sha256 = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField(default=0)
    rows = models.BigIntegerField(null=True)
    schema = models.JSONField(default=list)
    profile = models.JSONField(null=True)
    read_options = models.JSONField(default=dict)
    reading_report = models.JSONField(default=dict)
    note = models.TextField(blank=True)
    state = models.CharField(max_length=16, choices=VersionState.choices, default=VersionState.RECEIVED)
    failure = models.TextField(blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    sign_off_request = TenantForeignKey(
        "approvals.Request", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    signed_off_at = models.DateTimeField(null=True, blank=True)
    history = History(excluded_fields=["profile", "schema"])

    project_path = "dataset__project"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["dataset_id", "-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "dataset", "number"], name="datasets_version_number")
        ]
        indexes: ClassVar = [models.Index(fields=["organization", "sha256"], name="datasets_version_hash")]

    def __str__(self) -> str:
        return f"{self.dataset} version {self.number}"

    def get_absolute_url(self) -> str:
        return reverse("datasets:version", args=[self.organization.key, self.dataset.key, self.number])


VERSION_STATES = Machine(
    "datasets.DatasetVersion",
    VersionState,
    {
        VersionState.RECEIVED: (VersionState.PROFILED, VersionState.FAILED),
        VersionState.PROFILED: (VersionState.SIGNED_OFF, VersionState.REJECTED),
        VersionState.FAILED: (VersionState.RECEIVED,),
        VersionState.SIGNED_OFF: (VersionState.PROFILED, VersionState.REJECTED),
        VersionState.REJECTED: (VersionState.PROFILED,),
    },
)


class Lineage(AppendOnlyModel):
    """What a version was made from, and in what role (prepared, joined, split)."""

    child = TenantForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="parents")
    parent = TenantForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="children")
    role = models.CharField(max_length=40)

    project_path = "child__dataset__project"

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "child", "parent", "role"], name="datasets_lineage_one")
        ]

    def __str__(self) -> str:
        return f"{self.child} from {self.parent} ({self.role})"


class RunState(models.TextChoices):
    """A preparation's state."""

    QUEUED = "queued", "Waiting for a worker"
    SUCCEEDED = "succeeded", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


RUN_MOVES = {
    RunState.QUEUED: (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED),
    RunState.SUCCEEDED: (),
    RunState.FAILED: (),
    RunState.CANCELLED: (),
}


class PreparationRun(TenantModel):
    """A recipe applied to a version: the recipe, what it learned, the report of before and after, and the result."""

    source = TenantForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="preparations")
    target = TenantForeignKey(Dataset, on_delete=models.PROTECT, related_name="preparations")
    recipe = models.JSONField()
    fitted = models.JSONField(default=dict)
    report = models.JSONField(default=dict)
    result = TenantForeignKey(
        DatasetVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="prepared_by"
    )
    state = models.CharField(max_length=16, choices=RunState.choices, default=RunState.QUEUED)
    failure = models.TextField(blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    history = History()

    project_path = "source__dataset__project"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"preparation of {self.source}"

    def get_absolute_url(self) -> str:
        return reverse("datasets:preparation", args=[self.organization.key, self.pk])


PREPARATION_STATES = Machine("datasets.PreparationRun", RunState, RUN_MOVES)


class QualityRule(TenantModel):
    """What every version of a dataset must satisfy, checked by a worker."""

    dataset = TenantForeignKey(Dataset, on_delete=models.CASCADE, related_name="rules")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=32)
    parameters = models.JSONField(default=dict)
    is_blocking = models.BooleanField(default=True)
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    history = History()

    project_path = "dataset__project"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "dataset", "name"], name="datasets_rule_name")
        ]

    def __str__(self) -> str:
        return self.name


class QualityResult(AppendOnlyModel):
    """What one rule found in one version."""

    version = TenantForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="quality_results")
    rule = TenantForeignKey(QualityRule, on_delete=models.PROTECT, related_name="results")
    passed = models.BooleanField()
    value = models.FloatField(null=True)
    threshold = models.FloatField(null=True)
    sentence = models.TextField()
    examples = models.JSONField(default=list)

    project_path = "version__dataset__project"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.rule} on {self.version}"


class Split(TenantModel):
    """A version cut into parts, by time or at random with a seed; each part is a version of its own."""

    source = TenantForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="splits")
    parameters = models.JSONField()
    report = models.JSONField(default=dict)
    state = models.CharField(max_length=16, choices=RunState.choices, default=RunState.QUEUED)
    failure = models.TextField(blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    history = History()

    project_path = "source__dataset__project"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"split of {self.source}"

    def get_absolute_url(self) -> str:
        return reverse("datasets:split", args=[self.organization.key, self.pk])


SPLIT_STATES = Machine("datasets.Split", RunState, RUN_MOVES)


class SplitPart(AppendOnlyModel):
    """One part of a split, as "train" or "test"."""

    split = TenantForeignKey(Split, on_delete=models.CASCADE, related_name="parts")
    name = models.CharField(max_length=40)
    version = TenantForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="part_of")
    rows = models.BigIntegerField()

    project_path = "split__source__dataset__project"

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "split", "name"], name="datasets_part_name")
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.split}"
