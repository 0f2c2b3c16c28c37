"""Deliveries: signed, tried again, kept in the ledger, sent again at somebody's wish."""

import datetime as dt
import json

import pytest
from django.utils import timezone

from apps.core.secrets import unseal
from apps.work import deliveries, formats
from apps.work.formats import News
from apps.work.models import Attempt, Delivery, Destination, Message, OutboxMessage
from tests.support import deliver
from tests.work.receiver import is_signed, receiver

__all__ = ["receiver"]

NEWS = News(
    "incident.opened", "2026-11-23T09:00:00+00:00", "Incident 4", "dep_delay <has> moved & more",
    "http://portal/o/a/", facts=[("Endpoint", "late_arrivals")], data={"incident": 4}, meaning="wrong",
)  # fmt: skip


def send(receiver, transport="webhook"):
    destination = deliveries.open_destination(transport=transport, address=receiver.url)
    return deliveries.send(destination=destination, news=NEWS)


def told(delivery):
    delivery.refresh_from_db()
    return delivery.state, delivery.attempts, delivery.status_code


def test_a_webhook_is_signed_as_the_standard_says(inside, receiver):
    delivery = send(receiver)
    deliver(inside.meridian)
    assert told(delivery) == ("delivered", 1, 200)
    path, headers, body = receiver.got[0]
    assert (path, headers["webhook-id"]) == ("/hook", delivery.message_id)
    secret = deliveries.secret_of(delivery.destination)
    assert secret.startswith("whsec_")
    assert is_signed(secret, headers, body)
    assert not is_signed(secret, headers, body + b" ")
    assert not is_signed(formats.new_secret(), headers, body)
    said = json.loads(body)
    assert (said["type"], said["timestamp"], said["data"]["incident"]) == ("incident.opened", NEWS.at, 4)


def test_the_signature_is_that_of_the_specification():
    # The example of the specification's own libraries.
    found = formats.signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_that_fails_twice_gets_it_the_third_time_under_the_same_id(inside, receiver):
    receiver.plan = [500, 503]
    delivery = send(receiver)
    deliver(inside.meridian)
    assert told(delivery) == ("delivered", 3, 200)
    assert {headers["webhook-id"] for _, headers, _ in receiver.got} == {delivery.message_id}
    tries = Attempt.objects.filter(delivery=delivery).values_list("number", "status_code", "error")
    assert list(tries) == [(1, 500, "The receiver answered 500."), (2, 503, "The receiver answered 503."), (3, 200, "")]


def test_attempts_come_later_and_later(inside, receiver):
    receiver.plan = [500] * 20
    send(receiver)
    OutboxMessage.objects.exclude(task="work.deliver").delete()
    deliver(inside.meridian)
    rows = OutboxMessage.objects.filter(task="work.deliver").order_by("id")
    waits = [round((row.available_at - row.created_at).total_seconds()) for row in rows]
    assert waits == [0, *deliveries.WAITS, deliveries.WAITS[-1]]


def test_a_receiver_that_never_works_is_given_up_and_can_be_tried_again(inside, receiver):
    receiver.plan = [500] * deliveries.BUDGET
    delivery = send(receiver)
    deliver(inside.meridian)
    assert told(delivery) == ("failed", deliveries.BUDGET, 500)
    deliveries.send_again(delivery=delivery)
    deliver(inside.meridian)
    assert told(delivery) == ("delivered", deliveries.BUDGET + 1, 200)


def test_a_task_that_comes_twice_makes_one_attempt(inside, receiver):
    delivery = send(receiver)
    deliver(inside.meridian)
    deliveries.deliver(str(inside.meridian.pk), str(delivery.pk), 0)
    assert len(receiver.got) == 1


def test_a_worker_killed_while_it_waited_is_followed_by_the_next_attempt(inside, receiver, monkeypatch):
    delivery = send(receiver)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("apps.work.outgoing.post", killed)
        with pytest.raises(KeyboardInterrupt):
            deliveries.deliver(str(inside.meridian.pk), str(delivery.pk), 0)
    deliver(inside.meridian)
    assert told(delivery) == ("delivered", 2, 200)


def test_a_receiver_that_is_gone_gets_nothing_more(inside, receiver):
    receiver.plan = [410]
    delivery = send(receiver)
    deliver(inside.meridian)
    assert told(delivery) == ("failed", 1, 410)
    other = deliveries.send(destination=delivery.destination, news=NEWS)
    deliver(inside.meridian)
    assert (told(other), len(receiver.got)) == (("failed", 0, None), 1)


def test_a_receiver_may_say_when_to_come_again(inside, receiver):
    receiver.plan, receiver.headers = [429], {"Retry-After": "600"}
    delivery = send(receiver)
    deliveries.deliver(str(inside.meridian.pk), str(delivery.pk), 0)
    delivery.refresh_from_db()
    assert delivery.next_at > timezone.now() + dt.timedelta(seconds=590)
    assert OutboxMessage.objects.filter(available_at__gte=delivery.next_at, task="work.deliver").exists()


def test_a_changed_secret_signs_beside_the_former_one(inside, receiver):
    delivery = send(receiver)
    former = deliveries.secret_of(delivery.destination)
    fresh = deliveries.change_secret(destination=delivery.destination)
    deliver(inside.meridian)
    _, headers, body = receiver.got[0]
    assert is_signed(former, headers, body)
    assert is_signed(fresh, headers, body)


def test_slack_gets_blocks_and_teams_an_adaptive_card(inside, receiver):
    send(receiver, "slack")
    send(receiver, "teams")
    deliver(inside.meridian)
    slack, teams = receiver.bodies
    assert [block["type"] for block in slack["blocks"]] == ["header", "section", "section", "section"]
    assert slack["text"] == "Incident 4: dep_delay &lt;has&gt; moved &amp; more"
    card = teams["attachments"][0]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card["content"]["type"] == "AdaptiveCard"
    assert card["content"]["body"][2]["facts"] == [{"title": "Endpoint", "value": "late\\_arrivals"}]
    assert card["content"]["actions"][0]["url"] == NEWS.url


def test_mail_goes_the_way_of_all_mail(inside):
    destination = deliveries.open_destination(transport="mail", address="oncall@meridian.example")
    delivery = deliveries.send(destination=destination, news=NEWS)
    deliver(inside.meridian)
    assert told(delivery) == ("delivered", 1, None)
    message = Message.objects.get(to="oncall@meridian.example")
    assert message.subject == "Incident 4"
    assert "dep_delay <has> moved & more" in message.text
    assert "late_arrivals" in message.text


def test_address_and_secret_are_sealed(inside, receiver):
    delivery = send(receiver)
    stored = Destination.objects.values().get(pk=delivery.destination_id)
    assert receiver.url not in str(stored)
    assert "whsec_" not in str(stored)
    assert unseal(stored["sealed_address"]) == receiver.url
    assert "sealed_secret" not in Destination.history.model._meta.fields_map
    assert not {"sealed_address", "sealed_secret"} & {field.name for field in Destination.history.model._meta.fields}
    assert Delivery.objects.count() == 1
