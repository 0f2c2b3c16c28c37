"""Conditions of use where versions answer: the gate refuses, somebody takes note, servers flag, days pass."""

import copy
import datetime as dt
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.core.errors import Invalid, Refused
from apps.deployments import actions, policies, recording, routing
from apps.deployments.models import Deployment, Traffic
from apps.discussions.models import Notice
from apps.models.models import ModelVersion
from apps.organizations.people import system
from apps.validation import subjects
from apps.validation.actions import trigger_revalidation
from apps.validation.models import Revalidation
from apps.validation.signals import concluded
from tests.cast import Cast
from tests.deployments.shop import Shop
from tests.deployments.test_recording import call

INPUTS = {"kind": "inputs", "limits": {"column": "month", "least": 1, "most": 6}}
STATEMENT = {"kind": "statement", "text": "Not in snow."}


@pytest.fixture
def shop(inside: Cast, shop_once: Shop) -> Shop:
    return copy.deepcopy(shop_once)


def until(days: int, **more: Any) -> dict[str, Any]:
    day = timezone.localdate() + dt.timedelta(days=days)
    return {"kind": "until", "limits": {"date": day.isoformat()}, **more}


def live(shop: Shop, *terms: dict[str, Any], acknowledged: tuple[int, ...] = ()) -> Deployment:
    """Version 1 in staging, under conditions."""
    version, endpoint = shop.version(1), shop.endpoint(shop.staging)
    shop.validation(version, "conditions", terms)
    return actions.deploy(endpoint=endpoint, version=version, by=shop.cast.otto, acknowledged=acknowledged)


