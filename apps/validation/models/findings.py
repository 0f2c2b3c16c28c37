"""What a validation found wrong, who works on it, and under what waiver it may be lived with."""

from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from apps.core.models import History, TenantForeignKey, TenantManager, TenantModel, TenantQuerySet
from apps.core.states import Machine
from apps.validation.models.runs import CheckResult, ValidationRun, Verdict


class Severity(models.TextChoices):
    """How much a finding weighs. High and critical ones keep a version from being used."""

    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"
    CRITICAL = "critical", "Critical"


BLOCKING = (Severity.HIGH, Severity.CRITICAL)


class FindingState(models.TextChoices):
    OPEN = "open", "Open"
    IN_PROGRESS = "in_progress", "In progress"
    READY = "ready_for_retest", "Ready for retest"
    CLOSED = "closed", "Closed"


FINDING_STATES = Machine(
    "validation.Finding",
    FindingState,
    {
        FindingState.OPEN: (FindingState.IN_PROGRESS,),
        FindingState.IN_PROGRESS: (FindingState.READY,),
        FindingState.READY: (FindingState.CLOSED, FindingState.IN_PROGRESS),
        FindingState.CLOSED: (),
    },
)


class FindingQuerySet(TenantQuerySet):
    """Findings as the gate and the lists ask for them."""

    def unsettled(self) -> Self:
        """Not closed yet."""
        return self.exclude(state=FindingState.CLOSED)

    def of_run(self, run: Any) -> Self:
        """Raised from a run, or before it by a check that failed in it again."""
        again = CheckResult.objects.filter(
            run=run, verdict=Verdict.FAILED, name=models.OuterRef("result__name"), key=models.OuterRef("result__key"),
            parameters=models.OuterRef("result__parameters"),
        )  # fmt: skip
        stood = models.Q(closed_at=None) | models.Q(closed_at__gt=run.created_at)
        before = models.Q(models.Exists(again), stood, version=run.version_id, created_at__lt=run.created_at)
        return self.filter(models.Q(run=run) | before)

    def overdue(self) -> Self:
        """Not closed, and their day has passed."""
        return self.unsettled().filter(due_on__lt=timezone.localdate())

    def waived(self) -> Self:
        """Under a waiver that is in force today."""
        return self.filter(models.Exists(Waiver.objects.in_force().filter(finding=models.OuterRef("pk"))))

    def blocking(self) -> Self:
        """High or critical, not closed, and not under a waiver that is in force today."""
        in_force = Waiver.objects.in_force().filter(finding=models.OuterRef("pk"))
        return self.unsettled().filter(~models.Exists(in_force), severity__in=BLOCKING)


class FindingManager(TenantManager.from_queryset(FindingQuerySet)):  # type: ignore[misc]
    """Findings of the ambient organization."""


class Finding(TenantModel):
    """Something to be put right. It is never closed by its owner or by who developed the version."""

    version = TenantForeignKey("models.ModelVersion", on_delete=models.PROTECT, related_name="findings")
    number = models.PositiveIntegerField()
    result = TenantForeignKey(CheckResult, null=True, blank=True, on_delete=models.PROTECT, related_name="findings")
    run = TenantForeignKey(ValidationRun, null=True, blank=True, on_delete=models.PROTECT, related_name="findings")
    title = models.CharField(max_length=200)
    description = models.TextField()
    severity = models.CharField(max_length=16, choices=Severity.choices)
    weighed_by = models.CharField(
        max_length=250, blank=True, help_text="The rule that gave the severity, as it was; empty where a person did."
    )
    state = models.CharField(max_length=20, choices=FindingState.choices, default=FindingState.OPEN)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    due_on = models.DateField()
    action_plan = models.TextField(blank=True)
    remedy = models.TextField(blank=True)
    raised_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    retest = TenantForeignKey(CheckResult, null=True, blank=True, on_delete=models.PROTECT, related_name="retests_of")
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    closing_note = models.TextField(blank=True)
    history = History()

    objects: ClassVar[FindingManager] = FindingManager()

    project_path = "version__model__project"
    model_path = "version__model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "version", "number"], name="validation_finding_number"),
            models.UniqueConstraint(
                fields=["organization", "result"],
                condition=models.Q(result__isnull=False),
                name="validation_finding_result",
            ),
            models.CheckConstraint(
                condition=models.Q(state="closed", closed_by__isnull=False, closed_at__isnull=False)
                & ~models.Q(closing_note="")
                | (~models.Q(state="closed") & models.Q(closed_by__isnull=True, closed_at__isnull=True)),
                name="validation_finding_closed",
            ),
            # Nobody closes what is theirs to put right, whoever writes the row; a trigger adds the developers.
            models.CheckConstraint(
                condition=models.Q(closed_by__isnull=True) | ~models.Q(closed_by=models.F("owner")),
                name="validation_finding_segregation",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "version"],
                name="validation_finding_unsettled",
                condition=~models.Q(state="closed"),
            ),
            models.Index(
                fields=["organization", "due_on"], name="validation_finding_due", condition=~models.Q(state="closed")
            ),
        ]

    def __str__(self) -> str:
        return f"F{self.number} {self.title}"

    def get_absolute_url(self) -> str:
        version = self.version
        return reverse(
            "validation:finding", args=[self.organization.key, version.model.key, version.number, self.number]
        )

    @property
    def is_closed(self) -> bool:
        """Whether it is settled."""
        return self.state == FindingState.CLOSED

    @property
    def is_overdue(self) -> bool:
        """Whether it is not settled and its day has passed."""
        return not self.is_closed and self.due_on < timezone.localdate()

    @property
    def should_remind(self) -> bool:
        """Whether today is a day to remind: the first after its day has passed, and every seventh from then on."""
        late = (timezone.localdate() - self.due_on).days
        return self.is_overdue and late % 7 == 1

    @property
    def is_heavy(self) -> bool:
        """Whether it keeps the version from being used while it is neither closed nor waived."""
        return self.severity in BLOCKING


