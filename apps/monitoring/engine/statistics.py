"""How far two states lie apart, feature by feature: vectorised over all features, from counts alone.

 Every function takes arrays [features, ...] and gives arrays [features]. `DEFINITIONS` says in words what each number
is, since thresholds are not portable between tools that use the same name for different things.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from apps.monitoring.engine.bins import ABOVE_ALL, BELOW_ALL, OUTER, Bins, Ends
from apps.monitoring.engine.edges import WIDTH
from apps.monitoring.engine.exact import Floats, Integers, value
from apps.monitoring.engine.state import State

WITHIN = np.array([0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.97, 0.99, 0.997])  # parts of a bin's width
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


@dataclass(frozen=True, slots=True)
class Sample:
    """The numeric part of a state, in floats: counts [features, WIDTH] with infinities in the outer bins and added up
    from the left, rows with a value, and the smallest and largest finite value.
    """

    counts: Floats
    reached: Floats
    finite: Floats
    beside: Integers
    sizes: Floats
    means: Floats
    lowest: Floats
    highest: Floats


def sample_of(state: State, bins: Bins) -> Sample:
    """The numeric part of a state, ready for comparison."""
    columns = len(bins.sizes)
    finite = state.counts[bins.histogram_at].reshape(columns, WIDTH).astype(np.float64)
    beside = state.counts[bins.beside_at].reshape(columns, 3)
    counts = finite.copy()
    rows = np.arange(columns)
    counts[:, 0] += beside[:, 1]
    counts[rows, bins.sizes - 1] += beside[:, 2]
    means = bin_means(state, bins, finite)
    has_any = (state.lowest <= state.highest)[:, None]
    inside = np.where(has_any, np.clip(means, state.lowest[:, None], state.highest[:, None]), means)
    reached = np.cumsum(counts, axis=1)
    return Sample(counts, reached, finite, beside, reached[:, -1], inside, state.lowest, state.highest)


def bin_means(state: State, bins: Bins, finite: Floats) -> Floats:
    """The mean of every bin: from the kept sums at both ends, elsewhere the reference's."""
    means = bins.means.copy()
    if not len(means):
        return means
    units, pivots = bins.numbers.unit[:, None], bins.numbers.pivot
    sums = value(state.high.reshape(-1, 2 * OUTER), state.low.reshape(-1, 2 * OUTER), units)
    where = bins.numbers.outer
    row, slot = np.nonzero(where >= 0)
    column = where[row, slot]
    counted = finite[row, column]
    kept = counted > 0
    row, slot, column, counted = row[kept], slot[kept], column[kept], counted[kept]
    means[row, column] = pivots[row] + sums[row, slot] / counted
    return means


def grouped(reached: Floats, ends: Ends) -> Floats:
    """Counts [features, groups] from counts added up from the left and the last bin of every group."""
    found = reached[np.arange(len(reached))[:, None], ends]
    found[:, 1:] -= found[:, :-1].copy()
    return found


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
    """Distance at the bin edges and at the ends of either sample, the most that the exact distance can be, and the
    p-value of the former.
    """
    f, g = (one.reached / np.maximum(one.sizes, 1.0)[:, None] for one in (reference, current))
    at_edges = np.abs(f - g).max(axis=1, initial=0.0)
    before_f, before_g = (np.concatenate([np.zeros((len(one), 1)), one[:, :-1]], axis=1) for one in (f, g))
    inside = np.maximum(np.abs(f - before_g), np.abs(before_f - g))
    bound = np.minimum(np.maximum(np.where(bins.atoms, 0.0, inside).max(axis=1, initial=0.0), at_edges), 1.0)
    with np.errstate(over="ignore", invalid="ignore"):
        between = _apart_between(reference, current, (f, g), bins)
    distance = np.minimum(np.maximum(at_edges, between), bound)
    return distance, bound, kolmogorov_p(distance, reference.sizes, current.sizes)


def _apart_between(reference: Sample, current: Sample, reached: tuple[Floats, Floats], bins: Bins) -> Floats:
    """The largest difference of the distribution functions (which have `reached` so much at the end of every bin)
    between the edges, where it can be told: just before the first finite value of a sample and at its last, and within
    the reference's first and last bin where they are wider than its standard deviation.
    """
    f, g = reached
    rows, sizes = np.arange(len(bins.sizes))[:, None], bins.sizes[:, None]
    apart = []
    for one, other, whole in ((reference, current, g), (current, reference, f)):
        beside = one.beside / np.maximum(one.sizes, 1.0)[:, None]
        values = np.stack([one.lowest, one.highest], axis=1)
        shares = np.stack([beside[:, BELOW_ALL], 1.0 - beside[:, ABOVE_ALL]], axis=1)
        place = np.minimum((bins.edges[:, None, :] < values[:, :, None]).sum(axis=2), sizes - 1)
        said = _read(other, whole, place, values[:, :, None], bins)[:, :, 0]
        # At an edge, and outside the reference's range, the edges tell all there is.
        left, right = (bins.edges[rows, np.minimum(np.maximum(place - back, 0), WIDTH - 2)] for back in (1, 0))
        is_inner = (place > 0) & (place < sizes - 1) & (np.nextafter(left, np.inf) < values) & (values < right)
        apart.append(np.where(is_inner, np.abs(said - shares), 0.0))
    place = np.concatenate([np.minimum(1, sizes - 1), np.maximum(sizes - 2, 0)], axis=1)
    left, right = (one[rows, place][:, :, None] for one in bins.numbers.ends)
    points = left + (right - left) * WITHIN
    said, told = (_read(one, whole, place, points, bins) for one, whole in ((reference, f), (current, g)))
    is_wide = (right - left)[:, :, 0] > bins.numbers.sd[:, None]
    apart.append(np.where(is_wide, np.abs(said - told).max(axis=2), 0.0))
    return np.concatenate(apart, axis=1).max(axis=1, initial=0.0)


