"""The outbox: a task is a row in the deciding transaction, published to the broker after the commit.

Delivery is at least once: a crash between publishing and marking the row publishes it again, so tasks are idempotent.
"""

import datetime as dt
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.utils import timezone

from apps.core import tenancy, tracing
from apps.work.models import OutboxMessage

log = structlog.get_logger("tenure.outbox")
BATCH = 200


def enqueue(
    task: str, *arguments: Any, queue: str = "default", at: dt.datetime | None = None, with_id: bool = False
) -> OutboxMessage:
    """Have `task` run with the organization's id and `arguments` (ids and plain values only) once this commits.

    `with_id` adds the message's own id as the last argument.
    """
    message = OutboxMessage(
        task=task,
        queue=queue,
        arguments=[str(value) if isinstance(value, UUID) else value for value in arguments],
        trace=tracing.carried(),
    )
    if with_id:
        message.arguments.append(str(message.pk))
    if at is not None:
        message.available_at = at
    message.save(force_insert=True)
    _relay_after_commit(message.organization_id)
    return message


def _relay_after_commit(organization_id: UUID) -> None:
    waiting: set[UUID] = connection.__dict__.setdefault("_tenure_relays", set())
    if organization_id in waiting:
        return
    waiting.add(organization_id)

    def deliver() -> None:
        waiting.discard(organization_id)
        try:
            with tenancy.tenant(organization_id):
                relay()
        except Exception:
            # The rows are committed; the sweep delivers them in a few seconds.
            log.warning("relay_failed", organization=str(organization_id), exc_info=True)

    transaction.on_commit(deliver, robust=True)


def relay() -> int:
    """Publish what waits in the ambient organization; returns how many. Several relays share the rows."""
    from config.celery import app

    waiting = (
        OutboxMessage.objects.filter(delivered_at=None, available_at__lte=timezone.now())
        .order_by("id")
        .select_for_update(skip_locked=True)[:BATCH]
    )
    published = 0
    for message in waiting:
        message.attempts += 1
        try:
            arguments = [str(message.organization_id), *message.arguments]
            headers = {tracing.HEADER: message.trace} if message.trace else None
            app.send_task(message.task, arguments, queue=message.queue, headers=headers)
            message.delivered_at = timezone.now()
            published += 1
        except Exception as error:
            message.last_error = str(error)[:1000]
            message.available_at = timezone.now() + dt.timedelta(seconds=min(5 * 2 ** min(message.attempts, 8), 600))
            log.warning("publish_failed", task=message.task, attempts=message.attempts, error=str(error))
        message.save(update_fields=["attempts", "delivered_at", "last_error", "available_at"])
        if message.delivered_at is None:
            break
    return published
