"""Signatures as evidence: demanded of a role, asked for once, given through approvals, needed to conclude."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from apps.approvals import actions as approvals
from apps.approvals.models import Request, RequestState
from apps.core.errors import Conflict, IllegalMove, Invalid, Refused
from apps.validation import actions, attestations, required_evidence
from apps.validation.models import AskedSignature, Plan
from tests.cast import Cast
from tests.validation.factories import LINES, candidate, finished_run, fresh, plan_of

ASKED = "signature: Business owner: We can live with the errors that remain."
OTHER = "signature: Risk approver: They are accepted."
QUICK = [LINES[2]]


def sign(cast: Cast, name: str = "bianca") -> None:
    """The newest request is signed."""
    approvals.sign(request=Request.objects.latest("id"), by=getattr(cast, name), comment="Yes.")


def stands(plan: Plan) -> list[tuple[bool, str]]:
    """What is there of what the plan asks for."""
    plan = Plan.objects.get(pk=plan.pk)
    return [(one.is_there, one.note) for one in required_evidence.standing(plan)]


def test_conclusion_needs_the_signature_of_the_role(inside: Cast) -> None:
    run = finished_run(inside, lines=QUICK, evidence=[ASKED])
    given: dict[str, Any] = {"run": run, "outcome": "validated", "statement": "Fit.", "by": inside.vera}
    with pytest.raises(Refused, match="nobody was asked for it"):
        actions.conclude(**given)

    asked = actions.ask_signature(plan=run.plan, asked=ASKED, by=inside.vera)
    assert asked.request.snapshot["artifact"] == run.version.artifact.sha256
    assert stands(run.plan) == [(False, "waiting for signatures")]
    with pytest.raises(Conflict, match="has not decided yet"):
        actions.ask_signature(plan=run.plan, asked=ASKED, by=inside.vera)
    with pytest.raises(Refused, match="waits for somebody with the role business owner"):
        sign(inside, "rhea")
    sign(inside)

    assert stands(run.plan) == [(True, f"signed by {inside.bianca}")]
    with pytest.raises(Conflict, match="signed already"):
        actions.ask_signature(plan=run.plan, asked=ASKED, by=inside.vera)
    actions.conclude(**given)
    record = attestations.record_of(attestations.what_was_signed(fresh(run)))
    assert [(one["role"], one["by"]["email"]) for one in record["signatures"]] == [
        ("Business owner", inside.bianca.email)
    ]


def test_signature_counts_for_the_purpose_that_was_signed(inside: Cast) -> None:
    plan = plan_of(inside, lines=QUICK, evidence=[ASKED])
    actions.ask_signature(plan=plan, asked=ASKED, by=inside.vera)
    sign(inside)
    project = plan.version.model.project
    project.problem = "Another one."
    project.save()

    assert stands(plan) == [(False, "the version or its purpose has changed since it was signed")]
    actions.ask_signature(plan=plan, asked=ASKED, by=inside.vera)
    project.problem = "A third one."
    project.save()
    with pytest.raises(IllegalMove):
        sign(inside)
    assert AskedSignature.objects.latest("id").request.state == RequestState.INVALIDATED


def test_declined_signature_may_be_asked_for_again(inside: Cast) -> None:
    plan = plan_of(inside, lines=QUICK, evidence=[OTHER])
    asked = actions.ask_signature(plan=plan, asked=OTHER, by=inside.vera)
    approvals.decline(request=asked.request, by=inside.rhea, reason="Not yet.")

    assert stands(plan) == [(False, "declined")]
    assert actions.ask_signature(plan=plan, asked=OTHER, by=inside.vera).request.is_open


def test_who_may_ask_and_for_what(inside: Cast) -> None:
    plan = plan_of(inside, lines=QUICK, evidence=[ASKED])
    with pytest.raises(Refused):
        actions.ask_signature(plan=plan, asked=ASKED, by=inside.rhea)
    with pytest.raises(Invalid, match="no such signature"):
        actions.ask_signature(plan=plan, asked=OTHER, by=inside.vera)
    newer = plan_of(inside, plan.version, QUICK, reason="Sooner.", evidence=[ASKED])
    with pytest.raises(IllegalMove, match="was replaced"):
        actions.ask_signature(plan=plan, asked=ASKED, by=inside.vera)
    assert newer.evidence == [ASKED]


@pytest.mark.parametrize(
    "text", ["signature", "signature: Yes.", "signature: Janitor: Yes.", "signature: Risk approver:"]
)
def test_signature_names_role_and_statement(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        required_evidence.read([text])
    assert "name one of Business owner, Risk approver" in refused.value.fields["evidence"][0]


def test_role_is_kept_by_its_name() -> None:
    assert required_evidence.read(["signature: risk_approver:  Fine. "]) == ["signature: Risk approver: Fine."]


def test_page_and_api_ask(inside: Cast, sign_in: Any) -> None:
    plan = plan_of(inside, candidate(inside), QUICK, evidence=[ASKED, OTHER])
    vera, version = sign_in(inside.vera), plan.version
    page = reverse("validation:ask-signature", args=["meridian", version.model.key, version.number, plan.number])

    assert vera.get(plan.get_absolute_url()).text.count(f'action="{page}"') == 2
    assert vera.post(page, {"asked": ASKED}).status_code == 303
    shown = vera.get(plan.get_absolute_url()).text
    assert shown.count(f'action="{page}"') == 1 and "waiting for signatures" in shown
    address = f"/o/meridian/api/v1/validation-plans/{plan.pk}/ask-signature/"
    made = vera.post(address, {"asked": OTHER}, content_type="application/json")
    assert made.status_code == 201 and made.json()["role"] == "risk_approver"
    assert vera.post(address, {"asked": OTHER}, content_type="application/json").status_code == 409
    assert AskedSignature.objects.count() == 2
