"""Pages and API of late labels, segments and value: what they show, in a constant number of queries, and to whom."""

import copy
import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core.tenancy import tenant
from apps.monitoring import actions
from apps.monitoring.models import Monitor, OutcomeValues, SegmentColumn
from tests.monitoring.field import START, Field
from tests.support import deliver

DAY = dt.timedelta(days=1)
HOME = "/o/meridian/monitoring/"
HERE = f"{HOME}endpoints/late-arrivals/"
API = "/o/meridian/api/v1/"


@pytest.fixture(scope="module")
def watched_once(cast_once) -> Field:
    """The endpoint after three days with outcomes, told apart by carrier, with amounts; no tenant is open."""
    with tenant(cast_once.meridian.pk):
        field = Field(cast_once)
        limits = {"minimum": 100}
        field.performance = field.monitor("performance", name="Performance", limits=limits)
        actions.watch_column(endpoint=field.endpoint, column="carrier", is_protected=True, by=cast_once.otto)
        field.segments = Monitor.objects.get(kind="segments")
        settings = {"window": "day", "clock": "data", "limits": limits}
        actions.change_monitor(monitor=field.segments, settings=settings, by=cast_once.otto)
        for day in range(3):
            field.fly(600, START + day * DAY, labelled=day < 2)
        for monitor in (field.performance, field.segments):
            field.run(monitor)
        actions.set_values(
            project=field.endpoint.model.project,
            currency="USD",
            values={"true_positive": 100.0, "false_positive": -10.0},
            since=START.date(),
            reason="Study",
            by=cast_once.bianca,
        )
        field.send("feedback", [{"rating": 2, "comment": "For nothing", "prediction_id": "flight-7"}])
        deliver(cast_once.meridian)
    return field


@pytest.fixture
def watched(db, watched_once) -> Field:
    return copy.deepcopy(watched_once)


def text_of(client, path, status=200):
    answer = client.get(path)
    assert answer.status_code == status, path
    return answer.content.decode()


def test_segments_page_compares_them_side_by_side_and_through_time(watched, sign_in):
    text = text_of(sign_in(watched.cast.wim), f"{HERE}segments/?column=carrier")
    assert [name in text for name in ("AA", "B6", "UA")] == [True] * 3
    assert "Predicted late" in text
    assert text.count("<svg") >= 7


def test_segments_page_takes_as_many_queries_for_two_columns_as_for_one(watched, sign_in):
    client = sign_in(watched.cast.otto)
    client.get(f"{HERE}segments/")
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            text_of(client, f"{HERE}segments/")
        counts.append(len(captured))
        if len(counts) == 1:
            with tenant(watched.cast.meridian.pk):
                actions.watch_column(endpoint=watched.endpoint, column="month", by=watched.cast.otto)
    assert counts[0] == counts[1]


def test_a_column_is_chosen_and_given_up_on_the_page(watched, sign_in):
    client = sign_in(watched.cast.otto)
    given = {"column": "dep_delay", "purpose": "segment", "cuts": "0, 15; 60", "top": "10"}
    assert client.post(f"{HERE}segments/new/", given | {"cuts": "a"}).status_code == 422
    assert client.post(f"{HERE}segments/new/", given).status_code == 303
    with tenant(watched.cast.meridian.pk):
        column = SegmentColumn.objects.get(column="dep_delay")
    assert column.cuts == [0.0, 15.0, 60.0]
    assert client.post(f"{HOME}segment-columns/{column.pk}/give-up/").status_code == 303
    with tenant(watched.cast.meridian.pk):
        assert not SegmentColumn.objects.get(pk=column.pk).is_active
    assert sign_in(watched.cast.vera).get(f"{HERE}segments/new/").status_code == 403


def test_performance_page_keeps_estimated_and_realised_apart(watched, sign_in):
    text = text_of(sign_in(watched.cast.wim), f"{HERE}performance/")
    for said in ("Estimated", "Realised", "realised minus estimated", "How soon are outcomes known?", "Log loss"):
        assert (said in text) is (said != "Log loss")


