"""What needs somebody: every source counts what it lists, tells it with a link, and only to those who may see it."""

import datetime as dt

import pytest
from django.utils import timezone

from apps.models.models import TrainingRun
from apps.organizations import actions as organizations
from apps.portal import search, waiting
from apps.portal.stages import FINDABLES, SOURCES
from tests.deployments.shop import Shop
from tests.portal.test_lives import incident


@pytest.fixture
def troubled(inside):
    """A model with something wrong in every stage that exists by now."""
    shop = Shop(inside)
    version = shop.version(1)
    endpoint = shop.endpoint()
    shop.deploy(endpoint, version)
    incident(shop, endpoint)
    shop.planned(endpoint, shop.version(2))
    shop.finding(shop.version(3, "validated"))
    shop.version(4, "candidate", validated_by=None, validated_at=None)
    TrainingRun(
        model=shop.model, number=1, recipe={}, recipe_hash="0" * 64, dataset_version=shop.data, state="failed",
        error="The file could not be read.", started_by=inside.dario, finished_at=timezone.now(),
    ).save(force_insert=True)  # fmt: skip
    organizations.create_token(
        user=inside.wim, name="pipeline", scopes=[], expires_at=timezone.now() + dt.timedelta(days=3), by=inside.wim
    )
    return shop


def told(user):
    return {(concern.stage, concern.title) for concern in waiting.concerns(user, each=50)}


def test_every_stage_tells_what_waits(troubled, inside):
    assert told(inside.wim) == {
        ("development", "Late arrivals run 1"),
        ("validation", "F1 Unfair to some"),
        ("validation", "Late arrivals version 4"),
        ("deployment", "Late arrivals version 2 on late-arrivals"),
        ("monitoring", "Incident 1: Temperature moved"),
        ("monitoring", "Late arrivals lacks a monitor"),
        ("organization", "Token pipeline"),
    }


def test_what_is_wrong_comes_first(troubled, inside):
    meanings = [concern.meaning for concern in waiting.concerns(inside.wim)]
    assert meanings == sorted(meanings, key=["wrong", "attention"].index)


def test_counts_agree_with_the_lists(troubled, inside):
    listed: dict[str, int] = {}
    for stage, _ in told(inside.wim):
        listed[stage] = listed.get(stage, 0) + 1
    assert {stage: count for stage, count in waiting.counts(inside.wim).items() if count} == listed


def test_who_sees_nothing_is_told_nothing(troubled, inside):
    assert told(inside.mina) == set()
    assert not any(waiting.counts(inside.mina).values())


def test_every_concern_leads_to_a_page_its_reader_may_open(troubled, inside, sign_in):
    client = sign_in(inside.wim)
    for concern in waiting.concerns(inside.wim, each=50):
        assert client.get(concern.url.partition("#")[0]).status_code == 200, concern


def test_every_source_is_found_and_ordered(inside):
    assert len(SOURCES) >= 15
    for source in SOURCES:
        assert waiting.concerns(inside.odile, sources=[source]) == []


def test_search_finds_things_of_every_kind(troubled, inside, sign_in):
    hits = {group.kind: group.hits for group in search.find("late", inside.wim)}
    assert {"Projects", "Models", "Versions", "Endpoints", "Requests"} <= set(hits)
    assert [hit.title for group in search.find("unfair", inside.wim) for hit in group.hits] == ["F1 Unfair to some"]
    assert [hit.title for group in search.find("temperature", inside.wim) for hit in group.hits] == [
        "Incident 1: Temperature moved"
    ]
    client = sign_in(inside.wim)
    for group in search.find("late", inside.wim):
        for hit in group.hits:
            assert client.get(hit.url.partition("#")[0]).status_code == 200, hit


def test_every_kind_can_be_searched(inside):
    kinds = [findable.kind for findable in FINDABLES]
    assert len(kinds) == len(set(kinds))
    assert search.find("zzzz", inside.odile) == []
