"""Tables on disk: the canonical Parquet file, reading it a piece at a time, and short-lived spools between passes."""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from apps.core.canonical import sha256_of

from .errors import Unreadable
from .schema import Column, Schema

type Progress = Callable[[int, int | None], None]

ROWS_PER_GROUP = 131_072
SCHEMA_KEY = b"tenure.schema"


def silent(rows_done: int, rows_total: int | None) -> None:
    """The progress of someone who does not watch."""


@dataclass(frozen=True)
class TableFile:
    """A canonical file just written: where it is, what it holds, and the hash of its bytes."""

    path: Path
    schema: Schema
    rows: int
    bytes: int
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        """Everything but the path, as plain values."""
        return {
            "schema": self.schema.to_list(),
            "rows": self.rows,
            "bytes": self.bytes,
            "sha256": self.sha256,
        }


class TableWriter:
    """Writes canonical Parquet: row groups of one size however the rows arrive, so equal rows give equal bytes."""

    def __init__(self, path: Path, schema: Schema) -> None:
        self.path = Path(path)
        self.schema = schema
        self.rows = 0
        described = schema.arrow().with_metadata({SCHEMA_KEY: json.dumps(schema.to_list()).encode()})
        self._arrow = described
        self._writer = pq.ParquetWriter(self.path, described, compression="zstd", version="2.6")
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Take the rows of one batch; they reach the disk once a row group is full."""
        if batch.num_rows == 0:
            return
        self._waiting.append(batch)
        self._waiting_rows += batch.num_rows
        self.rows += batch.num_rows
        while self._waiting_rows >= ROWS_PER_GROUP:
            self._flush(ROWS_PER_GROUP)

    def _flush(self, rows: int) -> None:
        table = pa.Table.from_batches(self._waiting).select(self._arrow.names).cast(self._arrow)
        self._writer.write_table(table.slice(0, rows).combine_chunks(), row_group_size=ROWS_PER_GROUP)
        self._waiting = table.slice(rows).to_batches()
        self._waiting_rows = table.num_rows - rows

    def close(self) -> TableFile:
        """Finish the file and hash it."""
        if self._waiting_rows:
            self._flush(self._waiting_rows)
        self._writer.close()
        return TableFile(self.path, self.schema, self.rows, self.path.stat().st_size, sha256_of(self.path))

    def __enter__(self) -> "TableWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._writer.close()
            self.path.unlink(missing_ok=True)


class Table:
    """A canonical file to read from: its schema, its number of rows, and its rows a batch at a time."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        try:
            self._file = pq.ParquetFile(self.path)
        except (OSError, pa.ArrowException) as error:
            raise Unreadable(
                "The stored table cannot be read: the file is damaged or is not Parquet.", code="damaged_table"
            ) from error
        self.rows: int = self._file.metadata.num_rows
        self.groups: int = self._file.metadata.num_row_groups
        self.schema = _schema_inside(self._file.schema_arrow)

    def batches(self, columns: Iterable[str] | None = None, rows: int = ROWS_PER_GROUP) -> Iterator[pa.RecordBatch]:
        """The rows in their order, at most `rows` at once; a batch never spans two row groups."""
        names = self.schema.names if columns is None else list(columns)
        for batch in self._file.iter_batches(batch_size=rows, columns=names):
            yield batch.select(names)

    def column(self, name: str) -> Iterator[pa.Array]:
        """One column, a row group at a time."""
        for batch in self.batches([name]):
            yield batch.column(0)

    def head(self, rows: int = 20) -> list[dict[str, Any]]:
        """The first rows as plain values, for a page."""
        for batch in self.batches(rows=rows):
            return batch.slice(0, rows).to_pylist()
        return []


def _schema_inside(arrow: pa.Schema) -> Schema:
    stored = (arrow.metadata or {}).get(SCHEMA_KEY)
    if stored:
        return Schema.from_list(json.loads(stored))
    from .schema import PHYSICAL

    kinds = {physical: kind for kind, physical in reversed(PHYSICAL.items())}
    unknown = [field.name for field in arrow if field.type not in kinds]
    if unknown:
        raise Unreadable(
            f"The columns {', '.join(unknown)} are not kept the way a stored table keeps them; read the file first.",
            code="not_canonical",
            columns=unknown,
        )
    return Schema(tuple(Column(field.name, kinds[field.type], field.nullable) for field in arrow))


class Spool:
    """Rows put aside between two passes, in a compressed file that goes when the work ends."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tenure-", dir=folder)
        self._path = Path(self._folder.name) / "spool.arrow"
        self._writer: pa.RecordBatchFileWriter | None = None
        self.rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Put one batch aside."""
        if self._writer is None:
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._writer = pa.ipc.new_file(str(self._path), batch.schema, options=options)
        self._writer.write_batch(batch)
        self.rows += batch.num_rows

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Everything put aside, in its order; may be called again."""
        if self._writer is None:
            return
        self._writer.close()
        # Read through a plain file, not a memory map: a map counts as memory of the worker.
        with pa.OSFile(str(self._path)) as file, pa.ipc.open_file(file) as reader:
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)

    def close(self) -> None:
        """Remove the file."""
        if self._writer is not None:
            self._writer.close()
        self._folder.cleanup()

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
