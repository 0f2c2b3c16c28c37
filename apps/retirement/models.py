"""How a model leaves office: the plan, who has to know, the proof that nobody asks it any more, what is held of it."""

import datetime as dt
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from apps.core.models import AppendOnlyModel, History, TenantForeignKey, TenantModel
from apps.core.states import Machine


class Cause(models.TextChoices):
    """Why something is retired."""

    REPLACED = "replaced", "A better one follows"
    BUSINESS = "business", "The business needs it no more"
    TECHNOLOGY = "technology", "Its technology ends"
    REGULATION = "regulation", "A rule forbids it or asks for another"
    VENDOR = "vendor", "Its supplier ends it"
    INCIDENT = "incident", "It did harm"


class PlanState(models.TextChoices):
    """How far a retirement has come. Waiting for signatures is no state: the approval request says that."""

    PLANNED = "planned", "Planned"
    APPROVED = "approved", "Approved"
    NOTIFIED = "notified", "Notice given"
    DRAINING = "draining", "Draining"
    DRAINED = "drained", "Drained"
    OFF = "off", "Off"
    ARCHIVED = "archived", "Archived"
    CLOSED = "closed", "Closed"
    CANCELLED = "cancelled", "Cancelled"


S = PlanState
PLAN_STATES = Machine(
    "retirement.RetirementPlan",
    PlanState,
    {
        S.PLANNED: (S.APPROVED, S.CANCELLED),
        S.APPROVED: (S.NOTIFIED, S.PLANNED, S.CANCELLED),
        S.NOTIFIED: (S.DRAINING, S.CANCELLED),
        S.DRAINING: (S.DRAINED, S.CANCELLED),
        # Traffic that comes back makes it drain again.
        S.DRAINED: (S.OFF, S.DRAINING, S.CANCELLED),
        S.OFF: (S.ARCHIVED,),
        S.ARCHIVED: (S.CLOSED,),
        S.CLOSED: (),
        S.CANCELLED: (),
    },
)
ENDED = (S.CLOSED, S.CANCELLED)


class RetirementPlan(TenantModel):
    """One version, or a whole model with its endpoints, on its way out of office."""

    number = models.PositiveIntegerField()
    model = TenantForeignKey("models.RegisteredModel", on_delete=models.PROTECT, related_name="retirement_plans")
    # Empty: the whole model, with all its versions and endpoints.
    version = TenantForeignKey(
        "models.ModelVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="retirement_plans"
    )
    cause = models.CharField(max_length=16, choices=Cause.choices, default=Cause.REPLACED)
    reason = models.TextField()
    successor_version = TenantForeignKey(
        "models.ModelVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    successor_model = TenantForeignKey(
        "models.RegisteredModel", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    without_successor = models.TextField(blank=True)
    message = models.TextField(blank=True)
    notice_days = models.PositiveIntegerField(default=30)
    quiet_for = models.DurationField(default=dt.timedelta(days=1))
    hold_until = models.DateField()
    state = models.CharField(max_length=16, choices=PlanState.choices, default=PlanState.PLANNED)
    approval = TenantForeignKey(
        "approvals.Request", null=True, blank=True, on_delete=models.PROTECT, related_name="retirement_plans"
    )
    planned_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField(null=True, blank=True)
    notified_at = models.DateTimeField(null=True, blank=True)
    draining_at = models.DateTimeField(null=True, blank=True)
    drained_at = models.DateTimeField(null=True, blank=True)
    off_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    summary = models.TextField(blank=True)
    history = History()

    project_path = "model__project"
    model_path = "model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "number"], name="retirement_plan_number"),
            models.UniqueConstraint(
                fields=["organization", "model", "version"],
                condition=~Q(state__in=["closed", "cancelled"]),
                nulls_distinct=False,
                name="retirement_plan_open",
            ),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False, closed_by__isnull=False)
                | (~Q(state="closed") & Q(closed_at__isnull=True, closed_by__isnull=True)),
                name="retirement_plan_closed",
            ),
            models.CheckConstraint(
                condition=Q(successor_version__isnull=True) | ~Q(successor_version=models.F("version")),
                name="retirement_plan_successor",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["off", "archived", "closed"]) | Q(drained_at__isnull=False),
                name="retirement_plan_drained",
            ),
        ]

    def __str__(self) -> str:
        return f"Retirement of {self.subject}"

    def get_absolute_url(self) -> str:
        return reverse("retirement:plan", args=[self.organization.key, self.number])

    @property
    def subject(self) -> Any:
        """What is retired: the version, or the whole model."""
        return self.version if self.version_id is not None else self.model

    @property
    def is_whole_model(self) -> bool:
        """Whether the model ends with all its versions and endpoints."""
        return self.version_id is None

    @property
    def successor(self) -> Any:
        """What follows it; None when nothing does."""
        return self.successor_version or self.successor_model

    @property
    def is_open(self) -> bool:
        """Whether something is left to do."""
        return self.state not in ENDED

    @property
    def is_waiting(self) -> bool:
        """Whether signatures are awaited."""
        return self.approval is not None and self.approval.is_open

    @property
    def notice_ends_at(self) -> dt.datetime | None:
        """Until when consumers were given time; None before notice was given."""
        return self.notified_at + dt.timedelta(days=self.notice_days) if self.notified_at else None

    @property
    def is_measured(self) -> bool:
        """Whether its traffic is being watched."""
        return self.state in {PlanState.DRAINING, PlanState.DRAINED}


