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
from apps.monitoring.engine.edges import WIDTH, Categories, Edges
from apps.monitoring.engine.exact import Floats, Integers, quantise, to_ordered
from apps.monitoring.engine.state import Shape

OUTER = 4  # bins at either end whose sums are kept, for the tails are where a bin's mean moves
NULL, BELOW_ALL, ABOVE_ALL = 0, 1, 2  # beside the bins: null, minus infinity, plus infinity
SCORES = WIDTH + 1  # score bins and "no score"
COARSE, FINE = 10, 30  # groups of the population stability index, and of the divergences
SHOWN = 20  # columns of a picture
WITHIN = np.array([0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.97, 0.99, 0.997])  # parts of a bin's width
GROUPS = ("coarse", "fine", "shown")
SCALE = ("mean", "sd", "pivot", "unit")
STORED = ("sizes", "edges", "means", "atoms", *GROUPS, *SCALE)

BINARY, MULTICLASS, REGRESSION, UNSUPERVISED = "binary", "multiclass", "regression", "unsupervised"
INPUT, SCORE, PREDICTION = "input", "score", "prediction"
MOST_LABELS = 50
NAMED = ("task", "prediction", "score", "label")


Ends = NDArray[np.uint8]  # the last bin of every group


@dataclass(frozen=True, slots=True)
class Numeric:
    """Bins of one numeric column. `pivot` and `unit` are for exact sums, `means` are the reference's means per bin.

    Which edges divide its bins into ten (`coarse`) and thirty (`fine`) groups of about equal share, and into the
    columns of its picture (`shown`), of about equal width.
    """

    name: str
    role: str
    edges: Edges
    coarse: Integers
    fine: Integers
    shown: Integers
    means: Floats
    mean: float
    sd: float
    pivot: float
    unit: float


