"""What approvals do by themselves, on a schedule."""

from apps.approvals import actions
from apps.organizations.people import system
from apps.work.tasks import task


@task("approvals.follow_up")
def follow_up(_organization_id: str) -> None:
    """Remind, escalate and expire."""
    actions.follow_up(by=system())
