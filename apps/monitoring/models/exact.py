"""Checks computed once more from the rows, at somebody's wish."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from apps.core.models import TenantForeignKey, TenantModel
from apps.monitoring.models.monitors import Check


class ExactCheck(TenantModel):
    """A drift check that somebody had computed from the kept rows: the same report, and its features as one table.

    Empty until the worker is done.
    """

    check_run = TenantForeignKey(Check, on_delete=models.CASCADE, related_name="exact_checks")
    reason = models.TextField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    result = models.JSONField(default=dict)
    data = models.BinaryField(default=b"")
    done_at = models.DateTimeField(null=True, blank=True)

    project_path = "check_run__monitor__endpoint__model__project"
    model_path = "check_run__monitor__endpoint__model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["organization", "check_run"], name="monitoring_exact_check")]

    def __str__(self) -> str:
        return f"{self.check_run}, from the rows"

    def get_absolute_url(self) -> str:
        return self.check_run.get_absolute_url()
