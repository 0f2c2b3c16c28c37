"""The monitoring engine beside its peers, on the same rows, in one run. Nothing here is a test.

    python -m benchmarks.monitoring [--rows 100000] [--rounds 3]

CPU seconds of the process, median of the rounds; the peers run in environments of their own, after one another.
"""

import argparse
import datetime as dt
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
django.setup()

import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

from apps.core import binary  # noqa: E402
from apps.core.tenancy import tenant  # noqa: E402
from apps.monitoring import held, sweeping  # noqa: E402
from apps.monitoring.checking import Due  # noqa: E402
from apps.monitoring.engine import baseline as baselines  # noqa: E402
from apps.monitoring.engine import bins, keeping, reduce, state  # noqa: E402
from apps.monitoring.engine.check import compare  # noqa: E402
from apps.monitoring.engine.policy import Limits  # noqa: E402
from apps.monitoring.models import Baseline, State  # noqa: E402
from apps.monitoring.sweeping import Plan  # noqa: E402
from apps.monitoring.windows import window_at  # noqa: E402
from apps.work import schedules  # noqa: E402
from benchmarks import environments, filling  # noqa: E402

TOGETHER = schedules.TOGETHER["monitoring.run_monitor"]
HELD = f"24 stored states, as one of {TOGETHER} in a sweep"
ALONE, FROM_ROWS = "24 stored states, by itself", "rows against the stored baseline"
WANTED = {(HELD, "Evidently"): 5_000, (HELD, "NannyML"): 700, (FROM_ROWS, "Evidently"): 300}
HOURS = 24
HOUR = dt.timedelta(hours=1)
UNSUPERVISED = bins.Outputs(bins.UNSUPERVISED, (), "_prediction", "_score", "_label")
type Stored = list[tuple[int, int, bytes]]  # hour, rows and bytes of every state


def rows(count: int, seed: int, shift: float = 0.0) -> pa.Table:
    """40 numeric columns in eight shapes and 10 of categories; a third of them have 2 % nulls; five are shifted."""
    rng = np.random.default_rng(seed)
    shapes: list[Callable[[], Any]] = [
        lambda: rng.normal(size=count),
        lambda: rng.lognormal(size=count),
        lambda: rng.exponential(size=count),
        lambda: rng.uniform(size=count),
        lambda: rng.standard_t(3, size=count),
        lambda: np.where(rng.random(count) < 0.6, 0.0, rng.gamma(2, size=count)),
        lambda: rng.poisson(4, size=count).astype(float),
        lambda: np.where(rng.random(count) < 0.5, rng.normal(-2, 1, count), rng.normal(2, 1, count)),
    ]
    columns: dict[str, Any] = {}
    for number in range(40):
        values = shapes[number % len(shapes)]()
        values = values + (shift * values.std() if number < 5 else 0.0)
        missing = rng.random(count) < (0.02 if number % 3 == 0 else 0.0)
        columns[f"n{number}"] = pa.array(values, mask=missing)
    for number in range(10):
        size = [2, 5, 10, 50, 100, 200, 300, 500, 800, 1000][number]
        weights = 1 / np.arange(1, size + 1)
        drawn = rng.choice(size, count, p=weights / weights.sum())
        columns[f"c{number}"] = pa.array([f"k{one}" for one in range(size)]).take(pa.array(drawn))
    return pa.table(columns)


