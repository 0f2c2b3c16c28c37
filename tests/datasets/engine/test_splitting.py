"""Splits: every row in at most one part, sizes exact, the same plan the same rows, and a report of the balance."""

import datetime as dt
import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.datasets.engine import tables
from apps.datasets.engine.errors import DataError, RecipeInvalid
from apps.datasets.engine.splitting import SplitPlan, split

from .files import rows_of, table_of

UTC = dt.UTC


def parts_of(folder, columns, **plan):
    """The rows of each part, and the report."""
    result = split(table_of(folder, columns).path, folder, SplitPlan.from_dict(plan))
    json.dumps(result.report, allow_nan=False)
    return {name: rows_of(file.path) for name, file in result.files.items()}, result.report


def shares(**parts):
    return [{"name": name, "share": share} for name, share in parts.items()]


def test_a_split_by_time_cuts_at_the_times(tmp_path):
    days = [dt.datetime(2013, month, 1, tzinfo=UTC) for month in (3, 1, 4, 12)]

    parts, report = parts_of(
        tmp_path,
        {"t": [*days, None], "late": [True, False, True, True, None]},
        method="time",
        column="t",
        target="late",
        parts=[{"name": "train", "until": "2013-04-01"}, {"name": "test", "until": "2013-12-01"}, {"name": "later"}],
    )

    assert {name: rows["t"] for name, rows in parts.items()} == {
        "train": [days[0], days[1]],
        "test": [days[2]],
        "later": [days[3]],
    }
    assert report["unplaced"] == 1
    assert report["notes"] == ["1 row without a time in t, or after the last part, belongs to no part."]
    train = report["parts"][0]
    assert (train["from"], train["to"]) == ("2013-01-01T00:00:00Z", "2013-03-01T00:00:00Z")
    assert train["target"]["values"] == [
        {"value": False, "count": 1, "share": 0.5},
        {"value": True, "count": 1, "share": 0.5},
    ]


def test_a_last_part_may_end_too(tmp_path):
    days = [dt.date(2013, month, 1) for month in (1, 2, 3)]

    parts, report = parts_of(
        tmp_path,
        {"d": days},
        method="time",
        column="d",
        parts=[{"name": "a", "until": "2013-02-01"}, {"name": "b", "until": "2013-03-01"}],
    )

    assert (parts["a"]["d"], parts["b"]["d"], report["unplaced"]) == ([days[0]], [days[1]], 1)


@settings(deadline=None, max_examples=40)
@given(rows=st.integers(3, 200), seed=st.integers(0, 2**62), first=st.floats(0.1, 0.8))
def test_random_parts_divide_the_rows_exactly(tmp_path_factory, rows, seed, first):
    folder = tmp_path_factory.mktemp("split")
    rest = 1 - first
    plan = {"method": "random", "seed": seed, "parts": shares(train=first, test=rest)}
    try:
        parts, report = parts_of(folder, {"a": list(range(rows))}, **plan)
    except DataError as error:
        assert error.code == "empty_part"
        return

    assert sorted(parts["train"]["a"] + parts["test"]["a"]) == list(range(rows))
    assert abs(len(parts["train"]["a"]) - first * rows) <= 1
    assert parts["train"]["a"] == sorted(parts["train"]["a"])
    assert [part["rows"] for part in report["parts"]] == [len(parts["train"]["a"]), len(parts["test"]["a"])]


def test_a_seed_always_gives_the_same_rows(tmp_path, monkeypatch):
    columns = {"a": list(range(20))}
    plan = {"method": "random", "seed": 7, "parts": shares(train=0.7, test=0.3)}

    once, report = parts_of(tmp_path, columns, **plan)
    other, _ = parts_of(tmp_path, columns, **{**plan, "seed": 8})
    monkeypatch.setattr(tables, "ROWS_PER_GROUP", 3)
    again, _ = parts_of(tmp_path, columns, **plan)

    assert again == once
    assert other != once
    # These rows are part of the contract: a change of the drawing would break every recorded split.
    assert once["test"]["a"] == [1, 2, 12, 13, 17, 19]
    assert [part["share"] for part in report["parts"]] == [0.7, 0.3]


