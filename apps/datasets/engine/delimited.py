"""CSV: finding encoding, delimiter and header, then streaming rows as text, broken lines counted and located."""

import csv
import io
import re
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from .content import Source, encoding_of
from .errors import BadHeader, BrokenRows, Unreadable
from .options import DELIMITERS, ReadOptions
from .schema import counted, listed

BLOCK = 8 * 1024 * 1024
SHOWN = 20
MAX_COLUMNS = 4_000
_SNIFFED = 128 * 1024
_VALUE = re.compile(
    r"\s*([+-]?(\d[\d,]*\.?\d*|\.\d+)([eE][+-]?\d+)?%?|\d{4}-\d\d-\d\d.*|\d{1,2}[./]\d{1,2}[./]\d{2,4}.*|(?i:true|false|nan))\s*"
)


@dataclass
class BrokenReport:
    """The lines with the wrong number of fields: how many, and where the first of them are."""

    total: int = 0
    first: list[dict[str, Any]] = field(default_factory=list)
    numbers: array = field(default_factory=lambda: array("q"))

    def to_dict(self) -> dict[str, Any]:
        """Total and the first lines, as plain values."""
        return {"total": self.total, "first": self.first}


class DelimitedText:
    """A CSV file ready to be streamed: what it is written in, and the names of its columns."""

    def __init__(self, source: Source, options: ReadOptions, looking: bool = False) -> None:
        """With `looking` the encoding is judged by the beginning of the file only."""
        self.source = source
        self.options = options
        self.encoding = options.encoding or encoding_of(source, _SNIFFED if looking else None)
        sample = self._sample()
        self.delimiter = options.delimiter or _delimiter(sample)
        self.names, self.lines_before = _header(sample, self.delimiter, options)
        self.broken = BrokenReport()
        self._good = 0

    def _sample(self) -> str:
        try:
            with self.text() as stream:
                for _ in range(self.options.skip_lines):
                    stream.readline()
                sample = stream.read(_SNIFFED)
        except UnicodeDecodeError as error:
            raise _bad_encoding(self.encoding) from error
        if not sample.strip():
            raise Unreadable("The file holds only empty lines; check the export and bring it again.", code="empty_file")
        return sample

    @contextmanager
    def text(self) -> Iterator[TextIO]:
        """The decoded text from its beginning."""
        with self.source.open() as stream:
            # Wrapped by hand: closing a TextIOWrapper would close a file that is not ours.
            reader = io.TextIOWrapper(io.BufferedReader(_Unclosed(stream)), encoding=self.encoding, newline="")
            yield reader

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The good rows as text, nulls set, in bounded pieces; fills `broken` on the way."""
        self.broken, self._good = BrokenReport(), 0
        try:
            with self.source.open() as stream, self._open_reader(stream) as reader:
                yield from self._counted(reader)
        except UnicodeDecodeError as error:
            raise _bad_encoding(self.encoding) from error
        except pa.ArrowInvalid as error:
            raise _parse_error(error) from error
        self._locate_broken()

    def _open_reader(self, stream: Any) -> arrow_csv.CSVStreamingReader:
        return arrow_csv.open_csv(
            stream,
            read_options=arrow_csv.ReadOptions(
                # One thread: only then are broken rows numbered, and the rows come in their order.
                use_threads=False,
                block_size=BLOCK,
                skip_rows=self.lines_before,
                column_names=self.names,
                encoding="utf8" if self.encoding in ("utf-8", "utf-8-sig") else self.encoding,
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self.delimiter, newlines_in_values=True, invalid_row_handler=self._note_broken
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types={name: pa.string() for name in self.names},
                strings_can_be_null=True,
                null_values=[] if self.options.trim else list(self.options.null_values),
            ),
        )

    def _counted(self, reader: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        last: pa.RecordBatch | None = None
        for batch in reader:
            if batch.num_rows:
                last = batch
                self._good += batch.num_rows
                yield batch
        if last is not None:
            self._refuse_open_quote(last)

    def _note_broken(self, row: arrow_csv.InvalidRow) -> str:
        self.broken.total += 1
        number = row.number - self.lines_before
        self.broken.numbers.append(number)
        if len(self.broken.first) < SHOWN:
            self.broken.first.append(
                {"row": number, "expected": row.expected_columns, "found": row.actual_columns, "text": row.text[:200]}
            )
        return "skip"

    def _refuse_open_quote(self, last: pa.RecordBatch) -> None:
        """A quotation mark that is never closed swallows all lines after it without a broken row: look at the end."""
        value = last.column(last.num_columns - 1)[last.num_rows - 1].as_py()
        if not isinstance(value, str) or "\n" not in value:
            return
        tail = ""
        with self.text() as stream:
            while piece := stream.read(1 << 20):
                tail = (tail + piece)[-1000:]
        if not tail.rstrip("\r\n").endswith('"'):
            row = self.physical_row(self._good - 1)
            line = self.lines_of([row]).get(row)
            raise BrokenRows(
                f"A quotation mark is opened in line {line} before {value.splitlines()[0][:40]!r} and never closed, so "
                "the rest of the file reads as one value. Close the mark, or double it where it belongs to the text.",
                code="open_quote",
                line=line,
                text=value[:200],
            )

    def _locate_broken(self) -> None:
        lines = self.lines_of([entry["row"] for entry in self.broken.first])
        for entry in self.broken.first:
            entry["line"] = lines.get(entry["row"])

    def refuse_broken(self, rows: int) -> None:
        """Raise with the first broken lines and their total, when there are any."""
        if not self.broken.total:
            return
        first = self.broken.first[0]
        raise BrokenRows(
            f"{counted(self.broken.total, 'line')} of {rows + self.broken.total:,} "
            f"{'has' if self.broken.total == 1 else 'have'} the wrong number of fields; the first is line "
            f"{first['line']} with {counted(first['found'], 'field')} where there are "
            f"{counted(first['expected'], 'column')}. Correct the file, or read it with broken rows skipped and "
            "reported.",
            code="broken_rows",
            **self.broken.to_dict(),
        )

    def physical_row(self, good: int) -> int:
        """The number in the file, from 1 and broken rows counted, of the good row with this index from 0."""
        numbers = np.frombuffer(self.broken.numbers, dtype=np.int64) if self.broken.numbers else np.empty(0, np.int64)
        row = good + 1
        while (moved := good + 1 + int(np.searchsorted(numbers, row, side="right"))) != row:
            row = moved
        return row

    def lines_of(self, rows: list[int]) -> dict[int, int]:
        """The line of the file on which each of these rows begins: blank lines and line ends in values move it."""
        wanted, found = set(rows), {}
        if not wanted:
            return {}
        with self.text() as stream:
            for _ in range(self.lines_before):
                stream.readline()
            reader = csv.reader(stream, delimiter=self.delimiter)
            row, line = 0, self.lines_before
            try:
                for fields_ in reader:
                    if fields_:
                        row += 1
                        if row in wanted:
                            found[row] = line + 1
                            if len(found) == len(wanted):
                                break
                    line = self.lines_before + reader.line_num
            except csv.Error:
                return found
        return found


class _Unclosed(io.RawIOBase):
    """A stream passed on without the right to close it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _bad_encoding(encoding: str) -> Unreadable:
    return Unreadable(
        f"The file is not written in {encoding} throughout; leave the encoding to be found out, or save it as UTF-8.",
        code="bad_encoding",
        encoding=encoding,
    )


