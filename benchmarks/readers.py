"""Kept batches read by others: DuckDB, Polars and Spark beside PyArrow, on the same files. Nothing here is a test.

    python -m benchmarks.readers [--rows 100000]

The rows go through the engine as those of a sender do, once as they are kept and once with TENURE_PLAIN_BATCHES. Every
reader runs in an environment of its own; Spark needs Java. The exit status is 1 when one of them reads something else
than PyArrow does, or does not read what it should.
"""

import argparse
import datetime as dt
import json
import math
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
django.setup()

import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

from apps.models.engine.signatures import Signature  # noqa: E402
from apps.monitoring.engine import keeping, reading, wanted  # noqa: E402
from benchmarks import environments  # noqa: E402

# Environment, how it reads, and whether it reads what is not written plainly.
READERS = [
    ("duckdb", "duckdb", True),
    ("polars", "polars", True),
    ("spark", "spark", True),
    ("spark-3", "spark", False),
    ("spark-3", "spark-by-rows", True),
]
START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
SIGNATURE = Signature.from_json(
    {
        "task": "binary",
        "target": "late",
        "classes": [False, True],
        "threshold": 0.5,
        "inputs": [
            {"name": "delay", "type": "number", "nullable": True},
            {"name": "fare", "type": "number"},
            {"name": "seats", "type": "integer"},
            {"name": "carrier", "type": "string", "nullable": True},
            {"name": "international", "type": "boolean"},
        ],
    }
)


def sent(count: int) -> pa.Table:
    """Predictions with floats that do not repeat and floats that do, whole numbers, text, truth values and nulls."""
    random = np.random.default_rng(1)
    return pa.table(
        {
            "prediction_id": [f"flight-{number}" for number in range(count)],
            "event_time": pa.array([START + dt.timedelta(seconds=number % 3600) for number in range(count)]),
            "score": random.uniform(size=count),
            "delay": pa.array(random.normal(size=count), mask=random.random(count) < 0.02),
            "fare": random.choice([49.9, 89.95, 120.35, 249.0], count),
            "seats": random.integers(20, 400, count),
            "carrier": pa.array(random.choice(["AA", "DL", "UA"], count), mask=random.random(count) < 0.01),
            "international": random.random(count) < 0.3,
        }
    )


def keep(table: pa.Table, folder: Path, *, plain: bool) -> list[str]:
    """Two batches in the folders that the portal makes; the columns whose bytes are parted."""
    now, half = START + dt.timedelta(days=1), table.num_rows // 2
    for hour, part in ((9, table.slice(0, half)), (10, table.slice(half))):
        path = folder / f"endpoint=late-arrivals/kind=predictions/date=2026-03-01/hour={hour:02}" / "rows.parquet"
        path.parent.mkdir(parents=True)
        taken = path.with_suffix(".arrow")
        with pa.ipc.new_stream(taken, part.schema) as stream:
            stream.write_table(part)
        take = lambda raw: wanted.take_predictions(raw, SIGNATURE, now)  # noqa: E731
        kept = keeping.keep(reading.read(taken, "arrow"), take, path, keep_good=False, plain=plain)
        taken.unlink()
        if kept.refused:
            raise SystemExit(f"Rows were refused: {kept.errors}")
    first = pq.read_metadata(path).row_group(0)
    columns = [first.column(place) for place in range(first.num_columns)]
    return [one.path_in_schema for one in columns if "BYTE_STREAM_SPLIT" in one.encodings]


def differing(found: dict[str, Any], said: dict[str, Any]) -> list[str]:
    """The names under which two readers say different things; sums may differ as the order of adding lets them."""
    return [name for name, value in said.items() if not is_same(found[name], value)]


def is_same(one: Any, other: Any) -> bool:
    """Whether two figures are one, but for the order in which floats were added."""
    return math.isclose(one, other, rel_tol=1e-9) if isinstance(other, float) else bool(one == other)


def main() -> int:
    """Keep, read and compare."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, default=100_000)
    table, wrong = sent(asked.parse_args().rows), 0
    with tempfile.TemporaryDirectory() as place:
        for plain in (False, True):
            folder = Path(place) / ("plain" if plain else "kept")
            parted = keep(table, folder, plain=plain)
            said = environments.run("pyarrow", "read_kept.py", "pyarrow", folder)
            print(f"\n{table.num_rows:,} rows, bytes parted of: {', '.join(parted) or 'nothing'}")
            for environment, how, is_newer in READERS:
                wrong += read(environment, how, folder, said, is_wanted=plain or is_newer)
    return int(wrong > 0)


def read(environment: str, how: str, folder: Path, said: dict[str, Any], *, is_wanted: bool) -> bool:
    """Whether a reader does something else than it should; prints what it does."""
    name = f"{environment} {'row by row' if how.endswith('by-rows') else ''}"
    try:
        found = environments.run(environment, "read_kept.py", how, folder)
    except SystemExit as error:
        print(f"  {name:24} does not read them{'' if is_wanted else ', as is known'}")
        if is_wanted:
            print(error)
        return is_wanted
    except environments.NotHere as error:
        print(f"  {name:24} not asked: {error}")
        return False
    apart = differing(found, said)
    print(f"  {name:24} {'reads the same' if not apart else json.dumps({one: found[one] for one in apart})}")
    return bool(apart)


if __name__ == "__main__":
    sys.exit(main())
