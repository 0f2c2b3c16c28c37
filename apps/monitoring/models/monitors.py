"""Monitors, their checks, and what each check found for each feature."""

import datetime as dt
from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils import timezone

from apps.core.models import AppendOnlyModel, History, TenantForeignKey, TenantModel
from apps.monitoring.models.rows import Baseline
from apps.monitoring.windows import Window


class MonitorKind(models.TextChoices):
    DRIFT = "drift", "Drift"
    PERFORMANCE = "performance", "Performance"
    SERVICE = "service", "Latency and errors"
    SILENCE = "silence", "Silence"
    FEEDBACK = "feedback", "User feedback"
    VALUE = "value", "Business value"
    SEGMENTS = "segments", "Segments and fairness"
    CONTENTS = "contents", "Text and embeddings"


KINDS_WITH_BASELINE = (MonitorKind.DRIFT, MonitorKind.PERFORMANCE, MonitorKind.SEGMENTS, MonitorKind.CONTENTS)


class Reference(models.TextChoices):
    TRAINING = "training", "The version's baseline"
    PERIOD = "period", "A fixed period"
    TRAILING = "trailing", "The windows before"
    SEASON = "season", "The same hours of the weeks before"


class Span(models.TextChoices):
    HOUR = "hour", "Hour"
    DAY = "day", "Day"
    WEEK = "week", "Week"
    MONTH = "month", "Month"


class Clock(models.TextChoices):
    NOW = "now", "The clock on the wall"
    DATA = "data", "The newest event"


class Level(models.TextChoices):
    QUIET = "quiet", "Quiet"
    NEAR = "near", "Near limit"
    DRIFT = "drift", "Over limit"
    NOT_ENOUGH = "not_enough", "Too few rows"


NAMES = {"_score": "Score", "_prediction": "Prediction"}
MEANINGS = {"quiet": "good", "near": "attention", "drift": "wrong", "not_enough": "neutral"}


