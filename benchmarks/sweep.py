"""A sweep over very many monitored models, in one run with the same windows checked one by one. Nothing here is a test.

    python -m benchmarks.sweep [--monitors 10000] [--each 200]

Every model has a baseline of 50 features, hourly states, and a monitor that has checked all of them but the last. The
sweep goes through the task that the schedule calls, chunk by chunk; beside it so many monitors (`--each`) are checked
by jobs, as somebody who presses "Check now" does. CPU seconds of the process, and its memory at the start, half way and
at the end.
"""

import argparse
import os
import time
from itertools import batched
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
django.setup()

import numpy as np  # noqa: E402
import psutil  # noqa: E402
from django.utils import timezone  # noqa: E402

from apps.core.tenancy import tenant  # noqa: E402
from apps.monitoring import actions  # noqa: E402
from apps.monitoring.engine import baseline as baselines  # noqa: E402
from apps.monitoring.engine import reduce  # noqa: E402
from apps.monitoring.models import Baseline, Check, Monitor  # noqa: E402
from apps.monitoring.tasks import check, run_monitor  # noqa: E402
from apps.organizations.people import system  # noqa: E402
from apps.work.schedules import TOGETHER  # noqa: E402
from benchmarks import filling  # noqa: E402
from benchmarks.monitoring import HOUR, UNSUPERVISED, rows  # noqa: E402

HOURS = 6
ROWS = HOURS * 1_000


def main() -> None:
    """Fill, sweep, and print what it cost."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--monitors", type=int, default=10_000)
    asked.add_argument("--each", type=int, default=200)
    given = asked.parse_args()
    with filling.database():
        big, _ = filling.fill(2, given.monitors + given.each)
        monitors = fill(big, given.monitors + given.each)
        apart, together = monitors[: given.each], monitors[given.each :]
        single = one_by_one(big, apart)
        seconds, memory = swept(big, together)
        with tenant(big.pk):
            assert Check.objects.count() == len(monitors) * HOURS, "A window was not checked, or checked twice."
    per = seconds / len(together)
    print(f"{'':34}{'CPU s':>10}{'ms each':>10}{'ratio':>8}")
    print(f"{f'{len(apart):,} by a job each':34}{single:10.1f}{single / len(apart) * 1000:10.2f}{1:8.1f}")
    print(f"{f'{len(together):,} in a sweep':34}{seconds:10.1f}{per * 1000:10.2f}{single / len(apart) / per:8.1f}")
    print(f"Memory before, in the middle and after: {', '.join(f'{one:,.0f} MB' for one in memory)}")


def fill(big: Any, count: int) -> list[Any]:
    """Endpoints with baseline, states and a monitor that has checked all but the last hour; the monitors' ids."""
    table, now = rows(20_000, 1), rows(ROWS, 2)
    known = baselines.build(table, baselines.columns_of(table, UNSUPERVISED), UNSUPERVISED)
    hours = np.arange(ROWS) * HOURS // ROWS
    stored = [(hour, one.rows, one.encode()) for hour, one in reduce.reduce_groups(now, known.bins, hours)]
    start = timezone.now().replace(minute=0, second=0, microsecond=0) - HOURS * HOUR
    with tenant(big.pk):
        monitors = filling.watch(count, known, stored, start, "hour")
        references = dict(Baseline.objects.values_list("version__model_id", "pk"))
        for some in batched(monitors, 200):
            filling.keep(Check, [
                Check(
                    monitor=monitor, baseline_id=references[monitor.endpoint.model_id], start_at=start + hour * HOUR,
                    end_at=start + (hour + 1) * HOUR, level="quiet", rows=size, changes=1,
                )
                for monitor in some
                for hour, size, _ in stored[:-1]
            ])  # fmt: skip
    return [one.pk for one in monitors]


def swept(big: Any, monitors: list[Any]) -> tuple[float, list[float]]:
    """CPU seconds of the sweep, and the megabytes held before, half way and after."""
    chunks = list(batched(monitors, TOGETHER["monitoring.run_monitor"]))
    run_monitor.run(str(big.pk), *map(str, chunks[0]))
    memory, began = [held()], time.process_time()
    for number, some in enumerate(chunks[1:], start=1):
        run_monitor.run(str(big.pk), *map(str, some))
        if number == len(chunks) // 2:
            memory.append(held())
    seconds = time.process_time() - began
    return seconds * len(monitors) / (len(monitors) - len(chunks[0])), [*memory, held()]


def held() -> float:
    """Megabytes of this process."""
    return float(psutil.Process().memory_info().rss / 1e6)


def one_by_one(big: Any, monitors: list[Any]) -> float:
    """CPU seconds to start and run a job for each."""
    began = time.process_time()
    for key in monitors:
        with tenant(big.pk):
            job = actions.run_now(monitor=Monitor.objects.get(pk=key), by=system())
        check.run(str(big.pk), str(job.pk))
    return time.process_time() - began


if __name__ == "__main__":
    main()