def _parse_error(error: pa.ArrowInvalid) -> Unreadable:
    text = str(error)
    if "file is too short" in text:  # the header has no line end, so nothing can follow it
        return Unreadable("The file has a header but no rows; check the export and bring it again.", code="no_rows")
    if "straddling" in text or "block" in text:
        return Unreadable(
            "A single row of the file is longer than 8 MB; most often a quotation mark is opened and never closed. "
            "Close the mark, or double it where it belongs to the text.",
            code="row_too_long",
        )
    return Unreadable(
        "The file cannot be divided into rows and fields; most often a quotation mark is opened and never closed. "
        "Check the quotation marks and bring it again.",
        code="not_parsed",
        parser=text[:300],
    )


def _delimiter(sample: str) -> str:
    """The delimiter that divides the most lines into the same number of fields, the most fields among equals."""

    def evenness(delimiter: str) -> tuple[float, int]:
        widths = [len(row) for row in _rows(sample, delimiter, 200)]
        width, lines = Counter(widths).most_common(1)[0]
        return (lines / len(widths), width) if width > 1 else (0.0, width)

    return max(DELIMITERS, key=evenness)


def _rows(sample: str, delimiter: str, at_most: int) -> list[list[str]]:
    rows: list[list[str]] = []
    # The sample may end inside a line; that line would look like a broken one.
    whole = sample if len(sample) < _SNIFFED else sample[: sample.rfind("\n") + 1] or sample
    try:
        for row in csv.reader(io.StringIO(whole, newline=""), delimiter=delimiter):
            if row:
                rows.append(row)
            if len(rows) == at_most:
                break
    except csv.Error:
        pass
    return rows or [[""]]


