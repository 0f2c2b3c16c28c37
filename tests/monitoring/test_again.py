"""Every result follows again from what is kept with it: states, baseline, and the limits of its time."""

import datetime as dt

import orjson
import pytest

from apps.monitoring import actions, checking
from apps.monitoring.actions.service import Call
from apps.monitoring.checking import Due
from apps.monitoring.engine import results as tables
from apps.monitoring.engine.policy import Limits
from apps.monitoring.models import Batch, Check, FeatureTable, Monitor, MonitorKind, Reference, SegmentResult
from apps.projects.models import SuccessMetric, ValueReading
from tests.monitoring.field import START

DAY = dt.timedelta(days=1)


def computed_again(check):
    """The result from what the check holds and points to, after its monitor was told other limits."""
    monitor = Monitor.objects.get(pk=check.monitor_id)
    actions.change_monitor(monitor=monitor, settings={"limits": {"psi": 0.9, "minimum": 7}}, by=monitor.owner)
    limits = Limits.read(check.result["limits"])
    rows = dict(Check.objects.filter(monitor=monitor).values_list("start_at", "rows"))
    due = Due(check.period, check.changes, check.rows, check.baseline_id, rows)
    return checking.check(monitor, due, limits)()


def plain(value):
    """As it comes back from the database."""
    return orjson.loads(orjson.dumps(value))


def stored(check):
    return check.level, check.signals, check.rows, check.rows_reference, check.windows


def assert_same(check):
    again = computed_again(check)
    assert (again.level, again.signals, again.rows, again.rows_reference, again.windows) == stored(check)
    assert plain(again.result) == check.result
    assert check.result["engine"]
    assert check.result["limits"]
    assert check.result["definitions"]
    return again


@pytest.mark.parametrize("reference", [*Reference.values, "training, muted"])
def test_drift_against_every_reference(field, reference):
    kind = reference.split(",")[0]
    more = {"reference_since": START, "reference_until": START + DAY} if kind == Reference.PERIOD else {}
    for day in (0, 1, 7, 8):
        field.fly(300, START + day * DAY, later=4.0 if day == 8 else 0.0, labelled=False)
    field.fly(1, START + 9 * DAY, labelled=False)
    monitor = field.monitor(name="Moved", reference=kind, trailing=1, **more)
    if reference != kind:
        until = dt.datetime.now(dt.UTC) + DAY
        actions.mute(monitor=monitor, signal="drift", until=until, reason="Known.", by=field.cast.otto)
    field.run(monitor)
    check = Check.objects.filter(monitor=monitor).order_by("-start_at").first()
    again = assert_same(check)
    assert again.features == bytes(FeatureTable.objects.get(check_run=check).data)
    found = {one["feature"]: one for one in tables.features(tables.unpack(again.features))}
    assert found["dep_delay"]["level"] == "drift"
    assert found["dep_delay"]["muted"] == ([] if reference == kind else ["drift"])


def test_performance_with_outcomes(field):
    field.fly(400)
    field.fly(400, START + DAY, worse=0.8)
    field.fly(1, START + 2 * DAY)
    monitor = field.monitor(MonitorKind.PERFORMANCE, name="Right or wrong")
    field.run(monitor)
    for check in Check.objects.filter(monitor=monitor):
        assert_same(check)
    assert check.result["realised"]["auc"]["n"]


def test_segments(field):
    actions.watch_column(endpoint=field.endpoint, column="carrier", by=field.cast.otto)
    field.fly(400)
    field.fly(400, START + DAY)
    field.fly(1, START + 2 * DAY)
    monitor = Monitor.objects.get(endpoint=field.endpoint, kind=MonitorKind.SEGMENTS)
    actions.change_monitor(monitor=monitor, settings={"window": "day", "clock": "data"}, by=field.cast.otto)
    field.run(monitor)
    check = Check.objects.filter(monitor=monitor).order_by("start_at").last()
    again = assert_same(check)
    rows = SegmentResult.objects.filter(check_run=check).order_by("rank")
    assert [plain(one["result"]) for one in again.segments] == [row.result for row in rows]


def test_service_and_feedback(field):
    moment = dt.datetime.now(dt.UTC) - 3 * DAY
    calls = [Call(moment, 0.01 * number, "ok" if number % 9 else "failed", 1) for number in range(1, 300)]
    actions.count_calls(endpoint=field.endpoint, calls=calls)
    service = field.monitor(MonitorKind.SERVICE, name="Calls", window="day", clock="now")
    said = [{"rating": 1 + number % 5, "event_time": moment.isoformat()} for number in range(30)]
    field.send("feedback", said)
    rating = field.monitor(MonitorKind.FEEDBACK, name="Ratings", window="day", clock="now")
    for monitor in (service, rating):
        field.run(monitor)
        assert_same(Check.objects.get(monitor=monitor))


def test_silence(field):
    field.fly(20, labelled=False)
    Batch.objects.filter(endpoint=field.endpoint).update(created_at=dt.datetime.now(dt.UTC) - 3 * DAY)
    monitor = field.monitor(MonitorKind.SILENCE, clock="now", limits={"silence_hours": 2})
    field.run(monitor)
    check = Check.objects.get(monitor=monitor)
    assert assert_same(check).result | {"limits": None} == check.result | {"limits": None}
    assert check.level == "drift"


def test_value_of_the_readings_that_there_were(field):
    metric = SuccessMetric(
        project=field.shop.project, name="Missed connections", unit="%", direction="lower", baseline=4.0, target=3.0,
        due_on=dt.date(2013, 6, 30),
    )  # fmt: skip
    metric.save()

    def read(month, value):
        ValueReading(
            metric=metric, value=value, at=dt.datetime(2013, month, 1, tzinfo=dt.UTC), source="Hub report",
            recorded_by=field.cast.bianca,
        ).save(force_insert=True)  # fmt: skip

    read(5, 3.6)
    read(7, 3.4)
    monitor = field.monitor(MonitorKind.VALUE)
    field.run(monitor)
    check = Check.objects.get(monitor=monitor)
    read(8, 2.5)
    assert assert_same(check).result["readings"] == check.result["readings"]
    assert check.result["readings"][0]["value"] == 3.4
