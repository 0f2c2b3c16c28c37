"""Pages of deployments, as each role sees them."""

import copy
import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.approvals import actions as approvals
from apps.core.tenancy import tenant
from apps.deployments import actions, recording
from apps.deployments.models import Deployment, Endpoint, EndpointState, Environment
from apps.deployments.serving import ledger
from tests.cast import Cast
from tests.deployments.shop import Shop
from tests.deployments.test_recording import call

HOME = "/o/meridian/endpoints/"


@pytest.fixture
def shop(cast: Cast, shop_once: Shop) -> Shop:
    return copy.deepcopy(shop_once)


@pytest.fixture
def live(shop: Shop) -> Deployment:
    """Version 2 in production, after version 1, with some traffic."""
    with tenant(shop.cast.meridian.pk):
        endpoint = shop.endpoint()
        shop.deploy(endpoint, shop.version(1))
        deployed = shop.deploy(endpoint, shop.version(2))
        recording.store("host", [call(deployed), call(deployed, status="failed"), call(deployed, body={"id": "o'x"})])
        recording.keep_counts("host", [ledger.Count("0", deployed.organization_id, endpoint.pk, 5, 3)])
        return deployed


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_list_shows_what_answers(live: Deployment, sign_in: Any, cast: Cast) -> None:
    page = text_of(sign_in(cast.wim).get(HOME))
    assert 'href="/o/meridian/endpoints/late-arrivals/"' in page
    assert "Late arrivals" in page


def test_list_without_endpoints_says_what_one_is(shop: Shop, sign_in: Any, cast: Cast) -> None:
    assert "No endpoints yet" in text_of(sign_in(cast.otto).get(HOME))


def test_list_as_csv(live: Deployment, sign_in: Any, cast: Cast) -> None:
    response = sign_in(cast.wim).get(f"{HOME}?format=csv")
    content = response.content.decode()
    assert content.splitlines() == ["Endpoint,Model,Environment,State", "late-arrivals,Late arrivals,Production,live"]


def test_endpoint_page_shows_traffic_call_history_and_losses(live: Deployment, sign_in: Any, cast: Cast) -> None:
    page = text_of(sign_in(cast.otto).get(f"{HOME}late-arrivals/"))
    for said in (
        "How much is asked?",
        "How fast are the answers?",
        "How many calls go wrong?",
        "curl http",
        "/o/meridian/serve/v2/models/late-arrivals/infer",
        "Late arrivals version 2",
        "Answered but not recorded",
        "What answered when",
    ):
        assert said in page, said


@pytest.mark.parametrize("window", ["2h", "24h", "7d", "nonsense"])
def test_endpoint_page_in_each_window(live: Deployment, sign_in: Any, cast: Cast, window: str) -> None:
    assert sign_in(cast.wim).get(f"{HOME}late-arrivals/?window={window}").status_code == 200


def test_endpoint_page_says_why_it_cannot_serve(live: Deployment, sign_in: Any, cast: Cast) -> None:
    from apps.deployments.routing import report

    with tenant(cast.meridian.pk):
        report(live.endpoint_id, live.pk, "The artifact of version 2 could not be opened: it ran out of memory.")
    assert "it ran out of memory" in text_of(sign_in(cast.wim).get(f"{HOME}late-arrivals/"))


def test_endpoint_page_before_and_after_its_life(shop: Shop, sign_in: Any, cast: Cast) -> None:
    with tenant(cast.meridian.pk):
        endpoint = shop.endpoint()
        shop.version(1)
    assert "Nothing yet. Choose a version below" in text_of(sign_in(cast.otto).get(f"{HOME}late-arrivals/"))
    with tenant(cast.meridian.pk):
        actions.turn_off(endpoint=endpoint, reason="The end.", by=cast.otto)
    assert "it was turned off" in text_of(sign_in(cast.otto).get(f"{HOME}late-arrivals/"))


PAGES = [
    "",
    "late-arrivals/",
    "late-arrivals/versions/1/",
    "late-arrivals/deployments/1/",
    "late-arrivals/predictions/",
]
OPEN = ["gate/", "history/", "environments/", "environments/production/"]


