"""Kept batches as a tool reads them: `python read_kept.py pyarrow|duckdb|polars|spark|spark-by-rows folder`.

Prints JSON: rows, for each number its count and sum, for each text its distinct values, and the names of the columns
that the folders give.
"""

import json
import sys
from typing import Any

NUMBERS, TEXTS, FOLDERS = ["_score", "delay", "fare", "seats"], ["_id", "carrier"], ["endpoint", "kind", "date", "hour"]


def by_sql(name: str) -> str:
    """One question that DuckDB and Spark both understand."""
    numbers = [f"count({one}) AS n_{one}, CAST(sum({one}) AS DOUBLE) AS s_{one}" for one in NUMBERS]
    texts = [f"count(DISTINCT {one}) AS d_{one}" for one in TEXTS]
    flags = ["sum(CAST(international AS INT)) AS flags", "CAST(max(_at) AS DATE) AS last"]
    return f"SELECT count(*) AS rows, {', '.join(numbers + texts + flags)} FROM {name}"


def pyarrow(folder: str) -> tuple[dict[str, Any], list[str]]:
    """PyArrow, which wrote them."""
    from pyarrow import compute, dataset

    table = dataset.dataset(folder, format="parquet", partitioning="hive").to_table()
    said: dict[str, Any] = {"rows": table.num_rows, "flags": compute.sum(table["international"]).as_py()}
    said |= {"last": compute.max(table["_at"]).as_py().date()}
    for one in NUMBERS:
        said |= {f"n_{one}": compute.count(table[one]).as_py(), f"s_{one}": float(compute.sum(table[one]).as_py())}
    return said | {f"d_{one}": compute.count_distinct(table[one]).as_py() for one in TEXTS}, table.column_names


def duckdb(folder: str) -> tuple[dict[str, Any], list[str]]:
    """DuckDB."""
    import duckdb as library

    source = f"read_parquet('{folder}/**/*.parquet', hive_partitioning = true)"
    found = library.sql(by_sql(source))
    columns = library.sql(f"SELECT * FROM {source} LIMIT 0").columns
    return dict(zip(found.columns, found.fetchall()[0], strict=True)), columns


def polars(folder: str) -> tuple[dict[str, Any], list[str]]:
    """Polars."""
    import polars as library

    table = library.scan_parquet(f"{folder}/**/*.parquet", hive_partitioning=True).collect()
    said: dict[str, Any] = {"rows": table.height, "flags": table["international"].sum()}
    said |= {"last": table["_at"].max().date()}
    for one in NUMBERS:
        said |= {f"n_{one}": table[one].count(), f"s_{one}": float(table[one].sum())}
    return said | {f"d_{one}": table[one].drop_nulls().n_unique() for one in TEXTS}, table.columns


def spark(folder: str, *, vectorized: bool = True) -> tuple[dict[str, Any], list[str]]:
    """Spark, on one core of this machine."""
    from pyspark.sql import SparkSession

    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.parquet.enableVectorizedReader": str(vectorized).lower(),
    }
    session = SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    table = session.read.parquet(folder)
    table.createOrReplaceTempView("kept")
    return session.sql(by_sql("kept")).first().asDict(), table.columns


READERS = {
    "pyarrow": pyarrow,
    "duckdb": duckdb,
    "polars": polars,
    "spark": spark,
    "spark-by-rows": lambda folder: spark(folder, vectorized=False),
}
said, columns = READERS[sys.argv[1]](sys.argv[2])
print(json.dumps({**said, "folders": [one for one in FOLDERS if one in columns]}, default=str))
