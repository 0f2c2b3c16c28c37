"""How well lists are ranked: gain, the place of the first hit, places that equal scores leave open."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from apps.validation.engine.arrays import Floats, Whole


def lists(groups: Whole) -> Iterator[Whole]:
    """The places of the rows of each list, in the order of the lists' numbers."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order])) + 1
    yield from np.split(order, starts) if len(order) else []


def ndcg(groups: Whole, scores: Floats, gains: Floats, k: int) -> tuple[Floats, int]:
    """The gain at k of every list [lists], lists without any gain left out, and how many lists there were in all.

    `groups` numbers the list of every row, `gains` is its outcome (not negative), NaN where that is not known: such a
    list is not counted. Equal scores share the discounts of their places, so that the order of rows means nothing
    (as scikit-learn's ndcg_score does). Järvelin and Kekäläinen 2002; ties by McSherry and Najork 2008.
    """
    found, counted = [], 0
    for part in lists(groups):
        gain, score = gains[part], scores[part]
        if np.isnan(gain).any() or np.isnan(score).any():
            continue
        counted += 1
        best = _discounted(gain, gain, k)
        if best > 0:
            found.append(_discounted(score, gain, k) / best)
    return np.array(found), counted


def _discounted(scores: Floats, gains: Floats, k: int) -> float:
    return float((gains * seen(scores, k)).sum())


def seen(scores: Floats, k: int | None = None) -> Floats:
    """How much each row of a list is seen: one over the logarithm of its place, nothing after k; equal scores share."""
    discounts = 1 / np.log2(np.arange(2, len(scores) + 2))
    if k is not None:
        discounts[k:] = 0.0
    reached = np.concatenate([[0.0], np.cumsum(discounts)])
    _, inverse, sizes = np.unique(-scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(sizes)
    return np.asarray(((reached[ends] - reached[ends - sizes]) / sizes)[inverse])


def reciprocal_ranks(groups: Whole, scores: Floats, gains: Floats) -> Floats:
    """One over the place of the first row with any gain, of every list that has one [lists] (Voorhees 1999).

    Rows of equal score without gain are taken to stand before it: a score that decides nothing earns nothing.
    """
    found = []
    for part in lists(groups):
        hit = gains[part] > 0
        if hit.any():
            best = scores[part][hit].max()
            found.append(1.0 / (1 + int(((scores[part] >= best) & ~hit).sum())))
    return np.array(found)


def undecided(groups: Whole, scores: Floats, k: int) -> Floats:
    """Of every list of two rows and more, the share of its first k places that two rows or more have equal right to."""
    found = []
    for part in lists(groups):
        if len(part) < 2:
            continue
        ordered = -np.sort(-scores[part])
        same = np.diff(ordered) == 0
        tied = np.r_[same, False] | np.r_[False, same]
        found.append(float(tied[:k].mean()))
    return np.array(found)
