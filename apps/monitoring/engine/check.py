"""One drift check: two states compared over all features, with everything needed to compute it again.

Nothing here looks at one feature by itself: what is found lies in arrays over all of them, is judged in arrays, and is
written as one table (`results` reads it).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from apps.monitoring.engine import VERSION, policy, results, statistics
from apps.monitoring.engine.bins import NULL, SHOWN, Bins
from apps.monitoring.engine.exact import Floats, Integers
from apps.monitoring.engine.policy import Limits
from apps.monitoring.engine.results import LEVELS, NONE, SHARES, SIGNALS
from apps.monitoring.engine.state import State

ENOUGH = 0.5  # of the least rows of a window: so many values of a column
SAID_WEIGHT = 4.0  # what the model says ranks above any single input
NAMED = SHOWN - 5  # categories that a picture shows by name

Table = dict[str, Any]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Report:
    """The result of a check: the level of each signal, the features ranked, and how to recompute them. `indexes` are
    the stability index of every feature, which pages draw many windows of.
    """

    level: str
    rows_reference: int
    rows_current: int
    signals: dict[str, str]
    limits: dict[str, Any]
    table: bytes
    indexes: dict[str, float]

    @cached_property
    def features(self) -> list[dict[str, Any]]:
        """What was found of each feature, the first to look at first."""
        return results.features(self.table)

    def as_json(self) -> dict[str, Any]:
        """The report as it is stored, without the features."""
        return {
            "level": self.level,
            "rows": {"reference": self.rows_reference, "current": self.rows_current},
            "signals": self.signals,
            "limits": self.limits,
            "definitions": statistics.DEFINITIONS,
            "engine": VERSION,
        }

    @property
    def encoded(self) -> bytes:
        """The whole report as JSON, with the features in one table."""
        return orjson.dumps(self.as_json() | {"features": orjson.Fragment(self.table)})


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two samples of a check, with all that follows from its state alone: columns of categories as counts of
    cells [columns, most cells], and for each of SHARES the cases and the rows they are a share of [shares, features].
    """

    rows: int
    sample: statistics.Sample
    cells: Floats
    sizes: Floats
    unseen: Floats
    cases: Floats
    out_of: Floats

    @cached_property
    def parts(self) -> Floats:
        """The shares of the cells."""
        return statistics.parts_of(self.cells)

    @cached_property
    def shown(self) -> Integers:
        """Counts for a picture of each column of categories: the most frequent ones, all others, and those never seen;
        places past a column's last are zero.
        """
        named = np.array([len(one.categories.top[:NAMED]) for one in self.sample.bins.categorical], dtype=np.int64)
        side, rows = np.zeros((len(named), NAMED + 2), dtype=np.int64), np.arange(len(named))
        most = self.cells[:, :NAMED]
        side[:, : most.shape[1]] = np.where(np.arange(most.shape[1]) < named[:, None], most, 0)
        side[rows, named] = self.sizes - self.unseen - side.sum(axis=1)
        side[rows, named + 1] = self.unseen
        return side


def side_of(bins: Bins, state: State) -> Side:
    """A state made ready for comparing.

    Out of range are values below the smallest or above the largest of the reference's baseline, infinities included.
    """
    sample, counted, kinds = statistics.sample_of(state, bins), len(bins.sizes), len(bins.categorical)
    ends = np.array([where.stop for where in bins.category_at], dtype=np.int64)
    cells = np.where(bins.cells_at >= 0, state.counts[bins.cells_at], 0).astype(np.float64)
    sizes, rows = cells.sum(axis=1), np.arange(counted)
    cases = np.zeros((len(SHARES), counted + kinds))
    cases[0] = np.concatenate([sample.beside[:, NULL], state.counts[ends - 1]])
    cases[1, counted:] = state.counts[ends - 2]
    cases[2, :counted] = np.where(bins.sizes > 1, sample.counts[:, 0] + sample.counts[rows, bins.sizes - 1], 0)
    valued = np.concatenate([sample.sizes, sizes])
    return Side(
        state.rows, sample, cells, sizes, cases[1, counted:], cases, np.stack([valued + cases[0], valued, valued])
    )


@dataclass(frozen=True)
class Found:
    """What both kinds of columns have, as arrays over all features: numeric columns first."""

    names: tuple[str, ...]
    said: Flags  # the model's own answers
    before: Floats  # values of the reference
    now: Floats
    psi: Floats
    p: Floats
    shares: dict[str, statistics.Shares]  # of SHARES
    asked: dict[str, Flags]  # of SHARES: whether the question makes sense for the feature


