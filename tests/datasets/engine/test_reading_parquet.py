"""Reading Parquet that somebody else wrote: our types, and a sentence for what is damaged or does not fit."""

import datetime as dt
import decimal
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.datasets.engine.errors import BadHeader, DataError, Unreadable, WrongValues
from apps.datasets.engine.options import ReadOptions
from apps.datasets.engine.reading import read
from apps.datasets.engine.tables import Table

from .files import rows_of, written

UTC = dt.UTC


def stored(folder, columns, name="data.csv"):
    """A Parquet file under a name that says otherwise."""
    path = folder / name
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), path)
    return path


def test_every_flat_type_becomes_one_of_ours(tmp_path):
    moment = dt.datetime(2024, 1, 1, 10, tzinfo=UTC)
    path = stored(
        tmp_path,
        {
            "small": pa.array([1, None], pa.int8()),
            "half": pa.array([0.5, float("nan")], pa.float32()),
            "money": pa.array([decimal.Decimal("1.25"), None], pa.decimal128(9, 2)),
            "flag": [True, None],
            "day": pa.array([19723, None], pa.date32()),
            "naive": pa.array([moment.replace(tzinfo=None), None], pa.timestamp("ms")),
            "zoned": pa.array([moment, None], pa.timestamp("ns", "America/New_York")),
            "word": pa.array(["a", None]).dictionary_encode(),
            "big": pa.array(["b", None], pa.large_string()),
            "bytes": pa.array([b"c", None]),
            "span": pa.array([dt.timedelta(seconds=90), None]),
            "nothing": pa.nulls(2),
        },
    )

    reading = read(path, tmp_path / "t.parquet")

    assert {column.name: column.type for column in reading.table.schema} == {
        "small": "integer",
        "half": "number",
        "money": "number",
        "flag": "boolean",
        "day": "date",
        "naive": "datetime",
        "zoned": "datetime",
        "word": "category",
        "big": "string",
        "bytes": "string",
        "span": "number",
        "nothing": "string",
    }
    firsts = {name: values[0] for name, values in rows_of(reading.table.path).items()}
    assert firsts == {
        "small": 1,
        "half": 0.5,
        "money": 1.25,
        "flag": True,
        "day": dt.date(2024, 1, 1),
        "naive": moment,
        "zoned": moment,
        "word": "a",
        "big": "b",
        "bytes": "c",
        "span": 90.0,
        "nothing": None,
    }
    assert all(values[1] is None for values in rows_of(reading.table.path).values())
    assert [warning["code"] for warning in reading.warnings] == ["decimal", "no_zone", "duration"]
    assert reading.kind == "parquet"


def test_a_canonical_table_read_again_is_the_same_file(tmp_path):
    first = read(stored(tmp_path, {"a": [1, 2], "b": ["x", "y"]}), tmp_path / "one.parquet").table
    again = read(first.path, tmp_path / "two.parquet").table

    assert again.sha256 == first.sha256
    assert Table(again.path).rows == 2


@pytest.mark.parametrize("kept", [8, 60, 400, -1])
def test_a_truncated_file_is_refused_in_a_sentence(tmp_path, kept):
    whole = stored(tmp_path, {"a": list(range(1000))}).read_bytes()

    with pytest.raises(Unreadable, match="cut off or damaged") as caught:
        read(written(tmp_path, whole[:kept], "short.parquet"), tmp_path / "t.parquet")
    assert caught.value.code == "damaged_parquet"
    assert not (tmp_path / "t.parquet").exists()


def test_garbage_between_the_marks_is_refused(tmp_path):
    noise = random.Random(1).randbytes(2_000)

    with pytest.raises(Unreadable, match="cut off or damaged"):
        read(written(tmp_path, b"PAR1" + noise + b"PAR1", "noise.parquet"), tmp_path / "t.parquet")


def test_changed_bytes_are_refused_or_read_but_never_anything_else(tmp_path):
    whole = stored(tmp_path, {"a": list(range(2000)), "b": [f"word {n % 50}" for n in range(2000)]}).read_bytes()
    chance = random.Random(7)
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(chance.choice([1, 3, 30])):
            damaged[chance.randrange(4, len(damaged))] = chance.randrange(256)
        try:
            read(written(tmp_path, bytes(damaged), "damaged.parquet"), tmp_path / "t.parquet")
        except DataError as error:
            assert error.sentence.endswith(".")


@pytest.mark.parametrize("value", [[[1, 2]], [{"x": 1}]])
def test_nested_columns_are_refused_by_name(tmp_path, value):
    with pytest.raises(Unreadable, match="Column deep holds lists or records") as caught:
        read(stored(tmp_path, {"a": [1], "deep": value}), tmp_path / "t.parquet")
    assert caught.value.details["column"] == "deep"


def test_bytes_that_are_no_text_are_refused_by_column(tmp_path):
    with pytest.raises(Unreadable, match="Column raw holds values that cannot be kept as string"):
        read(stored(tmp_path, {"raw": [b"\xff\xfe"]}), tmp_path / "t.parquet")


def test_integers_beyond_64_bits_are_refused_by_column(tmp_path):
    with pytest.raises(Unreadable, match="Column huge"):
        read(stored(tmp_path, {"huge": pa.array([2**64 - 1], pa.uint64())}), tmp_path / "t.parquet")


def test_two_columns_of_one_name_are_refused(tmp_path):
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])

    with pytest.raises(BadHeader, match="a names more than one column"):
        read(stored(tmp_path, table), tmp_path / "t.parquet")


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "zero\x00byte"])
def test_a_column_without_a_usable_name_is_refused(tmp_path, name):
    with pytest.raises(BadHeader):
        read(stored(tmp_path, {name: [1], "b": [2]}), tmp_path / "t.parquet")


def test_a_file_without_rows_is_refused(tmp_path):
    with pytest.raises(DataError, match="no rows"):
        read(stored(tmp_path, {"a": pa.array([], pa.int64())}), tmp_path / "t.parquet")


def test_a_file_that_unpacks_beyond_the_limit_is_refused(tmp_path):
    path = stored(tmp_path, {"a": ["the same"] * 100_000, "b": list(range(100_000))})

    with pytest.raises(Unreadable, match="split it into smaller files"):
        read(path, tmp_path / "t.parquet", ReadOptions(max_bytes=10_000))


def test_a_declared_type_that_differs_is_refused(tmp_path):
    with pytest.raises(WrongValues, match="declared as date, but the Parquet file keeps it as integer"):
        read(stored(tmp_path, {"a": [1]}), tmp_path / "t.parquet", ReadOptions(types={"a": "date"}))


def test_an_integer_may_be_declared_a_number_and_text_a_category(tmp_path):
    options = ReadOptions(types={"a": "number", "b": "category"}, units={"a": "EUR"})
    table = read(stored(tmp_path, {"a": [1], "b": ["x"]}), tmp_path / "t.parquet", options).table

    assert [(column.type, column.unit) for column in table.schema] == [("number", "EUR"), ("category", "")]


def test_required_columns_are_held(tmp_path):
    with pytest.raises(WrongValues, match="Column a must not be empty"):
        read(stored(tmp_path, {"a": [1, None]}), tmp_path / "t.parquet", ReadOptions(required=("a",)))
    assert not (tmp_path / "t.parquet").exists()


def test_progress_knows_the_total_from_the_start(tmp_path):
    seen = []
    read(stored(tmp_path, {"a": [1, 2, 3]}), tmp_path / "t.parquet", progress=lambda *step: seen.append(step))

    assert seen == [(3, 3)]
