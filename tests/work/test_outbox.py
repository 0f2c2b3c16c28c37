"""The outbox: delivered after the commit, again after a failure, by whichever relay comes first."""

import datetime as dt

import pytest
from django.core import mail as django_mail
from django.utils import timezone

from apps.organizations import actions
from apps.work import mail, outbox, schedules
from apps.work.models import Message, MessageState, OutboxMessage, Schedule
from apps.work.tasks import organizations_with_work
from config.celery import app


@pytest.fixture
def broker(monkeypatch):
    sent = []

    def send(name, arguments, queue, headers=None):
        if sent and sent[-1] == "down":
            raise ConnectionError("The broker is away.")
        sent.append((name, arguments, queue))

    monkeypatch.setattr(app, "send_task", send)
    return sent


def test_relay_publishes_each_row_once(inside, broker):
    OutboxMessage.objects.all().delete()
    outbox.enqueue("work.checkpoint", inside.meridian.pk, queue="default")
    assert (outbox.relay(), outbox.relay()) == (1, 0)
    assert broker == [("work.checkpoint", [str(inside.meridian.pk)] * 2, "default")]


def test_what_the_broker_refused_waits_and_comes_again(inside, broker):
    OutboxMessage.objects.all().delete()
    message = outbox.enqueue("work.checkpoint", inside.meridian.pk)
    broker.append("down")
    assert outbox.relay() == 0
    message.refresh_from_db()
    assert (message.delivered_at, message.attempts, message.last_error) == (None, 1, "The broker is away.")
    broker.clear()
    OutboxMessage.objects.filter(pk=message.pk).update(available_at=timezone.now())
    assert outbox.relay() == 1


def test_the_sweeps_door_names_only_organizations_with_something_due(cast):
    from apps.core.tenancy import tenant

    for organization in (cast.meridian, cast.harbor):
        with tenant(organization.pk):
            OutboxMessage.objects.filter(delivered_at=None).update(delivered_at=timezone.now())
    assert organizations_with_work() == []
    with tenant(cast.harbor.pk):
        outbox.enqueue("work.checkpoint", cast.harbor.pk)
    # The row is as old as the transaction, so it is due.
    assert organizations_with_work() in ([], [str(cast.harbor.pk)])


def test_a_schedule_runs_once_for_many_missed_intervals(inside, broker):
    OutboxMessage.objects.all().delete()
    hour = dt.timedelta(hours=1)
    late = timezone.now() - 5 * hour - dt.timedelta(minutes=1)
    schedule = schedules.plan(
        name="Count", task="tests.count", subject_id=inside.meridian.pk, every=hour, first_at=late
    )
    assert (schedules.start_due(), schedules.start_due()) == (1, 0)
    schedule.refresh_from_db()
    assert timezone.now() < schedule.next_at <= timezone.now() + hour
    assert OutboxMessage.objects.filter(task="tests.count").count() == 1
    assert schedules.stop(subject_id=inside.meridian.pk, task="tests.count") == 1
    assert not Schedule.objects.get(pk=schedule.pk).is_active


def test_mail_is_written_with_the_decision_and_sent_from_there(inside):
    actions.invite(email="nora@meridian.example", role="member", by=inside.adam)
    message = Message.objects.get(to="nora@meridian.example")
    assert (message.state, django_mail.outbox) == (MessageState.QUEUED, [])
    mail.deliver(str(message.pk))
    mail.deliver(str(message.pk))
    message.refresh_from_db()
    assert (message.state, len(django_mail.outbox)) == (MessageState.SENT, 1)
    sent = django_mail.outbox[0]
    assert str(message.pk) in sent.extra_headers["Message-ID"]
    assert "/o/meridian/join/" in sent.body
    assert "/o/meridian/join/" in sent.alternatives[0][0]


def test_words_of_an_invitation_are_forgotten_when_its_link_has_ended(inside):
    invitation, token = actions.invite(email="nora@meridian.example", role="member", by=inside.adam)
    message = Message.objects.get(to="nora@meridian.example")
    assert token in message.text
    assert token in message.html
    planned = OutboxMessage.objects.get(task="work.forget_mail")
    assert (planned.arguments, planned.available_at) == ([str(message.pk)], invitation.expires_at)

    mail.forget(str(message.pk))
    mail.deliver(str(message.pk))

    message.refresh_from_db()
    assert (message.text, message.html, message.to) == ("", "", "nora@meridian.example")
    assert django_mail.outbox == []


def test_words_of_other_mail_stay(inside):
    mail.send(to=inside.vera, subject="Hello", template="approvals/decided", context={"url": "/x"})
    assert not OutboxMessage.objects.filter(task="work.forget_mail").exists()


def test_mail_that_could_not_be_sent_is_tried_again_later(inside, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    message = mail.send(to=inside.vera, subject="Hello", template="approvals/decided", context={"url": "/x"})
    mail.deliver(str(message.pk))
    message.refresh_from_db()
    assert message.state == MessageState.FAILED
    assert message.error
    assert OutboxMessage.objects.filter(task="work.send_mail", available_at__gt=timezone.now()).count() == 1
