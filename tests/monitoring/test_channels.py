"""Channels: incidents reach those that are for them, and only these; what was delivered can be read and sent again."""

import copy
import datetime as dt
import json

import pytest

from apps.core.errors import Conflict, Invalid, NotVisible, Refused
from apps.core.tenancy import tenant
from apps.monitoring import actions
from apps.monitoring.models import Channel, Incident
from apps.work.models import Delivery, Message
from tests.deployments.shop import Shop
from tests.monitoring.field import START
from tests.support import deliver
from tests.work.receiver import is_signed, receiver

__all__ = ["receiver"]
DAY = dt.timedelta(days=1)
HOME = "/o/meridian/monitoring/channels/"
API = "/o/meridian/api/v1/"


def channel(cast, receiver, by=None, **more):
    given = {"name": "Watch room", "transport": "webhook", "address": receiver.url, "by": by or cast.adam}
    return actions.create_channel(**(given | more))


def events(receiver):
    return [body["type"] for body in receiver.bodies]


def drifted(field):
    monitor = field.monitor(limits={"open_after": 1, "among": 1, "close_after": 1})
    field.fly(300, labelled=False, later=8)
    field.fly(300, START + DAY, labelled=False)
    field.fly(1, START + 2 * DAY, labelled=False)
    field.run(monitor)
    return Incident.objects.get(cause="drift")


def test_an_incident_is_told_from_its_beginning_to_its_end(field, receiver):
    made = channel(field.cast, receiver)
    incident = drifted(field)
    actions.resolve(incident=incident, root_cause="A new timetable.", resolution="Retrained.", by=field.cast.otto)
    deliver(field.cast.meridian)
    assert events(receiver) == ["incident.opened", "incident.calmed", "incident.resolved"]
    first = receiver.bodies[0]["data"]
    assert (first["incident"], first["endpoint"], first["cause"]) == (1, "late-arrivals", "drift")
    assert first["evidence"]["features"][0]["feature"] == "dep_delay"
    assert first["url"].endswith("/o/meridian/monitoring/incidents/1/")
    from apps.work.deliveries import secret_of

    assert all(is_signed(secret_of(made.destination), headers, body) for _, headers, body in receiver.got)


def test_what_is_decided_and_rolled_back_is_told_to_nobody(field, receiver):
    from django.db import transaction

    channel(field.cast, receiver)
    with pytest.raises(RuntimeError), transaction.atomic():
        actions.open_incident(endpoint=field.endpoint, cause="errors", title="Calls fail", by=field.cast.otto)
        raise RuntimeError
    deliver(field.cast.meridian)
    assert receiver.got == []


def test_a_channel_tells_of_what_it_is_for(field, receiver):
    cast = field.cast
    other = Shop(cast, key="gates")
    channel(cast, receiver, name="Everything")
    channel(cast, receiver, name="Project", project=field.shop.project)
    channel(cast, receiver, name="Endpoint", endpoint=field.endpoint)
    channel(cast, receiver, name="Other project", project=other.project)
    channel(cast, receiver, name="Severe", least="severe")
    channel(cast, receiver, name="Silence", causes=["silence"])
    off = channel(cast, receiver, name="Off")
    actions.change_channel(channel=off, settings={"is_active": False}, by=cast.adam)
    actions.open_incident(endpoint=field.endpoint, cause="errors", title="Calls fail", by=cast.otto)
    told = Delivery.objects.values_list("destination", flat=True)
    assert set(Channel.objects.filter(destination__in=told).values_list("name", flat=True)) == {
        "Everything", "Project", "Endpoint",
    }  # fmt: skip
    Delivery.objects.all().delete()
    actions.open_incident(endpoint=field.endpoint, cause="silence", title="Nothing", severity="severe", by=cast.otto)
    told = Delivery.objects.values_list("destination", flat=True)
    assert set(Channel.objects.filter(destination__in=told).values_list("name", flat=True)) == {
        "Everything", "Project", "Endpoint", "Severe", "Silence",
    }  # fmt: skip


def test_a_mail_channel_reaches_an_address_that_is_no_member(field):
    actions.create_channel(name="On call", transport="mail", address="oncall@meridian.example", by=field.cast.adam)
    actions.open_incident(endpoint=field.endpoint, cause="errors", title="Calls fail", by=field.cast.otto)
    deliver(field.cast.meridian)
    assert "Calls fail" in Message.objects.get(to="oncall@meridian.example").text


def test_a_snoozed_monitor_keeps_its_channels_quiet(field, receiver):
    channel(field.cast, receiver)
    monitor = field.monitor(limits={"open_after": 1, "among": 1})
    from django.utils import timezone

    actions.snooze_monitor(monitor=monitor, until=timezone.now() + DAY, reason="Known.", by=field.cast.otto)
    field.fly(300, labelled=False, later=8)
    field.fly(1, START + DAY, labelled=False)
    field.run(monitor)
    assert (receiver.got, Incident.objects.count()) == ([], 0)


