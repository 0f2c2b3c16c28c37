"""The time that pages look at: read from the address, kept from page to page, and told where it cannot be read."""

import copy
import datetime as dt

import pytest

from apps.core.tenancy import tenant
from apps.monitoring import periods
from apps.monitoring.models import Check
from tests.monitoring.field import START, Field

NOW = dt.datetime(2013, 5, 1, 12, tzinfo=dt.UTC)
HOME = "/o/meridian/monitoring/endpoints/late-arrivals/"
DAY = dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("name", "length"),
    [("24h", DAY), ("7d", 7 * DAY), ("30d", 30 * DAY), ("90d", 90 * DAY), ("1y", 366 * DAY)],
)
def test_a_preset_counts_back_from_now(name, length):
    period = periods.read({"range": name}, NOW)
    assert (period.until, period.until - period.since, period.name) == (NOW, length, name)
    assert period.on("/there/?column=dest") == f"/there/?column=dest&range={name}"


def test_an_address_without_time_gets_the_usual_and_hands_nothing_on():
    period = periods.read({}, NOW, "7d")
    assert period.since == NOW - 7 * DAY
    assert period.on("/there/") == "/there/"


def test_a_time_of_ones_own_is_taken_as_utc_and_said_again():
    period = periods.read({"from": "2013-04-01T06:00", "to": "2013-04-02"}, NOW)
    assert (period.since, period.until) == (
        dt.datetime(2013, 4, 1, 6, tzinfo=dt.UTC),
        dt.datetime(2013, 4, 2, tzinfo=dt.UTC),
    )
    again = periods.read(period.query, NOW)
    assert again == period
    assert str(period) == "1 Apr 2013, 06:00 to 2 Apr 2013 UTC"
    east = periods.read({"from": "2013-04-01T06:00+02:00", "to": "2013-04-02"}, NOW)
    assert east.since == dt.datetime(2013, 4, 1, 4, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "given",
    [
        {"from": "yesterday", "to": "2013-04-02"},
        {"from": "2013-04-02"},
        {"from": "2013-04-02", "to": "2013-04-01"},
        {"from": "2013-04-02", "to": "2013-04-02"},
        {"from": "1900-01-01", "to": "2013-04-02"},
        {"range": "8d"},
    ],
)
def test_what_cannot_be_read_is_the_usual_and_told(given):
    period = periods.read(given, NOW, "30d")
    assert period.problem
    assert (period.since, period.is_chosen) == (NOW - 30 * DAY, False)


@pytest.fixture(scope="module")
def watched_once(cast_once) -> Field:
    """The endpoint after five days, checked day by day; no tenant is open."""
    with tenant(cast_once.meridian.pk):
        field = Field(cast_once)
        for day in range(5):
            field.fly(250, START + day * DAY, labelled=day == 0, later=8 if day in (1, 2, 3) else 0)
        field.drift = field.monitor()
        field.performance = field.monitor("performance", name="Performance")
        for monitor in (field.drift, field.performance):
            field.run(monitor)
    return field


@pytest.fixture
def watched(db, watched_once) -> Field:
    return copy.deepcopy(watched_once)


def test_by_the_datas_clock_now_is_the_newest_event(watched):
    with tenant(watched.cast.meridian.pk):
        period = periods.of_endpoint(watched.endpoint, {"range": "24h"})
        watched.drift.clock = watched.performance.clock = "now"
        later = periods.of_endpoint(watched.endpoint, {}, [watched.drift, watched.performance])
    assert period.until == START + 5 * DAY
    assert later.until.year > 2020
    assert later.name == "30d"


def test_every_page_of_an_endpoint_looks_at_the_chosen_time_and_hands_it_on(watched, sign_in):
    client = sign_in(watched.cast.wim)
    chosen = {"from": "2013-04-02T00:00", "to": "2013-04-03T00:00"}
    handed = "from=2013-04-02T00%3A00&amp;to=2013-04-03T00%3A00"
    for page in ("", "performance/", "service/", "segments/", "value/", "features/dep_delay/"):
        text = client.get(f"{HOME}{page}", chosen).content.decode()
        assert "2 Apr 2013 to 3 Apr 2013 UTC" in text, page
        assert f'href="{HOME}?{handed}"' in text, page
    assert f"{HOME}features/dep_delay/?{handed}" in client.get(HOME, chosen).content.decode()
    assert f"{HOME}performance/?{handed}" in client.get(HOME, chosen).content.decode()


def test_a_page_shows_the_windows_of_the_chosen_time_only(watched, sign_in):
    client = sign_in(watched.cast.wim)
    page = f"{HOME}features/dep_delay/"
    whole = client.get(page, {"range": "30d"}).content.decode()
    assert "1 April 2013" in whole
    assert "3 April 2013" in whole
    part = client.get(page, {"from": "2013-04-03T00:00", "to": "2013-04-04T00:00"}).content.decode()
    assert "1 April 2013" not in part
    assert "3 April 2013" in part


def test_a_time_without_windows_says_so_and_leads_to_the_newest(watched, sign_in):
    client = sign_in(watched.cast.wim)
    with tenant(watched.cast.meridian.pk):
        newest = Check.objects.filter(monitor=watched.drift).order_by("-end_at").first()
    for page in ("", "features/dep_delay/", "performance/"):
        text = client.get(f"{HOME}{page}", {"from": "2012-01-01", "to": "2012-02-01"}).content.decode()
        assert "No window in this time" in text, page
        assert f"from={newest.start_at:%Y-%m-%d}T00%3A00&amp;to={newest.end_at:%Y-%m-%d}T00%3A00" in text, page


def test_an_unreadable_time_is_told_on_the_page(watched, sign_in):
    page = sign_in(watched.cast.wim).get(HOME, {"from": "soon", "to": "later"})
    assert page.status_code == 200
    assert "it is taken as UTC" in page.content.decode()


def test_parts_of_the_address_that_are_not_the_time_stay(watched, sign_in):
    text = sign_in(watched.cast.wim).get(f"{HOME}segments/", {"column": 'a"b'}).content.decode()
    assert '<input type="hidden" name="column" value="a&quot;b">' in text
    assert "?column=a%22b&amp;range=7d" in text
