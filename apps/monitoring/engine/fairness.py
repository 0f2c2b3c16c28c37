"""How groups fare: selection rates, impact ratios, and differences in true and false positive rates, with intervals.

Everything follows from the counts of a group (predicted favourably or not, deserved or not), so it costs the groups and
not the rows, and equals what the rows give. Groups too small to judge are shown, and decide nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from apps.monitoring.engine import policy, statistics
from apps.monitoring.engine.exact import Floats
from apps.monitoring.engine.performance import Z, wilson
from apps.monitoring.engine.policy import NOT_ENOUGH, Limits

DEFINITIONS = {
    "selection": "Share of predictions that are favourable; 95 % Wilson interval.",
    "impact_ratio": "Selection rate over the highest among groups that are large enough (four-fifths rule); 95 % "
    "interval of the logarithm (Katz).",
    "true_positive": "Share of deserving cases that are predicted favourably; 95 % Wilson interval.",
    "false_positive": "Share of undeserving cases that are predicted favourably; 95 % Wilson interval.",
    "difference": "Rate minus that of all other groups together; 95 % interval by Newcombe's method. A group is held "
    "against the limit where it fares worse: where another fares better, all others would be named instead of one.",
    "small": "Groups under the minimum size are shown, and neither judged nor compared with.",
}
RATES = ("selection", "true_positive", "false_positive")


@dataclass(frozen=True, slots=True)
class Group:
    """One group: its predictions and those that are favourable; of the cases whose truth is known [deserved, said]."""

    name: str
    rows: float
    selected: float
    known: Floats  # [2, 2]: truth unfavourable or favourable, by prediction unfavourable or favourable

    def cases(self, rate: str) -> tuple[float, float]:
        """Hits and size of a rate."""
        if rate == "selection":
            return float(self.selected), float(self.rows)
        row = self.known[1 if rate == "true_positive" else 0]
        return float(row[1]), float(row.sum())


def counts_of(table: Floats, favourable: int) -> Floats:
    """A confusion table [predicted, true] as [true favourable, predicted favourable]."""
    size = len(table)
    fold = np.zeros((size, 2))
    fold[np.arange(size), (np.arange(size) == favourable).astype(int)] = 1
    return fold.T @ table.T @ fold


def judge(groups: Sequence[Group], limits: Limits) -> dict[str, dict[str, Any]]:
    """For every group its rates, how they compare, and the level of each comparison."""
    found: dict[str, dict[str, Any]] = {group.name: {"signals": {}} for group in groups}
    for rate in RATES:
        _rates(groups, rate, limits, found)
    _impact(groups, limits, found)
    _decide(found, limits)
    return found


def _large(groups: Sequence[Group], rate: str, limits: Limits) -> list[Group]:
    return [group for group in groups if group.cases(rate)[1] >= limits.group]


def _rates(groups: Sequence[Group], rate: str, limits: Limits, found: dict[str, dict[str, Any]]) -> None:
    for group in groups:
        hits, size = group.cases(rate)
        found[group.name][rate] = wilson(rate, hits, size).as_json() if size else None
    large = _large(groups, rate, limits)
    for group in large if len(large) > 1 else []:
        others = np.sum([other.cases(rate) for other in large if other is not group], axis=0)
        mine = np.array(group.cases(rate))
        found[group.name][f"{rate}_difference"] = difference(mine, others)


def difference(mine: Floats, others: Floats) -> dict[str, float]:
    """One share minus another, (hits, size) each, with Newcombe's interval and the p-value that there is none."""
    one, two = wilson("", *mine), wilson("", *others)
    apart = one.value - two.value
    low = apart - math.hypot(one.value - one.low, two.high - two.value)
    high = apart + math.hypot(one.high - one.value, two.value - two.low)
    p = statistics.share_p(*(np.array([number]) for number in (*others, *mine)))
    return {"value": apart, "low": low, "high": high, "n": int(mine[1]), "p": float(p[0])}


def _impact(groups: Sequence[Group], limits: Limits, found: dict[str, dict[str, Any]]) -> None:
    large = _large(groups, "selection", limits)
    if len(large) < 2:
        return
    best = max(large, key=lambda group: group.selected / group.rows)
    for group in large:
        found[group.name]["impact_ratio"] = impact_ratio(group, best) | {"against": best.name}


def impact_ratio(group: Group, best: Group) -> dict[str, float]:
    """Selection rate over that of the best, with the interval of its logarithm and the p-value that they are equal."""
    mine, theirs = np.array(group.cases("selection")), np.array(best.cases("selection"))
    if group is best or not theirs[0]:
        return {"value": 1.0, "low": 1.0, "high": 1.0, "n": int(mine[1]), "p": 1.0}
    ratio = (mine[0] / mine[1]) / (theirs[0] / theirs[1])
    hits = max(mine[0], 0.5)  # half a case, so that a group without any has an interval
    spread = math.sqrt(max(1 / hits - 1 / mine[1] + 1 / theirs[0] - 1 / theirs[1], 0.0))
    middle = (hits / mine[1]) / (theirs[0] / theirs[1])
    p = statistics.share_p(*(np.array([number]) for number in (*theirs, *mine)))
    low = middle * math.exp(-Z * spread) if mine[0] else 0.0
    return {
        "value": float(ratio), "low": float(low), "high": float(middle * math.exp(Z * spread)),
        "n": int(mine[1]), "p": float(p[0]),
    }  # fmt: skip


def _decide(found: dict[str, dict[str, Any]], limits: Limits) -> None:
    """Both gates for every comparison: the effect over its limit, and q over all comparisons of the column."""
    tested = [
        (one, name, effect, limit)
        for one in found.values()
        for name, effect, limit in _effects(one, limits)
    ]  # fmt: skip
    q_values = policy.benjamini_hochberg(np.array([one[name]["p"] for one, name, _, _ in tested]))
    for (one, name, effect, limit), q in zip(tested, q_values, strict=True):
        one[name]["q"], one[name]["limit"] = float(q), limit
        one["signals"][name] = policy.level(effect, float(q), limit, limits)
    for one in found.values():
        one["level"] = policy.worst(list(one["signals"].values())) if one["signals"] else NOT_ENOUGH


def _effects(one: dict[str, Any], limits: Limits) -> list[tuple[str, float, float]]:
    effects = []
    if one.get("impact_ratio"):
        effects.append(("impact_ratio", 1 - one["impact_ratio"]["value"], 1 - limits.impact))
    for rate in ("true_positive", "false_positive"):
        apart = one.get(f"{rate}_difference")
        if apart:
            effects.append((f"{rate}_difference", -apart["value"], limits.gap))
    return effects


def widest(groups: Sequence[Group], limits: Limits) -> dict[str, float]:
    """The figures of the whole column: smallest impact ratio, largest differences between two large groups."""
    summary = {}
    for rate in RATES:
        shares = [hits / size for hits, size in (group.cases(rate) for group in _large(groups, rate, limits))]
        if len(shares) > 1:
            summary[f"{rate}_difference"] = max(shares) - min(shares)
            if rate == "selection" and max(shares):
                summary["impact_ratio"] = min(shares) / max(shares)
    return summary
