"""What was in production at a moment, who approved it, on what evidence: one query, one page, one API call."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.core.tenancy import tenant
from apps.deployments.models import Deployment
from apps.organizations import access
from apps.portal import production
from tests.deployments.shop import Shop


@pytest.fixture
def shop(inside):
    """Version 1 in production, replaced by version 2; version 3 in staging."""
    shop = Shop(inside)
    shop.one, shop.two, shop.three = (shop.version(number) for number in (1, 2, 3))
    shop.place = shop.endpoint()
    shop.first = shop.deploy(shop.place, shop.one)
    shop.second = shop.deploy(shop.place, shop.two)
    shop.deploy(shop.endpoint(shop.staging), shop.three)
    shop.first.refresh_from_db()
    return shop


def versions(moment, user, **more):
    return [answer.version_number for answer in production.at(moment, user, **more)]


def test_each_moment_has_its_version(shop, inside):
    began, replaced = shop.first.started_at, shop.second.started_at
    assert versions(began - timedelta(microseconds=1), inside.audrey) == []
    assert versions(began, inside.audrey) == [1]
    assert versions(replaced - timedelta(microseconds=1), inside.audrey) == [1]
    assert versions(replaced, inside.audrey) == [2]
    assert versions(timezone.now(), inside.audrey) == [2]


def test_other_environments_only_when_asked(shop, inside):
    assert versions(timezone.now(), inside.audrey, everywhere=True) == [3, 2]


def test_one_endpoint(shop, inside):
    assert versions(timezone.now(), inside.audrey, endpoint=shop.place.key) == [2]
    assert versions(timezone.now(), inside.audrey, endpoint="elsewhere") == []


def test_who_approved_it_on_what_evidence(shop, inside):
    (answer,) = production.at(timezone.now(), inside.audrey)
    of_version, of_deployment = answer.approvals
    assert [(one.who, one.verdict) for one in of_version.signatures] == [("Rhea", "signed"), ("Bianca", "signed")]
    assert [(one.who, one.confirmed) for one in of_deployment.signatures] == [("Sigrid", True)]
    assert of_deployment.content_hash == shop.second.request.content_hash
    assert answer.artifact_hash == shop.two.artifact.sha256
    assert (answer.deployed_by, answer.gate_allowed, answer.tier) == ("Otto", True, "limited")


def test_only_what_one_may_see(shop, inside):
    assert versions(timezone.now(), inside.wim) == [2]
    assert versions(timezone.now(), inside.mina) == []


def test_it_is_one_query_whatever_was_running(shop, inside):
    now = timezone.now()
    with access.remembered():
        production.at(now, inside.audrey)  # the membership is asked for once
        with CaptureQueriesContext(connection) as captured:
            assert len(production.at(now, inside.audrey, everywhere=True)) == 2
    assert len(captured) == 1


def test_the_page_answers_in_the_readers_zone(shop, inside, sign_in):
    inside.audrey.time_zone = "America/New_York"
    inside.audrey.save()
    local = shop.second.started_at.astimezone(__import__("zoneinfo").ZoneInfo("America/New_York"))
    query = f"date={local:%Y-%m-%d}&time={(local + timedelta(minutes=1)):%H:%M}"
    page = sign_in(inside.audrey).get(f"/o/meridian/auditors/?{query}")
    assert [answer.version_number for answer in page.context["answers"]] == [2]
    assert "America/New_York" in page.text


def test_the_api_answers_the_same(shop, inside, sign_in):
    client = sign_in(inside.audrey)
    then = Deployment.objects.get(pk=shop.first.pk).started_at
    (answer,) = client.get("/o/meridian/api/v1/production/", {"at": then.isoformat()}).json()
    assert (answer["model"], answer["version"], answer["approvals"][1]["signatures"][0]["who"]) == (
        "late-arrivals",
        1,
        "Sigrid",
    )
    assert client.get("/o/meridian/api/v1/production/?at=yesterday").status_code in (400, 422)
    with tenant(inside.harbor.pk):
        assert sign_in(inside.mallory).get("/o/harbor/api/v1/production/").json() == []
