"""Rates of groups from counts against fairlearn on the rows, their intervals, and who is judged at all."""

import numpy as np
import pytest
from fairlearn import metrics

from apps.monitoring.engine import fairness
from apps.monitoring.engine.fairness import Group
from apps.monitoring.engine.policy import DRIFT, NOT_ENOUGH, QUIET, Limits


def people(rng, size, apart=0.0):
    """Group, truth and what was said; group b is chosen less often by `apart`."""
    group = rng.choice(["a", "b"], size)
    truth = rng.uniform(size=size) < 0.5
    said = rng.uniform(size=size) < np.where(truth, 0.8, 0.3) - apart * (group == "b")
    return group, truth, said


def groups_of(group, truth, said):
    found = []
    for name in np.unique(group):
        mine = group == name
        known = np.array([[(mine & (truth == t) & (said == s)).sum() for s in (0, 1)] for t in (0, 1)], dtype=float)
        found.append(Group(str(name), float(mine.sum()), float((mine & said).sum()), known))
    return found


def test_figures_of_a_column_equal_fairlearn():
    group, truth, said = people(np.random.default_rng(1), 4_000, 0.15)
    found = fairness.widest(groups_of(group, truth, said), Limits())
    by = {"sensitive_features": group}
    assert found["impact_ratio"] == pytest.approx(metrics.demographic_parity_ratio(truth, said, **by))
    assert found["selection_difference"] == pytest.approx(metrics.demographic_parity_difference(truth, said, **by))
    worst = max(found["true_positive_difference"], found["false_positive_difference"])
    assert worst == pytest.approx(metrics.equalized_odds_difference(truth, said, **by))


def test_a_group_that_is_chosen_less_often_is_found_and_its_interval_excludes_one():
    found = fairness.judge(groups_of(*people(np.random.default_rng(2), 4_000, 0.25)), Limits())
    ratio = found["b"]["impact_ratio"]
    assert (found["b"]["level"], ratio["against"]) == (DRIFT, "a")
    assert ratio["low"] < ratio["value"] < ratio["high"] < 1
    assert found["b"]["true_positive_difference"]["high"] < 0


def test_only_the_group_that_fares_worse_is_named():
    rng = np.random.default_rng(5)
    group, truth = rng.choice(["a", "b", "c"], 6_000), rng.uniform(size=6_000) < 0.5
    said = rng.uniform(size=6_000) < np.where(truth, 0.8, 0.3) - 0.28 * (group == "b")
    found = fairness.judge(groups_of(group, truth, said), Limits())
    assert {name: one["level"] for name, one in found.items()} == {"a": QUIET, "b": DRIFT, "c": QUIET}
    assert found["a"]["true_positive_difference"]["low"] > 0.05


def test_alike_groups_are_quiet():
    levels = [
        one["level"]
        for seed in range(20)
        for one in fairness.judge(groups_of(*people(np.random.default_rng(seed), 1_000)), Limits()).values()
    ]
    assert set(levels) == {QUIET}


def test_intervals_of_differences_hold_the_truth_about_as_often_as_they_say():
    rng, held = np.random.default_rng(3), {"difference": 0, "ratio": 0}
    for _ in range(300):
        found = fairness.judge(groups_of(*people(rng, 800, 0.2)), Limits())["b"]
        held["difference"] += (
            found["true_positive_difference"]["low"] <= -0.2 <= found["true_positive_difference"]["high"]
        )
        held["ratio"] += found["impact_ratio"]["low"] <= 0.35 / 0.55 <= found["impact_ratio"]["high"]
    assert min(held.values()) > 0.92 * 300


def test_small_groups_are_shown_and_decide_nothing():
    tiny = Group("c", 5.0, 0.0, np.array([[2.0, 0.0], [3.0, 0.0]]))
    found = fairness.judge([*groups_of(*people(np.random.default_rng(4), 2_000)), tiny], Limits())
    assert (found["c"]["level"], found["c"].get("impact_ratio"), found["c"]["selection"]["n"]) == (NOT_ENOUGH, None, 5)
    assert found["a"]["impact_ratio"]["against"] in "ab"


def test_a_group_without_any_choice_has_an_interval():
    groups = [Group("a", 400.0, 200.0, np.zeros((2, 2))), Group("b", 400.0, 0.0, np.zeros((2, 2)))]
    ratio = fairness.judge(groups, Limits())["b"]["impact_ratio"]
    assert (ratio["value"], ratio["low"], ratio["high"] < 0.2) == (0.0, 0.0, True)


def test_counts_are_turned_to_the_favourable_label():
    table = np.array([[5.0, 2.0], [1.0, 8.0]])  # [predicted, true]
    assert fairness.counts_of(table, 1).tolist() == [[5.0, 1.0], [2.0, 8.0]]
    assert fairness.counts_of(table, 0).tolist() == [[8.0, 2.0], [1.0, 5.0]]
