"""A run of a locked plan, its results one by one, and what the validator concludes from them."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse

from apps.core.models import AppendOnlyModel, History, TenantForeignKey, TenantModel
from apps.core.states import Machine
from apps.validation.models.plans import FAMILIES, Plan, PlanCheck


class Verdict(models.TextChoices):
    """What a check, or a whole run, says. What could not run or had too little to judge by is never a pass."""

    PASSED = "passed", "Passed"
    WARNED = "warned", "Warning"
    FAILED = "failed", "Failed"
    TOO_SMALL = "too_small", "Too small to judge"
    NOT_RUN = "not_run", "Could not run"
    NOTHING = "nothing_to_ask", "Nothing to ask"


SILENT = (Verdict.TOO_SMALL, Verdict.NOT_RUN)


class ResultOrigin(models.TextChoices):
    """Where a result comes from."""

    MEASURED = "measured", "Measured"
    REUSED = "reused", "Measured in an earlier run"
    REPORTED = "reported", "Reported, not measured"


class RunState(models.TextChoices):
    QUEUED = "queued", "Waiting for a worker"
    RUNNING = "running", "Running"
    WAITING = "waiting", "Waiting for answers from outside"
    FINISHED = "finished", "Finished"
    BROKEN = "broken", "Stopped by an error"
    CANCELLED = "cancelled", "Cancelled"


RUN_STATES = Machine(
    "validation.ValidationRun",
    RunState,
    {
        RunState.QUEUED: (RunState.RUNNING, RunState.BROKEN, RunState.CANCELLED),
        RunState.RUNNING: (RunState.WAITING, RunState.FINISHED, RunState.BROKEN, RunState.CANCELLED),
        RunState.WAITING: (RunState.FINISHED, RunState.CANCELLED),
        RunState.FINISHED: (),
        RunState.BROKEN: (),
        RunState.CANCELLED: (),
    },
)


OPEN_RUNS = (RunState.QUEUED, RunState.RUNNING, RunState.WAITING)


class Outcome(models.TextChoices):
    """What the validator concludes."""

    NONE = "", "No conclusion yet"
    VALIDATED = "validated", "Fit for its purpose"
    CONDITIONS = "conditions", "Fit under conditions"
    REJECTED = "rejected", "Not fit"


class ValidationRun(TenantModel):
    """One run of a locked plan by a worker, in a child. A trigger keeps the developers out, whoever writes the row."""

    plan = TenantForeignKey(Plan, on_delete=models.PROTECT, related_name="runs")
    version = TenantForeignKey("models.ModelVersion", on_delete=models.PROTECT, related_name="validation_runs")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=16, choices=RunState.choices, default=RunState.QUEUED)
    verdict = models.CharField(max_length=16, choices=Verdict.choices, blank=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    layer = models.CharField(max_length=200, blank=True)
    walls_missing = models.JSONField(default=list, blank=True)
    libraries = models.JSONField(default=dict, blank=True)
    rows = models.JSONField(default=dict, blank=True)
    inputs = models.JSONField(default=dict, blank=True)
    anew = models.BooleanField(
        default=False, help_text="Everything is measured, also what an earlier run measured on the same inputs."
    )
    seconds = models.FloatField(null=True, blank=True)
    peak_memory = models.BigIntegerField(null=True, blank=True)
    outcome = models.CharField(max_length=16, choices=Outcome.choices, blank=True, default=Outcome.NONE)
    statement = models.TextField(blank=True)
    conditions = models.TextField(blank=True)
    independence = models.TextField(blank=True)
    concluded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    concluded_at = models.DateTimeField(null=True, blank=True)
    history = History(excluded_fields=["inputs", "libraries", "rows"])

    project_path = "version__model__project"
    model_path = "version__model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "version", "number"], name="validation_run_number"),
            models.UniqueConstraint(
                fields=["organization", "version"],
                condition=models.Q(state__in=["queued", "running", "waiting"]),
                name="validation_run_one",
            ),
            models.CheckConstraint(
                condition=models.Q(state="finished") | models.Q(verdict="", outcome=""), name="validation_run_verdict"
            ),
            models.CheckConstraint(
                condition=models.Q(outcome="", concluded_by__isnull=True, concluded_at__isnull=True)
                | (
                    ~models.Q(outcome="")
                    & models.Q(concluded_by__isnull=False, concluded_at__isnull=False)
                    & ~models.Q(statement="")
                ),
                name="validation_run_concluded",
            ),
            models.CheckConstraint(
                condition=~models.Q(outcome="conditions") | ~models.Q(conditions=""), name="validation_run_conditions"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "version", "-id"], name="validation_run_version"),
            models.Index(fields=["organization", "state"], name="validation_run_state"),
        ]

    def __str__(self) -> str:
        return f"Validation {self.number} of {self.version}"

    def get_absolute_url(self) -> str:
        version = self.version
        return reverse("validation:run", args=[self.organization.key, version.model.key, version.number, self.number])

    @property
    def is_open(self) -> bool:
        """Whether a worker has it or will have it, or somebody outside owes it an answer."""
        return self.state in OPEN_RUNS

    @property
    def is_finished(self) -> bool:
        """Whether it has a verdict."""
        return self.state == RunState.FINISHED

    @property
    def is_concluded(self) -> bool:
        """Whether the validator has said what follows from it."""
        return bool(self.outcome)


class Measurement(AppendOnlyModel):
    """A check's answer with everything to judge it again: value, interval, threshold, rows, seed, evidence."""

    name = models.CharField(max_length=120)
    key = models.CharField(max_length=60)
    family = models.CharField(max_length=16, choices=FAMILIES)
    required = models.BooleanField(default=True)
    verdict = models.CharField(max_length=16, choices=Verdict.choices)
    value = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    interval_level = models.FloatField(null=True)
    interval_method = models.CharField(max_length=120, blank=True)
    fail = models.FloatField(null=True)
    warn = models.FloatField(null=True)
    sense = models.CharField(max_length=8)
    judged = models.CharField(max_length=8)
    sentence = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    parameters = models.JSONField(default=dict)
    evidence = models.JSONField(default=dict)
    rows_used = models.BigIntegerField(null=True)
    rows_total = models.BigIntegerField(null=True)
    seed = models.PositiveBigIntegerField(default=0)
    seconds = models.FloatField(default=0)
    layer = models.CharField(max_length=200, blank=True)

    class Meta(AppendOnlyModel.Meta):
        abstract = True
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.name}: {str(self.get_verdict_display()).lower()}"

    @property
    def figure_judged(self) -> float | None:
        """The number that was held against the threshold."""
        ends: dict[str, Any] = {"lower": self.low, "upper": self.high}
        found: float | None = ends.get(self.judged, self.value)
        return found


