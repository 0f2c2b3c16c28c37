"""Small files to read, written where a test wants them."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from apps.datasets.engine.options import ReadOptions
from apps.datasets.engine.reading import Reading, read
from apps.datasets.engine.tables import Table


def written(folder: Path, content: str | bytes, name: str = "data.csv") -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def reading_of(folder: Path, content: str | bytes, **options: Any) -> Reading:
    """What comes of reading this content."""
    return read(written(folder, content), folder / "table.parquet", ReadOptions(**options))


def table_of(folder: Path, columns: dict[str, Any], name: str = "made.parquet", **options: Any) -> Table:
    """A canonical table with these columns."""
    source = folder / f"source-{name}"
    pq.write_table(pa.table(columns), source)
    return Table(read(source, folder / name, ReadOptions(**options)).table.path)


def rows_of(path: Path) -> dict[str, list[Any]]:
    """All rows of a table, column by column."""
    return pq.read_table(path).to_pydict()
