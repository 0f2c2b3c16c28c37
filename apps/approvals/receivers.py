"""A new organization begins with policies and with somebody who follows requests up."""

import datetime as dt
from typing import Any

from django.dispatch import receiver

from apps.approvals import actions
from apps.organizations.signals import organization_created
from apps.work import schedules


@receiver(organization_created)
def begin(sender: Any, organization: Any, by: Any, **_: Any) -> None:
    """Write the default policies and plan the follow-up."""
    actions.begin_with_defaults(by=by)
    schedules.plan(
        name="Remind, escalate and expire approval requests",
        task="approvals.follow_up",
        subject_id=organization.pk,
        every=dt.timedelta(minutes=15),
    )
