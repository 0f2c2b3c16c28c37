"""What projects hear: the decision on a charter, and that somebody is about to sign one."""

from typing import Any

from django.dispatch import receiver

from apps.approvals import actions as approvals
from apps.approvals.kinds import Kind
from apps.approvals.models import Request
from apps.approvals.signals import decided, signing
from apps.projects import actions
from apps.projects.charter import charter
from apps.projects.models import Project


@receiver(decided)
def conclude(sender: Any, request: Request, by: Any, **_: Any) -> None:
    """Take over the decision on a charter."""
    if request.kind == Kind.CHARTER and Project.objects.filter(approval=request).exists():
        actions.conclude_approval(request=request, by=by)


@receiver(signing)
def hold_against_the_charter(sender: Any, request: Request, by: Any, **_: Any) -> None:
    """Nobody signs a charter that is no longer what was frozen."""
    project = Project.objects.filter(approval=request).first() if request.kind == Kind.CHARTER else None
    if project is not None:
        approvals.invalidate_if_changed(request=request, snapshot=charter(project), by=by)
