"""Rules on small tables: verdict, value, the first rows at fault, and a sentence for rules that do not fit."""

import datetime as dt
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.datasets.engine.errors import RecipeInvalid
from apps.datasets.engine.quality import RULES, described, evaluate, rules_from
from apps.datasets.engine.tables import Table

from .files import table_of

UTC = dt.UTC
NOW = dt.datetime(2024, 1, 10, tzinfo=UTC)
COLUMNS = {
    "a": [1, 2, 2, None],
    "b": [5, 1, 3, 4],
    "s": ["N12", "N7", "x", "N12"],
    "t": [dt.datetime(2024, 1, day, tzinfo=UTC) for day in (1, 2, 3, 4)],
    "d": [dt.date(2024, 1, 9)] * 4,
}


def result_of(folder, rule, columns=COLUMNS, **options):
    """What one rule finds."""
    (result,) = evaluate(table_of(folder, columns).path, rules_from([rule]), now=NOW, **options)
    json.dumps(result, allow_nan=False)
    return result


@pytest.mark.parametrize(
    ("rule", "passed", "value", "rows"),
    [
        ({"rule": "not_null", "columns": ["b", "s"]}, True, 0.0, []),
        ({"rule": "not_null", "columns": ["a"]}, False, 0.25, [4]),
        ({"rule": "not_null", "columns": ["a", "b"], "tolerance": 0.25}, True, 0.25, [4]),
        ({"rule": "unique", "columns": ["a"]}, False, 0.25, [3]),
        ({"rule": "unique", "columns": ["a", "b"]}, True, 0.0, []),
        ({"rule": "unique"}, True, 0.0, []),
        ({"rule": "in_set", "column": "a", "values": [1, 2]}, True, 0.0, []),
        ({"rule": "in_set", "column": "s", "values": ["N12", "x"]}, False, 0.25, [2]),
        ({"rule": "in_range", "column": "b", "minimum": 2, "maximum": 4}, False, 0.5, [1, 2]),
        ({"rule": "in_range", "column": "a", "maximum": 2}, True, 0.0, []),
        ({"rule": "in_range", "column": "t", "minimum": "2024-01-02"}, False, 0.25, [1]),
        ({"rule": "matches", "column": "s", "pattern": r"N\d+"}, False, 0.25, [3]),
        ({"rule": "holds", "conditions": [{"column": "a", "operator": "<", "other": "b"}]}, False, 0.333333, [2]),
        ({"rule": "min_rows", "least": 4}, True, 4, []),
        ({"rule": "min_rows", "least": 5}, False, 4, []),
        ({"rule": "fresh", "column": "t", "days": 6}, True, 6.0, []),
        ({"rule": "fresh", "column": "t", "days": 5}, False, 6.0, []),
        ({"rule": "fresh", "column": "d", "days": 1}, True, 0.0, []),
        ({"rule": "has_columns", "columns": {"a": "integer", "s": "category"}}, True, 0, []),
        ({"rule": "has_columns", "columns": {"a": "date", "z": "integer"}}, False, 2, [0, 0]),
    ],
)
def test_a_rule_is_measured(tmp_path, rule, passed, value, rows):
    result = result_of(tmp_path, rule)

    assert (result["passed"], result["value"]) == (passed, value)
    assert [row["row"] for row in result["sample"]] == rows
    assert result["finding"].endswith(".")


def test_the_rows_at_fault_are_shown_with_the_columns_of_the_rule(tmp_path):
    result = result_of(tmp_path, {"rule": "in_range", "column": "b", "maximum": 4})

    assert result["sample"] == [{"row": 1, "values": {"b": 5}}]
    assert result["sentence"] == "b is at most 4"
    assert result["finding"] == "1 row of 4 breaks it (25.00%)."
    assert (result["offending"], result["checked"], result["limit"]) == (1, 4, 0.0)


def test_at_most_ten_rows_are_shown(tmp_path):
    result = result_of(tmp_path, {"rule": "unique"}, {"a": [1] * 30})

    assert (result["offending"], len(result["sample"])) == (29, 10)


