"""What is counted for a model's predictions: its features, its score and its predicted value, and where each number
lies.
 The layout of a state's numbers (all features of a model in four flat vectors) follows from the bins, so adding
states is adding vectors. `Bins.fingerprint` names the layout; states of another fingerprint are refused.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.monitoring.engine import codec
from apps.monitoring.engine.edges import WIDTH, Categories, Edges, group_of_bins
from apps.monitoring.engine.exact import Floats, Integers
from apps.monitoring.engine.state import Shape

OUTER = 4  # bins at either end whose sums are kept, for the tails are where a bin's mean moves
NULL, BELOW_ALL, ABOVE_ALL = 0, 1, 2  # beside the bins: null, minus infinity, plus infinity
SCORES = WIDTH + 1  # score bins and "no score"
COARSE, FINE = 10, 30  # groups of the population stability index, and of the divergences

BINARY, MULTICLASS, REGRESSION, UNSUPERVISED = "binary", "multiclass", "regression", "unsupervised"
INPUT, SCORE, PREDICTION = "input", "score", "prediction"
MOST_LABELS = 50


@dataclass(frozen=True, slots=True)
class Numeric:
    """Bins of one numeric column. `pivot` and `unit` are for exact sums, `means` are the reference's means per bin."""

    name: str
    role: str
    edges: Edges
    coarse: Integers
    fine: Integers
    means: Floats
    mean: float
    sd: float
    pivot: float
    unit: float


@dataclass(frozen=True, slots=True)
class Categorical:
    """Cells of one column of categories."""

    name: str
    role: str
    categories: Categories


@dataclass(frozen=True, slots=True)
class Outputs:
    """What the model gives back: its task, for a classifier the labels (two of them: negative first), and the columns.

    `score` is the probability of the positive label, or with more than two labels that of the predicted one.
    """

    task: str
    labels: tuple[str, ...] = ()
    prediction: str = "_prediction"
    score: str = "_score"
    label: str = "_label"

    @property
    def has_joint(self) -> bool:
        """Whether predicted label and score are counted together."""
        return self.task in (BINARY, MULTICLASS)


