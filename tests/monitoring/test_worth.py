"""What outcomes are worth: counted once a day, taken back when corrected, valued by the amounts in force."""

import datetime as dt

import pytest

from apps.core.errors import Invalid, Refused
from apps.monitoring import actions, worth
from apps.monitoring.models import OutcomeDay, OutcomeValues
from tests.monitoring.field import START
from tests.support import deliver

DAY = dt.timedelta(days=1)
AMOUNTS = {"true_positive": 100.0, "false_positive": -10.0, "true_negative": 0.0, "false_negative": -50.0}


def amounts(field, by=None, endpoint=True, since=dt.date(2013, 1, 1), **more):
    given = {"currency": "eur", "values": AMOUNTS, "since": since, "reason": "Cost study"} | more
    return actions.set_values(
        project=field.endpoint.model.project,
        endpoint=field.endpoint if endpoint else None,
        by=by or field.cast.bianca,
        **given,
    )


def counted(rows, outcomes):
    """Counts of a day, straight from what was sent."""
    cells = dict.fromkeys(worth.BINARY, 0)
    for row, outcome in zip(rows, outcomes, strict=True):
        said, true = row["score"] >= 0.5, outcome["value"]
        name = ("true" if said == true else "false") + ("_positive" if said else "_negative")
        cells[name] += 1
    return cells


def test_outcomes_are_added_up_by_the_day_of_the_prediction(field):
    predictions, outcomes = field.rows(300)
    field.send("predictions", predictions)
    field.send("outcomes", outcomes)
    day = OutcomeDay.objects.get()
    wanted = counted(predictions, outcomes)
    assert {name: getattr(day, name) for name in worth.BINARY} == wanted
    assert (day.day, day.known) == (START.date(), 300)
    assert (day.right, day.wrong) == (
        wanted["true_positive"] + wanted["true_negative"],
        wanted["false_positive"] + wanted["false_negative"],
    )


def test_repeated_outcomes_count_once_and_corrected_ones_are_taken_back(field):
    predictions, outcomes = field.rows(50)
    field.send("predictions", predictions)
    field.send("outcomes", outcomes)
    field.send("outcomes", outcomes[:20], key="again")
    turned = [one | {"value": not one["value"]} for one in outcomes]
    field.send("outcomes", turned)
    day = OutcomeDay.objects.get()
    assert {name: getattr(day, name) for name in worth.BINARY} == counted(predictions, turned)


def test_months_are_valued_with_an_interval(field):
    predictions, outcomes = field.rows(200)
    field.send("predictions", predictions)
    field.send("outcomes", outcomes)
    written = amounts(field)
    assert (written.currency, written.number) == ("EUR", 1)
    (month,) = worth.by_month([field.endpoint])[field.endpoint.pk]
    wanted = sum(AMOUNTS[name] * count for name, count in counted(predictions, outcomes).items())
    assert (month.start, month.known, month.value) == (START.date(), 200, pytest.approx(wanted))
    assert month.low < month.value < month.high


def test_each_day_has_the_amounts_in_force_then(field):
    first, told = field.rows(60)
    later, later_told = field.rows(60, START + 10 * DAY)
    for rows, outcomes in ((first, told), (later, later_told)):
        field.send("predictions", rows)
        field.send("outcomes", outcomes)
    amounts(field)
    amounts(field, since=(START + 5 * DAY).date(), values={"true_positive": 1.0})
    (month,) = worth.by_month([field.endpoint])[field.endpoint.pk]
    before = sum(AMOUNTS[name] * count for name, count in counted(first, told).items())
    assert month.value == pytest.approx(before + counted(later, later_told)["true_positive"])


def test_an_endpoints_own_amounts_go_before_those_of_its_project(field):
    amounts(field, endpoint=False, values={"true_positive": 1.0})
    assert worth.values_of([field.endpoint])[field.endpoint.pk][0].endpoint is None
    own = amounts(field)
    assert worth.values_of([field.endpoint])[field.endpoint.pk] == [own]
    assert OutcomeValues.objects.count() == 2


def test_outcomes_from_before_days_were_counted_are_added_up_when_amounts_come(field):
    field.fly(100)
    kept = OutcomeDay.objects.values("day", *worth.COUNTS).get()
    OutcomeDay.objects.all().delete()
    amounts(field)
    deliver(field.cast.meridian)
    assert OutcomeDay.objects.values("day", *worth.COUNTS).get() == kept
    assert actions.add_up(endpoint=field.endpoint) == 0


def test_amounts_that_cannot_be_are_refused_with_the_reason(field):
    for given, said in (
        ({"currency": "EURO"}, "three letters"),
        ({"values": {"true_positive": 1.0, "error": 2.0}}, "one kind"),
        ({"values": {}}, "one kind"),
        ({"values": {"right": float("inf")}}, "number"),
        ({"reason": " "}, "where"),
    ):
        with pytest.raises(Invalid, match=said):
            amounts(field, **given)
    with pytest.raises(Refused):
        amounts(field, by=field.cast.otto)


def test_the_value_of_each_prediction_of_figures_is_less_its_error():
    counts = dict.fromkeys(worth.COUNTS, 0) | {"known": 10, "error": 25.0}
    assert worth.value_of(counts, {"known": 3.0, "error": -0.4}) == (pytest.approx(20.0), 0.0)
