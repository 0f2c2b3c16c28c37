"""One drift check: two states compared over all features, with everything needed to compute it again."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from apps.monitoring.engine import VERSION, policy, statistics
from apps.monitoring.engine.bins import COARSE, FINE, Bins, Categorical, Numeric
from apps.monitoring.engine.exact import Floats
from apps.monitoring.engine.policy import NOT_ENOUGH, Limits
from apps.monitoring.engine.state import State

COLUMNS = 20  # of the picture of a feature
ENOUGH = 0.5  # of the least rows of a window: so many values of a column
SIGNALS = ("drift", "null", "unseen", "outside")
ROLE_WEIGHT = {"score": 4.0, "prediction": 4.0}  # what the model says ranks above any single input


@dataclass(frozen=True)
class Report:
    """The result of a check: the level of each signal, the features ranked, and how to recompute them."""

    level: str
    rows_reference: int
    rows_current: int
    features: list[dict[str, Any]]
    signals: dict[str, str]
    limits: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The report as it is stored."""
        return {
            "level": self.level,
            "rows": {"reference": self.rows_reference, "current": self.rows_current},
            "signals": self.signals,
            "features": self.features,
            "limits": self.limits,
            "definitions": statistics.DEFINITIONS,
            "engine": VERSION,
        }


def compare(
    bins: Bins,
    reference: State,
    current: State,
    limits: Limits,
    importance: Mapping[str, float] | None = None,
    muted: Collection[tuple[str, str]] = (),
) -> Report:
    """Compare the current window with the reference, decide every signal, and rank the features by importance times
    effect. Pairs of feature and signal that are `muted` ("" for all) are computed and raise nothing.
    """
    features = numeric_results(bins, reference, current) + category_results(bins, reference, current)
    for one in features:
        one["importance"] = float((importance or {}).get(one["feature"], 1.0))
    if current.rows < limits.minimum:
        for one in features:
            one["level"], one["signals"] = NOT_ENOUGH, {}
        signals = dict.fromkeys(SIGNALS, NOT_ENOUGH)
    else:
        _correct(features)
        for one in features:
            _decide(one, limits)
            _hold_back(one, muted)
        signals = {name: policy.worst([one["signals"].get(name, NOT_ENOUGH) for one in features]) for name in SIGNALS}
    features.sort(key=rank, reverse=True)
    return Report(
        policy.worst(list(signals.values())), reference.rows, current.rows, features, signals, limits.as_json()
    )


def rank(one: dict[str, Any]) -> tuple[bool, float]:
    """What to look at first: what passed both gates, then importance times effect, the model's own answers weighing
    more.
    """
    alarmed = policy.DRIFT in one["signals"].values()
    shares = [abs(one[name]["current"] - one[name]["reference"]) for name in SIGNALS[1:] if one.get(name)]
    return alarmed, max([one["psi"], *shares]) * one["importance"] * ROLE_WEIGHT.get(one["role"], 1.0)


def numeric_results(bins: Bins, reference: State, current: State) -> list[dict[str, Any]]:
    """Every statistic of every numeric column."""
    if not bins.numeric:
        return []
    before, now = statistics.sample_of(reference, bins), statistics.sample_of(current, bins)
    coarse = [statistics.group_counts(one, bins, COARSE) for one in (before, now)]
    fine = [statistics.group_counts(one, bins, FINE) for one in (before, now)]
    groups = statistics.group_numbers(bins)
    both = (before.sizes > 0) & (now.sizes > 0)
    index = np.where(both, statistics.index_of(*coarse), 0.0)
    distance, bound, p = statistics.kolmogorov(before, now, bins)
    table = {
        "psi": index,
        "psi_p": statistics.index_p(index, before.sizes, now.sizes, groups),
        "ks": np.where(both, distance, 0.0),
        "ks_bound": np.where(both, bound, 1.0),
        "p": np.where(both, p, 1.0),
        "w1": np.where(both, statistics.wasserstein(before, now, bins), np.nan),
        "js": np.where(both, statistics.divergence(*fine), 0.0),
        "hellinger": np.where(both, statistics.hellinger(*fine), 0.0),
    }
    nulls, outside = statistics.null_shares(before, now), statistics.outside_shares(before, now, bins)
    results = []
    for place, column in enumerate(bins.numeric):
        one = {name: number(values[place]) for name, values in table.items()}
        one["w1_over_sd"] = number(table["w1"][place] / column.sd) if column.sd else None
        sizes = int(before.sizes[place]), int(now.sizes[place])
        results.append(_head(column, sizes) | one | {"psi_groups": int(groups[place]), "test": "ks"})
        results[-1] |= {"null": _shares(nulls, place), "outside": _shares(outside, place), "unseen": None}
        results[-1]["lowest"], results[-1]["highest"] = number(current.lowest[place]), number(current.highest[place])
        results[-1]["picture"] = picture(column.edges.values, before.counts[place], now.counts[place])
    return results


