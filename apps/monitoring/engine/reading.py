"""From a file of what was sent to its rows, part by part: JSON, NDJSON, CSV, Parquet and Arrow streams.

However long the file, no more than a part of it is held: some four million values, or some megabytes of text. A file
that cannot be read at all is refused whole (`Unreadable`); a line that is none is skipped and told.
"""

import csv
import io
import json
import mmap
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from apps.monitoring.engine.intake import Raw, RowError, Unreadable

FORMATS = {
    "application/json": "json",
    "application/x-ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "text/csv": "csv",
    "application/vnd.apache.parquet": "parquet",
    "application/x-parquet": "parquet",
    "application/vnd.apache.arrow.stream": "arrow",
}
PACKINGS = {"gzip": "gzip", "x-gzip": "gzip", "zstd": "zstd"}  # Content-Encoding, and what Arrow calls it

MOST_CELLS = 4_000_000  # values in a part: 32 MiB of numbers
MOST_ROWS = 100_000
BLOCK = 4 * 1024**2  # bytes of text that are read at once
LONGEST_ROW = 16 * 1024**2
NOTHING = "Nothing was sent. Send at least one row."
# A list of objects, or an object that holds nothing but that list: what is read in parts.
LIST = re.compile(rb'\s*(\{\s*"rows"\s*:\s*)?\[')
BETWEEN = re.compile(rb"\}\s*,\s*(?=\{)")
MOST_TRIES = 8


