"""A whole check: what drifts is found and named first, what does not stays silent, and the report stands by itself."""

import json

import numpy as np
import pyarrow as pa
import pytest

from apps.monitoring.engine import check, policy
from apps.monitoring.engine.policy import DRIFT, NOT_ENOUGH, QUIET, Limits
from apps.monitoring.engine.reduce import reduce_all
from tests.monitoring.engine.rows import YES_NO, baseline_of, mixed, scored


def compared(reference, current, outputs=None, limits=None, **more):
    baseline = baseline_of(reference, outputs) if outputs else baseline_of(reference)
    state = reduce_all(current, baseline.bins)
    return check.compare(baseline.bins, baseline.reference, state, limits or Limits(), **more)


def by_name(report):
    return {one["feature"]: one for one in report.features}


def test_check_without_drift_is_quiet_and_complete():
    rng = np.random.default_rng(1)
    report = compared(mixed(rng, 20_000), mixed(rng, 1_000))
    assert report.level == QUIET
    assert set(by_name(report)) == {"amount", "visits", "place"}
    stored = json.loads(json.dumps(report.as_json(), allow_nan=False))
    assert stored["rows"] == {"reference": 20_000, "current": 1_000}
    assert stored["limits"]["psi"] == 0.1
    assert set(stored["definitions"]) >= {"psi", "ks", "w1", "js", "chi2", "shares"}


def test_check_of_few_rows_does_not_judge():
    rng = np.random.default_rng(2)
    report = compared(mixed(rng, 5_000), mixed(rng, 199))
    assert report.level == NOT_ENOUGH
    assert {one["level"] for one in report.features} == {NOT_ENOUGH}


def test_check_ranks_what_the_model_says_above_inputs():
    rng = np.random.default_rng(3)
    report = compared(scored(rng, 20_000), scored(rng, 2_000, shift=1.0), YES_NO)
    assert report.level == DRIFT
    assert report.features[0]["feature"] == "_score"


def test_check_ranks_by_importance():
    rng = np.random.default_rng(3)
    names = "abc"
    tables = [pa.table({name: rng.normal(shift, 1, 5_000) for name in names}) for shift in (0, 0.8)]
    report = compared(*tables, importance={"a": 0.1, "b": 5.0, "c": 1.0})
    assert [one["feature"] for one in report.features] == ["b", "c", "a"]


def test_check_of_a_column_gone_empty_finds_the_nulls():
    rng = np.random.default_rng(4)
    table = mixed(rng, 1_000).set_column(0, "amount", pa.nulls(1_000, pa.float64()))
    report = compared(mixed(rng, 20_000), table)
    amount = by_name(report)["amount"]
    assert amount["signals"] == {"drift": NOT_ENOUGH, "null": DRIFT, "outside": QUIET}
    assert amount["psi"] == 0.0
    assert report.signals["null"] == DRIFT


def test_check_of_an_all_null_reference_only_asks_for_nulls():
    report = compared(pa.table({"x": pa.nulls(500, pa.float64())}), pa.table({"x": np.arange(500.0)}))
    assert report.features[0]["signals"] == {"drift": NOT_ENOUGH, "null": DRIFT, "outside": QUIET}


def test_check_counts_infinities_and_what_a_constant_never_was_as_out_of_range():
    inner = [1.0, 2.0, 3.0, 4.0]
    one = compared(pa.table({"x": inner * 10}), pa.table({"x": [*inner, np.inf, -np.inf, np.nan, np.nan]})).features[0]
    assert one["outside"]["current"] == pytest.approx(2 / 6)
    assert one["null"]["current"] == pytest.approx(2 / 8)
    constant = compared(pa.table({"x": [7.0] * 100}), pa.table({"x": [7.0] * 50 + [8.0] * 50})).features[0]
    assert constant["outside"]["current"] == 0.5


def test_check_finds_new_categories_and_unit_errors():
    rng = np.random.default_rng(5)
    table = mixed(rng, 1_000)
    places = ["elsewhere" if rng.uniform() < 0.06 else name.as_py() for name in table.column("place")]
    table = table.set_column(2, "place", pa.array(places))
    table = table.set_column(0, "amount", pa.array(np.asarray(table.column("amount").to_numpy()) * 1_000))
    found = by_name(compared(mixed(rng, 20_000), table))
    assert found["place"]["signals"]["unseen"] == DRIFT
    assert found["amount"]["signals"] == {"drift": DRIFT, "null": QUIET, "outside": DRIFT}
    assert found["amount"]["is_severe"]
    assert found["visits"]["level"] == QUIET


def test_check_of_a_small_certain_shift_is_noted_not_alarmed():
    rng = np.random.default_rng(6)
    tables = [pa.table({"x": rng.normal(shift, 1, 50_000)}) for shift in (0, 0.1)]
    one = compared(*tables).features[0]
    assert (one["level"], one["is_small"]) == (QUIET, True)


def test_check_of_a_feature_with_its_own_limit():
    rng = np.random.default_rng(7)
    tables = [pa.table({"x": rng.normal(shift, 1, 5_000)}) for shift in (0, 0.5)]
    assert compared(*tables).level == DRIFT
    assert compared(*tables, limits=Limits(features={"x": 2.0})).level == QUIET


def test_check_does_not_cry_wolf_and_still_sees_half_a_deviation():
    """50 features, 200 rows: under 2 % of windows raise anything, and 99 % of shifted features are found."""
    rng = np.random.default_rng(9)
    names = [f"x{place}" for place in range(50)]
    baseline = baseline_of(pa.table({name: rng.normal(size=20_000) for name in names}))

    def checked(shift):
        table = pa.table({name: rng.normal(shift, 1, 200) for name in names})
        return check.compare(baseline.bins, baseline.reference, reduce_all(table, baseline.bins), Limits())

    alarms = sum(checked(0.0).level == DRIFT for _ in range(60))
    assert alarms <= 2  # of 60: three or more would be 5 %
    found = [one["signals"]["drift"] == DRIFT for _ in range(4) for one in checked(0.5).features]
    assert np.mean(found) >= 0.99


@pytest.mark.parametrize("sizes", [(0, 500), (500, 0), (1, 1)])
def test_check_of_next_to_nothing_has_no_accident(sizes):
    rng = np.random.default_rng(1)
    baseline = baseline_of(scored(rng, 300), YES_NO)
    states = [reduce_all(scored(rng, size), baseline.bins) for size in sizes]
    for limits in (Limits(), Limits(minimum=1)):
        report = check.compare(baseline.bins, *states, limits)
        json.dumps(report.as_json(), allow_nan=False)
        assert report.level in (QUIET, NOT_ENOUGH, policy.NEAR, DRIFT)


def test_check_pictures_hold_every_row():
    rng = np.random.default_rng(12)
    found = by_name(compared(mixed(rng, 20_000), mixed(rng, 1_000)))
    amount, place = found["amount"]["picture"], found["place"]["picture"]
    assert sum(amount["reference"]) == found["amount"]["n_reference"]
    assert sum(amount["current"]) == found["amount"]["n_current"]
    assert len(amount["current"]) == len(amount["edges"]) + 1 <= 23
    assert place["names"] == ["north", "south", "west", "(other)", "(never seen)"]
    assert sum(place["current"]) == 1_000


@pytest.mark.parametrize("values", [[7.0] * 300, [1.0, 2.0] * 200, [float("nan")] * 300])
def test_check_pictures_constants_and_nothing(values):
    one = compared(pa.table({"x": values}), pa.table({"x": values})).features[0]["picture"]
    assert len(one["reference"]) == len(one["edges"]) + 1
