"""What a step of a recipe is: the schema it leaves, what it learns, and how it changes rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from apps.datasets.engine.declared import Declared, Problem
from apps.datasets.engine.errors import DataError
from apps.datasets.engine.schema import Schema

type Batches = Callable[[], Iterator[pa.RecordBatch]]

STEPS: dict[str, type["Step"]] = {}


@dataclass(frozen=True)
class Outcome:
    """The rows after a step, and which of the rows before it they are, where some were left out."""

    batch: pa.RecordBatch
    kept: np.ndarray | None = None


@dataclass
class Context:
    """What a run gives its steps: the tables that recipes may join, and a folder for what does not fit in memory."""

    tables: Mapping[str, Path]
    folder: Path
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Step(Declared):
    """One step of a recipe."""

    word: ClassVar[str] = "step"
    # Learns figures from the rows, which are recorded and used again for later rows.
    learns: ClassVar[bool] = False
    # Has to see all rows of each run before it can change the first.
    surveys: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.kind:
            STEPS[cls.kind] = cls

    def touches(self) -> list[str]:
        """The columns whose cells the step may change."""
        return []

    def output(self, schema: Schema, tables: Mapping[str, Schema]) -> Schema:
        """The schema after the step; raises Problem or DataError when it cannot be applied to this one."""
        raise NotImplementedError

    def learn(self, batches: Batches, schema: Schema, context: Context) -> dict[str, Any]:
        """Figures from all rows, as plain values that go into the report and are used again for later rows."""
        return {}

    def survey(self, batches: Batches, schema: Schema, context: Context) -> Any:
        """What the step has to know of all rows of this run, and of this run only."""
        return None

    def applier(
        self, schema: Schema, learned: dict[str, Any], surveyed: Any, context: Context
    ) -> Callable[[pa.RecordBatch], Outcome]:
        """A function that changes batch after batch; it may carry state from one to the next."""
        raise NotImplementedError


def need(schema: Schema, field_name: str, names: Iterable[str], kinds: Iterable[str] = ()) -> None:
    """Raise when a column is missing or is not of one of these types."""
    kinds = tuple(kinds)
    for name in names:
        try:
            column = schema[name]
        except DataError as error:
            raise Problem(field_name, error.sentence) from error
        if kinds and column.type not in kinds:
            raise Problem(field_name, f"{name} is {column.type}; this needs {' or '.join(kinds)}.")


def need_new(schema: Schema, field_name: str, names: Iterable[str]) -> None:
    """Raise when a column that is to be added exists already or has no usable name."""
    for name in names:
        if name in schema:
            raise Problem(field_name, f"There is a column {name!r} already; choose another name.")
        if not name.strip() or len(name) > 200:
            raise Problem(field_name, "A column needs a name of at most 200 characters.")


def replaced(batch: pa.RecordBatch, schema: Schema, columns: Mapping[str, pa.Array]) -> pa.RecordBatch:
    """The batch with these columns put in, in the order of the schema after the step."""
    arrays = [columns[name] if name in columns else batch.column(name) for name in schema.names]
    return pa.RecordBatch.from_arrays(arrays, schema=schema.arrow())


def kept_rows(batch: pa.RecordBatch, kept: np.ndarray) -> Outcome:
    """The batch with only these rows."""
    return Outcome(batch.filter(pa.array(kept)), kept)