def test_strata_are_divided_by_the_same_shares(tmp_path):
    kinds = ["rare"] * 10 + ["often"] * 90 + [None] * 10

    parts, report = parts_of(
        tmp_path,
        {"k": kinds, "n": list(range(110))},
        method="random",
        seed=3,
        stratify="k",
        target="k",
        parts=shares(train=0.6, check=0.2, test=0.2),
    )

    assert {name: Counter(rows["k"]) for name, rows in parts.items()} == {
        "train": {"rare": 6, "often": 54, None: 6},
        "check": {"rare": 2, "often": 18, None: 2},
        "test": {"rare": 2, "often": 18, None: 2},
    }
    assert report["parts"][0]["target"]["values"][0] == {"value": "often", "count": 54, "share": 0.818182}


def test_rows_of_one_value_stay_together(tmp_path):
    groups = [number % 30 for number in range(300)]

    parts, _ = parts_of(
        tmp_path, {"g": groups}, method="random", seed=1, together="g", parts=shares(train=0.7, test=0.3)
    )

    assert not set(parts["train"]["g"]) & set(parts["test"]["g"])
    assert len(set(parts["train"]["g"])) == 21


def test_the_balance_of_a_number_is_its_mean_and_spread(tmp_path):
    _, report = parts_of(tmp_path, {"y": [1.0, 2.0, 3.0, 4.0]}, method="random", target="y", parts=shares(a=0.5, b=0.5))

    assert sum(part["target"]["mean"] for part in report["parts"]) == pytest.approx(5)


def test_an_empty_part_is_refused(tmp_path):
    with pytest.raises(DataError, match="No row falls into test; move the times"):
        parts_of(
            tmp_path,
            {"d": [dt.date(2013, 1, 1)]},
            method="time",
            column="d",
            parts=[{"name": "train", "until": "2014-01-01"}, {"name": "test"}],
        )
    assert not (tmp_path / "train.parquet").exists()


@pytest.mark.parametrize(
    ("plan", "field"),
    [
        ({"method": "magic", "parts": shares(a=0.5, b=0.5)}, "method"),
        ({"method": "random", "parts": shares(a=0.5, b=0.6)}, "parts"),
        ({"method": "random", "parts": shares(a=1.0)}, "parts"),
        ({"method": "random", "parts": shares(a=float("nan"), b=0.5)}, "parts"),
        ({"method": "random", "parts": [{"name": "a", "share": 0.5}] * 2}, "parts"),
        ({"method": "random", "parts": shares(**{"../a": 0.5, "b": 0.5})}, "parts"),
        ({"method": "random", "parts": shares(a=0.5, b=0.5), "seed": -1}, "seed"),
        ({"method": "random", "parts": shares(a=0.5, b=0.5), "sed": 1}, "sed"),
        ({"method": "random", "parts": shares(a=0.5, b=0.5), "stratify": "s", "together": "s"}, "together"),
        ({"method": "random", "parts": shares(a=0.5, b=0.5), "stratify": "z"}, "stratify"),
        ({"method": "time", "parts": [{"name": "a", "until": "2013-01-01"}, {"name": "b"}]}, "column"),
        ({"method": "time", "column": "d", "parts": [{"name": "a"}, {"name": "b"}]}, "parts"),
        ({"method": "time", "column": "s", "parts": [{"name": "a", "until": "2013-01-01"}, {"name": "b"}]}, "column"),
        ({"method": "time", "column": "d", "parts": [{"name": "a", "until": "soon"}, {"name": "b"}]}, "parts"),
        (
            {
                "method": "time",
                "column": "d",
                "parts": [{"name": "a", "until": "2013-02-01"}, {"name": "b", "until": "2013-01-01"}, {"name": "c"}],
            },
            "parts",
        ),
        ({"method": "random", "parts": "all"}, "parts"),
    ],
)
def test_a_plan_that_does_not_fit_names_its_field(tmp_path, plan, field):
    with pytest.raises(RecipeInvalid) as caught:
        parts_of(tmp_path, {"d": [dt.date(2013, 1, 1)], "s": ["x"]}, **plan)
    assert field in [problem["field"] for problem in caught.value.problems]


def test_plans_survive_as_plain_values():
    for raw in (
        {"method": "random", "parts": shares(a=0.5, b=0.5), "seed": 4, "stratify": "k"},
        {
            "method": "time",
            "parts": [{"name": "a", "until": "2013-02-01"}, {"name": "b"}],
            "column": "d",
            "target": "y",
        },
    ):
        plan = SplitPlan.from_dict(raw)
        assert plan.to_dict() == raw
        assert plan.sentence()
