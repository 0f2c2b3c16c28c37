"""Environments, endpoints and deployments: who may, in which order, and what is left behind."""

import copy
import datetime as dt
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.approvals import actions as approvals
from apps.approvals.models import RequestState
from apps.audit.chain import faults
from apps.audit.models import Record
from apps.core.errors import Conflict, IllegalMove, Invalid, NotVisible, Refused
from apps.deployments import actions, policies
from apps.deployments.models import (
    DEPLOYMENT_STATES,
    ENDPOINT_STATES,
    Deployment,
    DeploymentState,
    Endpoint,
    EndpointState,
    Environment,
    GateDecision,
    RoutingRevision,
)
from apps.deployments.signals import endpoint_changed, version_deployed
from apps.discussions.models import Notice
from apps.models.models import CHAMPION
from tests.cast import Cast
from tests.deployments.shop import Shop


@pytest.fixture
def shop(inside: Cast, shop_once: Shop) -> Shop:
    return copy.deepcopy(shop_once)


def revision() -> int:
    return RoutingRevision.objects.get().number


def last_record() -> str:
    return Record.objects.order_by("-sequence").values_list("action", flat=True)[0]


def test_organization_begins_with_staging_and_production(inside: Cast) -> None:
    rows = Environment.objects.values_list("key", "order", "is_production")
    assert list(rows) == [("staging", 1, False), ("production", 2, True)]


def test_create_environment_by_an_administrator(inside: Cast) -> None:
    made = actions.create_environment(key="shadow", name="Shadow", order=3, by=inside.adam)
    assert (made.key, last_record()) == ("shadow", "environment.created")


def test_create_environment_by_anybody_else_is_refused(inside: Cast) -> None:
    for person in (inside.otto, inside.audrey, inside.mina):
        with pytest.raises(Refused):
            actions.create_environment(key="shadow", name="Shadow", order=3, by=person)


@pytest.mark.parametrize(("changes", "field"), [({"key": "staging"}, "key"), ({"order": 1}, "order")])
def test_create_environment_twice_is_invalid(inside: Cast, changes: dict, field: str) -> None:
    with pytest.raises(Invalid) as error:
        actions.create_environment(**({"key": "x", "name": "X", "order": 9, "by": inside.adam} | changes))
    assert list(error.value.fields) == [field]


def test_create_endpoint_takes_its_key_from_model_and_environment(shop: Shop) -> None:
    before = revision()
    assert shop.endpoint().key == "late-arrivals"
    assert shop.endpoint(shop.staging).key == "late-arrivals-staging"
    assert revision() == before + 2


def test_create_endpoint_twice_for_one_place_is_refused(shop: Shop) -> None:
    shop.endpoint()
    with pytest.raises(Conflict, match="has an endpoint in Production already"):
        shop.endpoint(key="another")


@pytest.mark.parametrize("key", ["new", "gate", "history", "environments"])
def test_create_endpoint_with_a_key_of_our_own_pages_is_invalid(shop: Shop, key: str) -> None:
    with pytest.raises(Invalid, match="Choose another key"):
        shop.endpoint(key=key)


@pytest.mark.parametrize(
    "name", ["bianca", "dario", "vera", "rhea", "carlo", "sigrid", "wim", "odile", "adam", "audrey"]
)
def test_create_endpoint_takes_an_operator(shop: Shop, name: str) -> None:
    with pytest.raises(Refused):
        actions.create_endpoint(model=shop.model, environment=shop.production, by=getattr(shop.cast, name))


def test_create_endpoint_by_who_does_not_see_the_project(shop: Shop) -> None:
    with pytest.raises(NotVisible):
        actions.create_endpoint(model=shop.model, environment=shop.production, by=shop.cast.mina)


def test_deploy_to_staging_needs_no_approval(shop: Shop) -> None:
    endpoint, version = shop.endpoint(shop.staging), shop.version(1, state="validated")
    deployment = actions.deploy(endpoint=endpoint, version=version, by=shop.cast.otto)
    endpoint.refresh_from_db()
    assert (deployment.state, endpoint.state) == (DeploymentState.LIVE, EndpointState.LIVE)
    assert shop.model.champion is None
    with pytest.raises(Refused, match="needs no approval"):
        actions.request_deployment(endpoint=endpoint, version=shop.version(2), by=shop.cast.otto)


def test_deploy_to_production_without_a_request_is_refused(shop: Shop) -> None:
    with pytest.raises(Refused, match="Ask for the deployment of Late arrivals version 1 first"):
        actions.deploy(endpoint=shop.endpoint(), version=shop.version(1), by=shop.cast.otto)