def compare(
    bins: Bins,
    reference: State | Side,
    current: State,
    limits: Limits,
    importance: Mapping[str, float] | None = None,
    muted: Collection[tuple[str, str]] = (),
    exact: tuple[Floats, Floats] | None = None,
) -> Report:
    """Compare the current window with the reference, decide every signal, and rank the features by importance times
    effect. Pairs of feature and signal that are `muted` ("" for all) are computed and raise nothing.

    A reference that is compared with again and again is better given as its `side_of`. `exact` are the
    Kolmogorov-Smirnov and Wasserstein distances of the numeric columns where the rows gave them (engine.exactly); all
    else follows from the bins to the last digit.
    """
    before, now = reference if isinstance(reference, Side) else side_of(bins, reference), side_of(bins, current)
    numeric, numbers = numeric_table(bins, before, now, exact)
    category, categories = category_table(bins, before, now)
    psi, p = (np.concatenate(pair) for pair in zip(numbers, categories, strict=True))
    shares = share_results(before, now)
    found = _found(bins, before.out_of[1], now.out_of[1], psi, p, shares)
    weights = importance or {}
    weight = np.array([float(weights.get(name, 1.0)) for name in found.names])
    judged: Table = {"importance": weight}
    raised = np.zeros((len(SIGNALS), len(found.names)), dtype=np.int64)
    if now.rows >= limits.minimum:
        judged |= _judge(found, limits)
        raised, held = _hold_back(judged.pop("levels"), found.names, muted)
        judged |= {"signals": raised, "muted": held}
    order = _ranked(found, raised, weight)
    worst = raised.max(axis=1, initial=0).tolist()
    signals = {name: LEVELS[level] for name, level in zip(SIGNALS, worst, strict=True)}
    portions = {
        name: {"asked": found.asked[name], "reference": one.reference, "current": one.current, "p": one.p}
        for name, one in shares.items()
    }
    table = {"order": order, "numeric": numeric, "category": category, "shares": portions, "judged": judged}
    return Report(
        policy.worst(list(signals.values())), before.rows, now.rows, signals, limits.as_json(),
        orjson.dumps(table, option=orjson.OPT_SERIALIZE_NUMPY), dict(zip(found.names, psi.tolist(), strict=True)),
    )  # fmt: skip


def numeric_table(
    bins: Bins, reference: Side, current: Side, exact: tuple[Floats, Floats] | None = None
) -> tuple[Table, tuple[Floats, Floats]]:
    """Every statistic of every numeric column; beside it PSI and p-values, which are judged."""
    before, now = reference.sample, current.sample
    groups = np.count_nonzero(before.coarse + now.coarse, axis=1)
    both = (before.sizes > 0) & (now.sizes > 0)
    index = np.where(both, statistics.index_of(before.coarse_parts, now.coarse_parts), 0.0)
    distance, bound, p = statistics.kolmogorov(before, now, bins)
    moved = np.where(both, statistics.wasserstein(before, now, bins), np.nan)
    if exact is not None:
        distance, moved = exact
        bound, p = distance, statistics.kolmogorov_p(distance, before.sizes, now.sizes)
    p = np.where(both, p, 1.0)
    values = {
        "n_reference": before.sizes.astype(np.int64),
        "n_current": now.sizes.astype(np.int64),
        "psi": index,
        "psi_p": statistics.index_p(index, before.sizes, now.sizes, groups.astype(np.float64)),
        "psi_groups": groups,
        "ks": np.where(both, distance, 0.0),
        "ks_bound": np.where(both, bound, 1.0),
        "p": p,
        "w1": moved,
        "w1_over_sd": np.divide(moved, bins.numbers.sd, out=np.full(len(moved), np.nan), where=bins.numbers.sd > 0),
        "js": np.where(both, statistics.divergence(before.fine_parts, now.fine_parts), 0.0),
        "hellinger": np.where(both, statistics.hellinger(before.fine_parts, now.fine_parts), 0.0),
        "lowest": now.lowest,
        "highest": now.highest,
    }
    table = {"feature": bins.numbers.names, "role": bins.numbers.roles, "values": values}
    return table | {"picture": _numeric_picture(bins, before, now)}, (index, p)


def _numeric_picture(bins: Bins, before: statistics.Sample, now: statistics.Sample) -> Table:
    """Counts of both sides in about twenty columns between the reference's first and last hundredth; what lies outside
    is at the ends. `edges` divide the columns [feature][columns - 1].
    """
    columns, edges = bins.picture
    sides = [one.shown.astype(np.int64) for one in (before, now)]
    return {"columns": columns, "edges": edges, "reference": sides[0], "current": sides[1]}


def category_table(bins: Bins, reference: Side, current: Side) -> tuple[Table, tuple[Floats, Floats]]:
    """Every statistic of every column of categories; beside it PSI and p-values, which are judged."""
    cells, sizes = (reference.cells, current.cells), (reference.sizes, current.sizes)
    parts = reference.parts, current.parts
    both = (sizes[0] > 0) & (sizes[1] > 0)
    groups = np.count_nonzero(cells[0] + cells[1], axis=1)
    index = np.where(both, statistics.index_of(*parts), 0.0)
    statistic, freedom, p = statistics.chi_squared(*cells)
    values = {
        "n_reference": sizes[0].astype(np.int64),
        "n_current": sizes[1].astype(np.int64),
        "psi": index,
        "psi_p": statistics.index_p(index, sizes[0], sizes[1], groups.astype(np.float64)),
        "psi_groups": groups,
        "chi2": statistic,
        "freedom": freedom,
        "p": p,
        "l_infinity": np.where(both, np.abs(parts[0] - parts[1]).max(axis=1, initial=0.0), 0.0),
        "js": np.where(both, statistics.divergence(*parts), 0.0),
        "hellinger": np.where(both, statistics.hellinger(*parts), 0.0),
    }
    names = [one.name for one in bins.categorical], [one.role for one in bins.categorical]
    table = {"feature": names[0], "role": names[1], "values": values}
    return table | {"picture": _category_picture(bins, reference, current)}, (index, p)


