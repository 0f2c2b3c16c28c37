"""Checks end to end: windows by the data's clock, drift found and named, incidents opened once, calmed and not
repeated.
"""

import datetime as dt

import pytest
from django.utils import timezone

from apps.core.errors import Refused
from apps.discussions.models import Notice
from apps.monitoring import actions, results
from apps.monitoring.models import Alert, Check, FeatureTable, Incident, State
from apps.monitoring.signals import drift_found, incident_opened, performance_fell
from apps.work.models import Job, Message
from tests.monitoring.field import START
from tests.support import deliver

DAY = dt.timedelta(days=1)


@pytest.fixture
def heard():
    """What was announced, in order."""
    said = []
    signals = {"incident": incident_opened, "drift": drift_found, "performance": performance_fell}
    receivers = []
    for name, signal in signals.items():

        def hear(name=name, **given):
            said.append((name, given))

        receivers.append((signal, hear))
        signal.connect(hear, weak=False)
    yield said
    for signal, hear in receivers:
        signal.disconnect(hear)


def levels(monitor):
    rows = Check.objects.filter(monitor=monitor, is_current=True).order_by("start_at")
    return [row.level for row in rows]


def test_check_covers_every_complete_window_by_the_newest_event(field):
    monitor = field.monitor()
    for day in range(3):
        field.fly(300, START + day * DAY, labelled=False)
    job = field.run(monitor)
    assert job.state == "succeeded"
    # The third day is not over while no later event has arrived.
    assert levels(monitor) == ["quiet", "quiet"]
    assert monitor.level == "quiet"
    assert monitor.checked_until == START + 2 * DAY
    assert field.run(monitor) is None


def test_check_finds_drift_names_it_and_opens_one_incident(field, heard):
    monitor = field.monitor()
    field.fly(300, labelled=False)
    for day in (1, 2, 3, 4):
        field.fly(300, START + day * DAY, labelled=False, later=8)
    field.run(monitor)
    assert levels(monitor) == ["quiet", "drift", "drift", "drift"]
    incident = Incident.objects.get()
    assert (incident.number, incident.cause, incident.state, incident.owner) == (1, "drift", "open", field.cast.otto)
    assert incident.title.startswith("dep_delay (PSI ")
    assert incident.title.endswith("has moved on 3 April 2013")
    assert incident.since == START + DAY
    assert [alert.incident for alert in Alert.objects.all()] == [incident, incident]
    assert incident.entries.get().kind == "signal"
    worst = results.of_check(incident.check_run)[0]
    assert (worst.feature, worst.level, worst.rank) == ("dep_delay", "drift", 1)
    assert [name for name, _ in heard] == ["incident", "drift", "drift"]


def test_check_tells_the_people_who_must_act(field):
    monitor = field.monitor(limits={"open_after": 1, "among": 1})
    field.fly(300, labelled=False, later=8)
    field.fly(1, START + DAY, labelled=False)
    field.run(monitor)
    incident = Incident.objects.get()
    told = Notice.objects.filter(url=incident.get_absolute_url())
    assert {notice.user for notice in told} == {field.cast.otto, field.cast.dario}
    mail = Message.objects.filter(recipient=field.cast.dario).order_by("-id")[0]
    assert "Incident 1" in mail.subject
    assert incident.get_absolute_url() in mail.text


def test_check_run_twice_leaves_one_result(field):
    monitor = field.monitor()
    for day in range(3):
        field.fly(300, START + day * DAY, labelled=False)
    first = actions.start_check(monitor=monitor, by=field.cast.otto)
    assert actions.start_check(monitor=monitor, by=field.cast.otto) is None
    deliver(field.cast.meridian)
    Job.objects.filter(pk=first.pk).update(state="queued")
    from apps.monitoring.tasks import check

    check.run(str(field.cast.meridian.pk), str(first.pk))
    assert Check.objects.filter(monitor=monitor).count() == 2


def test_check_of_a_window_that_changed_is_a_new_revision(field):
    monitor = field.monitor()
    field.fly(300, labelled=False)
    field.fly(300, START + DAY, labelled=False)
    field.run(monitor)
    field.fly(50, START, labelled=False)
    assert field.run(monitor) is not None
    found = Check.objects.filter(monitor=monitor).order_by("revision")
    assert [(one.revision, one.is_current, one.rows) for one in found] == [(1, False, 300), (2, True, 350)]
    assert [len(results.of_check(one)) for one in found[:2]] == [6, 6]


