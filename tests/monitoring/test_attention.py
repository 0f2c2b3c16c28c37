"""What keeps alerts worth reading: mutes, escalation, the daily digest, and what has to be watched at all."""

import copy
import datetime as dt
import json

import pytest
from django.utils import timezone

from apps.core.errors import Conflict, Invalid, Refused
from apps.core.tenancy import tenant
from apps.deployments.models import Endpoint
from apps.monitoring import actions, plans, results
from apps.monitoring.models import Check, Incident, IncidentEntry, Monitor, Mute
from apps.organizations.people import system
from apps.work.models import Message, Schedule
from tests.monitoring.field import START
from tests.monitoring.test_channels import channel, events
from tests.support import deliver
from tests.work.receiver import receiver

__all__ = ["receiver"]
DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
ONCE = {"open_after": 1, "among": 1}
HOME, API = "/o/meridian/monitoring/", "/o/meridian/api/v1/"


def soon():
    return timezone.now() + 30 * DAY


def test_a_muted_feature_is_shown_and_raises_nothing(field):
    monitor = field.monitor(limits=ONCE)
    field.fly(300, labelled=False)
    field.fly(1, START + DAY, labelled=False)
    field.run(monitor)
    made = actions.mute(monitor=monitor, feature="dep_delay", until=soon(), reason="Known.", by=field.cast.otto)
    field.fly(300, START + DAY, labelled=False, later=8)
    field.fly(1, START + 2 * DAY, labelled=False)
    field.run(monitor)
    check = Check.objects.get(monitor=monitor, start_at=START + DAY)
    assert (check.level, Incident.objects.count(), check.result["muted"]) == ("quiet", 0, [["dep_delay", ""]])
    shown = next(one for one in results.of_check(check) if one.feature == "dep_delay")
    assert (shown.level, sorted(shown.result["muted"])) == ("drift", ["drift", "null", "outside"])
    actions.unmute(mute=made, by=field.cast.otto)
    field.fly(300, START + 2 * DAY, labelled=False, later=8)
    field.fly(1, START + 3 * DAY, labelled=False)
    field.run(monitor)
    assert Incident.objects.get().evidence["features"][0]["feature"] == "dep_delay"


def test_a_mute_ends_with_its_date(field):
    monitor = field.monitor(limits=ONCE)
    field.fly(300, labelled=False)
    field.fly(300, START + DAY, labelled=False, later=8)
    field.run(monitor)
    made = actions.mute(monitor=monitor, signal="drift", until=soon(), reason="Known.", by=field.cast.otto)
    made.until = timezone.now()
    made.save()
    field.fly(1, START + 2 * DAY, labelled=False)
    field.run(monitor)
    assert Incident.objects.count() == 1


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "Name a feature"),
        ({"feature": "unheard-of"}, "has seen no feature"),
        ({"signal": "noise"}, "no such signal"),
        ({"signal": "drift", "reason": " "}, "Say why"),
        ({"signal": "drift", "until": START}, "within a year"),
        ({"signal": "drift", "until": START + 9999 * DAY}, "within a year"),
    ],
)
def test_a_mute_says_what_until_when_and_why(field, given, why):
    monitor = field.monitor()
    with pytest.raises(Invalid, match=why):
        actions.mute(**({"monitor": monitor, "until": soon(), "reason": "Known.", "by": field.cast.otto} | given))


def test_only_drift_has_features_to_mute(field):
    with pytest.raises(Invalid, match="Hold back"):
        actions.mute(
            monitor=field.monitor("silence"), signal="drift", until=soon(), reason="Known.", by=field.cast.otto
        )


def incident_of(field, **more):
    monitor = field.monitor(limits=ONCE, **more)
    field.fly(300, labelled=False, later=8)
    field.fly(1, START + DAY, labelled=False)
    field.run(monitor)
    return Incident.objects.get()


def aged(incident, hours):
    Incident.history.filter(id=incident.pk)
    from django.db import connection

    with connection.cursor() as cursor:
        moment = timezone.now() - hours * HOUR
        cursor.execute("update monitoring_incident set created_at = %s where id = %s", [moment, incident.pk])


def test_an_incident_that_nobody_takes_is_escalated_once(field, receiver):
    channel(field.cast, receiver)
    incident = incident_of(field, escalate_after=4, escalate_to=field.cast.bianca)
    aged(incident, 3)
    assert actions.follow_up(by=system()) == 0
    aged(incident, 5)
    assert (actions.follow_up(by=system()), actions.follow_up(by=system())) == (1, 0)
    deliver(field.cast.meridian)
    mail = Message.objects.get(recipient=field.cast.bianca, subject__contains="take it, or find who does")
    assert "Nobody has taken it within 4 hours" in mail.text
    assert events(receiver) == ["incident.opened", "incident.escalated"]
    assert "Bianca was told" in IncidentEntry.objects.filter(incident=incident).last().text


