"""Where a model stands in its life, from its first version to its end."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.monitoring.models import Incident
from apps.portal import lives
from tests.deployments.shop import Shop


@pytest.fixture
def shop(inside):
    """An approved project with signed-off data and a model without a version."""
    return Shop(inside)


def stands(shop):
    """The current stage and what it says, as the viewer sees it."""
    (standing,) = lives.load(lives.index(shop.cast.wim), shop.cast.wim)
    return standing.stage.key, standing.here.note


def step(shop, stage):
    return next(step for step in lives.steps(shop.model, shop.cast.wim) if step.stage == stage)


def incident(shop, endpoint, **changes):
    given = {
        "number": 1, "model": shop.model, "endpoint": endpoint, "cause": "drift", "title": "Temperature moved",
        "since": timezone.now(), "severity": "severe",
    }  # fmt: skip
    row = Incident(**(given | changes))
    row.save(force_insert=True)
    return row


def test_a_model_without_a_version_is_in_development(shop):
    assert stands(shop) == ("development", "No version yet")
    assert step(shop, "data").status == "done"


@pytest.mark.parametrize(
    ("state", "stage", "note"),
    [
        ("draft", "development", "1 draft"),
        ("candidate", "validation", "To be validated"),
        ("validated", "validation", "Validated"),
        ("approved", "deployment", "Not deployed"),
    ],
)
def test_a_version_moves_its_model_on(shop, state, stage, note):
    changes = {} if state in ("validated", "approved") else {"validated_by": None, "validated_at": None}
    shop.version(1, state, **changes)
    assert stands(shop) == (stage, note)


def test_a_blocking_finding_holds_it_in_validation(shop):
    shop.finding(shop.version(1, "validated"))
    assert stands(shop) == ("validation", "1 blocking finding")
    assert step(shop, "validation").status == "attention"


def test_a_planned_deployment_waits(shop):
    version = shop.version(1)
    shop.planned(shop.endpoint(), version)
    assert stands(shop) == ("deployment", "Waiting to go live")


def test_a_version_in_staging_is_not_in_production(shop):
    shop.deploy(shop.endpoint(shop.staging), shop.version(1))
    assert step(shop, "deployment").note == "Not in production"


def test_a_version_in_production_is_monitored(shop):
    shop.deploy(shop.endpoint(), shop.version(1))
    assert step(shop, "deployment").note.startswith("Version 1 since")
    assert stands(shop) == ("monitoring", "Nothing is watched")


def test_an_open_incident_is_what_is_worst(shop):
    endpoint = shop.endpoint()
    shop.deploy(endpoint, shop.version(1))
    incident(shop, endpoint)
    (standing,) = lives.load(lives.index(shop.cast.wim), shop.cast.wim)
    assert (standing.stage.key, standing.worst.status, standing.worst.note) == (
        "monitoring",
        "wrong",
        "1 open incident",
    )


def test_an_ended_incident_is_forgotten(shop):
    endpoint = shop.endpoint()
    shop.deploy(endpoint, shop.version(1))
    incident(shop, endpoint, state="resolved", ended_at=timezone.now(), ended_by=shop.cast.otto)
    assert step(shop, "monitoring").note == "Nothing is watched"


def test_a_retired_model_has_come_to_its_end(shop):
    shop.deploy(shop.endpoint(), shop.version(1))
    shop.model.retired_at = timezone.now() - dt.timedelta(days=1)
    shop.model.save()
    (standing,) = lives.load(lives.index(shop.cast.wim), shop.cast.wim)
    assert standing.stage.key == "retirement"
    assert {one.status for one in standing.steps} == {"done"}


def test_a_project_shows_the_life_of_its_model(shop):
    shop.version(1, "candidate", validated_by=None, validated_at=None)
    assert lives.steps(shop.project, shop.cast.wim) == lives.steps(shop.model, shop.cast.wim)


def test_what_one_may_not_see_is_not_counted(shop):
    assert lives.index(shop.cast.mina) == []
    assert [one.status for one in lives.steps(shop.model, shop.cast.mina)][1:3] == ["here", "waiting"]


def test_as_many_queries_for_many_models_as_for_one(shop, inside):
    shop.deploy(shop.endpoint(), shop.version(1))

    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            lives.load(lives.index(inside.odile), inside.odile)
        return len(captured)

    before = count()
    for number in range(4):
        Shop(inside, key=f"other-{number}")
    assert count() == before
