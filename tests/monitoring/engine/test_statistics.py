"""Statistics from bins against the same from rows: SciPy and plain arithmetic are the judges."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from apps.monitoring.engine import statistics
from apps.monitoring.engine.edges import just_below, quantile_values
from apps.monitoring.engine.reduce import numeric_values, reduce_all
from tests.monitoring.engine.rows import baseline_of, shapes


def compared(reference: pa.Table, current: pa.Table):
    """Baseline, both samples, and both columns of finite values by name."""
    baseline = baseline_of(reference)
    samples = [
        statistics.sample_of(state, baseline.bins) for state in (baseline.reference, reduce_all(current, baseline.bins))
    ]
    rows = {
        column.name: [numeric_values(table, column.name) for table in (reference, current)]
        for column in baseline.bins.numeric
    }
    return baseline.bins, *samples, {name: [one[np.isfinite(one)] for one in pair] for name, pair in rows.items()}


def exact_counts(reference, current, groups):
    """Counts of both by the reference's quantiles, atoms apart, from the rows themselves."""
    quantiles = quantile_values(np.sort(reference), groups)
    repeated = np.unique(quantiles[1:][quantiles[1:] == quantiles[:-1]])
    distinct = np.unique(reference)
    beneath = just_below(repeated)
    if len(distinct) <= 240:
        where = np.searchsorted(distinct, repeated)
        beneath = np.where(where > 0, distinct[where - 1], beneath)
    cuts = np.unique(np.concatenate([quantiles[1:-1], repeated, beneath]))
    return [
        np.bincount(np.searchsorted(cuts, one), minlength=len(cuts) + 1).astype(float) for one in (reference, current)
    ]


def stability_index(reference, current):
    p, q = (np.maximum(one / one.sum(), statistics.FLOOR) for one in (reference, current))
    return float(sum((b - a) * np.log(b / a) for a, b in zip(p, q, strict=True)))


@pytest.mark.parametrize("shift", [0.0, 0.02, 0.1, 0.5, 5.0])
def test_numeric_statistics_equal_those_from_rows(shift):
    rng = np.random.default_rng(int(shift * 100))
    bins, before, now, rows = compared(shapes(rng, 50_000), shapes(rng, 20_000, shift))
    distance, bound, _ = statistics.kolmogorov(before, now, bins)
    moved = statistics.wasserstein(before, now, bins)
    coarse, fine = (before.coarse_parts, now.coarse_parts), (before.fine_parts, now.fine_parts)
    index, js = statistics.index_of(*coarse), statistics.divergence(*fine)
    hellinger = statistics.hellinger(*fine)
    for place, column in enumerate(bins.numeric):
        reference, current = rows[column.name]
        exact = stats.ks_2samp(reference, current, method="asymp").statistic
        assert distance[place] == pytest.approx(exact, abs=0.002)
        assert exact <= bound[place] + 1e-12
        assert distance[place] <= bound[place]
        from_rows = stats.wasserstein_distance(reference, current) / reference.std(ddof=1)
        assert moved[place] / column.sd == pytest.approx(from_rows, abs=0.005)
        counts = exact_counts(reference, current, 10)
        assert index[place] == pytest.approx(stability_index(*counts), abs=0.0005)
        p, q = (one / one.sum() for one in exact_counts(reference, current, 30))
        middle = (p + q) / 2
        from_rows = np.sqrt((stats.entropy(p, middle, base=2) + stats.entropy(q, middle, base=2)) / 2)
        assert js[place] == pytest.approx(from_rows, abs=1e-6)
        assert hellinger[place] == pytest.approx(np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / np.sqrt(2), abs=1e-6)


def test_kolmogorov_p_is_that_of_the_limit_distribution():
    n, m = np.array([1_000.0, 200.0]), np.array([300.0, 100_000.0])
    found = statistics.kolmogorov_p(np.array([0.09, 0.1]), n, m)
    wanted = [stats.kstwobign.sf(d * np.sqrt(a * b / (a + b))) for d, a, b in zip([0.09, 0.1], n, m, strict=True)]
    assert found == pytest.approx(wanted)


