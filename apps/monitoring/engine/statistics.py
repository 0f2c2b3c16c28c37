"""How far two states lie apart, feature by feature: vectorised over all features, from counts alone.

 Every function takes arrays [features, ...] and gives arrays [features]. `DEFINITIONS` says in words what each number
is, since thresholds are not portable between tools that use the same name for different things.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from apps.monitoring.engine.bins import ABOVE_ALL, BELOW_ALL, COARSE, FINE, OUTER, Bins, Ends
from apps.monitoring.engine.edges import WIDTH
from apps.monitoring.engine.exact import Floats, Integers, value
from apps.monitoring.engine.state import State

FLOOR = 1e-4  # share that an empty group counts as
POOLED = 5.0  # expected count below which categories are pooled for the chi-squared test
RARE = 10.0  # expected count below which a share is tested exactly
FEW = 30.0  # the same against a reference ten times as large, where the z-test of 1 in 10 of 200 errs too often

DEFINITIONS = {
    "psi": "Population stability index, natural logarithm, over groups cut at the reference's deciles (of categories: "
    "each counted one, other and unseen). A value that fills a decile has its own group, an empty group counts as a "
    f"share of {FLOOR}, nulls are left out. Its p-value: PSI / (1/n + 1/m) against chi-squared with groups - 1 "
    "degrees of freedom; groups empty on both sides do not count.",
    "ks": "Kolmogorov-Smirnov distance, the largest difference of the two distribution functions at the bin edges and "
    "at the first and last value of either sample; the exact distance from the rows is at most ks_bound. Its p-value: "
    "Kolmogorov's limit distribution.",
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


@dataclass(frozen=True, eq=False)
class Sample:
    """The numeric part of a state, in floats: counts [features, WIDTH] with infinities in the outer bins and added up
    from the left, rows with a value, and the smallest and largest finite value. What follows from it alone is worked
    out once, so that a sample that is compared again and again costs nothing but the comparing.
    """

    bins: Bins
    counts: Floats
    reached: Floats
    finite: Floats
    beside: Integers
    sizes: Floats
    means: Floats
    lowest: Floats
    highest: Floats

    @cached_property
    def coarse(self) -> Floats:
        """Counts of the ten groups [features, groups]."""
        return group_counts(self, self.bins, COARSE)

    @cached_property
    def fine(self) -> Floats:
        """Counts of the thirty groups."""
        return group_counts(self, self.bins, FINE)

    @cached_property
    def coarse_parts(self) -> Floats:
        """Shares of the ten groups."""
        return parts_of(self.coarse)

    @cached_property
    def fine_parts(self) -> Floats:
        """Shares of the thirty groups."""
        return parts_of(self.fine)

    @cached_property
    def shown(self) -> Floats:
        """Counts of the columns of a picture."""
        return grouped(self.reached, self.bins.numbers.shown)

    @cached_property
    def shares(self) -> Floats:
        """The distribution function at the end of every bin."""
        return self.reached / np.maximum(self.sizes, 1.0)[:, None]

    @cached_property
    def spread(self) -> tuple[Floats, Floats]:
        """Share of each bin among finite values, and of those to its left."""
        below = self.beside[:, BELOW_ALL, None]
        rows = np.maximum(self.sizes[:, None] - below - self.beside[:, ABOVE_ALL, None], 1.0)
        before = np.zeros_like(self.reached)
        before[:, 1:] = (self.reached[:, :-1] - below) / rows
        return self.finite / rows, before

    @cached_property
    def beyond(self) -> Floats:
        """Of every bin its share among finite values times the way from its mean to its right end."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.spread[0] * (self.bins.numbers.ends[1] - self.means)

    @cached_property
    def wide(self) -> Floats:
        """The distribution function at points within the bins that are wide (`Bins.wide`)."""
        with np.errstate(over="ignore", invalid="ignore"):
            return _read(self, *self.bins.wide)

    @cached_property
    def extremes(self) -> tuple[Integers, Integers, Floats, Floats]:
        """The first and last finite value of the features where such lies within an inner bin, so that the edges do not
        tell all: feature, bin, value, and the share of values before the first or up to the last.
        """
        values = np.stack([self.lowest, self.highest], axis=1)
        filled = self.finite > 0
        place = np.stack([filled.argmax(axis=1), WIDTH - 1 - filled[:, ::-1].argmax(axis=1)], axis=1)
        row, end = np.nonzero((place > 0) & (place < self.bins.sizes[:, None] - 1))
        at, beside = place[row, end], self.beside[row] / np.maximum(self.sizes[row], 1.0)[:, None]
        left, right, found = self.bins.edges[row, at - 1], self.bins.edges[row, at], values[row, end]
        share = np.where(end == 0, beside[:, BELOW_ALL], 1.0 - beside[:, ABOVE_ALL])
        kept = (np.nextafter(left, np.inf) < found) & (found < right)
        return row[kept], at[kept], found[kept], share[kept]


