"""Reading CSV: types from all values, oddities reported by line, and a sentence for everything that cannot be read."""

import datetime as dt
import gzip
import io
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.canonical import sha256_of
from apps.datasets.engine import content, delimited
from apps.datasets.engine.errors import BadHeader, BrokenRows, DataError, Unreadable, WrongValues
from apps.datasets.engine.options import ReadOptions
from apps.datasets.engine.reading import read
from apps.datasets.engine.tables import Table

from .files import reading_of, rows_of, written

UTC = dt.UTC


def test_types_are_found_from_all_values(tmp_path):
    text = (
        "i,n,b,d,t,s\n"
        + "1,1.5,true,2024-02-29,2024-02-29T10:00:00Z,one\n2,3,FALSE,2024-03-01,2024-02-29 12:00+02:00,\n"
    )

    reading = reading_of(tmp_path, text)

    assert [(column.name, column.type) for column in reading.table.schema] == [
        ("i", "integer"),
        ("n", "number"),
        ("b", "boolean"),
        ("d", "date"),
        ("t", "datetime"),
        ("s", "string"),
    ]
    moment = dt.datetime(2024, 2, 29, 10, tzinfo=UTC)
    assert rows_of(reading.table.path) == {
        "i": [1, 2],
        "n": [1.5, 3.0],
        "b": [True, False],
        "d": [dt.date(2024, 2, 29), dt.date(2024, 3, 1)],
        "t": [moment, moment],
        "s": ["one", None],
    }
    assert reading.table.sha256 == sha256_of(reading.table.path)
    assert reading.nulls["s"] == 1


def test_a_type_holds_for_the_whole_file_and_not_for_its_first_block(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "BLOCK", 64)
    text = "a,b\n" + "1,1\n" * 200 + "2.5,x\n"

    reading = reading_of(tmp_path, text)

    assert [column.type for column in reading.table.schema] == ["number", "string"]
    assert rows_of(reading.table.path)["a"][-1] == 2.5
    assert reading.report()["warnings"][0]["code"] == "mostly_numbers"
    assert "'x'" in reading.report()["warnings"][0]["sentence"]


def test_few_repeated_texts_are_a_category(tmp_path):
    reading = reading_of(tmp_path, "k,v\n" + "a,1\nb,2\n" * 10)

    assert reading.table.schema["k"].type == "category"


def test_numbers_with_leading_zeros_stay_text(tmp_path):
    reading = reading_of(tmp_path, "zip,n\n07030,1\n10001,2\n")

    assert rows_of(reading.table.path)["zip"] == ["07030", "10001"]
    assert [warning["code"] for warning in reading.warnings] == ["leading_zeros"]


@pytest.mark.parametrize("value", ["0x1F", "99999999999999999999"])
def test_identifiers_that_a_parser_could_take_for_numbers_stay_text(tmp_path, value):
    assert rows_of(reading_of(tmp_path, f"id,n\n{value},1\n").table.path)["id"] == [value]


@pytest.mark.parametrize("mark", ["NA", "", "NaN", "null"])
def test_usual_marks_are_missing_values(tmp_path, mark):
    assert rows_of(reading_of(tmp_path, f"a,b\n1,x\n{mark},y\n").table.path)["a"] == [1, None]


def test_marks_with_spaces_are_missing_when_values_are_trimmed(tmp_path):
    text = "39, State-gov\n50, ?\n"

    plain = reading_of(tmp_path, text, column_names=("age", "work"))
    assert rows_of(plain.table.path) == {"age": [39, 50], "work": [" State-gov", " ?"]}
    trimmed = reading_of(tmp_path, text, column_names=("age", "work"), trim=True, null_values=("?",))
    assert rows_of(trimmed.table.path) == {"age": [39, 50], "work": ["State-gov", None]}
    assert trimmed.warnings == []


def test_spaces_and_question_marks_are_pointed_out(tmp_path):
    reading = reading_of(tmp_path, "39, gov\n50, ?\n" * 10, column_names=("age", "work"))

    assert [warning["code"] for warning in reading.warnings] == ["padded", "missing_mark"]
    assert "20 values in work" in reading.warnings[0]["sentence"]
    assert "'?' stands 10 times in work" in reading.warnings[1]["sentence"]