@pytest.mark.parametrize("change", [lambda x: x * 1_000, lambda x: -x, lambda x: x + 50])
def test_wasserstein_of_a_unit_error_is_exact_from_the_overflow_bin(change):
    values = np.random.default_rng(4).normal(10, 2, 20_000)
    bins, before, now, rows = compared(pa.table({"x": values}), pa.table({"x": change(values)}))
    assert statistics.wasserstein(before, now, bins)[0] == pytest.approx(
        stats.wasserstein_distance(*rows["x"]), rel=1e-5
    )
    assert statistics.kolmogorov(before, now, bins)[0][0] == pytest.approx(1.0)


def test_statistics_of_a_constant_see_every_other_value():
    bins, before, now, _ = compared(pa.table({"x": [7.0] * 100}), pa.table({"x": [7.0] * 50 + [8.0] * 50}))
    assert statistics.kolmogorov(before, now, bins)[0][0] == 0.5
    assert statistics.index_of(before.coarse_parts, now.coarse_parts)[0] > 1


def test_statistics_of_infinities_are_finite():
    inner = [1.0, 2.0, 3.0, 4.0]
    bins, before, now, _ = compared(
        pa.table({"x": inner * 10}), pa.table({"x": [*inner, np.inf, -np.inf, np.nan, np.nan]})
    )
    assert np.isfinite(statistics.wasserstein(before, now, bins)[0])


def chi_squared(before, now):
    """Of one feature: statistic, degrees of freedom and p-value."""
    return [one[0] for one in statistics.chi_squared(np.array([before], float), np.array([now], float))]


def test_chi_squared_equals_scipy_where_every_cell_is_expected():
    before, now = [500, 300, 200], [90, 80, 30]
    wanted = stats.chi2_contingency(np.array([before, now]), correction=False)
    assert chi_squared(before, now) == pytest.approx([wanted.statistic, wanted.dof, wanted.pvalue])


def test_chi_squared_joins_the_rarest_until_they_are_expected_often_enough():
    before, now = [4_000, 30, 20, 10, 0, 900], [380, 1, 6, 0, 0, 110]
    joined = [[4_000, 60, 900], [380, 7, 110]]
    wanted = stats.chi2_contingency(np.array(joined), correction=False)
    assert chi_squared(before, now) == pytest.approx([wanted.statistic, wanted.dof, wanted.pvalue])


def test_chi_squared_of_a_rare_new_category_is_no_alarm():
    before = [5_000, 5_000, 0]
    assert chi_squared(before, [100, 99, 1])[2] > 0.3
    assert chi_squared(before, [0, 0, 0]) == [0.0, 0, 1.0]
    assert chi_squared([10], [20]) == [0.0, 0, 1.0]


@pytest.mark.parametrize(
    ("a", "n", "b", "m"),
    [(0, 100_000, 3, 200), (50, 1_000, 30, 200), (2, 500, 0, 300), (990, 1_000, 180, 200), (1_000, 1_000, 198, 200)],
)
def test_share_p_is_close_to_fishers_exact_test(a, n, b, m):
    found = statistics.share_p(*(np.array([float(one)]) for one in (a, n, b, m)))[0]
    wanted = stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue
    assert found == pytest.approx(wanted, rel=1.2, abs=1e-6)
    assert (found < 0.01) == (wanted < 0.01)


def test_share_p_without_a_case_or_without_rows_says_nothing():
    zero, ten = np.zeros(1), np.full(1, 10.0)
    assert statistics.share_p(zero, ten, zero, ten)[0] == 1.0
    assert statistics.share_p(ten, ten, ten, ten)[0] == 1.0
    assert statistics.share_p(ten, ten, zero, zero)[0] == 1.0


def test_index_p_is_uniform_when_nothing_moves():
    rng = np.random.default_rng(8)
    counts = rng.multinomial(500, [0.1] * 10, size=(2, 400)).astype(float)
    p = statistics.index_p(
        statistics.index_of(*counts / 500.0), np.full(400, 500.0), np.full(400, 500.0), np.full(400, 10.0)
    )
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.035)
