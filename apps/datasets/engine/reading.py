"""From a file that somebody brings to a canonical table: typed, hashed, with a report of everything that was odd."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .casting import cast_text, wrong_cells
from .content import CSV, Source, recognise
from .delimited import SHOWN, DelimitedText
from .errors import BadHeader, DataError, WrongValues
from .foreign import ForeignParquet
from .inference import ColumnGuess, remarks
from .options import DELIMITERS, REFUSE, ReadOptions
from .schema import NUMBER, PHYSICAL, TEXTUAL, Column, Schema, counted, listed
from .tables import Progress, Spool, TableFile, TableWriter, silent


@dataclass
class Reading:
    """What came of reading a file: the canonical table and the report."""

    table: TableFile
    kind: str
    packing: str = ""
    encoding: str = ""
    delimiter: str = ""
    warnings: list[dict[str, Any]] = field(default_factory=list)
    broken: dict[str, Any] = field(default_factory=lambda: {"total": 0, "first": []})
    wrong: dict[str, Any] = field(default_factory=lambda: {"total": 0, "columns": {}, "first": []})
    nulls: dict[str, int] = field(default_factory=dict)

    def report(self) -> dict[str, Any]:
        """Everything about the reading but the table, as plain values."""
        return {
            "kind": self.kind,
            "packing": self.packing,
            "encoding": self.encoding,
            "delimiter": DELIMITERS.get(self.delimiter, self.delimiter),
            "warnings": self.warnings,
            "broken_rows": self.broken,
            "wrong_values": self.wrong,
            "nulls": self.nulls,
            "rows": self.table.rows,
        }


def read(
    origin: Path | BinaryIO, target: Path, options: ReadOptions | None = None, progress: Progress = silent
) -> Reading:
    """Read CSV or Parquet into a canonical Parquet file at `target`.

    Streams in bounded memory; a file object must be seekable, as it is read more than once. `progress` gets rows done
    and, once they are known, rows in all. Raises a DataError, and leaves nothing at `target`, when the file cannot be
    used.
    """
    options = options or ReadOptions()
    source = recognise(origin, options.max_bytes)
    if source.kind == CSV:
        return _CsvReading(source, options, Path(target), progress).run()
    return _read_parquet(source, options, Path(target), progress)


def preflight(origin: Path | BinaryIO, options: ReadOptions | None = None) -> list[str]:
    """The names of the columns after a look at the beginning (of Parquet, the end) of a file.

    Raises a DataError for what can be seen without reading it all, so that nobody need wait for a worker to hear it.
    """
    options = options or ReadOptions()
    source = recognise(origin, options.max_bytes)
    looked = DelimitedText(source, options, looking=True) if source.kind == CSV else ForeignParquet(source)
    names = looked.names
    _declared(names, options)
    return names


def _declared(names: list[str], options: ReadOptions) -> None:
    for mapping, what in (
        (options.types, "types are declared for"),
        (dict.fromkeys(options.required), "values are required in"),
        (options.units, "units are declared for"),
        (options.roles, "roles are declared for"),
    ):
        missing = [name for name in mapping if name not in names]
        if missing:
            raise BadHeader(
                f"{what.capitalize()} {listed(missing)}, but the file has no such column; it has {listed(names)}.",
                code="missing_column",
                missing=missing,
                columns=names,
            )


def _refuse_no_rows(rows: int) -> None:
    if not rows:
        raise DataError(
            "The file has a header but no rows; check the export and bring it again.",
            code="no_rows",
        )


def _refuse_nulls(nulls: dict[str, int], options: ReadOptions) -> None:
    empty = {name: nulls[name] for name in options.required if nulls.get(name)}
    if empty:
        name, count = next(iter(empty.items()))
        raise WrongValues(
            f"Column {name} must not be empty, but {counted(count, 'row')} {'has' if count == 1 else 'have'} no value. "
            "Fill them in the file, or do not require the column.",
            code="required_missing",
            columns=empty,
        )


def _described(name: str, kind: str, options: ReadOptions) -> Column:
    nullable = name not in options.required
    return Column(name, kind, nullable, options.units.get(name, ""), options.roles.get(name, ""))


class _CsvReading:
    """One reading of a CSV file in two passes: text with guesses, then typed values."""

    def __init__(self, source: Source, options: ReadOptions, target: Path, progress: Progress) -> None:
        self.source, self.options, self.target, self.progress = source, options, target, progress
        self.text = DelimitedText(source, options)
        _declared(self.text.names, options)
        self.guesses = {name: ColumnGuess(name, options.decimal_comma) for name in self.text.names}
        self.wrong: dict[str, Any] = {"total": 0, "columns": {}, "first": []}
        self.rows = 0

    def run(self) -> Reading:
        """Read, guess, check, write."""
        with Spool(self.target.parent) as spool:
            for batch in self.text.batches():
                batch = self._with_nulls(batch)
                for name, guess in self.guesses.items():
                    guess.see(batch.column(name))
                spool.write(batch)
                self.rows += batch.num_rows
                self.progress(self.rows, None)
            if self.options.broken_rows == REFUSE:
                self.text.refuse_broken(self.rows)
            _refuse_no_rows(self.rows)
            table = self._write(spool)
        return self._reading(table)

    def _with_nulls(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if not self.options.trim:
            return batch
        marks = pa.array([mark.strip() for mark in self.options.null_values], pa.string())
        nothing = pa.scalar(None, pa.string())
        columns = []
        for values in batch.columns:
            values = pc.utf8_trim_whitespace(values)
            columns.append(pc.if_else(pc.is_in(values, value_set=marks), nothing, values))
        return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)

    @property
    def types(self) -> dict[str, str]:
        return {name: self.options.types.get(name, guess.type) for name, guess in self.guesses.items()}

    def _write(self, spool: Spool) -> TableFile:
        types = self.types
        nulls = {name: guess.nulls for name, guess in self.guesses.items()}
        _refuse_nulls(nulls, self.options)
        schema = Schema(tuple(_described(name, kind, self.options) for name, kind in types.items()))
        done = 0
        with TableWriter(self.target, schema) as writer:
            for batch in spool.batches():
                columns = [self._cast(batch.column(name), name, kind, done) for name, kind in types.items()]
                if not (self.wrong["total"] and self.options.wrong_values == REFUSE):
                    writer.write(pa.RecordBatch.from_arrays(columns, names=list(types)))
                done += batch.num_rows
                self.progress(done, self.rows)
            self._settle_wrong()
            return writer.close()

    def _cast(self, values: pa.Array, name: str, kind: str, done: int) -> pa.Array:
        comma = self.options.decimal_comma
        try:
            return cast_text(values, kind, comma).cast(PHYSICAL[kind])
        except pa.ArrowInvalid:
            wrong = wrong_cells(values, kind, comma)
        self._note_wrong(values, name, kind, wrong, done)
        good = pc.if_else(pa.array(wrong), pa.scalar(None, pa.string()), values)
        return cast_text(good, kind, comma).cast(PHYSICAL[kind])

    def _note_wrong(self, values: pa.Array, name: str, kind: str, wrong: np.ndarray, done: int) -> None:
        places = np.flatnonzero(wrong)
        self.wrong["total"] += len(places)
        self.wrong["columns"][name] = self.wrong["columns"].get(name, 0) + len(places)
        shown = sum(cell["column"] == name for cell in self.wrong["first"])
        for place in places[: max(0, SHOWN - shown)]:
            row = self.text.physical_row(done + int(place))
            cell = {"row": row, "column": name, "declared": kind, "value": str(values[place].as_py())[:200]}
            self.wrong["first"].append(cell)

    def _settle_wrong(self) -> None:
        """Keep the first cells of the whole file with their lines, and refuse them where that was asked."""
        if not self.wrong["total"]:
            return
        first = sorted(self.wrong["first"], key=lambda cell: cell["row"])[:SHOWN]
        lines = self.text.lines_of([cell["row"] for cell in first])
        self.wrong["first"] = [{**cell, "line": lines.get(cell["row"])} for cell in first]
        if self.options.wrong_values == REFUSE:
            raise _wrong_values(self.wrong)

    def _reading(self, table: TableFile) -> Reading:
        return Reading(
            table=table,
            kind=CSV,
            packing=self.source.packing.split(":")[0],
            encoding=self.text.encoding,
            delimiter=self.text.delimiter,
            warnings=self._warnings(),
            broken=self.text.broken.to_dict(),
            wrong=self.wrong,
            nulls={name: guess.nulls + self.wrong["columns"].get(name, 0) for name, guess in self.guesses.items()},
        )

    def _warnings(self) -> list[dict[str, Any]]:
        found = []
        if self.text.encoding in ("latin-1", "cp1252") and not self.options.encoding:
            sentence = (
                f"The file is not UTF-8 and was read as {self.text.encoding}; check letters with accents, or save it "
                "as UTF-8."
            )
            found.append({"code": "encoding", "columns": [], "sentence": sentence})
        if self.text.broken.total:
            was = "was" if self.text.broken.total == 1 else "were"
            lines = counted(self.text.broken.total, "line")
            sentence = f"{lines} with the wrong number of fields {was} left out."
            found.append({"code": "broken_rows", "columns": [], "sentence": sentence})
        if self.wrong["total"]:
            was = "was" if self.wrong["total"] == 1 else "were"
            values = counted(self.wrong["total"], "value")
            sentence = f"{values} not of the declared type {was} read as missing."
            found.append({"code": "wrong_values", "columns": list(self.wrong["columns"]), "sentence": sentence})
        guessed = [guess for name, guess in self.guesses.items() if name not in self.options.types]
        return found + remarks(guessed)


def _wrong_values(wrong: dict[str, Any]) -> WrongValues:
    cell = wrong["first"][0]
    where = f"line {cell['line']}" if cell.get("line") else f"row {cell['row']}"
    return WrongValues(
        f"{counted(wrong['total'], 'value')} {'is' if wrong['total'] == 1 else 'are'} not of the declared type; the "
        f"first is {cell['value']!r} in {where}, column {cell['column']}, declared as {cell['declared']}. Correct the "
        "file, declare another type, or read it with wrong values as missing.",
        code="wrong_values",
        **wrong,
    )


def _read_parquet(source: Source, options: ReadOptions, target: Path, progress: Progress) -> Reading:
    file = ForeignParquet(source)
    _declared(file.names, options)
    types = {name: options.types.get(name, kind) for name, kind in file.types.items()}
    _refuse_other_types(file.types, types)
    _refuse_no_rows(file.rows)
    schema = Schema(tuple(_described(name, kind, options) for name, kind in types.items()))
    nulls = dict.fromkeys(file.names, 0)
    with TableWriter(target, schema) as writer:
        for batch in file.batches():
            columns = [batch.column(name).cast(PHYSICAL[kind]) for name, kind in types.items()]
            for name, values in zip(types, columns, strict=True):
                nulls[name] += values.null_count
            writer.write(pa.RecordBatch.from_arrays(columns, names=list(types)))
            progress(writer.rows, file.rows)
        _refuse_nulls(nulls, options)
        table = writer.close()
    warnings = [{"code": code, "columns": [name], "sentence": text} for code, name, text in file.warnings]
    return Reading(table=table, kind=source.kind, warnings=warnings, nulls=nulls)


def _refuse_other_types(found: dict[str, str], declared: dict[str, str]) -> None:
    """Parquet says its types itself: only text may be called a category, and an integer a number."""
    for name, kind in declared.items():
        have = found[name]
        if have == kind or (have in TEXTUAL and kind in TEXTUAL) or (have == "integer" and kind == NUMBER):
            continue
        raise WrongValues(
            f"Column {name} is declared as {kind}, but the Parquet file keeps it as {have}; declare {have}, or convert "
            "it in a preparation step.",
            code="wrong_values",
            column=name,
            declared=kind,
            found=have,
        )