def test_numbers_with_a_decimal_comma_are_read_when_declared(tmp_path):
    reading = reading_of(tmp_path, "a;b\n1.234,5;x\n-2,25;y\n", decimal_comma=True)

    assert reading.delimiter == ";"
    assert rows_of(reading.table.path)["a"] == [1234.5, -2.25]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path, delimiter):
    reading = reading_of(tmp_path, f"a{delimiter}b\n1{delimiter}x\n2{delimiter}y\n")

    assert reading.delimiter == delimiter
    assert reading.table.schema.names == ["a", "b"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_the_encoding_is_found(tmp_path, encoding):
    reading = reading_of(tmp_path, "name,town\nJosé,Malmö\n".encode(encoding))

    assert rows_of(reading.table.path) == {"name": ["José"], "town": ["Malmö"]}
    assert reading.encoding == encoding
    assert [warning["code"] for warning in reading.warnings] == (["encoding"] if encoding == "latin-1" else [])


def test_windows_signs_are_not_read_as_control_codes(tmp_path):
    reading = reading_of(tmp_path, "price,what\n5,“10 €”\n".encode("cp1252"))

    assert rows_of(reading.table.path)["what"] == ["“10 €”"]


def test_a_wrong_declared_encoding_is_refused(tmp_path):
    with pytest.raises(Unreadable, match="not written in utf-8 throughout"):
        reading_of(tmp_path, "name,n\nJosé,1\n".encode("latin-1"), encoding="utf-8")


def test_packed_files_are_read(tmp_path):
    text = b"a,b\n1,x\n2,y\n"
    (tmp_path / "data.csv.gz").write_bytes(gzip.compress(text, mtime=0))
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("inner.csv", text)

    for name, packing in (("data.csv.gz", "gzip"), ("data.zip", "zip")):
        reading = read(tmp_path / name, tmp_path / "table.parquet")
        assert (reading.packing, rows_of(reading.table.path)) == (packing, {"a": [1, 2], "b": ["x", "y"]})


def test_a_file_object_is_read_and_left_open(tmp_path):
    file = io.BytesIO(b"a,b\n1,x\n")

    assert read(file, tmp_path / "table.parquet").table.rows == 1
    assert not file.closed


def test_a_packed_file_may_not_unpack_without_end(tmp_path):
    path = written(tmp_path, gzip.compress(b"a,b\n" + b"1,x\n" * 100_000))

    with pytest.raises(Unreadable, match="unpacks to more than") as caught:
        read(path, tmp_path / "table.parquet", ReadOptions(max_bytes=10_000))
    assert caught.value.code == "too_large"


def test_broken_rows_are_refused_with_line_numbers_and_total(tmp_path):
    text = 'a,b\n1,"two\nlines"\n\n3\n4,5\n6,7,8\n' + "9\n" * 30

    with pytest.raises(BrokenRows) as caught:
        reading_of(tmp_path, text)

    error = caught.value
    assert error.details["total"] == 32
    assert len(error.details["first"]) == 20
    assert [(row["line"], row["found"], row["expected"]) for row in error.details["first"][:3]] == [
        (5, 1, 2),
        (7, 3, 2),
        (8, 1, 2),
    ]
    assert "32 lines of 34" in error.sentence and "line 5" in error.sentence
    assert not (tmp_path / "table.parquet").exists()


def test_broken_rows_are_skipped_and_reported_when_asked(tmp_path):
    reading = reading_of(tmp_path, "a,b\n1,2\n3\n4,5\n", broken_rows="skip")

    assert rows_of(reading.table.path) == {"a": [1, 4], "b": [2, 5]}
    assert reading.broken["total"] == 1
    assert reading.broken["first"][0]["line"] == 3
    assert reading.warnings[0]["sentence"] == "1 line with the wrong number of fields was left out."


def test_broken_rows_are_located_across_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "BLOCK", 200)

    with pytest.raises(BrokenRows) as caught:
        reading_of(tmp_path, "a,b\n" + "3,4\n" * 100 + "5\n" + "3,4\n" * 100 + "6\n")

    assert [row["line"] for row in caught.value.details["first"]] == [102, 203]


def test_a_quotation_mark_left_open_is_refused_and_not_swallowed(tmp_path):
    with pytest.raises(BrokenRows, match="line 3 before 'two'") as caught:
        reading_of(tmp_path, 'a,b\n1,x\n2,"two\n3,y\n4,z\n')
    assert caught.value.code == "open_quote"


def test_a_quoted_value_with_lines_at_the_end_is_fine(tmp_path):
    assert rows_of(reading_of(tmp_path, 'a,b\n1,"x\ny"\n').table.path)["b"] == ["x\ny"]


def test_wrong_values_are_refused_by_line_and_column(tmp_path):
    text = "n,d\n1,2024-01-01\n\nx,2024-02-30\n3,2024-01-03\n"

    with pytest.raises(WrongValues) as caught:
        reading_of(tmp_path, text, types={"n": "integer", "d": "date"})

    error = caught.value
    assert error.details["total"] == 2
    assert error.details["columns"] == {"n": 1, "d": 1}
    assert [(cell["line"], cell["column"], cell["value"]) for cell in error.details["first"]] == [
        (4, "n", "x"),
        (4, "d", "2024-02-30"),
    ]
    assert "line 4" in error.sentence
    assert not (tmp_path / "table.parquet").exists()


