"""How far two states lie apart, feature by feature: vectorised over all features, from counts alone.

 Every function takes arrays [features, ...] and gives arrays [features]. `DEFINITIONS` says in words what each number
is, since thresholds are not portable between tools that use the same name for different things.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from apps.monitoring.engine.bins import COARSE, NULL, OUTER, Bins
from apps.monitoring.engine.edges import WIDTH
from apps.monitoring.engine.exact import Floats, Integers, value
from apps.monitoring.engine.reduce import outer_bins
from apps.monitoring.engine.state import State

FLOOR = 1e-4  # share that an empty group counts as
POOLED = 5.0  # expected count below which categories are pooled for the chi-squared test
RARE = 10.0  # expected count below which a share is tested exactly
FEW = 30.0  # the same against a reference ten times as large, where the z-test of 1 in 10 of 200 errs too often

DEFINITIONS = {
    "psi": "Population stability index, natural logarithm, over groups cut at the reference's deciles (of categories: "
    "each counted one, other and unseen). A value that fills a decile has its own group, an empty group counts as a "
    f"share of {FLOOR}, nulls are left out. Its p-value: PSI / (1/n + 1/m) against chi-squared with groups - 1 "
    "degrees of freedom.",
    "ks": "Kolmogorov-Smirnov distance, the largest difference of the two distribution functions at the bin edges; the "
    "exact distance from the rows lies between this and ks_bound. Its p-value: Kolmogorov's limit distribution.",
    "w1": "Wasserstein-1 distance over finite values, from bin counts and the sums of the outer bins; w1_over_sd "
    "divides it by the reference's standard deviation.",
    "js": "Jensen-Shannon distance: square root of the divergence with base-2 logarithm, over 30 groups of equal "
    "reference share (categories: every counted category, other and unseen); nulls left out.",
    "hellinger": "Hellinger distance over the groups of js.",
    "chi2": "Pearson's chi-squared test of equal shares in two samples; categories expected fewer than "
    f"{POOLED:g} times are pooled.",
    "l_infinity": "Largest difference of a category's share.",
    "shares": "Share of rows. The test is two-sided: pooled z, or, where fewer than "
    f"{RARE:g} cases ({FEW:g} where one sample is ten times the other) are expected, the exact "
    "binomial test of how the cases divide over the two samples.",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """The numeric part of a state, in floats: counts [features, WIDTH] with infinities in the outer bins, and rows
    with a value.
    """

    counts: Floats
    finite: Floats
    beside: Integers
    sizes: Floats
    means: Floats

    @property
    def shares(self) -> Floats:
        """Share of each bin among rows with a value."""
        return self.counts / np.maximum(self.sizes, 1.0)[:, None]


def sample_of(state: State, bins: Bins) -> Sample:
    """The numeric part of a state, ready for comparison."""
    columns = len(bins.numeric)
    finite = state.counts[bins.histogram_at].reshape(columns, WIDTH).astype(np.float64)
    beside = state.counts[bins.beside_at].reshape(columns, 3)
    counts = finite.copy()
    rows = np.arange(columns)
    counts[:, 0] += beside[:, 1]
    counts[rows, bins.sizes - 1] += beside[:, 2]
    return Sample(counts, finite, beside, counts.sum(axis=1), bin_means(state, bins, finite))


def bin_means(state: State, bins: Bins, finite: Floats) -> Floats:
    """The mean of every bin: from the kept sums at both ends, elsewhere the reference's."""
    means = bins.means.copy()
    if not len(bins.numeric):
        return means
    units = np.array([column.unit for column in bins.numeric])[:, None]
    pivots = np.array([column.pivot for column in bins.numeric])
    sums = value(state.high.reshape(-1, 2 * OUTER), state.low.reshape(-1, 2 * OUTER), units)
    where = np.array([outer_bins(int(size)) for size in bins.sizes])
    row, slot = np.nonzero(where >= 0)
    column = where[row, slot]
    counted = finite[row, column]
    kept = counted > 0
    row, slot, column, counted = row[kept], slot[kept], column[kept], counted[kept]
    means[row, column] = pivots[row] + sums[row, slot] / counted
    return means


def grouped(counts: Floats, groups: Integers) -> Floats:
    """Counts [features, WIDTH] added up by group [features, most groups]."""
    many = int(groups.max(initial=0)) + 1
    keys = groups + np.arange(len(groups))[:, None] * many
    return np.bincount(keys.ravel(), weights=counts.ravel(), minlength=len(groups) * many).reshape(len(groups), many)