def test_deploy_to_production_by_the_whole_way(shop: Shop) -> None:
    endpoint, version = shop.endpoint(), shop.version(1)
    planned = shop.planned(endpoint, version)
    assert (planned.state, planned.is_waiting) == (DeploymentState.PLANNED, True)
    assert planned.request.snapshot["artifact"] == version.artifact.sha256
    with pytest.raises(Refused, match="still waits for signatures"):
        actions.deploy(endpoint=endpoint, version=version, by=shop.cast.otto)
    approvals.sign(request=planned.request, by=shop.cast.sigrid, confirmed=True)
    assert Notice.objects.filter(user=shop.cast.otto, text__startswith="Deploy now").count() == 1
    before = revision()
    deployed = actions.deploy(endpoint=endpoint, version=version, by=shop.cast.otto)
    assert deployed.pk == planned.pk
    assert (deployed.state, deployed.deployed_by, deployed.replaced) == (DeploymentState.LIVE, shop.cast.otto, None)
    assert shop.model.champion == version
    assert revision() == before + 1
    assert GateDecision.objects.filter(version=version, allowed=True).count() == 2
    assert Record.objects.filter(action="deployment.deployed").count() == 1
    assert faults() == []


def test_request_deployment_is_refused_by_the_gate_with_its_sentences(shop: Shop) -> None:
    version = shop.version(1)
    shop.finding(version)
    with pytest.raises(Refused, match="Open findings stand in the way: F1 Unfair to some"):
        shop.planned(shop.endpoint(), version)


def test_signature_is_refused_when_the_gate_would_refuse_by_now(shop: Shop) -> None:
    endpoint, version = shop.endpoint(), shop.version(1)
    planned = shop.planned(endpoint, version)
    shop.finding(version)
    with pytest.raises(Conflict, match=r"has changed since it was asked for\. Open findings"):
        approvals.sign(request=planned.request, by=shop.cast.sigrid, confirmed=True)


def test_deploy_is_refused_when_the_gate_refuses_after_the_signature(shop: Shop) -> None:
    endpoint, version = shop.endpoint(), shop.version(1)
    planned = shop.planned(endpoint, version)
    approvals.sign(request=planned.request, by=shop.cast.sigrid, confirmed=True)
    shop.finding(version)
    with pytest.raises(Refused, match="Open findings"):
        actions.deploy(endpoint=endpoint, version=version, by=shop.cast.otto)


def test_request_deployment_twice_is_refused(shop: Shop) -> None:
    endpoint = shop.endpoint()
    shop.planned(endpoint, shop.version(1))
    with pytest.raises(Conflict, match="is planned for late-arrivals already"):
        shop.planned(endpoint, shop.version(2))


def test_version_of_another_model_is_refused(shop: Shop, inside: Cast) -> None:
    stranger = Shop(inside, key="other").version(1)
    with pytest.raises(Refused, match="version of another model"):
        shop.planned(shop.endpoint(), stranger)


def test_developer_and_asker_cannot_sign(shop: Shop) -> None:
    planned = shop.planned(shop.endpoint(), shop.version(1))
    whys = dict(planned.request.conflicts.values_list("user__name", "why"))
    assert whys["Otto"] == "asked for this decision"
    assert "Dario" in whys


def test_signer_cannot_carry_out_by_policy_and_by_the_database(shop: Shop) -> None:
    from apps.organizations.actions import assign_role

    assign_role(scope=shop.project, role="operator", user=shop.cast.sigrid, by=shop.cast.odile)
    endpoint, version = shop.endpoint(), shop.version(1)
    planned = shop.planned(endpoint, version)
    approvals.sign(request=planned.request, by=shop.cast.sigrid, confirmed=True)
    with pytest.raises(Refused, match="You signed for this deployment"):
        actions.deploy(endpoint=endpoint, version=version, by=shop.cast.sigrid)
    planned.refresh_from_db()
    planned.state, planned.started_at, planned.deployed_by = "live", timezone.now(), shop.cast.sigrid
    with pytest.raises(IntegrityError, match="may not carry it out"), transaction.atomic():
        planned.save()


def test_database_refuses_production_without_approval(shop: Shop) -> None:
    forged = Deployment(
        endpoint=shop.endpoint(), number=1, version=shop.version(1), state="live", requested_by=shop.cast.otto,
        started_at=timezone.now(), deployed_by=shop.cast.otto,
    )  # fmt: skip
    with pytest.raises(IntegrityError, match="needs its approval"), transaction.atomic():
        forged.save(force_insert=True)


