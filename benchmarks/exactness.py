"""How exact the monitoring engine is: beside SciPy, NumPy and NannyML on the same rows, in one run. Nothing here is a
test.

    python -m benchmarks.exactness [--rows 100000] [--without-nannyml]

For every statistic the largest difference over all columns and changes, and where it lies. The exit status is 1 when
one is larger than it may be. NannyML runs in an environment of its own.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
django.setup()

import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from scipy import special, stats  # noqa: E402
from scipy.spatial import distance  # noqa: E402

from apps.monitoring.engine import bins, performance, reduce, statistics  # noqa: E402
from apps.monitoring.engine.baseline import Baseline, Column, build  # noqa: E402
from apps.monitoring.engine.check import compare  # noqa: E402
from apps.monitoring.engine.policy import Limits  # noqa: E402
from benchmarks import environments  # noqa: E402

# The largest differences that are allowed. Chi-squared is relative: the statistic itself has no bounds.
ALLOWED = {
    "KS": 0.002,
    "KS, any case": 0.006,  # a bin, with the ties in it
    "KS beyond its bound": 1e-12,
    "PSI": 0.0005,
    "Wasserstein/sd": 0.005,
    "Jensen-Shannon": 1e-6,
    "Hellinger": 1e-6,
    "chi-squared (relative)": 1e-9,
    "L-infinity": 1e-9,
    "estimated accuracy": 0.002,
    "estimated F1": 0.002,
    "estimated AUC": 0.002,
}
UNSUPERVISED = bins.Outputs(bins.UNSUPERVISED)
YES_NO = bins.Outputs(bins.BINARY, ("0", "1"))
SIZES = (200, 20_000, 100_000)  # rows of the window; the reference has as many as asked for
APART = 0.9  # distance from which two samples hardly overlap: what is left of one lies within a bin of the other
FULL = 20_000  # rows from which a window is judged by the narrow limits: of fewer, a bin holds one or none


@dataclass
class Worst:
    """The largest difference of one statistic, and the case it was found in."""

    apart: float = 0.0
    case: str = "-"

    def see(self, apart: float, case: str) -> None:
        """Keep it when it is larger, or no number at all."""
        if not apart <= self.apart:
            self.apart, self.case = apart, case


Found = dict[str, Worst]


def shapes(rng: np.random.Generator, count: int) -> dict[str, Any]:
    """Columns of measured numbers as they occur: smooth, heavy-tailed, with atoms and ties."""
    normal = rng.normal(size=count)
    return {
        "normal": normal,
        "lognormal": rng.lognormal(0, 1, count),
        "lognormal, wide": rng.lognormal(0, 2, count),
        "exponential": rng.exponential(1, count),
        "uniform": rng.uniform(0, 1, count),
        "Student t3": rng.standard_t(3, count),
        "Pareto": rng.pareto(2.5, count),
        "bimodal": rng.normal(np.where(rng.uniform(size=count) < 0.5, -3, 3), 1),
        "zero-inflated": np.where(rng.uniform(size=count) < 0.6, 0.0, rng.gamma(2, 1, count)),
        "two atoms": np.where(rng.uniform(size=count) < 0.3, rng.choice([-1.0, 2.0], count), normal),
        "atom in the tail": np.where(rng.uniform(size=count) < 0.02, 9.0, normal),
        "rounded to hundredths": np.round(normal * 4, 2),
        "beyond 2**53": 2.0**60 + rng.integers(0, 2**40, count),
    }


def counted(rng: np.random.Generator, count: int) -> dict[str, Any]:
    """Columns of whole numbers, few values, and one value."""
    return {
        "rounded to tenths": np.round(rng.normal(0, 4, count), 1),
        "prices": np.floor(rng.lognormal(3, 1, count)) + 0.99,
        "Poisson 0.2": rng.poisson(0.2, count),
        "Poisson 4": rng.poisson(4, count),
        "Poisson 4000": rng.poisson(4_000, count),
        "two values": rng.integers(0, 2, count),
        "200 values": rng.integers(0, 200, count),
        "300 values": rng.integers(0, 300, count),
        "constant": np.full(count, 7.0),
    }


Change = Callable[[Any], Any]
BOTH: dict[str, Change] = {
    "the same": lambda x: x,
    "every tenth missing": lambda x: np.where(np.arange(len(x)) % 10 == 0, np.nan, x.astype(float)),
    "its larger half twice": lambda x: np.concatenate([x, x[x >= np.median(x)]])[: len(x)],
    "a thousand times": lambda x: x * 1_000.0,
    "infinite here and there": lambda x: np.where(np.arange(len(x)) % 50 == 0, np.inf, x.astype(float)),
}
MOVED: dict[str, Change] = {
    **BOTH,
    "shifted by 0.02 sd": lambda x: x + 0.02 * x.std(),
    "shifted by 0.1 sd": lambda x: x + 0.1 * x.std(),
    "shifted by 0.5 sd": lambda x: x + 0.5 * x.std(),
    "shifted by 5 sd": lambda x: x + 5 * x.std(),
    "wider by a half": lambda x: x.mean() + 1.5 * (x - x.mean()),
    "narrower by a half": lambda x: x.mean() + 0.5 * (x - x.mean()),
    "in inches": lambda x: x / 2.54,
    "mirrored": lambda x: -x,
}
COUNTED: dict[str, Change] = {
    **BOTH,
    "one more": lambda x: x + 1,
    "ten more": lambda x: x + 10,
    "at most the mean": lambda x: np.minimum(x, np.floor(x.mean())),
}
# What no bins can tell to the last digit: values between those that a column of few values had, new ties inside bins.
# The groups still say so exactly; of the distance the bound holds.
STRANGE: dict[str, Change] = {
    "a little more": lambda x: x + 0.02 * x.std(),
    "squeezed": lambda x: x.mean() + 0.5 * (x - x.mean()),
    "rounded": np.rint,
}


def main() -> None:
    """Compare everything, print the largest difference of each statistic, and fail when one is too large."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, default=100_000)
    asked.add_argument("--without-nannyml", action="store_true")
    given = asked.parse_args()
    found: Found = {name: Worst() for name in ALLOWED}
    numbers = compare_numbers(given.rows, found)
    words = compare_categories(given.rows, found)
    print(f"{numbers:,} pairs of columns of numbers and {words} of categories, reference {given.rows:,} rows,")
    print(f"windows of {', '.join(f'{size:,}' for size in SIZES)} rows\n")
    if not given.without_nannyml:
        compare_estimates(given.rows, found)
    sys.exit(_print(found, skip="estimated" if given.without_nannyml else "-"))


