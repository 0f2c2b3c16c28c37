"""What validation hears: decisions on waivers, evidence asked for, and that an organization begins."""

import datetime as dt
from typing import Any

from django.dispatch import receiver

from apps.approvals.kinds import Kind
from apps.approvals.models import Request
from apps.approvals.signals import decided, signing
from apps.core.errors import Refused
from apps.models.signals import gathering_evidence
from apps.organizations.signals import organization_created
from apps.validation import actions, policies, subjects
from apps.validation.models import Waiver
from apps.work import schedules


@receiver(decided)
def conclude_waiver(sender: Any, request: Request, by: Any, **_: Any) -> None:
    """Take over the decision on a waiver."""
    if request.kind == Kind.WAIVER and Waiver.objects.filter(request=request).exists():
        actions.conclude_waiver(request=request, by=by)


@receiver(signing)
def hold_against_the_finding(sender: Any, request: Request, by: Any, **_: Any) -> None:
    """Nobody signs a waiver of something that has changed."""
    waiver = Waiver.objects.filter(request=request).first() if request.kind == Kind.WAIVER else None
    if waiver is not None:
        actions.invalidate_waivers_if_changed(finding=waiver.finding, by=by)


@receiver(organization_created)
def begin(sender: Any, organization: Any, by: Any, **_: Any) -> None:
    """Plan the daily look at waivers that run out and findings that are overdue."""
    schedules.plan(
        name="End waivers that run out, remind of overdue findings",
        task="validation.follow_up",
        subject_id=organization.pk,
        every=dt.timedelta(days=1),
    )


@receiver(gathering_evidence)
def add_validation(sender: Any, version: Any, by: Any, evidence: dict, conflicts: dict, **_: Any) -> None:
    """What an approval of a version covers from here; refused while a finding stands against it."""
    against = list(policies.blocking_findings(version)[:5])
    if against:
        names = ", ".join(str(finding) for finding in against)
        raise Refused(f"Findings stand against {version}: {names}. They are closed or waived first.")
    evidence["validation"] = subjects.evidence_of(version)
