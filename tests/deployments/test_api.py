"""API of deployments."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.approvals import actions as approvals
from apps.core.tenancy import tenant
from apps.deployments.models import Deployment, GateDecision
from tests.cast import Cast
from tests.deployments.shop import Shop
from tests.deployments.test_pages import live, shop  # noqa: F401

API = "/o/meridian/api/v1/"


def post(client: Any, path: str, **given: Any) -> Any:
    return client.post(f"{API}{path}", json.dumps(given), content_type="application/json")


def test_gate_answers_with_reasons(shop: Shop, sign_in: Any, cast: Cast) -> None:  # noqa: F811
    with tenant(cast.meridian.pk):
        shop.version(1)
        shop.version(2, state="validated")
    client = sign_in(cast.wim)
    asked = {"model": "late-arrivals", "version": 1, "environment": "production"}
    answer = client.get(f"{API}gate/", asked).json()
    assert (answer["allowed"], answer["reasons"], len(answer["checks"])) == (True, [], 10)
    answer = client.get(f"{API}gate/", asked | {"version": 2}).json()
    assert (answer["allowed"], answer["reasons"]) == (False, ["Late arrivals version 2 is validated, not approved."])
    with tenant(cast.meridian.pk):
        assert GateDecision.objects.count() == 0


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"version": 1, "environment": "production"}, 422),
        ({"model": "late-arrivals", "version": "x", "environment": "production"}, 422),
        ({"model": "late-arrivals", "version": 9, "environment": "production"}, 404),
        ({"model": "none", "version": 1, "environment": "production"}, 404),
        ({"model": "late-arrivals", "version": 1, "environment": "moon"}, 404),
    ],
)
def test_gate_with_a_bad_question(shop: Shop, sign_in: Any, cast: Cast, asked: dict, status: int) -> None:  # noqa: F811
    with tenant(cast.meridian.pk):
        shop.version(1)
    response = sign_in(cast.wim).get(f"{API}gate/", asked)
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")


def test_gate_on_record(shop: Shop, sign_in: Any, cast: Cast) -> None:  # noqa: F811
    with tenant(cast.meridian.pk):
        shop.version(1)
    response = post(sign_in(cast.wim), "gate/", model="late-arrivals", version=1, environment="production")
    assert (response.status_code, response.json()["allowed"]) == (201, True)
    (kept,) = sign_in(cast.audrey).get(f"{API}gate-decisions/").json()["results"]
    assert (kept["model"], kept["version"], kept["occasion"]) == ("late-arrivals", 1, "asked")


def test_gate_is_404_for_who_does_not_see_the_model(shop: Shop, sign_in: Any, cast: Cast) -> None:  # noqa: F811
    with tenant(cast.meridian.pk):
        shop.version(1)
    asked = {"model": "late-arrivals", "version": 1, "environment": "production"}
    for person in (cast.mina, cast.mallory):
        assert sign_in(person).get(f"{API}gate/", asked).status_code == 404


def test_whole_life_of_an_endpoint(shop: Shop, sign_in: Any, cast: Cast) -> None:  # noqa: F811
    otto = sign_in(cast.otto)
    with tenant(cast.meridian.pk):
        shop.version(1)
        shop.version(2)
    made = post(otto, "endpoints/", model="late-arrivals", environment="production")
    assert (made.status_code, made.json()["key"], made.json()["state"]) == (201, "late-arrivals", "created")
    early = post(otto, "endpoints/late-arrivals/deploy/", version=1)
    assert (early.status_code, early.json()["title"]) == (403, "Not allowed")
    for number in (1, 2):
        asked = post(otto, "endpoints/late-arrivals/request-deployment/", version=number, reason="Better.")
        assert (asked.status_code, asked.json()["state"], asked.json()["approval_state"]) == (201, "planned", "open")
        with tenant(cast.meridian.pk):
            request = Deployment.objects.get(number=number).request
            approvals.sign(request=request, by=cast.sigrid, confirmed=True)
        done = post(otto, "endpoints/late-arrivals/deploy/", version=number)
        assert (done.status_code, done.json()["state"], done.json()["deployed_by"]) == (201, "live", cast.otto.email)
    assert post(otto, "endpoints/late-arrivals/roll-back/").status_code == 422
    back = post(otto, "endpoints/late-arrivals/roll-back/", reason="Worse.").json()
    assert (back["version"], back["rollback_of"], back["number"]) == (1, 2, 3)
    assert post(otto, "endpoints/late-arrivals/resume/", reason="x").status_code == 409
    assert post(otto, "endpoints/late-arrivals/drain/", reason="The end.").json()["state"] == "draining"
    assert post(otto, "endpoints/late-arrivals/resume/", reason="Not yet.").json()["state"] == "live"
    off = post(otto, "endpoints/late-arrivals/turn-off/", reason="The end.")
    assert (off.status_code, off.json()["state"], off.json()["version"]) == (200, "off", None)
    again = post(otto, "endpoints/late-arrivals/turn-off/", reason="The end.")
    assert (again.status_code, again.json()["legal"]) == (409, [])
    rows = otto.get(f"{API}endpoints/late-arrivals/deployments/").json()["results"]
    assert [(row["number"], row["version"], row["state"]) for row in rows] == [
        (3, 1, "ended"),
        (2, 2, "ended"),
        (1, 1, "ended"),
    ]


def test_drop_through_the_api(shop: Shop, sign_in: Any, cast: Cast) -> None:  # noqa: F811
    with tenant(cast.meridian.pk):
        shop.planned(shop.endpoint(), shop.version(1))
    response = post(sign_in(cast.otto), "endpoints/late-arrivals/deployments/1/drop/")
    assert (response.status_code, response.json()["state"]) == (200, "dropped")


def test_what_was_in_production_at_a_moment(live: Deployment, sign_in: Any, cast: Cast) -> None:  # noqa: F811
    client = sign_in(cast.audrey)
    with tenant(cast.meridian.pk):
        first = Deployment.objects.get(number=1)
    for moment, expected in ((first.started_at, [1]), (live.started_at, [2])):
        asked = {"at": moment.isoformat(), "production": "true"}
        answer = client.get(f"{API}deployments/", asked).json()["results"]
        assert [row["version"] for row in answer] == expected
    assert client.get(f"{API}deployments/", {"at": "soon"}).status_code == 422


def test_predictions_and_counters(live: Deployment, sign_in: Any, cast: Cast) -> None:  # noqa: F811
    client = sign_in(cast.wim)
    rows = client.get(f"{API}endpoints/late-arrivals/predictions/", {"prediction_id": "flight/1"}).json()["results"]
    assert [(row["prediction_id"], row["version"], row["outputs"]["score"]) for row in rows] == [("flight/1", 2, 0.25)]
    (counter,) = client.get(f"{API}endpoints/late-arrivals/counters/").json()["results"]
    assert (counter["recorded"], counter["kept"], counter["waiting"], counter["dropped"]) == (4, 5, 1, 3)


def test_environments(cast: Cast, sign_in: Any) -> None:
    given = {"key": "shadow", "name": "Shadow", "order": 5}
    assert post(sign_in(cast.otto), "environments/", **given).status_code == 403
    assert post(sign_in(cast.adam), "environments/", **given).status_code == 201
    rows = sign_in(cast.wim).get(f"{API}environments/").json()["results"]
    assert {row["key"] for row in rows} == {"staging", "production", "shadow"}
    assert sign_in(cast.wim).get(f"{API}environments/shadow/").json()["order"] == 5


VERBS = ["deploy", "roll-back", "drain", "resume", "turn-off", "request-deployment"]


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_are_refused_before_their_input_is_read(live: Deployment, sign_in: Any, cast: Cast, verb: str) -> None:  # noqa: F811
    for person in (cast.wim, cast.audrey, cast.rhea, cast.odile):
        assert post(sign_in(person), f"endpoints/late-arrivals/{verb}/").status_code == 403
    # A live endpoint has nothing to resume, whatever the reason.
    assert post(sign_in(cast.otto), f"endpoints/late-arrivals/{verb}/").status_code == (
        409 if verb == "resume" else 422
    )
    assert post(sign_in(cast.mina), f"endpoints/late-arrivals/{verb}/").status_code == 404


@pytest.mark.parametrize("noun", ["endpoints/", "environments/"])
def test_making_is_refused_before_the_input_is_read(shop: Shop, sign_in: Any, cast: Cast, noun: str) -> None:  # noqa: F811
    able = {"endpoints/": cast.otto, "environments/": cast.adam}[noun]
    assert post(sign_in(able), noun).status_code == 422
    for person in (cast.wim, cast.audrey, cast.mina, cast.dario):
        assert post(sign_in(person), noun).status_code == 403


NOUNS = [
    "endpoints/", "endpoints/late-arrivals/", "endpoints/late-arrivals/deployments/", "deployments/",
    "endpoints/late-arrivals/predictions/", "endpoints/late-arrivals/counters/", "gate-decisions/",
]  # fmt: skip


@pytest.mark.parametrize("noun", NOUNS)
def test_nouns_hide_what_one_may_not_see(live: Deployment, sign_in: Any, cast: Cast, noun: str) -> None:  # noqa: F811
    seen = sign_in(cast.wim).get(f"{API}{noun}")
    assert seen.status_code == 200
    assert seen.json().get("results", [1]) != []
    stranger = sign_in(cast.mina).get(f"{API}{noun}")
    hidden = stranger.status_code == 404 or stranger.json().get("results") == []
    assert hidden
    assert sign_in(cast.mallory).get(f"{API}{noun}").status_code == 404


def test_endpoints_take_the_same_number_of_queries(shop: Shop, sign_in: Any, cast: Cast) -> None:  # noqa: F811
    from apps.deployments import actions

    client = sign_in(cast.wim)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"{API}endpoints/").status_code == 200
            assert client.get(f"{API}deployments/").status_code == 200
        return len(queries)

    with tenant(cast.meridian.pk):
        version = shop.version(1)
        shop.deploy(shop.endpoint(shop.staging), version)
    count()
    one = count()
    with tenant(cast.meridian.pk):
        for number in range(8):
            place = actions.create_environment(key=f"e{number}", name=f"E{number}", order=10 + number, by=cast.adam)
            shop.deploy(shop.endpoint(place), version)
    assert count() == one
