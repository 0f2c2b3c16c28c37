"""How well lists are ranked: normalised discounted cumulative gain over groups of scored predictions.

A list counts once the outcomes of all its predictions are known; the interval is that of the mean over lists.
"""

import numpy as np

from apps.monitoring.engine.exact import Floats
from apps.monitoring.engine.performance import Metric, around

DEFINITION = (
    "Mean over the lists of discounted gain at the first {k} places by score, over that of the best order: gain is the "
    "outcome, ties share their places; lists without any gain are left out. 95 % normal interval over lists."
)


def measure(values: Floats, k: int) -> Metric | None:
    """The mean over lists with its interval; None from none."""
    if len(values) == 0:
        return None
    spread = float(values.std(ddof=1)) / np.sqrt(len(values)) if len(values) > 1 else 1.0
    return around(f"ndcg@{k}", float(values.mean()), spread, len(values), (0.0, 1.0))
