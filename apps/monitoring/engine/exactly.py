"""The same check from the rows: for disputes, and for whoever wants to see that the bins tell the truth.

The groups of PSI and of the divergences are cut at bin edges, and shares and categories are counts: those numbers are
exact already. What the bins only bound or approximate, the Kolmogorov-Smirnov and the Wasserstein distance, is computed
here by SciPy from every value.
"""

from collections.abc import Collection, Mapping

import numpy as np
import pyarrow as pa
from scipy import stats

from apps.monitoring.engine import contents
from apps.monitoring.engine.baseline import Baseline
from apps.monitoring.engine.bins import INPUT
from apps.monitoring.engine.check import Report, compare
from apps.monitoring.engine.exact import Floats
from apps.monitoring.engine.policy import Limits
from apps.monitoring.engine.reduce import numeric_values, reduce_all
from apps.monitoring.engine.state import State

DEFINITION = {
    "method": "Exact: Kolmogorov-Smirnov and Wasserstein distance by SciPy from every row; everything else is exact "
    "from the counts as well."
}


def check(
    baseline: Baseline,
    reference: pa.Table | None,
    inputs: pa.Table,
    said: pa.Table,
    current: pa.Table,
    limits: Limits,
    importance: Mapping[str, float],
    muted: Collection[tuple[str, str]],
) -> Report:
    """A report in the form of every check. `reference` are the rows compared with; None when it is the baseline, whose
    rows are `inputs` and, of the model's answers, `said`.
    """
    bins = baseline.bins
    pairs = []
    names = [*bins.numbers.names, *(one.name for one in bins.categorical)]
    inputs, current = (contents.complete(one, names) for one in (inputs if reference is None else reference, current))
    for name, role in zip(bins.numbers.names, bins.numbers.roles, strict=True):
        rows = inputs if reference is not None or role == INPUT else said
        pairs.append((numeric_values(rows, name), numeric_values(current, name)))
    known: State = baseline.reference if reference is None else reduce_all(inputs, bins)
    return compare(bins, known, reduce_all(current, bins), limits, importance, muted, distances(pairs))


def distances(pairs: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Kolmogorov-Smirnov and Wasserstein distance of every pair of columns, nulls left out; the latter over finite
    values only, and not a number where there are none.
    """
    apart, moved = np.zeros(len(pairs)), np.full(len(pairs), np.nan)
    for place, pair in enumerate(pairs):
        before, now = (one[~np.isnan(one)] for one in pair)
        if len(before) and len(now):
            apart[place] = stats.ks_2samp(before, now, method="asymp").statistic
        before, now = (one[np.isfinite(one)] for one in (before, now))
        if len(before) and len(now):
            moved[place] = stats.wasserstein_distance(before, now)
    return apart, moved
