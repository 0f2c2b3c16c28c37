"""Recipes on small tables: every step against a plain computation, the report, and applying what was learned."""

import datetime as dt
import json

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.datasets.engine import tables
from apps.datasets.engine.errors import DataError, RecipeInvalid, WrongValues
from apps.datasets.engine.preparation import STEPS, Recipe, described, prepare
from apps.datasets.engine.tables import Table

from .files import rows_of, table_of

UTC = dt.UTC


def prepared(folder, columns, *steps, **options):
    """What comes of applying these steps to a table of these columns."""
    source = columns if isinstance(columns, Table) else table_of(folder, columns)
    return prepare(source.path, folder / "prepared.parquet", Recipe.from_list(list(steps)), **options)


def result_of(folder, columns, *steps, **options):
    """The rows after these steps."""
    return rows_of(prepared(folder, columns, *steps, **options).table.path)


def problems_of(folder, columns, *steps, **options):
    """The problems with these steps: step, field, sentence."""
    with pytest.raises(RecipeInvalid) as caught:
        prepared(folder, columns, *steps, **options)
    return [(problem["step"], problem["field"], problem["sentence"]) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("settings_", "kept"),
    [
        ({}, {"a": [1, 2, 1], "b": ["x", None, "y"]}),
        ({"columns": ["a"]}, {"a": [1, 2], "b": ["x", None]}),
        ({"columns": ["a"], "keep": "last"}, {"a": [2, 1], "b": [None, "y"]}),
    ],
)
def test_duplicates_are_dropped(tmp_path, settings_, kept):
    columns = {"a": [1, 2, 1, 2, 1], "b": ["x", None, "x", None, "y"]}

    assert result_of(tmp_path, columns, {"step": "drop_duplicates", **settings_}) == kept


def test_dropped_duplicates_are_reported_with_examples(tmp_path):
    report = prepared(tmp_path, {"a": [1, 1, 1]}, {"step": "drop_duplicates"}).report

    step = report["steps"][0]
    assert (step["rows_before"], step["rows_after"]) == (3, 1)
    assert [row["row"] for row in step["dropped"]] == [2, 3]
    assert step["notes"] == ["2 rows in 1 set of duplicates were left out."]
    assert report["before"] == {"rows": 3, "columns": 1}
    assert report["after"] == {"rows": 1, "columns": 1}


@pytest.mark.parametrize(
    ("values", "method", "filled"),
    [
        ([1, None, 2, 6], "mean", [1, 3, 2, 6]),
        ([1.0, None, 2.0, 6.0], "mean", [1.0, 3.0, 2.0, 6.0]),
        ([1.0, None, 2.0, 6.0], "median", [1.0, 2.0, 2.0, 6.0]),
        (["b", None, "a", "b"], "mode", ["b", "b", "a", "b"]),
        (["b", None, "a"], "mode", ["b", "a", "a"]),
        ([True, None, True], "mode", [True, True, True]),
        ([None, 1, None, None, 2, None], "forward", [None, 1, 1, 1, 2, 2]),
    ],
)
def test_missing_values_are_filled(tmp_path, values, method, filled):
    step = {"step": "fill_missing", "columns": ["a"], "method": method}

    assert result_of(tmp_path, {"a": values}, step) == {"a": filled}


def test_a_constant_of_the_type_of_the_column_fills(tmp_path):
    moment = dt.datetime(2024, 1, 1, tzinfo=UTC)
    step = {"step": "fill_missing", "columns": ["t"], "method": "constant", "value": "2024-01-01", "indicator": True}

    assert result_of(tmp_path, {"t": [None, moment]}, step) == {"t": [moment, moment], "t_was_missing": [True, False]}


frames = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(-20, 20)),
        st.sampled_from(["x", "y", "z", None]),
        st.one_of(st.none(), st.floats(-100, 100).map(lambda number: round(number, 3))),
    ),
    min_size=1,
    max_size=40,
)


