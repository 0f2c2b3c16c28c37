"""How well lists are ranked: normalised discounted cumulative gain over groups of scored predictions.

A list counts once the outcomes of all its predictions are known; the interval is that of the mean over lists.
"""

import numpy as np

from apps.monitoring.engine.exact import Floats, Integers
from apps.monitoring.engine.performance import Metric, around

DEFINITION = (
    "Mean over the lists of discounted gain at the first {k} places by score, over that of the best order: gain is the "
    "outcome, ties share their places; lists without any gain are left out. 95 % normal interval over lists."
)


def ndcg(groups: Integers, scores: Floats, gains: Floats, k: int) -> tuple[Floats, int]:
    """The gain at k of every list [lists], lists without any gain left out, and how many lists there were in all.

    `groups` numbers the list of every row, `gains` is its outcome (not negative), NaN where that is not known: such a
    list is not counted. Equal scores share the discounts of their places, so that the order of rows means nothing
    (as scikit-learn's ndcg_score does).
    """
    found, lists = [], 0
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1 if len(groups) else 0))
    for part in np.split(order, starts[1:]) if len(starts) else []:
        gain, score = gains[part], scores[part]
        if np.isnan(gain).any() or np.isnan(score).any():
            continue
        lists += 1
        best = _discounted(gain, gain, k)
        if best > 0:
            found.append(_discounted(score, gain, k) / best)
    return np.array(found), lists


def _discounted(scores: Floats, gains: Floats, k: int) -> float:
    discounts = 1 / np.log2(np.arange(2, len(scores) + 2))
    discounts[k:] = 0.0
    reached = np.concatenate([[0.0], np.cumsum(discounts)])
    _, inverse, sizes = np.unique(-scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(sizes)
    shared = (reached[ends] - reached[ends - sizes]) / sizes
    return float((gains * shared[inverse]).sum())


def measure(values: Floats, k: int) -> Metric | None:
    """The mean over lists with its interval; None from none."""
    if len(values) == 0:
        return None
    spread = float(values.std(ddof=1)) / np.sqrt(len(values)) if len(values) > 1 else 1.0
    return around(f"ndcg@{k}", float(values.mean()), spread, len(values), (0.0, 1.0))
