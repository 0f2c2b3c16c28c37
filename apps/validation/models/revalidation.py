"""Validations that have to be done again: why, since when, by when, put off or settled."""

from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from apps.core.models import History, TenantForeignKey, TenantManager, TenantModel, TenantQuerySet
from apps.core.states import Machine
from apps.validation.models.runs import ValidationRun


class Trigger(models.TextChoices):
    """Why a validation no longer stands by itself. The rules say by tier which of them count."""

    ARTIFACT = "artifact", "Its artifact changed"
    DATA = "data", "Its data changed"
    PURPOSE = "purpose", "Its purpose changed"
    BREACH = "breach", "A limit of its monitoring was passed"
    INCIDENT = "incident", "There was an incident"
    DATE = "date", "Its period ends"
    ASKED = "asked", "A validator asked for it"


class RevalidationState(models.TextChoices):
    DUE = "due", "Due"
    SETTLED = "settled", "Settled"
    LAPSED = "lapsed", "Lapsed: the version is not used any more"


REVALIDATION_STATES = Machine(
    "validation.Revalidation",
    RevalidationState,
    {
        RevalidationState.DUE: (RevalidationState.SETTLED, RevalidationState.LAPSED),
        RevalidationState.SETTLED: (),
        RevalidationState.LAPSED: (),
    },
)


class RevalidationQuerySet(TenantQuerySet):
    """Revalidations as the gate and the lists ask for them."""

    def due(self) -> Self:
        """Neither settled nor lapsed."""
        return self.filter(state=RevalidationState.DUE)

    def overdue(self) -> Self:
        """Due, and their day has passed."""
        return self.due().filter(due_on__lt=timezone.localdate())


class RevalidationManager(TenantManager.from_queryset(RevalidationQuerySet)):  # type: ignore[misc]
    """Revalidations of the ambient organization."""


class Revalidation(TenantModel):
    """A version has to be validated again by a day. A run concluded afterwards settles it; a deferral moves the day."""

    version = TenantForeignKey("models.ModelVersion", on_delete=models.PROTECT, related_name="revalidations")
    trigger = models.CharField(max_length=16, choices=Trigger.choices)
    reason = models.TextField()
    source = models.CharField(max_length=300, blank=True, help_text="The page of what triggered it.")
    state = models.CharField(max_length=16, choices=RevalidationState.choices, default=RevalidationState.DUE)
    since = models.DateTimeField()
    first_due_on = models.DateField()
    due_on = models.DateField()
    raised_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    settled_by = TenantForeignKey(
        ValidationRun, null=True, blank=True, on_delete=models.PROTECT, related_name="settles"
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    history = History()

    objects: ClassVar[Any] = RevalidationManager()

    project_path = "version__model__project"
    model_path = "version__model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["due_on", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "version", "trigger"],
                condition=models.Q(state="due"),
                name="validation_revalidation_one",
            ),
            models.CheckConstraint(
                condition=models.Q(state="due", ended_at__isnull=True, settled_by__isnull=True)
                | models.Q(state="settled", ended_at__isnull=False, settled_by__isnull=False)
                | models.Q(state="lapsed", ended_at__isnull=False, settled_by__isnull=True),
                name="validation_revalidation_ended",
            ),
            models.CheckConstraint(condition=~models.Q(reason=""), name="validation_revalidation_reason"),
            models.CheckConstraint(
                condition=models.Q(due_on__gte=models.F("first_due_on")), name="validation_revalidation_later"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "due_on"], name="validation_revalidation_due", condition=models.Q(state="due")
            )
        ]

    def __str__(self) -> str:
        return f"Revalidation of {self.version}: {str(self.get_trigger_display()).lower()}"

    def get_absolute_url(self) -> str:
        return reverse("validation:revalidation", args=[self.organization.key, self.pk])

    @property
    def is_due(self) -> bool:
        """Whether it waits for a validation."""
        return self.state == RevalidationState.DUE

    @property
    def is_overdue(self) -> bool:
        """Whether it waits, and its day has passed."""
        return self.is_due and self.due_on < timezone.localdate()

    @property
    def is_deferred(self) -> bool:
        """Whether its day was put off."""
        return self.due_on > self.first_due_on

    @property
    def should_remind(self) -> bool:
        """Whether today is a day to remind: a week before its day, the day after it, and every seventh from then on."""
        late = (timezone.localdate() - self.due_on).days
        return self.is_due and (late == -7 or (late > 0 and late % 7 == 1))


class DeferralState(models.TextChoices):
    REQUESTED = "requested", "Waiting for a decision"
    GRANTED = "granted", "Granted"
    DECLINED = "declined", "Declined"


DEFERRAL_STATES = Machine(
    "validation.Deferral",
    DeferralState,
    {
        DeferralState.REQUESTED: (DeferralState.GRANTED, DeferralState.DECLINED),
        DeferralState.GRANTED: (),
        DeferralState.DECLINED: (),
    },
)


class Deferral(TenantModel):
    """Permission to validate later than the rules say, with its reason, given by an approval."""

    revalidation = TenantForeignKey(Revalidation, on_delete=models.PROTECT, related_name="deferrals")
    state = models.CharField(max_length=16, choices=DeferralState.choices, default=DeferralState.REQUESTED)
    reason = models.TextField()
    until = models.DateField()
    request = TenantForeignKey(
        "approvals.Request", null=True, blank=True, on_delete=models.PROTECT, related_name="deferrals"
    )
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    history = History()

    project_path = "revalidation__version__model__project"
    model_path = "revalidation__version__model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "revalidation"],
                condition=models.Q(state="requested"),
                name="validation_deferral_one",
            ),
            models.CheckConstraint(
                condition=models.Q(state="requested", decided_at__isnull=True)
                | (~models.Q(state="requested") & models.Q(decided_at__isnull=False)),
                name="validation_deferral_decided",
            ),
            models.CheckConstraint(condition=~models.Q(reason=""), name="validation_deferral_reason"),
        ]

    def __str__(self) -> str:
        return f"Deferral of {self.revalidation} until {self.until:%-d %B %Y}"

    def get_absolute_url(self) -> str:
        return f"{self.revalidation.get_absolute_url()}#deferrals"
