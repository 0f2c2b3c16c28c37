"""The reference of a model version: its bins, and what the reference rows look like in them. Immutable and named by
its hash.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import pyarrow as pa

from apps.monitoring.engine import bins as binning
from apps.monitoring.engine import codec, outcomes
from apps.monitoring.engine.bins import (
    COARSE,
    FINE,
    INPUT,
    MOST_LABELS,
    OUTER,
    PREDICTION,
    REGRESSION,
    SCORE,
    SHOWN,
    UNSUPERVISED,
    Bins,
    Categorical,
    Numeric,
    Outputs,
)
from apps.monitoring.engine.check import Side, side_of
from apps.monitoring.engine.edges import categories_of, edges_of, group_cuts, shown_cuts
from apps.monitoring.engine.exact import Floats, unit_for
from apps.monitoring.engine.outcomes import OutcomeBins
from apps.monitoring.engine.reduce import category_codes, kind_of, numeric_values, reduce_all
from apps.monitoring.engine.state import State, unpack

MAGIC = b"TNB2"
FORMAT = 2


class Unfit(ValueError):
    """No baseline can be made of these rows; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Column:
    """One input of the model: "numeric" or "category"."""

    name: str
    kind: str


@dataclass(frozen=True)
class Baseline:
    """Bins, the state of the reference rows, and the state of their outcomes where the reference knows them."""

    bins: Bins
    reference: State
    outcomes: State | None

    @cached_property
    def packed(self) -> bytes:
        """The baseline as bytes, the same for the same baseline."""
        known = self.outcomes.packed if self.outcomes else b""
        parts = {"bins": self.bins.packed, "reference": self.reference.packed, "outcomes": known}
        return codec.pack(
            {"format": FORMAT, "fingerprint": self.bins.fingerprint.hex()},
            {name: np.frombuffer(part, dtype=np.uint8) for name, part in parts.items()},
        )

    @cached_property
    def side(self) -> Side:
        """The reference rows, ready for comparing."""
        return side_of(self.bins, self.reference)

    @property
    def sha256(self) -> str:
        """The hash that names this baseline."""
        return hashlib.sha256(self.packed).hexdigest()

    @cached_property
    def outcome_bins(self) -> OutcomeBins:
        """How labelled predictions are counted."""
        return outcomes.bins_for(self.bins)

    def encode(self) -> bytes:
        """The baseline as compressed bytes."""
        return codec.compress(self.packed, MAGIC)


def decode_baseline(blob: bytes) -> Baseline:
    """A baseline from its bytes; `codec.Damaged` when they were cut off or changed."""
    header, arrays = codec.unpack(codec.decompress(blob, MAGIC))
    if header.get("format") != FORMAT:
        raise codec.Damaged("This baseline was written by another version.")
    known = arrays["outcomes"].data
    bins = binning.unpack(arrays["bins"].data, bytes.fromhex(header["fingerprint"]))
    return Baseline(bins, unpack(arrays["reference"].data), unpack(known) if len(known) else None)


def build(table: pa.Table, columns: Sequence[Column], outputs: Outputs, scored: pa.Table | None = None) -> Baseline:
    """A baseline from reference rows: the model's inputs, and its score, prediction and the true label.

    What the model says about rows it was trained on flatters it: `scored` then holds the rows kept back from training,
    with score, prediction and label, and `table` those of the inputs. Without it all come from `table`, where there.
    Raises Unfit when there is no row, a column is missing, or there are too many labels.
    """
    said = table if scored is None else scored
    _check_fit(table, columns, outputs)
    numeric = [numeric_bins(table, one.name, INPUT) for one in columns if one.kind == "numeric"]
    categorical = [category_cells(table, one.name, INPUT) for one in columns if one.kind != "numeric"]
    if outputs.score in said.column_names:
        numeric.append(numeric_bins(said, outputs.score, SCORE))
    if outputs.prediction in said.column_names:
        if outputs.task in (REGRESSION, UNSUPERVISED):
            numeric.append(numeric_bins(said, outputs.prediction, PREDICTION))
        else:
            categorical.append(category_cells(said, outputs.prediction, PREDICTION))
    bins = Bins.of(numeric, categorical, outputs)
    reference = reduce_all(table, bins) if scored is None else _stitched(bins, table, scored)
    has_labels = outputs.label in said.column_names and outputs.task != UNSUPERVISED
    return Baseline(bins, reference, outcomes.reduce_all(said, outcomes.bins_for(bins)) if has_labels else None)


