"""Is it fast enough? Time of one row and of a batch in the runtime that serves it, in the child that validates."""

from __future__ import annotations

import ctypes
import gc
import resource
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from apps.validation.engine.arrays import Floats
from apps.validation.engine.base import (
    TIERS,
    CannotRun,
    Check,
    Family,
    Limits,
    Measured,
    Need,
    NothingToAsk,
    Parameter,
    Sense,
    Table,
    table,
)
from apps.validation.engine.case import Case, Rows, ask
from apps.validation.engine.intervals import bootstrap_quantile

WARM_UP = 10


def timed(case: Case, batches: list[Rows]) -> Floats:
    """Milliseconds of each batch after a warm-up, shape (batches,)."""
    for rows in batches[:WARM_UP]:
        ask(case.model, rows)
    spent = []
    for rows in batches:
        start = time.perf_counter()
        ask(case.model, rows)
        spent.append((time.perf_counter() - start) * 1000)
    return np.array(spent)


def summary(spent: Floats) -> Table:
    """The usual quantiles."""
    rows = [
        {"figure": f"{share:.0%} of calls within", "value": float(np.quantile(spent, share))}
        for share in (0.5, 0.95, 0.99)
    ]
    rows += [{"figure": "mean", "value": float(spent.mean())}, {"figure": "slowest", "value": float(spent.max())}]
    return table("Time of a call", rows, figure=("figure", "text"), value=("milliseconds", "ms"))


class SingleRow(Check):
    """The time of one row."""

    key = "lat.single"
    blind = True
    family = Family.LATENCY
    title = "One row"
    question = "How long does one row take?"
    metric = "time within which 95 % of single rows are answered"
    unit = "ms"
    reusable = False
    source = "own; in the runtime that serves, without network"
    sense = Sense.AT_MOST
    tiers = TIERS
    limits = {"low": Limits(None, 50.0), "limited": Limits(100.0, 10.0), "high": Limits(50.0, 10.0)}
    parameters = {"calls": Parameter(200, "Rows asked one by one.", 20, 10_000)}

    def measure(self, case: Case, calls: int = 200, **settings: Any) -> Measured:
        """The 95th percentile over single rows drawn from the test rows."""
        if not len(case.test):
            raise CannotRun("There are no rows to ask about.")
        places = np.random.default_rng(case.seed).integers(0, len(case.test), calls)
        spent = timed(case, [case.test.take(np.array([place])) for place in places])
        value = float(np.quantile(spent, 0.95))
        middle = float(np.median(spent))
        sentence = f"95 % of single rows are answered within {value:.2f} ms, half of them within {middle:.2f} ms."
        return Measured(
            value, sentence, bootstrap_quantile(spent, 0.95, case.seed), tables=[summary(spent)], rows_used=calls
        )


class Batch(Check):
    """The time of a batch."""

    key = "lat.batch"
    blind = True
    family = Family.LATENCY
    title = "A batch"
    question = "How long does a batch take?"
    metric = "time within which 95 % of batches are answered"
    unit = "ms"
    reusable = False
    source = "own; in the runtime that serves, without network"
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 1000.0), "limited": Limits(2000.0, 500.0), "high": Limits(1000.0, 250.0)}
    parameters = {
        "rows": Parameter(1000, "Rows in a batch.", 10, 100_000),
        "calls": Parameter(20, "Batches asked.", 5, 1_000),
    }

    def measure(self, case: Case, rows: int = 1000, calls: int = 20, **settings: Any) -> Measured:
        """The 95th percentile over batches drawn from the test rows."""
        if not len(case.test):
            raise CannotRun("There are no rows to ask about.")
        random = np.random.default_rng(case.seed)
        spent = timed(case, [case.test.take(random.integers(0, len(case.test), rows)) for _ in range(calls)])
        value = float(np.quantile(spent, 0.95))
        middle = float(np.median(spent))
        sentence = f"A batch of {rows:,} rows takes {middle:.1f} ms: {rows / middle * 1000:,.0f} rows a second."
        return Measured(
            value, sentence, bootstrap_quantile(spent, 0.95, case.seed), tables=[summary(spent)], rows_used=rows
        )


