"""The risk matrix: every risk in its cell, nothing drawn unescaped."""

import pytest

from apps.projects.engine.matrix import Placed, matrix, meaning


@pytest.mark.parametrize(
    ("level", "expected"),
    [(1, "good"), (4, "good"), (5, "attention"), (9, "attention"), (10, "wrong"), (25, "wrong"), (None, "neutral")],
)
def test_meaning_of_a_level(level, expected):
    assert meaning(level) == expected


def test_matrix_lists_risks_by_level():
    drawn = matrix("Where?", [Placed(1, "Small", 1, 2), Placed(2, "Big", 5, 5), Placed(3, "As big", 5, 5)])
    assert [row[0] for row in drawn.table.rows] == ["R2 Big", "R3 As big", "R1 Small"]
    assert drawn.table.rows[0] == ["R2 Big", "Almost certain", "Severe", "25"]
    assert drawn.description == "3 risks, 2 of them high: R2, R3."
    assert drawn.svg.count("<rect") == 25
    assert ">R2 R3</text>" in drawn.svg


def test_matrix_counts_where_there_is_no_room():
    drawn = matrix("Where?", [Placed(number, "x", 3, 3) for number in range(1, 9)])
    assert ">8 risks</text>" in drawn.svg


def test_matrix_escapes_titles():
    drawn = matrix("Where?", [Placed(1, "<script>", 1, 1)])
    assert "<script>" not in drawn.svg
    assert "&lt;script&gt;" in drawn.svg
