"""Pages of retirement, as the people of the cast use them."""

import copy
import re

import pytest

from apps.core.tenancy import tenant
from apps.retirement.models import PlanState, RetirementPlan
from apps.work.models import JobState
from tests.support import deliver

HOME = "/o/meridian/retirement/"


@pytest.fixture
def office(cast, office_once):
    return copy.deepcopy(office_once)


@pytest.fixture
def at(office):
    """`at(state)` takes a plan of version 1 to a state and leaves the tenant."""

    def walk(state, **more):
        with tenant(office.cast.meridian.pk):
            return office.at(state, **more)

    return walk


def words(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def state():
    return RetirementPlan.objects.get().state


def test_whole_way_by_page(cast, office, sign_in):
    otto = sign_in(cast.otto)
    assert "Nothing has left office yet" in words(otto.get(HOME))
    answer = otto.post(f"{HOME}new/", {"subject": "late-arrivals/1"})
    assert answer.url == f"{HOME}new/late-arrivals/?version=1"
    page = otto.get(answer.url).content.decode()
    assert "Version that follows" in page
    given = {
        "cause": "replaced", "reason": "Better.", "successor_version": office.new.pk, "notice_days": "0",
        "quiet_for": "1", "hold_until": "2040-01-01", "message": "Ask version 2.",
    }  # fmt: skip
    assert otto.post(answer.url, given).url == f"{HOME}1/"
    consumer = {"name": "Gate planning", "contact": cast.mina.pk}
    assert otto.post(f"{HOME}1/consumers/new/", consumer).status_code == 303
    assert otto.post(f"{HOME}1/change/", given | {"quiet_for": str(1 / 24)}).status_code == 303
    assert otto.post(f"{HOME}1/request-approval/", {}).status_code == 303
    assert "Waits for signatures" in words(otto.get(f"{HOME}1/"))
    with tenant(cast.meridian.pk):
        from apps.approvals import actions as approvals

        for signer in (cast.bianca, cast.carlo):
            approvals.sign(request=RetirementPlan.objects.get().approval, by=signer, confirmed=True)
    assert "A mail goes to: Gate planning (Mina)" in words(otto.get(f"{HOME}1/notify/"))
    assert otto.post(f"{HOME}1/notify/").status_code == 303
    refused = otto.post(f"{HOME}1/drain/")
    assert (refused.status_code, "Not every consumer has acknowledged" in words(refused)) == (403, True)

    with tenant(cast.meridian.pk):
        notice = RetirementPlan.objects.get().consumers.get().get_absolute_url()
    mina = sign_in(cast.mina)
    assert "Ask version 2." in words(mina.get(notice))
    assert mina.get(f"{HOME}1/").status_code == 404
    assert mina.post(notice, {"note": "We do."}).status_code == 303
    assert "already" in words(mina.get(notice))

    assert otto.post(f"{HOME}1/drain/").status_code == 303
    with tenant(cast.meridian.pk):
        office.an_hour_later(RetirementPlan.objects.get())
        assert state() == PlanState.DRAINING
    deliver(cast.meridian)
    page = words(otto.get(f"{HOME}1/"))
    assert "Nobody has asked since it drains" in page
    assert "Zero traffic proven" in page
    assert otto.post(f"{HOME}1/turn-off/").status_code == 303
    assert otto.post(f"{HOME}1/archive/").status_code == 303
    deliver(cast.meridian)
    assert otto.post(f"{HOME}1/close/", {"summary": "It went well."}).status_code == 303
    report = words(otto.get(f"{HOME}1/report/"))
    assert "not one prediction was recorded, and no record was outstanding" in report
    assert "Not closed" not in report
    with tenant(cast.meridian.pk):
        held = RetirementPlan.objects.get().dispositions.get()
    bundle = sign_in(cast.audrey).get(f"{HOME}1/held/{held.pk}/")
    assert bundle.headers["Content-Disposition"] == 'attachment; filename="late-arrivals-version-1.zip"'
    assert b"".join(bundle.streaming_content)[:2] == b"PK"
    assert sign_in(cast.wim).get(f"{HOME}1/held/{held.pk}/").status_code == 403


PAGES = ["", "report/", "change/", "consumers/new/", "request-approval/", "cancel/"]


@pytest.mark.parametrize("page", PAGES)
def test_page_is_not_there_for_outsiders(cast, at, sign_in, page):
    at(PlanState.PLANNED)
    assert sign_in(cast.otto).get(f"{HOME}1/{page}").status_code == 200
    assert sign_in(cast.mallory).get(f"{HOME}1/{page}").status_code == 404
    assert sign_in(cast.mina).get(f"{HOME}1/{page}").status_code == 404
    assert sign_in(cast.wim).get(f"{HOME}1/{page}").status_code == (200 if page in ("", "report/") else 403)


def test_plan_that_leaves_nobody_an_answer_says_so(cast, office, sign_in):
    with tenant(cast.meridian.pk):
        office.plan(version=office.new, successor_version=None)
    page = words(sign_in(cast.otto).get(f"{HOME}1/"))
    assert "It cannot leave office like this" in page
    answer = sign_in(cast.otto).post(f"{HOME}1/request-approval/", {})
    assert (answer.status_code, "is the only champion of the live endpoint" in words(answer)) == (403, True)


def test_form_shows_its_problems_at_the_fields(cast, office, sign_in):
    given = {"cause": "replaced", "reason": "x", "notice_days": "0", "quiet_for": "1", "hold_until": "2001-01-01"}
    answer = sign_in(cast.otto).post(f"{HOME}new/late-arrivals/?version=1", given)
    assert (answer.status_code, "Choose a day to come." in words(answer)) == (422, True)
    assert sign_in(cast.otto).get(f"{HOME}new/late-arrivals/?version=99").status_code == 404


def test_consumer_is_removed_with_a_reason(cast, at, sign_in):
    plan = at(PlanState.PLANNED)
    with tenant(cast.meridian.pk):
        pk = plan.consumers.get().pk
    otto = sign_in(cast.otto)
    assert otto.get(f"{HOME}1/consumers/{pk}/remove/").status_code == 200
    assert otto.post(f"{HOME}1/consumers/{pk}/remove/", {"reason": ""}).status_code == 422
    assert otto.post(f"{HOME}1/consumers/{pk}/remove/", {"reason": "They use version 2."}).status_code == 303
    assert otto.get(f"{HOME}1/consumers/{pk}/").status_code == 404


def test_notice_is_open_to_its_contact_only(cast, at, sign_in):
    plan = at(PlanState.NOTIFIED)
    with tenant(cast.meridian.pk):
        notice = plan.consumers.get().get_absolute_url()
    assert sign_in(cast.mina).get(notice).status_code == 200
    assert sign_in(cast.mallory).get(notice).status_code == 404
    assert "Only Mina can acknowledge" in words(sign_in(cast.otto).get(notice))
    assert sign_in(cast.otto).post(notice, {"note": "She said so."}).status_code == 403


def test_count_now_starts_a_worker(cast, at, sign_in):
    plan = at(PlanState.DRAINING)
    deliver(cast.meridian)
    answer = sign_in(cast.otto).post(f"{HOME}1/measure/", follow=True)
    assert "A worker counts." in words(answer)
    with tenant(cast.meridian.pk):
        from apps.work import jobs

        assert jobs.newest(plan).state == JobState.QUEUED


def test_cancel_from_the_page(cast, at, sign_in):
    at(PlanState.NOTIFIED)
    assert sign_in(cast.otto).post(f"{HOME}1/cancel/", {"reason": "Needed."}).status_code == 303
    with tenant(cast.meridian.pk):
        assert state() == PlanState.CANCELLED