class CheckResult(Measurement):
    """One check's answer in a run, to one line of its plan."""

    run = TenantForeignKey(ValidationRun, on_delete=models.PROTECT, related_name="results")
    check_line = TenantForeignKey(PlanCheck, on_delete=models.PROTECT, related_name="results")
    origin = models.CharField(max_length=16, choices=ResultOrigin.choices, default=ResultOrigin.MEASURED)
    # What it was measured from: bytes, check, parameters, seed, libraries, code. Empty where it is not used again.
    inputs_hash = models.CharField(max_length=64, blank=True)
    reused_from = TenantForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="reused_as")

    project_path = "run__version__model__project"
    model_path = "run__version__model"

    class Meta(Measurement.Meta):
        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "run", "name"], name="validation_result_once"),
            models.CheckConstraint(
                condition=models.Q(verdict__in=["not_run", "too_small", "nothing_to_ask"]) & ~models.Q(reason="")
                | (~models.Q(verdict__in=["not_run", "too_small", "nothing_to_ask"]) & models.Q(value__isnull=False)),
                name="validation_result_verdict",
            ),
            models.CheckConstraint(
                condition=models.Q(origin="reused", reused_from__isnull=False)
                | (~models.Q(origin="reused") & models.Q(reused_from__isnull=True)),
                name="validation_result_reused",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "inputs_hash", "-id"],
                name="validation_result_inputs",
                condition=~models.Q(inputs_hash=""),
            )
        ]

    def get_absolute_url(self) -> str:
        return f"{self.run.get_absolute_url()}#{self.anchor}"

    @property
    def answer(self) -> Any:
        """What came from outside, where it was not measured here."""
        return next(iter(self.answers.all()), None) if self.origin == ResultOrigin.REPORTED else None

    @property
    def anchor(self) -> str:
        """Its place on the report page."""
        return "check-" + "".join(letter if letter.isalnum() else "-" for letter in self.name)
