"""Search: every word somewhere in the thing, and only what one may see."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core.tenancy import tenant
from apps.portal import search
from tests.projects.factories import draft


@pytest.fixture
def projects(cast):
    """Two projects."""
    with tenant(cast.meridian.pk):
        return [draft(cast), draft(cast, key="fuel", title="Fuel for late departures")]


def titles(query, user, kind="Projects"):
    groups = {group.kind: group for group in search.find(query, user)}
    return [hit.title for hit in groups[kind].hits] if kind in groups else []


def test_every_word_must_occur(inside, projects):
    assert titles("late", inside.wim) == ["Fuel for late departures", "Late arrivals"][::-1]
    assert titles("departures late", inside.wim) == ["Fuel for late departures"]
    assert titles("late submarines", inside.wim) == []


def test_the_key_and_the_beginning_come_first(inside, projects):
    assert titles("late arrivals", inside.wim)[0] == "Late arrivals"


def test_only_what_one_may_see_is_found(inside, projects):
    assert titles("late", inside.mina) == []
    assert titles("late", inside.audrey) == ["Late arrivals", "Fuel for late departures"]


def test_people_are_found_by_name_and_address(inside):
    assert titles("bianca", inside.mina, "People") == ["Bianca"]
    assert titles("meridian.example", inside.mina, "People")[:1] == ["Adam"]


def test_one_letter_finds_nothing_and_wildcards_mean_themselves(inside, projects):
    assert search.find("l", inside.wim) == []
    assert titles("%%", inside.wim) == []


def test_the_page_says_so_when_nothing_is_found(sign_in, cast):
    assert "Nothing found" in sign_in(cast.wim).get("/o/meridian/search/?q=submarine").text
    assert "What are you looking for?" in sign_in(cast.wim).get("/o/meridian/search/").text


def test_what_was_typed_is_escaped(sign_in, cast):
    page = sign_in(cast.wim).get("/o/meridian/search/", {"q": "<script>alert(1)</script>"}).text
    assert "<script>alert" not in page


def test_search_takes_as_many_queries_for_many_hits_as_for_one(inside, projects):
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            search.find("late", inside.odile)
        return len(captured)

    before = count()
    for number in range(10):
        draft(inside, key=f"late-{number}", title=f"Late {number}")
    assert count() == before


def test_the_api_answers_the_same(sign_in, cast, projects):
    groups = sign_in(cast.wim).get("/o/meridian/api/v1/search/?q=fuel").json()
    assert [(group["kind"], [hit["title"] for hit in group["hits"]]) for group in groups] == [
        ("Projects", ["Fuel for late departures"])
    ]
