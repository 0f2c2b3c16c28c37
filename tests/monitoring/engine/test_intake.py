"""The same rows in every format, and every broken one told by row, column and reason."""

import csv
import datetime as dt
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from apps.monitoring.engine import intake, reading
from apps.monitoring.engine.intake import Field, Unreadable

FIELDS = [
    Field("prediction_id", "string", nullable=False, kept_as="_id"),
    Field("event_time", "time", optional=True, kept_as="_at"),
    Field("delay", "number"),
    Field("month", "integer", nullable=False),
    Field("weekend", "boolean"),
    Field("carrier", "string"),
    Field("label", "class", kept_as="_prediction", classes=(False, True)),
]
ROWS = [
    {
        "prediction_id": "a-1",
        "event_time": "2013-04-01T05:00:00+02:00",
        "delay": 3,
        "month": 4,
        "weekend": False,
        "carrier": "AA",
        "label": True,
    },
    {
        "prediction_id": "a-2",
        "event_time": "2013-04-01",
        "delay": None,
        "month": 4,
        "weekend": True,
        "carrier": None,
        "label": False,
    },
]


def nothing():
    sink = io.BytesIO()
    pa.parquet.write_table(pa.Table.from_pylist(ROWS).slice(0, 0), sink)
    return sink.getvalue()


def body(format, rows):
    if format == "json":
        return json.dumps(rows).encode()
    if format == "ndjson":
        return "\n".join(map(json.dumps, rows)).encode()
    if format == "csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue().encode()
    table, sink = pa.Table.from_pylist(rows), io.BytesIO()
    if format == "parquet":
        pa.parquet.write_table(table, sink)
    else:
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
    return sink.getvalue()


@pytest.fixture
def take(tmp_path):
    """`take(format, bytes)`: everything the parts give, put together."""

    def taken(format, sent, **more):
        path = tmp_path / "sent"
        path.write_bytes(sent)
        found = [intake.normalise(part, FIELDS, **more) for part in reading.read(path, format)]
        errors = intake.first_of(error for one in found for error in one.errors)
        table, numbers = pa.concat_tables(one.table for one in found), np.concatenate([one.numbers for one in found])
        rows, refused = (sum(getattr(one, name) for one in found) for name in ("rows", "refused"))
        return intake.Intake(table, numbers, rows, refused, errors)

    return taken


def told(found):
    return [(error.row, error.column, error.said) for error in found.errors]


@pytest.mark.parametrize("format", ["json", "ndjson", "csv", "parquet", "arrow"])
def test_intake_gives_the_same_table_from_every_format(take, format):
    found = take(format, body(format, ROWS))
    assert (found.rows, found.refused, told(found)) == (2, 0, [])
    assert found.table.to_pylist() == [
        {
            "_id": "a-1",
            "_at": dt.datetime(2013, 4, 1, 3, tzinfo=dt.UTC),
            "delay": 3.0,
            "month": 4,
            "weekend": False,
            "carrier": "AA",
            "_prediction": "1",
        },
        {
            "_id": "a-2",
            "_at": dt.datetime(2013, 4, 1, tzinfo=dt.UTC),
            "delay": None,
            "month": 4,
            "weekend": True,
            "carrier": None,
            "_prediction": "0",
        },
    ]


@pytest.mark.parametrize("format", ["json", "ndjson", "csv"])
def test_intake_tells_broken_values_by_row_and_column(take, format):
    rows = [
        ROWS[0],
        {**ROWS[1], "month": None, "label": "late"},
        {**ROWS[0], "delay": "soon"},
        {**ROWS[1], "month": 4.5},
    ]
    found = take(format, body(format, rows))
    assert (found.rows, found.refused, found.table.num_rows) == (4, 3, 1)
    assert told(found) == [
        (2, "month", "must have a value."),
        (2, "label", "must be one of false, true."),
        (3, "delay", "must be a number."),
        (4, "month", "must be a whole number."),
    ]


def test_intake_names_missing_and_unknown_columns(take):
    rows = [{"prediction_id": "a", "month": 4, "speed": 9}]
    with pytest.raises(Unreadable) as refused:
        take("json", body("json", rows))
    assert set(refused.value.fields) == {"delay", "weekend", "carrier", "label", "speed"}
    with pytest.raises(Unreadable) as refused:
        take("json", body("json", [{**ROWS[0], "speed": 9}]))
    assert list(refused.value.fields) == ["speed"]
    assert take("json", body("json", [{**ROWS[0], "speed": 9}]), strict=False).table.num_rows == 1


def test_intake_takes_inputs_from_their_own_object(take):
    row = {"prediction_id": "a", "label": True}
    row["features"] = {name: ROWS[0][name] for name in ("delay", "month", "weekend", "carrier")}
    found = take("json", body("json", {"rows": [row]}))
    assert found.table.column("_at").null_count == 1
    assert found.table.column("carrier").to_pylist() == ["AA"]


def test_intake_counts_csv_lines_with_too_many_values(take):
    lines = body("csv", ROWS).decode().splitlines()
    broken = "\n".join([lines[0], lines[1], lines[2] + ",9,9", "too,few", lines[1].replace("True", "?")]).encode()
    found = take("csv", broken)
    assert (found.rows, found.refused, found.table.num_rows) == (4, 3, 1)
    assert [(row, column) for row, column, _ in told(found)] == [(2, ""), (3, ""), (4, "label")]


@pytest.mark.parametrize(
    ("format", "sent"),
    [
        ("json", b""),
        ("json", b"{"),
        ("json", b"[]"),
        ("json", b'[{"\\ud800": 1}]'),
        ("csv", b"id,month\n"),
        ("parquet", nothing()),
        ("json", b"3"),
        ("json", b"[3]"),
        ("json", b"[" * 100_000),
        ("csv", b"\xff\xfe\x00"),
        ("csv", b"a-1,3,4\na-2,4,5\n"),
        ("csv", b"x,x\n1,2\n"),
        ("parquet", b"PAR1 and nothing more"),
        ("parquet", body("parquet", ROWS)[:-20]),
        ("arrow", b"\x00\x01"),
        ("arrow", body("arrow", ROWS)[:40]),
        ("arrow", body("arrow", ROWS).replace(b"a-1", b"\xff\xff\xff")),
    ],
)
def test_intake_of_what_cannot_be_read_says_what_to_do(take, format, sent):
    with pytest.raises(Unreadable) as refused:
        take(format, sent)
    assert refused.value.sentence.endswith(".") or refused.value.fields


def test_intake_keeps_whole_numbers_beyond_what_a_float_tells_apart(take):
    found = take("json", body("json", [{**ROWS[0], "month": 2**53 + 1}]))
    assert found.table.column("month").to_pylist() == [2**53 + 1]
    assert told(take("json", body("json", [{**ROWS[0], "month": 2**64}]))) == [
        (1, "month", "must be a whole number of at most 64 bits.")
    ]


def test_intake_takes_not_a_number_for_null(take):
    table = pa.table({**{name: [row[name] for row in ROWS] for name in ROWS[0]}, "delay": [float("nan"), 2.0]})
    sink = io.BytesIO()
    pa.parquet.write_table(table, sink)
    found = take("parquet", sink.getvalue())
    assert found.table.column("delay").to_pylist() == [None, 2.0]
