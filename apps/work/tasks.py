"""The task door: a task takes ids, opens the tenant, calls one action. And the sweep that finds what is due."""

import functools
from collections.abc import Callable
from typing import Any

import structlog
from django.db import connection

from apps.core import channel, tenancy
from apps.work import deliveries, jobs, mail, outbox, schedules
from config.celery import app

log = structlog.get_logger("tenure.task")


def task(
    name: str, *, queue: str = "default", together: int = 1, **options: Any
) -> Callable[[Callable[..., Any]], Any]:
    """Declare a task whose body runs in one transaction of the organization it is for.

    The first message argument is the organization's id; the function gets the others. It may run twice. A task that
    takes the subjects of up to `together` schedules is called once for so many that are due.
    """
    schedules.TOGETHER[name] = together

    def declare(function: Callable[..., Any]) -> Any:
        @app.task(name=name, queue=queue, **options)
        @functools.wraps(function)
        def door(organization_id: str, *arguments: Any) -> None:
            with channel.through("task"), tenancy.tenant(organization_id):
                function(*arguments)

        return door

    return declare


@app.task(name="work.sweep", ignore_result=True)
def sweep() -> None:
    """For every organization with something due: deliver the outbox, start schedules, pick up dropped jobs."""
    for organization_id in organizations_with_work():
        try:
            with channel.through("task"), tenancy.tenant(organization_id):
                schedules.start_due()
                jobs.pick_up_dropped()
                outbox.relay()
        except Exception:
            log.exception("sweep_failed", organization=organization_id)


def organizations_with_work() -> list[str]:
    """Ids of the organizations with something due now, through their door."""
    with connection.cursor() as cursor:
        cursor.execute("select door_organizations_with_work()")
        return [str(organization_id) for (organization_id,) in cursor.fetchall()]


@task("work.send_mail", queue="mail")
def send_mail(message_id: str) -> None:
    """Send one mail that was written earlier."""
    mail.deliver(message_id)


@task("work.forget_mail", queue="mail")
def forget_mail(message_id: str) -> None:
    """Forget the words of one mail whose link has lost its power."""
    mail.forget(message_id)


@app.task(name="work.deliver", queue="mail", soft_time_limit=60, time_limit=90)
def deliver(organization_id: str, delivery_id: str, attempts: str) -> None:
    """Make one attempt to deliver news; it opens the tenant by itself, for no transaction is open while it waits."""
    with channel.through("task"):
        deliveries.deliver(organization_id, delivery_id, int(attempts))


@task("work.checkpoint")
def checkpoint(_organization_id: str) -> None:
    """Sign the head of the organization's audit chain."""
    from apps.audit.chain import write_checkpoint

    write_checkpoint()
