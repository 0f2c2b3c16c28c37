"""Schedules: rows per organization that survive restarts, claimed when due by whichever sweep comes first."""

import datetime as dt
from itertools import batched
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from apps.work import outbox
from apps.work.models import Schedule

# Tasks that take several subjects at once, and how many: what is due of them is started together.
TOGETHER: dict[str, int] = {}
MOST = 500  # schedules that one look starts


def plan(
    *,
    name: str,
    task: str,
    subject_id: Any,
    every: dt.timedelta,
    queue: str = "default",
    first_at: dt.datetime | None = None,
) -> Schedule:
    """Have `task` run every so often for one subject; planning it again changes the interval and wakes it."""
    schedule = Schedule.objects.filter(task=task, subject_id=UUID(str(subject_id))).first() or Schedule(
        task=task, subject_id=UUID(str(subject_id))
    )
    schedule.name, schedule.queue, schedule.every, schedule.is_active = name, queue, every, True
    schedule.next_at = first_at or timezone.now() + every
    schedule.save()
    return schedule


def stop(*, subject_id: Any, task: str | None = None) -> int:
    """Stop the schedules of one subject (or the one of `task`); returns how many stopped."""
    stopped = Schedule.objects.filter(subject_id=UUID(str(subject_id)), is_active=True)
    if task is not None:
        stopped = stopped.filter(task=task)
    rows = list(stopped)
    for schedule in rows:
        schedule.is_active = False
        schedule.save()
    return len(rows)


def start_due() -> int:
    """Enqueue what is due in the ambient organization. A missed interval is run once, not once for each miss."""
    now = timezone.now()
    due = list(Schedule.objects.filter(is_active=True, next_at__lte=now).select_for_update(skip_locked=True)[:MOST])
    started: dict[tuple[str, str], list[UUID]] = {}
    for schedule in due:
        started.setdefault((schedule.task, schedule.queue), []).append(schedule.subject_id)
        missed = max(0, (now - schedule.next_at) // schedule.every)
        schedule.next_at += schedule.every * (missed + 1)
        schedule.last_at = now
    for (task, queue), subjects in started.items():
        for some in batched(subjects, TOGETHER.get(task, 1)):
            outbox.enqueue(task, *some, queue=queue)
    # When something is due next is no setting: it has no history.
    QuerySet(Schedule).bulk_update(due, ["next_at", "last_at"], batch_size=100)
    return len(due)