def test_check_of_few_rows_grows_its_window(field):
    monitor = field.monitor()
    for day in range(4):
        field.fly(90, START + day * DAY, labelled=False)
    field.run(monitor)
    found = Check.objects.filter(monitor=monitor, is_current=True).order_by("start_at")
    assert [(one.level, one.windows, one.rows) for one in found] == [
        ("not_enough", 1, 90),
        ("not_enough", 1, 90),
        ("quiet", 3, 270),
    ]


def test_check_after_drift_calms_the_incident_but_leaves_it_to_people(field):
    monitor = field.monitor(limits={"open_after": 1, "among": 1})
    field.fly(300, labelled=False, later=8)
    for day in (1, 2, 3):
        field.fly(300, START + day * DAY, labelled=False)
    field.run(monitor)
    incident = Incident.objects.get()
    assert (incident.state, incident.calm_since) == ("open", START + 3 * DAY)
    assert "Quiet again" in incident.entries.last().text


def test_incident_is_over_when_every_monitor_that_raised_it_is_quiet(field):
    """Otherwise two monitors of one cause would tell in turn that it is over and that it is back."""
    at_once = {"open_after": 1, "among": 1}
    strict, coarse = field.monitor(limits=at_once), field.monitor(name="Coarse", limits=at_once | {"close_after": 1})
    blind = field.monitor(name="Blind", limits=at_once | {"psi": 50})
    for day in range(6):
        field.fly(300, START + day * DAY, labelled=False, later=8 if day == 2 else 0)
    field.run(strict)
    incident = Incident.objects.get()
    assert incident.calm_since == START + 5 * DAY
    field.run(coarse)
    field.run(blind)
    said = list(incident.entries.order_by("created_at").values_list("text", flat=True))
    assert [text.partition(" (")[0] for text in said] == ["Quiet again on 5 April 2013.", "dep_delay"]


def test_incident_stays_while_one_of_its_monitors_still_sees_it(field):
    at_once = {"open_after": 1, "among": 1, "close_after": 1}
    steady = field.monitor(limits=at_once)
    fresh = field.monitor(name="Against the day before", reference="trailing", trailing=1, limits=at_once)
    for day in range(4):
        field.fly(300, START + day * DAY, labelled=False, later=8 if day else 0)
    field.run(steady)
    field.run(fresh)
    assert (levels(steady)[-1], levels(fresh)) == ("drift", ["not_enough", "drift", "quiet"])
    assert Incident.objects.get().calm_since is None


def test_check_does_not_raise_again_what_was_dismissed(field):
    monitor = field.monitor(limits={"open_after": 1, "among": 1})
    field.fly(300, labelled=False, later=8)
    field.fly(300, START + DAY, labelled=False, later=8)
    field.run(monitor)
    actions.dismiss(incident=Incident.objects.get(), reason="It is summer.", by=field.cast.otto)
    field.fly(300, START + 2 * DAY, labelled=False, later=8)
    field.run(monitor)
    assert (levels(monitor), Incident.objects.count()) == (["drift", "drift"], 1)
    field.fly(300, START + 3 * DAY, labelled=False)
    field.fly(300, START + 4 * DAY, labelled=False, later=8)
    field.fly(1, START + 5 * DAY, labelled=False)
    field.run(monitor)
    assert Incident.objects.filter(state="open").count() == 1


def test_check_raises_again_what_came_back_after_it_was_resolved(field):
    monitor = field.monitor(limits={"open_after": 1, "among": 1})
    field.fly(300, labelled=False, later=8)
    field.fly(300, START + DAY, labelled=False, later=8)
    field.run(monitor)
    actions.resolve(incident=Incident.objects.get(), root_cause="Sensor", resolution="Fixed", by=field.cast.otto)
    field.fly(300, START + 2 * DAY, labelled=False, later=8)
    field.run(monitor)
    assert [incident.state for incident in Incident.objects.order_by("number")] == ["resolved", "open"]


def test_snoozed_monitor_checks_but_tells_nobody(field):
    monitor = field.monitor(limits={"open_after": 1, "among": 1})
    until = timezone.now() + DAY
    actions.snooze_monitor(monitor=monitor, until=until, reason="Known", by=field.cast.otto)
    monitor.refresh_from_db()
    field.fly(300, labelled=False, later=8)
    field.fly(1, START + DAY, labelled=False)
    field.run(monitor)
    assert (levels(monitor), Incident.objects.count()) == (["drift"], 0)
    assert Alert.objects.get().is_held