def test_value_pages_show_months_projects_and_the_portfolio(watched, sign_in):
    text = text_of(sign_in(watched.cast.wim), f"{HERE}value/")
    assert "April 2013" in text
    assert "Rightly said yes" in text
    text = text_of(sign_in(watched.cast.wim), f"{HOME}value/")
    assert "What is the whole portfolio worth, in USD?" in text
    assert f"{HOME}value/late-arrivals/set/" not in text
    assert f"{HOME}value/late-arrivals/set/" in text_of(sign_in(watched.cast.bianca), f"{HOME}value/")
    client = sign_in(watched.cast.wim)
    lines = client.get(f"{HOME}value/?format=csv").content.decode().splitlines()
    assert lines[1].startswith("late-arrivals,")
    assert lines[1].endswith(",USD")


def test_portfolio_takes_as_many_queries_for_two_endpoints_as_for_one(watched, sign_in):
    client = sign_in(watched.cast.odile)
    client.get(f"{HOME}value/")
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            text_of(client, f"{HOME}value/")
        counts.append(len(captured))
        if len(counts) == 1:
            with tenant(watched.cast.meridian.pk):
                watched.shop.endpoint(watched.shop.staging, key="more")
    assert counts[0] == counts[1]


def test_amounts_are_written_by_the_business_and_by_nobody_else(watched, sign_in):
    given = {"currency": "USD", "since": "2013-05-01", "true_positive": "90", "reason": "New study"}
    assert sign_in(watched.cast.bianca).post(f"{HERE}value/set/", given).status_code == 303
    with tenant(watched.cast.meridian.pk):
        newest = OutcomeValues.objects.get(endpoint=watched.endpoint)
        project = watched.endpoint.model.project
    assert (newest.number, newest.values) == (1, {"true_positive": 90.0})
    assert sign_in(watched.cast.bianca).post(f"{HOME}value/{project.key}/set/", given).status_code == 303
    assert sign_in(watched.cast.otto).post(f"{HERE}value/set/", given).status_code == 403


def test_feedback_leads_to_the_prediction_and_what_came_of_it(watched, sign_in):
    client = sign_in(watched.cast.wim)
    text = text_of(client, f"{HERE}opinions/?rating=2")
    assert "For nothing" in text
    assert f'href="{HERE}predictions/flight-7/"' in text
    text = text_of(client, f"{HERE}predictions/flight-7/")
    assert "For nothing" in text
    assert "carrier=" in text
    assert "Known since" in text
    text_of(client, f"{HERE}predictions/nothing/", 404)


def test_the_api_tells_segments_and_value(watched, sign_in):
    client = sign_in(watched.cast.wim)
    rows = client.get(f"{API}segments/?column=carrier&value=AA").json()["results"]
    assert rows
    assert {row["value"] for row in rows} == {"AA"}
    assert set(rows[0]["result"]) >= {"realised", "estimated", "fairness", "drift", "state", "coverage"}
    (value,) = client.get(f"{API}value/").json()["results"]
    assert value["months"] == client.get(f"{API}value/late-arrivals/").json()["months"]
    assert value["months"][0]["currency"] == "USD"
    days = client.get(f"{API}outcome-days/?day__lte={START:%Y-%m-%d}").json()["results"]
    assert [day["known"] for day in days] == [600]


def test_the_api_chooses_columns_and_writes_amounts(watched, sign_in):
    client = sign_in(watched.cast.otto)
    sent = {"endpoint": "late-arrivals", "column": "gate", "purpose": "group", "top": 5}
    made = client.post(f"{API}segment-columns/", sent, content_type="application/json")
    assert (made.status_code, made.json()["top"]) == (201, 5)
    given_up = client.post(f"{API}segment-columns/{made.json()['id']}/give-up/", {}, content_type="application/json")
    assert given_up.json()["is_active"] is False
    amounts = {"endpoint": "late-arrivals", "currency": "USD", "values": {"right": 1.0}, "since": "2013-01-01"}
    client = sign_in(watched.cast.bianca)
    answer = client.post(f"{API}outcome-values/", amounts, content_type="application/json")
    assert answer.status_code in (400, 422)
    answer = client.post(f"{API}outcome-values/", amounts | {"reason": "Study"}, content_type="application/json")
    assert (answer.status_code, answer.json()["number"]) == (201, 1)