@dataclass(frozen=True, eq=False)
class Numbers:
    """All numeric columns side by side: what each has, as one array of [columns, ...]. So they are stored and compared.

    `edges` [columns, WIDTH - 1] are filled up with plus infinity, `means` [columns, WIDTH] with zero, and `coarse`,
    `fine` and `shown` (the last bin of each group) with the last bin there is: groups past the last are empty. `atoms`
    [columns, WIDTH] are the bins that can hold one value only, and those past a column's last.
    """

    names: tuple[str, ...]
    roles: tuple[str, ...]
    modes: tuple[str, ...]
    sizes: Integers
    edges: Floats
    means: Floats
    atoms: NDArray[np.bool_]
    coarse: Ends
    fine: Ends
    shown: Ends
    mean: Floats
    sd: Floats
    pivot: Floats
    unit: Floats

    @classmethod
    def of(cls, columns: Sequence[Numeric]) -> "Numbers":
        """Columns put side by side."""
        size = len(columns)
        edges, means = np.full((size, WIDTH - 1), np.inf), np.zeros((size, WIDTH))
        atoms = np.ones((size, WIDTH), dtype=bool)
        for place, one in enumerate(columns):
            atoms[place, : one.edges.bins] = one.edges.atoms()
            edges[place, : len(one.edges.values)] = one.edges.values
            means[place, : len(one.means)] = one.means
        groups: dict[str, Any] = {name: _ends_of([getattr(one, name) for one in columns]) for name in GROUPS}
        scale: dict[str, Any] = {name: np.array([getattr(one, name) for one in columns], float) for name in SCALE}
        return cls(
            names=tuple(one.name for one in columns),
            roles=tuple(one.role for one in columns),
            modes=tuple(one.edges.mode for one in columns),
            sizes=np.array([one.edges.bins for one in columns], dtype=np.int64),
            edges=edges,
            means=means,
            atoms=atoms,
            **groups,
            **scale,
        )

    def column(self, place: int) -> Numeric:
        """One of them by itself."""
        size = int(self.sizes[place])
        edges = Edges(self.edges[place, : size - 1], self.modes[place])
        cuts = {name: getattr(self, name)[place].astype(np.int64) for name in GROUPS}
        groups = {name: one[one < size - 1] for name, one in cuts.items()}
        scale: dict[str, Any] = {name: float(getattr(self, name)[place]) for name in SCALE}
        return Numeric(
            self.names[place], self.roles[place], edges, means=self.means[place, :size], **groups, **scale
        )  # fmt: skip

    @cached_property
    def ends(self) -> tuple[Floats, Floats]:
        """Left and right end of every bin [columns, WIDTH]; the first ends where it begins, and so do places past the
        last.
        """
        most = np.finfo(np.float64).max
        edges = np.clip(self.edges, -most, most)
        return np.concatenate([edges[:, :1], edges], axis=1), np.concatenate([edges, edges[:, -1:]], axis=1)

    @cached_property
    def outer(self) -> Integers:
        """The bin of each kept sum [columns, 2 * OUTER]: lower end, then upper; -1 where a column has too few bins."""
        return outer_bins(self.sizes)

    @cached_property
    def spread_out(self) -> Integers:
        """Of `outer` those bins whose sums are made of the values [columns, 2 * OUTER], -1 for the others: where a bin
        can hold one value only, the number of its values says it all.
        """
        rows = np.arange(len(self.sizes))[:, None]
        return np.where(self.atoms[rows, self.outer], -1, self.outer)

    @cached_property
    def single(self) -> tuple[Integers, Integers]:
        """The value that a bin of `outer` can hold, less the pivot, in units: two halves [columns, 2 * OUTER], zero for
        a bin that can hold others.
        """
        rows = np.arange(len(self.sizes))[:, None]
        is_single = (self.outer >= 0) & (self.spread_out < 0)
        values = np.where(is_single, self.edges[rows, np.clip(self.outer, 0, WIDTH - 2)], self.pivot[:, None])
        return quantise(values - self.pivot[:, None], self.unit[:, None])


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked up to count one column, as whole numbers that are ordered as floats are (`exact.to_ordered`).

    `probes` are where NaN of the one sign ends, minus infinity, every bin, and infinity. `stretches` are the runs of
    neighbouring bins [runs, 2] whose values are wanted: first bin and the one after the last.
    """

    probes: Integers
    stretches: Integers

    @classmethod
    def of(cls, edges: Floats, wanted: Integers) -> "Sought":
        """What to look up for these edges; `wanted` are the bins whose values are wanted, and -1 for none."""
        most = np.finfo(np.float64).max
        bounds = np.concatenate([np.array([-np.inf, -np.inf]), edges, np.array([most, np.inf])])
        probes = to_ordered(bounds + 0.0)  # minus zero becomes zero: neither lies beyond an edge of zero
        probes[0] -= 1
        bins = np.sort(wanted[wanted >= 0])
        first = np.diff(bins, prepend=-2) > 1
        last = np.append(first[1:], True)[: len(bins)]
        return cls(probes, np.stack([bins[first], bins[last] + 1], axis=1))

    @property
    def edges(self) -> Integers:
        """The edges of the bins."""
        return self.probes[2:-2]


def _ends_of(cuts: Sequence[Integers]) -> Ends:
    """The last bin of every group [columns, most groups]: a cut is named by the bin to its left."""
    table = np.full((len(cuts), max((len(one) for one in cuts), default=0) + 1), WIDTH - 1, dtype=np.uint8)
    for row, one in zip(table, cuts, strict=True):
        row[: len(one)] = one
    return table


def outer_bins(sizes: Integers) -> Integers:
    """Which bins the sums are kept of, for columns of so many bins."""
    place = np.arange(OUTER)
    upper = np.maximum(OUTER, sizes - OUTER)[:, None] + place
    places = np.concatenate([np.zeros_like(upper) + place, upper], axis=1)
    return np.where(places < sizes[:, None], places, -1)


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


@dataclass(frozen=True, eq=False)
class Bins:
    """All bins of a model's predictions, and the places of their counts in a state. The fingerprint names them."""

    numbers: Numbers
    categorical: tuple[Categorical, ...]
    outputs: Outputs
    fingerprint: bytes

    @classmethod
    def of(cls, numeric: Sequence[Numeric], categorical: Sequence[Categorical], outputs: Outputs) -> "Bins":
        """The bins of some columns."""
        parts = Numbers.of(numeric), tuple(categorical), outputs
        return cls(*parts, hashlib.sha256(_pack(*parts)).digest())

    @property
    def packed(self) -> bytes:
        """The bins as bytes, the same for the same bins."""
        return _pack(self.numbers, self.categorical, self.outputs)

    @cached_property
    def numeric(self) -> tuple[Numeric, ...]:
        """The numeric columns one by one, as counting them needs them."""
        return tuple(self.numbers.column(place) for place in range(len(self.numbers.names)))

    @cached_property
    def sought(self) -> tuple[Sought, ...]:
        """What is looked up to count each numeric column."""
        pairs = zip(self.numeric, self.numbers.spread_out, strict=True)
        return tuple(Sought.of(column.edges.values, wanted) for column, wanted in pairs)

    @cached_property
    def shape(self) -> Shape:
        """How many numbers a state of these bins has."""
        columns = len(self.numbers.names)
        return Shape(self.fingerprint, self.joint_at.stop, columns * 2 * OUTER, columns)

    @cached_property
    def histogram_at(self) -> slice:
        """Bins of the numeric columns, `WIDTH` for each."""
        return slice(0, len(self.numbers.names) * WIDTH)

    @cached_property
    def beside_at(self) -> slice:
        """Nulls and infinities of the numeric columns, three for each."""
        return slice(self.histogram_at.stop, self.histogram_at.stop + len(self.numbers.names) * 3)

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
    def cells_at(self) -> Integers:
        """Places of the cells of the columns of categories [columns, most cells]; -1 past a column's last."""
        sizes = np.array([one.categories.cells for one in self.categorical], dtype=np.int64)
        starts = np.array([where.start for where in self.category_at], dtype=np.int64)
        places = np.arange(sizes.max(initial=0))
        return np.where(places < sizes[:, None], starts[:, None] + places, -1)

    @cached_property
    def joint_at(self) -> slice:
        """Predicted label by score bin, `SCORES` for each label; empty unless the model is a classifier."""
        start = self.category_at[-1].stop if self.category_at else self.beside_at.stop
        return slice(start, start + (len(self.outputs.labels) * SCORES if self.outputs.has_joint else 0))

    @property
    def sizes(self) -> Integers:
        """Number of bins of each numeric column."""
        return self.numbers.sizes

    @property
    def edges(self) -> Floats:
        """Edges of the numeric columns [columns, WIDTH - 1], filled up with plus infinity."""
        return self.numbers.edges

    @property
    def means(self) -> Floats:
        """The reference's mean in every bin [columns, WIDTH]."""
        return self.numbers.means

    @cached_property
    def wide(self) -> tuple[Integers, Integers, Floats]:
        """First and last bins within the reference that are wider than its standard deviation: feature, bin, and points
        [bins, points] within it.
        """
        rows = np.arange(len(self.sizes))
        row, place = np.tile(rows, 2), np.concatenate([np.minimum(1, self.sizes - 1), np.maximum(self.sizes - 2, 0)])
        left, right = (one[row, place] for one in self.numbers.ends)
        with np.errstate(over="ignore"):
            width = right - left
        kept = width > self.numbers.sd[row]
        return row[kept], place[kept], left[kept, None] + width[kept, None] * WITHIN

    @cached_property
    def features(self) -> tuple[tuple[str, ...], NDArray[np.bool_], NDArray[np.bool_]]:
        """Names of all columns, numeric ones first; which of them are the model's own answers, and of which one can
        tell what was never seen.
        """
        roles = [*self.numbers.roles, *(one.role for one in self.categorical)]
        is_closed = [False] * len(self.numbers.names) + [not one.categories.is_open for one in self.categorical]
        names = (*self.numbers.names, *(one.name for one in self.categorical))
        return names, np.array([role != INPUT for role in roles], dtype=bool), np.array(is_closed, dtype=bool)

    @cached_property
    def picture(self) -> tuple[Integers, Floats]:
        """How many columns each feature's picture has, and the edges between them, filled up with not a number."""
        ends = self.numbers.shown
        cuts = ends < self.sizes[:, None] - 1
        edges = self.edges[np.arange(len(ends))[:, None], np.minimum(ends, WIDTH - 2)]
        return cuts.sum(axis=1) + 1, np.where(cuts, edges, np.nan)

    @property
    def atoms(self) -> NDArray[np.bool_]:
        """Bins that can hold one value only, and those past the last [columns, WIDTH]."""
        return self.numbers.atoms

    def groups(self, which: int) -> Ends:
        """The last bin of every group [columns, most groups], `which` being COARSE or FINE."""
        return self.numbers.coarse if which == COARSE else self.numbers.fine

    @cached_property
    def score_column(self) -> Numeric | None:
        """The score's bins, when the model gives one."""
        roles = self.numbers.roles
        return self.numbers.column(roles.index(SCORE)) if SCORE in roles else None