def test_missing_values_are_an_incident_of_their_own(field):
    monitor = field.monitor(limits={"open_after": 1, "among": 1})
    predictions, _ = field.rows(300)
    for row in predictions[::2]:
        row["dep_delay"] = None
    field.send("predictions", predictions)
    field.fly(1, START + DAY, labelled=False)
    field.run(monitor)
    incident = Incident.objects.get(cause="pipeline")
    assert incident.title == "50% of dep_delay missing on 1 April 2013"
    assert incident.severity == "severe"


def test_fixed_period_and_trailing_windows_are_references_too(field):
    for day in range(4):
        field.fly(300, START + day * DAY, labelled=False, later=8)
    fixed = field.monitor(
        name="Against the first days",
        reference="period",
        reference_since=START,
        reference_until=START + 2 * DAY,
    )
    trailing = field.monitor(name="Against the days before", reference="trailing", trailing=2)
    training = field.monitor(name="Against training")
    for monitor in (fixed, trailing, training):
        field.run(monitor)
    assert levels(training) == ["drift", "drift", "drift"]
    assert levels(fixed) == ["quiet", "quiet", "quiet"]
    assert levels(trailing) == ["not_enough", "quiet", "quiet"]
    last = Check.objects.filter(monitor=trailing).order_by("end_at").last()
    assert (last.rows, last.rows_reference) == (300, 600)


def test_performance_is_estimated_partial_and_mature(field):
    monitor = field.monitor("performance")
    predictions, outcomes = field.rows(400)
    field.send("predictions", predictions)
    field.fly(1, START + DAY, labelled=False)
    found = []
    for told in ([], outcomes[:200], outcomes[200:]):
        if told:
            field.send("outcomes", told)
        field.run(monitor)
        check = Check.objects.get(monitor=monitor, is_current=True)
        found.append((check.result["state"], round(check.result["coverage"], 2), check.level))
    assert found == [("estimated", 0.0, "not_enough"), ("partial", 0.5, "not_enough"), ("mature", 1.0, "quiet")]
    assert set(check.result["realised"]) == {"accuracy", "precision", "recall", "f1", "auc", "brier"}
    assert set(check.result["estimated"]) == {"accuracy", "precision", "recall", "f1", "auc"}
    assert check.result["reference"]["auc"]["n"] == 5_000


def test_performance_that_fell_opens_an_incident(field, heard):
    monitor = field.monitor("performance", limits={"open_after": 1, "among": 1})
    field.fly(600, worse=0.6)
    field.fly(1, START + DAY)
    field.run(monitor)
    incident = Incident.objects.get()
    assert (incident.cause, incident.severity) == ("performance", "severe")
    assert incident.title.startswith("AUC fell from 0.")
    assert [name for name, _ in heard] == ["incident", "performance"]


def test_performance_of_outcomes_that_can_be_known_is_mature(field):
    monitor = field.monitor("performance", expected_share=0.8)
    predictions, outcomes = field.rows(400)
    field.send("predictions", predictions)
    field.send("outcomes", outcomes[:320])
    field.fly(1, START + DAY)
    field.run(monitor)
    assert Check.objects.get(monitor=monitor, is_current=True).result["state"] == "mature"


def test_paused_monitor_does_not_run(field):
    monitor = field.monitor()
    actions.pause_monitor(monitor=monitor, reason="Holiday", by=field.cast.otto)
    with pytest.raises(Refused, match="paused"):
        actions.start_check(monitor=monitor, by=field.cast.otto)


def test_rolled_up_states_give_the_same_check(field):
    monitor, later = field.monitor(), field.monitor(name="Later")
    for day in range(40):
        field.fly(60, START + day * DAY, labelled=day < 5)
    field.run(monitor)
    before = State.objects.count()
    assert actions.roll_up(endpoint=field.endpoint, by=field.cast.otto) > 0
    assert State.objects.count() < before / 2
    field.run(later)
    tables = FeatureTable.objects.order_by("check_run__start_at")
    kept = [[bytes(row.data) for row in tables.filter(check_run__monitor=one)] for one in (monitor, later)]
    assert len(kept[0]) == 39
    assert kept[0] == kept[1]
    assert actions.roll_up(endpoint=field.endpoint, by=field.cast.otto) == 0


def test_outcomes_reach_states_that_were_rolled_up(field):
    predictions, outcomes = field.rows(24)
    field.send("predictions", predictions)
    field.send("outcomes", outcomes[:12])
    field.fly(10, START + 30 * DAY)
    actions.roll_up(endpoint=field.endpoint, by=field.cast.otto)
    field.send("outcomes", outcomes[12:])
    field.send("outcomes", [{**outcomes[0], "value": not outcomes[0]["value"]}], key="corrected")
    days = State.objects.filter(kind="outcomes", grain="day")
    assert [(row.start_at, row.rows) for row in days] == [(START, 24)]


