"""Pages of projects, as the people of the cast use them."""

import datetime as dt
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.core.tenancy import tenant
from apps.projects import actions
from apps.projects.models import Project, ProjectState, Risk
from tests.projects.factories import HARMLESS, HIGH, PROHIBITED, complete, draft, project_at

HOME = "/o/meridian/projects/"


@pytest.fixture
def at(cast):
    """`at(state)` makes a project in that state and leaves the tenant."""

    def make(state, answers=HIGH):
        with tenant(cast.meridian.pk):
            return project_at(cast, state, answers)

    return make


@pytest.fixture
def ready(cast):
    with tenant(cast.meridian.pk):
        return complete(cast, draft(cast))


def words(response):
    """The page's text without tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def reread(cast, project):
    with tenant(cast.meridian.pk):
        return Project.objects.select_related("approval").get(pk=project.pk)


PAGES = [
    "", "edit/", "assessment/", "assessment/new/", "metrics/new/", "requirements/new/", "stakeholders/new/", "risks/",
    "risks/new/", "risks/1/", "risks/1/edit/", "risks/1/close/", "request-approval/",
]  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_page_opens_for_the_owner_and_not_for_outsiders(cast, ready, sign_in, page):
    assert sign_in(cast.bianca).get(f"{HOME}late-arrivals/{page}").status_code == 200
    assert sign_in(cast.mina).get(f"{HOME}late-arrivals/{page}").status_code == 404
    assert sign_in(cast.mallory).get(f"{HOME}late-arrivals/{page}").status_code == 404


@pytest.mark.parametrize("page", [page for page in PAGES if page not in ("", "assessment/", "risks/", "risks/1/")])
def test_form_does_not_open_for_a_viewer(cast, ready, sign_in, page):
    assert sign_in(cast.wim).get(f"{HOME}late-arrivals/{page}").status_code == 403


def test_list_shows_what_one_may_see(cast, ready, sign_in):
    with tenant(cast.meridian.pk):
        actions.open_project(key="secret", title="Secret", problem="x", by=cast.mina)
    assert "Late arrivals" in words(sign_in(cast.wim).get(HOME))
    assert "Secret" not in words(sign_in(cast.wim).get(HOME))
    assert "Secret" in words(sign_in(cast.audrey).get(HOME))


@pytest.mark.parametrize(
    ("query", "found"),
    [("?q=late", True), ("?q=nothing", False), ("?state=draft", True), ("?tier=high", False), ("?sort=-title", True)],
)
def test_list_filters_and_sorts(cast, ready, sign_in, query, found):
    assert ("late-arrivals" in words(sign_in(cast.bianca).get(HOME + query))) == found


def test_list_is_exported_without_formulas(cast, sign_in):
    with tenant(cast.meridian.pk):
        draft(cast, title="=1+1")
    export = sign_in(cast.bianca).get(f"{HOME}?format=csv").content.decode()
    assert export.splitlines()[1].startswith("late-arrivals,'=1+1,draft,")


def test_list_of_nothing_offers_the_first_step(cast, sign_in):
    assert "No projects yet" in words(sign_in(cast.mina).get(HOME))


def test_open_project_leads_to_its_page(cast, sign_in):
    client = sign_in(cast.mina)
    given = {"title": "Fuel", "key": "fuel", "problem": "Too much.", "automation": "advice", "owner": cast.mina.pk}
    answer = client.post(f"{HOME}new/", given)
    assert (answer.status_code, answer.url) == (303, f"{HOME}fuel/")
    assert "The project is open as a draft." in words(client.get(answer.url))


def test_open_project_shows_again_what_was_typed(cast, ready, sign_in):
    given = {
        "title": "Fuel",
        "key": "late-arrivals",
        "problem": "Too much.",
        "automation": "advice",
        "owner": cast.mina.pk,
    }
    answer = sign_in(cast.mina).post(f"{HOME}new/", given)
    assert answer.status_code == 409
    assert "There is already a project “late-arrivals”. Choose another key." in words(answer)
    assert 'value="Fuel"' in answer.content.decode()
    assert sign_in(cast.mina).post(f"{HOME}new/", given | {"problem": ""}).status_code == 422


def test_draft_says_what_is_missing(cast, sign_in):
    with tenant(cast.meridian.pk):
        draft(cast)
    page = words(sign_in(cast.bianca).get(f"{HOME}late-arrivals/"))
    assert "Before the charter can be approved Say what the expected outcomes are." in page


def test_project_page_shows_promise_risks_and_tier(cast, ready, sign_in):
    page = words(sign_in(cast.wim).get(f"{HOME}late-arrivals/"))
    for said in (
        "Missed connections",
        "3 %",
        "What remains after treatment?",
        "R1",
        "Passengers&#x27; council",
        "Limited",
    ):
        assert said in page


def test_project_page_of_a_prohibited_use_says_that_it_stops(cast, sign_in):
    with tenant(cast.meridian.pk):
        complete(cast, draft(cast), PROHIBITED)
    page = words(sign_in(cast.bianca).get(f"{HOME}late-arrivals/"))
    assert "is a prohibited use and stops here. It is social scoring." in page


def test_project_page_says_that_a_changed_promise_must_be_approved_again(cast, at, sign_in):
    project = at(ProjectState.APPROVED)
    client = sign_in(cast.bianca)
    given = {
        "title": project.title, "problem": "Another.", "outcomes": project.outcomes, "automation": "advice",
        "intended_users": project.intended_users, "owner": cast.bianca.pk, "sponsor": cast.odile.pk,
    }  # fmt: skip
    answer = client.post(f"{HOME}late-arrivals/edit/", given)
    assert answer.status_code == 303
    assert "The promise was changed after approval: problem." in words(client.get(answer.url))


def test_edit_changes_only_what_was_changed(cast, ready, sign_in):
    given = {
        "title": "Delays", "problem": ready.problem, "outcomes": ready.outcomes, "automation": "advice",
        "intended_users": ready.intended_users, "owner": cast.bianca.pk, "sponsor": cast.odile.pk,
    }  # fmt: skip
    assert sign_in(cast.bianca).post(f"{HOME}late-arrivals/edit/", given).status_code == 303
    with tenant(cast.meridian.pk):
        newest = ready.history.first()
        assert newest.diff_against(newest.prev_record).changed_fields == ["title"]


def test_questionnaire_gives_the_tier(cast, ready, sign_in):
    client = sign_in(cast.bianca)
    answer = client.post(f"{HOME}late-arrivals/assessment/new/", HIGH)
    assert answer.status_code == 303
    assert "It decides on access to essential services." in words(client.get(answer.url))
    assert reread(cast, ready).tier == "high"


def test_questionnaire_marks_what_does_not_fit(cast, ready, sign_in):
    client = sign_in(cast.bianca)
    answer = client.post(f"{HOME}late-arrivals/assessment/new/", {**HARMLESS, "areas": ["none", "services"]})
    assert answer.status_code == 422
    assert "“None of these” goes alone." in words(answer)


def test_approval_is_asked_for_and_shown(cast, ready, sign_in):
    client = sign_in(cast.bianca)
    answer = client.post(f"{HOME}late-arrivals/request-approval/", {"message": "Please."})
    with tenant(cast.meridian.pk):
        assert answer.url == Project.objects.get().approval.get_absolute_url()
    assert "Waits for signatures" in words(client.get(f"{HOME}late-arrivals/"))
    assert reread(cast, ready).is_waiting


def test_metric_page_draws_values_against_the_promise(cast, at, sign_in):
    at(ProjectState.APPROVED)
    client = sign_in(cast.bianca)
    with tenant(cast.meridian.pk):
        url = Project.objects.get().metrics.get().get_absolute_url()
    given = {"value": "3.5", "at": timezone.localtime().strftime("%Y-%m-%dT%H:%M"), "source": "Report"}
    assert client.post(f"{url}values/new/", given).status_code == 303
    assert "The promise is not kept yet" in words(client.get(url))
    assert client.post(f"{url}values/new/", given | {"value": "2.9"}).status_code == 303
    assert "The promise is kept" in words(client.get(url))
    assert client.post(f"{url}remove/").status_code == 409


def test_value_in_the_future_is_marked(cast, at, sign_in):
    at(ProjectState.APPROVED)
    with tenant(cast.meridian.pk):
        url = Project.objects.get().metrics.get().get_absolute_url()
    later = (timezone.localtime() + dt.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    answer = sign_in(cast.bianca).post(f"{url}values/new/", {"value": "3", "at": later, "source": "x"})
    assert (answer.status_code, "This is in the future." in words(answer)) == (422, True)


def test_metric_is_promised_changed_and_removed(cast, ready, sign_in):
    client = sign_in(cast.bianca)
    given = {"name": "Delay", "target": "10", "direction": "lower", "due_on": "2026-12-31", "unit": "min"}
    url = client.post(f"{HOME}late-arrivals/metrics/new/", given).url
    assert client.post(f"{url}edit/", given | {"target": "9"}).status_code == 303
    assert "9 min" in words(client.get(url))
    assert client.post(f"{url}remove/").url == f"{HOME}late-arrivals/"
    assert client.get(url).status_code == 404


def test_requirement_is_added_changed_and_removed(cast, ready, sign_in):
    client = sign_in(cast.bianca)
    given = {"kind": "public", "description": "Weather", "personal_data": "none"}
    assert client.post(f"{HOME}late-arrivals/requirements/new/", given).status_code == 303
    with tenant(cast.meridian.pk):
        pk = ready.requirements.get(description="Weather").pk
    address = f"{HOME}late-arrivals/requirements/{pk}/"
    assert client.get(f"{address}edit/").status_code == 200
    assert client.post(f"{address}edit/", given | {"description": "Weather by hour"}).status_code == 303
    assert "Weather by hour" in words(client.get(f"{HOME}late-arrivals/"))
    assert client.get(f"{address}remove/").status_code == 200
    assert client.post(f"{address}remove/").status_code == 303
    with tenant(cast.meridian.pk):
        assert not ready.requirements.filter(pk=pk).exists()


def test_stakeholder_is_added_and_removed(cast, ready, sign_in):
    client = sign_in(cast.bianca)
    address = f"{HOME}late-arrivals/stakeholders/"
    assert client.post(f"{address}new/", {"user": cast.mina.pk, "role": "Watches"}).status_code == 303
    assert client.post(f"{address}new/", {"role": "Watches"}).status_code == 422
    with tenant(cast.meridian.pk):
        pk = ready.stakeholders.get(user=cast.mina).pk
    assert client.post(f"{address}{pk}/remove/").status_code == 303


def test_risk_is_added_changed_accepted_and_opened_again(cast, ready, sign_in):
    client, address = sign_in(cast.bianca), f"{HOME}late-arrivals/risks/"
    given = {
        "title": "Wrong labels", "category": "data", "likelihood": "3", "impact": "4", "treatment": "reduce",
        "owner": cast.dario.pk,
    }  # fmt: skip
    assert client.post(f"{address}new/", given).url == f"{address}2/"
    assert client.post(f"{address}2/edit/", given | {"residual_likelihood": "2"}).status_code == 422
    given |= {"residual_likelihood": "2", "residual_impact": "4"}
    assert client.post(f"{address}2/edit/", given).status_code == 303
    assert client.get(f"{address}2/accept/").status_code == 403
    rhea = sign_in(cast.rhea)
    assert "level 8 of 25" in words(rhea.get(f"{address}2/accept/"))
    assert rhea.post(f"{address}2/accept/", {"reason": "Watched."}).status_code == 303
    assert "Watched." in words(client.get(f"{address}2/"))
    assert client.post(f"{address}2/reopen/").status_code == 303
    assert client.post(f"{address}2/close/", {"reason": "Gone."}).status_code == 303
    with tenant(cast.meridian.pk):
        assert Risk.objects.get(number=2).state == "closed"


def test_states_are_moved_from_the_pages(cast, at, sign_in):
    project, client, home = at(ProjectState.APPROVED), sign_in(cast.bianca), f"{HOME}late-arrivals/"
    assert client.post(f"{home}hold/", {"reason": ""}).status_code == 422
    assert client.post(f"{home}hold/", {"reason": "Budget."}).status_code == 303
    assert reread(cast, project).state == ProjectState.ON_HOLD
    assert client.post(f"{home}resume/").status_code == 303
    assert client.get(f"{home}retire/").status_code == 200
    assert client.post(f"{home}retire/", {"reason": "Over."}).status_code == 303
    assert reread(cast, project).state == ProjectState.RETIRED
    answer = client.post(f"{home}resume/", follow=True)
    assert "is not on hold, so there is nothing to resume" in words(answer)


def test_rejected_project_is_taken_up_again(cast, at, sign_in):
    project = at(ProjectState.REJECTED)
    assert sign_in(cast.wim).post(f"{HOME}late-arrivals/reopen/").status_code == 403
    assert sign_in(cast.bianca).post(f"{HOME}late-arrivals/reopen/").status_code == 303
    assert reread(cast, project).state == ProjectState.DRAFT


@pytest.mark.parametrize("page", ["", "risks/"])
def test_page_asks_as_often_for_many_rows_as_for_few(cast, ready, sign_in, page):
    client = sign_in(cast.bianca)
    client.get(f"{HOME}late-arrivals/{page}")
    with CaptureQueriesContext(connection) as few:
        client.get(f"{HOME}late-arrivals/{page}")
    with tenant(cast.meridian.pk):
        for number in range(10):
            owner = [cast.dario, cast.vera, cast.otto][number % 3]
            actions.add_risk(
                project=ready, title=str(number), likelihood=1, impact=1, owner=owner, by=cast.bianca,
                residual_likelihood=1, residual_impact=1,
            )  # fmt: skip
            actions.add_metric(project=ready, name=str(number), target=1, due_on=dt.date(2026, 1, 1), by=cast.bianca)
            actions.add_requirement(project=ready, kind="files", description="x", owner=owner, by=cast.bianca)
            actions.add_stakeholder(project=ready, user=owner, role="x", by=cast.bianca)
    with CaptureQueriesContext(connection) as many:
        client.get(f"{HOME}late-arrivals/{page}")
    assert len(many) == len(few)
