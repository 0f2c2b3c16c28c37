"""Long batches part by part: the same rows, numbers and refusals as at once, with no more than a part in the memory."""

import csv
import datetime as dt
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.models.engine.signatures import Signature
from apps.monitoring.engine import keeping, reading, wanted
from apps.monitoring.engine.intake import Unreadable

NOW = dt.datetime(2014, 1, 1, tzinfo=dt.UTC)
LATE = Signature.from_json(
    {
        "task": "binary",
        "target": "late",
        "inputs": [
            {"name": "delay", "type": "number", "nullable": True},
            {"name": "carrier", "type": "string", "nullable": True},
        ],
        "classes": [False, True],
        "threshold": 0.4,
    }
)
COUNT = 400


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Parts of a few rows."""
    monkeypatch.setattr(reading, "MOST_CELLS", 60)
    monkeypatch.setattr(keeping, "MOST_CELLS", 60)
    monkeypatch.setattr(reading, "BLOCK", 2_000)


def rows(count=COUNT):
    return [
        {"prediction_id": f"p-{number}", "score": number / count, "delay": number / 7, "carrier": f"{{{number}}}, {{"}
        for number in range(count)
    ]


def encoded(sent, format):
    sink = io.BytesIO()
    if format == "json":
        return json.dumps(sent).encode()
    if format == "rows":
        return json.dumps({"rows": sent}, indent=1).encode()
    if format == "ndjson":
        return "\n".join(map(json.dumps, sent)).encode()
    if format == "csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, sent[0].keys())
        writer.writeheader()
        writer.writerows(sent)
        return text.getvalue().encode()
    table = pa.Table.from_pylist(sent)
    if format == "parquet":
        pq.write_table(table, sink)
    else:
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
    return sink.getvalue()


@pytest.fixture
def keep(tmp_path):
    """`keep(bytes, format, keep_good)`: what became of them, and the file."""

    def kept(sent, format, keep_good=True):
        (tmp_path / "sent").write_bytes(sent)
        parts = reading.read(tmp_path / "sent", "json" if format == "rows" else format)
        take = lambda raw: wanted.take_predictions(raw, LATE, NOW)  # noqa: E731
        return keeping.keep(parts, take, tmp_path / "rows.parquet", keep_good=keep_good), tmp_path / "rows.parquet"

    return kept


FORMATS = ["json", "rows", "ndjson", "csv", "parquet", "arrow"]


@pytest.mark.parametrize("format", FORMATS)
def test_long_batch_is_kept_in_parts_as_it_was_sent(keep, format):
    found, path = keep(encoded(rows(), format), format)
    table = pq.read_table(path)
    assert (found.rows, found.sent, found.refused, found.errors) == (COUNT, COUNT, 0, [])
    assert pq.ParquetFile(path).num_row_groups > 5
    assert table.column("_id").to_pylist() == [row["prediction_id"] for row in rows()]
    assert table.column("carrier").to_pylist() == [row["carrier"] for row in rows()]
    assert np.allclose(table.column("delay"), [row["delay"] for row in rows()])


def test_kept_text_is_read_each_value_once_and_ids_as_they_are(keep):
    _, path = keep(encoded([{**row, "carrier": "AA"} for row in rows()], "json"), "json")
    with keeping.opened(path) as file:
        table = file.read()
    assert pa.types.is_string(table.schema.field("_id").type)
    assert all(part.dictionary.to_pylist() == ["AA"] for part in table.column("carrier").chunks)
    assert table.column("_id").to_pylist() == [row["prediction_id"] for row in rows()]


FLOATS = {
    "measured": lambda random: random.normal(size=5_000),
    "whole": lambda random: random.integers(0, 90, 5_000).astype(float),
    "half": lambda random: random.normal(size=5_000).astype(np.float32),
    "price": lambda random: random.choice([9.99, 14.5, 20.45, 99.9, 3.35], 5_000),
    "missing": lambda random: np.full(5_000, np.nan),
}


@pytest.mark.parametrize(("plain", "parted"), [(False, {"measured", "whole", "half"}), (True, set())])
def test_floats_are_written_with_their_bytes_parted_where_that_is_smaller(tmp_path, plain, parted):
    random, path = np.random.default_rng(1), tmp_path / "rows.parquet"
    table = pa.table({name: pa.array(make(random), from_pandas=True) for name, make in FLOATS.items()})
    table = table.append_column("none", pa.nulls(5_000, pa.float64())).append_column("id", pa.array(range(5_000)))
    pq.write_table(table, path, **keeping.written(table, plain=plain))
    columns = [pq.read_metadata(path).row_group(0).column(place) for place in range(table.num_columns)]
    assert {one.path_in_schema for one in columns if "BYTE_STREAM_SPLIT" in one.encodings} == parted
    assert pq.read_table(path).equals(table)


@pytest.mark.parametrize("format", FORMATS)
def test_rows_of_later_parts_are_told_by_the_number_they_were_sent_under(keep, format):
    sent = rows()
    sent[250]["score"] = None
    sent[399]["prediction_id"] = None
    found, path = keep(encoded(sent, format), format)
    assert [(error.row, error.column) for error in found.errors] == [(251, "score"), (400, "prediction_id")]
    assert (found.rows, found.refused, pq.read_metadata(path).num_rows) == (398, 2, 398)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("keep_good", [True, False])
def test_id_that_comes_again_in_another_part_counts_where_it_came_last(keep, format, keep_good):
    sent = rows()
    sent[390]["prediction_id"] = sent[3]["prediction_id"]
    found, path = keep(encoded(sent, format), format, keep_good)
    assert [(error.row, error.said) for error in found.errors] == [(4, "is used again further down.")]
    assert found.refused == 1
    if keep_good:
        ids = pq.read_table(path).column("_id").to_pylist()
        assert (found.rows, len(ids), ids.index("p-3"), ids[3]) == (399, 399, 389, "p-4")


def test_ids_of_one_hash_are_two_ids(keep, monkeypatch):
    monkeypatch.setattr(keeping, "hash", lambda name: 7, raising=False)
    found, _ = keep(encoded(rows(), "ndjson"), "ndjson")
    assert (found.rows, found.refused) == (COUNT, 0)


def test_broken_lines_between_parts_are_told_and_skipped(keep):
    lines = encoded(rows(), "ndjson").splitlines()
    lines[200], lines[399] = b'{"prediction_id": ', b"[1]"
    found, _ = keep(b"\n".join(lines), "ndjson")
    assert [(error.row, error.said) for error in found.errors] == [
        (201, "is not a JSON object."),
        (400, "is not a JSON object."),
    ]
    text = encoded(rows(), "csv").splitlines()
    text[201] += b",1,2"
    text[400] = b"x"
    found, _ = keep(b"\n".join(text), "csv")
    assert ([error.row for error in found.errors], found.sent, found.rows) == ([200 + 1, 400], 400, 398)


def test_column_that_comes_in_some_parts_only_is_null_in_the_others_and_one_that_never_comes_is_missed(keep):
    sent = rows()
    for row in sent[:390]:
        del row["delay"]
    found, path = keep(encoded(sent, "ndjson"), "ndjson")
    assert (found.rows, pq.read_table(path).column("delay").null_count) == (COUNT, 390)
    for row in sent:
        row.pop("delay", None)
    with pytest.raises(Unreadable, match="delay is missing"):
        keep(encoded(sent, "ndjson"), "ndjson")


def test_only_the_first_hundred_refused_rows_are_told_and_all_are_counted(keep):
    sent = [{**row, "score": "high"} for row in rows()]
    found, _ = keep(encoded(sent, "ndjson"), "ndjson")
    assert ([error.row for error in found.errors], found.refused) == (list(range(1, 101)), COUNT)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (lambda text: text[:-40], "from row"),
        (lambda text: text[:5_000] + b'"' + text[5_000:], "longer than|from row|is not"),
        (lambda text: b'{"more": 1, "rows": ' + text + b"}", "list of objects only"),
    ],
)
def test_long_json_that_is_none_is_refused(keep, monkeypatch, sent, said):
    monkeypatch.setattr(reading, "LONGEST_ROW", 10_000)
    with pytest.raises(Unreadable, match=said):
        keep(sent(encoded(rows(), "json")), "json")


def test_line_without_end_is_refused(keep, monkeypatch):
    monkeypatch.setattr(reading, "LONGEST_ROW", 10_000)
    with pytest.raises(Unreadable, match="A line is longer"):
        keep(b'{"prediction_id": "' + b"a" * 20_000 + b'"}', "ndjson")
