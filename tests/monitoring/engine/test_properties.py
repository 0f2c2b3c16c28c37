"""What holds for every column that may come: whatever the values, the parts, their order and their number."""

import math

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.monitoring.engine import state as states
from apps.monitoring.engine.baseline import Baseline, Column, build
from apps.monitoring.engine.bins import UNSUPERVISED, Outputs
from apps.monitoring.engine.check import compare
from apps.monitoring.engine.policy import DRIFT, NOT_ENOUGH, QUIET, Limits
from apps.monitoring.engine.reduce import reduce_all, reduce_groups

NOTHING = Outputs(UNSUPERVISED)
COLUMNS = [
    Column("measured", "numeric"),
    Column("whole", "numeric"),
    Column("tied", "numeric"),
    Column("named", "category"),
]
SEVERAL = settings(max_examples=40, deadline=None)

measured = st.one_of(st.none(), st.floats(width=64))
whole = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.integers(2**53 - 2, 2**53 + 2))
tied = st.one_of(st.none(), st.sampled_from([0.0, -0.0, 1.0, 1e300, -1e-300, math.inf]))
named = st.one_of(st.none(), st.sampled_from(["a", "b", "ü", ""]), st.text(st.characters(codec="utf-8"), max_size=8))
rows = st.tuples(measured, whole, tied, named)


def table_of(given_rows):
    types = (pa.float64(), pa.int64(), pa.float64(), pa.string())
    columns = list(zip(*given_rows, strict=True)) if given_rows else [()] * len(types)
    return pa.table(
        {one.name: pa.array(values, kind) for one, values, kind in zip(COLUMNS, columns, types, strict=True)}
    )


tables = st.lists(rows, max_size=40).map(table_of)
baselines = st.lists(rows, min_size=1, max_size=60).map(lambda found: build(table_of(found), COLUMNS, NOTHING))


def checked(known: Baseline, current: pa.Table, **more):
    report = compare(known.bins, known.reference, reduce_all(current, known.bins), Limits(), **more)
    orjson.loads(report.encoded)
    return report, {one["feature"]: one for one in report.features}


def numbers(*values, name="measured"):
    return build(pa.table({name: pa.array(values[0])}), [Column(name, "numeric")], NOTHING)


@SEVERAL
@given(baselines, tables, st.integers(0, 2**32), st.integers(1, 7))
def test_parts_in_any_order_are_the_whole_to_the_bit(known, table, seed, parts):
    rng = np.random.default_rng(seed)
    hours = rng.integers(0, parts, table.num_rows)
    found = [one for _, one in reduce_groups(table, known.bins, hours)]
    found.append(states.empty(known.bins.shape))
    rng.shuffle(found)
    split = int(rng.integers(0, len(found)))
    nothing = states.empty(known.bins.shape)
    left, right = (states.merge([nothing, *part]) for part in (found[:split], found[split:]))
    assert left + right == right + left == states.merge(found) == reduce_all(table, known.bins)


@SEVERAL
@given(baselines, tables)
def test_every_row_of_every_column_is_counted_once(known, table):
    state = reduce_all(table, known.bins)
    assert state.rows == table.num_rows
    for place in range(3):
        inside, beside = known.bins.counts_of_numeric(place)
        assert state.counts[inside].sum() + state.counts[beside].sum() == table.num_rows
    assert state.counts[known.bins.category_at[0]].sum() == table.num_rows


@SEVERAL
@given(baselines, tables)
def test_a_check_of_anything_gives_a_report_with_numbers_in_their_bounds(known, table):
    _, found = checked(known, table)
    for one in found.values():
        for name in ("psi", "psi_p", "p", "js", "hellinger"):
            assert one[name] >= 0.0
        distance = one["ks"] if one["kind"] == "numeric" else one["l_infinity"]
        for value in (one["js"], one["hellinger"], one["p"], one["psi_p"], distance):
            assert value <= 1.0 + 1e-9
        for share in (one["null"], one["unseen"], one["outside"]):
            assert share is None or 0.0 <= share["current"] <= 1.0
        assert one["kind"] == "category" or one["ks"] <= one["ks_bound"]


@SEVERAL
@given(st.lists(rows, min_size=1, max_size=60))
def test_the_reference_itself_is_at_no_distance(given_rows):
    table = table_of(given_rows)
    _, found = checked(build(table, COLUMNS, NOTHING), table)
    for one in found.values():
        assert (one["psi"], one["js"], one["hellinger"], one["p"]) == pytest.approx((0.0, 0.0, 0.0, 1.0), abs=1e-7)
        assert (one.get("w1_over_sd") or 0.0) == pytest.approx(0.0, abs=1e-6)
        for name in ("null", "unseen"):
            assert one[name] is None or one[name]["current"] == one[name]["reference"]