@dataclass(frozen=True)
class Bins:
    """All bins of a model's predictions, and the places of their counts in a state."""

    numeric: tuple[Numeric, ...]
    categorical: tuple[Categorical, ...]
    outputs: Outputs

    @cached_property
    def packed(self) -> bytes:
        """The bins as bytes, the same for the same bins."""
        return codec.pack(*self._parts())

    @cached_property
    def fingerprint(self) -> bytes:
        """The SHA-256 of the bins."""
        return hashlib.sha256(self.packed).digest()

    @cached_property
    def shape(self) -> Shape:
        """How many numbers a state of these bins has."""
        return Shape(self.fingerprint, self.joint_at.stop, len(self.numeric) * 2 * OUTER, len(self.numeric))

    @cached_property
    def histogram_at(self) -> slice:
        """Bins of the numeric columns, `WIDTH` for each."""
        return slice(0, len(self.numeric) * WIDTH)

    @cached_property
    def beside_at(self) -> slice:
        """Nulls and infinities of the numeric columns, three for each."""
        return slice(self.histogram_at.stop, self.histogram_at.stop + len(self.numeric) * 3)

    def counts_of_numeric(self, place: int) -> tuple[slice, slice]:
        """Where the bins of the numeric column at this place are counted, and what lies beside them."""
        beside = self.beside_at.start + 3 * place
        return slice(place * WIDTH, (place + 1) * WIDTH), slice(beside, beside + 3)

    @cached_property
    def category_at(self) -> tuple[slice, ...]:
        """For every column of categories its cells, then its nulls."""
        place, slices = self.beside_at.stop, []
        for column in self.categorical:
            slices.append(slice(place, place + column.categories.cells + 1))
            place = slices[-1].stop
        return tuple(slices)

    @cached_property
    def joint_at(self) -> slice:
        """Predicted label by score bin, `SCORES` for each label; empty unless the model is a classifier."""
        start = self.category_at[-1].stop if self.category_at else self.beside_at.stop
        return slice(start, start + (len(self.outputs.labels) * SCORES if self.outputs.has_joint else 0))

    @cached_property
    def edges(self) -> Floats:
        """Edges of the numeric columns [columns, WIDTH - 1], filled up with plus infinity."""
        table = np.full((len(self.numeric), WIDTH - 1), np.inf)
        for row, column in zip(table, self.numeric, strict=True):
            row[: len(column.edges.values)] = column.edges.values
        return table

    @cached_property
    def sizes(self) -> Integers:
        """Number of bins of each numeric column."""
        return np.array([column.edges.bins for column in self.numeric], dtype=np.int64)

    @cached_property
    def means(self) -> Floats:
        """The reference's mean in every bin [columns, WIDTH]."""
        table = np.zeros((len(self.numeric), WIDTH))
        for row, column in zip(table, self.numeric, strict=True):
            row[: len(column.means)] = column.means
        return table

    @cached_property
    def atoms(self) -> NDArray[np.bool_]:
        """Bins that can hold one value only, and those past the last [columns, WIDTH]."""
        table = np.ones((len(self.numeric), WIDTH), dtype=bool)
        for row, column in zip(table, self.numeric, strict=True):
            row[: column.edges.bins] = column.edges.atoms()
        return table

    def groups(self, which: int) -> Integers:
        """Group of every bin [columns, WIDTH], `which` being COARSE or FINE."""
        return self._coarse if which == COARSE else self._fine

    @cached_property
    def _coarse(self) -> Integers:
        return self._grouped([column.coarse for column in self.numeric])

    @cached_property
    def _fine(self) -> Integers:
        return self._grouped([column.fine for column in self.numeric])

    def _grouped(self, cuts: Sequence[Integers]) -> Integers:
        return np.array([group_of_bins(one, WIDTH) for one in cuts], dtype=np.int64).reshape(len(cuts), WIDTH)

    @cached_property
    def score_column(self) -> Numeric | None:
        """The score's bins, when the model gives one."""
        return next((column for column in self.numeric if column.role == SCORE), None)

    def _parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        arrays: dict[str, NDArray[Any]] = {}
        for place, column in enumerate(self.numeric):
            named = {"edges": column.edges.values, "coarse": column.coarse, "fine": column.fine, "means": column.means}
            arrays |= {f"n{place}.{name}": array for name, array in named.items()}
        for place, counted in enumerate(self.categorical):
            arrays[f"c{place}.known"] = counted.categories.known
        return {**self._described(), "outer": OUTER}, arrays

    def _described(self) -> dict[str, Any]:
        numeric = [
            {"name": one.name, "role": one.role, "mode": one.edges.mode}
            | {"mean": one.mean, "sd": one.sd, "pivot": one.pivot, "unit": one.unit}
            for one in self.numeric
        ]
        categorical = [
            {"name": one.name, "role": one.role, "top": list(one.categories.top), "is_open": one.categories.is_open}
            for one in self.categorical
        ]
        outputs = {name: getattr(self.outputs, name) for name in ("task", "prediction", "score", "label")}
        return {
            "numeric": numeric,
            "categorical": categorical,
            "outputs": {**outputs, "labels": list(self.outputs.labels)},
        }


def unpack(data: bytes) -> Bins:
    """Bins from what `Bins.packed` gave."""
    header, arrays = codec.unpack(data)
    if header.get("outer") != OUTER:
        raise codec.Damaged("These bins were made by another version; make a new baseline.")
    numeric = tuple(_numeric(one, f"n{place}.", arrays) for place, one in enumerate(header["numeric"]))
    categorical = tuple(
        Categorical(one["name"], one["role"], Categories(tuple(one["top"]), arrays[f"c{place}.known"], one["is_open"]))
        for place, one in enumerate(header["categorical"])
    )
    outputs = header["outputs"]
    return Bins(numeric, categorical, Outputs(**{**outputs, "labels": tuple(outputs["labels"])}))


def _numeric(one: dict[str, Any], prefix: str, arrays: dict[str, NDArray[Any]]) -> Numeric:
    edges = Edges(arrays[prefix + "edges"], one["mode"])
    cuts = arrays[prefix + "coarse"], arrays[prefix + "fine"]
    scale = {name: one[name] for name in ("mean", "sd", "pivot", "unit")}
    return Numeric(one["name"], one["role"], edges, *cuts, arrays[prefix + "means"], **scale)
