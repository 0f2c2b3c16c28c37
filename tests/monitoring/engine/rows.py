"""Rows to monitor: seeded, in the shapes that real columns have."""

import numpy as np
import pyarrow as pa
from scipy import special

from apps.monitoring.engine.baseline import Baseline, build, columns_of
from apps.monitoring.engine.bins import BINARY, UNSUPERVISED, Outputs

NOTHING = Outputs(UNSUPERVISED)
YES_NO = Outputs(BINARY, ("no", "yes"))


def shapes(rng: np.random.Generator, size: int, shift: float = 0.0) -> pa.Table:
    """Eight numeric shapes, moved by `shift` of their own spread."""
    return pa.table(
        {
            "normal": rng.normal(shift, 1, size),
            "lognormal": rng.lognormal(shift, 1, size),
            "exponential": rng.exponential(1 + shift, size),
            "uniform": rng.uniform(shift / 4, 1 + shift / 4, size),
            "heavy": rng.standard_t(3, size) + shift,
            "zeros": np.where(rng.uniform(size=size) < 0.6, 0.0, rng.gamma(2, 1 + shift, size)),
            "counts": rng.poisson(3 + shift, size),
            "bimodal": rng.normal(np.where(rng.uniform(size=size) < 0.5, -3 + shift, 3), 1),
        }
    )


def mixed(rng: np.random.Generator, size: int) -> pa.Table:
    """Numbers, whole numbers and categories, each with nulls."""
    return pa.table(
        {
            "amount": pa.array(rng.lognormal(3, 1, size), mask=rng.uniform(size=size) < 0.1),
            "visits": pa.array(rng.integers(0, 5, size), mask=rng.uniform(size=size) < 0.1),
            "place": pa.array(rng.choice(["north", "south", "west"], size, p=[0.6, 0.3, 0.1]).tolist()),
        }
    )


def scored(rng: np.random.Generator, size: int, shift: float = 0.0) -> pa.Table:
    """A classifier's rows: a calibrated score, the prediction at one half, and the truth drawn from the score."""
    score = special.expit(rng.normal(-0.5 + shift, 1.5, size))
    true = rng.uniform(size=size) < score
    names = np.array(["no", "yes"])
    return pa.table(
        {
            "x": rng.normal(shift, 1, size),
            "_score": score,
            "_prediction": names[(score >= 0.5).astype(int)].tolist(),
            "_label": names[true.astype(int)].tolist(),
        }
    )


def baseline_of(table: pa.Table, outputs: Outputs = NOTHING) -> Baseline:
    """A baseline of the table's own columns."""
    return build(table, columns_of(table, outputs), outputs)
