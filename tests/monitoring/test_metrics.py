"""Prometheus reads endpoints and monitors of one organization, by a token, in the same number of queries."""

import copy
import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from apps.core.tenancy import tenant
from apps.monitoring.engine import service
from apps.monitoring.models import Monitor, ServiceReading
from tests.monitoring.field import Field

PATH = "/o/meridian/api/v1/monitoring-metrics/"


@pytest.fixture(scope="module")
def watched_once(cast_once) -> Field:
    """A watched endpoint with monitors, rows and an hour of calls; no tenant is open."""
    with tenant(cast_once.meridian.pk):
        field = Field(cast_once)
        field.fill()
        for hour, calls in enumerate((7, 100)):
            ServiceReading(
                endpoint=field.endpoint,
                start_at=timezone.now() + hour * dt.timedelta(hours=1),
                calls=calls,
                failed=3,
                refused=2,
                predictions=500,
                latencies=service.latency_counts([0.01] * calls),
            ).save()
        return field


@pytest.fixture
def watched(db, watched_once) -> Field:
    return copy.deepcopy(watched_once)


def read(client) -> dict:
    answer = client.get(PATH)
    assert answer.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, *(sample.labels.get(name, "") for name in ("monitor", "result", "quantile"))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_endpoint_and_monitors_are_told(watched, sign_in):
    found = read(sign_in(watched.cast.otto))
    calls = {result: found["tenure_endpoint_calls", "", result, ""] for result in ("answered", "failed", "refused")}
    assert calls == {"answered": 95, "failed": 3, "refused": 2}
    assert found["tenure_endpoint_latency_seconds", "", "", "0.95"] == pytest.approx(0.01, rel=0.2)
    assert found["tenure_endpoint_open_incidents", "", "", ""] >= 0
    with tenant(watched.cast.meridian.pk):
        levels = {monitor.name: monitor.level for monitor in Monitor.objects.filter(is_active=True)}
    told = {name[1]: value for name, value in found.items() if name[0] == "tenure_monitor_level"}
    assert told == {
        name: {"not_enough": -1, "quiet": 0, "near": 1, "drift": 2}[level] for name, level in levels.items()
    }


def test_only_what_one_may_see_is_told(watched, sign_in):
    assert read(sign_in(watched.cast.mina)) == {}
    assert sign_in(watched.cast.mallory).get(PATH).status_code == 404


def test_more_monitors_take_no_more_queries(watched, sign_in):
    client = sign_in(watched.cast.otto)
    read(client)
    with CaptureQueriesContext(connection) as few:
        read(client)
    with tenant(watched.cast.meridian.pk):
        first = Monitor.objects.first()
        for number in range(5):
            first.pk, first.name, first._state.adding = None, f"More {number}", True
            first.save(force_insert=True)
    with CaptureQueriesContext(connection) as many:
        read(client)
    assert len(many) == len(few)
