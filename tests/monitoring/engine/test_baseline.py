"""Baselines: fixed, named by their hash, and refused where they would mean nothing."""

import numpy as np
import pyarrow as pa
import pytest

from apps.monitoring.engine.baseline import Column, Unfit, build, decode_baseline
from apps.monitoring.engine.bins import Outputs
from apps.monitoring.engine.codec import Damaged
from tests.monitoring.engine.rows import YES_NO, baseline_of, mixed, scored


def test_baseline_comes_back_from_its_bytes_the_same():
    baseline = baseline_of(scored(np.random.default_rng(1), 3_000), YES_NO)
    again = decode_baseline(baseline.encode())
    assert again.sha256 == baseline.sha256
    assert (again.bins.fingerprint, again.reference, again.outcomes) == (
        baseline.bins.fingerprint,
        baseline.reference,
        baseline.outcomes,
    )


def test_baseline_of_the_same_rows_has_the_same_hash_and_of_others_another():
    first, same, other = (baseline_of(mixed(np.random.default_rng(seed), 1_000)) for seed in (1, 1, 2))
    assert first.sha256 == same.sha256
    assert first.sha256 != other.sha256


def test_baseline_is_small():
    assert len(baseline_of(mixed(np.random.default_rng(1), 20_000)).encode()) < 20_000


def test_baseline_that_was_changed_is_refused():
    blob = baseline_of(mixed(np.random.default_rng(1), 100)).encode()
    with pytest.raises(Damaged):
        decode_baseline(blob[:-3])


@pytest.mark.parametrize(
    ("table", "columns", "outputs"),
    [
        (pa.table({"x": pa.array([], pa.float64())}), [Column("x", "numeric")], Outputs("unsupervised")),
        (pa.table({"x": [1.0]}), [Column("y", "numeric")], Outputs("unsupervised")),
        (pa.table({"_score": [1.0]}), [Column("_score", "numeric")], YES_NO),
        (pa.table({"x": [1.0]}), [Column("x", "numeric")], Outputs("multiclass", tuple(map(str, range(51))))),
    ],
)
def test_baseline_that_would_mean_nothing_is_refused(table, columns, outputs):
    with pytest.raises(Unfit):
        build(table, columns, outputs)


def test_baseline_takes_what_the_model_says_from_rows_kept_back():
    rng = np.random.default_rng(3)
    table, kept_back = scored(rng, 2_000).select(["x"]), scored(rng, 500)
    stitched = build(table, [Column("x", "numeric")], YES_NO, kept_back)
    alone = build(kept_back, [Column("x", "numeric")], YES_NO)
    assert stitched.reference.rows == 2_000
    assert stitched.outcomes.rows == 500
    for name, state, baseline in (("said", stitched.reference, stitched), ("alone", alone.reference, alone)):
        joint = state.counts[baseline.bins.joint_at]
        assert (name, int(joint.sum())) == (name, 500)
    inside, beside = stitched.bins.counts_of_numeric(0)
    assert int(stitched.reference.counts[inside].sum()) == 2_000
    inside, beside = stitched.bins.counts_of_numeric(1)
    assert (int(stitched.reference.counts[inside].sum()), stitched.reference.counts[beside].tolist()) == (
        500,
        [0, 0, 0],
    )