class Consumer(TenantModel):
    """A system or team that uses what is retired, and whether it has said that it knows."""

    plan = TenantForeignKey(RetirementPlan, on_delete=models.CASCADE, related_name="consumers")
    name = models.CharField(max_length=120)
    use = models.TextField(blank=True)
    contact = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    email = models.EmailField(blank=True)
    notified_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    note = models.TextField(blank=True)
    history = History()

    project_path = "plan__model__project"
    model_path = "plan__model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "plan", "name"], name="retirement_consumer_name"),
            models.CheckConstraint(
                condition=Q(contact__isnull=False, email="") | (Q(contact__isnull=True) & ~Q(email="")),
                name="retirement_consumer_contact",
            ),
            models.CheckConstraint(
                condition=Q(acknowledged_at__isnull=True, acknowledged_by__isnull=True)
                | Q(acknowledged_at__isnull=False, acknowledged_by__isnull=False),
                name="retirement_consumer_acknowledged",
            ),
            # Somebody outside cannot sign in here: who writes it down says how they said so.
            models.CheckConstraint(
                condition=Q(acknowledged_at__isnull=True) | Q(contact__isnull=False) | ~Q(note=""),
                name="retirement_consumer_evidence",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("retirement:consumer", args=[self.plan.organization.key, self.plan.number, self.pk])

    @property
    def reached(self) -> str:
        """Who or where is told."""
        return str(self.contact or self.email)

    @property
    def state(self) -> str:
        """The word for its badge."""
        if self.acknowledged_at is not None:
            return "acknowledged"
        return "waiting" if self.notified_at is not None else "not told yet"


class DrainReading(AppendOnlyModel):
    """What was counted over a window: how many predictions were recorded, and whether all records were in."""

    plan = TenantForeignKey(RetirementPlan, on_delete=models.PROTECT, related_name="readings")
    since = models.DateTimeField()
    until = models.DateTimeField()
    predictions = models.BigIntegerField()
    newest_at = models.DateTimeField(null=True, blank=True)
    # Predictions that a server has answered but not handed in: while there are some, nothing is proven.
    waiting = models.BigIntegerField(default=0)
    is_quiet = models.BooleanField()
    counted = models.JSONField(default=list)

    project_path = "plan__model__project"
    model_path = "plan__model"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(is_quiet=False) | Q(predictions=0, waiting=0, since__lt=models.F("until")),
                name="retirement_reading_quiet",
            )
        ]

    def __str__(self) -> str:
        return f"{self.predictions} predictions from {self.since:%Y-%m-%d %H:%M} to {self.until:%Y-%m-%d %H:%M}"


class Disposition(AppendOnlyModel):
    """What is held of a version: its artifact, checked against its hash, sealed in a bundle, until a date."""

    plan = TenantForeignKey(RetirementPlan, on_delete=models.PROTECT, related_name="dispositions")
    version = TenantForeignKey("models.ModelVersion", on_delete=models.PROTECT, related_name="dispositions")
    artifact_sha256 = models.CharField(max_length=64)
    path = models.CharField(max_length=300, editable=False)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    held_until = models.DateField()

    project_path = "plan__model__project"
    model_path = "plan__model"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "plan", "version"], name="retirement_disposition_one")
        ]

    def __str__(self) -> str:
        return f"{self.version}, held until {self.held_until:%Y-%m-%d}"