def test_database_refuses_a_version_of_another_model(shop: Shop, inside: Cast) -> None:
    stranger = Shop(inside, key="other").version(1)
    forged = Deployment(endpoint=shop.endpoint(), number=1, version=stranger, requested_by=shop.cast.otto)
    with pytest.raises(IntegrityError, match="another model than the endpoint"), transaction.atomic():
        forged.save(force_insert=True)


def test_declined_request_drops_the_plan(shop: Shop) -> None:
    endpoint = shop.endpoint()
    planned = shop.planned(endpoint, shop.version(1))
    approvals.decline(request=planned.request, by=shop.cast.sigrid, reason="Not this week.", confirmed=True)
    planned.refresh_from_db()
    assert planned.state == DeploymentState.DROPPED
    assert shop.planned(endpoint, planned.version).number == 2


def test_drop_ends_the_open_request_too(shop: Shop) -> None:
    planned = shop.planned(shop.endpoint(), shop.version(1))
    dropped = actions.drop(deployment=planned, by=shop.cast.otto, reason="Changed our mind.")
    planned.request.refresh_from_db()
    assert (dropped.state, planned.request.state) == (DeploymentState.DROPPED, RequestState.INVALIDATED)


def test_environment_that_deploys_with_the_last_signature(shop: Shop) -> None:
    shop.production.deploys_when_approved = True
    shop.production.save()
    endpoint, version = shop.endpoint(), shop.version(1)
    planned = shop.planned(endpoint, version)
    approvals.sign(request=planned.request, by=shop.cast.sigrid, confirmed=True)
    planned.refresh_from_db()
    assert (planned.state, planned.deployed_by) == (DeploymentState.LIVE, shop.cast.otto)


def test_automatic_deployment_that_fails_leaves_the_signature_and_tells_the_operators(shop: Shop) -> None:
    shop.production.deploys_when_approved = True
    shop.production.save()
    endpoint, version = shop.endpoint(), shop.version(1)
    planned = actions.request_deployment(endpoint=endpoint, version=version, by=shop.cast.dario)
    approvals.sign(request=planned.request, by=shop.cast.sigrid, confirmed=True)
    planned.refresh_from_db()
    assert (planned.state, planned.request.state) == (DeploymentState.PLANNED, RequestState.APPROVED)
    assert Notice.objects.filter(user=shop.cast.otto, text__startswith="Please deploy by hand").count() == 1


def test_replace_ends_what_answered_in_the_same_moment(shop: Shop) -> None:
    endpoint, one, two = shop.endpoint(), shop.version(1), shop.version(2)
    first = shop.deploy(endpoint, one)
    second = shop.deploy(endpoint, two)
    first.refresh_from_db()
    assert (first.state, first.ended_by, first.ended_at) == (DeploymentState.ENDED, shop.cast.otto, second.started_at)
    assert second.replaced == first
    assert shop.model.champion == two
    assert Record.objects.filter(action="deployment.replaced").count() == 1
    with pytest.raises(Conflict, match="answers at late-arrivals already"):
        shop.planned(endpoint, two)


def test_roll_back_goes_to_the_version_before_at_once(shop: Shop) -> None:
    endpoint, one, two = shop.endpoint(), shop.version(1), shop.version(2)
    first, second = shop.deploy(endpoint, one), shop.deploy(endpoint, two)
    back = actions.roll_back(endpoint=endpoint, reason="It is worse.", by=shop.cast.otto)
    second.refresh_from_db()
    assert (back.version, back.rollback_of, back.request, back.number) == (one, second, first.request, 3)
    assert second.state == DeploymentState.ENDED
    assert shop.model.champion == one
    assert Record.objects.filter(action="deployment.rolled_back").count() == 1


def test_roll_back_twice_goes_further_back(shop: Shop) -> None:
    endpoint = shop.endpoint()
    for number in (1, 2, 3):
        shop.deploy(endpoint, shop.version(number))
    by = {"reason": "Worse.", "by": shop.cast.otto}
    assert actions.roll_back(endpoint=endpoint, **by).version.number == 2
    assert actions.roll_back(endpoint=endpoint, **by).version.number == 1
    with pytest.raises(IllegalMove, match="there is none before it"):
        actions.roll_back(endpoint=endpoint, **by)