def compare_numbers(count: int, found: Found, sizes: Sequence[int] = SIZES, only: Collection[str] = ()) -> int:
    """Every shape against every change of it, or `only` some; how many pairs that was."""
    pairs = 0
    for make, every in ((shapes, MOVED), (counted, COUNTED), (shapes, STRANGE), (counted, STRANGE)):
        changes = {said: change for said, change in every.items() if not only or said in only}
        known = make(np.random.default_rng(1), count)
        baseline = build(pa.table(known), [Column(name, "numeric") for name in known], UNSUPERVISED)
        for size in sizes:
            fresh = make(np.random.default_rng(2), size)
            for said, change in changes.items():
                now = {name: change(values) for name, values in fresh.items()}
                state = reduce.reduce_all(pa.table({name: pa.array(one) for name, one in now.items()}), baseline.bins)
                for one in compare(baseline.bins, baseline.reference, state, Limits()).features:
                    name = one["feature"]
                    case = f"{name}, {said}, {size:,} rows"
                    is_full = size >= FULL and every is not STRANGE
                    _compare_number(known[name], now[name], one, case, found, is_full)
                    pairs += 1
    return pairs


def _compare_number(reference: Any, current: Any, one: dict[str, Any], case: str, found: Found, is_full: bool) -> None:
    before, now = (np.asarray(side, dtype=float) for side in (reference, current))
    now = now[~np.isnan(now)]
    exact = stats.ks_2samp(before, now, method="asymp").statistic
    found["KS" if is_full and exact < APART else "KS, any case"].see(abs(one["ks"] - exact), case)
    found["KS beyond its bound"].see(exact - one["ks_bound"], case)
    coarse, fine = exact_groups(before, now, 10), exact_groups(before, now, 30)
    found["PSI"].see(abs(one["psi"] - exact_index(*coarse)), case)
    found["Jensen-Shannon"].see(abs(one["js"] - distance.jensenshannon(*fine, base=2)), case)
    p, q = fine
    found["Hellinger"].see(abs(one["hellinger"] - np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / np.sqrt(2)), case)
    if is_full and before.std():
        moved = stats.wasserstein_distance(before, now[np.isfinite(now)]) / before.std(ddof=1)
        # Of a distance of a thousand standard deviations five thousandths are more digits than anybody wants.
        found["Wasserstein/sd"].see(abs(one["w1_over_sd"] - moved) / max(1.0, moved), case)


def exact_groups(reference: Any, current: Any, groups: int) -> tuple[Any, Any]:
    """Shares of both by the reference's quantiles, each value that spans two of them apart, from the rows."""
    cuts = np.quantile(reference, np.arange(groups + 1) / groups, method="inverted_cdf")
    apart = np.unique(cuts[1:][cuts[1:] == cuts[:-1]])
    inner = np.unique(np.concatenate([cuts[1:-1], apart, np.nextafter(apart, -np.inf)]))
    sides = [np.bincount(np.searchsorted(inner, one), minlength=len(inner) + 1) for one in (reference, current)]
    return sides[0] / len(reference), sides[1] / len(current)


def exact_index(p: Any, q: Any) -> float:
    """The population stability index of two rows of shares, empty ones counted as the engine's floor."""
    p, q = np.maximum(p, statistics.FLOOR), np.maximum(q, statistics.FLOOR)
    return float(((q - p) * np.log(q / p)).sum())