def day_passes(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    later = timezone.localdate() + dt.timedelta(days=days)
    monkeypatch.setattr(timezone, "localdate", lambda *_: later)


@pytest.mark.parametrize(
    ("term", "sentence"),
    [
        (until(-1), "that day has passed"),
        ({"kind": "places", "limits": {"environments": ["lab"], "endpoints": []}}, "in lab only"),
        ({"kind": "traffic", "limits": {"most": 0.05}}, "At most 5% of the callers"),
        ({"kind": "monitor", "limits": {"kind": "drift", "limit": "", "value": None}}, "There is none."),
    ],
)
def test_gate_refuses_what_breaks_a_condition(shop: Shop, term: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refused, match="A condition of its validation stands against it") as refused:
        live(shop, term)
    assert sentence in refused.value.sentence


def test_deployment_keeps_the_conditions_it_is_under(shop: Shop) -> None:
    deployment = live(shop, INPUTS, {"kind": "confirm"}, until(3))

    assert [term["kind"] for term in deployment.terms] == ["inputs", "confirm", "until"]
    assert deployment.needs_confirmation
    assert "It keeps the conditions of its validation" in str(deployment.decision.reasons)


def test_condition_in_words_is_acknowledged_by_somebody(shop: Shop) -> None:
    version, endpoint = shop.version(1), shop.endpoint()
    shop.validation(version, "conditions", [INPUTS, STATEMENT])
    given: dict[str, Any] = {"endpoint": endpoint, "version": version, "by": shop.cast.bianca}
    for wrong in ((), (1,)):
        with pytest.raises(Invalid, match=r"2: “Not in snow\.”") as refused:
            actions.request_deployment(**given, acknowledged=wrong)
        assert "acknowledged" in refused.value.fields

    planned = actions.request_deployment(**given, acknowledged=[2])

    assert [(one["text"], one["by"]) for one in planned.acknowledged] == [("Not in snow.", shop.cast.bianca.email)]
    assert planned.request.snapshot["conditions"][1]["words"] == "Not in snow."
    shop.sign(planned)
    deployed = actions.deploy(endpoint=endpoint, version=version, by=shop.cast.otto)
    assert deployed.acknowledged == planned.acknowledged


def test_page_has_a_box_for_each_condition_in_words(shop: Shop, sign_in: Any) -> None:
    version, endpoint = shop.version(1), shop.endpoint(shop.staging)
    shop.validation(version, "conditions", [STATEMENT])
    otto = sign_in(shop.cast.otto)
    page = reverse("deployments:change-version", args=["meridian", endpoint.key, 1])

    assert "Not in snow." in otto.get(page).content.decode()
    assert otto.post(page, {"reason": ""}).status_code == 422
    answer = otto.post(page, {"reason": "", "condition_1": "on"})

    deployment = Deployment.objects.get()
    assert answer.status_code == 303 and deployment.acknowledged[0]["by"] == shop.cast.otto.email
    shown = otto.get(deployment.get_absolute_url()).content.decode()
    assert "Under these conditions" in shown and f"acknowledged by {shop.cast.otto.email}" in shown


def test_condition_that_came_after_the_plan_is_acknowledged_where_it_is_carried_out(shop: Shop, sign_in: Any) -> None:
    version, endpoint = shop.version(1), shop.endpoint()
    shop.validation(version, "conditions", [STATEMENT])
    asked = {"endpoint": endpoint, "version": version, "acknowledged": [1], "by": shop.cast.bianca}
    planned = actions.request_deployment(**asked)
    shop.sign(planned)
    shop.validation(version, "conditions", [STATEMENT, {"kind": "statement", "text": "Not at night."}])
    otto = sign_in(shop.cast.otto)
    page = reverse("deployments:carry-out", args=["meridian", endpoint.key, planned.number])

    assert f'href="{page}"' in otto.get(planned.get_absolute_url()).content.decode()
    shown = otto.get(page).content.decode()
    assert "Not at night." in shown and "Not in snow." not in shown
    assert otto.post(page).status_code == 422
    assert otto.post(page, {"condition_2": "on"}).status_code == 303

    planned.refresh_from_db()
    taken = [(one["text"], one["by"]) for one in planned.acknowledged]
    assert taken == [("Not in snow.", shop.cast.bianca.email), ("Not at night.", shop.cast.otto.email)]


def test_api_takes_the_numbers_and_shows_the_terms(shop: Shop, sign_in: Any) -> None:
    version, endpoint = shop.version(1), shop.endpoint(shop.staging)
    shop.validation(version, "conditions", [STATEMENT, {"kind": "confirm"}])
    address = f"/o/meridian/api/v1/endpoints/{endpoint.key}/deploy/"
    otto = sign_in(shop.cast.otto)

    refused = otto.post(address, {"version": 1}, content_type="application/json")
    answer = otto.post(address, {"version": 1, "acknowledged": [1]}, content_type="application/json")

    assert refused.status_code == 422 and "acknowledged" in refused.content.decode()
    assert answer.status_code == 201 and answer.json()["needs_confirmation"] is True
    assert [term["kind"] for term in answer.json()["terms"]] == ["statement", "confirm"]


def test_day_that_passes_is_told_once_and_holds_the_version_up(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = live(shop, until(3))
    actions.follow_up(by=system())
    deployment.refresh_from_db()
    assert deployment.breach == ""

    day_passes(monkeypatch, 4)
    actions.follow_up(by=system())
    actions.follow_up(by=system())

    deployment.refresh_from_db()
    assert "that day has passed" in deployment.breach and not deployment.is_halted
    for who in (shop.cast.otto, shop.cast.vera):
        assert Notice.objects.filter(user=who, text__contains="still answers").count() == 1
    with pytest.raises(Refused, match="that day has passed"):
        policies.check_gate(deployment.endpoint, deployment.version)


def test_strict_condition_stops_the_answers_until_it_is_kept_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = live(shop, until(3, is_strict=True), INPUTS)
    entry = routing.routes("meridian")["endpoints"][0]
    assert (entry["problem"], [term["kind"] for term in entry["terms"]]) == ("", ["inputs"])

    day_passes(monkeypatch, 4)
    actions.follow_up(by=system())
    halted = routing.routes("meridian")["endpoints"][0]
    run = shop.validation(deployment.version, "conditions", [until(30)])
    concluded.send(sender=type(run), run=run, version=deployment.version, by=shop.cast.vera)

    assert halted["path"] == "" and "This version may not answer now" in halted["problem"]
    deployment.refresh_from_db()
    assert (deployment.breach, deployment.breached_at, deployment.is_halted) == ("", None, False)
    assert [term["kind"] for term in deployment.terms] == ["until"]
    assert routing.routes("meridian")["endpoints"][0]["path"]


def test_version_whose_conditions_ran_out_is_not_rolled_back_to(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    first = live(shop, until(3))
    actions.deploy(endpoint=first.endpoint, version=shop.version(2), by=shop.cast.otto)
    day_passes(monkeypatch, 4)

    with pytest.raises(Refused, match="that day has passed"):
        actions.roll_back(endpoint=first.endpoint, reason="Slow.", by=shop.cast.otto)


def test_rows_outside_are_counted_by_the_minute(shop: Shop) -> None:
    deployment = live(shop, INPUTS)

    recording.store("host", [call(deployment, outside=1), call(deployment, status="refused", outside=3)])

    assert sum(Traffic.objects.values_list("outside", flat=True)) == 4


def test_what_answers_is_in_use_and_its_overdue_revalidation_holds_up_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = live(shop, INPUTS)
    version = deployment.version
    assert list(subjects.in_use()) == [version]
    shop.project.tier = "high"
    shop.project.save()
    trigger_revalidation(version=version, trigger="breach", reason="Drift.", by=system())
    version.refresh_from_db()
    assert policies.gather(version, shop.staging).held_up_by == ""

    day_passes(monkeypatch, 31)

    with pytest.raises(Refused, match=r"waits for its revalidation\. It was to be validated again by"):
        policies.check_gate(deployment.endpoint, ModelVersion.objects.select_related("model__project").get())


def test_changed_artifact_triggers_a_revalidation(shop: Shop) -> None:
    deployment = live(shop, INPUTS)

    routing.report(deployment.endpoint_id, deployment.pk, "It could not be read from storage.")
    assert not Revalidation.objects.exists()
    routing.report(deployment.endpoint_id, deployment.pk, f"The artifact of version 1 {routing.CHANGED}")

    assert [(one.trigger, one.version) for one in Revalidation.objects.all()] == [("artifact", deployment.version)]
