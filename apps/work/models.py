"""Rows from which work is delivered: what was written in the deciding transaction cannot be lost after it."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from apps.core.models import AppendOnlyModel, History, TenantForeignKey, TenantModel


class OutboxMessage(TenantModel):
    """A task to publish to the broker once the transaction that wrote it has committed."""

    task = models.CharField(max_length=120)
    queue = models.CharField(max_length=32)
    arguments = models.JSONField(default=list)
    available_at = models.DateTimeField(default=timezone.now)
    delivered_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)
    # The span that asked for it (a W3C traceparent), where traces are on.
    trace = models.CharField(max_length=60, blank=True, default="", db_default="")

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


UNDER_WAY = (JobState.QUEUED, JobState.RUNNING)


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
    # When the worker expects to be done, where it knows better than the pace tells.
    ends_at = models.DateTimeField(null=True)
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
        return self.state in UNDER_WAY

    @property
    def url_progress(self) -> str:
        """Where the page asks how far it is."""
        return reverse("portal:job-progress", args=[self.organization.key, self.pk])

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds until done, by the worker's word or from the pace so far; None when unknown."""
        if self.state == JobState.RUNNING and self.ends_at is not None:
            left = (self.ends_at - timezone.now()).total_seconds()
            return left if left > 0 else None
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


class Transport(models.TextChoices):
    MAIL = "mail", "Mail"
    WEBHOOK = "webhook", "Webhook"
    SLACK = "slack", "Slack"
    TEAMS = "teams", "Microsoft Teams"


class Destination(TenantModel):
    """Where news goes out of the portal. Address and signing secret are sealed: whoever has them could speak there."""

    transport = models.CharField(max_length=16, choices=Transport.choices)
    sealed_address = models.TextField()
    shown = models.CharField(max_length=254, help_text="As much of the address as everybody may see.")
    sealed_secret = models.TextField(blank=True)
    # A former secret signs beside the new one until then, so that receivers can be changed without a gap.
    sealed_former = models.TextField(blank=True)
    former_until = models.DateTimeField(null=True, blank=True)
    is_gone = models.BooleanField(default=False, help_text="The receiver said that it is gone for good.")
    history = History(excluded_fields=["sealed_address", "sealed_secret", "sealed_former"])

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_transport_display()}: {self.shown}"


class DeliveryState(models.TextChoices):
    WAITING = "waiting", "On its way"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Given up"


class Delivery(TenantModel):
    """The ledger of what went out: the news as it was written, where to, and what became of it.

    `attempts` are those made so far, `budget` those it may take; sending it again adds to the budget.
    """

    destination = TenantForeignKey(Destination, related_name="deliveries")
    scope = TenantForeignKey("organizations.Scope", null=True, blank=True, related_name="+")
    event = models.CharField(max_length=60)
    news = models.JSONField()
    state = models.CharField(max_length=16, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    budget = models.PositiveSmallIntegerField()
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True)
    next_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    project_path = "scope"
    project_optional = True

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "deliveries"
        indexes: ClassVar = [models.Index(fields=["organization", "destination", "-id"], name="work_delivery_newest")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(state="waiting", ended_at__isnull=True)
                | (~models.Q(state="waiting") & models.Q(ended_at__isnull=False)),
                name="work_delivery_ended",
            )
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.destination}"

    @property
    def message_id(self) -> str:
        """What the receiver knows it by: the same on every attempt, also when it is sent again."""
        return f"msg_{self.pk.hex}"


class Attempt(AppendOnlyModel):
    """One try to deliver: what came back, and how long it took."""

    delivery = TenantForeignKey(Delivery, related_name="tries")
    number = models.PositiveSmallIntegerField()
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True)
    answer = models.CharField(max_length=500, blank=True)
    seconds = models.FloatField(default=0)

    project_path = "delivery__scope"
    project_optional = True

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "delivery", "number"], name="work_attempt_number")
        ]

    def __str__(self) -> str:
        return f"Attempt {self.number}: {self.status_code or self.error}"
