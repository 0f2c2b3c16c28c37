"""The rules by which an organization judges: what weighs how much, by when, who is independent, when again."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse

from apps.core.models import History, TenantModel


class JudgingRules(TenantModel):
    """One version of the rules (apps.validation.engine.judging). Changed rules are a new version with a reason."""

    version = models.PositiveIntegerField()
    content = models.JSONField()
    content_hash = models.CharField(max_length=64)
    reason = models.TextField()
    is_current = models.BooleanField(default=True)
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    history = History(excluded_fields=["content"])

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-version"]
        verbose_name_plural = "judging rules"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "version"], name="validation_rules_version"),
            models.UniqueConstraint(
                fields=["organization"], condition=models.Q(is_current=True), name="validation_rules_current"
            ),
            models.CheckConstraint(condition=~models.Q(reason=""), name="validation_rules_reason"),
        ]

    def __str__(self) -> str:
        return f"Rules, version {self.version}"

    def get_absolute_url(self) -> str:
        return reverse("validation:rules", args=[self.organization.key])
