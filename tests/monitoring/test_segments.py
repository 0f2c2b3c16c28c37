"""Rows counted apart by a column: live and rebuilt to the same bits, taken back, rolled up, compared and told."""

import datetime as dt

import pytest
from django.core.files.storage import default_storage

from apps.core.errors import Conflict, Invalid, Refused
from apps.monitoring import actions
from apps.monitoring.actions.rolling import roll_up
from apps.monitoring.engine.state import decode, merge
from apps.monitoring.models import (
    Batch,
    Check,
    Incident,
    Monitor,
    MonitorKind,
    Prediction,
    SegmentColumn,
    SegmentResult,
    State,
)
from tests.monitoring.field import START
from tests.support import deliver

DAY = dt.timedelta(days=1)


def watch(field, column="carrier", by=None, **more):
    chosen = actions.watch_column(endpoint=field.endpoint, column=column, by=by or field.cast.otto, **more)
    deliver(field.cast.meridian)
    return chosen


def kept(**more):
    """Bytes of the segments' states by what they are of."""
    rows = State.objects.exclude(segment="").filter(**more).order_by("kind", "segment", "start_at")
    return {(row.kind, row.segment, row.start_at): (row.rows, bytes(row.data)) for row in rows}


def total(kind, **more):
    rows = State.objects.filter(kind=kind, **more)
    return merge(decode(bytes(row.data)) for row in rows)


def test_rows_are_counted_by_the_column_and_add_up_to_the_whole(field):
    watch(field)
    field.fly(300)
    names = set(State.objects.exclude(segment="").values_list("segment", flat=True))
    assert names == {"carrier=AA", "carrier=B6", "carrier=UA"}
    for kind in ("predictions", "outcomes"):
        assert total(kind, segment__startswith="carrier=") == total(kind, segment="")


def test_a_column_chosen_later_is_counted_from_the_kept_batches_to_the_same_bits(field):
    first = watch(field)
    field.fly(200)
    field.fly(200, START + DAY)
    live = kept()
    lines = dict(Prediction.objects.values_list("prediction_id", "segments"))
    actions.give_up_column(column=first, by=field.cast.otto)
    with pytest.raises(Conflict, match="being dropped"):
        watch(field)
    deliver(field.cast.meridian)
    assert kept() == {}
    watch(field)
    assert kept() == live
    assert dict(Prediction.objects.values_list("prediction_id", "segments")) == lines


def test_counting_again_counts_nothing_twice(field):
    field.fly(200)
    column = watch(field)
    before = kept()
    assert actions.count_segments(endpoint=field.endpoint, by=field.cast.otto) == 0
    assert (actions.count_behind(), kept()) == (0, before)
    assert Batch.objects.filter(kind="predictions", segmented=[column.pk]).count() == 1


def test_a_batch_that_is_kept_no_longer_is_left_out(field):
    field.fly(100)
    field.fly(100, START + DAY)
    default_storage.delete(Batch.objects.filter(kind="predictions").order_by("id").first().path)
    watch(field)
    assert total("predictions", segment__startswith="carrier=").rows == 100
    assert actions.count_behind() == 0


def test_what_a_killed_worker_left_is_found(field):
    field.fly(200)
    actions.watch_column(endpoint=field.endpoint, column="carrier", by=field.cast.otto)
    assert actions.count_behind() == 1


def test_a_corrected_outcome_is_taken_back_from_its_segment(field):
    watch(field)
    predictions, outcomes = field.rows(50)
    field.send("predictions", predictions)
    field.send("outcomes", outcomes)
    right = total("outcomes", segment__startswith="carrier=")
    turned = [one | {"value": not one["value"]} for one in outcomes]
    field.send("outcomes", turned)
    assert total("outcomes", segment__startswith="carrier=") != right
    field.send("outcomes", [one | {"event_time": turned[0]["event_time"]} for one in outcomes])
    assert total("outcomes", segment__startswith="carrier=").rows == right.rows
    assert total("outcomes", segment__startswith="carrier=") == total("outcomes", segment="")


def test_outcomes_that_came_before_the_column_are_counted_with_it(field):
    field.fly(100)
    watch(field)
    assert total("outcomes", segment__startswith="carrier=") == total("outcomes", segment="")


def test_a_new_baseline_counts_the_segments_too(field):
    watch(field)
    field.fly(100)
    field.make_baseline(field.version)
    deliver(field.cast.meridian)
    newest = State.objects.filter(segment="").order_by("-baseline__number").first().baseline
    assert newest.number == 2
    for kind in ("predictions", "outcomes"):
        mine = {"baseline": newest}
        assert total(kind, segment__startswith="carrier=", **mine) == total(kind, segment="", **mine)


def test_a_column_beside_the_inputs_may_be_sent_once_it_is_watched(field):
    predictions, _ = field.rows(6)
    sent = [one | {"market": "EU" if place % 2 else "US"} for place, one in enumerate(predictions)]
    with pytest.raises(Invalid, match="market"):
        field.send("predictions", sent)
    watch(field, "market")
    field.send("predictions", sent)
    found = dict(State.objects.exclude(segment="").values_list("segment").distinct().values_list("segment", "kind"))
    assert set(found) == {"market=EU", "market=US"}


