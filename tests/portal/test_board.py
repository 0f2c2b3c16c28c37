"""The lifecycle board and the strip on every page."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core import lifecycle
from apps.core.tenancy import tenant
from apps.portal import lives
from apps.portal.views import board
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


def test_the_board_shows_each_life_with_the_stage_it_is_in(sign_in, cast):
    with tenant(cast.meridian.pk):
        project_at(cast, "approved")
        draft(cast, key="fuel", title="Fuel")
    page = sign_in(cast.wim).get("/o/meridian/board/")
    shown = {str(standing.life.subject): standing.stage.key for standing in page.context["page"]}
    assert shown == {"Fuel": "planning", "Late arrivals": "data"}
    assert [(stage.key, count) for stage, count, _ in page.context["stages"] if count] == [("planning", 1), ("data", 1)]


def test_what_needs_somebody_comes_first(sign_in, cast):
    with tenant(cast.meridian.pk):
        draft(cast, key="a", title="A quiet one")
        project_at(cast, "rejected", key="z", title="Z rejected")
    names = [str(standing.life.subject) for standing in sign_in(cast.wim).get("/o/meridian/board/").context["page"]]
    assert names == ["Z rejected", "A quiet one"]


def test_a_big_board_is_paged_without_looking_at_everything(sign_in, cast, monkeypatch):
    monkeypatch.setattr(board, "MOST_COUNTED", 1)
    monkeypatch.setattr(board, "PAGE", 2)
    with tenant(cast.meridian.pk):
        for name in "cab":
            draft(cast, key=name, title=f"Project {name}")
    page = sign_in(cast.wim).get("/o/meridian/board/?page=2")
    assert [str(standing.life.subject) for standing in page.context["page"]] == ["Project c"]
    assert page.context["is_counted"] is False


def test_the_board_shows_only_what_one_may_see(sign_in, cast):
    with tenant(cast.meridian.pk):
        draft(cast)
    assert sign_in(cast.mina).get("/o/meridian/board/").context["total"] == 0
    assert sign_in(cast.audrey).get("/o/meridian/board/").context["total"] == 1


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("tier=limited", ["Late arrivals"]),
        ("q=FUEL", ["Fuel"]),
        ("stage=data", ["Late arrivals"]),
        ("stage=moon", None),
    ],
)
def test_the_board_filters(sign_in, cast, query, names):
    with tenant(cast.meridian.pk):
        project_at(cast, "approved")
        draft(cast, key="fuel", title="Fuel")
    page = sign_in(cast.wim).get(f"/o/meridian/board/?{query}")
    found = sorted(str(standing.life.subject) for standing in page.context["page"])
    assert found == (names or ["Fuel", "Late arrivals"])


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
    answer = sign_in(cast.wim).get("/o/meridian/api/v1/board/").json()
    (life,) = answer["results"]
    assert (answer["count"], len(life["steps"])) == (1, 8)
    assert (life["project"], life["model"], life["stage"]) == ("late-arrivals", None, "planning")
