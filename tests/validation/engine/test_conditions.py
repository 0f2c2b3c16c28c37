"""Conditions of use: read strictly, told as sentences, broken exactly where their limits say so."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from apps.validation.engine.conditions import Condition, Place, Unusable, broken, read

INPUTS = {"age": "number", "carrier": "string", "weekend": "boolean"}
HERE = Place(dt.date(2026, 11, 23), "production", "late-arrivals", monitors=[{"kind": "drift", "limits": {"psi": 0.1}}])


def given(kind: str, /, **limits: Any) -> Condition:
    return read({"kind": kind, "limits": limits}, INPUTS)


@pytest.mark.parametrize(
    ("condition", "place", "sentence"),
    [
        (given("until", date="2026-11-23"), {}, ""),
        (given("until", date="2026-11-22"), {}, "It was found fit until 22 November 2026, and that day has passed."),
        (given("places", environments=["production"]), {}, ""),
        (given("places", endpoints=["late-arrivals"]), {"environment": "staging"}, ""),
        (given("places", environments=["staging"]), {}, "It may be used in staging only, not at late-arrivals."),
        (given("places", environments=["staging"]), {"endpoint": ""}, "in staging only, not at production."),
        (given("traffic", most=0.1), {"share": 0.1}, ""),
        (given("traffic", most=0.1), {}, "At most 10% of the callers may get its answers. Here it would answer 100%"),
        (given("traffic", most=0), {"share": 0.01}, "in the shadow of another version only"),
        (given("monitor", kind="drift"), {}, ""),
        (given("monitor", kind="drift", limit="psi", value=0.1), {}, ""),
        (given("monitor", kind="drift", limit="psi", value=0.05), {}, "The one there is allows more."),
        (given("monitor", kind="silence"), {}, "A monitor of silence has to be active. There is none."),
        (given("monitor", kind="drift"), {"monitors": None}, "There is no endpoint yet"),
        (
            given("monitor", kind="segments", limit="impact", value=0.8),
            {"monitors": [{"kind": "segments", "limits": {"impact": 0.7}}]},
            "with impact at least 0.8 has to be active. The one there is allows more.",
        ),
        (given("inputs", column="age", least=18), {}, ""),
        (given("confirm"), {}, ""),
    ],
)
def test_broken_exactly_where_the_limits_say(condition: Condition, place: dict[str, Any], sentence: str) -> None:
    found = broken(condition, replace(HERE, **place))
    assert sentence in found
    assert bool(found) == bool(sentence)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (given("inputs", column="age", least=18, most=99), "Only where age is at least 18 and at most 99."),
        (given("inputs", column="carrier", values=["B6", "AA"]), "Only where carrier is one of AA, B6."),
        (given("inputs", column="weekend", values=["true"]), "Only where weekend is one of true."),
        (given("confirm"), "A person confirms each decision."),
        (read({"kind": "statement", "text": "Not in snow."}, INPUTS), "Not in snow."),
        (read({"kind": "confirm", "text": "By the duty manager."}, INPUTS),
         "A person confirms each decision. By the duty manager."),
    ],
)  # fmt: skip
def test_condition_is_told_as_a_sentence(condition: Condition, words: str) -> None:
    assert condition.words == words
    assert read(condition.as_json(), INPUTS) == condition


@pytest.mark.parametrize(
    ("kind", "limits"),
    [
        ("until", {"date": "soon"}),
        ("until", {}),
        ("places", {}),
        ("places", {"environments": "staging"}),
        ("traffic", {"most": 1}),
        ("traffic", {"most": "half"}),
        ("traffic", {"most": True}),
        ("inputs", {"column": "height", "least": 1}),
        ("inputs", {"column": "age"}),
        ("inputs", {"column": "age", "least": 9, "most": 1}),
        ("inputs", {"column": "age", "values": ["1"]}),
        ("inputs", {"column": "age", "least": float("nan")}),
        ("inputs", {"column": "carrier", "least": 1}),
        ("inputs", {"column": "weekend", "values": ["yes"]}),
        ("monitor", {"kind": "luck"}),
        ("monitor", {"kind": "drift", "limit": "psi"}),
        ("monitor", {"kind": "drift", "limit": "latency", "value": 1}),
        ("confirm", {"who": "me"}),
        ("statement", {}),
        ("luck", {}),
    ],
)
def test_what_cannot_be_enforced_is_refused(kind: str, limits: dict[str, Any]) -> None:
    with pytest.raises(Unusable):
        given(kind, **limits)