def _category_picture(bins: Bins, before: Side, now: Side) -> Table:
    """Counts of both sides for the most frequent categories, the other ones, and those never seen."""
    tops = [one.categories.top[:NAMED] for one in bins.categorical]
    columns = np.array([len(one) + 2 for one in tops], dtype=np.int64)
    return {"columns": columns, "names": tops, "reference": before.shown, "current": now.shown}


def share_results(before: Side, now: Side) -> dict[str, statistics.Shares]:
    """Shares of rows without a value, and, of those with one, never seen before and out of range, in one go
    [features].
    """
    shares = statistics.shares_of(before.cases, before.out_of, now.cases, now.out_of)
    return {
        name: statistics.Shares(shares.reference[row], shares.current[row], shares.p[row])
        for row, name in enumerate(SHARES)
    }


def _found(
    bins: Bins, before: Floats, now: Floats, psi: Floats, p: Floats, shares: dict[str, statistics.Shares]
) -> Found:
    names, said, is_closed = bins.features
    is_numeric = np.arange(len(names)) < len(bins.sizes)
    asked = {"null": np.ones(len(names), dtype=bool), "unseen": is_closed, "outside": is_numeric}
    return Found(names, said, before, now, psi, p, shares, asked)


def _judge(found: Found, limits: Limits) -> Table:
    """q-values (one family for the distributions, one for the shares, each over all features of the check) and the
    level of every signal [signals, features]; NONE where a feature has no such signal.
    """
    q, share_q = np.full(len(found.names), np.nan), {}
    tested = (found.before > 0) & (found.now > 0)
    q[tested] = policy.benjamini_hochberg(found.p[tested])
    questions = {name: found.asked[name] & _was_tested(found.shares[name]) for name in SHARES}
    family = policy.benjamini_hochberg(np.concatenate([found.shares[name].p[questions[name]] for name in SHARES]))
    parts = np.split(family, np.cumsum([questions[name].sum() for name in SHARES])[:-1])
    for name, part in zip(SHARES, parts, strict=True):
        share_q[name] = np.full(len(found.names), np.nan)
        share_q[name][questions[name]] = part
    limit = np.array([limits.effect(name) for name in found.names])
    # A column with a few nulls is judged as soon as its window is; one that is mostly empty is not.
    enough = (found.now >= limits.minimum * ENOUGH) & (found.before > 0)
    drift = np.where(enough, policy.levels(found.psi, q, limit, limits), 0)
    levels = [drift]
    for name in SHARES:
        effect = np.abs(found.shares[name].current - found.shares[name].reference)
        level = policy.levels(effect, share_q[name], getattr(limits, name), limits)
        levels.append(np.where(found.asked[name], level, NONE))
    table = np.array(levels)
    return {
        "levels": table,
        "level": table.max(axis=0),
        "q": q,
        "share_q": share_q,
        "limit": limit,
        "is_severe": (drift == policy.WORST) & (found.psi >= limits.severe),
        "is_small": (drift == LEVELS.index(policy.QUIET)) & (q < limits.q),
    }


def _was_tested(share: statistics.Shares) -> Flags:
    """A share that is nothing, or everything, on both sides asks no question."""
    return ~((share.reference == share.current) & ((share.reference == 0.0) | (share.reference == 1.0)))


def _hold_back(levels: Integers, names: tuple[str, ...], muted: Collection[tuple[str, str]]) -> tuple[Integers, Flags]:
    """Levels [signals, features] without what somebody has muted, and what that is; its numbers stay to be seen."""
    held = np.zeros(levels.shape, dtype=bool)
    for feature, signal in muted:
        rows = [place for place, name in enumerate(SIGNALS) if signal in ("", name)]
        columns = [place for place, name in enumerate(names) if feature in ("", name)]
        held[np.ix_(rows, columns)] = True
    held &= levels != NONE
    return np.where(held, NONE, levels), held


def _ranked(found: Found, raised: Integers, weight: Floats) -> Integers:
    """What to look at first: what passed both gates, then importance times effect, the model's own answers weighing
    more.
    """
    effects = [found.psi]
    effects += [
        np.where(found.asked[name], np.abs(found.shares[name].current - found.shares[name].reference), 0.0)
        for name in SHARES
    ]
    size = np.max(effects, axis=0) * weight * np.where(found.said, SAID_WEIGHT, 1.0)
    return np.lexsort((-size, ~(raised == policy.WORST).any(axis=0)))