class WaiverState(models.TextChoices):
    REQUESTED = "requested", "Waiting for a decision"
    GRANTED = "granted", "Granted"
    DECLINED = "declined", "Declined"
    EXPIRED = "expired", "Expired"
    REVOKED = "revoked", "Revoked"


WAIVER_STATES = Machine(
    "validation.Waiver",
    WaiverState,
    {
        WaiverState.REQUESTED: (WaiverState.GRANTED, WaiverState.DECLINED),
        WaiverState.GRANTED: (WaiverState.EXPIRED, WaiverState.REVOKED),
        WaiverState.DECLINED: (),
        WaiverState.EXPIRED: (),
        WaiverState.REVOKED: (),
    },
)


class WaiverQuerySet(TenantQuerySet):
    """Waivers as the gate asks for them."""

    def in_force(self) -> Self:
        """Granted, and their last day has not passed."""
        return self.filter(state=WaiverState.GRANTED, until__gte=timezone.localdate())

    def run_out(self) -> Self:
        """Granted, but their last day has passed."""
        return self.filter(state=WaiverState.GRANTED, until__lt=timezone.localdate())


class WaiverManager(TenantManager.from_queryset(WaiverQuerySet)):  # type: ignore[misc]
    """Waivers of the ambient organization."""


class Waiver(TenantModel):
    """Permission to live with a finding until a day, given by an approval, with what makes up for it meanwhile."""

    finding = TenantForeignKey(Finding, on_delete=models.PROTECT, related_name="waivers")
    state = models.CharField(max_length=16, choices=WaiverState.choices, default=WaiverState.REQUESTED)
    reason = models.TextField()
    compensating_control = models.TextField()
    until = models.DateField()
    request = TenantForeignKey(
        "approvals.Request", null=True, blank=True, on_delete=models.PROTECT, related_name="waivers"
    )
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_because = models.TextField(blank=True)
    history = History()

    objects: ClassVar[WaiverManager] = WaiverManager()

    project_path = "finding__version__model__project"
    model_path = "finding__version__model"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "finding"],
                condition=models.Q(state__in=["requested", "granted"]),
                name="validation_waiver_one",
            ),
            models.CheckConstraint(
                condition=models.Q(state="requested", decided_at__isnull=True)
                | (~models.Q(state="requested") & models.Q(decided_at__isnull=False)),
                name="validation_waiver_decided",
            ),
            models.CheckConstraint(
                condition=~models.Q(reason="") & ~models.Q(compensating_control=""), name="validation_waiver_reason"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "until"], name="validation_waiver_until", condition=models.Q(state="granted")
            )
        ]

    def __str__(self) -> str:
        return f"Waiver of {self.finding}"

    def get_absolute_url(self) -> str:
        return f"{self.finding.get_absolute_url()}#waivers"

    @property
    def is_in_force(self) -> bool:
        """Whether it counts today."""
        return self.state == WaiverState.GRANTED and self.until >= timezone.localdate()
