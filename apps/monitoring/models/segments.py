"""Columns by which predictions are told apart, and what a check found in each segment."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse

from apps.core.models import AppendOnlyModel, History, TenantForeignKey, TenantModel
from apps.monitoring.models.monitors import MEANINGS, Check, Level


class Purpose(models.TextChoices):
    SEGMENT = "segment", "Compare its values with each other"
    GROUP = "group", "Names the list that a prediction ranks in"


class SegmentColumn(TenantModel):
    """A column of an endpoint's rows by which they are counted apart: a market, an age, a protected attribute.

    An input of the model, or a column sent beside them. `values` are those with a state of their own, in the order
    in which they came; what comes when there is no more room is counted as "(other)". A figure is cut at `cuts`.
    A column that names the list of a ranking has no states: its lists are scored from the kept rows.
    """

    endpoint = TenantForeignKey("deployments.Endpoint", related_name="segment_columns")
    column = models.CharField(max_length=60)
    purpose = models.CharField(max_length=8, choices=Purpose.choices, default=Purpose.SEGMENT)
    cuts = ArrayField(models.FloatField(), default=list, blank=True)
    values = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    is_protected = models.BooleanField(default=False)
    favourable = models.CharField(
        max_length=200, blank=True, help_text="The predicted label that is good for a person."
    )
    top = models.PositiveSmallIntegerField(
        default=10, validators=[MinValueValidator(1), MaxValueValidator(1000)], help_text="Places of a list that count."
    )
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    history = History(excluded_fields=["values"])

    project_path = "endpoint__model__project"
    model_path = "endpoint__model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["column"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "endpoint", "column"],
                condition=models.Q(is_active=True),
                name="monitoring_segment_column",
            ),
            models.UniqueConstraint(
                fields=["organization", "endpoint"],
                condition=models.Q(is_active=True, purpose="group"),
                name="monitoring_segment_group",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.column} of {self.endpoint}"

    def get_absolute_url(self) -> str:
        return f"{reverse('monitoring:segments', args=[self.organization.key, self.endpoint.key])}?column={self.column}"


class SegmentResult(AppendOnlyModel):
    """What a check found for one segment: sizes, how far it moved, how good predictions are, how it fares."""

    check_run = TenantForeignKey(Check, on_delete=models.CASCADE, related_name="segments")
    column = models.CharField(max_length=60)
    value = models.CharField(max_length=60)
    rank = models.PositiveIntegerField()
    level = models.CharField(max_length=16, choices=Level.choices)
    rows = models.BigIntegerField()
    rows_labelled = models.BigIntegerField()
    result = models.JSONField()

    project_path = "check_run__monitor__endpoint__model__project"
    model_path = "check_run__monitor__endpoint__model"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["rank"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "check_run", "column", "value"], name="monitoring_segment_once"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["organization", "column"], name="monitoring_segment_name")]

    def __str__(self) -> str:
        return f"{self.column} {self.value}"

    @property
    def state(self) -> str:
        """Its level, for the badge."""
        return self.level

    @property
    def state_meaning(self) -> str:
        """What the level means."""
        return MEANINGS[self.level]

    def get_state_display(self) -> str:
        """The level as people read it."""
        return str(Level(self.level).label)