def test_roll_back_after_a_new_version_undoes_only_that(shop: Shop) -> None:
    endpoint = shop.endpoint()
    shop.deploy(endpoint, shop.version(1))
    shop.deploy(endpoint, shop.version(2))
    actions.roll_back(endpoint=endpoint, reason="Worse.", by=shop.cast.otto)
    shop.deploy(endpoint, shop.version(3))
    assert actions.roll_back(endpoint=endpoint, reason="Worse.", by=shop.cast.otto).version.number == 1


def test_roll_back_needs_a_reason_and_something_before(shop: Shop) -> None:
    endpoint = shop.endpoint()
    with pytest.raises(IllegalMove, match="Nothing answers"):
        actions.roll_back(endpoint=endpoint, reason="x", by=shop.cast.otto)
    shop.deploy(endpoint, shop.version(1))
    with pytest.raises(IllegalMove, match="is the first version"):
        actions.roll_back(endpoint=endpoint, reason="x", by=shop.cast.otto)
    shop.deploy(endpoint, shop.version(2))
    with pytest.raises(Invalid, match="Say why you roll back"):
        actions.roll_back(endpoint=endpoint, reason=" ", by=shop.cast.otto)


def test_roll_back_to_a_rejected_version_is_refused(shop: Shop) -> None:
    endpoint, one = shop.endpoint(), shop.version(1)
    shop.deploy(endpoint, one)
    shop.deploy(endpoint, shop.version(2))
    one.state = "rejected"
    one.save()
    with pytest.raises(Refused, match="is rejected and may not answer again"):
        actions.roll_back(endpoint=endpoint, reason="x", by=shop.cast.otto)


def test_drain_resume_and_turn_off(shop: Shop) -> None:
    endpoint = shop.endpoint()
    live = shop.deploy(endpoint, shop.version(1))
    heard: list[str] = []
    endpoint_changed.connect(lambda state, **_: heard.append(state), weak=False, dispatch_uid="test")
    by: dict[str, Any] = {"reason": "A successor is there.", "by": shop.cast.otto}
    drained = actions.drain(endpoint=endpoint, **by)
    assert (drained.state, drained.draining_at is not None) == (EndpointState.DRAINING, True)
    with pytest.raises(IllegalMove, match="is draining; nothing is deployed there now"):
        shop.planned(endpoint, shop.version(2))
    assert actions.resume(endpoint=endpoint, **by).state == EndpointState.LIVE
    actions.drain(endpoint=endpoint, **by)
    planned_before = Deployment.objects.filter(state=DeploymentState.PLANNED).count()
    off = actions.turn_off(endpoint=endpoint, **by)
    endpoint_changed.disconnect(dispatch_uid="test")
    live.refresh_from_db()
    assert (off.state, live.state, off.current, planned_before) == (EndpointState.OFF, DeploymentState.ENDED, None, 0)
    assert heard == ["draining", "live", "draining", "off"]


def test_turn_off_drops_what_was_planned(shop: Shop) -> None:
    endpoint = shop.endpoint()
    planned = shop.planned(endpoint, shop.version(1))
    actions.turn_off(endpoint=endpoint, reason="Not needed.", by=shop.cast.otto)
    planned.refresh_from_db()
    planned.request.refresh_from_db()
    assert (planned.state, planned.request.state) == (DeploymentState.DROPPED, RequestState.INVALIDATED)


def test_new_endpoint_after_one_was_turned_off(shop: Shop) -> None:
    actions.turn_off(endpoint=shop.endpoint(), reason="Not needed.", by=shop.cast.otto)
    assert shop.endpoint(key="late-arrivals-2").state == EndpointState.CREATED


@pytest.mark.parametrize("verb", [actions.drain, actions.resume, actions.turn_off, actions.roll_back])
def test_verbs_of_an_endpoint_take_an_operator(shop: Shop, verb: Any) -> None:
    endpoint = shop.endpoint()
    for name in ("bianca", "dario", "vera", "sigrid", "wim", "odile", "audrey"):
        with pytest.raises(Refused):
            verb(endpoint=endpoint, reason="x", by=getattr(shop.cast, name))
    with pytest.raises(NotVisible):
        verb(endpoint=endpoint, reason="x", by=shop.cast.mina)


@pytest.mark.parametrize("state", list(EndpointState))
@pytest.mark.parametrize("to", list(EndpointState))
def test_endpoint_moves(state: EndpointState, to: EndpointState) -> None:
    endpoint = Endpoint(key="x", state=state)
    if to in ENDPOINT_STATES.moves[state]:
        assert ENDPOINT_STATES.move(endpoint, to) == state
    else:
        with pytest.raises(IllegalMove) as error:
            ENDPOINT_STATES.move(endpoint, to)
        assert error.value.legal == ENDPOINT_STATES.next(state)