def index_of(reference: Floats, current: Floats) -> Floats:
    """Population stability index of counts [features, groups]; groups that are empty on both sides add nothing."""
    p, q = _floored(reference), _floored(current)
    return np.sum((q - p) * np.log(q / p), axis=-1)


def _floored(counts: Floats) -> Floats:
    return np.maximum(counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1.0), FLOOR)


def index_p(index: Floats, n: Floats, m: Floats, groups: Floats) -> Floats:
    """How often an index at least this large appears by chance between samples of n and m rows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = index / (1.0 / n + 1.0 / m)
    return np.where(
        (n > 0) & (m > 0) & (groups > 1), special.chdtrc(np.maximum(groups - 1, 1), np.nan_to_num(scaled)), 1.0
    )


def kolmogorov(reference: Sample, current: Sample, bins: Bins) -> tuple[Floats, Floats, Floats]:
    """Distance at the bin edges, the most that the exact distance can be, and the p-value of the former."""
    f, g = np.cumsum(reference.shares, axis=1), np.cumsum(current.shares, axis=1)
    at_edges = np.abs(f - g).max(axis=1, initial=0.0)
    before_f, before_g = f - reference.shares, g - current.shares
    inside = np.maximum(np.abs(f - before_g), np.abs(before_f - g))
    bound = np.maximum(np.where(bins.atoms, 0.0, inside).max(axis=1, initial=0.0), at_edges)
    return at_edges, np.minimum(bound, 1.0), kolmogorov_p(at_edges, reference.sizes, current.sizes)


def kolmogorov_p(distance: Floats, n: Floats, m: Floats) -> Floats:
    """Two-sided p-value of the two-sample distance, by the limit distribution."""
    return special.kolmogorov(np.sqrt(n * m / np.maximum(n + m, 1.0)) * distance)


def wasserstein(reference: Sample, current: Sample, bins: Bins) -> Floats:
    """Sum over the bins of the absolute integral of the difference of the distribution functions, over finite values.

    Within a bin (l, r] with mass p and mean m below it F: the integral of the distribution function is F(l)(r - l) +
    p(r - m). This is exact unless the two functions cross inside a bin.
    """
    p, q = (one.finite / np.maximum(one.finite.sum(axis=1), 1.0)[:, None] for one in (reference, current))
    f, g = np.cumsum(p, axis=1) - p, np.cumsum(q, axis=1) - q
    left, right = _ends(bins)
    with np.errstate(over="ignore", invalid="ignore"):
        inner = (f - g) * (right - left) + p * (right - reference.means) - q * (right - current.means)
        last = np.arange(len(bins.sizes)), bins.sizes - 1
        inner[last] = (p * (reference.means - left) - q * (current.means - left))[last]
    return np.nan_to_num(np.abs(inner).sum(axis=1), nan=np.inf)


def _ends(bins: Bins) -> tuple[Floats, Floats]:
    """Left and right end of every bin [features, WIDTH]; the first ends where it begins, and so do places past the
    last.
    """
    most = np.finfo(np.float64).max
    edges = np.clip(bins.edges, -most, most)
    left = np.concatenate([edges[:, :1], edges], axis=1)
    right = np.concatenate([edges, edges[:, -1:]], axis=1)
    return left, right


def divergence(reference: Floats, current: Floats) -> Floats:
    """Jensen-Shannon distance (base 2) of counts [..., groups]."""
    p, q = _shares(reference), _shares(current)
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = special.rel_entr(p, middle) + special.rel_entr(q, middle)
    return np.sqrt(np.maximum(terms.sum(axis=-1) / (2 * np.log(2.0)), 0.0))


def hellinger(reference: Floats, current: Floats) -> Floats:
    """Hellinger distance of counts [..., groups]."""
    overlap = np.sqrt(_shares(reference) * _shares(current)).sum(axis=-1)
    return np.sqrt(np.clip(1.0 - overlap, 0.0, 1.0))


def _shares(counts: Floats) -> Floats:
    return counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1.0)


def chi_squared(reference: Floats, current: Floats) -> tuple[float, int, float]:
    """Statistic, degrees of freedom and p-value for one feature's counts [categories] in two samples."""
    n, m = reference.sum(), current.sum()
    both = reference + current
    if n == 0 or m == 0:
        return 0.0, 0, 1.0
    table = np.array([reference, current])[:, both > 0]
    table = _pooled(table, table.sum(axis=0) * min(n, m) / (n + m))
    totals = table.sum(axis=0)
    if table.shape[1] < 2:
        return 0.0, 0, 1.0
    wanted = np.outer([n, m], totals) / (n + m)
    statistic = float(((table - wanted) ** 2 / wanted).sum())
    freedom = table.shape[1] - 1
    return statistic, freedom, float(special.chdtrc(freedom, statistic))


