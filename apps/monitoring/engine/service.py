"""Latency, errors, feedback and business value: small additive readings, and when they deserve attention."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.monitoring.engine import performance
from apps.monitoring.engine.exact import Floats, Integers
from apps.monitoring.engine.policy import DRIFT, NEAR, NOT_ENOUGH, QUIET, Limits

# Seconds: a class for each quarter of a doubling, from a tenth of a millisecond to 105 seconds.
EDGES: Floats = 1e-4 * 2.0 ** (np.arange(81) / 4)
CLASSES = len(EDGES) + 1
PERCENTILES = (50, 95, 99)

DEFINITIONS = {
    "latency": "Percentile of the seconds a call took, read from counts in classes a quarter of a doubling wide, "
    "taken as evenly filled.",
    "error_share": "Share of calls that failed on our side; refused input does not count. 95 % Wilson interval.",
    "rating": "Mean rating from 1 to 5; 95 % normal interval.",
}
SILENCE = {"rows": "Rows of predictions that arrived in the window, whenever what they predict happened."}
PROMISES = {
    "readings": "Of each promise the newest reading of the window, beside where it began and what was promised. Short "
    "of it is over the limit once it is due, or where it lies behind where it began.",
}


def latency_counts(seconds: Iterable[float]) -> list[int]:
    """How many calls fell into each class of latency."""
    values = np.fromiter(seconds, dtype=np.float64)
    return [int(count) for count in np.bincount(np.searchsorted(EDGES, values), minlength=CLASSES)]


def add_counts(many: Iterable[Sequence[int]]) -> Integers:
    """Counts of several hours together; an hour without counts adds nothing."""
    total: NDArray[np.int64] = np.zeros(CLASSES, dtype=np.int64)
    for one in many:
        if len(one) == CLASSES:
            total += np.asarray(one, dtype=np.int64)
    return total


def percentile(counts: Integers, percent: float) -> float | None:
    """The latency in seconds under which so many percent of the calls lie; None without calls."""
    total = int(counts.sum())
    if total == 0:
        return None
    reached = np.cumsum(counts)
    place = int(np.searchsorted(reached, total * percent / 100))
    low = EDGES[place - 1] if place > 0 else 0.0
    high = EDGES[min(place, len(EDGES) - 1)]
    before = int(reached[place - 1]) if place > 0 else 0
    part = (total * percent / 100 - before) / max(int(counts[place]), 1)
    return float(low + (high - low) * min(max(part, 0.0), 1.0))


def judge_service(calls: int, failed: int, counts: Integers, limits: Limits) -> tuple[dict[str, str], dict[str, Any]]:
    """Levels of "errors" and "latency", and the readings behind them."""
    if calls == 0:
        return {"errors": NOT_ENOUGH, "latency": NOT_ENOUGH}, {"calls": 0}
    errors = performance.wilson("error_share", failed, calls)
    latencies = {f"p{percent}": percentile(counts, percent) for percent in PERCENTILES}
    readings = {"calls": calls, "failed": failed, "error_share": errors.as_json(), "latency": latencies}
    if calls < limits.minimum:
        return {"errors": NOT_ENOUGH, "latency": NOT_ENOUGH}, readings
    levels = {
        "errors": _over(errors.value, limits.error_share, limits.release, is_certain=errors.low >= limits.error_share),
        "latency": _over(latencies["p95"] or 0.0, limits.latency, limits.release),
    }
    return levels, readings


def _over(value: float, limit: float, release: float, is_certain: bool = True) -> str:
    if value >= limit and is_certain:
        return DRIFT
    return NEAR if value >= release * limit else QUIET


def judge_feedback(ratings: Sequence[int], limits: Limits, minimum: int = 20) -> tuple[dict[str, str], dict[str, Any]]:
    """The level of "feedback", from ratings of 1 to 5: bad when the mean is certainly under the limit."""
    n = len(ratings)
    if n == 0:
        return {"feedback": NOT_ENOUGH}, {"ratings": 0}
    mean = sum(ratings) / n
    spread = math.sqrt(sum((one - mean) ** 2 for one in ratings) / max(n - 1, 1) / n)
    found = performance.around("rating", mean, spread, n, (1.0, 5.0))
    readings = {"ratings": n, "rating": found.as_json()}
    if n < minimum:
        return {"feedback": NOT_ENOUGH}, readings
    if found.high < limits.rating:
        return {"feedback": DRIFT}, readings
    return {"feedback": NEAR if mean < limits.rating else QUIET}, readings


def judge_value(is_met: bool, progress: float | None, is_due: bool) -> str:
    """The level of one promise: met is quiet; short of it is near until it is due or lies behind where it began."""
    if is_met:
        return QUIET
    return DRIFT if is_due or (progress is not None and progress < 0) else NEAR