def _pack(numbers: Numbers, categorical: tuple[Categorical, ...], outputs: Outputs) -> bytes:
    arrays = {name: getattr(numbers, name) for name in STORED}
    arrays |= {f"c{place}.known": counted.categories.known for place, counted in enumerate(categorical)}
    described = {
        "numeric": {"names": numbers.names, "roles": numbers.roles, "modes": numbers.modes},
        "categorical": [
            {"name": one.name, "role": one.role, "top": list(one.categories.top), "is_open": one.categories.is_open}
            for one in categorical
        ],
        "outputs": {**{name: getattr(outputs, name) for name in NAMED}, "labels": list(outputs.labels)},
        "outer": OUTER,
    }
    return codec.pack(described, arrays)


def unpack(data: bytes | memoryview, fingerprint: bytes) -> Bins:
    """Bins from what `Bins.packed` gave, and the fingerprint that was kept with it."""
    header, arrays = codec.unpack(data)
    if header.get("outer") != OUTER:
        raise codec.Damaged("These bins were made by another version; make a new baseline.")
    words: dict[str, Any] = {name: tuple(found) for name, found in header["numeric"].items()}
    numbers: dict[str, Any] = {name: arrays[name] for name in STORED}
    known = [arrays[f"c{place}.known"] for place in range(len(header["categorical"]))]
    categorical = tuple(
        Categorical(one["name"], one["role"], Categories(tuple(one["top"]), hashes, one["is_open"]))
        for one, hashes in zip(header["categorical"], known, strict=True)
    )
    outputs = header["outputs"]
    described = Outputs(**{**outputs, "labels": tuple(outputs["labels"])})
    return Bins(Numbers(**words, **numbers), categorical, described, fingerprint)
