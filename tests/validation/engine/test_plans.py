"""Plans are tested before they are stored: unknown checks, wrong thresholds and foreign parameters are told at once."""

from __future__ import annotations

import pytest

from apps.validation.engine.base import ANSWERS, Bound, Family, Kind, Limits, Need
from apps.validation.engine.plans import ALWAYS_THERE, Item, PlanError, Subject, plan_hash, read_items, template
from apps.validation.engine.registry import registry


def problems(lines: object, kind: Kind = Kind.BINARY) -> list[str]:
    with pytest.raises(PlanError) as error:
        read_items(lines, kind)
    return error.value.problems


def test_line_with_key_and_threshold_gets_the_defaults() -> None:
    assert read_items([{"key": "perf.auc", "fail": 0.8}], Kind.BINARY) == [
        Item("perf.auc", "perf.auc", {}, Limits(0.8, None), Bound.LOWER, True)
    ]


def test_every_problem_is_told_at_once() -> None:
    assert problems(
        [
            {"key": "perf.aux", "fail": 1},
            {"key": "perf.auc"},
            {"key": "perf.regression", "fail": 0},
            {"key": "robust.noise", "fail": 0.1, "parameters": {"strength": "much"}},
            {"key": "fair.impact_ratio", "fail": 0.8},
            {"key": "perf.auc", "fail": 0.8, "warn": 0.7},
            {"key": "perf.auc", "fail": 0.8, "color": "red"},
            "perf.auc",
        ]
    ) == [
        "Line 1: No check has the key perf.aux.",
        "Line 2: perf.auc needs a threshold to fail or to warn at: without one it could not judge.",
        "Line 3: perf.regression cannot be put to a binary model.",
        "Line 4: strength must be a number.",
        "Line 5: fair.impact_ratio needs attributes.",
        "Line 6: perf.auc would fail before it warns: exchange its thresholds.",
        "Line 7: there is no field color; the fields are name, key, parameters, fail, warn, judged, required.",
        "Line 8: each line names a check, like {key: perf.auc, fail: 0.7}.",
    ]


def test_same_check_twice_needs_two_names() -> None:
    line = {"key": "perf.auc", "fail": 0.8}

    assert problems([line, line]) == ["perf.auc is in the plan more than once."]
    assert len(read_items([line, {**line, "name": "auc of gold customers"}], Kind.BINARY)) == 2


def test_empty_plan_is_none() -> None:
    assert problems([]) == ["A plan needs at least one check."]
    assert problems({"key": "perf.auc"}) == ["A plan needs at least one check."]


def test_item_survives_its_json() -> None:
    item = read_items([{"key": "fair.impact_ratio", "fail": 0.8, "parameters": {"attributes": ["sex"]}}], Kind.BINARY)[
        0
    ]

    assert item.name == "fair.impact_ratio:sex"
    assert Item.from_json(item.as_json()) == item


def test_template_of_the_high_tier_reads_back_as_a_plan() -> None:
    for kind in Kind:
        for tier in ("low", "limited", "high"):
            items = template(Subject(tier, kind, ["sex", "age"], edges={"age": [30, 50]}))
            assert read_items([item.as_json() for item in items], kind) == items


def test_template_asks_fairness_of_every_attribute() -> None:
    names = [item.name for item in template(Subject("high", Kind.BINARY, ["sex", "race"]))]

    assert [name for name in names if name.startswith("fair.impact_ratio")] == [
        "fair.impact_ratio:sex",
        "fair.impact_ratio:race",
    ]
    assert not any(item.key.startswith("fair.") for item in template(Subject("high", Kind.BINARY)))


def test_template_keeps_what_cannot_run_yet_as_not_required() -> None:
    items = {
        item.key: item
        for item in template(Subject("limited", Kind.BINARY, there=frozenset({Need.TIME, *ALWAYS_THERE})))
    }

    assert items["perf.vs_champion"].required is False
    assert items["consist.time_slices"].required is True
    assert items["perf.auc"].required is True


def test_template_of_the_low_tier_is_shorter_and_milder() -> None:
    low, high = (template(Subject(tier, Kind.BINARY)) for tier in ("low", "high"))

    assert len(low) < len(high)
    limits = {
        tier: next(item.limits.fail for item in items if item.key == "perf.auc")
        for tier, items in (("low", low), ("high", high))
    }
    assert limits["low"] < limits["high"]


def test_hash_changes_with_a_threshold() -> None:
    items = [item.as_json() for item in template(Subject("high", Kind.BINARY))]
    other = [{**items[0], "fail": 0.123}, *items[1:]]

    assert plan_hash({"items": items}) == plan_hash({"items": [dict(reversed(item.items())) for item in items]})
    assert plan_hash({"items": items}) != plan_hash({"items": other})


def test_every_check_says_what_it_asks_and_where_that_comes_from() -> None:
    for check in registry().all():
        assert check.question.endswith("?")
        assert check.source and check.metric and check.title and check.__doc__
        assert {"low", "limited", "high"} <= set(check.limits)
        for limits in check.limits.values():
            assert limits.fail is not None or limits.warn is not None


def test_check_that_informs_can_warn_and_nothing_else() -> None:
    assert read_items([{"key": "sec.scanner", "warn": 2}], Kind.BINARY)[0].required is False
    with pytest.raises(PlanError, match=r"sec.scanner only informs: it can warn, not fail."):
        read_items([{"key": "sec.scanner", "fail": 0}], Kind.BINARY)


@pytest.mark.parametrize("limit", [1e13, -1e308, 10**300])
def test_threshold_beyond_all_measure_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="fail is at most 1,000,000,000,000 in size"):
        read_items([{"key": "perf.auc", "fail": limit}], Kind.BINARY)


def test_what_the_business_knows_is_read_with_the_plan() -> None:
    assert problems(
        [
            {"key": "robust.direction", "fail": 0.1, "parameters": {"rules": ["delay upwards"]}},
            {"key": "robust.scenarios", "fail": 0, "parameters": {"rows": [{"row": {"delay": 90}}]}},
            {"key": "consist.sources", "fail": 0.1},
        ]
    ) == [
        "Line 1: A rule names a feature and up or down, like “delay up”, not “delay upwards”.",
        "Line 2: Scenario 1 does not say what is expected: label, least or most.",
        "Line 3: consist.sources needs column.",
    ]


def test_template_asks_nothing_that_somebody_has_to_say_first() -> None:
    keys = {item.key for item in template(Subject("high", Kind.BINARY, ["sex"]))}

    assert not keys & {"robust.direction", "robust.invariance", "robust.scenarios", "consist.sources"}


def test_template_crosses_the_attributes_once() -> None:
    names = [item.name for item in template(Subject("high", Kind.BINARY, ["sex", "race"]))]

    assert [name for name in names if name.startswith("fair.intersection")] == ["fair.intersection:sex+race"]
    assert not any(item.key == "fair.intersection" for item in template(Subject("high", Kind.BINARY, ["sex"])))


def test_there_are_checks_for_every_question_and_every_kind() -> None:
    assert len(registry().all()) >= 80
    assert {check.family for check in registry().all()} == set(Family)
    assert all(len(registry().for_kind(kind)) >= (40 if kind in ANSWERS else 30) for kind in Kind)
