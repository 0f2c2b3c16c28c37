"""Who may read sent mail, cancel a job, audit."""

from typing import Any

from django.conf import settings

from apps.core.errors import Refused
from apps.organizations import access
from apps.organizations.models import Organization
from apps.organizations.roles import Permission
from apps.work.models import Job, Message


def is_demo(organization: Organization) -> bool:
    """Whether this is an organization of the demo, on a portal that runs as a demo."""
    return bool(settings.TENURE_DEMO and organization.is_demo)


def check_read_mails(user: Any, organization: Organization) -> None:
    """Administrators see what was sent to whom and what became of it; in the demo everybody does."""
    if not is_demo(organization):
        access.check(user, Permission.ADMINISTER)


def can_read_mails(user: Any, organization: Organization) -> bool:
    """Whether check_read_mails passes."""
    return is_demo(organization) or access.can(user, Permission.ADMINISTER)


def can_read_text(user: Any, message: Message, organization: Organization) -> bool:
    """The words of a mail belong to whom it was sent: they may hold a link that lets one choose a new password."""
    return is_demo(organization) or message.recipient_id == user.pk


def check_cancel(user: Any, job: Job) -> None:
    """Who started a job may cancel it, and administrators may."""
    if job.started_by_id != user.pk and not access.can(user, Permission.ADMINISTER):
        raise Refused(f"Only {job.started_by}, who started this, or an administrator can cancel it.")
    if not job.is_open:
        raise Refused("This has ended already; there is nothing to cancel.")


def check_audit(user: Any) -> None:
    """Auditors, owners and administrators may enter the auditors' room."""
    access.check(user, Permission.AUDIT)
