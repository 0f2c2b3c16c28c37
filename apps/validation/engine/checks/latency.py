"""Is it fast enough? Time of one row and of a batch in the runtime that serves it, in the child that validates."""

from __future__ import annotations

import time
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


CHECKS = (SingleRow, Batch, Cold, Size)
