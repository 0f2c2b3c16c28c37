"""The rules of judging: the first line that fits decides, and nothing unusable is taken."""

from __future__ import annotations

from typing import Any

import pytest

from apps.validation.engine.judging import DEFAULT, Rule, Unusable, beyond, read


@pytest.mark.parametrize(
    ("family", "tier", "required", "far", "severity"),
    [
        ("performance", "limited", True, 0.01, "high"),
        ("performance", "limited", False, 0.9, "medium"),
        ("performance", "low", True, 0.05, "medium"),
        ("performance", "low", True, 0.2, "high"),
        ("performance", "low", False, 0.2, "low"),
        ("performance", "high", True, 0.2, "high"),
        ("performance", "high", True, 0.6, "critical"),
        ("fairness", "limited", True, 0.2, "high"),
        ("fairness", "high", True, 0.01, "critical"),
        ("fairness", "high", False, 0.2, "medium"),
        ("security", "low", True, 0.0, "critical"),
    ],
)
def test_every_organization_begins_with_these(
    family: str, tier: str, required: bool, far: float, severity: str
) -> None:
    assert DEFAULT.weigh(family=family, tier=tier, required=required, beyond=far)[0] == severity


def test_the_rule_that_decided_is_named() -> None:
    assert DEFAULT.weigh(family="performance", tier="high", required=True, beyond=0.6) == (
        "critical",
        "Rule 3: any check that the plan requires, in the high tier, 50% or more beyond its threshold",
    )


@pytest.mark.parametrize(
    ("figure", "fail", "far"),
    [(0.4, 0.8, 0.5), (1.2, 0.8, 0.5), (0.1, 0.0, 1.0), (None, 0.8, 1.0), (float("inf"), 0.8, 1.0), (0.3, None, 1.0)],
)
def test_distance_is_a_share_of_the_threshold(figure: float | None, fail: float | None, far: float) -> None:
    assert beyond(figure, fail) == pytest.approx(far)


def test_what_is_written_reads_as_it_was() -> None:
    assert read(DEFAULT.as_json()) == DEFAULT
    assert read({}) == DEFAULT
    assert read({"severity": [{"severity": "low"}]}).severity == (Rule("low"),)


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"severity": []}, "severity"),
        ({"severity": [{"severity": "low", "tier": "high"}]}, "severity"),
        ({"severity": [{"severity": "grave"}]}, "severity"),
        ({"severity": [{"severity": "low", "family": "luck"}, {"severity": "low"}]}, "severity"),
        ({"severity": [{"severity": "low", "required": 1}, {"severity": "low"}]}, "severity"),
        ({"severity": [{"severity": "low", "beyond": "far"}, {"severity": "low"}]}, "severity"),
        ({"severity": ["low"]}, "severity"),
        ({"severity": {"low": 1}}, "severity"),
        ({"days": {"low": 1}}, "days"),
        ({"days": {"low": 1, "medium": 1, "high": 1, "critical": 0}}, "days"),
        ({"again": {"low": {}}}, "again"),
        ({"independence": {"low": "nobody", "limited": "team", "high": "team"}}, "independence"),
        ({"holds": ["all"]}, "holds"),
        ({"luck": 1}, "luck"),
    ],
)
def test_unusable_rules_are_refused_with_their_place(given: dict[str, Any], place: str) -> None:
    with pytest.raises(Unusable) as refused:
        read(given)
    assert refused.value.place == place