@pytest.mark.parametrize("method", ["mean", "median", "mode", "forward"])
@settings(deadline=None, max_examples=40)
@given(rows=frames)
def test_fills_within_groups_agree_with_pandas(tmp_path_factory, method, rows):
    folder = tmp_path_factory.mktemp("groups")
    frame = pd.DataFrame({"g": [row[1] or "none" for row in rows], "v": pd.array([row[2] for row in rows], "float64")})
    groups, values = pa.array([row[1] for row in rows], pa.string()), pa.array([row[2] for row in rows], pa.float64())
    table = table_of(folder, {"g": groups, "v": values})
    step = {"step": "fill_missing", "columns": ["v"], "method": method, "by": ["g"]}

    found = rows_of(prepared(folder, table, step).table.path)["v"]

    if method == "forward":
        expected = frame.groupby("g")["v"].ffill()
    else:
        figure = {"mean": "mean", "median": "median", "mode": lambda part: part.mode().min()}[method]
        overall = frame["v"].mode().min() if method == "mode" else getattr(frame["v"], method)()
        of_group = frame.groupby("g")["v"].transform(figure).where(frame["g"] != "none")
        expected = frame["v"].fillna(of_group).fillna(overall)
    assert found == pytest.approx([None if pd.isna(value) else value for value in expected], nan_ok=True)


def test_forward_fills_reach_over_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "ROWS_PER_GROUP", 3)
    values = [1, None, None, None, None, 5, None, None]
    groups = ["a", "a", "b", "a", "b", "b", "a", "b"]
    step = {"step": "fill_missing", "columns": ["v"], "method": "forward", "by": ["g"]}

    assert result_of(tmp_path, {"v": values, "g": groups}, step)["v"] == [1, 1, None, 1, None, 5, 1, 5]


def test_what_was_learned_fills_later_rows(tmp_path):
    steps = [
        {"step": "fill_missing", "columns": ["v"], "method": "mean", "by": ["g"]},
        {"step": "fill_missing", "columns": ["d"], "method": "mode"},
    ]
    day, other = dt.date(2024, 1, 1), dt.date(2024, 5, 5)
    first = prepared(tmp_path, {"v": [2.0, 4.0, 9.0], "g": ["a", "a", "b"], "d": [day, day, other]}, *steps)
    learned = json.loads(json.dumps(first.learned))

    later = table_of(
        tmp_path, {"v": [None, None, None, 50.0], "g": ["a", "b", "new", "a"], "d": [None] * 3 + [other]}, "l.parquet"
    )
    again = prepare(later.path, tmp_path / "later.parquet", Recipe.from_list(steps), learned=learned)

    assert rows_of(again.table.path) == {
        "v": [3.0, 9.0, 5.0, 50.0],
        "g": ["a", "b", "new", "a"],
        "d": [day] * 3 + [other],
    }
    assert again.learned == learned


def test_what_was_learned_by_another_recipe_is_refused(tmp_path):
    with pytest.raises(DataError, match="another recipe"):
        prepared(tmp_path, {"a": [1]}, {"step": "drop_duplicates"}, learned=[{}, {}])


def test_values_are_mapped_one_by_one(tmp_path):
    columns = {"a": ["N.Y.", "NYC", "LA", None], "n": [1, 9, 3, None]}

    mapped = result_of(
        tmp_path,
        columns,
        {"step": "map_values", "column": "a", "mapping": {"N.Y.": "NYC", "LA": None}},
        {"step": "map_values", "column": "n", "mapping": {1: 10, "9": 90}, "otherwise": "null"},
    )

    assert mapped == {"a": ["NYC", "NYC", None, None], "n": [10, 90, None, None]}


@pytest.mark.parametrize(
    ("action", "left"),
    [
        ("clip", {"a": [0, 5, None, 10], "b": [1, 2, 3, 4]}),
        ("null", {"a": [None, 5, None, None], "b": [1, 2, 3, 4]}),
        ("drop", {"a": [5, None], "b": [2, 3]}),
    ],
)
def test_values_outside_a_range_are_dealt_with(tmp_path, action, left):
    step = {"step": "limit_range", "column": "a", "minimum": 0, "maximum": 10, "action": action}

    assert result_of(tmp_path, {"a": [-1, 5, None, 1048], "b": [1, 2, 3, 4]}, step) == left


