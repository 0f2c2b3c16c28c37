"""Rows from which work is delivered: what was written in the deciding transaction cannot be lost after it."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from apps.core.models import History, TenantModel


class OutboxMessage(TenantModel):
    """A task to publish to the broker once the transaction that wrote it has committed."""

    task = models.CharField(max_length=120)
    queue = models.CharField(max_length=32)
    arguments = models.JSONField(default=list)
    available_at = models.DateTimeField(default=timezone.now)
    delivered_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "available_at"],
                name="work_outbox_waiting",
                condition=models.Q(delivered_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.arguments}"


class Schedule(TenantModel):
    """A task to run again and again. `subject_id` says what for; a sweep claims what is due."""

    name = models.CharField(max_length=200)
    task = models.CharField(max_length=120)
    queue = models.CharField(max_length=32)
    subject_id = models.UUIDField()
    every = models.DurationField()
    next_at = models.DateTimeField()
    last_at = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    history = History(excluded_fields=["next_at", "last_at"])

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "task", "subject_id"], name="work_schedule_one"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "next_at"], name="work_schedule_due", condition=models.Q(is_active=True)
            )
        ]

    def __str__(self) -> str:
        return self.name


class JobState(models.TextChoices):
    QUEUED = "queued", "Waiting for a worker"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class Job(TenantModel):
    """Long work with progress. A worker holds it by a lease; whoever loses the lease loses the right to a result."""

    kind = models.CharField(max_length=80)
    title = models.CharField(max_length=200)
    queue = models.CharField(max_length=32)
    subject_id = models.UUIDField()
    subject_url = models.CharField(max_length=300, blank=True)
    project_id = models.UUIDField(null=True)
    state = models.CharField(max_length=16, choices=JobState.choices, default=JobState.QUEUED)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True)
    message = models.CharField(max_length=300, blank=True)
    error = models.TextField(blank=True)
    attempts = models.PositiveIntegerField(default=0)
    cancel_requested = models.BooleanField(default=False)
    lease = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    queued_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["organization", "subject_id", "-id"], name="work_job_subject"),
            models.Index(
                fields=["organization", "queued_at"],
                name="work_job_open",
                condition=models.Q(state__in=["queued", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in {JobState.QUEUED, JobState.RUNNING}

    @property
    def url_progress(self) -> str:
        """Where the page asks how far it is."""
        return reverse("job-progress", args=[self.organization.key, self.pk])

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds until done, from the pace so far; None when unknown."""
        if self.state != JobState.RUNNING or not self.total or not self.done or not self.started_at:
            return None
        spent = (timezone.now() - self.started_at).total_seconds()
        return spent / self.done * max(self.total - self.done, 0)


class MessageState(models.TextChoices):
    QUEUED = "queued", "Waiting to be sent"
    SENT = "sent", "Sent"
    KEPT = "kept", "Kept here: no mail server is set"
    FAILED = "failed", "Could not be sent"


class Message(TenantModel):
    """A mail as it was written, with what became of it."""

    to = models.EmailField()
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    subject = models.CharField(max_length=250)
    text = models.TextField()
    html = models.TextField()
    state = models.CharField(max_length=16, choices=MessageState.choices, default=MessageState.QUEUED)
    attempts = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    sent_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["organization", "-id"], name="work_message_newest")]

    def __str__(self) -> str:
        return f"{self.subject} → {self.to}"


class IdempotencyKey(TenantModel):
    """The answer given to a POST with an Idempotency-Key, given again when the same request comes again."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=200)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveIntegerField(null=True)
    content_type = models.CharField(max_length=100, blank=True)
    body = models.TextField(blank=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "user", "key"], name="work_idempotency_key")
        ]

    def __str__(self) -> str:
        return self.key
