"""Profiles against what pandas says of the same rows, exact and beyond the limits, as plain JSON."""

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest

from apps.datasets.engine.profile import Limits, profile

from .files import table_of

UTC = dt.UTC
RNG = np.random.default_rng(5)


def column_of(result, name):
    return next(column for column in result["columns"] if column["name"] == name)


@pytest.fixture
def frame():
    rows = 3_000
    return pd.DataFrame(
        {
            "delay": np.where(RNG.random(rows) < 0.1, np.nan, RNG.normal(5, 40, rows)),
            "hour": RNG.integers(0, 24, rows),
            "carrier": RNG.choice(["UA", "AA", "DL", None], rows, p=[0.5, 0.3, 0.1, 0.1]),
            "tail": [f"N{number}" for number in range(rows)],
            "late": RNG.random(rows) < 0.2,
            "when": pd.Timestamp("2013-01-01", tz="UTC") + pd.to_timedelta(RNG.integers(0, 10_000_000, rows), unit="s"),
        }
    )


@pytest.mark.parametrize("limits", [None, Limits(exact_rows=1000, sampled=800, counted=1000, distinct=500)])
def test_figures_agree_with_pandas_within_and_beyond_the_limits(tmp_path, frame, limits):
    table = table_of(
        tmp_path, {name: list(frame[name].astype(object).where(frame[name].notna(), None)) for name in frame}
    )

    result = profile(table.path, limits=limits, correlations=True)

    json.dumps(result, allow_nan=False)
    delay = column_of(result, "delay")
    known = frame["delay"].dropna()
    assert delay["nulls"] == frame["delay"].isna().sum()
    assert delay["mean"] == pytest.approx(known.mean())
    assert delay["sd"] == pytest.approx(known.std())
    assert (delay["min"], delay["max"]) == (known.min(), known.max())
    assert delay["negative"] == (known < 0).sum()
    assert delay["histogram"]["counts"] == np.histogram(known, 20)[0].tolist()
    if limits is None:
        assert delay["quantiles"]["exact"]
        assert delay["quantiles"]["p25"] == pytest.approx(known.quantile(0.25))
        assert delay["distinct"] == {"count": known.nunique(), "exact": True}
    else:
        assert not delay["quantiles"]["exact"]
        # The rank of a quantile of 800 of the rows is off by about 1.5 %.
        assert (known < delay["quantiles"]["p50"]).mean() == pytest.approx(0.5, abs=0.06)
        assert delay["distinct"]["exact"] is False
        assert delay["distinct"]["count"] == pytest.approx(known.nunique(), rel=0.04)
    counts = frame["carrier"].value_counts()
    assert [(top["value"], top["count"]) for top in column_of(result, "carrier")["top"]] == list(counts.items())
    assert column_of(result, "late")["top"][0] == {
        "value": False,
        "count": int((~frame["late"]).sum()),
        "share": round(float((~frame["late"]).mean()), 6),
    }
    assert column_of(result, "hour")["distinct"]["count"] == 24
    span = frame["when"].max() - frame["when"].min()
    assert column_of(result, "when")["span_seconds"] == span.total_seconds()
    assert sum(column_of(result, "when")["histogram"]["counts"]) == len(frame)
    expected = frame[["delay", "hour"]].corr().to_numpy()
    assert np.array(result["correlations"]["matrix"], float) == pytest.approx(expected)
    assert column_of(result, "tail")["identifier"]


def test_a_profile_beyond_the_limits_names_the_frequent_values_with_exact_counts(tmp_path):
    values = [f"rare {number}" for number in range(5_000)] + ["often"] * 700 + ["seldom"] * 300
    order = RNG.permutation(len(values))
    table = table_of(tmp_path, {"a": [values[place] for place in order]})

    column = column_of(profile(table.path, limits=Limits(counted=1_000)), "a")

    assert column["top_exact"] is False
    assert [(top["value"], top["count"]) for top in column["top"][:2]] == [("often", 700), ("seldom", 300)]


def test_odd_columns_and_repeated_rows_are_remarked(tmp_path):
    table = table_of(
        tmp_path,
        {
            "same": ["a"] * 60,
            "none": [None] * 60,
            "id": [*range(59), 0],
            "mail": [f"person{n % 59}@example.org" for n in range(60)],
        },
    )

    result = profile(table.path)

    assert [(remark["code"], remark["columns"]) for remark in result["remarks"]] == [
        ("all_null", ["none"]),
        ("constant", ["same"]),
        ("personal", ["mail"]),
        ("duplicates", []),
    ]
    assert result["duplicates"] == {"rows": 1, "groups": 1, "share": 0.016667}
    assert result["remarks"][-1]["sentence"] == "1 row repeats an earlier row in every column."


def test_infinite_numbers_are_counted_and_kept_out_of_the_figures(tmp_path):
    table = table_of(tmp_path, {"a": [1.0, float("inf"), 3.0], "b": [float("inf")] * 3})

    result = profile(table.path, correlations=True)

    assert (column_of(result, "a")["mean"], column_of(result, "a")["infinite"]) == (2.0, 1)
    assert column_of(result, "b")["infinite"] == 3
    json.dumps(result, allow_nan=False)


def test_dates_and_texts_have_their_own_figures(tmp_path):
    table = table_of(tmp_path, {"day": [dt.date(2024, 2, 28), dt.date(2024, 3, 1)], "word": ["ab ", " "]})

    result = profile(table.path)

    assert column_of(result, "day")["min"] == "2024-02-28"
    assert column_of(result, "day")["span_seconds"] == 2 * 86_400
    assert column_of(result, "word")["length"] == {"min": 1, "max": 3, "mean": 2.0}
    assert column_of(result, "word")["blank"] == 1


def test_one_row_has_a_profile(tmp_path):
    result = profile(table_of(tmp_path, {"a": [1], "b": ["x"], "t": [dt.datetime(2024, 1, 1, tzinfo=UTC)]}).path)

    assert column_of(result, "a")["sd"] is None
    assert column_of(result, "a")["histogram"] == {"edges": [1.0, 1.0], "counts": [1], "below": 0, "above": 0}
    assert column_of(result, "t")["span_seconds"] == 0


def test_few_values_far_out_do_not_press_all_others_into_one_bin(tmp_path):
    values = [float(number % 100) for number in range(1000)] + [1e6, -1e6, 2e6]

    histogram = column_of(profile(table_of(tmp_path, {"a": values}).path), "a")["histogram"]

    assert (histogram["below"], histogram["above"]) == (1, 2)
    assert sum(histogram["counts"]) == 1000
    assert max(histogram["counts"]) < 100


@pytest.mark.parametrize(("high", "bins"), [(12, 12), (24, 12), (2400, 20)])
def test_whole_numbers_fall_into_bins_of_whole_width(tmp_path, high, bins):
    values = list(range(1, high + 1))

    histogram = column_of(profile(table_of(tmp_path, {"a": values}).path), "a")["histogram"]

    assert len(histogram["counts"]) == bins
    assert set(histogram["counts"]) == {high // bins}
    assert histogram["edges"][0] == 0.5


def test_progress_ends_with_all_rows(tmp_path):
    seen = []
    profile(table_of(tmp_path, {"a": [1, 2], "b": [3, 4]}).path, progress=lambda *step: seen.append(step))

    assert seen == [(0, 2), (1, 2), (2, 2)]
