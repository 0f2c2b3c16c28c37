"""How sure a figure is: bootstrap over rows, paired where two models meet, multinomial over cell counts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from apps.validation.engine.arrays import Array, Floats
from apps.validation.engine.base import Interval
from apps.validation.engine.metrics import Weighted

MIN_ROWS = 20
LEVEL = 0.95
NORMAL_95 = 1.959963984540054


def repeats_for(rows: int) -> int:
    """How many bootstrap repeats are worth their time: 1,000 on few rows, 200 on many."""
    return 1000 if rows <= 5_000 else 400 if rows <= 50_000 else 200


def draws(rows: int, repeats: int, seed: int) -> Iterator[Floats]:
    """Row weights of bootstrap samples: how often each row comes up in as many draws with putting back."""
    random = np.random.default_rng(seed)
    for _ in range(repeats):
        yield np.bincount(random.integers(0, rows, rows), minlength=rows).astype(float)


def percentile(repeated: Floats, level: float = LEVEL, method: str = "bootstrap, percentile") -> Interval | None:
    """The middle `level` of the repeats; None when fewer than nine in ten of them gave a number."""
    finite = repeated[np.isfinite(repeated)]
    if not len(repeated) or len(finite) < 0.9 * len(repeated):
        return None
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level, method)


def repeated(prepared: Weighted, rows: int, seed: int, repeats: int | None = None) -> Floats:
    """The metric on each bootstrap sample, shape (repeats,)."""
    return np.array([prepared(weights) for weights in draws(rows, repeats or repeats_for(rows), seed)])


def bootstrap(prepared: Weighted, rows: int, seed: int, repeats: int | None = None) -> Interval | None:
    """The interval of a prepared metric; None for too few rows."""
    if rows < MIN_ROWS:
        return None
    return percentile(repeated(prepared, rows, seed, repeats))


def paired(first: Weighted, second: Weighted, rows: int, seed: int, repeats: int | None = None) -> Array:
    """Both metrics on the same bootstrap samples, shape (repeats, 2): noise that they share cancels in a difference."""
    samples = draws(rows, repeats or repeats_for(rows), seed)
    return np.array([(first(weights), second(weights)) for weights in samples])


def share_above(differences: Floats) -> float:
    """The share of repeats above zero, those on it counting half: how probable it is that one is better."""
    finite = differences[np.isfinite(differences)]
    if not len(finite):
        return float("nan")
    return float(np.mean(finite > 0) + np.mean(finite == 0) / 2)


def cell_draws(counts: Array, repeats: int, seed: int) -> Array:
    """Counts of the same total drawn again by the shares of the cells, shape (repeats, *counts.shape).

    Rates that depend only on cell counts have the same bootstrap distribution as over rows, at the cost of the cells.
    """
    total = int(counts.sum())
    shares = (counts / total).ravel()
    drawn = np.random.default_rng(seed).multinomial(total, shares, size=repeats)
    return drawn.reshape((repeats, *counts.shape))


def wilson(hits: float, rows: float, z: float = NORMAL_95) -> tuple[float, float]:
    """Wilson's interval of a share (Wilson 1927): right also near 0 and 1, where the usual one leaves the scale."""
    if rows <= 0:
        return (float("nan"), float("nan"))
    share, weight = hits / rows, z * z / rows
    middle = (share + weight / 2) / (1 + weight)
    half = z * np.sqrt(share * (1 - share) / rows + weight / (4 * rows)) / (1 + weight)
    return (max(0.0, float(middle - half)), min(1.0, float(middle + half)))


def share_interval(hits: float, rows: float) -> Interval:
    """Wilson's interval of a share, as an interval."""
    low, high = wilson(hits, rows)
    return Interval(low, high, method="Wilson")


def mean_size(error: Floats) -> Interval | None:
    """The interval of the size of a mean by the normal law; None for too few values."""
    if len(error) < MIN_ROWS:
        return None
    mean, half = float(np.mean(error)), NORMAL_95 * float(np.std(error)) / float(np.sqrt(len(error)))
    low, high = abs(mean) - half, abs(mean) + half
    return Interval(max(0.0, low), high, LEVEL, "normal, of the mean")


def bootstrap_quantile(values: Floats, share: float, seed: int) -> Interval | None:
    """The interval of a quantile of some measurements."""
    if len(values) < MIN_ROWS:
        return None
    drawn = np.random.default_rng(seed).choice(values, (500, len(values)))
    return percentile(np.quantile(drawn, share, axis=1))