def test_who_watches_an_endpoint_opens_its_channels_and_administrators_all(field, receiver):
    cast = field.cast
    channel(cast, receiver, by=cast.otto, endpoint=field.endpoint, name="Mine")
    channel(cast, receiver, by=cast.dario, project=field.shop.project, name="Ours")
    with pytest.raises(Refused):
        channel(cast, receiver, by=cast.otto, name="All")
    with pytest.raises(Refused):
        channel(cast, receiver, by=cast.wim, endpoint=field.endpoint, name="Not his")
    with pytest.raises(NotVisible):
        channel(cast, receiver, by=cast.mina, endpoint=field.endpoint, name="Not hers")


@pytest.mark.parametrize(
    ("transport", "address", "why"),
    [
        ("webhook", "https://169.254.169.254/", "inside the network"),
        ("slack", "https://10.0.0.8/services/x", "inside the network"),
        ("teams", "http://example.com/x", "https"),
        ("webhook", "nonsense", "https://"),
        ("mail", "nonsense", "mail address"),
        ("pigeon", "loft", "kind of channel"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(inside, transport, address, why):
    with pytest.raises(Invalid, match=why) as refused:
        actions.create_channel(name="X", transport=transport, address=address, by=inside.adam)
    assert set(refused.value.fields) in ({"address"}, {"transport"})


def test_two_channels_have_two_names(inside, receiver):
    channel(inside, receiver)
    with pytest.raises(Conflict, match="another name"):
        channel(inside, receiver)


@pytest.fixture
def room(cast, receiver):
    with tenant(cast.meridian.pk):
        return cast, channel(cast, receiver), receiver


def test_pages_open_try_change_and_replay(room, sign_in):
    cast, made, receiver = room
    client = sign_in(cast.adam)
    url = f"{HOME}{made.pk}/"
    assert "whsec_" in client.get(url).content.decode()
    assert client.post(f"{url}test/").status_code == 303
    deliver(cast.meridian)
    assert events(receiver) == ["channel.test"]
    shown = client.get(url).content.decode()
    assert "A test of the channel “Watch room”" in shown
    with tenant(cast.meridian.pk):
        delivery = Delivery.objects.get()
    page = f"/o/meridian/monitoring/deliveries/{delivery.pk}/"
    assert delivery.message_id in client.get(page).content.decode()
    assert client.post(f"{page}replay/").status_code == 303
    deliver(cast.meridian)
    assert [headers["webhook-id"] for _, headers, _ in receiver.got] == [delivery.message_id] * 2
    given = {"name": "Night watch", "least": "severe", "causes": ["drift"], "is_active": "on"}
    assert client.post(f"{url}change/", given).status_code == 303
    with tenant(cast.meridian.pk):
        changed = Channel.objects.select_related("destination").get(pk=made.pk)
        assert (changed.name, changed.least, changed.causes) == ("Night watch", "severe", ["drift"])
        assert changed.destination.shown.startswith("127.0.0.1")
    assert "Night watch" in client.get(HOME).content.decode()
    form = {"name": "Bad", "transport": "webhook", "address": "https://10.0.0.1/", "least": "attention"}
    answer = client.post(f"{HOME}new/", form)
    assert (answer.status_code, "inside the network" in answer.content.decode()) == (422, True)


def test_a_reader_sees_the_channel_without_its_secret(room, sign_in):
    cast, made, _ = room
    shown = sign_in(cast.mina).get(f"{HOME}{made.pk}/").content.decode()
    assert "Watch room" in shown
    assert "whsec_" not in shown
    assert sign_in(cast.mina).post(f"{HOME}{made.pk}/test/").status_code == 403


def test_the_api_does_the_same(room, sign_in):
    cast, _, receiver = room
    client = sign_in(cast.adam)

    def post(path, **given):
        return client.post(f"{API}{path}", json.dumps(given), content_type="application/json")

    made = post("channels/", name="By API", transport="webhook", address=receiver.url)
    assert made.status_code == 201
    secret, key = made.json()["secret"], made.json()["id"]
    assert receiver.url not in client.get(f"{API}channels/{key}/").content.decode()
    assert "secret" not in client.get(f"{API}channels/{key}/").json()
    tested = post(f"channels/{key}/test/")
    deliver(cast.meridian)
    assert is_signed(secret, *receiver.got[0][1:])
    ledger = client.get(f"{API}deliveries/{tested.json()['delivery']}/").json()
    assert (ledger["state"], ledger["status_code"], len(ledger["tries"])) == ("delivered", 200, 1)
    assert post(f"deliveries/{ledger['id']}/replay/").status_code == 202
    deliver(cast.meridian)
    assert len(receiver.got) == 2
    assert post(f"channels/{key}/change-secret/").json()["secret"] != secret
    assert post(f"channels/{key}/change/", least="severe").json()["least"] == "severe"
    refused = post("channels/", name="Inside", transport="webhook", address="https://192.168.0.1/")
    assert refused.status_code == 422


def test_a_project_channel_and_what_it_got_are_hidden_from_others(cast, field_once, receiver, sign_in):
    field = copy.deepcopy(field_once)
    with tenant(cast.meridian.pk):
        made = channel(cast, receiver, by=cast.otto, endpoint=field.endpoint)
        actions.try_channel(channel=made, by=cast.otto)
        delivery = Delivery.objects.get()
    client = sign_in(cast.mina)
    assert client.get(f"{HOME}{made.pk}/").status_code == 404
    assert client.get(f"/o/meridian/monitoring/deliveries/{delivery.pk}/").status_code == 404
    assert client.get(f"{API}deliveries/").json()["results"] == []