def picture(edges: Floats, before: Floats, now: Floats) -> dict[str, list[float]]:
    """Counts of both sides in about twenty columns of even width between the reference's first and last hundredth.

    `edges` divide the columns, so there is one more count than edges: what lies outside is at the ends.
    """
    if len(edges) == 0:
        return {"edges": [], "reference": [float(before.sum())], "current": [float(now.sum())]}
    reached = np.cumsum(before) / max(before.sum(), 1.0)
    low, high = (edges[min(int(np.searchsorted(reached, share)), len(edges) - 1)] for share in (0.01, 0.99))
    grid = np.linspace(low, high, COLUMNS + 1) if high > low else np.array([low])
    places = np.unique(np.abs(edges[:, None] - grid[None, :]).argmin(axis=0))
    cuts = np.concatenate([[0], places + 1])
    columns = [np.add.reduceat(side[: len(edges) + 1], cuts) for side in (before, now)]
    return {
        "edges": [float(edge) for edge in edges[places]],
        "reference": columns[0].tolist(),
        "current": columns[1].tolist(),
    }


def category_results(bins: Bins, reference: State, current: State) -> list[dict[str, Any]]:
    """Every statistic of every column of categories."""
    if not bins.categorical:
        return []
    pairs = [[one.counts[where].astype(np.float64) for one in (reference, current)] for where in bins.category_at]
    results = [_category(column, *pair) for column, pair in zip(bins.categorical, pairs, strict=True)]
    tails = np.array([[one[-3:] for one in pair] for pair in pairs])  # [columns, samples, (other, unseen, null)]
    rows = np.array([[one.sum() for one in pair] for pair in pairs])
    known = rows - tails[:, :, 2]
    nulls = statistics.shares_of(tails[:, 0, 2], rows[:, 0], tails[:, 1, 2], rows[:, 1])
    unseen = statistics.shares_of(tails[:, 0, 1], known[:, 0], tails[:, 1, 1], known[:, 1])
    groups = np.array([one["psi_groups"] for one in results], dtype=np.float64)
    index_p = statistics.index_p(np.array([one["psi"] for one in results]), known[:, 0], known[:, 1], groups)
    for place, (one, column) in enumerate(zip(results, bins.categorical, strict=True)):
        one |= {"psi_p": number(index_p[place]), "null": _shares(nulls, place), "outside": None}
        one["picture"] = _pictured(column, *pairs[place])
        one["unseen"] = None if column.categories.is_open else _shares(unseen, place)
    return results