def sample_of(state: State, bins: Bins) -> Sample:
    """The numeric part of a state, ready for comparison."""
    columns = len(bins.sizes)
    finite = state.counts[bins.histogram_at].reshape(columns, WIDTH).astype(np.float64)
    beside = state.counts[bins.beside_at].reshape(columns, 3)
    counts = finite
    if beside[:, 1:].any():
        counts = finite.copy()
        counts[:, 0] += beside[:, BELOW_ALL]
        counts[np.arange(columns), bins.sizes - 1] += beside[:, ABOVE_ALL]
    means = bin_means(state, bins, finite)
    has_any = state.lowest <= state.highest
    lowest, highest = np.where(has_any, state.lowest, -np.inf), np.where(has_any, state.highest, np.inf)
    inside = np.minimum(np.maximum(means, lowest[:, None]), highest[:, None])
    reached = np.cumsum(counts, axis=1)
    return Sample(bins, counts, reached, finite, beside, reached[:, -1], inside, state.lowest, state.highest)


def bin_means(state: State, bins: Bins, finite: Floats) -> Floats:
    """The mean of every bin: from the kept sums at both ends, elsewhere the reference's."""
    means = bins.means.copy()
    if not len(means):
        return means
    sums = value(state.high.reshape(-1, 2 * OUTER), state.low.reshape(-1, 2 * OUTER), bins.numbers.unit[:, None])
    where = np.maximum(bins.numbers.outer, 0)  # a column has its outer sums side by side, whatever its bins
    rows = np.arange(len(means))[:, None]
    row, slot = np.nonzero((bins.numbers.outer >= 0) & (finite[rows, where] > 0))
    column = where[row, slot]
    means[row, column] = bins.numbers.pivot[row] + sums[row, slot] / finite[row, column]
    return means


def grouped(reached: Floats, ends: Ends) -> Floats:
    """Counts [features, groups] from counts added up from the left and the last bin of every group."""
    found = reached[np.arange(len(reached))[:, None], ends]
    found[:, 1:] -= found[:, :-1].copy()
    return found


def index_of(reference: Floats, current: Floats) -> Floats:
    """Population stability index of shares [features, groups]; groups that are empty on both sides add nothing."""
    p, q = np.maximum(reference, FLOOR), np.maximum(current, FLOOR)
    return np.sum((q - p) * np.log(q / p), axis=-1)


