"""Samples of texts and embeddings, for what cannot be told from counts."""

from typing import ClassVar

from django.db import models

from apps.core.models import TenantForeignKey, TenantModel
from apps.monitoring.models.rows import Baseline, Grain


class ContentSample(TenantModel):
    """The sampled texts and embeddings (apps.monitoring.engine.samples) of an hour's, later a day's, predictions of a
    version at an endpoint; or, where it has a `baseline`, of the reference.

    Of a text it holds hashed pieces only, so nothing that people wrote outlives the kept batches.
    """

    version = TenantForeignKey("models.ModelVersion", related_name="+")
    endpoint = TenantForeignKey("deployments.Endpoint", null=True, blank=True, related_name="+")
    baseline = TenantForeignKey(Baseline, null=True, blank=True, related_name="samples")
    grain = models.CharField(max_length=8, choices=Grain.choices, default=Grain.HOUR)
    start_at = models.DateTimeField(null=True, blank=True)
    end_at = models.DateTimeField(null=True, blank=True)
    rows = models.PositiveIntegerField()
    data = models.BinaryField()

    project_path = "version__model__project"
    model_path = "version__model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["start_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "endpoint", "version", "grain", "start_at"], name="monitoring_sample_once"
            ),
            models.UniqueConstraint(fields=["organization", "baseline"], name="monitoring_sample_baseline"),
            models.CheckConstraint(
                condition=models.Q(baseline__isnull=False, endpoint__isnull=True, start_at__isnull=True)
                | models.Q(baseline__isnull=True, endpoint__isnull=False, end_at__gt=models.F("start_at")),
                name="monitoring_sample_of",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rows} sampled rows of {self.baseline or f'{self.start_at:%Y-%m-%d %H:%M}'}"