class Cold(Check):
    """The time until the first answer."""

    key = "lat.cold"
    blind = True
    family = Family.LATENCY
    title = "From a cold start"
    question = "How long does it take from the closed file to the first answer?"
    metric = "time to open the model and answer one row, median of three"
    unit = "ms"
    reusable = False
    source = "own; in the runtime that serves"
    sense = Sense.AT_MOST
    limits = {"low": Limits(None, 10_000.0), "limited": Limits(30_000.0, 3_000.0), "high": Limits(30_000.0, 3_000.0)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """The median of three openings."""
        reopened = getattr(case.model, "reopened", None)
        if reopened is None:
            raise CannotRun("The model is not opened from a file.")
        one = case.test.take(np.array([0]))
        spent = []
        for _ in range(3):
            fresh, start = reopened(), time.perf_counter()
            ask(fresh, one)
            spent.append((time.perf_counter() - start) * 1000)
        value = float(np.median(spent))
        return Measured(value, f"The first answer comes {value:.0f} ms after the file is opened.", rows_used=1)


class Size(Check):
    """How much room it takes."""

    key = "lat.size"
    blind = True
    family = Family.LATENCY
    title = "Size of the file"
    question = "Is the file small enough to be loaded wherever it has to serve?"
    metric = "size of the artifact in megabytes"
    unit = "number"
    source = "own"
    sense = Sense.AT_MOST
    needs = frozenset({Need.ARTIFACT})
    limits = {"low": Limits(None, 500.0), "limited": Limits(1_000.0, 250.0), "high": Limits(1_000.0, 250.0)}

    def measure(self, case: Case, **settings: Any) -> Measured:
        """Bytes by a million."""
        if case.artifact is None:
            raise CannotRun(case.why_absent(Need.ARTIFACT))
        value = case.artifact.path.stat().st_size / 1e6
        return Measured(value, f"The artifact has {value:,.2f} MB.", rows_used=0)


class Memory(Check):
    """How much memory it takes to answer."""

    key = "lat.memory"
    family = Family.LATENCY
    title = "Memory"
    question = "How much memory does the opened model take while it answers a batch?"
    metric = "megabytes by which the process grows at most, from the closed file to the answered batch"
    source = "own; resident memory in the runtime that serves, looked at every 2 ms"
    sense = Sense.AT_MOST
    tiers = TIERS
    reusable = False
    limits = {"low": Limits(None, 2_000.0), "limited": Limits(2_000.0, 500.0), "high": Limits(2_000.0, 500.0)}
    parameters = {"rows": Parameter(1000, "Rows in the batch.", 1, 100_000)}

    def measure(self, case: Case, rows: int = 1000, **settings: Any) -> Measured:
        """The growth of this process; what it had freed before is given back first, so that it is not taken again."""
        reopened = getattr(case.model, "reopened", None)
        if reopened is None:
            raise CannotRun("The model is not opened from a file.")
        batch = case.test.take(np.random.default_rng(case.seed).integers(0, len(case.test), rows))
        give_back()
        before = resident()
        with Highest() as highest:
            fresh = reopened()
            ask(fresh, batch.take(np.array([0])))
            opened = resident()
            ask(fresh, batch)
        value = max(0.0, highest.value - before) / 1e6
        steps = [
            {"figure": "before", "value": before / 1e6},
            {"figure": "opened, one row answered", "value": opened / 1e6},
            {"figure": "at most", "value": highest.value / 1e6},
        ]
        shown = table("Memory of the process", steps, figure=("when", "text"), value="megabytes")
        sentence = f"Opened, and asked for {rows:,} rows at once, it takes {value:,.0f} MB."
        return Measured(value, sentence, tables=[shown], rows_used=rows)


class Highest:
    """The most memory this process holds inside the context, looked at every 2 ms."""

    def __init__(self) -> None:
        self.value, self.ended = 0, threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while True:
            self.value = max(self.value, resident())
            if self.ended.wait(0.002):
                return

    def __enter__(self) -> Highest:
        self.value = resident()
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.value = max(self.value, resident())
        self.ended.set()
        self.thread.join()


def resident() -> int:
    """Bytes of memory that this process holds; CannotRun where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError as error:
        raise CannotRun("This system does not tell how much memory a process holds.") from error


def give_back() -> None:
    """Return freed memory to the system, where the C library can."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


class Objective(Check):
    """Whether it is fast enough for what its endpoints promise."""

    key = "lat.objective"
    family = Family.LATENCY
    title = "The endpoint's objective"
    question = "Does it leave its endpoints enough of the time in which they promise to answer?"
    metric = "time within which 95 % of single rows are answered, as a share of the strictest endpoint's objective"
    unit = "percent"
    source = "own; objectives are the limits for latency of the endpoints' monitors"
    sense = Sense.AT_MOST
    tiers = TIERS
    reusable = False
    needs = frozenset({Need.FACTS})
    limits = {"low": Limits(None, 1.0), "limited": Limits(1.0, 0.5), "high": Limits(1.0, 0.5)}
    parameters = {"calls": Parameter(200, "Rows asked one by one.", 20, 10_000)}

    def measure(self, case: Case, calls: int = 200, **settings: Any) -> Measured:
        """The 95th percentile over single rows, beside each objective."""
        objectives = case.facts.get("objectives") or []
        if not objectives:
            raise NothingToAsk("No endpoint of this model says how fast it has to be.")
        if not len(case.test):
            raise CannotRun("There are no rows to ask about.")
        places = np.random.default_rng(case.seed).integers(0, len(case.test), calls)
        spent = timed(case, [case.test.take(np.array([place])) for place in places])
        took = float(np.quantile(spent, 0.95))
        strictest = min(objectives, key=lambda one: one["ms"])
        value, ends = took / strictest["ms"], bootstrap_quantile(spent, 0.95, case.seed)
        interval = replace(ends, low=ends.low / strictest["ms"], high=ends.high / strictest["ms"]) if ends else None
        rows = [{**one, "share": took / one["ms"]} for one in objectives]
        shown = table(
            "Objectives", rows, endpoint=("endpoint", "text"), ms=("objective", "ms"), share=("taken", "percent")
        )
        sentence = (
            f"95 % of single rows take {took:.2f} ms of the {strictest['ms']:,.0f} ms that {strictest['endpoint']} has."
        )
        return Measured(value, sentence, interval, tables=[shown, summary(spent)], rows_used=calls)


CHECKS = (SingleRow, Batch, Cold, Size, Memory, Objective)