def _stitched(bins: Bins, table: pa.Table, scored: pa.Table) -> State:
    """The state of `table` with score and prediction as they are in `scored`."""
    inputs, said = reduce_all(table, bins), reduce_all(scored, bins)
    counts, high, low = inputs.counts.copy(), inputs.high.copy(), inputs.low.copy()
    lowest, highest = inputs.lowest.copy(), inputs.highest.copy()
    for place, column in enumerate(bins.numeric):
        if column.role != INPUT:
            for where in bins.counts_of_numeric(place):
                counts[where] = said.counts[where]
            across = slice(place * 2 * OUTER, (place + 1) * 2 * OUTER)
            high[across], low[across] = said.high[across], said.low[across]
            lowest[place], highest[place] = said.lowest[place], said.highest[place]
    for counted, where in zip(bins.categorical, bins.category_at, strict=True):
        if counted.role != INPUT:
            counts[where] = said.counts[where]
    counts[bins.joint_at] = said.counts[bins.joint_at]
    return State(bins.fingerprint, inputs.rows, counts, high, low, lowest, highest)


def _check_fit(table: pa.Table, columns: Sequence[Column], outputs: Outputs) -> None:
    if table.num_rows == 0:
        raise Unfit("The reference has no rows; a baseline needs some, and a few thousand to be worth comparing with.")
    there = set(table.column_names)
    missing = [one.name for one in columns if one.name not in there]
    if missing:
        raise Unfit(f"The reference lacks the columns {', '.join(missing)}.")
    reserved = {one.name for one in columns} & {outputs.prediction, outputs.score, outputs.label}
    if reserved:
        raise Unfit(f"{', '.join(sorted(reserved))} is both an input and an output; rename one of them.")
    if len(outputs.labels) > MOST_LABELS:
        raise Unfit(f"The model has {len(outputs.labels)} labels; up to {MOST_LABELS} can be monitored by label.")


def numeric_bins(table: pa.Table, name: str, role: str) -> Numeric:
    """Bins of a numeric column from its reference values."""
    values = numeric_values(table, name)
    ordered = np.sort(values[np.isfinite(values)])
    edges = edges_of(ordered)
    pivot = float(ordered[len(ordered) // 2]) if len(ordered) else 0.0
    with np.errstate(over="ignore"):
        reach = max(pivot - ordered[0], ordered[-1] - pivot) if len(ordered) else 1.0
    places = np.concatenate([[0], np.searchsorted(ordered, edges.values, side="right"), [len(ordered)]])
    means = np.array([_mean(ordered[a:b]) for a, b in pairwise(places)])
    empty = np.flatnonzero(np.diff(places)[1:-1] == 0) + 1
    means[empty] = edges.values[empty - 1] / 2 + edges.values[empty] / 2  # what appears there lies anywhere between
    cuts = group_cuts(ordered, edges, COARSE), group_cuts(ordered, edges, FINE), shown_cuts(ordered, edges, SHOWN)
    return Numeric(name, role, edges, *cuts, means, _mean(ordered), _sd(ordered), pivot, unit_for(float(reach)))


def _mean(values: Floats) -> float:
    """The mean, without running over for the largest floats; 0 for no values."""
    return float(np.mean(values / len(values)) * len(values)) if len(values) else 0.0


def _sd(values: Floats) -> float:
    """The standard deviation (n - 1); 0 for a constant or where it is beyond what a float holds."""
    if len(values) < 2 or values[0] == values[-1]:
        return 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        found = float(np.std(values, ddof=1))
    return found if np.isfinite(found) else 0.0


def category_cells(table: pa.Table, name: str, role: str) -> Categorical:
    """Cells of a column of categories from its reference values."""
    codes, names = category_codes(table, name)
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    return Categorical(
        name, role, categories_of({one: int(count) for one, count in zip(names, counts, strict=True) if count})
    )


def columns_of(table: pa.Table, outputs: Outputs) -> list[Column]:
    """The inputs of a table by the kind of their columns; underscored columns are not inputs."""
    skip = {outputs.prediction, outputs.score, outputs.label}
    names = [name for name in table.column_names if name not in skip and not name.startswith("_")]
    return [Column(name, kind_of(table.schema.field(name).type)) for name in names]