def _read(one: Sample, reached: Floats, place: Integers, values: Floats, bins: Bins) -> Floats:
    """The distribution function [features, bins, values] at values within some bins of each feature [features, bins]: a
    bin's part of it is taken as t**a of the bin's width, with the one `a` that gives the bin's mean.
    """
    rows = np.arange(len(place))[:, None]
    left, right = (end[rows, place] for end in bins.numbers.ends)
    width = np.maximum(right - left, np.finfo(np.float64).tiny)
    middle = np.minimum(np.maximum((one.means[rows, place] - left) / width, 0.02), 0.98)
    middle = np.where(np.isnan(middle), 0.5, middle)
    part = np.minimum(np.maximum((values - left[:, :, None]) / width[:, :, None], 0.0), 1.0)
    part **= (middle / (1.0 - middle))[:, :, None]
    share = one.counts[rows, place] / np.maximum(one.sizes, 1.0)[:, None]
    said: Floats = reached[rows, place][:, :, None] - share[:, :, None] * (1.0 - part)
    return said


def kolmogorov_p(distance: Floats, n: Floats, m: Floats) -> Floats:
    """Two-sided p-value of the two-sample distance, by the limit distribution."""
    return special.kolmogorov(np.sqrt(n * m / np.maximum(n + m, 1.0)) * distance)


def wasserstein(reference: Sample, current: Sample, bins: Bins) -> Floats:
    """Sum over the bins of the absolute integral of the difference of the distribution functions, over finite values.

    Within a bin (l, r] with mass p and mean m below it F: the integral of the distribution function is F(l)(r - l) +
    p(r - m). This is exact unless the two functions cross inside a bin.
    """
    (p, f), (q, g) = _finite(reference), _finite(current)
    left, right = bins.numbers.ends
    with np.errstate(over="ignore", invalid="ignore"):
        inner = (f - g) * (right - left) + p * (right - reference.means) - q * (right - current.means)
        last = np.arange(len(bins.sizes)), bins.sizes - 1
        inner[last] = (p * (reference.means - left) - q * (current.means - left))[last]
    return np.nan_to_num(np.abs(inner).sum(axis=1), nan=np.inf)


def _finite(one: Sample) -> tuple[Floats, Floats]:
    """Share of each bin among finite values, and of those to its left."""
    below = one.beside[:, BELOW_ALL, None]
    rows = np.maximum(one.sizes[:, None] - below - one.beside[:, ABOVE_ALL, None], 1.0)
    before = np.zeros_like(one.reached)
    before[:, 1:] = (one.reached[:, :-1] - below) / rows
    return one.finite / rows, before


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


def chi_squared(reference: Floats, current: Floats) -> tuple[Floats, Integers, Floats]:
    """Statistic, degrees of freedom and p-value of every feature's counts [features, cells] in two samples.

    Cells expected fewer than POOLED times in the smaller sample are joined, the rarest first, until together they are
    expected so often. Cells that are empty on both sides do not count.
    """
    n, m = reference.sum(axis=1, keepdims=True), current.sum(axis=1, keepdims=True)
    rows = np.maximum(n + m, 1.0)
    expected = (reference + current) * np.minimum(n, m) / rows
    expected[reference + current == 0] = np.inf
    order = np.argsort(expected, axis=1, kind="stable")
    expected, before, now = (np.take_along_axis(one, order, axis=1) for one in (expected, reference, current))
    is_real = np.isfinite(expected)
    real, rare = is_real.sum(axis=1), (expected < POOLED).sum(axis=1)
    enough = (np.cumsum(np.where(is_real, expected, 0.0), axis=1) < POOLED).sum(axis=1) + 1
    joined = np.where(rare > 0, np.minimum(np.maximum(rare, enough), real), 0)
    is_joined = np.arange(expected.shape[1]) < joined[:, None]
    pools = [np.where(is_joined, one, 0.0).sum(axis=1, keepdims=True) for one in (before, now)]
    cells = [
        np.concatenate([pool, np.where(is_joined, 0.0, one)], axis=1)
        for pool, one in zip(pools, (before, now), strict=True)
    ]
    totals = cells[0] + cells[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = [size * totals / rows for size in (n, m)]
        terms = [(one - mean) ** 2 / mean for one, mean in zip(cells, wanted, strict=True)]
    statistic = np.where(totals > 0, terms[0] + terms[1], 0.0).sum(axis=1)
    freedom = np.maximum((totals > 0).sum(axis=1) - 1, 0)
    says = (freedom > 0) & (np.minimum(n, m)[:, 0] > 0)
    statistic, freedom = np.where(says, statistic, 0.0), np.where(says, freedom, 0)
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
    few = expected < limit
    found[few] = _binomial_p(now[few], cases[few], (m / rows)[few])
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


def group_counts(one: Sample, bins: Bins, which: int) -> Floats:
    """Counts [features, groups] for the ten (COARSE) or thirty (FINE) groups."""
    return grouped(one.reached, bins.groups(which))
