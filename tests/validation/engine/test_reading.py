"""Rows read in parts are the rows there are, and their marks are the same whatever the parts."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.validation.engine import reading
from apps.validation.engine.loading import drawn
from apps.validation.engine.reading import read_chosen

ROWS = 1_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Columns of every sort, in row groups of 300; the last row repeats the first."""
    random = np.random.default_rng(1)
    figures = random.normal(size=ROWS)
    figures[5] = np.nan
    columns = {
        "figure": pa.array(figures),
        "count": pa.array([None if at == 7 else at % 50 for at in range(ROWS)], pa.int32()),
        "word": pa.array([None if at == 9 else f"word {at % 70}" for at in range(ROWS)]),
        "code": pa.array([f"c{at % 3}" for at in range(ROWS)]).dictionary_encode(),
        "day": pa.array([dt.date(2026, 1, 1) + dt.timedelta(days=at % 40) for at in range(ROWS)]),
        "flag": pa.array([at % 2 == 0 for at in range(ROWS)]),
        "list": pa.array([[at % 4] for at in range(ROWS)]),
    }
    table = pa.table(columns)
    table = pa.concat_tables([table.slice(0, ROWS - 1), table.slice(0, 1)])
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=300)
    return tmp_path / "rows.parquet"


@pytest.mark.parametrize("part", [64, 250, 65_536])
def test_all_rows_come_in_their_order_however_they_are_cut(
    file: Path, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PART", part)
    table, marks = read_chosen(file, ["word", "count"], np.arange(ROWS))

    assert table.column_names == ["word", "count"]
    assert table.equals(pq.read_table(file, columns=["word", "count"]))
    assert len(np.unique(marks)) == ROWS - 1 and marks[0] == marks[-1]


def test_a_draw_takes_those_rows_with_their_own_marks(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PART", 128)
    places = drawn(None, ROWS, 90, seed=4)
    _, marks = read_chosen(file, ["word"], np.arange(ROWS))
    table, chosen = read_chosen(file, ["word"], places)

    assert table.equals(pq.read_table(file, columns=["word"]).take(places))
    assert np.array_equal(chosen, marks[places])


@pytest.mark.parametrize("name", ["figure", "count", "word", "code", "day", "flag", "list"])
def test_every_column_tells_rows_apart_and_absence_is_a_value(tmp_path: Path, file: Path, name: str) -> None:
    table = pq.read_table(file)
    place, first, kind = table.column_names.index(name), table.slice(0, 1), table.schema.field(name).type
    other = first.set_column(place, name, table.column(name).slice(1, 1))
    empty = first.set_column(place, name, pa.array([None]).cast(kind))

    pq.write_table(pa.concat_tables([first, other, empty, first]), tmp_path / "four.parquet")
    _, marks = read_chosen(tmp_path / "four.parquet", [name], np.arange(4))

    assert len(np.unique(marks)) == 3 and marks[0] == marks[3]


def test_names_of_rows_are_texts_without_gaps_and_cut() -> None:
    values = pa.table({"no": [1.0, 123456789.0, None, 4.0], "word": ["", "b" * 200, None, "d"]})
    names = reading.RowNames(np.array([2, 5, 7, 9]), values)

    assert names.of([5, 2, 9]) == ["123456789, " + "b" * 89, "1", "4, d"]
    assert names.of([7, 3, 99, 0]) == [None] * 4
