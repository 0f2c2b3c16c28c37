"""Monitors that a validation asks for: what it names exists here, and one that is switched off is an incident."""

from __future__ import annotations

import pytest
from django.utils import timezone

from apps.deployments import actions as deployments
from apps.monitoring import actions
from apps.monitoring.engine.policy import Limits
from apps.monitoring.models import Check, Incident, MonitorKind
from apps.organizations.people import system
from apps.validation.engine.conditions import WATCHED
from apps.validation.models import Revalidation
from tests.cast import Cast
from tests.deployments.shop import Shop

TERM = {"kind": "monitor", "limits": {"kind": "silence", "limit": "silence_hours", "value": 24}}


def test_what_conditions_name_is_what_monitors_have() -> None:
    assert set(WATCHED) == set(MonitorKind.values)
    assert {limit for limits in WATCHED.values() for limit in limits} <= set(Limits.__dataclass_fields__)


def test_monitor_has_to_be_there_before_and_to_stay(inside: Cast) -> None:
    shop = Shop(inside)
    version, endpoint = shop.version(1), shop.endpoint(shop.staging)
    shop.validation(version, "conditions", [TERM])
    monitor = actions.create_monitor(
        endpoint=endpoint, kind="silence", name="Silence", limits={"silence_hours": 48}, by=inside.otto
    )
    with pytest.raises(Exception, match="The one there is allows more"):
        deployments.deploy(endpoint=endpoint, version=version, by=inside.otto)
    actions.change_monitor(monitor=monitor, settings={"limits": {}}, by=inside.otto)
    deployments.deploy(endpoint=endpoint, version=version, by=inside.otto)

    deployments.follow_up(by=system())
    assert not Incident.objects.exists()
    actions.pause_monitor(monitor=monitor, reason="Noisy.", by=inside.otto)
    deployments.follow_up(by=system())
    deployments.follow_up(by=system())

    incident = Incident.objects.get()
    assert (incident.cause, incident.severity, incident.endpoint) == ("conditions", "severe", endpoint)
    assert incident.title.endswith(
        "A monitor of silence with silence_hours at most 24 has to be active. There is none."
    )


@pytest.mark.parametrize(("cause", "trigger"), [("drift", "incident"), ("latency", "incident"), ("conditions", None)])
def test_incident_that_somebody_opens_has_the_version_validated_again(
    inside: Cast, cause: str, trigger: str | None
) -> None:
    shop = Shop(inside)
    version, endpoint = shop.version(1), shop.endpoint(shop.staging)
    deployments.deploy(endpoint=endpoint, version=version, by=inside.otto)

    incident = actions.open_incident(endpoint=endpoint, cause=cause, title="Odd scores.", by=inside.otto)

    found = [(one.trigger, one.version, one.source) for one in Revalidation.objects.all()]
    assert found == ([(trigger, version, incident.get_absolute_url())] if trigger else [])


@pytest.mark.parametrize(("cause", "trigger"), [("performance", "breach"), ("latency", None), ("silence", None)])
def test_limit_of_the_model_that_is_passed_has_it_validated_again(
    inside: Cast, cause: str, trigger: str | None
) -> None:
    shop = Shop(inside)
    version, endpoint = shop.version(1), shop.endpoint(shop.staging)
    deployments.deploy(endpoint=endpoint, version=version, by=inside.otto)
    monitor = actions.create_monitor(endpoint=endpoint, kind="silence", name="Silence", by=inside.otto)
    now = timezone.now()
    check = Check(monitor=monitor, start_at=now, end_at=now, level="drift", rows=1)
    check.save(force_insert=True)

    actions.open_incident(endpoint=endpoint, cause=cause, title="Fell.", check=check, by=system())

    assert [one.trigger for one in Revalidation.objects.all()] == ([trigger] if trigger else [])
