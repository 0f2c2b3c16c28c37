"""Pages: they show what checks have left, in a constant number of queries, and let each role do its duties."""

import copy
import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.approvals import actions as approvals
from apps.core.tenancy import tenant
from apps.monitoring import actions, results
from apps.monitoring.models import BaselineRequest, Check, Incident, Monitor
from tests.monitoring.field import START, Field
from tests.support import deliver

DAY = dt.timedelta(days=1)
HOME = "/o/meridian/monitoring/"


@pytest.fixture(scope="module")
def watched_once(cast_once) -> Field:
    """The endpoint after five days, two of them drifted, with an incident; no tenant is open."""
    with tenant(cast_once.meridian.pk):
        field = Field(cast_once)
        for day in range(5):
            field.fly(250, START + day * DAY, labelled=day == 0, later=8 if day in (1, 2, 3) else 0)
        field.drift = field.monitor(limits={"open_after": 1, "among": 1})
        field.performance = field.monitor("performance", name="Performance")
        for monitor in (field.drift, field.performance):
            field.run(monitor)
        field.send("feedback", [{"rating": 4, "event_time": START.isoformat()}])
    return field


@pytest.fixture
def watched(db, watched_once) -> Field:
    return copy.deepcopy(watched_once)


def test_overview_shows_every_monitor_of_an_endpoint(watched, sign_in):
    page = sign_in(watched.cast.otto).get(HOME)
    assert page.status_code == 200
    text = page.content.decode()
    assert "late-arrivals" in text
    assert text.count("Over limit</a>") == 1
    assert text.count("Not watched</a>") == 3


def test_overview_takes_as_many_queries_for_two_endpoints_as_for_one(watched, sign_in):
    client = sign_in(watched.cast.otto)
    client.get(HOME)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            assert client.get(HOME).status_code == 200
        counts.append(len(captured))
        if len(counts) == 1:
            with tenant(watched.cast.meridian.pk):
                more = watched.shop.endpoint(watched.shop.staging, key="more")
                actions.set_up_usual(endpoint=more, by=watched.cast.otto)
    assert counts[0] == counts[1]


def test_endpoint_page_draws_drift_performance_traffic_and_value(watched, sign_in):
    page = sign_in(watched.cast.wim).get(f"{HOME}endpoints/late-arrivals/")
    text = page.content.decode()
    assert page.status_code == 200
    for title in (
        "Have inputs or predictions moved?",
        "Where is the drift?",
        "How good are the predictions (AUC)?",
        "How many predictions are there?",
        "How long do answers take?",
        "What do users say (1 to 5)?",
    ):
        assert title in text
    assert "dep_delay" in text


def test_feature_page_shows_reference_and_window(watched, sign_in):
    client = sign_in(watched.cast.wim)
    page = client.get(f"{HOME}endpoints/late-arrivals/features/dep_delay/")
    assert page.status_code == 200
    with tenant(watched.cast.meridian.pk):
        first, _ = results.through_time(watched.drift, "carrier")[0]
    chosen = client.get(f"{HOME}endpoints/late-arrivals/features/carrier/?check={first.pk}")
    assert "Has carrier moved on 1 April 2013?" in chosen.content.decode()
    assert client.get(f"{HOME}endpoints/late-arrivals/features/speed/").status_code == 404


def test_check_page_lists_features_and_how_to_compute_them(watched, sign_in):
    with tenant(watched.cast.meridian.pk):
        check = Check.objects.filter(monitor=watched.drift, level="drift").first()
        other = Check.objects.filter(monitor=watched.performance).first()
        addresses = [one.get_absolute_url() for one in (check, other)]
    client = sign_in(watched.cast.wim)
    drift, performance = (client.get(address).content.decode() for address in addresses)
    assert "Population stability index" in drift
    assert "dep_delay" in drift
    assert "auc" in performance
    assert "95 %" in performance


