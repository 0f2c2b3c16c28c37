"""The case before the checks: a model, the rows it is tried on, and what else is known about it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from apps.validation.engine.arrays import Array, Columns, Flags, Floats, Line, Whole, codes, is_missing, is_number
from apps.validation.engine.base import MAX_EVIDENCE_ROWS, NEED_REASONS, CannotRun, Kind, Need
from apps.validation.engine.metrics import Prediction
from apps.validation.engine.reading import RowNames


class Model(Protocol):
    """Whatever answers rows: columns by name in, {"score": ..., "label": ...} out, one entry a row.

    With several classes it may add "probabilities", a row of them for each row asked.
    """

    def predict(self, columns: Columns) -> Mapping[str, Array]:
        """Score and label of each row; a regression model gives its figure as both."""
        ...  # pragma: no cover


@dataclass(frozen=True)
class Rows:
    """Rows by column. `number` is the row's place in its file, so that evidence can point at it.

    `marks` is a number for the whole content of the row, columns that are not read included, where the file is known;
    `names` what the data call their rows, where they say which columns identify one.
    """

    columns: Columns
    features: tuple[str, ...]
    truth: Array
    number: Whole
    time: Array | None = None
    marks: Array | None = None
    names: RowNames | None = None

    def __len__(self) -> int:
        return len(self.number)

    @property
    def inputs(self) -> dict[str, Array]:
        """What the model is given."""
        return {name: self.columns[name] for name in self.features}

    def take(self, index: Array) -> Rows:
        """Some of the rows, by place or by flag."""
        columns = {name: values[index] for name, values in self.columns.items()}
        time = None if self.time is None else self.time[index]
        marks = None if self.marks is None else self.marks[index]
        return replace(
            self, columns=columns, truth=self.truth[index], number=self.number[index], time=time, marks=marks
        )

    def places(self, flags: Flags) -> list[Line]:
        """The flagged rows by their place in the file, as evidence: a limited number."""
        return [{"row": int(number)} for number in self.number[flags][:MAX_EVIDENCE_ROWS]]

    def named(self, lines: Sequence[Mapping[str, Any]]) -> list[Line]:
        """Lines of evidence, each with its row's name as `id` beside its place; as they are where no row has a name."""
        if self.names is None or not lines or not all("row" in line for line in lines):
            return [dict(line) for line in lines]
        names = self.names.of([line["row"] for line in lines])
        return [{"row": line["row"], "id": name, **line} for line, name in zip(lines, names, strict=True)]

    @property
    def named_by(self) -> list[str]:
        """The columns that identify a row, as the data declare them."""
        return [] if self.names is None else list(self.names.values.column_names)

    def sample(self, limit: int | None, seed: int) -> Rows:
        """At most `limit` rows, drawn by the seed and kept in their order."""
        if limit is None or len(self) <= limit:
            return self
        return self.take(np.sort(np.random.default_rng(seed).choice(len(self), limit, replace=False)))

    def with_column(self, name: str, values: Array) -> Rows:
        """The same rows with one column changed."""
        return replace(self, columns={**self.columns, name: values})

    def column(self, name: str) -> Array:
        """A column by name; CannotRun when the data has none of that name."""
        if name not in self.columns:
            raise CannotRun(f"The data has no column {name}.")
        return self.columns[name]

    @property
    def numeric(self) -> tuple[str, ...]:
        """The features that are figures."""
        return tuple(name for name in self.features if is_number(self.columns[name]))


@dataclass(frozen=True)
class Artifact:
    """The model's file as it was registered. `allow` names operators that the tenant lets pass the gate."""

    path: Path
    format: str
    sha256: str
    signature: Mapping[str, Any]
    allow: Sequence[str] = ()


