"""Forecasts, rankings and models without truth: which checks go with them, and their figures by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from apps.validation.engine import forecasts, intervals
from apps.validation.engine.base import Kind, Verdict
from apps.validation.engine.case import Case
from apps.validation.engine.checks.comparison import VersusSimple
from apps.validation.engine.checks.forecast import ScaledError, VersusNaive
from apps.validation.engine.checks.ranking import Gain
from apps.validation.engine.checks.roles import DeclaredLists, SliceAnswers
from apps.validation.engine.forecasts import Track, known_at, season_before, step_of
from apps.validation.engine.plans import Subject, default_item, template
from apps.validation.engine.ranking import reciprocal_ranks, undecided
from apps.validation.engine.registry import registry
from apps.validation.engine.runner import run_item
from tests.validation.faults import uses, worlds
from tests.validation.faults.sound import NO_FILE


def test_checks_go_with_the_kinds_that_they_are_for() -> None:
    keys = {kind: {check.key for check in registry().for_kind(kind)} for kind in Kind}

    assert keys[Kind.REGRESSION] < keys[Kind.FORECAST]
    assert keys[Kind.FORECAST] - keys[Kind.REGRESSION] == {
        "fore.ahead", "fore.bias", "fore.coverage", "fore.horizon", "fore.leftover", "fore.mase", "fore.vs_naive",
    }  # fmt: skip
    assert {"rank.ndcg", "rank.exposure", "sec.graph", "fair.impact_ratio"} <= keys[Kind.RANKING]
    assert {"perf.auc", "perf.regression", "slice.declared"}.isdisjoint(keys[Kind.RANKING] | keys[Kind.GENERIC])
    assert all(check.blind for check in registry().for_kind(Kind.GENERIC))


def test_generic_plan_asks_what_fits_the_answer() -> None:
    lines = {kind: {line.key for line in template(Subject("high", Kind.GENERIC, ["sex"], answer=kind))} for kind in
             (Kind.BINARY, Kind.REGRESSION)}  # fmt: skip

    assert "fair.impact_ratio" in lines[Kind.BINARY] and "fair.impact_ratio" not in lines[Kind.REGRESSION]
    assert len(lines[Kind.REGRESSION]) > 20


@pytest.mark.parametrize("kind", ["binary", "regression"])
def test_blind_check_says_the_same_without_the_truth(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "repeats_for", lambda rows: 10)
    case = worlds.base(kind)
    asked = [
        line
        for line in template(Subject("high", Kind.GENERIC, ["sex"], answer=case.kind))
        if line.key not in NO_FILE and not line.key.startswith("lat.")
    ]
    knowing = replace(case, planned_as=Kind.GENERIC)

    figures = [[run_item(one, line).value for line in asked] for one in (knowing, uses.generic(kind))]

    assert figures[0] == figures[1] and sum(figure is not None for figure in figures[0]) > 10


def test_scaled_error_is_the_mean_of_errors_by_series_over_those_of_last_week() -> None:
    case = uses.forecast()
    train, test = case.training, case.test
    expected = []
    for shop in np.unique(test.columns["shop"].astype(str)):
        ours, before = test.columns["shop"] == shop, train.truth[train.columns["shop"] == shop]
        scale = np.abs(before[7:] - before[:-7]).mean()
        expected += (np.abs(test.truth[ours] - case.said.score[ours]) / scale).tolist()

    found = ScaledError().measure(case)

    assert found.value == pytest.approx(np.mean(expected), abs=1e-12)
    assert found.interval and found.interval.low < found.value < found.interval.high
    assert VersusNaive().measure(case).value == pytest.approx(
        1 - np.abs(test.truth - case.said.score).mean() / np.abs(test.truth - _week_before(case)).mean(), abs=1e-12
    )


def _week_before(case: Case) -> np.ndarray:
    both = {}
    for rows in (case.training, case.test):
        keys = zip(rows.columns["shop"], np.asarray(rows.time).astype("datetime64[D]"), strict=True)
        both |= dict(zip(keys, rows.truth, strict=True))
    asked = zip(case.test.columns["shop"], np.asarray(case.test.time).astype("datetime64[D]"), strict=True)
    return np.array([both[shop, day - np.timedelta64(7, "D")] for shop, day in asked])


@pytest.mark.parametrize(
    ("at", "season", "step", "before"),
    [
        ("2024-03-10T05:30", "day", 3600, "2024-03-09T05:30"),
        ("2024-03-10", "year", 86400, "2023-03-10"),
        ("2024-02-29", "year", 86400, "2023-02-28"),
        ("2024-03-31T12:00", "month", 86400, "2024-02-29T12:00"),
        ("2024-05-01", "quarter", 28 * 86400, "2024-02-01"),
        ("2024-03-11", "year", 7 * 86400, "2023-03-13"),
        ("2024-03-11", "step", 7 * 86400, "2024-03-04"),
    ],
)
def test_one_season_before(at: str, season: str, step: int, before: str) -> None:
    found = season_before(forecasts.seconds(np.array([at], dtype="datetime64[us]")), season, step)

    assert found.astype("datetime64[s]")[0] == np.datetime64(before)


def test_values_are_known_by_series_and_moment() -> None:
    track = Track(np.array([1, 0, 0]), np.array([10, 10, 20]), ["a", "b"])

    found = known_at(track, np.array([1.0, 2.0, 3.0]), np.array([0, 0, 1, 1, -1]), np.array([10, 20, 10, 20, 10]))

    assert found.tolist()[:3] == [2.0, 3.0, 1.0] and np.isnan(found[3:]).all()
    assert step_of(track) == 10


def test_rows_without_a_moment_belong_to_no_series() -> None:
    case = uses.forecast()
    time = np.asarray(case.test.time).copy()
    time[:50] = np.datetime64("NaT")
    partly = replace(case, test=replace(case.test, time=time))

    assert ScaledError().measure(partly).rows_used == len(case.test) - 50


def test_forecast_without_enough_history_is_too_small_to_judge() -> None:
    case = uses.forecast()
    short = replace(case, train=case.training.take(np.arange(5)))

    assert run_item(short, default_item(ScaledError, "limited", Kind.FORECAST)).verdict is Verdict.TOO_SMALL


def test_gain_equals_scikit_learn_with_an_interval_over_lists() -> None:
    case = uses.ranking()
    queries = case.test.columns["query"]
    each = [
        ndcg_score([case.test.truth[queries == one]], [case.said.score[queries == one]], k=5)
        for one in np.unique(queries.astype(str))
        if case.test.truth[queries == one].sum()
    ]

    found = Gain().measure(case, top=5)

    assert found.value == pytest.approx(np.mean(each), abs=1e-9)
    assert found.interval and found.interval.high - found.interval.low == pytest.approx(
        2 * 1.96 * np.std(each) / np.sqrt(len(each)), rel=0.25
    )


def test_slices_of_lists_are_scored_by_whole_lists() -> None:
    case = replace(uses.ranking(), slices={**uses.MARKETS, "cheap": "price < 12"})
    queries, market = case.test.columns["query"], case.test.columns["market"]
    expected = {}
    for name in ("abroad", "home"):
        inside = [queries == one for one in np.unique(queries[market == name].astype(str))]
        each = [ndcg_score([case.test.truth[one]], [case.said.score[one]], k=10) for one in inside
                if case.test.truth[one].sum()]  # fmt: skip
        expected[name] = (len(each), np.mean(each))

    found = DeclaredLists().measure(case)

    lines = {line["part"]: line for line in found.tables[0].rows}
    for name, part in (("abroad", "abroad"), ("home", "at home")):
        assert lines[part]["rows"] == expected[name][0]
        assert lines[part]["value"] == pytest.approx(expected[name][1], abs=1e-9)
        assert lines[part]["low"] < lines[part]["value"] < lines[part]["high"]
    whole = Gain().measure(case).value
    assert found.value == pytest.approx(max(1 - value / whole for _, value in expected.values()), abs=1e-9)
    assert found.notes[0] == "Too small to judge: cheap."
    assert "lists are partly in cheap and do not count for it." in found.notes[1]
    assert found.at_best is Verdict.WARNED


def test_slices_without_truth_say_what_is_answered() -> None:
    case = replace(uses.generic(), slices={"young": "age < 30", "nobody": "age > 900"})

    found = SliceAnswers().measure(case)

    young, nobody = found.tables[0].rows
    assert young["mean"] == pytest.approx(case.said.score[case.test.columns["age"] < 30].mean())
    assert (young["unsound"], nobody["rows"], nobody["unsound"]) == (0.0, 0, None)
    assert (found.value, found.notes, found.at_best) == (0.0, ["No test row is in nobody."], Verdict.WARNED)


def test_first_hit_and_ties_by_hand() -> None:
    groups = np.array([0, 0, 0, 1, 1, 2])
    scores, gains = np.array([3.0, 2.0, 2.0, 1.0, 1.0, 5.0]), np.array([0.0, 1.0, 0.0, 0.0, 0.0, 2.0])

    assert reciprocal_ranks(groups, scores, gains).tolist() == [1 / 3, 1.0]
    assert undecided(groups, scores, 2).tolist() == [0.5, 1.0]


def test_check_of_another_kind_of_plan_does_not_run() -> None:
    ranked = run_item(uses.ranking(), default_item(VersusSimple, "limited", Kind.REGRESSION))

    assert ranked.reason == "This check cannot be put to a ranking model."