def index_p(index: Floats, n: Floats, m: Floats, groups: Floats) -> Floats:
    """How often an index at least this large appears by chance between samples of n and m rows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = index / (1.0 / n + 1.0 / m)
    return np.where((n > 0) & (m > 0) & (groups > 1), special.chdtrc(np.maximum(groups - 1, 1), scaled), 1.0)


def kolmogorov(reference: Sample, current: Sample, bins: Bins) -> tuple[Floats, Floats, Floats]:
    """Distance at the bin edges and at the ends of either sample, the most that the exact distance can be, and the
    p-value of the former.
    """
    f, g = reference.shares, current.shares
    at_edges = np.abs(f - g).max(axis=1, initial=0.0)
    # Between two edges both functions rise: they cannot be further apart than one's end from the other's begin.
    inside = np.maximum(np.abs(f[:, 1:] - g[:, :-1]), np.abs(f[:, :-1] - g[:, 1:]))
    first = np.maximum(f[:, 0], g[:, 0])
    bound = np.where(bins.atoms[:, 1:], 0.0, inside).max(axis=1, initial=0.0)
    bound = np.minimum(np.maximum(np.maximum(bound, np.where(bins.atoms[:, 0], 0.0, first)), at_edges), 1.0)
    with np.errstate(over="ignore", invalid="ignore"):
        between = _apart_between(reference, current)
    distance = np.minimum(np.maximum(at_edges, between), bound)
    return distance, bound, kolmogorov_p(distance, reference.sizes, current.sizes)


def _apart_between(reference: Sample, current: Sample) -> Floats:
    """The largest difference of the distribution functions between the edges, where it can be told: just before the
    first finite value of a sample and at its last, and within the reference's first and last bin where they are wider
    than its standard deviation.
    """
    apart = np.zeros(len(reference.sizes))
    for one, other in ((reference, current), (current, reference)):
        row, place, values, shares = one.extremes
        if len(row):
            np.maximum.at(apart, row, np.abs(_read(other, row, place, values[:, None])[:, 0] - shares))
    row, _, _ = reference.bins.wide
    if len(row):
        np.maximum.at(apart, row, np.abs(reference.wide - current.wide).max(axis=1))
    return apart


def _read(one: Sample, row: Integers, place: Integers, values: Floats) -> Floats:
    """The distribution function [bins, values] at values within some bins, each the bin `place` of the feature `row`: a
    bin's part of it is taken as t**a of the bin's width, with the one `a` that gives the bin's mean.
    """
    left, right = (end[row, place] for end in one.bins.numbers.ends)
    width = np.maximum(right - left, np.finfo(np.float64).tiny)
    middle = np.minimum(np.maximum((one.means[row, place] - left) / width, 0.02), 0.98)
    middle = np.where(np.isnan(middle), 0.5, middle)
    part = np.minimum(np.maximum((values - left[:, None]) / width[:, None], 0.0), 1.0)
    part **= (middle / (1.0 - middle))[:, None]
    share = one.counts[row, place] / np.maximum(one.sizes[row], 1.0)
    said: Floats = one.shares[row, place][:, None] - share[:, None] * (1.0 - part)
    return said


def kolmogorov_p(distance: Floats, n: Floats, m: Floats) -> Floats:
    """Two-sided p-value of the two-sample distance, by the limit distribution."""
    return special.kolmogorov(np.sqrt(n * m / np.maximum(n + m, 1.0)) * distance)


def wasserstein(reference: Sample, current: Sample, bins: Bins) -> Floats:
    """Sum over the bins of the absolute integral of the difference of the distribution functions, over finite values.

    Within a bin (l, r] with mass p and mean m below it F: the integral of the distribution function is F(l)(r - l) +
    p(r - m). This is exact unless the two functions cross inside a bin.
    """
    (p, f), (q, g) = reference.spread, current.spread
    left, right = bins.numbers.ends
    with np.errstate(over="ignore", invalid="ignore"):
        inner = (f - g) * (right - left) + reference.beyond - current.beyond
        last = np.arange(len(bins.sizes)), bins.sizes - 1
        begin = left[last]
        inner[last] = p[last] * (reference.means[last] - begin) - q[last] * (current.means[last] - begin)
        moved = np.abs(inner).sum(axis=1)
    return np.where(np.isnan(moved), np.inf, moved)


def divergence(reference: Floats, current: Floats) -> Floats:
    """Jensen-Shannon distance (base 2) of shares [..., groups]."""
    middle = (reference + current) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = special.rel_entr(reference, middle) + special.rel_entr(current, middle)
    return np.sqrt(np.maximum(terms.sum(axis=-1) / (2 * np.log(2.0)), 0.0))


def hellinger(reference: Floats, current: Floats) -> Floats:
    """Hellinger distance of shares [..., groups]."""
    overlap = np.sqrt(reference * current).sum(axis=-1)
    return np.sqrt(np.clip(1.0 - overlap, 0.0, 1.0))


def parts_of(counts: Floats) -> Floats:
    """Counts [..., groups] as shares of their sum; none of nothing."""
    return counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1.0)


def chi_squared(reference: Floats, current: Floats) -> tuple[Floats, Integers, Floats]:
    """Statistic, degrees of freedom and p-value of every feature's counts [features, cells] in two samples.

    Cells expected fewer than POOLED times in the smaller sample are joined, the rarest first, until together they are
    expected so often. Cells that are empty on both sides do not count.
    """
    n, m = reference.sum(axis=1), current.sum(axis=1)
    rows, total = np.maximum(n + m, 1.0), reference + current
    expected, real = total * (np.minimum(n, m) / rows)[:, None], total > 0
    joined = real & (expected < POOLED)
    # Any other cell is expected often enough by itself: one more fills a pool that is too small.
    short = np.flatnonzero(joined.any(axis=1) & ((expected * joined).sum(axis=1) < POOLED))
    if len(short):
        next_rare = np.where(real & ~joined, expected, np.inf)[short].argmin(axis=1)
        joined[short, next_rare] = True
    kept = real & ~joined
    # Both samples of a cell lie off by the same, so their two terms are one.
    off = reference - total * (n / rows)[:, None]
    pooled, pool = (off * joined).sum(axis=1), (total * joined).sum(axis=1)
    terms = np.divide(off * off, total, out=np.zeros_like(off), where=kept).sum(axis=1)
    terms += np.divide(pooled * pooled, pool, out=np.zeros_like(pool), where=pool > 0)
    freedom = np.maximum(np.count_nonzero(kept, axis=1) + (pool > 0) - 1, 0)
    says = (freedom > 0) & (np.minimum(n, m) > 0)
    statistic = np.where(says, terms * rows * rows / np.maximum(n * m, 1.0), 0.0)
    freedom = np.where(says, freedom, 0)
    return statistic, freedom, np.where(says, special.chdtrc(np.maximum(freedom, 1), statistic), 1.0)


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
    limit = np.where(np.minimum(n, m) * 10 <= np.maximum(n, m), FEW, RARE)
    found = 2 * special.ndtr(-np.abs(z))
    is_plain = (total == 0) | (total == n + m) | (n == 0) | (m == 0)
    few = (expected < limit) & ~is_plain
    found[few] = _binomial_p(now[few], cases[few], (m / rows)[few])
    return np.where(is_plain, 1.0, np.clip(found, 0.0, 1.0))


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


def group_counts(one: Sample, bins: Bins, which: int) -> Floats:
    """Counts [features, groups] for the ten (COARSE) or thirty (FINE) groups."""
    return grouped(one.reached, bins.groups(which))
