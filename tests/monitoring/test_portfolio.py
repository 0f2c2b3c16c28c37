"""The map of the portfolio: worst first, sorted and filtered; as many queries for many models as for one."""

import copy
import datetime as dt
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core.tenancy import tenant
from apps.deployments.actions import create_environment
from apps.monitoring import actions
from apps.monitoring.models import Monitor, MonitorKind
from tests.monitoring.field import START, Field

HOME = "/o/meridian/monitoring/"
DASHBOARD = f"{HOME}endpoints/late-arrivals/"
DAY = dt.timedelta(days=1)


@pytest.fixture(scope="module")
def field_once(cast_once) -> Field:
    """The endpoint with two days of predictions, and no monitor yet; no tenant is open."""
    with tenant(cast_once.meridian.pk):
        made = Field(cast_once)
        for day in range(2):
            made.fly(250, START + day * DAY, labelled=False)
    return made


@pytest.fixture
def field(cast, field_once) -> Field:
    return copy.deepcopy(field_once)


def stand(field: Field, endpoint, **levels: str) -> None:
    """Monitors of an endpoint that stand at these levels, by kind."""
    for kind, level in levels.items():
        made = actions.create_monitor(endpoint=endpoint, kind=kind, by=field.cast.otto)
        made.level = level
        made.save()


@pytest.fixture
def portfolio(field) -> Field:
    """Three endpoints: late-arrivals is quiet, one is over its limit in service, one near its limit in drift."""
    with tenant(field.cast.meridian.pk):
        stand(field, field.endpoint, drift="quiet", silence="quiet")
        corner = create_environment(key="corner", name="Corner", order=7, by=field.cast.adam)
        slow, moving = field.shop.endpoint(field.shop.staging, key="slow"), field.shop.endpoint(corner, key="moving")
        stand(field, slow, service="drift", drift="quiet")
        stand(field, moving, drift="near", service="quiet")
    return field


def keys(client, **given) -> list[str]:
    """The endpoints on the map, from above."""
    text = client.get(HOME, given).content.decode()
    body = text.split("<tbody>", 1)[1].split("</tbody>", 1)[0] if "<tbody>" in text else ""
    return re.findall(r'<td><a href="/o/meridian/monitoring/endpoints/([a-z-]+)/">', body)


def test_the_map_shows_the_worst_first_and_sorts_by_each_column(portfolio, sign_in):
    client = sign_in(portfolio.cast.otto)
    assert keys(client) == ["slow", "moving", "late-arrivals"]
    assert keys(client, sort="drift")[0] == "moving"
    assert keys(client, sort="-drift")[-1] == "moving"
    assert keys(client, sort="service") == ["slow", "moving", "late-arrivals"]
    assert keys(client, sort="endpoint") == ["late-arrivals", "moving", "slow"]


def test_the_map_filters_by_where_models_stand(portfolio, sign_in):
    client = sign_in(portfolio.cast.otto)
    assert keys(client, state="drift") == ["slow"]
    assert keys(client, state="near") == ["moving"]
    assert keys(client, state="quiet") == ["late-arrivals"]
    assert keys(client, state="incidents") == []
    assert sorted(keys(client, state="unwatched")) == ["late-arrivals", "moving", "slow"]


def test_a_paused_monitor_does_not_make_a_model_bad(portfolio, sign_in):
    with tenant(portfolio.cast.meridian.pk):
        paused = Monitor.objects.get(endpoint__key="slow", kind=MonitorKind.SERVICE)
        actions.pause_monitor(monitor=paused, reason="Moved.", by=portfolio.cast.otto)
    assert keys(sign_in(portfolio.cast.otto), state="drift") == []


def test_every_cell_says_its_state_in_words_and_leads_on(portfolio, sign_in):
    text = sign_in(portfolio.cast.otto).get(HOME).content.decode()
    row = next(part for part in text.split("<tr>") if "endpoints/slow/" in part)
    cells = re.findall(r'<td class="cell ([a-z]+)"><a href="([^"]+)">.*?</svg>\s*([^<]+)</a>', row, re.DOTALL)
    assert [(meaning, url.rsplit("/", 2)[1], word.strip()) for meaning, url, word in cells] == [
        ("good", "slow", "Quiet"),
        ("neutral", "performance", "Not watched"),
        ("wrong", "service", "Over limit"),
        ("neutral", "value", "Not watched"),
        ("neutral", "rows", "Not watched"),
    ]


def queries(client, path: str) -> int:
    client.get(path)  # Warm what is read once for each process.
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def test_pages_of_a_model_take_as_many_queries_for_many_windows_as_for_one(field, sign_in):
    with tenant(field.cast.meridian.pk):
        watching = [field.monitor(), field.monitor("performance", name="Performance")]
        for monitor in watching:
            field.run(monitor)
    client = sign_in(field.cast.otto)
    pages = ["", "features/dep_delay/", "performance/", "service/", "segments/", "value/", "report/"]
    before = [queries(client, f"{DASHBOARD}{page}") for page in pages]
    with tenant(field.cast.meridian.pk):
        for day in range(2, 6):
            field.fly(250, START + day * DAY, labelled=False, later=4)
        for monitor in watching:
            field.run(monitor)
    assert [queries(client, f"{DASHBOARD}{page}") for page in pages] == before
