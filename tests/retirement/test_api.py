"""API of retirement: the whole way without a page, and clear answers to bad input."""

import copy

import pytest

from apps.approvals import actions as approvals
from apps.core.tenancy import tenant
from apps.retirement.models import RetirementPlan
from tests.support import deliver

API = "/o/meridian/api/v1/retirement/"


@pytest.fixture
def office(cast, office_once):
    return copy.deepcopy(office_once)


@pytest.fixture
def call(sign_in):
    """`call(user, "1/notify/", {...})` posts JSON; without a body it gets."""

    def called(user, path="", body=None):
        client = sign_in(user)
        return (
            client.get(API + path) if body is None else client.post(API + path, body, content_type="application/json")
        )

    return called


def test_whole_way_by_api(cast, office, call):
    otto = cast.otto
    given = {
        "model": "late-arrivals", "version": 1, "successor_version": 2, "reason": "Better.", "notice_days": 0,
        "quiet_seconds": 1, "hold_until": "2040-01-01",
    }  # fmt: skip
    made = call(otto, "", given)
    assert (made.status_code, made.json()["number"], made.json()["successor_version"]) == (201, 1, 2)
    consumer = call(otto, "1/consumers/", {"name": "Gates", "contact": cast.mina.email})
    assert consumer.status_code == 201
    assert call(otto, "1/change/", {"message": "Ask version 2."}).json()["message"] == "Ask version 2."
    assert call(otto, "1/request-approval/", {}).json()["is_waiting"] is True
    with tenant(cast.meridian.pk):
        for signer in (cast.bianca, cast.carlo):
            approvals.sign(request=RetirementPlan.objects.get().approval, by=signer, confirmed=True)
    assert call(otto, "1/notify/", {}).json()["state"] == "notified"
    refused = call(otto, "1/drain/", {})
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "Not every consumer has acknowledged: Gates (Mina).",
    )
    acknowledged = call(cast.mina, f"1/consumers/{consumer.json()['id']}/acknowledge/", {"note": "Fine."})
    assert (acknowledged.status_code, acknowledged.json()["acknowledged_by"]) == (200, cast.mina.email)
    assert call(otto, "1/drain/", {}).json()["state"] == "draining"
    with tenant(cast.meridian.pk):
        office.an_hour_later(RetirementPlan.objects.get())
    deliver(cast.meridian)
    assert call(otto, "1/readings/").json()["results"][0]["is_quiet"] is True
    assert call(otto, "1/measure/", {}).status_code == 202
    assert call(otto, "1/turn-off/", {}).json()["state"] == "off"
    assert call(otto, "1/archive/", {}).status_code == 202
    deliver(cast.meridian)
    held = call(otto, "1/held/").json()["results"]
    assert [row["version"] for row in held] == [1]
    assert call(otto, "1/close/", {"summary": "Well."}).json()["state"] == "closed"
    moved = call(otto, "1/cancel/", {"reason": "No."})
    assert (moved.status_code, moved.json()["legal"]) == (409, [])


def test_what_one_may_not_see_is_not_there(cast, office, call):
    with tenant(cast.meridian.pk):
        office.plan()
    for path in ("1/", "1/consumers/", "1/readings/", "1/held/"):
        assert call(cast.wim, path).status_code == 200
        assert call(cast.mina, path).status_code == 404
        assert call(cast.mallory, path).status_code == 404
    assert call(cast.mina).json()["results"] == []


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"model": "late-arrivals"}, {"reason"}),
        ({"model": "late-arrivals", "reason": "x", "version": 9}, {"version"}),
        ({"model": "late-arrivals", "reason": "x", "version": 1, "successor_version": 9}, {"successor_version"}),
        ({"model": "late-arrivals", "reason": "x", "successor_model": "nothing"}, {"successor_model"}),
        ({"model": "late-arrivals", "reason": "x", "quiet_seconds": 0}, {"quiet_seconds"}),
        ({"model": "late-arrivals", "reason": "x", "hold_until": "soon"}, {"hold_until"}),
        ({"model": "late-arrivals", "reason": "x", "cause": "boredom"}, {"cause"}),
    ],
)
def test_bad_input_is_named(cast, office, call, body, fields):
    answer = call(cast.otto, "", body)
    assert (answer.status_code, set(answer.json()["errors"])) == (422, fields)


def test_unknown_model_or_plan_is_not_there(cast, office, call):
    assert call(cast.otto, "", {"model": "nothing", "reason": "x"}).status_code == 404
    assert call(cast.otto, "7/notify/", {}).status_code == 404
    assert call(cast.otto, "7/consumers/not-a-key/acknowledge/", {}).status_code == 404
