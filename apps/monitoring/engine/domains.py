"""Whether two samples of texts or embeddings come from the same source: can a classifier tell them apart, and how far
apart do their means lie? Every number can be computed again from what the result holds, and from the two samples.
"""

from typing import Any

import numpy as np
import sklearn
from scipy import sparse, special, stats
from sklearn.linear_model import LogisticRegression

from apps.models.engine.signatures import EMBEDDING, Content
from apps.monitoring.engine import VERSION, policy, samples
from apps.monitoring.engine.exact import Floats
from apps.monitoring.engine.policy import Limits
from apps.monitoring.engine.samples import SPACE, Sample

FOLDS = 5
LEAST = 100  # values of either sample
SHUFFLES = 999
SEED = 20
Z = 1.959963984540054

DEFINITIONS = {
    "sample": f"The {samples.MOST} rows of a window, or of the reference, whose ids have the smallest hashes.",
    "auc": "Area under the ROC curve of a logistic regression that tells the window's rows from the reference's: of a "
    f"text by which hashed runs of {samples.PIECE} bytes it has, of an embedding by its numbers in standard units. "
    f"Every row is scored by a model that did not see it ({FOLDS} parts, by the hash of its id). Interval: DeLong, 95 "
    "%. Its p-value: one-sided, normal limit of the rank-sum statistic when nothing can be told apart.",
    "distance": "Euclidean distance of the two means over the root of the mean squared distance of the rows from their "
    f"mean. Its p-value: share of {SHUFFLES} random divisions of the same rows (seed {SEED}) with means so far "
    "apart.",
    "cosine": "One minus the cosine of the angle between the two means.",
}


def compare(reference: Sample, current: Sample, contents: list[Content], limits: Limits) -> dict[str, Any]:
    """What is found of every column, its level, and the p-values corrected over all of them."""
    found = [_column(reference, current, one) for one in contents]
    tested = [row for row in found if "p" in row]
    for row, q in zip(tested, policy.benjamini_hochberg(np.array([row["p"] for row in tested])), strict=True):
        row["q"] = float(q)
    for row in found:
        row["level"] = judge(row, limits)
    return {
        "columns": found,
        "level": policy.worst([row["level"] for row in found]),
        "samples": {"reference": reference.sha256, "current": current.sha256},
        "limits": limits.as_json(),
        "definitions": DEFINITIONS,
        "engine": VERSION,
        "scikit_learn": sklearn.__version__,
    }


def judge(row: dict[str, Any], limits: Limits) -> str:
    """Bad when the rows can be told apart by more than the limit, and certainly so."""
    if "q" not in row:
        return policy.NOT_ENOUGH
    return policy.level(row["auc"] - 0.5, row["q"], limits.told_apart, limits)


def _column(reference: Sample, current: Sample, one: Content) -> dict[str, Any]:
    """The figures of one column; only its sizes where there are too few values."""
    places = [samples.rows_with(side, one.name) for side in (reference, current)]
    row: dict[str, Any] = {"column": one.name, "kind": one.kind}
    row |= {"n_reference": len(places[0]), "n_current": len(places[1])}
    if min(map(len, places)) < LEAST:
        return row
    keys = np.concatenate([side.keys[at] for side, at in zip((reference, current), places, strict=True)])
    if one.kind == EMBEDDING:
        sides = [samples.embeddings_of(side, one.name) for side in (reference, current)]
        row |= mean_distance(*sides)
        rows = _in_standard_units(np.concatenate(sides))
    else:
        rows = sparse.vstack(
            [_pieces(side, one.name, at) for side, at in zip((reference, current), places, strict=True)]
        )
    scores = out_of_part(rows, np.repeat([0, 1], [len(places[0]), len(places[1])]), keys)
    row["scores"] = {"reference": scores[: len(places[0])].tolist(), "current": scores[len(places[0]) :].tolist()}
    return row | told_apart(row["scores"]["reference"], row["scores"]["current"])


def _in_standard_units(rows: Floats) -> Floats:
    spread = rows.std(axis=0)
    standard: Floats = (rows - rows.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return standard


def _pieces(sample: Sample, name: str, places: Any) -> Any:
    """Which hashed pieces each text has, as rows of length one."""
    found = [sample.pieces_of(name, int(row)) for row in places]
    sizes = np.array([len(one) for one in found])
    values = np.repeat(1.0 / np.sqrt(sizes), sizes)
    ends = np.concatenate([[0], np.cumsum(sizes)])
    return sparse.csr_matrix((values, np.concatenate(found).astype(np.int32), ends), shape=(len(found), SPACE))


def out_of_part(rows: Any, side: Any, keys: Any) -> Floats:
    """For every row how sure a model that did not see it is that it comes from the window; rounded as it is kept."""
    scores = np.zeros(len(side))
    part = (keys // np.uint64(7)) % np.uint64(FOLDS)  # rows of one id fall in one part, whichever sample they are in
    for number in range(FOLDS):
        mine = part == number
        if not mine.any() or len(set(side[~mine])) < 2:
            continue
        model = LogisticRegression(C=1.0, max_iter=300, class_weight="balanced").fit(rows[~mine], side[~mine])
        scores[mine] = model.decision_function(rows[mine])
    return np.round(scores, 5)


def told_apart(reference: list[float], current: list[float]) -> dict[str, float]:
    """AUC of the scores with its interval and p-value."""
    before, now = np.array(reference), np.array(current)
    n, m = len(before), len(now)
    ranks = stats.rankdata(np.concatenate([before, now]))
    above = (ranks[n:] - stats.rankdata(now)) / n  # of each row of the window: share of the reference below it
    below = 1.0 - (ranks[:n] - stats.rankdata(before)) / m
    area = float(above.mean())
    error = float(np.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n))
    chance = float(np.sqrt((n + m + 1) / (12 * n * m)))
    p = float(special.ndtr(-(area - 0.5) / chance))
    return {"auc": area, "low": max(area - Z * error, 0.0), "high": min(area + Z * error, 1.0), "p": p}


def mean_distance(reference: Floats, current: Floats) -> dict[str, Any]:
    """How far the means lie apart, and how often by chance."""
    n, m = len(reference), len(current)
    rows = np.concatenate([reference, current])
    means = reference.mean(axis=0), current.mean(axis=0)
    within = sum(((side - mean) ** 2).sum() for side, mean in zip((reference, current), means, strict=True)) / (n + m)
    centred = rows - rows.mean(axis=0)
    products = centred @ centred.T
    weights = np.concatenate([np.full(n, -1.0 / n), np.full(m, 1.0 / m)])
    rng = np.random.default_rng(SEED)
    shuffled = np.array([rng.permutation(weights) for _ in range(SHUFFLES)])
    chance = np.einsum("ij,ij->i", shuffled @ products, shuffled)
    apart = float(weights @ products @ weights)
    lengths = np.linalg.norm(means[0]) * np.linalg.norm(means[1])
    return {
        "distance": float(np.sqrt(max(apart, 0.0) / within)) if within > 0 else None,
        "distance_p": float((1 + np.count_nonzero(chance >= apart * (1 - 1e-9))) / (SHUFFLES + 1)),
        "cosine": float(1.0 - means[0] @ means[1] / lengths) if lengths > 0 else None,
        "shuffles": SHUFFLES,
        "seed": SEED,
    }
