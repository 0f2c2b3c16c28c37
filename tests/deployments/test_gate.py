"""The gate, rule by rule."""

from dataclasses import replace

import pytest

from apps.deployments.engine.gate import Facts, decide

FINE = Facts(
    version="Late arrivals version 3",
    environment="Production",
    is_production=True,
    charter_is_approved=True,
    tier="limited",
    version_state="approved",
    format="onnx",
    data_is_signed_off=True,
    data="Flights version 1",
    validation="validated",
    approval_counts=True,
    earlier_environments=("Staging",),
    served_in=(),
)


def test_everything_in_order_is_allowed() -> None:
    answer = decide(FINE)
    assert (answer.allowed, answer.refusals) == (True, [])
    assert [reason.code for reason in answer.reasons] == [
        "charter", "tier", "data", "validation", "conditions", "revalidation", "findings", "approval", "format",
        "order",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "code", "sentence"),
    [
        ({"charter_is_approved": False}, "charter", "charter is not approved"),
        ({"tier": "prohibited"}, "tier", "The use is prohibited."),
        ({"tier": ""}, "tier", "has no risk tier yet"),
        ({"data_is_signed_off": False}, "data", "Flights version 1, is not signed off as fit."),
        ({"data_is_signed_off": False, "data": ""}, "data", "names no data it was trained on"),
        ({"validation": ""}, "validation", "is not validated"),
        ({"validation": "rejected"}, "validation", "did not pass its validation"),
        ({"held_up_by": "It was due."}, "revalidation", "waits for its revalidation. It was due."),
        ({"broken_conditions": ("Until 3 May.",)}, "conditions", "stands against it: Until 3 May."),
        ({"blocking_findings": ("F1 Gap", "F2 Slow")}, "findings", "F1 Gap; F2 Slow. Resolve or waive them."),
        ({"blocking_findings": ("a", "b", "c", "d", "e")}, "findings", "a; b; c and 2 more."),
        ({"version_state": "validated"}, "approval", "is validated, not approved."),
        ({"version_state": "draft"}, "approval", "is draft, not approved."),
        ({"version_state": "rejected"}, "approval", "is rejected and may not serve anywhere."),
        ({"version_state": "archived", "is_production": False}, "approval", "is archived and may not serve anywhere."),
        ({"approval_counts": False}, "approval", "has changed. Have it approved again."),
        ({"format": "skops"}, "format", "The artifact is skops; the prediction server opens ONNX only."),
        ({"tier": "high"}, "order", "has to serve in Staging first."),
    ],
)
def test_one_thing_wrong_refuses_with_its_sentence(changes: dict, code: str, sentence: str) -> None:
    answer = decide(replace(FINE, **changes))
    assert [reason.code for reason in answer.reasons if not reason.is_met] == [code]
    assert sentence in answer.refusals[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"validation": "conditions"},
        {"tier": "low"},
        {"tier": "high", "served_in": ("Staging",)},
        {"is_production": False, "environment": "Staging", "version_state": "validated", "approval_counts": False},
    ],
)
def test_variations_that_are_allowed(changes: dict) -> None:
    assert decide(replace(FINE, **changes)).allowed


def test_candidate_is_too_early_for_staging() -> None:
    answer = decide(replace(FINE, is_production=False, environment="Staging", version_state="candidate"))
    assert answer.refusals == ["Late arrivals version 3 is candidate, not approved."]
