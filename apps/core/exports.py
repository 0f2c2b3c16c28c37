"""Rows of a page as a file: CSV for spreadsheet programs, Parquet for everything that computes."""

import csv
import datetime as dt
import io
from collections.abc import Iterable, Sequence
from typing import Any

from django.http import HttpResponse
from django.utils.text import slugify

FORMATS = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
MOST_ROWS = 100_000
PLAIN = (bool, int, float, dt.datetime, dt.date)


def answer(name: str, heads: Sequence[str], rows: Iterable[Sequence[Any]], format: str) -> HttpResponse:
    """The rows as a file to download; `format` is one of FORMATS. Everything that is no number or moment is text."""
    body = _csv(heads, rows) if format == "csv" else _parquet(heads, rows)
    return file(f"{slugify(name) or 'list'}.{format}", body, FORMATS[format])


def file(name: str, body: bytes, content_type: str) -> HttpResponse:
    """Bytes to download under a name of plain letters."""
    response = HttpResponse(body, content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _csv(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(heads)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    # A leading = + - @ would be run as a formula by spreadsheet programs.
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in {"=", "+", "@"} or (text[:1] == "-" and not text[1:2].isdigit()) else text


def _parquet(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = list(zip(*rows, strict=True)) or [()] * len(heads)
    table = pa.table([_array(column) for column in columns], names=list(heads))
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def _array(column: Sequence[Any]) -> Any:
    """One column: of one type where its values have one, whole numbers beside others as floats, else as text."""
    import pyarrow as pa

    kinds = {type(value) for value in column if value is not None}
    if not kinds:
        return pa.array(column, pa.string())
    if kinds <= {int, float} and len(kinds) == 2:
        return pa.array(column, pa.float64())
    if len(kinds) == 1 and kinds <= set(PLAIN):
        return pa.array(column)
    return pa.array([None if value is None else str(value) for value in column], pa.string())