def test_incident_is_worked_on_from_its_page(watched, sign_in):
    client = sign_in(watched.cast.dario)
    home = f"{HOME}incidents/1/"
    assert "has moved on 2 April 2013" in client.get(home).content.decode()
    client.post(f"{home}investigate/")
    client.post(f"{home}write/", {"kind": "action", "text": "Asked the weather desk."})
    client.post(f"{home}cause/", {"root_cause": "Summer."})
    refused = client.post(f"{home}resolve/", {"root_cause": "Summer.", "resolution": ""})
    assert refused.status_code == 422
    client.post(f"{home}resolve/", {"root_cause": "Summer.", "resolution": "Retrained."})
    with tenant(watched.cast.meridian.pk):
        incident = Incident.objects.get()
        assert (incident.state, incident.owner, incident.root_cause) == ("resolved", watched.cast.dario, "Summer.")
        assert [entry.kind for entry in incident.entries.all()][-1] == "action"
    text = client.get(home).content.decode()
    assert "Asked the weather desk." in text
    assert "Retrained." in text


def test_an_incident_tells_its_story_at_its_time(watched, sign_in):
    with tenant(watched.cast.meridian.pk):
        watched.fly(250, START + 5 * DAY, labelled=False, later=8)
        watched.fly(250, START + 6 * DAY, labelled=False, later=8)
        watched.run(watched.drift)
    text = sign_in(watched.cast.dario).get(f"{HOME}incidents/1/").content.decode()
    assert "earlier signal" in text
    assert text.count("<strong>Seen by a monitor</strong>") == 1
    assert "Have inputs or predictions moved?" in text
    assert "endpoints/late-arrivals/?from=2013-0" in text
    assert "endpoints/late-arrivals/features/dep_delay/?from=2013-0" in text
    assert '<textarea name="text"' in text
    assert '<textarea name="text"' not in sign_in(watched.cast.wim).get(f"{HOME}incidents/1/").content.decode()


def test_incident_page_refuses_who_may_not_work_on_it(watched, sign_in):
    assert sign_in(watched.cast.wim).post(f"{HOME}incidents/1/investigate/").status_code == 403
    assert sign_in(watched.cast.audrey).post(f"{HOME}incidents/1/dismiss/", {"reason": "x"}).status_code == 403
    assert sign_in(watched.cast.mallory).get(f"{HOME}incidents/1/").status_code == 404
    assert sign_in(watched.cast.mina).get(f"{HOME}incidents/1/").status_code == 404


def test_monitor_is_set_up_changed_snoozed_and_paused_from_pages(watched, sign_in):
    client = sign_in(watched.cast.otto)
    form = {
        "kind": "drift", "name": "Drift by the month", "owner": str(watched.cast.otto.pk), "reference": "training",
        "window": "month", "clock": "data", "every": "24", "psi": "0.2", "open_after": "1", "among": "1",
    }  # fmt: skip
    made = client.post(f"{HOME}endpoints/late-arrivals/new-monitor/", form)
    assert made.status_code == 303
    with tenant(watched.cast.meridian.pk):
        monitor = Monitor.objects.get(name="Drift by the month")
        assert (monitor.window, monitor.limits["psi"]) == ("month", 0.2)
    home = f"{HOME}monitors/{monitor.pk}/"
    assert client.get(home).status_code == 200
    assert client.post(f"{home}change/", form | {"psi": "0.3"}).status_code == 303
    until = (timezone.now() + 2 * DAY).strftime("%Y-%m-%dT%H:%M")
    assert client.post(f"{home}snooze/", {"until": until, "reason": "Known."}).status_code == 303
    assert client.post(f"{home}wake/").status_code == 303
    assert client.post(f"{home}pause/", {"reason": "Holiday."}).status_code == 303
    with tenant(watched.cast.meridian.pk):
        monitor.refresh_from_db()
        assert (monitor.limits["psi"], monitor.is_active, monitor.is_snoozed) == (0.3, False, False)
    assert client.post(f"{home}resume/").status_code == 303