def test_an_incident_that_somebody_took_is_not_escalated(field):
    incident = incident_of(field, escalate_after=4, escalate_to=field.cast.bianca)
    actions.investigate(incident=incident, by=field.cast.dario)
    aged(incident, 50)
    assert actions.follow_up(by=system()) == 0


def test_an_escalation_needs_a_person_who_can_act_and_a_time(field):
    for given, why in [
        ({"escalate_after": 4}, "whom to tell"),
        ({"escalate_to": field.cast.bianca}, "after how many hours"),
        ({"escalate_after": 4, "escalate_to": field.cast.wim}, "no role"),
    ]:
        with pytest.raises(Invalid, match=why):
            field.monitor(**given)


def digests():
    return Message.objects.filter(subject__contains="Monitoring on").order_by("to")


def test_the_digest_tells_each_person_what_they_may_see_once_a_day(field):
    incident_of(field)
    assert actions.send_digests(by=system()) == 4
    assert actions.send_digests(by=system()) == 0
    people = {message.recipient.name for message in digests()}
    assert people == {"Bianca", "Dario", "Otto", "Vera"}
    assert digests()[0].subject.endswith("1 new, 0 open, 0 silent")
    assert "dep_delay" in digests()[0].text


def test_a_calm_day_has_no_digest(field):
    assert actions.send_digests(by=system()) == 0


def test_what_is_still_open_and_what_is_silent_are_told(field):
    incident = incident_of(field)
    aged(incident, 30)
    monitor = field.monitor("silence", name="Silence")
    monitor.level = "drift"
    monitor.save()
    actions.send_digests(by=system())
    assert digests()[0].subject.endswith("0 new, 1 open, 1 silent")
    assert "no predictions arrive" in digests()[0].text


def test_each_person_switches_the_digest(field):
    incident_of(field)
    actions.choose_digest(is_wanted=False, by=field.cast.otto)
    actions.choose_digest(is_wanted=True, by=field.cast.wim)
    actions.choose_digest(is_wanted=True, by=field.cast.mina)
    actions.send_digests(by=system())
    # Mina wants it and may see nothing, so there is nothing to tell her.
    assert {message.recipient.name for message in digests()} == {"Bianca", "Dario", "Vera", "Wim"}


def test_follow_up_and_digest_are_planned_once_in_every_organization(inside):
    tasks = ["monitoring.digest", "monitoring.follow_up"]
    assert list(Schedule.objects.filter(task__in=tasks).order_by("task").values_list("task", flat=True)) == tasks
    Schedule.objects.filter(task="monitoring.digest").delete()
    actions.keep_schedules(organization_id=inside.meridian.pk)
    actions.keep_schedules(organization_id=inside.meridian.pk)
    assert Schedule.objects.filter(task__in=tasks).count() == 2


def lacking():
    rows = list(plans.lacking().select_related("model__project"))
    return {row.key: sorted(kinds) for row in rows for kinds in [plans.missing([row])[row.pk]]}


def test_an_endpoint_in_production_lacks_what_its_tier_needs(field):
    assert lacking() == {"late-arrivals": ["drift", "performance", "service", "silence"]}
    drift = field.monitor()
    assert lacking() == {"late-arrivals": ["performance", "service", "silence"]}
    actions.pause_monitor(monitor=drift, reason="Noise.", by=field.cast.otto)
    assert lacking() == {"late-arrivals": ["drift", "performance", "service", "silence"]}
    made = actions.set_up_required(endpoint=field.endpoint, by=field.cast.otto)
    assert (len(made), lacking()) == (4, {})
    assert Monitor.objects.filter(kind="drift").count() == 1
    with pytest.raises(Conflict):
        actions.set_up_required(endpoint=field.endpoint, by=field.cast.otto)


@pytest.mark.parametrize(("tier", "count"), [("low", 3), ("limited", 4), ("high", 6), ("", 6), ("prohibited", 6)])
def test_the_shipped_plan_asks_for_more_where_more_can_go_wrong(field, tier, count):
    project = field.shop.project
    project.tier = tier
    project.save()
    assert len(lacking()["late-arrivals"]) == count
    endpoint = Endpoint.objects.get(pk=field.endpoint.pk)
    assert len(plans.missing([endpoint])[endpoint.pk]) == count


def write(field, by=None, **more):
    given = {"tier": "limited", "kinds": ["silence"], "baseline_needs_approval": False, "reason": "Enough."}
    return actions.write_watch_plan(**(given | {"by": by or field.cast.adam} | more))


def test_an_organization_writes_its_own_plan_by_versions(field):
    first = write(field)
    assert lacking() == {"late-arrivals": ["silence"]}
    assert not plans.baseline_needs_approval("limited")
    second = write(field, kinds=[], baseline_needs_approval=True)
    first.refresh_from_db()
    assert (first.version, first.is_current, second.version, lacking()) == (1, False, 2, {})
    for bad in [{"tier": "prohibited"}, {"kinds": ["smell"]}, {"reason": " "}]:
        with pytest.raises(Invalid):
            write(field, **bad)
    with pytest.raises(Refused):
        write(field, by=field.cast.otto)


