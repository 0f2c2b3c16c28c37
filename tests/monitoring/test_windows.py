"""Windows: aligned, joined without a gap, and said as people say them."""

import datetime as dt

import pytest

from apps.monitoring.windows import before, some_before, window_at

MOMENT = dt.datetime(2013, 6, 5, 14, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("span", "start", "end", "when"),
    [
        ("hour", (6, 5, 14), (6, 5, 15), "in the hour from 14:00 on 5 June 2013"),
        ("day", (6, 5, 0), (6, 6, 0), "on 5 June 2013"),
        ("week", (6, 3, 0), (6, 10, 0), "from 3 to 9 June 2013"),
        ("month", (6, 1, 0), (7, 1, 0), "in June 2013"),
    ],
)
def test_window_at_a_moment(span, start, end, when):
    window = window_at(MOMENT, span)
    assert (window.start, window.end) == tuple(dt.datetime(2013, *parts, tzinfo=dt.UTC) for parts in (start, end))
    assert window.when == when
    assert before(window, span).end == window.start
    assert some_before(window, span, 3).end == window.start


def test_window_over_the_end_of_a_month_names_both():
    assert window_at(dt.datetime(2013, 7, 1, tzinfo=dt.UTC), "week").when == "from 1 to 7 July 2013"
    assert str(window_at(dt.datetime(2013, 7, 31, tzinfo=dt.UTC), "week")) == "29 July to 4 August 2013"


def test_window_in_another_zone_is_that_of_utc():
    zone = dt.timezone(dt.timedelta(hours=2))
    assert window_at(dt.datetime(2013, 6, 1, 1, tzinfo=zone), "month").when == "in May 2013"