def test_service_readings_are_judged_by_the_hour(field):
    from apps.monitoring.actions.service import Call

    now = timezone.now() - dt.timedelta(hours=3)
    calls = [Call(now, 0.01, "failed" if place < 40 else "ok", 2) for place in range(400)]
    actions.count_calls(endpoint=field.endpoint, calls=calls[:200])
    actions.count_calls(endpoint=field.endpoint, calls=calls[200:])
    monitor = field.monitor("service", window="hour", clock="now", limits={"open_after": 1, "among": 1})
    field.run(monitor)
    check = Check.objects.get(monitor=monitor)
    assert check.signals == {"errors": "drift", "latency": "quiet"}
    assert (check.result["calls"], check.result["failed"], check.result["predictions"]) == (400, 40, 720)
    assert Incident.objects.get().title.startswith("10.0% of calls failed")


def test_silence_is_noticed_once(field):
    from apps.monitoring.models import Batch

    monitor = field.monitor("silence", clock="now", limits={"silence_hours": 2})
    field.fly(10, labelled=False)
    assert field.run(monitor) is None
    Batch.objects.update(created_at=timezone.now() - dt.timedelta(hours=9))
    field.run(monitor)
    assert Incident.objects.get().title == "No prediction has arrived for 2 hours"


def test_an_endpoint_that_never_got_a_prediction_is_silent_too(field):
    from django.db import connection

    monitor = field.monitor("silence", clock="now", limits={"silence_hours": 2})
    assert field.run(monitor) is None
    with connection.cursor() as cursor:
        before = timezone.now() - dt.timedelta(hours=9)
        cursor.execute("update monitoring_monitor set created_at = %s where id = %s", [before, monitor.pk])
    monitor.refresh_from_db()
    field.run(monitor)
    assert Incident.objects.get().cause == "silence"


def test_silence_is_over_after_two_quiet_looks_however_long_its_window(field, monkeypatch):
    from apps.monitoring.models import Batch

    monitor = field.monitor("silence", clock="now", limits={"silence_hours": 24})
    field.fly(10, labelled=False)
    Batch.objects.update(created_at=timezone.now() - dt.timedelta(hours=30))
    field.run(monitor)
    incident = Incident.objects.get()
    field.fly(10, START + DAY, labelled=False)
    for hours in (1, 2):
        later = timezone.now() + dt.timedelta(hours=hours)
        with monkeypatch.context() as patched:
            patched.setattr("apps.monitoring.checking.timezone.now", lambda later=later: later)
            field.run(monitor)
        incident.refresh_from_db()
        assert (incident.calm_since is not None) == (hours == 2)


def test_feedback_is_judged_by_the_window(field):
    monitor = field.monitor("feedback", limits={"open_after": 1, "among": 1})
    field.fly(10, labelled=False)
    field.send("feedback", [{"rating": 1 + place % 2, "event_time": START.isoformat()} for place in range(30)])
    field.fly(1, START + DAY, labelled=False)
    field.run(monitor)
    assert Incident.objects.get().title == "Users rate the predictions 1.5 of 5 on 1 April 2013"
    assert Check.objects.get(monitor=monitor).result["limits"]["minimum"] == 20


def test_feedback_waits_for_as_many_ratings_as_its_monitor_says(field):
    monitor = field.monitor("feedback", limits={"minimum": 31})
    field.fly(10, labelled=False)
    field.send("feedback", [{"rating": 1, "event_time": START.isoformat()} for _ in range(30)])
    field.fly(1, START + DAY, labelled=False)
    field.run(monitor)
    check = Check.objects.get(monitor=monitor)
    assert (check.level, check.rows) == ("not_enough", 30)


def test_value_short_of_the_promise_is_an_incident(field):
    from apps.projects.models import SuccessMetric, ValueReading

    metric = SuccessMetric(
        project=field.shop.project, name="Missed connections", unit="%", direction="lower", baseline=4.0, target=3.0,
        due_on=dt.date(2013, 6, 30),
    )  # fmt: skip
    metric.save()
    monitor = field.monitor("value")
    for month, value in ((5, 3.6), (7, 3.4)):
        ValueReading(
            metric=metric, value=value, at=dt.datetime(2013, month, 1, tzinfo=dt.UTC), source="Hub report",
            recorded_by=field.cast.bianca,
        ).save(force_insert=True)  # fmt: skip
    field.run(monitor)
    assert Incident.objects.get().title == "The promise is not kept: Missed connections is 3.4 % of 3"