def unpacked(source: BinaryIO, packing: str) -> Iterator[bytes]:
    """The pieces of what was packed with one of the PACKINGS; raises Unreadable where it is damaged or cut off."""
    try:
        with pa.CompressedInputStream(pa.PythonFile(source, mode="r"), PACKINGS[packing]) as stream:
            while piece := stream.read(BLOCK // 4):
                yield piece
    except (pa.ArrowException, OSError) as error:
        raise Unreadable(f"The body is not {packing}, or is cut off. Send it again, or unpacked.") from error


def read(path: Path, format: str) -> Iterator[Raw]:
    """The parts of a file in one of the FORMATS, in order; raises Unreadable with what is wrong."""
    readers = {"json": _json, "ndjson": _ndjson, "csv": _csv, "parquet": _parquet, "arrow": _arrow}
    if path.stat().st_size == 0:
        raise Unreadable(NOTHING)
    found = False
    for part in readers[format](path):
        if part.rows or part.skipped:
            found = True
            yield part
    if not found:
        raise Unreadable(NOTHING)


def from_rows(rows: Sequence[Any], first: int = 1) -> Raw:
    """Columns from JSON objects, the first of this number; inputs may lie in an object of their own, "features"."""
    flat = [_flat(row, number) for number, row in enumerate(rows, start=first)]
    names: dict[str, None] = {}
    for row in flat:
        if not names.keys() >= row.keys():
            names |= dict.fromkeys(row)
    columns = {name: [row.get(name) for row in flat] for name in names}
    return Raw(columns, len(flat), np.arange(first, first + len(flat)))


def _flat(row: Any, number: int) -> Mapping[str, Any]:
    if not isinstance(row, Mapping):
        raise Unreadable(f"Row {number} is not an object with a value per column.")
    features = row.get("features")
    if not isinstance(features, Mapping):
        return row
    return {**{name: value for name, value in row.items() if name != "features"}, **features}


def _parsed(text: bytes) -> Any:
    """JSON as a value. NaN, which Python writes though JSON has no such thing, is taken as well."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


def _json(path: Path) -> Iterator[Raw]:
    if path.stat().st_size > BLOCK:
        return _json_list(path)
    try:
        given = _parsed(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"The body is not JSON: {error}.") from error
    rows = given.get("rows") if isinstance(given, Mapping) else given
    if not isinstance(rows, list):
        raise Unreadable('Send a list of objects, or an object with that list as "rows".')
    return iter([from_rows(rows)])


def _json_list(path: Path) -> Iterator[Raw]:
    """Parts of a long list of objects: cut between two of them wherever what lies before is whole JSON by itself."""
    with path.open("rb") as file:
        text, number = file.read(BLOCK), 1
        begin = LIST.match(text)
        if begin is None:
            raise Unreadable("So much JSON is read as a list of objects only. Send a list, or a line per row (NDJSON).")
        text = text[begin.end() :]
        while more := file.read(BLOCK):
            rows, text = _whole_rows(text)
            if rows:
                yield _as_part(rows, number)
                number += len(rows)
            elif len(text) > LONGEST_ROW:
                raise _too_long(number)
            text += more
        last = text.rstrip()
        if begin.group(1):
            last = last.removesuffix(b"}").rstrip()
        try:
            rows = _parsed(b"[" + last)
        except (ValueError, RecursionError) as error:
            raise Unreadable(f"The body is not JSON from row {number} on: {error}.") from error
        yield _as_part(rows, number)


def _whole_rows(text: bytes) -> tuple[list[Any], bytes]:
    """As many rows as are whole at the beginning of the text, and the rest of it.

    A cut inside a row or a string leaves something open, so that the part before does not parse: then an earlier cut is
    tried.
    """
    cuts = [(found.start() + 1, found.end()) for found in BETWEEN.finditer(text)]
    for end, start in cuts[: -MOST_TRIES - 1 : -1]:
        try:
            rows: list[Any] = _parsed(b"[" + text[:end] + b"]")
        except (ValueError, RecursionError):
            continue
        return rows, text[start:]
    return [], text


def _as_part(rows: list[Any], number: int) -> Raw:
    part = from_rows(rows, number)
    part.is_part = True
    return part


def _too_long(number: int) -> Unreadable:
    return Unreadable(f"Row {number} is longer than {LONGEST_ROW // 1024**2} MiB, or what follows is no JSON.")


def _ndjson(path: Path) -> Iterator[Raw]:
    first = 1
    with path.open("rb") as file:
        is_short = path.stat().st_size <= BLOCK
        for lines in _lines(file):
            part = _of_lines(lines, first)
            part.is_part = not is_short
            first += len(lines)
            yield part


def _lines(file: BinaryIO) -> Iterator[list[bytes]]:
    """The lines that are not empty, some megabytes at a time."""
    rest = b""
    while block := file.read(BLOCK):
        whole, found, begun = (rest + block).rpartition(b"\n")
        if not found and len(begun) > LONGEST_ROW:
            raise Unreadable(f"A line is longer than {LONGEST_ROW // 1024**2} MiB. Send one row a line.")
        rest = begun
        if lines := [line for line in whole.splitlines() if line.strip()]:
            yield lines
    if lines := [line for line in rest.splitlines() if line.strip()]:
        yield lines


def _of_lines(lines: list[bytes], first: int) -> Raw:
    try:
        rows = orjson.loads(b"[" + b",".join(lines) + b"]")
        if len(rows) == len(lines) and all(isinstance(row, dict) for row in rows):
            return from_rows(rows, first)
    except orjson.JSONDecodeError:
        pass
    return _of_each_line(lines, first)


def _of_each_line(lines: list[bytes], first: int) -> Raw:
    """Line by line, so that a broken one is told and the others are taken."""
    rows, numbers, skipped = [], [], []
    for number, line in enumerate(lines, start=first):
        try:
            row = _parsed(line)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, Mapping):
            rows.append(row)
            numbers.append(number)
        else:
            skipped.append(RowError(number, "", "is not a JSON object."))
    part = from_rows(rows, first)
    part.numbers, part.skipped = np.array(numbers, dtype=np.int64), skipped
    return part


def _csv(path: Path) -> Iterator[Raw]:
    broken: list[RowError] = []

    def skip(row: Any) -> str:
        said = f"has {row.actual_columns} values where the first line names {row.expected_columns} columns."
        broken.append(RowError(row.number - 1 if row.number else 0, "", said))
        return "skip"

    try:
        with path.open("rb") as file:
            names = next(csv.reader(io.StringIO(file.read(1_000_000).decode("utf-8-sig", "replace"))))
        if len(set(names)) < len(names):
            raise Unreadable("The first line names a column twice, or holds no names. Send the column names first.")
        batches = pa.csv.open_csv(
            str(path),
            read_options=pa.csv.ReadOptions(use_threads=False, block_size=BLOCK),
            parse_options=pa.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=True
            ),
        )
        first = 1
        for batch in batches:
            for part in _slices(batch):
                yield _with_skipped(part, broken, first)
                first += part.rows + len(part.skipped)
    except (pa.ArrowInvalid, pa.ArrowKeyError, csv.Error, StopIteration) as error:
        raise Unreadable(f"The body cannot be read as CSV with a first line of column names: {error}.") from error
    if broken:
        yield Raw({}, 0, np.array([], dtype=np.int64), skipped=broken)


def _with_skipped(part: Raw, broken: list[RowError], first: int) -> Raw:
    """The part with the numbers its rows were sent under, between the broken ones; those up to its end leave `broken`,
    which may know of later ones already.
    """
    numbers = np.arange(first, first + part.rows + len(broken))
    numbers = numbers[~np.isin(numbers, [error.row for error in broken])][: part.rows]
    part.is_text, part.numbers = True, numbers
    part.skipped = [error for error in broken if len(numbers) and error.row < numbers[-1]]
    del broken[: len(part.skipped)]
    return part


def _parquet(path: Path) -> Iterator[Raw]:
    try:
        with pa.parquet.ParquetFile(path, pre_buffer=False) as file:
            first = 1
            for batch in file.iter_batches(batch_size=_rows_of(len(file.schema_arrow))):
                yield _numbered(_checked(batch), first)
                first += batch.num_rows
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(
            "The body cannot be read as Parquet; it is damaged or cut off. Send the file again."
        ) from error


def _arrow(path: Path) -> Iterator[Raw]:
    """A stream is read where it lies: what a part has touched is given back before the next."""
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        with pa.ipc.open_stream(pa.py_buffer(mapped)) as stream:
            first = 1
            for batch in stream:
                batch.validate()
                for part in _slices(batch):
                    yield _numbered(part, first)
                    first += part.rows
                    mapped.madvise(mmap.MADV_DONTNEED)
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable("The body cannot be read as an Arrow stream; it is damaged or cut off.") from error


def _slices(batch: pa.RecordBatch) -> Iterator[Raw]:
    size = _rows_of(batch.num_columns)
    for start in range(0, batch.num_rows, size):
        yield _checked(batch.slice(start, size))


def _rows_of(columns: int) -> int:
    """How many rows a part of so many columns has."""
    return max(1, min(MOST_ROWS, MOST_CELLS // max(columns, 1)))


def _checked(batch: pa.RecordBatch) -> Raw:
    # What others wrote may point outside its own bytes, or call bytes text that are none.
    batch.validate(full=True)
    names = batch.schema.names
    if len(set(names)) < len(names):
        raise Unreadable("A column comes twice. Send each name once.")
    return Raw(dict(zip(names, batch.columns, strict=True)), batch.num_rows, np.arange(1, batch.num_rows + 1))


def _numbered(part: Raw, first: int) -> Raw:
    part.numbers = np.arange(first, first + part.rows)
    return part