@pytest.mark.parametrize("path", [*PAGES, *OPEN])
def test_pages_are_for_members_who_see_the_project(live: Deployment, sign_in: Any, cast: Cast, path: str) -> None:
    for person in (cast.otto, cast.wim, cast.audrey, cast.odile):
        assert sign_in(person).get(f"{HOME}{path}").status_code == 200
    assert sign_in(cast.mallory).get(f"{HOME}{path}").status_code == 404
    stranger = sign_in(cast.mina).get(f"{HOME}{path}")
    assert stranger.status_code == (404 if path in PAGES[1:] else 200)
    assert b"late-arrivals" not in stranger.content or path in PAGES[1:]


def test_list_takes_the_same_number_of_queries_for_one_and_for_many(shop: Shop, sign_in: Any, cast: Cast) -> None:
    client = sign_in(cast.wim)

    def count() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(HOME).status_code == 200
        return len(queries)

    with tenant(cast.meridian.pk):
        version = shop.version(1)
        shop.deploy(shop.endpoint(shop.staging), version)
    count()
    one = count()
    with tenant(cast.meridian.pk):
        for number in range(12):
            place = actions.create_environment(key=f"e{number}", name=f"E{number}", order=10 + number, by=cast.adam)
            shop.deploy(shop.endpoint(place), version)
    assert count() == one


def test_create_endpoint_by_page(shop: Shop, sign_in: Any, cast: Cast) -> None:
    given = {"model": shop.model.pk, "environment": shop.staging.pk, "key": ""}
    response = sign_in(cast.otto).post(f"{HOME}new/", given)
    assert (response.status_code, response.url) == (303, "/o/meridian/endpoints/late-arrivals-staging/")
    again = sign_in(cast.otto).post(f"{HOME}new/", given)
    assert again.status_code == 409
    assert "has an endpoint in Staging already" in text_of(again)
    refused = sign_in(cast.wim).post(f"{HOME}new/", given | {"environment": shop.production.pk})
    assert refused.status_code == sign_in(cast.wim).get(f"{HOME}new/").status_code == 403
    assert "Create endpoints, deploy, roll back" in text_of(refused) or "create endpoints" in text_of(refused)


def test_way_to_production_by_pages(shop: Shop, sign_in: Any, cast: Cast) -> None:
    with tenant(cast.meridian.pk):
        shop.endpoint()
        shop.version(1)
    otto = sign_in(cast.otto)
    page = text_of(otto.get(f"{HOME}late-arrivals/versions/1/"))
    assert "It may go there now." in page
    assert "Ask for approval" in page
    asked = otto.post(f"{HOME}late-arrivals/versions/1/", {"reason": "Better."})
    assert (asked.status_code, asked.url) == (303, "/o/meridian/endpoints/late-arrivals/deployments/1/")
    assert "waits for signatures" in text_of(otto.get(f"{HOME}late-arrivals/"))
    early = otto.post(f"{HOME}late-arrivals/deployments/1/carry-out/")
    assert early.status_code == 403
    with tenant(cast.meridian.pk):
        approvals.sign(request=Deployment.objects.get().request, by=cast.sigrid, confirmed=True)
    done = otto.post(f"{HOME}late-arrivals/deployments/1/carry-out/")
    assert (done.status_code, done.url) == (303, "/o/meridian/endpoints/late-arrivals/")
    with tenant(cast.meridian.pk):
        assert Endpoint.objects.get().state == EndpointState.LIVE


def test_gate_page_refuses_with_every_reason(shop: Shop, sign_in: Any, cast: Cast) -> None:
    with tenant(cast.meridian.pk):
        version = shop.version(1, state="candidate", validated_by=None, validated_at=None)
    page = text_of(
        sign_in(cast.wim).get(f"{HOME}gate/?model=late-arrivals&version={version.number}&environment=production")
    )
    assert "Late arrivals version 1 may not go there now." in page
    assert "Late arrivals version 1 is not validated." in page
    assert "Late arrivals version 1 is candidate, not approved." in page
    assert "The artifact is in ONNX" in page
    unknown = sign_in(cast.mina).get(f"{HOME}gate/?model=late-arrivals&version=1&environment=production")
    assert unknown.status_code == 422
    assert "There is no version 1 of “late-arrivals”, or you may not see it." in text_of(unknown)


def test_version_that_the_gate_refuses_has_no_button(shop: Shop, sign_in: Any, cast: Cast) -> None:
    with tenant(cast.meridian.pk):
        shop.endpoint()
        shop.version(1, state="validated")
    page = text_of(sign_in(cast.otto).get(f"{HOME}late-arrivals/versions/1/"))
    assert "It may not go there now." in page
    assert "Ask for approval" not in page
    assert "Production is production" in page
    forced = sign_in(cast.otto).post(f"{HOME}late-arrivals/versions/1/", {"reason": ""})
    assert forced.status_code == 403


