"""API of projects: the whole of stage one without a page, and clear answers to bad input."""

import pytest
from django.utils import timezone

from apps.core.tenancy import tenant
from apps.projects.models import Project
from tests.projects.factories import LIMITED, draft, project_at, sign_all

API = "/o/meridian/api/v1/projects/"


@pytest.fixture
def call(sign_in):
    """`call(user, "late/hold/", {...})` posts JSON; without a body it gets."""

    def called(user, path="", body=None):
        client = sign_in(user)
        if body is None:
            return client.get(API + path)
        return client.post(API + path, body, content_type="application/json")

    return called


def test_charter_is_written_and_approved_by_api_alone(cast, call):
    bianca = cast.bianca
    made = call(bianca, "", {"key": "late", "title": "Late arrivals", "problem": "Missed connections."})
    assert (made.status_code, made.json()["state"], made.json()["owner"]) == (201, "draft", bianca.email)
    with tenant(cast.meridian.pk):
        cast.staff(Project.objects.get())
    changed = call(
        bianca, "late/change/", {"outcomes": "Fewer.", "intended_users": "Planners.", "sponsor": cast.odile.email}
    )
    assert (changed.status_code, changed.json()["sponsor"]) == (200, cast.odile.email)
    assert (
        call(bianca, "late/request-approval/", {}).json()["detail"].startswith("The charter is not complete. Promise")
    )

    metric = call(
        bianca,
        "late/metrics/",
        {"name": "Missed", "target": 3, "baseline": 4, "direction": "lower", "due_on": "2026-12-31"},
    )
    assert metric.status_code == 201
    assert call(bianca, "late/requirements/", {"kind": "database", "description": "Flights"}).status_code == 201
    risk = {"title": "Weather", "likelihood": 4, "impact": 3, "residual_likelihood": 2, "residual_impact": 2}
    assert call(bianca, "late/risks/", risk).json()["number"] == 1
    assert call(bianca, "late/stakeholders/", {"name": "Council", "role": "Affected"}).status_code == 201
    assessed = call(bianca, "late/assess/", {"answers": LIMITED})
    assert (assessed.status_code, assessed.json()["tier"]) == (201, "limited")

    asked = call(bianca, "late/request-approval/", {"message": "Please."})
    assert (asked.status_code, asked.json()["is_waiting"]) == (200, True)
    with tenant(cast.meridian.pk):
        sign_all(cast, Project.objects.get().approval)
    assert call(bianca, "late/").json()["is_approved"] is True

    values = f"late/metrics/{metric.json()['id']}/values/"
    assert call(bianca, values, {"value": 3.5, "at": timezone.now().isoformat(), "source": "BI"}).status_code == 201
    assert call(cast.wim, values).json()["results"][0]["value"] == 3.5
    assert call(cast.wim, "late/metrics/").json()["results"][0]["newest_value"] == 3.5


def test_lists_hold_what_one_may_see(cast, call):
    with tenant(cast.meridian.pk):
        project_at(cast, "draft")
    assert [row["key"] for row in call(cast.wim).json()["results"]] == ["late-arrivals"]
    assert call(cast.mina).json()["results"] == []
    for path in ("", "metrics/", "risks/", "assessments/"):
        assert call(cast.mina, f"late-arrivals/{path}").status_code == 404
        assert call(cast.mallory, f"late-arrivals/{path}").status_code == 404


def test_risk_is_accepted_by_api(cast, call):
    with tenant(cast.meridian.pk):
        draft(cast)
    body = {"title": "a", "likelihood": 1, "impact": 1, "owner": cast.dario.email}
    call(cast.bianca, "late-arrivals/risks/", body)
    refused = call(cast.rhea, "late-arrivals/risks/1/accept/", {"reason": "Fine."})
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "Nobody has said yet what remains of risk R1 after its treatment.",
    )
    rated = {"residual_likelihood": 1, "residual_impact": 1}
    assert call(cast.bianca, "late-arrivals/risks/1/change/", rated).json()["residual_level"] == 1
    accepted = call(cast.rhea, "late-arrivals/risks/1/accept/", {"reason": "Fine."}).json()
    assert (accepted["state"], accepted["accepted_by"]) == ("accepted", cast.rhea.email)
    moved = call(cast.bianca, "late-arrivals/risks/1/change/", {"impact": 2})
    assert (moved.status_code, moved.json()["legal"]) == (409, ["open", "closed"])
    assert call(cast.bianca, "late-arrivals/risks/1/reopen/", {}).json()["state"] == "open"
    assert call(cast.bianca, "late-arrivals/risks/1/close/", {"reason": "Gone."}).json()["state"] == "closed"


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        ("", {"key": "x y", "title": "", "problem": "x"}, {"key", "title"}),
        ("", {"key": "x", "title": "x", "problem": "x", "owner": "mallory@harbor.example"}, {"owner"}),
        ("late-arrivals/change/", {"automation": "magic"}, {"automation"}),
        ("late-arrivals/metrics/", {"name": "x", "target": "much", "due_on": "soon"}, {"target", "due_on"}),
        ("late-arrivals/metrics/", {"name": "x", "target": "NaN", "due_on": "2026-01-01"}, {"target"}),
        ("late-arrivals/risks/", {"title": "x", "likelihood": 9, "impact": 1}, {"likelihood"}),
        ("late-arrivals/assess/", {"answers": ["none"]}, {"answers"}),
        ("late-arrivals/assess/", {"answers": {**LIMITED, "harm": 3, "areas": {"a": 1}}}, {"harm", "areas"}),
        ("late-arrivals/stakeholders/", {"role": "x"}, {"name"}),
        ("late-arrivals/requirements/", {}, {"kind", "description"}),
    ],
)
def test_bad_input_is_named_and_changes_nothing(cast, call, path, body, fields):
    with tenant(cast.meridian.pk):
        draft(cast)
    answer = call(cast.bianca, path, body)
    assert (answer.status_code, set(answer.json()["errors"])) == (422, fields)
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("verb", ["resume", "reopen"])
def test_illegal_move_names_the_legal_ones(cast, call, verb):
    with tenant(cast.meridian.pk):
        draft(cast)
    answer = call(cast.bianca, f"late-arrivals/{verb}/", {})
    assert (answer.status_code, answer.json()["legal"]) == (409, ["approved", "rejected"])


def test_parts_are_removed(cast, call):
    with tenant(cast.meridian.pk):
        project = project_at(cast, "approved")
        parts = {
            "metrics": project.metrics.get().pk,
            "requirements": project.requirements.get().pk,
            "stakeholders": project.stakeholders.get().pk,
        }
    for noun, pk in parts.items():
        assert call(cast.dario, f"late-arrivals/{noun}/{pk}/remove/", {}).status_code == 403
        assert call(cast.bianca, f"late-arrivals/{noun}/{pk}/remove/", {}).status_code == 204
        assert call(cast.bianca, f"late-arrivals/{noun}/{pk}/").status_code == 404