def test_a_range_has_one_end_and_any_order(tmp_path):
    days = [dt.date(2023, 12, 31), dt.date(2024, 1, 1)]
    step = {"step": "limit_range", "column": "d", "minimum": "2024-01-01", "action": "drop"}

    assert result_of(tmp_path, {"d": days}, step) == {"d": days[1:]}


@pytest.mark.parametrize(
    ("settings_", "left"),
    [
        ({"action": "replace", "pattern": r"^N(\d+)", "replacement": r"X\1-"}, ["X12-AB", "bad", None]),
        ({"action": "null", "pattern": r"N\d+[A-Z]+"}, ["N12AB", None, None]),
        ({"action": "drop", "pattern": r"N\d+[A-Z]+"}, ["N12AB", None]),
        ({"action": "null", "pattern": r"N\d"}, [None, None, None]),
    ],
)
def test_texts_are_held_against_a_pattern(tmp_path, settings_, left):
    step = {"step": "match_pattern", "column": "a", **settings_}

    assert result_of(tmp_path, {"a": ["N12AB", "bad", None]}, step) == {"a": left}


def test_dates_are_parsed_by_several_formats(tmp_path):
    step = {"step": "parse_dates", "columns": ["d"], "formats": ["%d/%m/%Y", "%d %b %Y"], "to": "date"}

    assert result_of(tmp_path, {"d": ["28/02/2013", "1 Mar 2013", None]}, step) == {
        "d": [dt.date(2013, 2, 28), dt.date(2013, 3, 1), None]
    }


def test_local_times_become_utc(tmp_path):
    step = {"step": "parse_dates", "columns": ["t"], "formats": ["%m/%d/%Y %H:%M"], "timezone": "America/New_York"}

    assert result_of(tmp_path, {"t": ["07/01/2013 08:00", "01/01/2013 08:00"]}, step) == {
        "t": [dt.datetime(2013, 7, 1, 12, tzinfo=UTC), dt.datetime(2013, 1, 1, 13, tzinfo=UTC)]
    }


def test_a_date_that_does_not_exist_is_refused_by_row(tmp_path):
    step = {"step": "parse_dates", "columns": ["d"], "formats": ["%d/%m/%Y"]}

    with pytest.raises(WrongValues, match="'31/02/2013' in row 2 of d") as caught:
        result_of(tmp_path, {"d": ["28/02/2013", "31/02/2013"]}, step)
    assert caught.value.details["first"] == [{"row": 2, "value": "31/02/2013"}]
    assert not (tmp_path / "prepared.parquet").exists()


def test_a_date_that_does_not_exist_can_be_made_missing(tmp_path):
    step = {"step": "parse_dates", "columns": ["d"], "formats": ["%d/%m/%Y"], "to": "date", "wrong": "null"}

    assert result_of(tmp_path, {"d": ["31/02/2013"], "x": [1]}, step)["d"] == [None]


def test_times_read_as_utc_are_taken_as_local(tmp_path):
    moment = dt.datetime(2013, 7, 1, 8, tzinfo=UTC)

    found = result_of(
        tmp_path, {"t": [moment]}, {"step": "set_time_zone", "columns": ["t"], "timezone": "Europe/Vienna"}
    )

    assert found == {"t": [dt.datetime(2013, 7, 1, 6, tzinfo=UTC)]}


def test_case_and_spaces_are_made_alike(tmp_path):
    found = result_of(
        tmp_path,
        {"a": ["  new  YORK ", " ", None]},
        {"step": "trim_text", "columns": ["a"], "inside": True},
        {"step": "change_case", "columns": ["a"], "case": "title"},
    )

    assert found == {"a": ["New York", None, None]}


