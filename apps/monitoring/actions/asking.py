"""Asking the workers to count: one request of an organization is on its way at a time, however much arrives."""

import datetime as dt

from django.utils import timezone

from apps.work import outbox
from apps.work.models import OutboxMessage

TASK = "monitoring.count_rows"
LOST_AFTER = dt.timedelta(minutes=2)


def ask_to_count() -> bool:
    """Have a worker count what waits in the ambient organization, unless that is asked for already; whether it was not.

    The worker that takes the request up asks again while there is more, so the organization has one place in the line
    of all of them. A request that nobody has taken up for minutes is taken for lost.
    """
    asked = OutboxMessage.objects.filter(task=TASK)
    asked.filter(delivered_at__lt=timezone.now() - LOST_AFTER).delete()
    if asked.exists():
        return False
    ask_again("", timezone.now())
    return True


def ask_again(after: str, at: dt.datetime) -> None:
    """Ask for the next part at a time, of the endpoint that comes after this one."""
    outbox.enqueue(TASK, after, queue="counting", at=at, with_id=True)


def take_up(request_id: str) -> bool:
    """Take a request off the list; False when it was taken already, by whoever got the same message before."""
    return bool(OutboxMessage.objects.filter(pk=request_id).delete()[0])
