"""What a validator signed: the report's bytes and the statement that binds them, made once, at the conclusion."""

from typing import ClassVar

from django.db import models

from apps.core.models import AppendOnlyModel, TenantForeignKey
from apps.validation.models.runs import ValidationRun


class SignedReport(AppendOnlyModel):
    """The report of a concluded run and its signed statement, with the public key as it was then."""

    run = TenantForeignKey(ValidationRun, on_delete=models.PROTECT, related_name="signed_reports")
    envelope = models.TextField()
    report = models.CharField(max_length=300, editable=False)
    report_sha256 = models.CharField(max_length=64)
    report_size = models.BigIntegerField()
    public_key = models.CharField(max_length=44)
    key_id = models.CharField(max_length=16)

    project_path = "run__version__model__project"
    model_path = "run__version__model"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "run"], name="validation_signed_report_once")
        ]

    def __str__(self) -> str:
        return f"Signed report of {self.run}"

    def get_absolute_url(self) -> str:
        return f"{self.run.get_absolute_url()}#signed"