def test_references_are_looked_up(tmp_path):
    planes = table_of(tmp_path, {"tail": ["N12", "N7"]}, "planes.parquet")
    rule = {"rule": "refers_to", "table": "planes@1", "on": {"s": "tail"}}

    result = result_of(tmp_path, rule, tables={"planes@1": planes.path})

    assert (result["passed"], result["offending"], result["sample"][0]["row"]) == (False, 1, 3)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"rule": "not_null", "columns": ["z"]}, "There is no column 'z'"),
        ({"rule": "in_set", "column": "a", "values": ["x"]}, "'x' is not a whole number"),
        ({"rule": "in_range", "column": "s", "minimum": 1}, "a range needs numbers"),
        ({"rule": "in_range", "column": "a"}, "needs a least or a greatest"),
        ({"rule": "matches", "column": "a", "pattern": "x"}, "a pattern needs text"),
        ({"rule": "matches", "column": "s", "pattern": "("}, "cannot be read"),
        ({"rule": "holds", "conditions": [{"column": "a", "operator": "<", "other": "s"}]}, "cannot be compared"),
        ({"rule": "fresh", "column": "a", "days": 1}, "needs dates or times"),
        ({"rule": "refers_to", "table": "x@1", "on": ["a"]}, "no dataset version 'x@1'"),
        ({"rule": "not_null", "columns": ["a"], "tolerance": 2}, "between 0 and 1"),
    ],
)
def test_a_rule_that_cannot_be_applied_has_failed_and_says_why(tmp_path, rule, words):
    result = result_of(tmp_path, rule)

    assert result["passed"] is False
    assert words in result["finding"]


def test_all_rules_are_measured_in_one_reading(tmp_path):
    rules = rules_from(
        [
            {"rule": "not_null", "columns": ["z"]},
            {"rule": "unique", "columns": ["b"]},
            {"rule": "min_rows", "least": 1, "severity": "should"},
        ]
    )
    seen = []

    results = evaluate(table_of(tmp_path, COLUMNS).path, rules, now=NOW, progress=lambda *step: seen.append(step))

    assert [(result["passed"], result["severity"]) for result in results] == [
        (False, "must"),
        (True, "must"),
        (True, "should"),
    ]
    assert seen[-1] == (4, 4)


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ("text", ""),
        ([{"rule": "magic"}], "rule"),
        ([{"rule": "unique", "severity": "maybe"}], "severity"),
        ([{"rule": "in_set", "column": "a"}], "values"),
        ([{"rule": "min_rows", "least": "many"}], "least"),
    ],
)
def test_rules_that_are_written_wrongly_are_refused(raw, field):
    with pytest.raises(RecipeInvalid) as caught:
        rules_from(raw)
    assert caught.value.problems[0]["field"] == field


def test_every_rule_is_described_and_survives_as_plain_values():
    assert {rule["rule"] for rule in described()} == set(RULES)
    assert described()[0]["fields"][-1]["name"] in ("severity", "tolerance")
    raw = [
        {"rule": "in_set", "column": "a", "values": [1, 2], "tolerance": 0.1},
        {"rule": "refers_to", "table": "w@1", "on": {"a": "b"}, "severity": "should"},
    ]
    assert [rule.to_dict() for rule in rules_from(raw)] == [
        {"rule": "in_set", "tolerance": 0.1, "column": "a", "values": [1, 2]},
        {"rule": "refers_to", "severity": "should", "table": "w@1", "on": {"a": "b"}},
    ]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.one_of(st.none(), st.integers(0, 6)), min_size=1, max_size=30), st.integers(2, 9))
def test_counts_agree_with_a_plain_look_however_the_rows_are_cut(tmp_path_factory, values, at_once):
    import pyarrow as pa

    folder = tmp_path_factory.mktemp("rules")
    table = table_of(folder, {"a": pa.array(values, pa.int64())})
    rules = rules_from(
        [
            {"rule": "not_null", "columns": ["a"]},
            {"rule": "in_range", "column": "a", "maximum": 3},
            {"rule": "unique", "columns": ["a"]},
        ]
    )
    whole = Table.batches
    Table.batches = lambda self, columns=None, rows=at_once: whole(self, columns, rows)
    try:
        results = evaluate(table.path, rules, now=NOW)
    finally:
        Table.batches = whole

    assert [result["offending"] for result in results] == [
        values.count(None),
        sum(value is not None and value > 3 for value in values),
        len(values) - len(set(values)),
    ]
    assert [row["row"] for row in results[1]["sample"]] == [
        place for place, value in enumerate(values, 1) if value is not None and value > 3
    ][:10]