class Monitor(TenantModel):
    """What is watched on an endpoint, against what, how often, and who is told.

    `limits` holds the engine's limits (apps.monitoring.engine.policy.Limits). With the data clock a window is complete
    when a newer event has arrived, so that a replayed past is checked as if it were now.
    """

    endpoint = TenantForeignKey("deployments.Endpoint", related_name="monitors")
    kind = models.CharField(max_length=16, choices=MonitorKind.choices)
    name = models.CharField(max_length=120)
    reference = models.CharField(max_length=16, choices=Reference.choices, default=Reference.TRAINING)
    reference_since = models.DateTimeField(null=True, blank=True)
    reference_until = models.DateTimeField(null=True, blank=True)
    trailing = models.PositiveSmallIntegerField(
        default=4,
        validators=[MinValueValidator(1), MaxValueValidator(60)],
        help_text="How many windows, or weeks, before.",
    )
    window = models.CharField(max_length=8, choices=Span.choices, default=Span.WEEK)
    clock = models.CharField(max_length=8, choices=Clock.choices, default=Clock.NOW)
    every = models.DurationField(default=dt.timedelta(hours=1))
    limits = models.JSONField(default=dict, blank=True)
    # Share of predictions whose outcome can be known at all: some flights are cancelled, some loans not granted.
    expected_share = models.FloatField(default=1.0, validators=[MinValueValidator(0.01), MaxValueValidator(1.0)])
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    is_active = models.BooleanField(default=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    snooze_reason = models.TextField(blank=True)
    # Hours after which somebody else is told of an incident that nobody has taken.
    escalate_after = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    escalate_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    level = models.CharField(max_length=16, choices=Level.choices, default=Level.NOT_ENOUGH)
    checked_at = models.DateTimeField(null=True, blank=True)
    checked_until = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    history = History(excluded_fields=["checked_at"])

    project_path = "endpoint__model__project"
    model_path = "endpoint__model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["kind", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "endpoint", "name"], name="monitoring_monitor_name"),
            models.CheckConstraint(
                condition=~models.Q(reference="period")
                | models.Q(reference_since__isnull=False, reference_until__gt=models.F("reference_since")),
                name="monitoring_monitor_period",
            ),
            models.CheckConstraint(
                condition=models.Q(snoozed_until__isnull=True) | ~models.Q(snooze_reason=""),
                name="monitoring_monitor_snooze",
            ),
            models.CheckConstraint(
                condition=models.Q(escalate_after__isnull=True, escalate_to__isnull=True)
                | models.Q(escalate_after__isnull=False, escalate_to__isnull=False),
                name="monitoring_monitor_escalates",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.endpoint}"

    def get_absolute_url(self) -> str:
        return reverse("monitoring:monitor", args=[self.organization.key, self.pk])

    @property
    def compared_with(self) -> str:
        """What its windows are compared with, in words; empty for kinds that compare with nothing."""
        if self.kind not in KINDS_WITH_BASELINE:
            return ""
        # No baseline is kept by segment: those are compared with their own past.
        if self.kind == MonitorKind.SEGMENTS and self.reference == Reference.TRAINING:
            return str(Reference.TRAILING.label)
        return str(self.get_reference_display())

    @property
    def is_snoozed(self) -> bool:
        """Whether its alerts are held back now."""
        return self.snoozed_until is not None and self.snoozed_until > timezone.now()

    @property
    def state(self) -> str:
        """The word for its badge: paused, snoozed, or the level of its newest window."""
        if not self.is_active:
            return "paused"
        return "snoozed" if self.is_snoozed else self.level

    @property
    def state_meaning(self) -> str:
        """The meaning of that word."""
        return MEANINGS.get(self.state, "neutral")

    def get_state_display(self) -> str:
        """That word as people read it."""
        return self.state.capitalize() if self.state in {"paused", "snoozed"} else str(Level(self.level).label)


class Check(TenantModel):
    """What a monitor found in one window. Data that comes later make a new revision; the former stay.

    `result` holds everything the numbers need to be computed again, without the features, which have their table.
    """

    monitor = TenantForeignKey(Monitor, related_name="checks")
    baseline = TenantForeignKey(Baseline, null=True, blank=True, related_name="+")
    start_at = models.DateTimeField()
    end_at = models.DateTimeField()
    windows = models.PositiveSmallIntegerField(default=1)
    revision = models.PositiveIntegerField(default=1)
    is_current = models.BooleanField(default=True)
    level = models.CharField(max_length=16, choices=Level.choices)
    signals = models.JSONField(default=dict)
    rows = models.BigIntegerField()
    rows_reference = models.BigIntegerField(default=0)
    # The sum of the changes of what it read: when that grows, the window is checked again.
    changes = models.BigIntegerField(default=0)
    result = models.JSONField(default=dict)

    project_path = "monitor__endpoint__model__project"
    model_path = "monitor__endpoint__model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-end_at", "-revision"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "monitor", "baseline", "start_at", "end_at", "revision"],
                nulls_distinct=False,
                name="monitoring_check_revision",
            ),
            models.UniqueConstraint(
                fields=["organization", "monitor", "baseline", "start_at", "end_at"],
                condition=models.Q(is_current=True),
                nulls_distinct=False,
                name="monitoring_check_current",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "monitor", "-end_at"], name="monitoring_check_newest")
        ]

    def __str__(self) -> str:
        return f"{self.monitor.name}, {self.start_at:%Y-%m-%d} to {self.end_at:%Y-%m-%d}"

    def get_absolute_url(self) -> str:
        return reverse("monitoring:check", args=[self.organization.key, self.pk])

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

    @property
    def period(self) -> Window:
        """The window, as people say it."""
        return Window(self.start_at, self.end_at)


class FeatureTable(AppendOnlyModel):
    """What a drift check found of all features: one table, as `engine.results` packs it. Pages read it by `results`.

    `indexes` holds the stability index of each feature once more, so that a page over many windows need not unpack
    their tables; null where the check is older than it.
    """

    check_run = TenantForeignKey(Check, on_delete=models.CASCADE, related_name="+")
    data = models.BinaryField()
    indexes = models.JSONField(null=True)

    project_path = "check_run__monitor__endpoint__model__project"
    model_path = "check_run__monitor__endpoint__model"

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "check_run"], name="monitoring_features_once")
        ]

    def __str__(self) -> str:
        return f"Features of {self.check_run}"