@SEVERAL
@given(st.integers(0, 2**32), st.integers(0, 2**62), st.integers(1, 2**20))
def test_whole_numbers_beyond_2_to_53_keep_their_order(seed, start, step):
    # Neighbours that a float cannot tell apart are one value, in the reference as in the window.
    rng = np.random.default_rng(seed)
    values = [start + step * int(one) for one in rng.integers(0, 500, 2_000)]
    known = numbers(pa.array(values, pa.int64()), name="whole")
    _, found = checked(known, pa.table({"whole": pa.array(values[::-1], pa.int64())}))
    assert (found["whole"]["psi"], found["whole"]["ks"]) == pytest.approx((0.0, 0.0), abs=1e-9)
    assert found["whole"]["level"] == QUIET
    moved = pa.array([one + 300 * step + 2**12 for one in values], pa.int64())
    _, found = checked(known, pa.table({"whole": moved}))
    assert found["whole"]["level"] == DRIFT


@SEVERAL
@given(st.floats(-1e150, 1e150), st.floats(-1e150, 1e150), st.floats(0.1, 1.0))
def test_a_constant_sees_every_other_value(value, other, share):
    known = numbers([value] * 300)
    count = int(400 * share)
    _, found = checked(known, pa.table({"measured": [other] * count + [value] * (400 - count)}))
    assert found["measured"]["level"] == (QUIET if other == value else DRIFT)
    if other != value:
        assert found["measured"]["ks"] == pytest.approx(count / 400)
        assert found["measured"]["outside"]["current"] == count / 400


@SEVERAL
@given(st.integers(0, 2**32), st.sampled_from([1e-3, 0.01, 0.3048, 0.4536, 1.8, 2.54, 60, 1e3, 1e9]), st.booleans())
def test_a_column_in_other_units_is_found(seed, factor, is_skewed):
    rng = np.random.default_rng(seed)
    draw = (lambda size: rng.lognormal(3, 0.5, size)) if is_skewed else (lambda size: rng.normal(20, 4, size))
    known = numbers(draw(5_000))
    _, found = checked(known, pa.table({"measured": draw(200) * factor}))
    assert found["measured"]["signals"]["drift"] == DRIFT
    assert found["measured"]["psi"] > 1.0


@SEVERAL
@given(st.integers(0, 2**32), st.floats(0.03, 1.0), st.text(st.characters(codec="utf-8"), min_size=1, max_size=9))
def test_names_never_seen_before_are_found(seed, share, name):
    rng = np.random.default_rng(seed)
    kinds = ["north", "south", "west"]
    known = build(pa.table({"named": rng.choice(kinds, 5_000)}), [Column("named", "category")], NOTHING)
    new = [f"{name} {number}" for number in range(math.ceil(400 * share))]
    _, found = checked(known, pa.table({"named": [*rng.choice(kinds, 400 - len(new)).tolist(), *new]}))
    assert found["named"]["unseen"]["current"] == len(new) / 400
    assert found["named"]["signals"]["unseen"] == DRIFT


@SEVERAL
@given(st.integers(0, 2**32), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_column_gone_empty_is_found_and_one_that_always_was_is_not(seed, before, now):
    rng = np.random.default_rng(seed)

    def column(size, share):
        values = rng.normal(size=size)
        return pa.table({"measured": pa.array(values, mask=np.arange(size) < round(size * share))})

    known = build(column(1_000, before), [Column("measured", "numeric")], NOTHING)
    _, found = checked(known, column(1_000, now))
    one = found["measured"]
    assert one["null"]["current"] == round(1_000 * now) / 1_000
    if abs(before - now) > 0.1:
        assert one["signals"]["null"] == DRIFT
    if round(1_000 * before) == round(1_000 * now):
        assert one["signals"]["null"] == QUIET
    if round(1_000 * max(before, now)) == 1_000:
        assert one["signals"]["drift"] == NOT_ENOUGH


@SEVERAL
@given(st.sampled_from([math.inf, -math.inf]), st.integers(20, 400))
def test_infinities_lie_out_of_range_and_are_no_numbers(value, count):
    values = np.random.default_rng(count).normal(size=400)
    known = numbers(np.random.default_rng(1).normal(size=5_000))
    values[:count] = value
    _, found = checked(known, pa.table({"measured": values}))
    one = found["measured"]
    assert one["signals"]["outside"] == DRIFT
    assert one["outside"]["current"] >= count / 400
    assert one["null"]["current"] == 0.0
    assert one["w1"] is None or math.isfinite(one["w1"])
