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
from apps.core.tenancy import current, tenant  # noqa: E402
from apps.monitoring import held  # noqa: E402
from apps.monitoring.engine import baseline as baselines  # noqa: E402
from apps.monitoring.engine import bins, reduce, state  # noqa: E402
from apps.monitoring.engine.check import compare  # noqa: E402
from apps.monitoring.engine.policy import Limits  # noqa: E402
from benchmarks import environments, filling  # noqa: E402

HELD, FROM_ROWS = "24 stored states, a worker that has the baseline", "rows against the stored baseline"
WANTED = {(HELD, "Evidently"): 5_000, (HELD, "NannyML"): 700, (FROM_ROWS, "Evidently"): 300}
HOURS = 24
HOUR = dt.timedelta(hours=1)
UNSUPERVISED = bins.Outputs(bins.UNSUPERVISED, (), "_prediction", "_score", "_label")


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
        pq.write_table(reference, before, compression="zstd")
        pq.write_table(now, after, compression="zstd")
        ours = own(reference, now, after, given.rounds)
        peers = {
            "Evidently": environments.run("evidently", "evidently_drift.py", before, after, given.rounds),
            "NannyML": environments.run("nannyml", "nannyml_drift.py", before, after, given.rounds),
        }
        scans = environments.run("polars", "polars_read.py", after, given.rounds * 3)["read"]
    _print(given.rows, ours, {name: statistics.median(one["check"]) for name, one in peers.items()})
    read = " and ".join(f"{name} {one['read'][0]:.2f} s" for name, one in peers.items())
    print(f"\nTheirs without reading their rows, which costs {read} more; ours with reading what is stored.")
    scan, states = statistics.median(scans), ours["Parquet to states"]
    print(f"\n{'':38}{'CPU s':>10}{'rows/s':>14}{'wanted':>22}")
    print(f"{'Polars merely reads the file':38}{scan:10.4f}{given.rows / scan:14,.0f}")
    share = f"{scan / states:9.0%} of 50 % of that"
    print(f"{'Parquet to finished states':38}{states:10.4f}{given.rows / states:14,.0f}{share:>22}")


def own(reference: pa.Table, now: pa.Table, path: Path, rounds: int) -> dict[str, float]:
    """Medians of CPU seconds: a check from stored states, from rows, from rows on both sides; reducing."""
    columns = baselines.columns_of(reference, UNSUPERVISED)
    known = baselines.build(reference, columns, UNSUPERVISED)
    hours = np.sort(np.random.default_rng(3).integers(0, HOURS, now.num_rows))
    stored = [(hour, one.encode()) for hour, one in reduce.reduce_groups(now, known.bins, hours)]

    def from_rows() -> bytes:
        return compare(known.bins, known.reference, reduce.reduce_all(now, known.bins), Limits()).encoded

    def from_both() -> bytes:
        fresh = baselines.build(reference, columns, UNSUPERVISED)
        return compare(fresh.bins, fresh.reference, reduce.reduce_all(now, fresh.bins), Limits()).encoded

    def to_states() -> list[bytes]:
        table = pq.read_table(path, use_threads=False, read_dictionary=[f"c{number}" for number in range(10)])
        return [one.encode() for _, one in reduce.reduce_groups(table, known.bins, hours)]

    with filling.database():
        check = _stored_check(known, stored)
        return {
            HELD: _cpu(check, rounds * 40),
            "the same, of a baseline it has not met": _cpu(lambda: [held._held.clear(), check()], rounds * 40),
            FROM_ROWS: _cpu(from_rows, rounds * 3),
            "rows on both sides": _cpu(from_both, rounds),
            "Parquet to states": _cpu(to_states, rounds * 3),
        }


def _stored_check(known: baselines.Baseline, stored: list[tuple[int, bytes]]) -> Callable[[], bytes]:
    """A baseline and 24 hours in the database, and the check that reads them."""
    from django.db.models import QuerySet

    from apps.deployments.models import Endpoint, Environment
    from apps.models.models import ModelVersion
    from apps.monitoring.models import Baseline, State

    big, _ = filling.fill(2, 10)
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    with tenant(big.pk):
        version = ModelVersion.objects.select_related("model__project", "registered_by").first()
        person = version.registered_by
        place = Environment.objects.first() or Environment(key="production", name="Production", order=1)
        endpoint = Endpoint(key="bench", model=version.model, environment=place, created_by=person)
        reference = Baseline(
            version=version, number=1, source="training", sha256=known.sha256, bins=known.bins.fingerprint.hex(),
            data=known.encode(), rows=known.reference.rows, columns=50, has_labels=False, created_by=person,
        )  # fmt: skip
        states = [
            State(
                endpoint=endpoint, baseline=reference, kind="predictions", start_at=start + hour * HOUR,
                end_at=start + (hour + 1) * HOUR, last_at=start, rows=1, data=data,
            )
            for hour, data in stored
        ]  # fmt: skip
        for row in (place, endpoint, reference, *states):
            row.organization_id = current()
        if place._state.adding:
            QuerySet(Environment).bulk_create([place])
        QuerySet(Endpoint).bulk_create([endpoint])
        QuerySet(Baseline).bulk_create([reference])
        QuerySet(State).bulk_create(states)

    def check() -> bytes:
        with tenant(big.pk):
            one = held.baseline(reference.pk)
            found = State.objects.filter(endpoint=endpoint, baseline=reference.pk, kind="predictions", segment="")
            day = found.within(start, start + HOURS * HOUR)
            blobs = [blob for (blob,) in binary.values(day, "data")]
        return compare(one.bins, one.side, state.total(blobs, one.bins.shape), Limits()).encoded

    return check


def _cpu(call: Callable[[], Any], rounds: int) -> float:
    call()
    seconds = []
    for _ in range(rounds):
        began = time.process_time()
        call()
        seconds.append(time.process_time() - began)
    return statistics.median(seconds)


def _print(count: int, ours: dict[str, float], peers: dict[str, float]) -> None:
    print(f"\nA drift check of 50 columns, {count:,} + {count:,} rows, JSON included\n")
    heads = "".join(f"{f'{name} /':>13}{'wanted':>8}" for name in peers)
    print(f"{'':58}{'CPU s':>10}{heads}")
    for name, seconds in peers.items():
        print(f"{name:58}{seconds:10.4f}")
    for name, seconds in ours.items():
        if name != "Parquet to states":
            ratios = "".join(f"{peer / seconds:12,.0f}x{WANTED.get((name, one), ''):>8}" for one, peer in peers.items())
            print(f"{'Tenure: ' + name:58}{seconds:10.4f}{ratios}")


if __name__ == "__main__":
    main()
