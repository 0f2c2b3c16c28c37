"""What is counted once the truth about predictions is known: an additive state per hour of the *prediction*.

 Classifiers count (predicted label, true label, score bin) for two labels, and (predicted, right or wrong, score bin)
beside the confusion matrix for more; regressions count residuals and keep exact sums. Each also counts how long the
truth took.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from apps.monitoring.engine.bins import BINARY, MULTICLASS, PREDICTION, REGRESSION, SCORES, Bins, Numeric
from apps.monitoring.engine.edges import WIDTH
from apps.monitoring.engine.exact import Floats, Integers, carry, quantise, unit_for
from apps.monitoring.engine.reduce import label_codes, numeric_values, score_bins
from apps.monitoring.engine.state import Shape, State, empty

DELAY = "_delay_hours"
DELAYS = 24  # classes of delay: up to 1 hour, 2, 4, 8 and so on, the last for everything longer and for no known delay
BRIER, BRIER_SQUARED = 0, 1
ERROR, ABSOLUTE, SQUARED, FOURTH, TRUTH, TRUTH_SQUARED = range(6)


@dataclass(frozen=True)
class OutcomeBins:
    """How labelled predictions of a model are counted, and where each number lies."""

    bins: Bins

    @cached_property
    def fingerprint(self) -> bytes:
        """Names this layout: the bins it belongs to and its own form."""
        text = json.dumps(["outcomes", 1, self.bins.fingerprint.hex(), self.task, DELAYS])
        return hashlib.sha256(text.encode()).digest()

    @property
    def task(self) -> str:
        """The model's task."""
        return self.bins.outputs.task

    @property
    def labels(self) -> tuple[str, ...]:
        """A classifier's labels."""
        return self.bins.outputs.labels

    @cached_property
    def joint_at(self) -> slice:
        """Predicted by true label (two labels) or by right and wrong (more), by score bin; residual bins for a
        regression.
        """
        size = len(self.labels) * 2 * SCORES if self.task != REGRESSION else WIDTH
        return slice(0, size)

    @cached_property
    def confusion_at(self) -> slice:
        """Predicted by true label where the joint counts do not give it."""
        start = self.joint_at.stop
        return slice(start, start + (len(self.labels) ** 2 if self.task == MULTICLASS else 0))

    @cached_property
    def delay_at(self) -> slice:
        """Classes of delay."""
        return slice(self.confusion_at.stop, self.confusion_at.stop + DELAYS)

    @cached_property
    def units(self) -> Floats:
        """The unit of every exact sum."""
        if self.task == BINARY:
            return np.array([unit_for(1.0)] * 2)
        if self.task != REGRESSION:
            return np.empty(0)
        scale = self.scale
        return np.array([unit_for(size) for size in (scale, scale, scale**2, scale**4, scale, scale**2)])

    @cached_property
    def scale(self) -> float:
        """A regression's usual size of error, taken from the spread of its reference predictions; 1 where there is
        none.
        """
        column = self.prediction_column
        found = min(column.sd, 2.0**100) if column is not None else 0.0
        return found or 1.0

    @cached_property
    def centre(self) -> float:
        """What true values are measured from, so that their squares stay exact: the middle of the reference
        predictions.
        """
        column = self.prediction_column
        return column.pivot if column is not None else 0.0

    @cached_property
    def prediction_column(self) -> Numeric | None:
        """The bins of a regression's prediction."""
        return next((column for column in self.bins.numeric if column.role == PREDICTION), None)

    @cached_property
    def residual_edges(self) -> Floats:
        """Edges of the residual bins: fine around zero, wide far out, to 64 times the spread of the predictions."""
        return self.scale * np.sinh(np.linspace(-np.arcsinh(64.0), np.arcsinh(64.0), WIDTH - 1))

    @cached_property
    def shape(self) -> Shape:
        """How many numbers a state has."""
        return Shape(self.fingerprint, self.delay_at.stop, len(self.units), 0)


def bins_for(bins: Bins) -> OutcomeBins:
    """How labelled predictions are counted for a model with these bins."""
    return OutcomeBins(bins)


def reduce_all(table: pa.Table, layout: OutcomeBins) -> State:
    """The state of all labelled rows of the table; rows without a usable label or prediction are not counted."""
    found = [state for _, state in reduce_groups(table, layout, np.zeros(table.num_rows, dtype=np.int64))]
    return found[0] if found else empty(layout.shape)


def reduce_groups(table: pa.Table, layout: OutcomeBins, groups: Integers) -> Iterator[tuple[int, State]]:
    """For every value of `groups` (one per row: the prediction's hour) that value and the state of its rows, in
    rising order.
    """
    cells, confusion, sums = (_regression if layout.task == REGRESSION else _classes)(table, layout)
    delays = delay_classes(numeric_values(table, DELAY))
    usable = cells >= 0
    for name in np.unique(groups[usable]):
        mine = usable & (groups == name)
        counts = np.zeros(layout.shape.counts, dtype=np.int64)
        counts[layout.joint_at] = np.bincount(cells[mine], minlength=layout.joint_at.stop)
        if layout.task == MULTICLASS:
            counts[layout.confusion_at] = np.bincount(confusion[mine], minlength=len(layout.labels) ** 2)
        counts[layout.delay_at] = np.bincount(delays[mine], minlength=DELAYS)
        halves = [quantise(values[mine], unit) for values, unit in zip(sums, layout.units, strict=True)]
        high, low = (np.array([half[which].sum() for half in halves], dtype=np.int64) for which in (0, 1))
        nothing = np.empty(0)
        yield int(name), State(layout.fingerprint, int(mine.sum()), counts, *carry(high, low), nothing, nothing)


def delay_classes(hours: Floats) -> Integers:
    """The class of each delay: 0 up to an hour, then one for each doubling; the last also for a delay nobody knows."""
    known = np.isfinite(hours)
    doublings = np.ceil(np.log2(np.maximum(np.where(known, hours, 1.0), 1.0))).astype(np.int64)
    return np.where(known, np.minimum(doublings, DELAYS - 1), DELAYS - 1)


def _classes(table: pa.Table, layout: OutcomeBins) -> tuple[Integers, Integers, list[Floats]]:
    outputs, labels = layout.bins.outputs, len(layout.labels)
    predicted = label_codes(table, outputs.prediction, outputs.labels)
    true = label_codes(table, outputs.label, outputs.labels)
    usable = (predicted >= 0) & (true >= 0)
    second = true if layout.task == BINARY else (predicted == true).astype(np.int64)
    cells = np.where(usable, (predicted * 2 + second) * SCORES + score_bins(table, layout.bins), -1)
    if layout.task != BINARY:
        return cells, predicted * labels + true, []
    scores = numeric_values(table, outputs.score)
    missed = np.where(np.isfinite(scores), scores - true, 0.0)
    return cells, predicted * labels + true, [missed**2, missed**4]


def _regression(table: pa.Table, layout: OutcomeBins) -> tuple[Integers, Integers, list[Floats]]:
    outputs = layout.bins.outputs
    predicted, true = numeric_values(table, outputs.prediction), numeric_values(table, outputs.label)
    usable = np.isfinite(predicted) & np.isfinite(true)
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.where(usable, predicted - true, 0.0)
        shifted = np.where(usable, true - layout.centre, 0.0)
        cells = np.where(usable, np.searchsorted(layout.residual_edges, error, side="left"), -1)
        sums = [error, np.abs(error), error**2, error**4, shifted, shifted**2]
    return cells, cells, sums
