"""The lifecycle board and the strip on every page."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core import lifecycle
from apps.core.tenancy import tenant
from apps.portal import lives
from apps.projects import actions as projects
from tests.projects.factories import complete, draft, project_at


def stands(project, user):
    return [(step.stage, step.status, step.note) for step in lives.steps(project, user)][:2]


def test_a_draft_stands_in_planning_and_says_what_is_missing(inside):
    steps = lives.steps(draft(inside), inside.wim)
    assert (steps[0].status, steps[0].note) == ("here", "No tier yet")
    assert steps[0].missing == ["Answer the questionnaire that gives the risk tier."]
    assert {step.status for step in steps[1:]} == {"waiting"}


def test_a_charter_under_signature_waits(inside):
    project = complete(inside, draft(inside))
    projects.request_approval(project=project, by=inside.bianca)
    project.refresh_from_db()
    assert stands(project, inside.wim)[0] == ("planning", "here", "Waiting for signatures")


def test_an_approved_project_stands_in_data(inside):
    project = project_at(inside, "approved")
    planning, data = stands(project, inside.wim)
    assert planning[:2] == ("planning", "done")
    assert data == ("data", "here", "No data yet")


def test_a_rejected_project_is_wrong_in_planning(inside):
    project = project_at(inside, "rejected")
    assert stands(project, inside.wim)[0] == ("planning", "wrong", "Not approved")


def test_pages_of_lower_apps_ask_the_same(inside):
    project = draft(inside)
    assert lifecycle.steps_of(project, inside.wim) == lives.steps(project, inside.wim)


def test_the_board_shows_each_life_in_the_column_of_its_stage(sign_in, cast):
    with tenant(cast.meridian.pk):
        project_at(cast, "approved")
        draft(cast, key="fuel", title="Fuel")
    page = sign_in(cast.wim).get("/o/meridian/board/")
    columns = {
        stage.key: [str(standing.life.subject) for standing, _ in cards] for stage, cards in page.context["columns"]
    }
    assert {key: names for key, names in columns.items() if names} == {"planning": ["Fuel"], "data": ["Late arrivals"]}


def test_the_board_shows_only_what_one_may_see(sign_in, cast):
    with tenant(cast.meridian.pk):
        draft(cast)
    assert sign_in(cast.mina).get("/o/meridian/board/").context["total"] == 0
    assert sign_in(cast.audrey).get("/o/meridian/board/").context["total"] == 1


def test_the_board_filters_by_tier(sign_in, cast):
    with tenant(cast.meridian.pk):
        project_at(cast, "approved")
        draft(cast, key="fuel", title="Fuel")
    page = sign_in(cast.wim).get("/o/meridian/board/?tier=limited")
    assert (page.context["count"], page.context["total"]) == (1, 2)


@pytest.mark.parametrize("path", ["board/", "reports/inventory/", "api/v1/board/"])
def test_as_many_queries_for_many_lives_as_for_one(sign_in, cast, path):
    client = sign_in(cast.odile)
    with tenant(cast.meridian.pk):
        project_at(cast, "approved")

    def count() -> int:
        client.get(f"/o/meridian/{path}")
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/o/meridian/{path}").status_code == 200
        return len(captured)

    before = count()
    with tenant(cast.meridian.pk):
        for number in range(10):
            draft(cast, key=f"other-{number}", title=f"Other {number}")
    assert count() == before


def test_the_api_shows_the_eight_steps(sign_in, cast):
    with tenant(cast.meridian.pk):
        draft(cast)
    (life,) = sign_in(cast.wim).get("/o/meridian/api/v1/board/").json()
    assert (life["project"], life["model"], life["stage"]) == ("late-arrivals", None, "planning")