@pytest.mark.parametrize(
    ("settings_", "values", "found", "unit"),
    [
        ({"from_unit": "F", "to_unit": "C"}, [32.0, 212.0, -40.0], [0.0, 100.0, -40.0], "°C"),
        ({"to_unit": "ft"}, [1.0, 0.3048, None], [3.280839895, 1.0, None], "ft"),
        ({"from_unit": "mph", "to_unit": "km/h"}, [10, 0, 1], [16.09344, 0, 1.609344], "km/h"),
        ({"to_unit": "stone", "factor": 0.5, "offset": 1}, [2, 4, 6], [2, 3, 4], "stone"),
    ],
)
def test_units_are_converted(tmp_path, settings_, values, found, unit):
    table = table_of(tmp_path, {"a": values}, units={"a": "m"})
    step = {"step": "convert_units", "columns": ["a"], **settings_}

    result = prepared(tmp_path, table, step).table

    assert rows_of(result.path)["a"] == pytest.approx(found)
    assert (result.schema["a"].type, result.schema["a"].unit) == ("number", unit)


@pytest.mark.parametrize(
    ("values", "to", "found"),
    [
        (["1", "2", None], "integer", [1, 2, None]),
        ([1, 0, None], "boolean", [True, False, None]),
        ([True, False], "integer", [1, 0]),
        ([1.0, 2.0], "integer", [1, 2]),
        ([1, 2], "string", ["1", "2"]),
        ([dt.datetime(2024, 1, 1, 23, tzinfo=UTC)], "date", [dt.date(2024, 1, 1)]),
        ([dt.date(2024, 1, 1)], "datetime", [dt.datetime(2024, 1, 1, tzinfo=UTC)]),
        ([dt.datetime(2024, 1, 1, 23, tzinfo=UTC)], "string", ["2024-01-01T23:00:00Z"]),
        ([1, 2], "category", ["1", "2"]),
    ],
)
def test_types_are_changed(tmp_path, values, to, found):
    result = prepared(tmp_path, {"a": values}, {"step": "change_type", "columns": ["a"], "to": to}).table

    assert rows_of(result.path) == {"a": found}
    assert result.schema["a"].type == to


@pytest.mark.parametrize(("values", "to"), [(["1", "x"], "integer"), ([1.5, 2.0], "integer"), ([2, 1], "boolean")])
def test_values_that_do_not_fit_a_type_are_refused_or_made_missing(tmp_path, values, to):
    step = {"step": "change_type", "columns": ["a"], "to": to}

    with pytest.raises(WrongValues, match=f"of a cannot be kept as {to}"):
        prepared(tmp_path, {"a": values}, step)
    assert rows_of(prepared(tmp_path, {"a": values}, {**step, "wrong": "null"}).table.path)["a"].count(None) == 1


def test_columns_are_renamed_chosen_and_dropped(tmp_path):
    columns = {"a": [1], "b": [2], "c": [3], "d": [4]}

    assert result_of(
        tmp_path,
        columns,
        {"step": "rename", "names": {"a": "b", "b": "a"}},
        {"step": "drop_columns", "columns": ["c"]},
        {"step": "keep_columns", "columns": ["d", "a"]},
    ) == {"d": [4], "a": [2]}


def test_roles_and_units_are_noted_in_the_schema(tmp_path):
    step = {"step": "set_roles", "roles": {"a": "target"}, "units": {"b": "min"}}
    table = prepared(tmp_path, {"a": [1], "b": [2]}, step).table

    assert [(column.role, column.unit) for column in Table(table.path).schema] == [("target", ""), ("", "min")]


