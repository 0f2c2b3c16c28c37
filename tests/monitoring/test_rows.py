"""Rows that arrive: kept before they are answered for, counted once, told when they do not fit."""

import json
from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from apps.core.errors import Conflict, Invalid, NotVisible, Refused, TooLarge
from apps.monitoring import actions
from apps.monitoring.models import Batch, Feedback, Outcome, Prediction, State, StateKind


def totals(field):
    return {
        kind: sum(State.objects.filter(endpoint=field.endpoint, kind=kind).values_list("rows", flat=True))
        for kind in StateKind.values
    }


def test_batch_is_kept_before_it_is_counted(field):
    predictions, _ = field.rows(50)
    batch = field.send("predictions", predictions, count=False)
    assert (batch.state, batch.rows, batch.refused) == ("received", 50, 0)
    assert (batch.version, batch.sent_by) == (field.version, field.cast.otto)
    assert totals(field)["predictions"] == 0


def test_batch_is_counted_into_the_hours_of_its_events(field):
    predictions, _ = field.rows(48)
    batch = field.send("predictions", predictions)
    assert (batch.state, batch.repeated) == ("reduced", 0)
    states = State.objects.filter(endpoint=field.endpoint, kind="predictions")
    assert [state.rows for state in states] == [2] * 24
    assert states[0].start_at.isoformat() == "2013-04-01T00:00:00+00:00"


def test_batch_with_the_same_key_and_content_is_the_same_batch(field):
    predictions, _ = field.rows(20)
    first = field.send("predictions", predictions, key="monday")
    again = field.send("predictions", predictions, key="monday")
    assert (again.pk, Batch.objects.count()) == (first.pk, 1)
    assert totals(field)["predictions"] == 20


def test_batch_with_the_same_key_and_other_content_is_a_conflict(field):
    predictions, _ = field.rows(20)
    field.send("predictions", predictions, key="monday")
    with pytest.raises(Conflict, match="other content"):
        field.send("predictions", predictions[:10], key="monday")
    assert totals(field)["predictions"] == 20


def test_batch_without_a_key_is_known_by_its_content(field):
    predictions, _ = field.rows(20)
    assert field.send("predictions", predictions).pk == field.send("predictions", predictions).pk


def test_predictions_of_another_batch_are_counted_once(field):
    predictions, _ = field.rows(20)
    field.send("predictions", predictions)
    batch = field.send("predictions", [*predictions[10:], *field.rows(5)[0]])
    assert (batch.rows, batch.repeated) == (15, 10)
    assert totals(field)["predictions"] == Prediction.objects.count() == 25


def test_counting_twice_counts_once(field):
    field.send("predictions", field.rows(30)[0])
    before = list(State.objects.values_list("start_at", "data"))
    assert actions.count_waiting(endpoint=field.endpoint, by=field.cast.otto) == 0
    Batch.objects.filter(pk__isnull=False).update(state="received", reduced_at=None, groups=0)
    actions.count_waiting(endpoint=field.endpoint, by=field.cast.otto)
    assert [(at, bytes(data)) for at, data in State.objects.values_list("start_at", "data")] == [
        (at, bytes(data)) for at, data in before
    ]


def test_many_batches_give_the_same_states_as_one(field):
    predictions, outcomes = field.rows(60)
    for start in range(0, 60, 7):
        field.send("predictions", predictions[start : start + 7], count=False)
        field.send("outcomes", outcomes[start : start + 7], count=False)
    field.send("feedback", [{"rating": 4}])
    many = {(row.kind, row.start_at): bytes(row.data) for row in State.objects.all()}
    State.objects.all().delete()
    Outcome.objects.all().delete()
    Prediction.objects.all().delete()
    field.send("predictions", predictions, key="all", count=False)
    field.send("outcomes", outcomes, key="all too")
    assert {(row.kind, row.start_at): bytes(row.data) for row in State.objects.all()} == many


def test_rows_that_do_not_fit_refuse_the_batch_and_are_told(field):
    predictions, _ = field.rows(3)
    predictions[1]["month"] = None
    predictions[2]["score"] = "high"
    with pytest.raises(Invalid, match="2 of 3 rows do not fit") as refused:
        field.send("predictions", predictions)
    assert refused.value.fields["rows"] == ["row 2: month must have a value.", "row 3: score must be a number."]
    assert Batch.objects.count() == 0


def test_good_rows_are_kept_where_the_sender_asks_for_it(field):
    predictions, _ = field.rows(3)
    predictions[1]["month"] = None
    batch = field.send("predictions", predictions, keep_good=True)
    assert (batch.rows, batch.refused) == (2, 1)
    assert batch.errors == [{"row": 2, "column": "month", "said": "must have a value."}]
    assert totals(field)["predictions"] == 2


def test_missing_and_unknown_features_are_named(field):
    predictions, _ = field.rows(1)
    del predictions[0]["dep_delay"]
    predictions[0]["speed"] = 3
    with pytest.raises(Invalid) as refused:
        field.send("predictions", predictions)
    assert set(refused.value.fields) == {"dep_delay", "speed"}


def test_batch_that_cannot_be_counted_does_not_hold_up_the_others(field):
    field.send("predictions", field.rows(20)[0], count=False)
    broken = Batch.objects.get()
    Path(default_storage.path(broken.path)).write_bytes(b"PAR1 damaged")
    field.send("predictions", field.rows(30)[0], key="good")
    assert dict(Batch.objects.values_list("rows", "state")) == {20: "failed", 30: "reduced"}
    assert totals(field)["predictions"] == 30
    broken.refresh_from_db()
    assert broken.failure.startswith("ArrowInvalid: ")