def compare_categories(count: int, found: Found) -> int:
    """Categories of two to two hundred names, the same, of other shares, and with names that are new."""
    pairs = 0
    for many, tilt in [(2, 0.0), (2, 0.3), (8, 0.0), (8, 0.5), (40, 0.1), (200, 0.2)]:
        rng = np.random.default_rng(many)
        names = np.array([f"k{number}" for number in range(many)])
        weights = np.arange(many, 0, -1) ** 0.5
        moved = weights * np.exp(tilt * rng.normal(size=many))
        before, now = (rng.choice(names, size, p=one / one.sum()) for size, one in ((count, weights), (20_000, moved)))
        baseline = build(pa.table({"c": before}), [Column("c", "category")], UNSUPERVISED)
        state = reduce.reduce_all(pa.table({"c": now}), baseline.bins)
        one = compare(baseline.bins, baseline.reference, state, Limits()).features[0]
        table = np.array([[np.count_nonzero(side == name) for name in names] for side in (before, now)])
        wanted = stats.chi2_contingency(table, correction=False).statistic
        p, q = table / table.sum(axis=1, keepdims=True)
        case = f"{many} categories, tilt {tilt}"
        found["chi-squared (relative)"].see(abs(one["chi2"] - wanted) / wanted, case)
        found["L-infinity"].see(abs(one["l_infinity"] - np.abs(p - q).max()), case)
        found["PSI"].see(abs(one["psi"] - exact_index(p, q)), case)
        found["Jensen-Shannon"].see(abs(one["js"] - distance.jensenshannon(p, q, base=2)), case)
        found["Hellinger"].see(abs(one["hellinger"] - np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / np.sqrt(2)), case)
        pairs += 1
    return pairs


def scored_cases(count: int) -> Iterator[tuple[str, pa.Table, pa.Table]]:
    """Classifiers whose scores are calibrated, too sure, too timid, coarse, or of rare cases; a window moved by half a
    standard deviation.
    """
    distort: dict[str, tuple[float, Callable[[Any], Any]]] = {
        "calibrated": (0.0, lambda logit: logit),
        "too sure": (0.0, lambda logit: 2.0 * logit),
        "too timid": (0.0, lambda logit: 0.5 * logit),
        "of a hundred levels": (0.0, lambda logit: special.logit(np.clip(special.expit(logit).round(2), 0.005, 0.995))),
        "of a rare case": (-3.0, lambda logit: logit),
    }
    for number, (name, (centre, bend)) in enumerate(distort.items()):
        rng = np.random.default_rng(number)
        sides = []
        for size, shift in ((count, 0.0), (20_000, 0.5)):
            logit = rng.normal(centre + shift, 1.5, size)
            true = (rng.uniform(size=size) < special.expit(logit)).astype(int)
            score = special.expit(bend(logit))
            sides.append(pa.table({"score": score, "said": (score >= 0.5).astype(int), "true": true}))
        yield name, *sides


def compare_estimates(count: int, found: Found) -> None:
    """Accuracy, F1 and AUC estimated without labels, beside NannyML's confidence-based estimates."""
    ours: dict[str, float] = {}
    sides: tuple[list[pa.Table], list[pa.Table]] = ([], [])
    for name, before, now in scored_cases(count):
        baseline = build(_as_counted(before), [], YES_NO)
        for metric, value in estimates(baseline, now).items():
            ours[f"{name} {metric}"] = value
        for side, table in zip(sides, (before, now), strict=True):
            side.append(table.append_column("case", pa.array([name] * table.num_rows)))
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("reference.parquet", "current.parquet")]
        for path, tables in zip(paths, sides, strict=True):
            pq.write_table(pa.concat_tables(tables), path)
        theirs = environments.run("nannyml", "nannyml_estimates.py", *paths)
    said = {"accuracy": "estimated accuracy", "f1": "estimated F1", "auc": "estimated AUC"}
    for case, values in theirs.items():
        metric = case.rsplit(" ", 1)[1]
        found[said[metric]].see(abs(ours[case] - values[0]), f"a score {case.rsplit(' ', 1)[0]}")


def _as_counted(table: pa.Table) -> pa.Table:
    """The columns under the names that the engine counts them by."""
    words = [table.column(name).cast(pa.string()) for name in ("said", "true")]
    return pa.table({"_score": table.column("score"), "_prediction": words[0], "_label": words[1]})


def estimates(baseline: Baseline, table: pa.Table) -> dict[str, float]:
    """The engine's estimates from the state of the rows."""
    state = reduce.reduce_all(_as_counted(table).drop_columns(["_label"]), baseline.bins)
    known = performance.estimate(baseline, state)
    return {name: known[name].value for name in ("accuracy", "f1", "auc")}


def _print(found: Found, skip: str) -> int:
    """The table; 1 when a difference is larger than allowed, else 0."""
    print(f"{'':24}{'largest error':>15}{'allowed':>12}   holds   where")
    failed = 0
    for name, limit in ALLOWED.items():
        if name.startswith(skip):
            continue
        holds = found[name].apart <= limit
        failed |= not holds
        print(f"{name:24}{found[name].apart:15.2e}{limit:12g}   {'yes' if holds else 'NO':5}   {found[name].case}")
    return int(failed)


if __name__ == "__main__":
    main()
