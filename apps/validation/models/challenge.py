"""Effective challenge: what the validator said and tried beyond the plan, and from whom they are independent."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from apps.core.models import AppendOnlyModel, TenantForeignKey, TenantOneToOneField
from apps.validation.models.findings import Finding, Waiver
from apps.validation.models.plans import PlanCheck
from apps.validation.models.runs import CheckResult, Measurement, ValidationRun


class ChallengeKind(models.TextChoices):
    REMARK = "remark", "Remark"
    TEST = "test", "Own test, beyond the plan"
    CHECK = "check", "Own check, outside the plan"


class Bearing(models.TextChoices):
    """What the validator's own test says of the version."""

    NONE = "", "Not said"
    SUPPORTS = "supports", "Speaks for it"
    AGAINST = "against", "Speaks against it"
    OPEN = "open", "Undecided"


class Challenge(AppendOnlyModel):
    """A validator's own words on a run or one of its results, or an own test with its evidence. Never changed.

    An own check has its `line`, as lines of plans are; a worker measures it, and its `answer` counts for no verdict.
    """

    run = TenantForeignKey(ValidationRun, on_delete=models.PROTECT, related_name="challenges")
    result = TenantForeignKey(CheckResult, null=True, blank=True, on_delete=models.PROTECT, related_name="challenges")
    kind = models.CharField(max_length=8, choices=ChallengeKind.choices)
    title = models.CharField(max_length=200, blank=True, help_text="What was tested.")
    text = models.TextField(help_text="The remark, or what was done and what came of it.")
    bearing = models.CharField(max_length=8, choices=Bearing.choices, blank=True, default=Bearing.NONE)
    line = models.JSONField(default=dict, blank=True, help_text="The check with parameters and thresholds.")
    file = models.CharField(max_length=300, blank=True)
    file_name = models.CharField(max_length=200, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField(default=0)
    dataset_version = TenantForeignKey(
        "datasets.DatasetVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    project_path = "run__version__model__project"
    model_path = "run__version__model"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~models.Q(text=""), name="validation_challenge_text"),
            models.CheckConstraint(
                condition=~models.Q(kind="test") | (~models.Q(title="") & ~models.Q(bearing="")),
                name="validation_challenge_test",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="check") & ~models.Q(line={}) | ~models.Q(kind="check") & models.Q(line={}),
                name="validation_challenge_line",
            ),
            models.CheckConstraint(
                condition=models.Q(file="") | ~models.Q(sha256=""), name="validation_challenge_hash"
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.text[:80]

    def get_absolute_url(self) -> str:
        return f"{self.run.get_absolute_url()}#{self.anchor}"

    @property
    def anchor(self) -> str:
        """Its place on the report page."""
        return f"own-{self.pk}"

    @property
    def asked(self) -> PlanCheck:
        """The line of an own check in the shape that lines of plans have; it is of no plan, and never saved."""
        return PlanCheck(**self.line)

    @property
    def answered(self) -> "OwnResult | None":
        """What a worker measured; None while it has not."""
        return getattr(self, "answer", None)


class OwnResult(Measurement):
    """The answer to a validator's own check: measured like a line of the plan, and counted apart."""

    challenge = TenantOneToOneField(Challenge, on_delete=models.PROTECT, related_name="answer")

    project_path = "challenge__run__version__model__project"
    model_path = "challenge__run__version__model"

    class Meta(Measurement.Meta):
        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(verdict__in=["not_run", "too_small", "nothing_to_ask"]) & ~models.Q(reason="")
                | (~models.Q(verdict__in=["not_run", "too_small", "nothing_to_ask"]) & models.Q(value__isnull=False)),
                name="validation_own_result_verdict",
            )
        ]

    def get_absolute_url(self) -> str:
        return self.challenge.get_absolute_url()


class Occasion(models.TextChoices):
    """When somebody's independence was looked at."""

    STARTED = "started", "Started the run"
    CONCLUDED = "concluded", "Concluded"
    CLOSED = "closed", "Closed the finding"
    SIGNED = "signed", "Decided on the waiver"


class IndependenceCheck(AppendOnlyModel):
    """Who examined, against whom they were held, and how far apart the rules of the tier want them."""

    occasion = models.CharField(max_length=16, choices=Occasion.choices)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    level = models.CharField(max_length=8, choices=[("person", "Another person"), ("team", "Another team")])
    # Names with their reason, as they were: [{"person": "Dario", "why": "registered it", "in_a_team": false}].
    against = models.JSONField(default=list)
    run = TenantForeignKey(
        ValidationRun, null=True, blank=True, on_delete=models.PROTECT, related_name="independence_checks"
    )
    finding = TenantForeignKey(
        Finding, null=True, blank=True, on_delete=models.PROTECT, related_name="independence_checks"
    )
    waiver = TenantForeignKey(
        Waiver, null=True, blank=True, on_delete=models.PROTECT, related_name="independence_checks"
    )
    version = TenantForeignKey("models.ModelVersion", on_delete=models.PROTECT, related_name="+")

    project_path = "version__model__project"
    model_path = "version__model"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.person} {str(self.get_occasion_display()).lower()}"