def test_rows_that_do_not_say_are_a_segment_of_their_own(field):
    watch(field, "market")
    field.fly(20, labelled=False)
    assert set(State.objects.exclude(segment="").values_list("segment", flat=True)) == {"market=(none)"}


def test_segments_roll_up_without_loss(field):
    watch(field)
    field.fly(200)
    field.fly(50, START + 30 * DAY)
    before = {name: total("predictions", segment=name) for name in ("carrier=AA", "carrier=B6")}
    assert roll_up(endpoint=field.endpoint, by=field.cast.otto) > 0
    assert State.objects.filter(grain="day", segment="carrier=AA").exists()
    assert {name: total("predictions", segment=name) for name in before} == before


def test_columns_that_cannot_be_are_refused_with_the_reason(field):
    for given, said in (
        ({"column": "dep_delay"}, "figure"),
        ({"column": "carrier", "cuts": [3]}, "no figure"),
        ({"column": "score"}, "named"),
        ({"column": "a=b"}, "named"),
        ({"column": "carrier", "favourable": "maybe"}, "no label"),
    ):
        with pytest.raises(Invalid, match=said):
            watch(field, **given)
    watch(field)
    with pytest.raises(Conflict, match="already"):
        watch(field)
    with pytest.raises(Refused):
        watch(field, "month", by=field.cast.vera)
    assert list(SegmentColumn.objects.values_list("column", flat=True)) == ["carrier"]


def test_the_first_column_brings_a_monitor_that_compares(field):
    watch(field)
    watch(field, "month")
    assert Monitor.objects.filter(kind=MonitorKind.SEGMENTS).count() == 1


def compared(field, **limits):
    watch(field, is_protected=True)
    monitor = Monitor.objects.get(kind=MonitorKind.SEGMENTS)
    settings = {"window": "day", "clock": "data", "limits": {"minimum": 50, "open_after": 1, "among": 1} | limits}
    return actions.change_monitor(monitor=monitor, settings=settings, by=field.cast.otto)


def test_a_check_compares_segments_and_keeps_a_row_for_each(field):
    monitor = compared(field)
    for day in range(3):
        field.fly(900, START + day * DAY)
    field.run(monitor)
    checks = list(Check.objects.filter(monitor=monitor, is_current=True).order_by("start_at"))
    assert [check.level for check in checks] == ["quiet", "quiet"]
    rows = {row.value: row for row in SegmentResult.objects.filter(check_run=checks[1])}
    assert set(rows) == {"AA", "B6", "UA"}
    assert sum(row.rows for row in rows.values()) == checks[1].rows == 900
    for row in rows.values():
        assert row.result["state"] == "mature"
        assert row.result["realised"]["auc"]["low"] < row.result["realised"]["auc"]["value"]
        assert 0 < row.result["fairness"]["impact_ratio"]["value"] <= 1
        assert row.result["drift"]["rows"] > 0
    assert checks[1].result["summary"]["carrier"]["favourable"] == "1"
    assert Incident.objects.count() == 0


def test_a_group_that_is_warned_less_often_opens_one_incident_with_its_name(field):
    monitor = compared(field)
    for day in range(2):
        predictions, outcomes = field.rows(900, START + day * DAY)
        for one in predictions:
            one["score"] = one["score"] / 4 if one["carrier"] == "B6" else one["score"]
        field.send("predictions", predictions, count=False)
        field.send("outcomes", outcomes)
    field.run(monitor)
    check = Check.objects.get(monitor=monitor, is_current=True)
    assert check.signals["fairness"] == "drift"
    incident = Incident.objects.get()
    assert (incident.cause, incident.severity) == ("segments", "severe")
    assert "carrier B6 (impact ratio 0." in incident.title
    assert incident.evidence["segments"][0]["why"].startswith("impact ratio 0.")


def test_late_outcomes_check_the_window_again(field):
    monitor = compared(field)
    predictions, outcomes = field.rows(600)
    field.send("predictions", predictions)
    field.fly(10, START + DAY, labelled=False)
    field.run(monitor)
    field.send("outcomes", outcomes)
    field.run(monitor)
    check = Check.objects.get(monitor=monitor, is_current=True)
    assert check.revision == 2
    assert sum(row.rows_labelled for row in check.segments.all()) == 600


def test_a_column_that_is_chosen_anew_is_compared_anew(field):
    monitor = compared(field)
    field.fly(600)
    field.fly(10, START + DAY)
    field.run(monitor)
    assert field.run(monitor) is None
    actions.give_up_column(column=SegmentColumn.objects.get(), by=field.cast.otto)
    deliver(field.cast.meridian)
    watch(field)
    assert field.run(monitor) is not None
    assert Check.objects.get(monitor=monitor, is_current=True).revision == 2


def test_a_monitor_without_segments_has_nothing_to_check(field):
    monitor = field.monitor(MonitorKind.SEGMENTS)
    field.fly(100)
    field.fly(10, START + DAY)
    assert field.run(monitor) is None
