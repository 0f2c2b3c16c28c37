"""The same rows in every format, and every broken one told by row, column and reason."""

import csv
import datetime as dt
import io
import json

import pyarrow as pa
import pyarrow.parquet
import pytest

from apps.monitoring.engine import intake
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


def taken(format, rows, **more):
    return intake.normalise(intake.read(body(format, rows), format), FIELDS, **more)


def told(found):
    return [(error.row, error.column, error.said) for error in found.errors]


@pytest.mark.parametrize("format", ["json", "ndjson", "csv", "parquet", "arrow"])
def test_intake_gives_the_same_table_from_every_format(format):
    found = taken(format, ROWS)
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
def test_intake_tells_broken_values_by_row_and_column(format):
    rows = [
        ROWS[0],
        {**ROWS[1], "month": None, "label": "late"},
        {**ROWS[0], "delay": "soon"},
        {**ROWS[1], "month": 4.5},
    ]
    found = taken(format, rows)
    assert (found.rows, found.refused, found.table.num_rows) == (4, 3, 1)
    assert told(found) == [
        (2, "month", "must have a value."),
        (2, "label", "must be one of false, true."),
        (3, "delay", "must be a number."),
        (4, "month", "must be a whole number."),
    ]


def test_intake_names_missing_and_unknown_columns():
    rows = [{"prediction_id": "a", "month": 4, "speed": 9}]
    with pytest.raises(Unreadable) as refused:
        taken("json", rows)
    assert set(refused.value.fields) == {"delay", "weekend", "carrier", "label", "speed"}
    with pytest.raises(Unreadable) as refused:
        taken("json", [{**ROWS[0], "speed": 9}])
    assert list(refused.value.fields) == ["speed"]
    assert taken("json", [{**ROWS[0], "speed": 9}], strict=False).table.num_rows == 1


def test_intake_takes_inputs_from_their_own_object():
    row = {"prediction_id": "a", "label": True}
    row["features"] = {name: ROWS[0][name] for name in ("delay", "month", "weekend", "carrier")}
    found = taken("json", {"rows": [row]})
    assert found.table.column("_at").null_count == 1
    assert found.table.column("carrier").to_pylist() == ["AA"]


def test_intake_counts_csv_lines_with_too_many_values():
    lines = body("csv", ROWS).decode().splitlines()
    broken = "\n".join([lines[0], lines[1], lines[2] + ",9,9", "too,few", lines[1].replace("True", "?")]).encode()
    found = intake.normalise(intake.read(broken, "csv"), FIELDS)
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
def test_intake_of_what_cannot_be_read_says_what_to_do(format, sent):
    with pytest.raises(Unreadable) as refused:
        intake.normalise(intake.read(sent, format), FIELDS)
    assert refused.value.sentence.endswith(".") or refused.value.fields


def test_intake_keeps_whole_numbers_beyond_what_a_float_tells_apart():
    found = taken("json", [{**ROWS[0], "month": 2**53 + 1}])
    assert found.table.column("month").to_pylist() == [2**53 + 1]
    assert told(taken("json", [{**ROWS[0], "month": 2**64}])) == [
        (1, "month", "must be a whole number of at most 64 bits.")
    ]


def test_intake_takes_not_a_number_for_null():
    table = pa.table({**{name: [row[name] for row in ROWS] for name in ROWS[0]}, "delay": [float("nan"), 2.0]})
    sink = io.BytesIO()
    pa.parquet.write_table(table, sink)
    found = intake.normalise(intake.read(sink.getvalue(), "parquet"), FIELDS)
    assert found.table.column("delay").to_pylist() == [None, 2.0]
