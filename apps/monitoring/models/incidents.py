"""Alerts, and the incidents people work on: one open for each model and cause."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from apps.core.models import AppendOnlyModel, History, TenantForeignKey, TenantModel
from apps.core.states import Machine
from apps.monitoring.models.monitors import Check, Monitor


class Cause(models.TextChoices):
    DRIFT = "drift", "Inputs or predictions have moved"
    PIPELINE = "pipeline", "Missing, new or impossible values"
    PERFORMANCE = "performance", "Predictions became worse"
    ERRORS = "errors", "Calls fail"
    LATENCY = "latency", "Answers are slow"
    SILENCE = "silence", "No predictions arrive"
    FEEDBACK = "feedback", "Users are dissatisfied"
    VALUE = "value", "The business value falls short"
    SEGMENTS = "segments", "A segment fares differently"
    CONDITIONS = "conditions", "A condition of its validation is broken"


class Severity(models.TextChoices):
    ATTENTION = "attention", "Look at it"
    SEVERE = "severe", "Act now"


class IncidentState(models.TextChoices):
    OPEN = "open", "Open"
    INVESTIGATING = "investigating", "Investigating"
    RESOLVED = "resolved", "Resolved"
    DISMISSED = "dismissed", "Dismissed"


STILL_OPEN = (IncidentState.OPEN, IncidentState.INVESTIGATING)

INCIDENTS = Machine(
    "monitoring.Incident",
    IncidentState,
    {
        IncidentState.OPEN: (IncidentState.INVESTIGATING, IncidentState.RESOLVED, IncidentState.DISMISSED),
        IncidentState.INVESTIGATING: (IncidentState.RESOLVED, IncidentState.DISMISSED),
        IncidentState.RESOLVED: (),
        IncidentState.DISMISSED: (),
    },
)


class Incident(TenantModel):
    """Something is wrong with a model in use. Opened by a monitor or a person, worked on, and ended with a cause."""

    number = models.PositiveIntegerField()
    model = TenantForeignKey("models.RegisteredModel", related_name="incidents")
    endpoint = TenantForeignKey("deployments.Endpoint", related_name="incidents")
    cause = models.CharField(max_length=16, choices=Cause.choices)
    severity = models.CharField(max_length=16, choices=Severity.choices, default=Severity.ATTENTION)
    title = models.CharField(max_length=250)
    evidence = models.JSONField(default=dict)
    check_run = TenantForeignKey(Check, null=True, blank=True, related_name="+")
    state = models.CharField(max_length=16, choices=IncidentState.choices, default=IncidentState.OPEN)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    root_cause = models.TextField(blank=True)
    resolution = models.TextField(blank=True)
    since = models.DateTimeField(help_text="When the first window began that showed it.")
    escalated_at = models.DateTimeField(null=True, blank=True, help_text="When nobody had taken it for too long.")
    calm_since = models.DateTimeField(null=True, blank=True, help_text="When the monitors fell quiet again.")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    history = History()

    project_path = "model__project"
    model_path = "model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "number"], name="monitoring_incident_number"),
            models.UniqueConstraint(
                fields=["organization", "model", "cause"],
                condition=Q(state__in=["open", "investigating"]),
                name="monitoring_incident_open",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["open", "investigating"], ended_at__isnull=True, ended_by__isnull=True)
                | Q(state__in=["resolved", "dismissed"], ended_at__isnull=False, ended_by__isnull=False),
                name="monitoring_incident_ended",
            ),
        ]

    def __str__(self) -> str:
        return f"Incident {self.number}: {self.title}"

    def get_absolute_url(self) -> str:
        return reverse("monitoring:incident", args=[self.organization.key, self.number])

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do something."""
        return self.state in STILL_OPEN


class EntryKind(models.TextChoices):
    NOTE = "note", "Note"
    ACTION = "action", "Action taken"
    SIGNAL = "signal", "Seen by a monitor"


class IncidentEntry(AppendOnlyModel):
    """A line in the log of an incident: what somebody found or did, or what a monitor saw next."""

    incident = TenantForeignKey(Incident, on_delete=models.CASCADE, related_name="entries")
    kind = models.CharField(max_length=16, choices=EntryKind.choices)
    text = models.TextField()
    check_run = TenantForeignKey(Check, null=True, blank=True, related_name="+")
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    project_path = "incident__model__project"
    model_path = "incident__model"

    class Meta(AppendOnlyModel.Meta):
        verbose_name_plural = "incident entries"
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.text[:80]}"


class Alert(AppendOnlyModel):
    """A monitor went over its limits often enough to say so. `is_held` when it was snoozed and nobody was told."""

    monitor = TenantForeignKey(Monitor, related_name="alerts")
    check_run = TenantForeignKey(Check, related_name="alerts")
    incident = TenantForeignKey(Incident, null=True, blank=True, related_name="alerts")
    cause = models.CharField(max_length=16, choices=Cause.choices)
    severity = models.CharField(max_length=16, choices=Severity.choices)
    text = models.CharField(max_length=300)
    is_held = models.BooleanField(default=False)

    project_path = "monitor__endpoint__model__project"
    model_path = "monitor__endpoint__model"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "check_run", "cause"], name="monitoring_alert_once"),
        ]

    def __str__(self) -> str:
        return self.text
