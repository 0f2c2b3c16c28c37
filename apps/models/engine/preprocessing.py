"""Preparing inputs for an estimator: fitted on NumPy columns, and the same steps as ONNX nodes, bit for bit.

Everything is float32 on both sides, so that the trained model and the exported graph see identical numbers.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .recipes import Feature, Recipe
from .signatures import MISSING_TEXT, Columns, Input

if TYPE_CHECKING:
    import onnx

FLOAT = np.float32
UNSEEN = -1.0
SIGNATURE_TYPES = {"number": "number", "integer": "integer", "boolean": "boolean", "category": "string"}


class Nodes(Protocol):
    """Collects ONNX nodes and constants; see conversion.Graph."""

    def constant(self, name: str, value: np.ndarray) -> str:
        """Add a constant and give its name."""

    def node(self, operator: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        """Add a node and give the name of its output."""


def inputs_of(recipe: Recipe) -> tuple[Input, ...]:
    """The signature inputs of a recipe; the categories are filled in after fitting."""
    return tuple(
        Input(feature.name, SIGNATURE_TYPES[feature.kind], nullable=not feature.required) for feature in recipe.features
    )


@dataclass(frozen=True)
class Number:
    """Fill the gaps, then perhaps centre and scale: one column out."""

    name: str
    fill: float
    mean: float | None = None
    deviation: float | None = None

    @property
    def titles(self) -> list[str]:
        """Names of the columns that come out."""
        return [self.name]

    def transform(self, column: np.ndarray) -> np.ndarray:
        """[N] float32 with NaN to [N, 1] float32 without."""
        filled = np.where(np.isnan(column), FLOAT(self.fill), column).astype(FLOAT)
        if self.mean is not None:
            filled = (filled - FLOAT(self.mean)) / FLOAT(self.deviation)
        return filled[:, None]

    def export(self, graph: Nodes) -> str:
        """The same steps as nodes; gives the name of the result."""
        gap = graph.node("IsNaN", [self.name], f"prepare/{self.name}/gap")
        fill = graph.constant(f"prepare/{self.name}/fill", np.array([[self.fill]], dtype=FLOAT))
        out = graph.node("Where", [gap, fill, self.name], f"prepare/{self.name}/filled")
        if self.mean is None:
            return out
        mean = graph.constant(f"prepare/{self.name}/mean", np.array([[self.mean]], dtype=FLOAT))
        deviation = graph.constant(f"prepare/{self.name}/deviation", np.array([[self.deviation]], dtype=FLOAT))
        centred = graph.node("Sub", [out, mean], f"prepare/{self.name}/centred")
        return graph.node("Div", [centred, deviation], f"prepare/{self.name}/scaled")


@dataclass(frozen=True)
class Category:
    """Words to positions, and perhaps to one column per word; a word not seen in training gives -1 or zeros."""

    name: str
    words: tuple[str, ...]
    fill: str | None
    one_hot: bool

    @property
    def titles(self) -> list[str]:
        """Names of the columns that come out."""
        return [f"{self.name}={word or 'missing'}" for word in self.words] if self.one_hot else [self.name]

    @property
    def positions(self) -> dict[str, float]:
        """Position of every known word; a missing one stands where its filling stands."""
        table = {word: float(index) for index, word in enumerate(self.words)}
        if self.fill is not None:
            table[MISSING_TEXT] = table.get(self.fill, UNSEEN)
        return table

    def transform(self, column: np.ndarray) -> np.ndarray:
        """[N] words to [N, C] float32."""
        table = self.positions
        found = np.array([table.get(word, UNSEEN) for word in column], dtype=FLOAT)[:, None]
        return (found == np.arange(len(self.words), dtype=FLOAT)).astype(FLOAT) if self.one_hot else found

    def export(self, graph: Nodes) -> str:
        """The same steps as nodes; gives the name of the result."""
        table = self.positions
        found = graph.node(
            "LabelEncoder",
            [self.name],
            f"prepare/{self.name}/position",
            domain="ai.onnx.ml",
            keys_strings=list(table),
            values_floats=list(table.values()),
            default_float=UNSEEN,
        )
        if not self.one_hot:
            return found
        all_positions = np.arange(len(self.words), dtype=FLOAT)[None, :]
        positions = graph.constant(f"prepare/{self.name}/positions", all_positions)
        equal = graph.node("Equal", [found, positions], f"prepare/{self.name}/equal")
        return graph.node("Cast", [equal], f"prepare/{self.name}/one_hot", to=1)


def _fit_number(feature: Feature, column: np.ndarray, scale: bool) -> Number:
    known = column[~np.isnan(column)].astype(np.float64)
    match feature.impute:
        case "constant":
            fill = float(feature.fill)  # type: ignore[arg-type]
        case "mean":
            fill = known.mean() if known.size else 0.0
        case "median":
            fill = float(np.median(known)) if known.size else 0.0
        case _:
            fill = Counter(known.tolist()).most_common(1)[0][0] if known.size else 0.0
    if not (scale if feature.scale == "auto" else feature.scale == "standard"):
        return Number(feature.name, float(FLOAT(fill)))
    filled = np.where(np.isnan(column), fill, column.astype(np.float64))
    deviation = float(filled.std()) or 1.0
    return Number(feature.name, float(FLOAT(fill)), float(FLOAT(filled.mean())), float(FLOAT(deviation)))


def _fit_category(feature: Feature, column: np.ndarray) -> Category:
    """The most frequent words, in alphabetical order; ties are broken by the alphabet too."""
    counts = Counter(column.tolist())
    fill = None
    if feature.impute != "own":
        counts.pop(MISSING_TEXT, None)
        first = min(counts, key=lambda word: (-counts[word], word)) if counts else MISSING_TEXT
        fill = str(feature.fill) if feature.impute == "constant" else first
    kept = sorted(counts, key=lambda word: (-counts[word], word))[: feature.max_categories]
    return Category(feature.name, tuple(sorted(kept)), fill, feature.encode == "one_hot")


@dataclass(frozen=True)
class Preprocessor:
    """All columns of a recipe, fitted."""

    steps: tuple[Number | Category, ...]

    @classmethod
    def fit(cls, recipe: Recipe, columns: Columns, *, scale: bool) -> Preprocessor:
        """Learn fillings, scales and words from training rows. `scale` is what the estimator wants."""
        return cls(
            tuple(
                _fit_category(feature, columns[feature.name])
                if feature.kind == "category"
                else _fit_number(feature, columns[feature.name], scale)
                for feature in recipe.features
            )
        )

    @property
    def titles(self) -> list[str]:
        """Names of the columns of the matrix."""
        return [title for step in self.steps for title in step.titles]

    def transform(self, columns: Columns) -> np.ndarray:
        """Matrix [N, D] float32."""
        return np.concatenate([step.transform(columns[step.name]) for step in self.steps], axis=1)

    def words(self) -> dict[str, tuple[str, ...]]:
        """Words seen in training by column, without the one that stands for missing."""
        return {
            step.name: tuple(word for word in step.words if word != MISSING_TEXT)
            for step in self.steps
            if isinstance(step, Category)
        }

    def export(self, graph: Nodes, output: str) -> str:
        """All steps as nodes, joined to one matrix under the given name."""
        return graph.node("Concat", [step.export(graph) for step in self.steps], output, axis=1)


def tensor_type(column: Input) -> onnx.ValueInfoProto:
    """The graph input of a column: [N, 1], float or string."""
    from onnx import TensorProto, helper

    kind = TensorProto.STRING if column.type == "string" else TensorProto.FLOAT
    return helper.make_tensor_value_info(column.name, kind, [None, 1])