def _header(sample: str, delimiter: str, options: ReadOptions) -> tuple[list[str], int]:
    """The names of the columns and the number of lines before the first row of values."""
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    try:
        first = next(row for row in reader if row)
    except (StopIteration, csv.Error) as error:
        raise BadHeader("The first line cannot be read as a header.", code="no_header") from error
    first = [name.strip().lstrip("\ufeff") for name in first]
    if len(first) > MAX_COLUMNS:
        raise BadHeader(f"The file has {len(first):,} columns; {MAX_COLUMNS:,} are the most.", code="too_many_columns")
    declared = [name.strip() for name in options.column_names]
    if declared:
        check_names(declared, "declared")
        _check_width(declared, first)
        is_header = [name.lower() for name in first] == [name.lower() for name in declared]
        return declared, options.skip_lines + (reader.line_num if is_header else 0)
    check_names(first, "in the first line", values_beside=not options.trusted_header)
    return first, options.skip_lines + reader.line_num


def _check_width(declared: list[str], first: list[str]) -> None:
    if len(declared) != len(first):
        raise BadHeader(
            f"{counted(len(declared), 'column name')} {'is' if len(declared) == 1 else 'are'} declared, but the first "
            f"row has {counted(len(first), 'field')}. Declare one name for each field.",
            code="wrong_width",
            declared=len(declared),
            found=len(first),
        )


def check_names(names: list[str], where: str, values_beside: bool = False) -> None:
    """Raise BadHeader unless every column has a name of its own that can be shown in one line."""
    values = [name for name in names if _VALUE.fullmatch(name)]
    if values_beside and values:
        raise BadHeader(
            f"The first line holds values ({listed(names, 6)}), not the names of the columns. Add a line with the "
            "names, declare them as column_names, or say that the first line is the header (trusted_header).",
            code="no_header",
            first_line=[name[:200] for name in names[:50]],
        )
    empty = [number for number, name in enumerate(names, 1) if not name]
    if empty:
        raise BadHeader(
            f"{'Column' if len(empty) == 1 else 'Columns'} {listed(empty)} {where} "
            f"{'has' if len(empty) == 1 else 'have'} no name; give every column a name.",
            code="empty_name",
            columns=empty,
        )
    twice = {name: count for name, count in Counter(names).items() if count > 1}
    if twice:
        raise BadHeader(
            f"{listed(twice)} {'names' if len(twice) == 1 else 'name'} more than one column {where}; every column "
            "needs a name of its own.",
            code="duplicate_name",
            names=sorted(twice),
        )
    strange = [name for name in names if len(name) > 200 or any(ord(sign) < 32 for sign in name)]
    if strange:
        raise BadHeader(
            "The name of a column is longer than 200 characters or holds a line end; the first line is probably not a "
            "header.",
            code="strange_name",
            names=[name[:60] for name in strange[:5]],
        )