MOMENT = dt.datetime(2013, 1, 6, 3, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("settings_", "value"),
    [
        ({"operation": "sum", "columns": ["i", "j", "j"][:2]}, 9),
        ({"operation": "difference", "columns": ["i", "j"]}, 5),
        ({"operation": "product", "columns": ["i", "n"]}, 10.5),
        ({"operation": "ratio", "columns": ["i", "j"]}, 3.5),
        ({"operation": "ratio", "columns": ["i", "zero"]}, None),
        ({"operation": "absolute", "columns": ["m"]}, 3),
        ({"operation": "logarithm", "columns": ["zero"]}, 0.0),
        ({"operation": "logarithm", "columns": ["m"]}, None),
        ({"operation": "above", "columns": ["i"], "value": 6.5}, True),
        ({"operation": "at_most", "columns": ["i"], "value": 6}, False),
        ({"operation": "equals", "columns": ["s"], "value": "x"}, True),
        ({"operation": "is_missing", "columns": ["empty"]}, True),
        ({"operation": "above", "columns": ["empty"], "value": 1}, None),
        ({"operation": "sum", "columns": ["i", "empty"]}, None),
        ({"operation": "hour", "columns": ["t"]}, 3),
        ({"operation": "hour", "columns": ["t"], "timezone": "America/New_York"}, 22),
        ({"operation": "weekday", "columns": ["t"]}, 7),
        ({"operation": "weekday", "columns": ["t"], "timezone": "America/New_York"}, 6),
        ({"operation": "date", "columns": ["t"], "timezone": "America/New_York"}, dt.date(2013, 1, 5)),
        ({"operation": "month", "columns": ["d"]}, 2),
        ({"operation": "year", "columns": ["t"]}, 2013),
        ({"operation": "day", "columns": ["d"]}, 28),
        ({"operation": "minutes_between", "columns": ["t", "u"]}, 90.0),
    ],
)
def test_columns_are_derived(tmp_path, settings_, value):
    columns = {
        "i": [7, 1],
        "j": [2, 1],
        "n": [1.5, 1.0],
        "m": [-3, 1],
        "zero": [0, 1],
        "empty": [None, 1],
        "s": ["x", "y"],
        "t": [MOMENT, MOMENT],
        "u": [MOMENT + dt.timedelta(minutes=90), MOMENT],
        "d": [dt.date(2024, 2, 28)] * 2,
    }

    result = prepared(tmp_path, columns, {"step": "derive", "name": "new", "role": "target", **settings_}).table

    assert rows_of(result.path)["new"][0] == value
    assert result.schema["new"].role == "target"


def test_a_whole_number_that_gets_too_large_is_refused(tmp_path):
    step = {"step": "derive", "name": "new", "operation": "product", "columns": ["a", "b"]}

    with pytest.raises(DataError, match="too large for a whole number"):
        prepared(tmp_path, {"a": [2**40], "b": [2**40]}, step)


@pytest.mark.parametrize(
    ("conditions", "match", "left"),
    [
        ([{"column": "a", "operator": ">=", "value": 2}], "all", [2, 3]),
        ([{"column": "a", "operator": "!=", "value": 2}], "all", [1, 3]),
        ([{"column": "a", "operator": "missing"}], "all", [None]),
        ([{"column": "a", "operator": "in", "value": [1, 3]}], "all", [1, 3]),
        ([{"column": "a", "operator": "not_in", "value": [1, 3]}], "all", [2]),
        ([{"column": "a", "operator": "<", "other": "b"}], "all", [1]),
        ([{"column": "a", "operator": ">", "value": 2.5}], "all", [3]),
        (
            [{"column": "a", "operator": "==", "value": 1}, {"column": "s", "operator": "==", "value": "z"}],
            "any",
            [1, 3],
        ),
        ([{"column": "a", "operator": ">", "value": 1}, {"column": "s", "operator": "present"}], "all", [2, 3]),
        ([{"column": "t", "operator": "<", "value": "2024-01-02"}], "all", [1, 2]),
    ],
)
def test_rows_are_filtered(tmp_path, conditions, match, left):
    days = [dt.datetime(2024, 1, day, tzinfo=UTC) for day in (1, 1, 2, 3)]
    columns = {"a": [1, 2, 3, None], "b": [2, 2, 2, 2], "s": ["x", "y", "z", None], "t": days}

    assert result_of(tmp_path, columns, {"step": "filter_rows", "conditions": conditions, "match": match})["a"] == left


