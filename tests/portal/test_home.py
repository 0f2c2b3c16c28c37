"""Home and the frame around every page."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core.tenancy import tenant
from apps.projects import actions as projects
from tests.projects.factories import complete, draft


@pytest.fixture
def asked(cast):
    """A project whose charter waits for Rhea's signature."""
    with tenant(cast.meridian.pk):
        project = complete(cast, draft(cast))
        projects.request_approval(project=project, by=cast.bianca)
        return project


def test_my_queue_shows_what_i_may_sign_now(sign_in, cast, asked):
    assert [str(request.scope) for request in sign_in(cast.rhea).get("/o/meridian/").context["queue"]] == [
        "Late arrivals"
    ]
    assert sign_in(cast.carlo).get("/o/meridian/").context["queue"] == []


def test_the_column_counts_what_waits(sign_in, cast, asked):
    page = sign_in(cast.rhea).get("/o/meridian/")
    assert page.context["frame"].my_queue == 1
    assert page.context["frame"].waiting["planning"] == 1
    assert sign_in(cast.mina).get("/o/meridian/").context["frame"].waiting["planning"] == 0


def test_what_needs_attention_is_told_to_those_who_see_it(sign_in, cast, asked):
    concerns = sign_in(cast.wim).get("/o/meridian/").context["concerns"]
    assert [(concern.title, concern.why) for concern in concerns] == [
        ("Late arrivals", "The charter waits for signatures")
    ]
    assert sign_in(cast.mina).get("/o/meridian/").context["concerns"] == []


def test_recent_decisions_are_those_of_visible_projects(sign_in, cast, asked):
    def told(person):
        return [entry.text for entry in sign_in(person).get("/o/meridian/").context["decisions"]]

    assert any("Late arrivals" in text for text in told(cast.wim))
    assert not any("Late arrivals" in text for text in told(cast.mina))


def test_places_for_auditors_are_shown_to_those_who_may_enter(sign_in, cast):
    assert "Auditors’ room" in sign_in(cast.audrey).get("/o/meridian/").text
    assert "Auditors’ room" not in sign_in(cast.bianca).get("/o/meridian/").text


def test_home_takes_as_many_queries_for_many_projects_as_for_one(sign_in, cast, asked):
    client = sign_in(cast.odile)

    def count() -> int:
        client.get("/o/meridian/")
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/o/meridian/").status_code == 200
        return len(captured)

    before = count()
    with tenant(cast.meridian.pk):
        for number in range(12):
            project = complete(cast, draft(cast, key=f"other-{number}", title=f"Other {number}"))
            projects.request_approval(project=project, by=cast.bianca)
    assert count() == before
    assert before < 45