def _pooled(table: Floats, expected: Floats) -> Floats:
    """Columns of a table by rising expectation, the first of them joined until they are expected often enough."""
    order = np.argsort(expected, kind="stable")
    reached = np.cumsum(expected[order])
    rare = int(np.count_nonzero(expected < POOLED))
    if rare:
        rare = max(rare, int(np.searchsorted(reached, POOLED)) + 1)
    first = table[:, order[:rare]].sum(axis=1, keepdims=True)
    return np.concatenate([first, table[:, order[rare:]]], axis=1) if rare else table


def share_p(reference: Floats, n: Floats, current: Floats, m: Floats) -> Floats:
    """Two-sided p-value that two samples have the same share, given cases and sizes; the better test for each pair."""
    n, m = np.maximum(n, 0.0), np.maximum(m, 0.0)
    total, rows = reference + current, np.maximum(n + m, 1.0)
    flip = total > rows / 2
    cases, now = np.where(flip, rows - total, total), np.where(flip, m - current, current)
    expected = cases * np.minimum(n, m) / rows
    spread = np.sqrt(
        np.maximum(total / rows * (1 - total / rows) * (1 / np.maximum(n, 1) + 1 / np.maximum(m, 1)), 1e-300)
    )
    z = (current / np.maximum(m, 1) - reference / np.maximum(n, 1)) / spread
    exact = _binomial_p(now, cases, m / rows)
    limit = np.where(np.minimum(n, m) * 10 <= np.maximum(n, m), FEW, RARE)
    found = np.where(expected < limit, exact, 2 * special.ndtr(-np.abs(z)))
    return np.where((total == 0) | (total == n + m) | (n == 0) | (m == 0), 1.0, np.clip(found, 0.0, 1.0))


def _binomial_p(cases: Floats, total: Floats, share: Floats) -> Floats:
    """Twice the smaller tail of the binomial distribution."""
    upper = np.where(
        cases > 0, special.betainc(np.maximum(cases, 1.0), np.maximum(total - cases + 1.0, 1e-9), share), 1.0
    )
    lower = np.where(cases < total, special.betaincc(cases + 1.0, np.maximum(total - cases, 1e-9), share), 1.0)
    return np.minimum(2 * np.minimum(upper, lower), 1.0)


@dataclass(frozen=True, slots=True)
class Shares:
    """A share in both samples [features], its cases and sizes, and the test of their difference."""

    reference: Floats
    current: Floats
    p: Floats


def shares_of(cases: Floats, n: Floats, current_cases: Floats, m: Floats) -> Shares:
    """Shares of cases in two samples with the test of their difference."""
    before, now = cases / np.maximum(n, 1.0), current_cases / np.maximum(m, 1.0)
    return Shares(before, now, share_p(cases, n, current_cases, m))


def null_shares(reference: Sample, current: Sample) -> Shares:
    """Shares of rows without a value."""
    nulls, now = reference.beside[:, NULL].astype(float), current.beside[:, NULL].astype(float)
    return shares_of(nulls, nulls + reference.sizes, now, now + current.sizes)


def outside_shares(reference: Sample, current: Sample, bins: Bins) -> Shares:
    """Shares of values below the smallest or above the largest that the reference's baseline had, infinities
    included.
    """
    rows = np.arange(len(bins.sizes))
    cases, now = (one.counts[:, 0] + one.counts[rows, bins.sizes - 1] for one in (reference, current))
    apart = bins.sizes > 1
    return shares_of(cases * apart, reference.sizes, now * apart, current.sizes)


def group_counts(one: Sample, bins: Bins, which: int) -> Floats:
    """Counts [features, groups] for the ten (COARSE) or thirty (FINE) groups."""
    return grouped(one.counts, bins.groups(which))


def group_numbers(bins: Bins) -> Floats:
    """How many groups the stability index of every feature has."""
    return bins.groups(COARSE).max(axis=1, initial=0).astype(float) + 1