@dataclass
class Case:
    """Everything a check may look at. Predictions over the whole of a set are made once and kept.

    `kind` is what the model answers, `planned_as` what the plan takes it for where that is something else. `reference`
    are rows of the population it is for, `stress` rows that it must still answer well on, `slices` filters by name,
    `roles` the columns that say a row's series, horizon and list. `whole` names the features that hold whole numbers,
    `required` those that a caller may not leave out, `absent` says why something that checks may need is not there.
    """

    kind: Kind
    model: Model
    test: Rows
    train: Rows | None = None
    champion: Model | None = None
    champion_name: str = ""
    artifact: Artifact | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    absent: Mapping[Need, str] = field(default_factory=dict)
    seed: int = 0
    planned_as: Kind | None = None
    reference: Rows | None = None
    stress: Rows | None = None
    slices: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)

    @property
    def used_as(self) -> Kind:
        """What the plan takes the model for."""
        return self.planned_as or self.kind

    @property
    def given(self) -> frozenset[Need]:
        """What of the things that checks may need is there."""
        there = {
            Need.TRAIN: self.train is not None and len(self.train) > 0,
            Need.CHAMPION: self.champion is not None,
            Need.TIME: self.test.time is not None,
            Need.ARTIFACT: self.artifact is not None,
            Need.FACTS: bool(self.facts),
            Need.CONVERSION: bool(self.facts.get("conversion")),
            Need.RECIPE: bool(self.facts.get("training")),
            Need.ORIGINAL: self.has_what_it_learned_from,
            Need.ADVISORIES: "found" in (self.facts.get("dependencies") or {}),
            Need.GROUP: bool(self.roles.get("group")),
            Need.REFERENCE: self.reference is not None and len(self.reference) > 0,
            Need.STRESS: self.stress is not None and len(self.stress) > 0,
            Need.SLICES: bool(self.slices),
        }
        return frozenset(need for need, is_there in there.items() if is_there)

    @property
    def has_what_it_learned_from(self) -> bool:
        """Whether the training rows at hand are the very ones that made the model: the file, and as many as it used."""
        training = self.facts.get("training") or {}
        return bool(training.get("is_whole")) and self.train is not None and len(self.train) == training.get("rows")

    @property
    def seen_in_training(self) -> str:
        """How far the file was from its original when it was converted, as training recorded it; empty without that."""
        proof = self.facts.get("conversion")
        if not proof:
            return ""
        apart, rows, labels = proof["worst_difference"], proof["rows"], proof.get("label_flips", 0)
        return f"When it was trained, scores differed by up to {apart:.2g} on {rows:,} rows, and {labels:,} labels."

    def why_absent(self, need: Need) -> str:
        """Why something is not there, in words."""
        if need is Need.ORIGINAL:
            why = need if self.facts.get("training") else Need.RECIPE
            return f"{NEED_REASONS[why]} {self.seen_in_training}".strip()
        said = (self.facts.get("dependencies") or {}).get("reason") if need is Need.ADVISORIES else None
        return said or self.absent.get(need, NEED_REASONS[need])

    @cached_property
    def said(self) -> Prediction:
        """The model's answers for all test rows."""
        return ask(self.model, self.test)

    @cached_property
    def said_in_training(self) -> Prediction:
        """The model's answers for the rows it was trained on."""
        return ask(self.model, self.training)

    @cached_property
    def said_under_stress(self) -> Prediction:
        """The model's answers for the stress rows."""
        if self.stress is None:
            raise CannotRun(self.why_absent(Need.STRESS))
        return ask(self.model, self.stress)

    def role(self, name: str, rows: Rows | None = None) -> Array | None:
        """The column that plays a role, of the test rows or of others; None where none is named or they lack it."""
        return (rows or self.test).columns.get(self.roles.get(name, ""))

    @cached_property
    def said_by_champion(self) -> Prediction:
        """The champion's answers for all test rows."""
        if self.champion is None:
            raise CannotRun(self.why_absent(Need.CHAMPION))
        return ask(self.champion, self.test, self.test.columns)

    @property
    def training(self) -> Rows:
        """The training rows; CannotRun without them."""
        if self.train is None:
            raise CannotRun(self.why_absent(Need.TRAIN))
        return self.train

    def narrowed(self, limit: int | None) -> Case:
        """The case on at most `limit` test rows, drawn by the seed; answers that are there already are kept."""
        if limit is None or len(self.test) <= limit:
            return self
        index = np.sort(np.random.default_rng(self.seed).choice(len(self.test), limit, replace=False))
        smaller = replace(self, test=self.test.take(index))
        for name in ("said", "said_by_champion"):
            if name in self.__dict__:
                smaller.__dict__[name] = self.__dict__[name].take(index)
        return smaller

    def fact(self, name: str) -> Any:
        """A thing that the records say about the model; CannotRun when they do not say it."""
        if name not in self.facts:
            raise CannotRun(f"The records do not say {name.replace('_', ' ')}.")
        return self.facts[name]


def ask(model: Model, rows: Rows, columns: Columns | None = None) -> Prediction:
    """The model's answers to its features, or to other columns; CannotRun for another number of rows."""
    answer = model.predict(rows.inputs if columns is None else columns)
    score = np.asarray(answer["score"], dtype=float)
    label = np.asarray(answer["label"]) if answer.get("label") is not None else score
    if len(score) != len(rows) or len(label) != len(rows):
        raise CannotRun(f"The model answered {len(score)} rows of {len(rows)}.")
    chances = answer.get("probabilities")
    return Prediction(score, label, None if chances is None else np.asarray(chances, dtype=float))


@dataclass(frozen=True)
class Part:
    """A part of the rows under a name a reader understands."""

    name: str
    rows: Flags

    @property
    def size(self) -> int:
        """How many rows it has."""
        return int(self.rows.sum())


def figure_text(value: float) -> str:
    """A figure short enough for a name."""
    return f"{value:,.4g}"


def parts_of(name: str, values: Array, bins: int = 4, edges: Sequence[float] = ()) -> list[Part]:
    """A column cut into named parts: each category, or ranges of a figure at the given edges or at its quantiles."""
    missing = is_missing(values)
    parts: list[Part] = []
    if is_number(values) and (edges or len(np.unique(values[~missing])) > bins):
        parts = _ranges(name, values.astype(float), missing, edges or _quantiles(values[~missing].astype(float), bins))
    else:
        numbers, levels = codes(values)
        parts = [Part(f"{name} = {level}", numbers == place) for place, level in enumerate(levels)]
    if missing.any():
        parts.append(Part(f"{name} missing", missing))
    return [part for part in parts if part.size]


def _quantiles(values: Floats, bins: int) -> list[float]:
    return np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1])).tolist()


def _ranges(name: str, values: Floats, missing: Flags, edges: Sequence[float]) -> list[Part]:
    """Ranges open below and closed above: up to the first edge, between two, above the last."""
    place = np.searchsorted(np.asarray(edges, dtype=float), values, side="left")
    said = [figure_text(edge) for edge in edges]
    names = [f"{name} up to {said[0]}"]
    names += [f"{name} {low} to {high}" for low, high in itertools.pairwise(said)]
    names.append(f"{name} above {said[-1]}")
    return [Part(text, (place == number) & ~missing) for number, text in enumerate(names)]
