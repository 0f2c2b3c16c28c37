"""What a planted fault is: a name, the check that must find it, and how it gets into a sound case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from apps.validation.engine.arrays import Array, Columns
from apps.validation.engine.base import Kind, Limits, Result
from apps.validation.engine.case import Case, Model, Rows
from apps.validation.engine.plans import Item, default_item
from apps.validation.engine.registry import registry
from apps.validation.engine.runner import run_item
from tests.validation.faults import worlds


@dataclass(frozen=True)
class Fault:
    """A planted fault. `sound` is the case without it; a path is a folder for those that need a file."""

    name: str
    key: str
    plant: Callable[[Case, Path], Case]
    sound: Callable[[Path], Case]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits | None = None

    def ask(self, case: Case) -> Result:
        """What the check says of a case, by its own line of a plan."""
        return run_item(case, self.item(case.used_as))

    def item(self, kind: Kind) -> Item:
        """The line of the plan, with the thresholds of the limited tier unless the fault brings its own."""
        item = default_item(registry().get(self.key), "limited", kind, self.parameters)
        return item if self.limits is None else replace(item, limits=self.limits)


FAULTS: list[Fault] = []
Plant = Callable[[Case, Path], Case]


def fault(
    name: str,
    key: str,
    kind: str = "binary",
    sound: Callable[[Path], Case] | None = None,
    limits: Limits | None = None,
    **parameters: Any,
) -> Callable[[Plant], Plant]:
    """Put a function that plants a fault on the bench."""

    def keep(plant: Plant) -> Plant:
        FAULTS.append(Fault(name, key, plant, sound or (lambda _: worlds.base(kind)), parameters, limits))
        return plant

    return keep


class Changed:
    """A model whose questions or answers are changed on the way; the label follows the score unless it is given."""

    def __init__(
        self,
        inner: Model,
        answer: Callable[[Array, Columns], Array] | None = None,
        columns: Callable[[Columns], Columns] | None = None,
        label: Callable[[Array, Columns], Array] | None = None,
    ) -> None:
        self.inner, self.answer, self.columns, self.label = inner, answer, columns, label

    def predict(self, columns: Columns) -> Mapping[str, Array]:
        said = dict(self.inner.predict(self.columns(columns) if self.columns else columns))
        if self.answer:
            said["score"] = np.asarray(self.answer(said["score"], columns), dtype=float)
            is_figure = np.issubdtype(np.asarray(said["label"]).dtype, np.floating)
            said["label"] = said["score"] if is_figure else (said["score"] >= 0.5).astype(np.int64)
        if self.label:
            said["label"] = self.label(said["score"], columns)
        return said


def answering(case: Case, answer: Callable[[Array, Columns], Array]) -> Case:
    """The case with other scores."""
    return replace(case, model=Changed(case.model, answer))


def with_truth(case: Case, truth: Array) -> Case:
    """The case with other truth in the test rows."""
    return replace(case, test=replace(case.test, truth=truth))


def with_feature(case: Case, name: str, seen: Array, asked: Array) -> Case:
    """The case with one feature more, which the model takes and leaves aside."""
    return replace(case, train=_added(case.training, name, seen), test=_added(case.test, name, asked))


def _added(rows: Rows, name: str, values: Array) -> Rows:
    return replace(rows.with_column(name, values), features=(*rows.features, name))


def with_column(case: Case, name: str, values: Array) -> Case:
    """The case with one column of the test rows changed."""
    return replace(case, test=case.test.with_column(name, values))


def logit(score: Array) -> Array:
    """Log odds."""
    safe = np.clip(score, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(safe / (1 - safe)))


def noise(columns: Columns, name: str = "income") -> Array:
    """A figure between 0 and 1 that depends on a row as a hash would: the same for the same row, and no pattern."""
    return np.asarray(np.modf(np.abs(np.sin(columns[name].astype(float) * 12.9898) * 43758.5453))[0])
