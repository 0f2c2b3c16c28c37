"""What a window is compared with: sums of stored states, whichever windows they are of; no row is read for it."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core.errors import Invalid
from apps.monitoring import actions, checking
from apps.monitoring.engine.policy import Limits
from apps.monitoring.models import Check, Grain, State
from apps.monitoring.windows import Window, weeks_before
from tests.monitoring.field import START

HOUR, DAY, WEEK = dt.timedelta(hours=1), dt.timedelta(days=1), dt.timedelta(days=7)
OPENS = {"open_after": 1, "among": 1}


def last(monitor):
    return Check.objects.filter(monitor=monitor, is_current=True).order_by("-end_at").first()


def spans(check):
    return [[dt.datetime.fromisoformat(moment) for moment in pair] for pair in check.result["reference"]["windows"]]


def test_the_same_hour_of_the_weeks_before_is_the_reference_of_a_season(field):
    # On Mondays at nine flights are late by a rule; on any other hour that would be drift.
    nine = START + 9 * HOUR
    for week in range(4):
        field.fly(300, START + week * WEEK, hours=1, labelled=False)
        field.fly(300, nine + week * WEEK, hours=1, labelled=False, later=8)
    field.fly(1, START + 3 * WEEK + 12 * HOUR, labelled=False)
    season = field.monitor(name="Season", window="hour", reference="season", trailing=3, limits=OPENS)
    before = field.monitor(name="Before", window="hour", reference="trailing", trailing=3, limits=OPENS)
    field.run(season)
    field.run(before)
    at_nine = Check.objects.get(monitor=season, start_at=nine + 3 * WEEK)
    assert (at_nine.level, at_nine.rows, at_nine.rows_reference) == ("quiet", 300, 900)
    assert spans(at_nine) == [[nine + week * WEEK, nine + week * WEEK + HOUR] for week in (2, 1, 0)]
    # The very first week has nothing to look back on, and says so.
    first = Check.objects.get(monitor=season, start_at=nine)
    assert (first.level, first.result["note"]) == ("not_enough", "The reference holds no rows.")
    training = field.monitor(name="Training", window="hour", limits=OPENS)
    field.run(training)
    assert Check.objects.get(monitor=training, start_at=nine + 3 * WEEK).level == "drift"


def test_a_moved_season_is_found(field):
    for week in range(3):
        field.fly(300, START + week * WEEK, hours=1, labelled=False, later=8 if week == 2 else 0)
    field.fly(1, START + 2 * WEEK + 2 * HOUR, labelled=False)
    monitor = field.monitor(window="hour", reference="season", trailing=2)
    field.run(monitor)
    assert Check.objects.get(monitor=monitor, start_at=START + 2 * WEEK).level == "drift"


def test_a_fixed_period_and_the_windows_before_are_sums_of_states(field):
    for day in range(5):
        field.fly(300, START + day * DAY, labelled=False, later=8 if day >= 2 else 0)
    field.fly(1, START + 5 * DAY, labelled=False)
    period = field.monitor(
        name="Period", reference="period", reference_since=START + 2 * DAY, reference_until=START + 3 * DAY
    )
    trailing = field.monitor(name="Trailing", reference="trailing", trailing=2)
    field.run(period)
    field.run(trailing)
    levels = list(Check.objects.filter(monitor=period).order_by("start_at").values_list("level", flat=True))
    assert levels == ["drift", "drift", "quiet", "quiet", "quiet"]
    assert (last(trailing).level, last(trailing).rows_reference) == ("quiet", 600)
    assert spans(last(trailing)) == [[START + 2 * DAY, START + 4 * DAY]]
    assert spans(last(period)) == [[START + 2 * DAY, START + 3 * DAY]]


@pytest.mark.parametrize("reference", ["training", "period", "trailing", "season"])
def test_a_check_reads_states_and_no_rows(field, reference):
    for week in range(2):
        field.fly(300, START + week * WEEK, labelled=False)
    field.fly(1, START + 2 * WEEK, labelled=False)
    fixed = {"reference_since": START, "reference_until": START + DAY} if reference == "period" else {}
    monitor = field.monitor(reference=reference, **fixed)
    due = checking.due(monitor)[-1]
    with CaptureQueriesContext(connection) as asked:
        compute = checking.check(monitor, due, Limits())
    with CaptureQueriesContext(connection) as computing:
        compute()
    assert len(computing) == 0
    assert not [query for query in asked.captured_queries if "monitoring_prediction" in query["sql"]]
    assert len(asked) <= 5


def test_performance_is_compared_with_the_same_windows(field):
    for day in range(3):
        field.fly(400, START + day * DAY, worse=0.9 if day else 0)
    field.fly(1, START + 3 * DAY, labelled=False)
    trailing = field.monitor("performance", name="Trailing", reference="trailing", trailing=1)
    training = field.monitor("performance", name="Training")
    field.run(trailing)
    field.run(training)
    found = {
        monitor.name: [
            (one.level, one.rows_reference) for one in monitor.checks.filter(is_current=True).order_by("start_at")
        ]
        for monitor in (trailing, training)
    }
    assert [level for level, _ in found["Training"]] == ["quiet", "drift", "drift"]
    # The first window has none before it; the second fell against the first; the third is as the second.
    assert found["Trailing"] == [("not_enough", 0), ("drift", 400), ("quiet", 400)]
    check = trailing.checks.get(start_at=START + 2 * DAY)
    assert check.result["compared"]["windows"] == [[(START + DAY).isoformat(), (START + 2 * DAY).isoformat()]]


def test_hours_are_kept_as_long_as_a_season_looks_back_on_them(field):
    for week in (0, 4, 8):
        field.fly(50, START + week * WEEK, hours=2, labelled=False)
    field.monitor(window="hour", reference="season", trailing=4)
    actions.roll_up(endpoint=field.endpoint, by=field.cast.otto)
    grains = set(State.objects.filter(kind="predictions").values_list("start_at", "grain"))
    assert grains == {
        (START, Grain.DAY),
        *((START + week * WEEK + hour * HOUR, Grain.HOUR) for week in (4, 8) for hour in (0, 1)),
    }


def test_months_have_no_season(field):
    with pytest.raises(Invalid, match="by the week"):
        field.monitor(window="month", reference="season")
    with pytest.raises(Invalid, match="no season"):
        field.monitor("segments", reference="season")


def test_a_window_longer_than_a_week_is_compared_with_what_it_does_not_hold():
    window = Window(START, START + 10 * DAY)
    assert weeks_before(window, 2) == [
        Window(START - 2 * WEEK, START - 2 * WEEK + 10 * DAY),
        Window(START - 4 * WEEK, START - 4 * WEEK + 10 * DAY),
    ]


def test_windows_that_grew_into_one_another_count_once(field):
    monitor = field.monitor(limits={"most_windows": 4})
    for day in range(6):
        # One bad day, taken in by the windows of the days after it, which are too small alone.
        field.fly(80, START + day * DAY, labelled=False, later=60 if day == 2 else 0)
    field.fly(1, START + 6 * DAY, labelled=False)
    field.run(monitor)
    rows = Check.objects.filter(monitor=monitor, is_current=True).order_by("start_at")
    assert [(one.windows, one.level) for one in rows] == [
        (1, "not_enough"), (1, "not_enough"), (3, "drift"), (3, "drift"), (3, "drift"), (3, "quiet"),
    ]  # fmt: skip
    assert not monitor.alerts.exists()
