"""Batches that were refused whole, as far as they may be told of."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from apps.core.models import TenantForeignKey, TenantModel
from apps.monitoring.models.rows import BatchKind


class RefusedBatch(TenantModel):
    """A batch of which no row was kept: who sent it, when, and why it was refused. Only the newest of an endpoint stay.

    Nothing of its content is here beyond names of columns and numbers of rows. `rows` and `refused` are null where it
    could not be read so far.
    """

    endpoint = TenantForeignKey("deployments.Endpoint", on_delete=models.CASCADE, related_name="refused_batches")
    kind = models.CharField(max_length=16, choices=BatchKind.choices)
    key = models.CharField(max_length=200, blank=True)
    reason = models.TextField()
    rows = models.BigIntegerField(null=True)
    refused = models.BigIntegerField(null=True)
    errors = models.JSONField(default=list)
    sent_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    project_path = "endpoint__model__project"
    model_path = "endpoint__model"

    class Meta(TenantModel.Meta):
        verbose_name_plural = "refused batches"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["organization", "endpoint", "-id"], name="monitoring_refused_newest")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.key or 'without a key'}, refused"
