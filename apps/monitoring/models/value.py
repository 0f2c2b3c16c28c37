"""What outcomes are worth, and how many of each there were a day."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse

from apps.core.models import AppendOnlyModel, TenantForeignKey, TenantModel


class OutcomeValues(AppendOnlyModel):
    """What a right or wrong prediction is worth, in money: of one endpoint, or of all endpoints of a project.

    Never changed, only followed: outcomes of predictions made from `since` on are worth this, until the next begins.
    `values` has an amount for each of what the task tells apart (apps.monitoring.worth.KEYS); a cost is negative.
    """

    project = TenantForeignKey("projects.Project", related_name="outcome_values")
    endpoint = TenantForeignKey("deployments.Endpoint", null=True, blank=True, related_name="outcome_values")
    number = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    values = models.JSONField()
    since = models.DateField()
    reason = models.TextField()
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    project_path = "project"

    class Meta(AppendOnlyModel.Meta):
        verbose_name_plural = "outcome values"
        ordering: ClassVar = ["-since", "-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "project", "endpoint", "number"],
                nulls_distinct=False,
                name="monitoring_values_number",
            )
        ]

    def __str__(self) -> str:
        return f"Value of outcomes of {self.endpoint or self.project}, version {self.number}"

    def get_absolute_url(self) -> str:
        if self.endpoint is None:
            return reverse("monitoring:portfolio-value", args=[self.organization.key])
        return reverse("monitoring:endpoint-value", args=[self.organization.key, self.endpoint.key])


class OutcomeDay(TenantModel):
    """How the predictions of one day came out, as far as it is known; a corrected outcome is taken back first."""

    endpoint = TenantForeignKey("deployments.Endpoint", related_name="outcome_days")
    day = models.DateField()
    known = models.BigIntegerField(default=0)
    true_positive = models.BigIntegerField(default=0)
    false_positive = models.BigIntegerField(default=0)
    true_negative = models.BigIntegerField(default=0)
    false_negative = models.BigIntegerField(default=0)
    right = models.BigIntegerField(default=0)
    wrong = models.BigIntegerField(default=0)
    error = models.FloatField(default=0.0, help_text="Sum of the absolute errors of a regression.")

    project_path = "endpoint__model__project"
    model_path = "endpoint__model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["day"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "endpoint", "day"], name="monitoring_outcome_day")
        ]

    def __str__(self) -> str:
        return f"{self.known} outcomes of {self.day}"