def test_a_table_is_joined_and_every_row_stays_one_row(tmp_path):
    weather = table_of(
        tmp_path, {"port": ["JFK", "LGA", None], "hour": [1, 1, 1], "temp": [3.5, None, 9.9]}, "w.parquet"
    )
    step = {"step": "join", "table": "weather@1", "on": {"origin": "port", "hour": "hour"}, "prefix": "w_"}

    made = prepared(
        tmp_path,
        {"origin": ["LGA", "JFK", "EWR", None, "JFK"], "hour": [1.0, 1.0, 1.0, 1.0, 2.0]},
        step,
        tables={"weather@1": weather.path},
    )

    assert rows_of(made.table.path)["w_temp"] == [None, 3.5, None, None, None]
    assert made.report["steps"][0]["notes"] == ["3 rows without a match in weather@1 stay without its values."]
    assert made.report["steps"][0]["columns_added"] == ["w_temp"]


def test_rows_without_a_match_can_be_dropped(tmp_path):
    other = table_of(tmp_path, {"k": [1], "v": ["x"]}, "o.parquet")
    step = {"step": "join", "table": "o@1", "on": ["k"], "unmatched": "drop"}

    assert result_of(tmp_path, {"k": [1, 2, 1]}, step, tables={"o@1": other.path}) == {"k": [1, 1], "v": ["x", "x"]}


def test_a_repeated_key_is_refused_or_its_first_row_taken(tmp_path):
    other = table_of(tmp_path, {"k": [1, 1, 2], "v": ["x", "y", "z"]}, "o.parquet")
    step = {"step": "join", "table": "o@1", "on": ["k"]}

    with pytest.raises(DataError, match="1 row of o@1 repeats a key"):
        prepared(tmp_path, {"k": [1, 2]}, step, tables={"o@1": other.path})
    assert result_of(tmp_path, {"k": [1, 2]}, {**step, "repeated": "first"}, tables={"o@1": other.path})["v"] == [
        "x",
        "z",
    ]


@settings(deadline=None, max_examples=40)
@given(
    left=st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["a", "b", None])), min_size=1, max_size=30),
    right=st.dictionaries(
        st.tuples(st.integers(0, 5), st.sampled_from(["a", "b"])), st.integers(), min_size=1, max_size=12
    ),
)
def test_joins_agree_with_a_plain_lookup(tmp_path_factory, left, right):
    folder = tmp_path_factory.mktemp("join")
    other = table_of(
        folder,
        {"n": [n for n, _ in right], "s": [s for _, s in right], "v": list(map(str, right.values()))},
        "o.parquet",
    )
    table = table_of(folder, {"n": [n for n, _ in left], "s": [s for _, s in left]})
    step = {"step": "join", "table": "o@1", "on": ["n", "s"]}

    found = rows_of(prepared(folder, table, step, tables={"o@1": other.path}).table.path)["v"]

    assert found == [str(right[key]) if key in right else None for key in left]


def test_the_result_is_the_same_however_the_rows_are_cut(tmp_path, monkeypatch):
    steps = [
        {"step": "drop_duplicates", "columns": ["a"], "keep": "last"},
        {"step": "fill_missing", "columns": ["b"], "method": "median", "by": ["c"]},
        {"step": "filter_rows", "conditions": [{"column": "a", "operator": ">", "value": 3}]},
    ]
    columns = {
        "a": [n % 40 for n in range(100)],
        "b": [None if n % 7 == 0 else n / 3 for n in range(100)],
        "c": ["xyz"[n % 3] for n in range(100)],
    }
    whole = result_of(tmp_path, columns, *steps)
    monkeypatch.setattr(tables, "ROWS_PER_GROUP", 7)
    monkeypatch.setattr(Table.batches, "__defaults__", (None, 5))

    assert result_of(tmp_path, columns, *steps) == whole


def test_the_report_counts_cells_nulls_and_distinct_values_with_examples(tmp_path):
    step = prepared(
        tmp_path,
        {"a": ["x", "X", None, "y"], "b": [1, 2, 3, 4]},
        {"step": "change_case", "columns": ["a"], "case": "lower"},
    ).report["steps"][0]

    assert step["sentence"] == "Write a in lower case"
    assert step["columns"] == [
        {
            "name": "a",
            "type_before": "string",
            "type_after": "string",
            "nulls_before": 1,
            "nulls_after": 1,
            "distinct_before": 3,
            "distinct_after": 2,
            "distinct_exact": True,
            "cells_changed": 1,
        }
    ]
    assert step["examples"] == [{"row": 2, "column": "a", "before": "X", "after": "x"}]


