"""Policies with ordered steps, requests bound to a frozen snapshot, signatures, delegations."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.urls import reverse
from django.utils import timezone

from apps.approvals.kinds import Independence, Kind
from apps.core.models import AppendOnlyModel, History, TenantForeignKey, TenantModel
from apps.core.states import Machine
from apps.organizations.models import Scope


class Policy(TenantModel):
    """Who must sign for one kind of decision. A change is a new version; requests keep the one they began with."""

    kind = models.CharField(max_length=32, choices=Kind.choices)
    # Tiers it is for; empty: every tier that no other current policy of the kind names.
    tiers = ArrayField(models.CharField(max_length=16), default=list, blank=True)
    version = models.PositiveIntegerField(default=1)
    independence = models.CharField(max_length=16, choices=Independence.choices, default=Independence.PERSON)
    is_high_risk = models.BooleanField(default=False, help_text="Signers confirm who they are before they sign.")
    is_current = models.BooleanField(default=True)
    reason = models.TextField(blank=True)
    history = History()

    class Meta(TenantModel.Meta):
        verbose_name_plural = "policies"
        ordering: ClassVar = ["kind", "-version"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "kind", "tiers", "version"], name="approvals_policy_version"
            ),
            models.UniqueConstraint(
                fields=["organization", "kind", "tiers"],
                condition=models.Q(is_current=True),
                name="approvals_policy_current",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, version {self.version}"

    def get_absolute_url(self) -> str:
        return reverse("approvals:policy", args=[self.organization.key, self.pk])


class PolicyStep(AppendOnlyModel):
    """One step: so many signatures of one role within so many days."""

    policy = TenantForeignKey(Policy, on_delete=models.CASCADE, related_name="steps")
    order = models.PositiveSmallIntegerField()
    role = models.CharField(max_length=32)
    quorum = models.PositiveSmallIntegerField(default=1)
    days = models.PositiveSmallIntegerField(default=5)
    escalate_to = models.CharField(max_length=32, blank=True)

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["order"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "policy", "order"], name="approvals_step_order"),
            models.CheckConstraint(condition=models.Q(quorum__gte=1, days__gte=1), name="approvals_step_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.order}. {self.role.replace('_', ' ')} ({self.quorum})"


class RequestState(models.TextChoices):
    OPEN = "open", "Waiting for signatures"
    CHANGES = "changes_requested", "Changes asked for"
    APPROVED = "approved", "Approved"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"
    EXPIRED = "expired", "Expired"
    INVALIDATED = "invalidated", "Invalid: what it covers has changed"


class Request(TenantModel):
    """A decision asked for. The signers sign the snapshot, whose hash binds every signature."""

    kind = models.CharField(max_length=32, choices=Kind.choices)
    policy = TenantForeignKey(Policy, related_name="requests")
    scope = TenantForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=250)
    link = models.CharField(max_length=300)
    snapshot = models.JSONField()
    content_hash = models.CharField(max_length=64)
    message = models.TextField(blank=True)
    state = models.CharField(max_length=20, choices=RequestState.choices, default=RequestState.OPEN)
    step = models.PositiveSmallIntegerField(default=1)
    due_at = models.DateTimeField()
    reminded_at = models.DateTimeField(null=True, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    outcome = models.TextField(blank=True)
    history = History(excluded_fields=["snapshot"])

    project_path = "scope"

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "due_at"], name="approvals_request_open", condition=models.Q(state="open")
            ),
            models.Index(fields=["organization", "scope", "-id"], name="approvals_request_scope"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(state__in=["open"], decided_at__isnull=True)
                | (~models.Q(state="open") & models.Q(decided_at__isnull=False)),
                name="approvals_request_decided",
            )
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("approvals:request", args=[self.organization.key, self.pk])

    @property
    def is_open(self) -> bool:
        """Whether signatures are still awaited."""
        return self.state == RequestState.OPEN

    @property
    def is_overdue(self) -> bool:
        """Whether the current step's days have passed."""
        return self.is_open and self.due_at < timezone.now()


REQUEST_STATES = Machine(
    "approvals.Request",
    RequestState,
    {
        RequestState.OPEN: (
            RequestState.APPROVED,
            RequestState.DECLINED,
            RequestState.CHANGES,
            RequestState.WITHDRAWN,
            RequestState.EXPIRED,
            RequestState.INVALIDATED,
        ),
        RequestState.APPROVED: (RequestState.INVALIDATED,),
        RequestState.CHANGES: (),
        RequestState.DECLINED: (),
        RequestState.WITHDRAWN: (),
        RequestState.EXPIRED: (),
        RequestState.INVALIDATED: (),
    },
)


class Conflict(AppendOnlyModel):
    """A person who may not sign this request, and why: who asked, developed or last changed what it covers."""

    request = TenantForeignKey(Request, on_delete=models.CASCADE, related_name="conflicts")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    why = models.CharField(max_length=200)

    class Meta(AppendOnlyModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "request", "user"], name="approvals_conflict_one")
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.why}"


class Verdict(models.TextChoices):
    SIGNED = "signed", "Signed"
    DECLINED = "declined", "Declined"
    CHANGES = "changes_requested", "Asked for changes"


class Signature(AppendOnlyModel):
    """What one person decided at one step. A trigger refuses the conflicted, whoever writes the row."""

    request = TenantForeignKey(Request, on_delete=models.PROTECT, related_name="signatures")
    step = models.PositiveSmallIntegerField()
    verdict = models.CharField(max_length=20, choices=Verdict.choices)
    role = models.CharField(max_length=32)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    on_behalf_of = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    comment = models.TextField(blank=True)
    content_hash = models.CharField(max_length=64)
    confirmed_identity = models.BooleanField(default=False)

    project_path = "request__scope"

    class Meta(AppendOnlyModel.Meta):
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "request", "step", "user"], name="approvals_signature_once"
            ),
            models.CheckConstraint(
                condition=models.Q(verdict="signed") | ~models.Q(comment=""), name="approvals_signature_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.get_verdict_display().lower()}"


class Delegation(TenantModel):
    """While a person is away, another signs for them. The absent person's conflicts go along."""

    absent = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    substitute = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=200, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    history = History()

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["-starts_at"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="approvals_delegation_order"
            ),
            models.CheckConstraint(
                condition=~models.Q(absent=models.F("substitute")), name="approvals_delegation_other"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.substitute} for {self.absent}"

    @property
    def is_current(self) -> bool:
        """Whether it counts now."""
        return self.revoked_at is None and self.starts_at <= timezone.now() < self.ends_at