def test_roll_back_by_page_asks_for_a_reason(live: Deployment, sign_in: Any, cast: Cast) -> None:
    otto, url = sign_in(cast.otto), f"{HOME}late-arrivals/roll-back/"
    page = text_of(otto.get(url))
    assert (
        "Late arrivals version 1 answers at late-arrivals within a second, in place of Late arrivals version 2." in page
    )
    assert otto.post(url, {"reason": ""}).status_code == 422
    assert otto.post(url, {"reason": "Worse."}).status_code == 303
    with tenant(cast.meridian.pk):
        current = live.endpoint.current
        assert current is not None
        assert current.version.number == 1


@pytest.mark.parametrize("verb", ["roll-back", "drain", "turn-off"])
def test_verbs_by_page_are_refused_with_a_sentence(live: Deployment, sign_in: Any, cast: Cast, verb: str) -> None:
    url = f"{HOME}late-arrivals/{verb}/"
    for person in (cast.wim, cast.audrey, cast.dario, cast.odile):
        response = sign_in(person).get(url)
        assert response.status_code == 403
        assert "It takes one of these roles: operator" in text_of(response)
    assert sign_in(cast.mallory).post(url, {"reason": "x"}).status_code == 404


def test_drain_resume_and_turn_off_by_page(live: Deployment, sign_in: Any, cast: Cast) -> None:
    otto = sign_in(cast.otto)
    for verb, state in (("drain", "draining"), ("resume", "live"), ("drain", "draining"), ("turn-off", "off")):
        assert otto.get(f"{HOME}late-arrivals/{verb}/").status_code == 200
        assert otto.post(f"{HOME}late-arrivals/{verb}/", {"reason": "Because."}).status_code == 303
        with tenant(cast.meridian.pk):
            assert Endpoint.objects.get().state == state


def test_give_up_by_page(shop: Shop, sign_in: Any, cast: Cast) -> None:
    with tenant(cast.meridian.pk):
        shop.planned(shop.endpoint(), shop.version(1))
    otto = sign_in(cast.otto)
    assert otto.get(f"{HOME}late-arrivals/deployments/1/drop/").status_code == 200
    assert otto.post(f"{HOME}late-arrivals/deployments/1/drop/", {"reason": ""}).status_code == 303
    with tenant(cast.meridian.pk):
        assert Deployment.objects.get().state == "dropped"


def test_predictions_by_id(live: Deployment, sign_in: Any, cast: Cast) -> None:
    client = sign_in(cast.wim)
    assert "flight/1" in text_of(client.get(f"{HOME}late-arrivals/predictions/"))
    found = text_of(client.get(f"{HOME}late-arrivals/predictions/?prediction_id=flight/2"))
    assert "flight/2" in found
    assert "flight/1" not in found


def test_history_at_a_moment(live: Deployment, sign_in: Any, cast: Cast) -> None:
    with tenant(cast.meridian.pk):
        first = Deployment.objects.get(number=1)
        Deployment.objects.filter(pk=first.pk)
    client = sign_in(cast.audrey)
    now = timezone.now() + dt.timedelta(minutes=1)
    assert "Late arrivals version 2" in text_of(client.get(f"{HOME}history/", {"at": f"{now:%Y-%m-%dT%H:%M}"}))
    past = text_of(client.get(f"{HOME}history/", {"at": "2013-03-14T10:00"}))
    assert "Nothing answered then" in past
    assert client.get(f"{HOME}history/", {"at": "soon"}).status_code == 422


def test_create_environment_by_page(cast: Cast, sign_in: Any) -> None:
    given = {"key": "shadow", "name": "Shadow", "order": 5}
    assert sign_in(cast.otto).get(f"{HOME}environments/new/").status_code == 403
    response = sign_in(cast.adam).post(f"{HOME}environments/new/", given)
    assert (response.status_code, response.url) == (303, "/o/meridian/endpoints/environments/shadow/")
    assert sign_in(cast.adam).post(f"{HOME}environments/new/", given).status_code == 422
    with tenant(cast.meridian.pk):
        assert Environment.objects.filter(key="shadow").count() == 1