def test_monitor_form_says_what_is_wrong(watched, sign_in):
    client = sign_in(watched.cast.otto)
    form = {"kind": "drift", "name": "Drift", "owner": str(watched.cast.otto.pk), "window": "day", "clock": "now"}
    page = client.post(
        f"{HOME}endpoints/late-arrivals/new-monitor/", form | {"every": "1", "open_after": "5", "among": "2"}
    )
    assert page.status_code == 422
    assert "opens after 1 or more bad windows" in page.content.decode()
    assert sign_in(watched.cast.bianca).get(f"{HOME}endpoints/late-arrivals/new-monitor/").status_code == 403


def test_usual_monitors_are_set_up_by_one_click(watched, sign_in):
    client = sign_in(watched.cast.otto)
    assert client.post(f"{HOME}endpoints/late-arrivals/set-up/").status_code == 303
    with tenant(watched.cast.meridian.pk):
        assert set(Monitor.objects.values_list("kind", flat=True)) == {
            "drift", "performance", "service", "silence", "feedback", "value",
        }  # fmt: skip


def test_monitor_runs_from_its_page_and_says_when_nothing_is_due(watched, sign_in):
    client = sign_in(watched.cast.otto)
    home = f"{HOME}monitors/{watched.drift.pk}/"
    assert "There is nothing to check" in client.post(f"{home}run/").content.decode()
    with tenant(watched.cast.meridian.pk):
        watched.fly(250, START + 5 * DAY, labelled=False)
    assert client.post(f"{home}run/").status_code == 303
    deliver(watched.cast.meridian)
    with tenant(watched.cast.meridian.pk):
        assert Check.objects.filter(monitor=watched.drift).count() == 5


def test_rows_page_tells_what_was_refused(watched, sign_in):
    with tenant(watched.cast.meridian.pk):
        rows, _ = watched.rows(3)
        rows[2]["month"] = None
        batch = watched.send("predictions", rows, keep_good=True, key="monday")
    client = sign_in(watched.cast.wim)
    assert "monday" in client.get(f"{HOME}endpoints/late-arrivals/rows/").content.decode()
    text = client.get(f"{HOME}rows/{batch.pk}/").content.decode()
    assert "must have a value." in text


def test_baseline_page_and_baseline_from_a_period(watched, sign_in):
    client = sign_in(watched.cast.dario)
    assert client.get(f"{HOME}baselines/{watched.baseline.pk}/").status_code == 200
    period = {"since": "2013-04-02T00:00", "until": "2013-04-04T00:00", "reason": "This is how summer looks."}
    assert client.post(f"{HOME}endpoints/late-arrivals/baseline/", period).status_code == 303
    with tenant(watched.cast.meridian.pk):
        approvals.sign(request=BaselineRequest.objects.get().request, by=watched.cast.rhea)
    deliver(watched.cast.meridian)
    with tenant(watched.cast.meridian.pk):
        newest = watched.version.baselines.first()
        assert (newest.number, newest.source, newest.rows) == (2, "period", 500)
        watched.run(watched.drift)
        levels = [row.level for row in Check.objects.filter(baseline=newest, is_current=True).order_by("start_at")]
        assert levels[1:3] == ["quiet", "quiet"]


def test_feedback_can_be_given_in_the_page(watched, sign_in):
    client = sign_in(watched.cast.bianca)
    sent = client.post(f"{HOME}endpoints/late-arrivals/feedback/", {"rating": "2", "comment": "Too many false alarms."})
    assert sent.status_code == 303
    assert client.post(f"{HOME}endpoints/late-arrivals/feedback/", {"rating": "", "comment": " "}).status_code == 422
    with tenant(watched.cast.meridian.pk):
        said = watched.endpoint.feedback.get(rating=2)
        assert (said.comment, said.received_from) == ("Too many false alarms.", watched.cast.bianca)