def test_outcomes_are_counted_under_the_hour_of_their_prediction(field):
    predictions, outcomes = field.rows(24)
    field.send("predictions", predictions)
    batch = field.send("outcomes", outcomes)
    assert (batch.unmatched, Outcome.objects.filter(matched_at=None).count()) == (0, 0)
    hours = State.objects.filter(kind="outcomes").values_list("start_at", flat=True)
    assert list(hours) == list(State.objects.filter(kind="predictions").values_list("start_at", flat=True))


def test_outcomes_of_unknown_predictions_are_kept_counted_and_matched_later(field):
    predictions, outcomes = field.rows(10)
    batch = field.send("outcomes", outcomes)
    assert (batch.rows, batch.unmatched, totals(field)["outcomes"]) == (10, 10, 0)
    field.send("predictions", predictions[:4])
    assert totals(field) == {"predictions": 4, "outcomes": 4}
    assert Outcome.objects.filter(matched_at=None).count() == 6


def test_outcomes_told_again_change_nothing_and_told_otherwise_are_corrected(field):
    predictions, outcomes = field.rows(6)
    field.send("predictions", predictions)
    field.send("outcomes", outcomes)
    again = field.send("outcomes", [*outcomes[:3], *field.rows(0)[0]], key="again")
    assert (again.rows, again.repeated) == (3, 3)
    changed = {**outcomes[0], "value": not outcomes[0]["value"]}
    field.send("outcomes", [changed], key="correction")
    assert totals(field)["outcomes"] == 6
    told = Outcome.objects.filter(prediction_id=outcomes[0]["prediction_id"]).order_by("revision")
    assert [(one.revision, one.is_current, one.label) for one in told] == [
        (1, False, str(int(outcomes[0]["value"]))),
        (2, True, str(int(changed["value"]))),
    ]
    corrected = {row.start_at: bytes(row.data) for row in State.objects.filter(kind="outcomes")}
    State.objects.filter(kind="outcomes").delete()
    Outcome.objects.all().delete()
    field.send("outcomes", [changed, *outcomes[1:]], key="right at once")
    assert {row.start_at: bytes(row.data) for row in State.objects.filter(kind="outcomes")} == corrected


def test_outcomes_may_come_as_classes_or_words_only_of_the_model(field):
    field.send("predictions", field.rows(1)[0])
    with pytest.raises(Invalid, match="do not fit"):
        field.send("outcomes", [{"prediction_id": "flight-0", "value": "very late"}])


def test_feedback_is_kept_with_what_it_is_about(field):
    batch = field.send("feedback", [{"rating": 2, "comment": "too late", "prediction_id": "flight-1"}, {"rating": 5}])
    assert batch.state == "reduced"
    assert set(Feedback.objects.values_list("rating", "comment", "prediction_id")) == {
        (2, "too late", "flight-1"),
        (5, "", ""),
    }


def test_predictions_without_a_baseline_are_counted_when_there_is_one(inside):
    from tests.monitoring.field import Field

    field = Field(inside, with_baseline=False, key="unwatched")
    predictions, outcomes = field.rows(30)
    field.send("predictions", predictions)
    field.send("outcomes", outcomes)
    assert (totals(field), Prediction.objects.count()) == ({"predictions": 0, "outcomes": 0}, 30)
    field.make_baseline(field.version)
    field.send("feedback", [{"rating": 4}])
    assert totals(field) == {"predictions": 30, "outcomes": 30}


def test_new_baseline_counts_what_was_counted_with_the_former(field):
    predictions, outcomes = field.rows(30)
    field.send("predictions", predictions[:20], key="early")
    field.send("outcomes", outcomes)
    newer = field.make_baseline(field.version)
    field.send("predictions", predictions[20:], key="late")
    states = State.objects.filter(baseline=newer)
    assert sum(states.filter(kind="predictions").values_list("rows", flat=True)) == 30
    assert sum(states.filter(kind="outcomes").values_list("rows", flat=True)) == 30


def test_rows_are_refused_from_who_may_not_send_them(field):
    predictions, _ = field.rows(1)
    with pytest.raises(Refused):
        field.send("predictions", predictions, by=field.cast.wim)
    with pytest.raises(NotVisible):
        field.send("predictions", predictions, by=field.cast.mina)


def test_rows_beyond_the_limit_are_refused_before_they_are_read(field, settings):
    settings.TENURE_BATCH_LIMIT = 100
    with pytest.raises(TooLarge):
        field.send("predictions", field.rows(10)[0])


def test_rows_of_a_kind_nobody_knows_are_refused(field):
    with pytest.raises(Invalid, match="Send one of these types"):
        actions.receive_predictions(endpoint=field.endpoint, body=b"x", format="xml", by=field.cast.otto)


def test_rows_for_an_endpoint_without_a_version_need_to_name_it(field):
    empty = field.shop.endpoint(field.shop.staging, key="staging")
    body = json.dumps(field.rows(1)[0]).encode()
    with pytest.raises(Refused, match="Nothing is deployed"):
        actions.receive_predictions(endpoint=empty, body=body, format="json", by=field.cast.otto)
    batch = actions.receive_predictions(
        endpoint=empty, body=body, format="json", version=field.version, by=field.cast.otto
    )
    assert batch.version == field.version
