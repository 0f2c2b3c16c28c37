"""Who is told of incidents and where, what is not to be told, and what has to be watched at all."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from apps.core.models import History, TenantForeignKey, TenantModel, TenantOneToOneField
from apps.monitoring.models.incidents import Cause, Severity
from apps.monitoring.models.monitors import Monitor, MonitorKind
from apps.projects.models import Tier


class Channel(TenantModel):
    """Where incidents are told: of the whole organization, of one project, or of one endpoint."""

    name = models.CharField(max_length=120)
    project = TenantForeignKey("projects.Project", null=True, blank=True, related_name="+")
    endpoint = TenantForeignKey("deployments.Endpoint", null=True, blank=True, related_name="channels")
    destination = TenantOneToOneField("work.Destination", related_name="+")
    least = models.CharField(max_length=16, choices=Severity.choices, default=Severity.ATTENTION)
    causes = ArrayField(models.CharField(max_length=16, choices=Cause.choices), default=list, blank=True)
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    history = History()

    project_path = "project"
    project_optional = True

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "name"], name="monitoring_channel_name"),
            models.CheckConstraint(
                condition=Q(endpoint__isnull=True) | Q(project__isnull=False), name="monitoring_channel_scope"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("monitoring:channel", args=[self.organization.key, self.pk])

    @property
    def state(self) -> str:
        """The word for its badge."""
        if not self.is_active:
            return "paused"
        return "lost" if self.destination.is_gone else "active"

    @property
    def reach(self) -> str:
        """What it tells of, in words."""
        if self.endpoint is not None:
            return f"Endpoint {self.endpoint}"
        return f"Project {self.project}" if self.project is not None else "The whole organization"

    @property
    def causes_in_words(self) -> str:
        """The causes it tells of."""
        return ", ".join(str(Cause(cause).label) for cause in self.causes) or "All causes"


class Mute(TenantModel):
    """A feature, or a kind of signal, that a monitor computes and shows but raises nothing about, until a date."""

    monitor = TenantForeignKey(Monitor, related_name="mutes")
    feature = models.CharField(max_length=200, blank=True, help_text="Empty: all of them.")
    signal = models.CharField(max_length=16, blank=True, help_text="Empty: all of them.")
    until = models.DateTimeField()
    reason = models.TextField()
    muted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    history = History()

    project_path = "monitor__endpoint__model__project"
    model_path = "monitor__endpoint__model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(feature="") | ~Q(signal=""), name="monitoring_mute_what"),
            models.CheckConstraint(condition=~Q(reason=""), name="monitoring_mute_why"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by__isnull=True)
                | Q(ended_at__isnull=False, ended_by__isnull=False),
                name="monitoring_mute_ended",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.feature or 'every feature'}, {self.signal or 'every signal'} until {self.until:%Y-%m-%d}"

    def get_absolute_url(self) -> str:
        return self.monitor.get_absolute_url()

    @property
    def is_on(self) -> bool:
        """Whether it holds now."""
        return self.ended_at is None and self.until > timezone.now()


class WatchPlan(TenantModel):
    """What must be watched of a live endpoint of one tier, by an organization's own word. A change is a new version."""

    tier = models.CharField(max_length=16, choices=Tier.choices)
    version = models.PositiveIntegerField()
    kinds = ArrayField(models.CharField(max_length=16, choices=MonitorKind.choices), default=list, blank=True)
    baseline_needs_approval = models.BooleanField(
        default=True, help_text="A new baseline takes effect when it is signed."
    )
    keep_days = models.PositiveIntegerField(default=400, help_text="Days for which rows are kept as they were sent.")
    is_current = models.BooleanField(default=True)
    reason = models.TextField()
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    history = History()

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["tier", "-version"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "tier", "version"], name="monitoring_watch_plan_version"),
            models.UniqueConstraint(
                fields=["organization", "tier"], condition=Q(is_current=True), name="monitoring_watch_plan_current"
            ),
        ]

    def __str__(self) -> str:
        return f"What is watched at {self.get_tier_display().lower()}, version {self.version}"

    def get_absolute_url(self) -> str:
        return reverse("monitoring:watch-plans", args=[self.organization.key])


class DigestChoice(TenantModel):
    """Whether a person gets the daily digest; whoever chose nothing gets it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    is_wanted = models.BooleanField()
    history = History()

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "user"], name="monitoring_digest_person")
        ]

    def __str__(self) -> str:
        return f"{self.user}: {'daily' if self.is_wanted else 'no digest'}"