def test_wrong_values_are_located_after_skipped_rows(tmp_path):
    with pytest.raises(WrongValues) as caught:
        reading_of(tmp_path, "n,m\n1,1\n2\n3\nx,4\n", types={"n": "integer"}, broken_rows="skip")

    assert [(cell["row"], cell["line"]) for cell in caught.value.details["first"]] == [(4, 5)]


def test_wrong_values_become_missing_when_asked(tmp_path):
    reading = reading_of(tmp_path, "n,m\n1,a\nx,b\n", types={"n": "integer"}, wrong_values="null")

    assert rows_of(reading.table.path)["n"] == [1, None]
    assert (reading.wrong["total"], reading.nulls["n"]) == (1, 1)
    assert reading.warnings[0]["sentence"] == "1 value not of the declared type was read as missing."


def test_declared_types_are_kept(tmp_path):
    reading = reading_of(
        tmp_path,
        "a,b,c,d\n1,yes,2024-01-01,5\n0,N,2024-01-01 10:00,6\n",
        types={"a": "boolean", "b": "boolean", "c": "datetime", "d": "string"},
        units={"d": "EUR"},
        roles={"a": "target"},
    )

    assert rows_of(reading.table.path) == {
        "a": [True, False],
        "b": [True, False],
        "c": [dt.datetime(2024, 1, 1, tzinfo=UTC), dt.datetime(2024, 1, 1, 10, tzinfo=UTC)],
        "d": ["5", "6"],
    }
    assert (reading.table.schema["d"].unit, reading.table.schema["a"].role) == ("EUR", "target")
    assert Table(reading.table.path).schema == reading.table.schema


def test_a_required_column_may_not_hold_nulls(tmp_path):
    with pytest.raises(WrongValues, match="Column a must not be empty, but 1 row has no value"):
        reading_of(tmp_path, "a,b\n1,x\n,y\n", required=("a",))


@pytest.mark.parametrize(
    ("header", "code", "words"),
    [
        ("39,gov", "no_header", "The first line holds values"),
        ("2024-01-05,gov", "no_header", "column_names"),
        ("a,a", "duplicate_name", "a names more than one column"),
        ("a,", "empty_name", "Column 2 in the first line has no name"),
    ],
)
def test_a_header_that_does_not_name_the_columns_is_refused(tmp_path, header, code, words):
    with pytest.raises(BadHeader, match=words) as caught:
        reading_of(tmp_path, f"{header}\n40,private\n")
    assert caught.value.code == code


def test_a_header_of_numbers_can_be_trusted(tmp_path):
    reading = reading_of(tmp_path, "town,2023,2024\nOslo,1,2\n", trusted_header=True)

    assert reading.table.schema.names == ["town", "2023", "2024"]


def test_names_can_be_declared_for_a_file_without_header(tmp_path):
    reading = reading_of(tmp_path, "|note\n1,x\n2,y\n", column_names=("a", "b"), skip_lines=1)

    assert rows_of(reading.table.path) == {"a": [1, 2], "b": ["x", "y"]}


def test_a_header_equal_to_the_declared_names_is_not_a_row(tmp_path):
    assert rows_of(reading_of(tmp_path, "A,b\n1,x\n", column_names=("a", "b")).table.path) == {"a": [1], "b": ["x"]}


def test_declared_names_must_be_as_many_as_the_fields(tmp_path):
    with pytest.raises(BadHeader, match="3 column names are declared, but the first row has 2 fields"):
        reading_of(tmp_path, "1,x\n", column_names=("a", "b", "c"))


def test_a_declared_column_that_is_missing_is_refused(tmp_path):
    with pytest.raises(BadHeader, match="no such column; it has a, b"):
        reading_of(tmp_path, "a,b\n1,2\n", types={"c": "integer"})


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"\n\n  \n", "empty_file"),
        (b"a,b\n", "no_rows"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "wrong_kind"),
        (b'\xef\xbb\xbf{"a": 1}', "wrong_kind"),
        (b"%PDF-1.7 ...", "wrong_kind"),
        (b"\x80\x04\x95\x00\x00", "wrong_kind"),
        (b"SQLite format 3\x00....", "wrong_kind"),
        (b"a,b\n1,\x00\x00\n", "not_text"),
        (b"PK\x03\x04 but no archive", "damaged_packing"),
        (gzip.compress(b"a,b\n1,2\n" * 100_000, mtime=0)[:500], "damaged_packing"),
        (gzip.compress(b"", mtime=0), "empty_file"),
    ],
)
def test_what_is_not_a_table_is_refused_in_a_sentence(tmp_path, content, code):
    with pytest.raises(DataError) as caught:
        reading_of(tmp_path, content)
    assert caught.value.code == code
    assert caught.value.sentence.endswith(".")
    assert not (tmp_path / "table.parquet").exists()


