"""Applying a recipe to a table: batch after batch, with a report of what each step changed."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apps.datasets.engine.errors import DataError
from apps.datasets.engine.hashing import DistinctCounter
from apps.datasets.engine.schema import Column, Schema
from apps.datasets.engine.tables import Progress, Spool, Table, TableFile, TableWriter, silent
from apps.datasets.engine.values import plain_row, plain_value

from .base import Context, Outcome, Step
from .recipe import Recipe

EXAMPLES = 5
DISTINCT_BOUND = 200_000


@dataclass(frozen=True)
class Prepared:
    """What came of a preparation: the new table, the report, and what the steps learned."""

    table: TableFile
    report: dict[str, Any]
    learned: list[dict[str, Any]]


def prepare(
    source: Path,
    target: Path,
    recipe: Recipe,
    *,
    tables: Mapping[str, Path] | None = None,
    learned: list[dict[str, Any]] | None = None,
    progress: Progress = silent,
) -> Prepared:
    """Apply a recipe to the canonical table at `source` and write the result to `target`.

    `tables` are the tables that it joins, by the names that the recipe uses. With `learned` from an earlier run its
    figures are used and nothing is learned anew, so that later rows are prepared exactly as the first were. Raises
    RecipeInvalid before anything is read, DataError when the rows do not allow a step; nothing stays at `target` then.
    """
    return _Run(Path(source), Path(target), recipe, dict(tables or {}), learned, progress).run()


class _Run:
    def __init__(
        self,
        source: Path,
        target: Path,
        recipe: Recipe,
        tables: dict[str, Path],
        learned: list[dict[str, Any]] | None,
        progress: Progress,
    ) -> None:
        self.table, self.target, self.recipe, self.tables = Table(source), target, recipe, tables
        if learned is not None and len(learned) != len(recipe.steps):
            raise DataError("What was learned belongs to another recipe.", code="other_recipe")
        self.known = learned
        opened = {name: Table(tables[name]).schema for name in recipe.tables() if name in tables}
        self.schemas = recipe.schemas(self.table.schema, opened)
        self.meters = [
            _Meter(number, step, before, after)
            for number, (step, before, after) in enumerate(
                zip(recipe.steps, self.schemas, self.schemas[1:], strict=False), 1
            )
        ]
        passes = sum(self._needs_pass(place) for place in range(len(recipe.steps)))
        self.watch = _Watch(progress, self.table.rows, passes + 1)

    def _needs_pass(self, place: int) -> bool:
        step = self.recipe.steps[place]
        return step.surveys or (step.learns and self.known is None)

    def run(self) -> Prepared:
        """Chain the steps, put rows aside where a step must see them all, and write what comes out."""
        learned: list[dict[str, Any]] = []
        with tempfile.TemporaryDirectory(prefix="tenure-", dir=self.target.parent) as folder:
            stream, spool = self._source(), None
            for place, step in enumerate(self.recipe.steps):
                meter = self.meters[place]
                context = Context(self.tables, Path(folder), meter.notes)
                if self._needs_pass(place):
                    previous, spool = spool, self._aside(stream, Path(folder))
                    if previous is not None:
                        previous.close()
                    stream = spool.batches()
                learned.append(self._learned(place, step, spool, context))
                stream = self._applied(place, step, stream, learned[-1], spool, context)
            table = self._written(stream)
        return Prepared(table, self._report(table, learned), learned)

    def _source(self) -> Iterator[pa.RecordBatch]:
        for batch in self.table.batches():
            self.watch.saw(batch.num_rows)
            yield batch

    def _aside(self, stream: Iterator[pa.RecordBatch], folder: Path) -> Spool:
        spool = Spool(folder)
        for batch in stream:
            spool.write(batch)
        self.watch.next_pass()
        return spool

    def _learned(self, place: int, step: Step, spool: Spool | None, context: Context) -> dict[str, Any]:
        if self.known is not None:
            return self.known[place]
        if not step.learns or spool is None:
            return {}
        return step.learn(spool.batches, self.schemas[place], context)

    def _applied(
        self,
        place: int,
        step: Step,
        stream: Iterator[pa.RecordBatch],
        learned: dict[str, Any],
        spool: Spool | None,
        context: Context,
    ) -> Iterator[pa.RecordBatch]:
        before = self.schemas[place]
        surveyed = step.survey(spool.batches, before, context) if step.surveys and spool is not None else None
        return self._stream(step, stream, before, learned, surveyed, context, self.meters[place])

    @staticmethod
    def _stream(
        step: Step,
        stream: Iterator[pa.RecordBatch],
        before: Schema,
        learned: dict[str, Any],
        surveyed: Any,
        context: Context,
        meter: "_Meter",
    ) -> Iterator[pa.RecordBatch]:
        apply = step.applier(before, learned, surveyed, context)
        for batch in stream:
            outcome = apply(batch)
            meter.saw(batch, outcome)
            yield outcome.batch

    def _written(self, stream: Iterator[pa.RecordBatch]) -> TableFile:
        with TableWriter(self.target, self.schemas[-1]) as writer:
            for batch in stream:
                writer.write(batch)
            if not writer.rows:
                raise DataError(
                    "No row is left after the last step; look at what the filters and ranges keep.", code="no_rows_left"
                )
            self.watch.finished()
            return writer.close()

    def _report(self, table: TableFile, learned: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "before": {"rows": self.table.rows, "columns": len(self.table.schema)},
            "after": {"rows": table.rows, "columns": len(table.schema)},
            "steps": [
                {**meter.report(), "learned": figures} for meter, figures in zip(self.meters, learned, strict=True)
            ],
        }


class _Watch:
    """Turns rows seen in several passes into rows done of the table."""

    def __init__(self, progress: Progress, rows: int, passes: int) -> None:
        self.progress, self.rows, self.passes = progress, rows, passes
        self.passed = self.seen = 0

    def saw(self, rows: int) -> None:
        """So many more rows of the source went through the first pass."""
        self.seen += rows
        self.progress(self.seen // self.passes, self.rows)

    def next_pass(self) -> None:
        """All rows were put aside."""
        self.passed += 1
        self.progress(self.rows * self.passed // self.passes, self.rows)

    def finished(self) -> None:
        """All is written."""
        self.progress(self.rows, self.rows)


@dataclass
class _Cells:
    """One column before and after a step."""

    before: DistinctCounter = field(default_factory=lambda: DistinctCounter(DISTINCT_BOUND))
    after: DistinctCounter = field(default_factory=lambda: DistinctCounter(DISTINCT_BOUND))
    nulls_before: int = 0
    nulls_after: int = 0
    changed: int = 0


class _Meter:
    """Measures one step: rows, nulls, distinct values and changed cells before and after, with examples."""

    def __init__(self, number: int, step: Step, before: Schema, after: Schema) -> None:
        self.number, self.step, self.before, self.after = number, step, before, after
        self.cells = {name: _Cells() for name in step.touches()}
        self.rows_before = self.rows_after = 0
        self.examples: list[dict[str, Any]] = []
        self.dropped: list[dict[str, Any]] = []
        self.notes: list[str] = []

    def saw(self, batch: pa.RecordBatch, outcome: Outcome) -> None:
        """Take one batch and what became of it."""
        if outcome.kept is None:
            for name, cells in self.cells.items():
                self._compare(cells, self.before[name], self.after[name], batch, outcome.batch)
        elif len(self.dropped) < EXAMPLES:
            self._note_dropped(batch, outcome.kept)
        self.rows_before += batch.num_rows
        self.rows_after += outcome.batch.num_rows

    def _compare(
        self, cells: _Cells, before: Column, after: Column, batch: pa.RecordBatch, changed: pa.RecordBatch
    ) -> None:
        old, new = batch.column(before.name), changed.column(after.name)
        cells.before.add(old, before.type)
        cells.after.add(new, after.type)
        cells.nulls_before += old.null_count
        cells.nulls_after += new.null_count
        places = np.flatnonzero(_differ(old, new))
        cells.changed += len(places)
        for place in places[:EXAMPLES]:
            if sum(example["column"] == before.name for example in self.examples) < EXAMPLES:
                self.examples.append(
                    {
                        "row": self.rows_before + int(place) + 1,
                        "column": before.name,
                        "before": plain_value(old[place].as_py()),
                        "after": plain_value(new[place].as_py()),
                    }
                )

    def _note_dropped(self, batch: pa.RecordBatch, kept: np.ndarray) -> None:
        for place in np.flatnonzero(~kept)[: EXAMPLES - len(self.dropped)]:
            row = batch.slice(int(place), 1).to_pylist()[0]
            self.dropped.append({"row": self.rows_before + int(place) + 1, "values": plain_row(row)})

    def report(self) -> dict[str, Any]:
        """The measures as plain values."""
        return {
            "step": self.number,
            "kind": self.step.kind,
            "sentence": self.step.sentence(),
            "rows_before": self.rows_before,
            "rows_after": self.rows_after,
            "columns_added": [name for name in self.after.names if name not in self.before],
            "columns_removed": [name for name in self.before.names if name not in self.after],
            "columns": [
                {
                    "name": name,
                    "type_before": self.before[name].type,
                    "type_after": self.after[name].type,
                    "nulls_before": cells.nulls_before,
                    "nulls_after": cells.nulls_after,
                    "distinct_before": cells.before.count,
                    "distinct_after": cells.after.count,
                    "distinct_exact": cells.before.is_exact and cells.after.is_exact,
                    "cells_changed": cells.changed,
                }
                for name, cells in self.cells.items()
            ],
            "examples": self.examples,
            "dropped": self.dropped,
            "notes": self.notes,
        }


def _differ(old: pa.Array, new: pa.Array) -> np.ndarray:
    """Which cells changed; where the type changed, every cell that held or holds a value did."""
    if old.type != new.type:
        return pc.or_(pc.is_valid(old), pc.is_valid(new)).to_numpy(zero_copy_only=False)
    both_missing = pc.and_(pc.is_null(old), pc.is_null(new))
    unequal = pc.fill_null(pc.not_equal(old, new), True)
    return pc.and_not(unequal, both_missing).to_numpy(zero_copy_only=False)
