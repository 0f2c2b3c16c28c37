"""What models hear: the decision on a version, and that somebody is about to sign for one."""

from typing import Any

from django.dispatch import receiver

from apps.approvals.kinds import Kind
from apps.approvals.models import Request
from apps.approvals.signals import decided, signing
from apps.models import actions
from apps.models.actions.versions import invalidate_if_changed
from apps.models.models import ModelVersion


def _version_of(request: Request) -> ModelVersion | None:
    if request.kind != Kind.MODEL:
        return None
    rows = ModelVersion.objects.select_related("model__project", "artifact", "run", "dataset_version", "approval")
    return rows.filter(approval=request).first()


@receiver(decided)
def conclude(sender: Any, request: Request, by: Any, **_: Any) -> None:
    """Take over the decision on a version."""
    if _version_of(request) is not None:
        actions.conclude_approval(request=request, by=by)


@receiver(signing)
def hold_against_the_records(sender: Any, request: Request, by: Any, **_: Any) -> None:
    """Nobody signs for a version whose evidence is no longer what was frozen."""
    version = _version_of(request)
    if version is not None:
        invalidate_if_changed(version, by)