def test_a_report_is_plain_json(tmp_path):
    moment = dt.datetime(2024, 1, 1, tzinfo=UTC)
    made = prepared(
        tmp_path,
        {"t": [moment, None], "n": [float("inf"), 1.0]},
        {"step": "fill_missing", "columns": ["t"], "method": "mode"},
        {"step": "limit_range", "column": "n", "maximum": 5, "action": "drop"},
    )

    assert json.loads(json.dumps(made.report, allow_nan=False)) == made.report
    assert made.report["steps"][0]["examples"][0]["after"] == "2024-01-01T00:00:00Z"


def test_progress_ends_with_all_rows(tmp_path):
    seen = []
    prepared(
        tmp_path,
        {"a": [1, None]},
        {"step": "fill_missing", "columns": ["a"], "method": "mean"},
        {"step": "drop_duplicates"},
        progress=lambda *step: seen.append(step),
    )

    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (2, 2)


def test_nothing_left_is_refused(tmp_path):
    with pytest.raises(DataError, match="No row is left"):
        prepared(
            tmp_path, {"a": [1]}, {"step": "filter_rows", "conditions": [{"column": "a", "operator": ">", "value": 1}]}
        )
    assert not (tmp_path / "prepared.parquet").exists()


@pytest.mark.parametrize(
    ("raw", "problems"),
    [
        ("text", [(0, "")]),
        ([], [(0, "")]),
        (["text"], [(1, "")]),
        ([{"step": "explode"}], [(1, "step")]),
        ([{"step": "rename"}], [(1, "names")]),
        (
            [{"step": "drop_duplicates", "keep": "middle"}, {"step": "change_case"}],
            [(1, "keep"), (2, "columns"), (2, "case")],
        ),
        ([{"step": "drop_duplicates", "colums": ["a"]}], [(1, "colums")]),
        ([{"step": "keep_columns", "columns": ["a", "a"]}], [(1, "columns")]),
        ([{"step": "convert_units", "columns": ["a"], "to_unit": "m", "factor": "big"}], [(1, "factor")]),
        ([{"step": "fill_missing", "columns": ["a"], "method": "constant", "value": [1]}], [(1, "value")]),
        ([{"step": "fill_missing", "columns": ["a"], "method": "mean", "indicator": "yes"}], [(1, "indicator")]),
        ([{"step": "filter_rows", "conditions": [{"column": "a", "operator": "=>"}]}], [(1, "conditions")]),
        ([{"step": "filter_rows", "conditions": [{"column": "a", "operator": "<"}]}], [(1, "conditions")]),
        ([{"step": "filter_rows", "conditions": [{"column": "a", "operator": "<", "value": []}]}], [(1, "conditions")]),
        (
            [{"step": "filter_rows", "conditions": [{"column": "a", "operator": "<", "value": float("inf")}]}],
            [(1, "conditions")],
        ),
        (
            [{"step": "limit_range", "column": "a", "minimum": float("nan"), "action": "clip"}],
            [(1, "minimum")],
        ),
    ],
)
def test_a_recipe_that_is_written_wrongly_names_every_place(raw, problems):
    with pytest.raises(RecipeInvalid) as caught:
        Recipe.from_list(raw)

    assert [(problem["step"], problem["field"]) for problem in caught.value.problems] == problems
    assert all(problem["sentence"].endswith(".") for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("step", "field", "words"),
    [
        ({"step": "drop_duplicates", "columns": ["z"]}, "columns", "There is no column 'z'"),
        (
            {"step": "fill_missing", "columns": ["s"], "method": "mean"},
            "columns",
            "s is string; this needs integer or number",
        ),
        ({"step": "fill_missing", "columns": ["a"], "method": "constant"}, "value", "needs a value"),
        (
            {"step": "fill_missing", "columns": ["a"], "method": "mean", "value": 3},
            "value",
            "is for the method constant",
        ),
        ({"step": "fill_missing", "columns": ["a"], "method": "constant", "value": "x"}, "value", "'x' is not a whole"),
        ({"step": "fill_missing", "columns": ["a"], "method": "mean", "by": ["a"]}, "by", "groups of itself"),
        ({"step": "map_values", "column": "a", "mapping": {"1": "x"}}, "mapping", "'x' is not a whole number"),
        ({"step": "limit_range", "column": "a", "action": "clip"}, "minimum", "needs a least or a greatest"),
        (
            {"step": "limit_range", "column": "a", "minimum": 5, "maximum": 1, "action": "clip"},
            "maximum",
            "below the least",
        ),
        ({"step": "match_pattern", "column": "s", "pattern": "(", "action": "null"}, "pattern", "cannot be read"),
        (
            {"step": "match_pattern", "column": "s", "pattern": "a", "action": "replace", "replacement": r"\3"},
            "replacement",
            "read",
        ),
        ({"step": "parse_dates", "columns": ["s"], "formats": ["day"]}, "formats", "names no part of a date"),
        (
            {"step": "parse_dates", "columns": ["s"], "formats": ["%Y"], "timezone": "Mars/Base"},
            "timezone",
            "not a time zone",
        ),
        ({"step": "convert_units", "columns": ["a"], "to_unit": "m"}, "from_unit", "names no unit of a"),
        ({"step": "convert_units", "columns": ["a"], "from_unit": "kg", "to_unit": "m"}, "to_unit", "measures mass"),
        ({"step": "change_type", "columns": ["a"], "to": "date"}, "to", "cannot be kept as date"),
        ({"step": "rename", "names": {"a": "s"}}, "names", "more than one column"),
        ({"step": "set_roles", "roles": {"a": "king"}}, "roles", "'king' is not a role"),
        ({"step": "drop_columns", "columns": ["a", "s"]}, "columns", "No column would be left"),
        ({"step": "derive", "name": "a", "operation": "absolute", "columns": ["a"]}, "name", "already"),
        ({"step": "derive", "name": "n", "operation": "difference", "columns": ["a"]}, "columns", "needs 2 columns"),
        ({"step": "derive", "name": "n", "operation": "above", "columns": ["a"]}, "value", "needs a value"),
        ({"step": "derive", "name": "n", "operation": "hour", "columns": ["a"]}, "columns", "this needs datetime"),
        ({"step": "join", "table": "w@1", "on": ["a"]}, "table", "no dataset version 'w@1'"),
        (
            {"step": "filter_rows", "conditions": [{"column": "a", "operator": ">", "value": "x"}]},
            "conditions",
            "not a whole",
        ),
        (
            {"step": "filter_rows", "conditions": [{"column": "a", "operator": ">", "other": "s"}]},
            "conditions",
            "compared",
        ),
    ],
)
def test_a_step_that_does_not_fit_the_table_names_its_field(tmp_path, step, field, words):
    ((number, name, sentence),) = problems_of(
        tmp_path, {"a": [1, 2], "s": ["x", "y"]}, {"step": "drop_duplicates"}, step
    )

    assert (number, name) == (2, field)
    assert words in sentence
    assert not (tmp_path / "prepared.parquet").exists()


def test_every_step_is_described_for_forms_and_survives_as_plain_values():
    assert {step["step"] for step in described()} == set(STEPS)
    for step in described():
        assert step["title"] and step["about"].endswith(".")
        assert all(field["label"] for field in step["fields"])
    raw = [
        {"step": "fill_missing", "columns": ["a"], "method": "constant", "value": 3, "by": ["b"]},
        {"step": "filter_rows", "conditions": [{"column": "a", "operator": "in", "value": [1, 2]}]},
        {"step": "join", "table": "w@1", "on": {"a": "b"}, "prefix": "w_"},
        {"step": "map_values", "column": "a", "mapping": {"x": None}},
        {"step": "drop_duplicates"},
    ]
    assert Recipe.from_list(raw).to_list() == raw
    assert Recipe.from_list(raw).tables() == ["w@1"]
    assert Recipe.from_list(raw).sentences()[3] == "Map a: x → missing"