def test_an_archive_of_several_files_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", "a\n1\n")
        archive.writestr("b.csv", "a\n1\n")

    with pytest.raises(Unreadable, match="holds 2 files"):
        read(tmp_path / "two.zip", tmp_path / "table.parquet")


def test_a_workbook_is_named_as_one(tmp_path):
    with zipfile.ZipFile(tmp_path / "book.csv", "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")

    with pytest.raises(Unreadable, match="save the sheet as CSV"):
        read(tmp_path / "book.csv", tmp_path / "table.parquet")


def test_a_row_longer_than_a_block_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "BLOCK", 100)

    with pytest.raises(DataError) as caught:
        reading_of(tmp_path, 'a,b\n1,"' + "x" * 500 + '"\n2,y\n')
    assert caught.value.code == "row_too_long"


def test_equal_rows_give_equal_bytes_however_they_arrive(tmp_path, monkeypatch):
    text = "a,b\n" + "".join(f"{number},{number / 7}\n" for number in range(5_000))
    once = reading_of(tmp_path, text).table.sha256
    monkeypatch.setattr(delimited, "BLOCK", 999)

    assert reading_of(tmp_path, text.replace("\n", "\r\n")).table.sha256 == once


def test_progress_counts_rows_twice_and_knows_the_total_in_the_end(tmp_path):
    seen: list[tuple[int, int | None]] = []

    read(
        written(tmp_path, "a,b\n1,2\n3,4\n"),
        tmp_path / "t.parquet",
        progress=lambda done, total: seen.append((done, total)),
    )

    assert seen == [(2, None), (2, 2)]


@pytest.mark.parametrize(
    "options",
    [
        {"nonsense": 1},
        {"types": {"a": "float"}},
        {"roles": {"a": "id"}},
        {"delimiter": "ab"},
        {"delimiter": "é"},
        {"broken_rows": "ignore"},
        {"encoding": "base64"},
        {"skip_lines": "1"},
        {"null_values": "?"},
    ],
)
def test_options_that_mean_nothing_are_refused(options):
    with pytest.raises(DataError) as caught:
        ReadOptions.from_dict(options)
    assert caught.value.code == "bad_option"


def test_options_survive_being_kept_as_plain_values():
    options = ReadOptions(column_names=("a",), types={"a": "integer"}, trim=True)

    assert ReadOptions.from_dict(options.to_dict()) == options


texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r", exclude_categories=["Cs", "Cc"]), max_size=12)
rows = st.lists(
    st.tuples(st.integers(-(2**62), 2**62), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), texts),
    min_size=1,
    max_size=30,
)


@given(rows)
def test_values_survive_csv_and_back(tmp_path_factory, values):
    import csv

    folder = tmp_path_factory.mktemp("round")
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow(["i", "n", "b", "s"])
    writer.writerows(values)
    types = {"i": "integer", "n": "number", "b": "boolean", "s": "string"}

    table = reading_of(folder, buffer.getvalue(), types=types, null_values=()).table

    assert list(zip(*rows_of(table.path).values(), strict=True)) == values
    assert pq.read_metadata(table.path).num_rows == len(values)


def test_demo_shaped_names_are_free_of_the_file_name(tmp_path):
    path = Path(tmp_path / "anything.parquet")
    path.write_text("a,b\n1,2\n")

    assert read(path, tmp_path / "t.parquet").kind == "csv"


def test_header_without_a_line_end_is_said_to_have_no_rows(tmp_path):
    with pytest.raises(DataError, match="a header but no rows") as caught:
        reading_of(tmp_path, b"day,delay")
    assert caught.value.code == "no_rows"


def test_packed_file_that_unpacks_to_very_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(content, "ALWAYS_READ", 100_000)
    bomb = gzip.compress(b"a,b\n" + b"1,2\n" * 1_000_000)
    assert len(bomb) * content.MOST_SHRUNK < 4_000_000
    with pytest.raises(Unreadable, match="of a packed file of its size"):
        reading_of(tmp_path, bomb)
    table = b"a,b\n" + b"".join(b"%d,%d\n" % (number, number**3) for number in range(20_000))
    assert reading_of(tmp_path, gzip.compress(table)).table.rows == 20_000


def test_long_first_line_is_told_in_short(tmp_path):
    with pytest.raises(BadHeader) as caught:
        reading_of(tmp_path, b"0" * 100_000)
    assert len(str(caught.value)) < 500
