"""Ticks that people would choose."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from apps.core.charts import scale


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0, 0.44, [0, 0.1, 0.2, 0.3, 0.4, 0.5]),
        (3, 97, [0, 20, 40, 60, 80, 100]),
        (-5, 5, [-6, -4, -2, 0, 2, 4, 6]),
    ],
)
def test_ticks_are_round_and_cover_the_data(low, high, expected):
    assert scale.ticks(low, high) == pytest.approx(expected)


def test_domain_starts_at_zero_only_when_the_data_come_near():
    assert scale.domain([2, 10]) == (0, 10)
    assert scale.domain([90, 100]) == (90, 100)
    assert scale.domain([90, 100], zero=True) == (0, 100)


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0])
def test_domain_of_one_value_has_extent(value):
    low, high = scale.domain([value])
    assert low <= value < high


def moment(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        ((2013, 1, 1), (2013, 12, 31), ["Jan 2013", "Mar", "May", "Jul", "Sep", "Nov"]),
        ((2012, 11, 5), (2013, 3, 20), ["Dec 2012", "Jan 2013", "Feb", "Mar"]),
        ((2013, 6, 1), (2013, 6, 20), ["3 Jun", "10 Jun", "17 Jun"]),
        ((2013, 6, 1), (2013, 6, 2), ["1 Jun", "06:00", "12:00", "18:00", "2 Jun"]),
        ((2005, 1, 1), (2025, 6, 1), ["2005", "2010", "2015", "2020", "2025"]),
        ((1, 1, 2), (2026, 6, 1), ["500", "1000", "1500", "2000"]),
        ((2020, 1, 1), (9999, 12, 1), ["4000", "6000", "8000"]),
    ],
)
def test_time_ticks_fall_on_natural_dates(low, high, labels):
    found = [label for _, label in scale.time_ticks(moment(*low), moment(*high), 6)]
    assert found == labels


def test_time_ticks_fall_on_midnight_of_the_zone():
    zone = ZoneInfo("America/New_York")
    first = scale.time_ticks(moment(2013, 6, 1), moment(2013, 6, 5), 6, zone)[0]
    assert datetime.fromtimestamp(first[0], zone).hour == 0


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/New_York"])
@pytest.mark.parametrize(
    ("first", "days"), [(1, 3_650_000), (1, 300_000), (1, 9), (1, 200), (9990, 3_650), (9999, 364)]
)
def test_time_ticks_reach_the_ends_of_the_calendar(first, days, zone):
    low = scale.seconds(date(first, 1, 1))
    assert len(scale.time_ticks(low, low + days * 86400, 8, ZoneInfo(zone))) <= 12


def test_tick_label_shows_the_decimals_of_its_step():
    assert [scale.tick_label(value, 0.25) for value in (0, 0.25, 0.5)] == ["0", "0.25", "0.50"]
    assert scale.tick_label(25_000_000, 5_000_000) == "25\u202fM"


def test_text_width_never_underestimates_capitals():
    assert scale.text_width("EWR") > scale.text_width("ill")