def _category(column: Categorical, before: Floats, now: Floats) -> dict[str, Any]:
    cells = before[:-1], now[:-1]
    sizes = int(cells[0].sum()), int(cells[1].sum())
    head = _head(column, sizes) | {"psi_groups": int(np.count_nonzero(cells[0] + cells[1])), "test": "chi2"}
    if min(sizes) == 0:
        nothing = dict.fromkeys(("psi", "chi2", "l_infinity", "js", "hellinger"), 0.0)
        return head | nothing | {"p": 1.0, "freedom": 0}
    statistic, freedom, p = statistics.chi_squared(*cells)
    return head | {
        "psi": number(statistics.index_of(*cells)),
        "chi2": number(statistic),
        "freedom": freedom,
        "p": number(p),
        "l_infinity": number(np.abs(cells[0] / sizes[0] - cells[1] / sizes[1]).max(initial=0.0)),
        "js": number(statistics.divergence(*cells)),
        "hellinger": number(statistics.hellinger(*cells)),
    }


def _pictured(column: Categorical, before: Floats, now: Floats) -> dict[str, list[Any]]:
    """Counts of both sides for the most frequent categories, the other ones, and those never seen."""
    shown = min(len(column.categories.top), COLUMNS - 5)
    sides = [[*side[:shown], side[shown:-2].sum(), side[-2]] for side in (before, now)]
    names = [*column.categories.top[:shown], "(other)", "(never seen)"]
    return {"names": names, "reference": [float(n) for n in sides[0]], "current": [float(n) for n in sides[1]]}


def _head(column: Numeric | Categorical, sizes: tuple[int, int]) -> dict[str, Any]:
    kind = "numeric" if isinstance(column, Numeric) else "category"
    return {"feature": column.name, "role": column.role, "kind": kind, "n_reference": sizes[0], "n_current": sizes[1]}


def _shares(shares: statistics.Shares, place: int) -> dict[str, float | None]:
    return {name: number(getattr(shares, name)[place]) for name in ("reference", "current", "p")}


def _correct(features: list[dict[str, Any]]) -> None:
    """Write the q-values: one family for the distributions, one for the shares, each over all features of the check."""
    tested = [one for one in features if one["n_reference"] and one["n_current"]]
    for one, q in zip(tested, policy.benjamini_hochberg(np.array([one["p"] for one in tested])), strict=True):
        one["q"] = number(q)
    shares = [one[name] for one in features for name in SIGNALS[1:] if one[name] and _was_tested(one[name])]
    for share, q in zip(shares, policy.benjamini_hochberg(np.array([one["p"] for one in shares])), strict=True):
        share["q"] = number(q)


def _was_tested(share: dict[str, Any]) -> bool:
    """A share that is nothing, or everything, on both sides asks no question."""
    return not (share["reference"] == share["current"] and share["reference"] in (0.0, 1.0))


def _decide(one: dict[str, Any], limits: Limits) -> None:
    one["limit"] = limits.effect(one["feature"])
    # A column with a few nulls is judged as soon as its window is; one that is mostly empty is not.
    enough = one["n_current"] >= limits.minimum * ENOUGH and one["n_reference"] > 0
    found = {"drift": policy.level(one["psi"], one.get("q", 1.0), one["limit"], limits) if enough else NOT_ENOUGH}
    for name in SIGNALS[1:]:
        if one[name] is None:
            continue
        effect = abs(one[name]["current"] - one[name]["reference"])
        found[name] = policy.level(effect, one[name].get("q", 1.0), getattr(limits, name), limits)
    one["signals"] = found
    one["level"] = policy.worst(list(found.values()))
    one["is_severe"] = found["drift"] == policy.DRIFT and one["psi"] >= limits.severe
    one["is_small"] = found["drift"] == policy.QUIET and one.get("q", 1.0) < limits.q


def _hold_back(one: dict[str, Any], muted: Collection[tuple[str, str]]) -> None:
    """Take out of the signals what somebody has muted; its numbers and its level stay to be seen."""
    feature, found = one["feature"], one["signals"]
    held = [name for name in found if {(feature, name), (feature, ""), ("", name)} & set(muted)]
    one["muted"] = held
    one["signals"] = {name: level for name, level in found.items() if name not in held}
    one["is_severe"] = one["is_severe"] and "drift" not in held


def number(given: Any) -> float | None:
    """A float that JSON can hold, or None for what is not a number."""
    found = float(given)
    return found if math.isfinite(found) else None