@pytest.fixture
def seen(cast, field_once):
    field = copy.deepcopy(field_once)
    with tenant(cast.meridian.pk):
        incident_of(field)
    return field


def test_the_pages_of_plans_set_up_what_is_missing(seen, sign_in):
    admin, operator = sign_in(seen.cast.adam), sign_in(seen.cast.otto)
    assert "as shipped" in admin.get(f"{HOME}plans/").content.decode()
    given = {"kinds": ["drift", "silence"], "baseline_needs_approval": "on", "reason": "The regulator asks."}
    assert admin.post(f"{HOME}plans/limited/", given).status_code == 303
    assert "The regulator asks." in admin.get(f"{HOME}plans/").content.decode()
    assert operator.post(f"{HOME}plans/limited/", given).status_code == 403
    assert admin.get(f"{HOME}plans/prohibited/").status_code == 404
    assert "Silence" in operator.get(f"{HOME}unwatched/").content.decode()
    assert operator.post(f"{HOME}endpoints/late-arrivals/set-up-required/").status_code == 303
    assert "Everything is watched" in operator.get(f"{HOME}unwatched/").content.decode()


def test_the_api_of_plans_does_the_same(seen, sign_in):
    admin, operator = sign_in(seen.cast.adam), sign_in(seen.cast.otto)
    rows = operator.get(f"{API}unwatched/").json()["results"]
    assert rows == [
        {"endpoint": "late-arrivals", "model": "late-arrivals", "tier": "limited",
         "missing": ["performance", "service", "silence"]}
    ]  # fmt: skip
    made = operator.post(f"{API}unwatched/late-arrivals/set-up/")
    assert (made.status_code, len(made.json())) == (201, 3)
    assert operator.get(f"{API}unwatched/").json()["results"] == []
    assert operator.post(f"{API}unwatched/late-arrivals/set-up/").status_code == 409
    given = {"tier": "high", "kinds": ["drift"], "reason": "Why not."}
    written = admin.post(f"{API}watch-plans/", json.dumps(given), content_type="application/json")
    assert (written.status_code, written.json()["version"]) == (201, 1)


def test_the_pages_and_api_of_mutes_and_digest(seen, sign_in):
    client = sign_in(seen.cast.otto)
    with tenant(seen.cast.meridian.pk):
        monitor = Monitor.objects.get()
    until = soon()
    form = {"feature": "dep_delay", "signal": "", "until": until.strftime("%Y-%m-%dT%H:%M"), "reason": "Known."}
    assert client.post(f"{HOME}monitors/{monitor.pk}/mute/", form).status_code == 303
    shown = client.get(f"{HOME}monitors/{monitor.pk}/").content.decode()
    assert "Not told for a while" in shown
    with tenant(seen.cast.meridian.pk):
        made = Mute.objects.get()
    assert client.post(f"{HOME}mutes/{made.pk}/end/").status_code == 303
    given = {"monitor": str(monitor.pk), "signal": "null", "until": until.isoformat(), "reason": "Known."}
    by_api = client.post(f"{API}mutes/", json.dumps(given), content_type="application/json")
    assert by_api.status_code == 201
    assert client.post(f"{API}mutes/{by_api.json()['id']}/end/").json()["is_on"] is False
    assert "Stop my daily digest" in client.get(f"{HOME}incidents/").content.decode()
    assert client.post(f"{HOME}digest/off/").status_code == 303
    assert "Send me a daily digest" in client.get(f"{HOME}incidents/").content.decode()
    assert client.get(f"{API}digest/").json()["results"] == [{"is_wanted": False}]
    chosen = client.post(f"{API}digest/", json.dumps({"is_wanted": True}), content_type="application/json")
    assert chosen.json() == {"is_wanted": True}
    assert client.post(f"{HOME}digest/perhaps/").status_code == 404


def test_the_form_of_a_monitor_sets_reference_and_escalation(seen, sign_in):
    client = sign_in(seen.cast.otto)
    form = {
        "kind": "drift", "name": "By season", "owner": seen.cast.otto.pk, "reference": "season", "trailing": 3,
        "window": "hour", "clock": "data", "every": "1", "escalate_after": 8, "escalate_to": seen.cast.bianca.pk,
    }  # fmt: skip
    answer = client.post(f"{HOME}endpoints/late-arrivals/new-monitor/", form)
    assert answer.status_code == 303, answer.content.decode()
    with tenant(seen.cast.meridian.pk):
        made = Monitor.objects.get(name="By season")
        assert (made.reference, made.trailing, made.escalate_after) == ("season", 3, 8)
        assert made.escalate_to == seen.cast.bianca
    shown = client.get(answer.headers["Location"]).content.decode()
    assert "3 weeks" in shown
    assert "after 8 h" in shown
