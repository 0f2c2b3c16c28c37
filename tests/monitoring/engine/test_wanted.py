"""What may be sent for a model: columns from its signature, ids once, times not to come."""

import datetime as dt

import pytest

from apps.models.engine.signatures import Signature
from apps.monitoring.engine import intake, reading, wanted
from apps.monitoring.engine.intake import Unreadable

NOW = dt.datetime(2014, 1, 1, tzinfo=dt.UTC)
LATE = Signature.from_json(
    {
        "task": "binary",
        "target": "late",
        "inputs": [{"name": "delay", "type": "number"}, {"name": "carrier", "type": "string"}],
        "classes": [False, True],
        "threshold": 0.4,
    }
)
PRICE = Signature.from_json({"task": "regression", "target": "price", "inputs": [{"name": "size", "type": "number"}]})


def row(number, **more):
    return {"prediction_id": f"p-{number}", "score": 0.3, "delay": 1.0, "carrier": "AA"} | more


def told(found):
    return [(error.row, error.column, error.said) for error in found.errors]


def test_predictions_get_time_and_label_where_only_the_score_was_sent():
    raw = reading.from_rows([row(1), row(2, score=0.4), row(3, label=True)])
    found = wanted.take_predictions(raw, LATE, NOW)
    assert found.table.column("_prediction").to_pylist() == ["0", "1", "1"]
    assert set(found.table.column("_at").to_pylist()) == {NOW}


def test_predictions_twice_too_long_or_to_come_are_refused_by_row():
    rows = [
        row(1),
        row(2, event_time="2014-01-01T02:00:00Z"),
        row(3),
        row(1, score=0.9),
        row("x" * 300),
        row(4, score=None),
        row(5, delay="soon"),
        row(6, event_time="2014-01-01T00:59:00Z"),
        row(7, event_time="1969-12-31T23:00:00Z"),
    ]
    found = wanted.take_predictions(reading.from_rows(rows), LATE, NOW)
    assert told(found) == [
        (1, "prediction_id", "is used again further down."),
        (2, "event_time", "lies in the future."),
        (5, "prediction_id", "is longer than 200 characters."),
        (6, "score", "must have a value."),
        (7, "delay", "must be a number."),
        (9, "event_time", "lies before 1971, as from a clock that was never set."),
    ]
    assert (found.refused, found.table.column("_id").to_pylist()) == (6, ["p-3", "p-1", "p-6"])


def test_predictions_of_a_regression_have_the_score_as_what_was_said():
    raw = reading.from_rows([{"prediction_id": "a", "score": 12.5, "size": 3}])
    assert wanted.take_predictions(raw, PRICE, NOW).table.column("_prediction").to_pylist() == [12.5]


def test_predictions_of_a_model_with_reserved_inputs_cannot_be_sent():
    clash = Signature.from_json({"task": "regression", "target": "y", "inputs": [{"name": "score", "type": "number"}]})
    with pytest.raises(Unreadable, match="score"):
        wanted.prediction_fields(clash)


def test_outcomes_may_be_called_like_the_target():
    for name in ("late", "value"):
        raw = reading.from_rows([{"prediction_id": "a", name: True}, {"prediction_id": "b", name: None}])
        found = wanted.take_outcomes(raw, LATE, NOW)
        assert found.table.column("_label").to_pylist() == ["1"]
        assert told(found) == [(2, name, "must have a value.")]


def test_outcomes_of_a_regression_are_numbers():
    raw = reading.from_rows([{"prediction_id": "a", "value": 3}, {"prediction_id": "b", "value": "much"}])
    assert wanted.take_outcomes(raw, PRICE, NOW).table.column("_label").to_pylist() == [3.0]


def test_feedback_needs_a_rating_or_a_comment():
    rows = [
        {"rating": 5},
        {"comment": "too late"},
        {"rating": 6},
        {"rating": None},
        {"prediction_id": "a", "rating": 1},
    ]
    found = wanted.take_feedback(reading.from_rows(rows), NOW)
    assert told(found) == [
        (3, "rating", "must be from 1 to 5."),
        (4, "comment", "must be given where there is no rating."),
    ]
    assert found.table.column("rating").to_pylist() == [5, None, 1]


def test_hours_are_counted_from_1970():
    moment = dt.datetime(2013, 4, 1, 5, 59, tzinfo=dt.UTC)
    hours = wanted.hours_of(
        intake.normalise(reading.from_rows([{"at": moment}]), [intake.Field("at", "time")]).table["at"]
    )
    assert wanted.hour_at(hours[0]) == moment.replace(minute=0)


def test_times_of_a_clock_that_was_never_set_are_refused():
    rows = [row(1, event_time="1970-01-01T00:00:00Z"), row(2, event_time="0001-01-01T00:00:00Z"), row(3)]
    found = wanted.take_predictions(reading.from_rows(rows), LATE, NOW)
    said = "lies before 1971, as from a clock that was never set."
    assert told(found) == [(1, "event_time", said), (2, "event_time", said)]
    assert found.table.column("_id").to_pylist() == ["p-3"]


def test_text_that_cannot_be_kept_is_refused_by_row():
    rows = [row(1, prediction_id="p\0"), row(2, carrier="A\0"), row(3, carrier="\ud800"), row(4)]
    found = wanted.take_predictions(reading.from_rows(rows), LATE, NOW)
    assert [(number, column) for number, column, _ in told(found)] == [
        (1, "prediction_id"),
        (2, "carrier"),
        (3, "carrier"),
    ]
    assert found.table.column("_id").to_pylist() == ["p-4"]
