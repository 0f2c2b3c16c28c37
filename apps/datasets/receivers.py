"""What datasets hear from approvals: decisions on fitness, and the moment before a signature."""

from typing import Any

from django.dispatch import receiver

from apps.approvals.actions import invalidate_if_changed
from apps.approvals.kinds import Kind
from apps.approvals.models import Request
from apps.approvals.signals import decided, signing
from apps.datasets import actions
from apps.datasets.models import DatasetVersion, Origin


def _version_of(request: Request) -> DatasetVersion | None:
    if request.kind != Kind.DATA:
        return None
    rows = DatasetVersion.objects.filter(sign_off_request=request).exclude(origin=Origin.PART)
    return rows.select_related("dataset__project", "source", "sign_off_request").first()


@receiver(decided)
def settle(sender: Any, request: Request, by: Any, **_: Any) -> None:
    """A decision on fitness moves the version and its parts."""
    version = _version_of(request)
    if version is not None:
        actions.settle_sign_off(version=version, request=request, by=by)


@receiver(signing)
def hold_against(sender: Any, request: Request, by: Any, **_: Any) -> None:
    """Before somebody signs: is it still what was frozen?"""
    version = _version_of(request)
    if version is not None:
        invalidate_if_changed(request=request, snapshot=actions.snapshot_of(version, version.fit_for), by=by)
