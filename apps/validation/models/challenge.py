"""Effective challenge: what the validator said and tried beyond the plan, and from whom they are independent."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from apps.core.models import AppendOnlyModel, TenantForeignKey
from apps.validation.models.findings import Finding, Waiver
from apps.validation.models.runs import CheckResult, ValidationRun


class ChallengeKind(models.TextChoices):
    REMARK = "remark", "Remark"
    TEST = "test", "Own test, beyond the plan"


class Bearing(models.TextChoices):
    """What the validator's own test says of the version."""

    NONE = "", "Not said"
    SUPPORTS = "supports", "Speaks for it"
    AGAINST = "against", "Speaks against it"
    OPEN = "open", "Undecided"


class Challenge(AppendOnlyModel):
    """A validator's own words on a run or one of its results, or an own test with its evidence. Never changed."""

    run = TenantForeignKey(ValidationRun, on_delete=models.PROTECT, related_name="challenges")
    result = TenantForeignKey(CheckResult, null=True, blank=True, on_delete=models.PROTECT, related_name="challenges")
    kind = models.CharField(max_length=8, choices=ChallengeKind.choices)
    title = models.CharField(max_length=200, blank=True, help_text="What was tested.")
    text = models.TextField(help_text="The remark, or what was done and what came of it.")
    bearing = models.CharField(max_length=8, choices=Bearing.choices, blank=True, default=Bearing.NONE)
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
                condition=models.Q(kind="remark") | (~models.Q(title="") & ~models.Q(bearing="")),
                name="validation_challenge_test",
            ),
            models.CheckConstraint(
                condition=models.Q(file="") | ~models.Q(sha256=""), name="validation_challenge_hash"
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.text[:80]


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