def main() -> None:
    """Measure, and print what it costs beside the peers."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, default=100_000)
    asked.add_argument("--rounds", type=int, default=3)
    given = asked.parse_args()
    reference, now = rows(given.rows, 1), rows(given.rows, 2, shift=0.1)
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "reference.parquet", Path(folder) / "current.parquet"
        for table, path in ((reference, before), (now, after)):
            pq.write_table(table, path, **keeping.written(table))
        plain = Path(folder) / "plain.parquet"
        pq.write_table(now, plain, **keeping.written(now, plain=True))
        known = baselines.build(reference, baselines.columns_of(reference, UNSUPERVISED), UNSUPERVISED)
        states = reduce.reduce_groups(now, known.bins, hours_of(now))
        stored = [(hour, one.rows, one.encode()) for hour, one in states]
        ours = own(reference, now, known, stored, given.rounds)
        peers = {
            "Evidently": environments.run("evidently", "evidently_drift.py", before, after, given.rounds),
            "NannyML": environments.run("nannyml", "nannyml_drift.py", before, after, given.rounds),
        }
        try:
            peers["whylogs"] = environments.run("whylogs", "whylogs_drift.py", before, after, HOURS, given.rounds)
        except environments.NotHere as error:
            print(f"Without whylogs: {error}")
        scans, plainly, counted = (statistics.median(some) for some in counting(now, after, plain, given.rounds))
    _print(given.rows, ours, {name: statistics.median(one["check"]) for name, one in peers.items()})
    read = ", ".join(f"{name} {one['read'][0]:.2f} s" for name, one in peers.items())
    print(f"\nTheirs without reading their rows, which costs {read} more; ours with reading what is stored.")
    fitted = statistics.median(peers["NannyML"]["fitted"])
    print(f"NannyML that was fitted to the reference before: {fitted:.2f} s, {fitted / ours[HELD]:,.0f} times as much.")
    if "whylogs" in peers:
        kept = statistics.median(peers["whylogs"]["stored"])
        print(f"whylogs from the profiles it keeps: {kept:.2f} s, {kept / ours[ALONE]:,.0f} times one check by itself.")
        here = sum(len(blob) for _, _, blob in stored)
        print(f"Its 24 hours take {peers['whylogs']['bytes'] / 1e6:,.1f} MB, ours {here / 1e6:,.1f} MB.")
    print(f"\n{'':38}{'CPU s':>10}{'rows/s':>14}{'wanted':>22}")
    print(f"{'Polars merely reads the file':38}{scans:10.4f}{given.rows / scans:14,.0f}")
    print(f"{'the same, of the rows written plainly':38}{plainly:10.4f}{given.rows / plainly:14,.0f}")
    share = f"{scans / counted:.0%} and {plainly / counted:.0%} of 50 %"
    print(f"{'Parquet to finished states':38}{counted:10.4f}{given.rows / counted:14,.0f}{share:>22}")


def own(reference: pa.Table, now: pa.Table, known: baselines.Baseline, stored: Stored, rounds: int) -> dict[str, float]:
    """Medians of CPU seconds: a check from stored states, from rows, and from rows on both sides."""
    columns = baselines.columns_of(reference, UNSUPERVISED)

    def from_rows() -> bytes:
        return compare(known.bins, known.reference, reduce.reduce_all(now, known.bins), Limits()).encoded

    def from_both() -> bytes:
        fresh = baselines.build(reference, columns, UNSUPERVISED)
        return compare(fresh.bins, fresh.reference, reduce.reduce_all(now, fresh.bins), Limits()).encoded

    with filling.database():
        swept, alone = _stored_checks(known, stored)
        return {
            HELD: _cpu(swept, rounds * 4) / TOGETHER,
            ALONE: _cpu(alone, rounds * 40),
            "the same, of a baseline it has not met": _cpu(lambda: [held._held.clear(), alone()], rounds * 40),
            FROM_ROWS: _cpu(from_rows, rounds * 3),
            "rows on both sides": _cpu(from_both, rounds),
        }


def hours_of(now: pa.Table) -> Any:
    """The hour of each row, in order."""
    return np.sort(np.random.default_rng(3).integers(0, HOURS, now.num_rows))


def _stored_checks(known: baselines.Baseline, stored: Stored) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Baselines and 24 hours each in the database, and the checks that read them: as many models as a sweep takes
    together, and one by itself.
    """
    big, _ = filling.fill(2, TOGETHER)
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    with tenant(big.pk):
        monitors = filling.watch(TOGETHER, known, stored, start, "day")
        references = dict(Baseline.objects.values_list("version__model_id", "pk"))
    day, rows = window_at(start, "day"), sum(size for _, size, _ in stored)
    plans = [Plan(one, Limits(), [Due(day, len(stored), rows, references[one.endpoint.model_id])]) for one in monitors]

    def swept(some: list[Plan]) -> list[Any]:
        with tenant(big.pk):
            return sweeping.check(some)

    def alone() -> bytes:
        with tenant(big.pk):
            one = held.baseline(plans[0].windows[0].baseline_id)
            found = State.objects.filter(endpoint=monitors[0].endpoint, kind="predictions", segment="")
            blobs = [blob for (blob,) in binary.values(found.within(day.start, day.end), "data")]
        return compare(one.bins, one.side, state.total(blobs, one.bins.shape), Limits()).encoded

    assert all(len(found) == 1 and found[0].features for _, found in swept(plans)), "A check found nothing."
    return lambda: swept(plans), alone


def counting(now: pa.Table, path: Path, plain: Path, rounds: int) -> tuple[list[float], list[float], list[float]]:
    """CPU seconds, by turns, of Polars that reads a file as batches are kept, and the same rows without
    BYTE_STREAM_SPLIT, which is faster for it; and of the file as kept to finished states.
    """
    known = baselines.build(now, baselines.columns_of(now, UNSUPERVISED), UNSUPERVISED)
    hours = hours_of(now)

    def to_states() -> list[bytes]:
        with keeping.opened(path) as file:
            table = file.read_row_group(0, use_threads=False)
        return [one.encode() for _, one in reduce.reduce_groups(table, known.bins, hours)]

    scans, plainly, ours = [], [], []
    for _ in range(rounds):
        scans += environments.run("polars", "polars_read.py", path, 9)["read"][1:]
        plainly += environments.run("polars", "polars_read.py", plain, 9)["read"][1:]
        ours += _seconds(to_states, 8)
    return scans, plainly, ours


def _cpu(call: Callable[[], Any], rounds: int) -> float:
    return statistics.median(_seconds(call, rounds))


def _seconds(call: Callable[[], Any], rounds: int) -> list[float]:
    call()
    seconds = []
    for _ in range(rounds):
        began = time.process_time()
        call()
        seconds.append(time.process_time() - began)
    return seconds


def _print(count: int, ours: dict[str, float], peers: dict[str, float]) -> None:
    print(f"\nA drift check of 50 columns, {count:,} + {count:,} rows, JSON included\n")
    heads = "".join(f"{f'{name} /':>13}{'wanted':>8}" for name in peers)
    print(f"{'':58}{'CPU s':>10}{heads}")
    for name, seconds in peers.items():
        print(f"{name:58}{seconds:10.4f}")
    for name, seconds in ours.items():
        ratios = "".join(f"{peer / seconds:12,.0f}x{WANTED.get((name, one), ''):>8}" for one, peer in peers.items())
        print(f"{'Tenure: ' + name:58}{seconds:10.4f}{ratios}")


if __name__ == "__main__":
    main()
