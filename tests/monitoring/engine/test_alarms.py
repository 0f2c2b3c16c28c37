"""How often nothing is called something, and how often something is missed: simulated, with a seed."""

import numpy as np
import pyarrow as pa

from apps.monitoring.engine import check, policy
from apps.monitoring.engine.policy import DRIFT, QUIET, Limits
from apps.monitoring.engine.reduce import reduce_all
from tests.monitoring.engine.rows import baseline_of

ROWS, WINDOWS = 200, 600
PLACES = [f"place-{number}" for number in range(12)]
WEIGHTS = np.arange(1, 13) / 78


def fifty(rng: np.random.Generator, size: int, shift: float = 0.0) -> pa.Table:
    """Forty numeric features of five shapes, each moved by `shift` of its own spread, and ten of categories; a third
    of them with nulls.
    """
    shapes = [
        (lambda: rng.normal(0, 1, size), 1.0),
        (lambda: rng.exponential(1, size), 1.0),
        (lambda: rng.uniform(0, 1, size), 12**-0.5),
        (lambda: rng.standard_t(4, size), 2**0.5),
        (lambda: rng.gamma(3, 1, size), 3**0.5),
    ]
    columns = {}
    for place in range(50):
        mask = rng.uniform(size=size) < (0.1 if place % 3 == 0 else 0.0)
        if place < 40:
            draw, spread = shapes[place % len(shapes)]
            columns[f"f{place}"] = pa.array(draw() + shift * spread, mask=mask)
        else:
            columns[f"f{place}"] = pa.array(rng.choice(PLACES, size, p=WEIGHTS).tolist(), mask=mask)
    return pa.table(columns)


def test_without_drift_hardly_any_window_raises_anything():
    rng = np.random.default_rng(20261123)
    baseline = baseline_of(fifty(rng, 50_000))
    bank = fifty(rng, ROWS * WINDOWS)
    raised = 0
    for window in range(WINDOWS):
        state = reduce_all(bank.slice(window * ROWS, ROWS), baseline.bins)
        report = check.compare(baseline.bins, baseline.reference, state, Limits())
        raised += policy.DRIFT in report.signals.values()
    assert raised / WINDOWS < 0.02


def test_a_shift_of_half_a_deviation_is_found_in_nearly_every_feature():
    rng = np.random.default_rng(20261124)
    baseline = baseline_of(fifty(rng, 50_000))
    bank = fifty(rng, ROWS * 60, shift=0.5)
    found = asked = 0
    for window in range(60):
        state = reduce_all(bank.slice(window * ROWS, ROWS), baseline.bins)
        report = check.compare(baseline.bins, baseline.reference, state, Limits())
        numeric = [one for one in report.features if one["kind"] == "numeric"]
        found += sum(one["signals"]["drift"] == DRIFT for one in numeric)
        asked += len(numeric)
    assert asked == 60 * 40
    assert found / asked >= 0.99


def test_what_is_muted_is_computed_and_raises_nothing():
    rng = np.random.default_rng(3)
    baseline = baseline_of(fifty(rng, 20_000))
    state = reduce_all(fifty(rng, 1_000, shift=1.0), baseline.bins)

    def compared(*muted):
        return check.compare(baseline.bins, baseline.reference, state, Limits(), None, set(muted))

    assert compared().signals["drift"] == DRIFT
    assert compared(("", "drift")).signals["drift"] != DRIFT
    one = {one["feature"]: one for one in compared(("f0", "")).features}["f0"]
    assert (one["level"], one["signals"], one["is_severe"]) == (DRIFT, {}, False)
    assert set(one["muted"]) == {"drift", "null", "outside"}
    assert {one["level"] for one in compared().features if one["kind"] == "category"} == {QUIET}