@pytest.mark.parametrize("state", list(DeploymentState))
@pytest.mark.parametrize("to", list(DeploymentState))
def test_deployment_moves(state: DeploymentState, to: DeploymentState) -> None:
    assert DEPLOYMENT_STATES.can_move(Deployment(state=state), to) == (to in DEPLOYMENT_STATES.moves[state])


def test_live_at_answers_what_was_in_production(shop: Shop) -> None:
    endpoint = shop.endpoint()
    one, two = shop.version(1), shop.version(2)
    staged = shop.deploy(shop.endpoint(shop.staging), one)
    first = shop.deploy(endpoint, one)
    second = shop.deploy(endpoint, two)
    before = first.started_at - dt.timedelta(microseconds=1)
    assert list(Deployment.objects.live_at(before).in_production()) == []
    assert list(Deployment.objects.live_at(first.started_at).in_production()) == [first]
    assert list(Deployment.objects.live_at(second.started_at).in_production()) == [second]
    assert set(Deployment.objects.live_at(timezone.now())) == {staged, second}


def test_announcement_of_a_deployment(shop: Shop) -> None:
    heard: list[Any] = []
    version_deployed.connect(lambda version, by, **_: heard.append((version, by)), weak=False, dispatch_uid="test")
    endpoint, version = shop.endpoint(), shop.version(1)
    shop.deploy(endpoint, version)
    version_deployed.disconnect(dispatch_uid="test")
    assert heard == [(version, shop.cast.otto)]


def test_archive_of_a_version_that_answers_is_refused(shop: Shop) -> None:
    from apps.models.signals import archiving

    version = shop.version(1)
    shop.deploy(shop.endpoint(), version)
    with pytest.raises(Conflict, match="answers at late-arrivals"):
        archiving.send(sender=None, version=version, by=shop.cast.dario)


def test_retirement_of_a_model_with_an_endpoint_is_refused(shop: Shop) -> None:
    from apps.models.signals import retiring

    endpoint = shop.endpoint()
    with pytest.raises(Conflict, match="Turn it off first"):
        retiring.send(sender=None, model=shop.model, by=shop.cast.bianca)
    actions.turn_off(endpoint=endpoint, reason="The end.", by=shop.cast.otto)
    retiring.send(sender=None, model=shop.model, by=shop.cast.bianca)


def test_operators_learn_when_a_version_in_production_loses_its_approval(shop: Shop) -> None:
    from apps.models.signals import state_changed

    version = shop.version(1)
    shop.deploy(shop.endpoint(), version)
    version.state = "rejected"
    state_changed.send(sender=None, version=version, before="approved", by=shop.cast.vera)
    assert Notice.objects.filter(user=shop.cast.otto, text__startswith="Roll back or replace").count() == 1


def test_gate_on_record(shop: Shop) -> None:
    version = shop.version(1, state="candidate", validated_by=None, validated_at=None)
    decision = actions.ask_gate(version=version, environment=shop.production, by=shop.cast.wim)
    assert (decision.allowed, last_record()) == (False, "gate.decided")
    assert {one["code"] for one in decision.reasons if not one["met"]} == {"validation", "approval"}


def test_high_tier_serves_in_staging_first(inside: Cast) -> None:
    shop = Shop(inside, tier="high", key="high")
    version, endpoint = shop.version(1), shop.endpoint()
    with pytest.raises(Refused, match="has to serve in Staging first"):
        shop.planned(endpoint, version)
    shop.deploy(shop.endpoint(shop.staging), version)
    shop.deploy(endpoint, version)
    assert shop.model.aliases.get(name=CHAMPION).version == version


def test_roles_and_tokens_wake_the_servers(inside: Cast) -> None:
    from apps.organizations.actions import create_token, revoke_token
    from apps.organizations.models import ApiToken

    before = revision()
    create_token(name="CI", scopes=["predict"], expires_at=None, by=inside.otto, user=inside.otto)
    token = ApiToken.objects.get()
    assert revision() == before + 1
    token.last_used_at = timezone.now()
    token.save_without_historical_record(update_fields=["last_used_at"])
    assert revision() == before + 1
    revoke_token(token=token, by=inside.otto)
    assert revision() == before + 2


def test_check_deploy_names_the_gate_and_not_the_next_obstacle(shop: Shop) -> None:
    version = shop.version(1, state="validated")
    with pytest.raises(Refused, match="is validated, not approved"):
        policies.check_deploy(shop.cast.otto, shop.endpoint(), version)
