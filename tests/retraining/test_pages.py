"""Pages and API of retraining, as the people of the cast use them."""

import copy
import re

import pytest
import yaml

from apps.core.tenancy import tenant
from apps.retraining import actions
from apps.retraining.models import RetrainingPolicy, RetrainingRun
from tests.models.engine.samples import recipe
from tests.support import deliver

HOME = "/o/meridian/retraining/"
API = "/o/meridian/api/v1/"


@pytest.fixture
def drill(cast, drill_once):
    return copy.deepcopy(drill_once)


@pytest.fixture
def compared(cast, drill):
    """An occasion that came to its comparison."""
    with tenant(cast.meridian.pk):
        drill.champion(drill.data())
        drill.policy(on_new_data=True)
        drill.data(rows=400, seed=2)
        deliver(cast.meridian)
        return RetrainingRun.objects.get()


def words(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_first_policy_is_written_from_the_list(cast, drill, sign_in):
    dario = sign_in(cast.dario)
    page = words(dario.get(HOME))
    assert "No model was trained anew yet" in page
    answer = dario.post(f"{HOME}new/", {"model": "late-arrivals"})
    assert answer.url == f"{HOME}late-arrivals/policy/"
    assert dario.get(answer.url).status_code == 200
    given = {
        "dataset": drill.dataset.pk, "owner": cast.dario.pk, "recipe": yaml.safe_dump(recipe("logistic")),
        "every_days": "30", "on_drift": "on", "cool_down_days": "7", "min_rows": "100", "is_active": "on",
    }  # fmt: skip
    assert dario.post(answer.url, given).url == f"{HOME}late-arrivals/"
    page = words(dario.get(f"{HOME}late-arrivals/"))
    assert "Every 30 days, Drift" in page
    broken = dario.post(answer.url, given | {"recipe": "task: classification"})
    assert broken.status_code == 422


def test_start_that_is_refused_says_why(cast, drill, sign_in):
    with tenant(cast.meridian.pk):
        drill.policy()
    answer = sign_in(cast.dario).post(f"{HOME}late-arrivals/start/", {"reason": "Now."})
    assert (answer.status_code, "is signed off as fit" in words(answer)) == (403, True)


def test_pages_of_an_occasion_show_the_comparison(cast, compared, sign_in):
    for person in (cast.wim, cast.vera, cast.audrey):
        client = sign_in(person)
        page = words(client.get(f"{HOME}late-arrivals/1/"))
        assert "Is the challenger better? Above zero it is." in page
        assert "Side by side, same rows" in page
        assert "On 120 rows of" in page
        assert client.get(f"{HOME}late-arrivals/").status_code == 200
        assert "version 2" in words(client.get(f"{HOME}?model=late-arrivals&state=compared"))
    assert "Nothing fits these filters" in words(sign_in(cast.wim).get(f"{HOME}?state=failed"))
    lines = sign_in(cast.wim).get(f"{HOME}?format=csv").content.decode().splitlines()
    assert lines[1].startswith("Late arrivals,new_data,Flights v4 was signed off as fit.,compared,")


@pytest.mark.parametrize("page", ["late-arrivals/", "late-arrivals/policy/", "late-arrivals/start/"])
def test_page_is_not_there_for_outsiders(cast, drill, sign_in, page):
    with tenant(cast.meridian.pk):
        drill.policy()
    assert sign_in(cast.dario).get(HOME + page).status_code == 200
    assert sign_in(cast.mina).get(HOME + page).status_code == 404
    assert sign_in(cast.mallory).get(HOME + page).status_code == 404
    assert sign_in(cast.wim).get(HOME + page).status_code == (200 if page == "late-arrivals/" else 403)


@pytest.fixture
def call(sign_in):
    def called(user, path, body=None):
        client = sign_in(user)
        return (
            client.get(API + path) if body is None else client.post(API + path, body, content_type="application/json")
        )

    return called


def test_policy_is_written_and_switched_off_by_api(cast, drill, call):
    given = {"model": "late-arrivals", "dataset": "flights", "recipe": recipe("logistic"), "on_drift": True}
    made = call(cast.dario, "retraining-policies/", given)
    assert (made.status_code, made.json()["owner"], made.json()["on_drift"]) == (201, cast.dario.email, True)
    assert call(cast.mina, "retraining-policies/").json()["results"] == []
    assert call(cast.mina, "retraining-policies/late-arrivals/").status_code == 404
    refused = call(cast.otto, "retraining-policies/late-arrivals/start/", {"reason": "Now."})
    assert (refused.status_code, "signed off as fit" in refused.json()["detail"]) == (403, True)
    off = call(cast.otto, "retraining-policies/late-arrivals/switch-off/", {})
    assert (off.status_code, off.json()["is_active"]) == (200, False)
    assert call(cast.wim, "retraining-policies/late-arrivals/switch-off/", {}).status_code == 403


@pytest.mark.parametrize(
    ("changed", "status", "fields"),
    [
        ({"recipe": {}}, 422, {"recipe"}),
        ({"every_days": 0}, 422, {"every_days"}),
        ({"owner": "otto@meridian.example"}, 422, {"owner"}),
        ({"min_rows": "many"}, 422, {"min_rows"}),
        ({"model": "nothing"}, 404, None),
        ({"dataset": "nothing"}, 404, None),
    ],
)
def test_bad_input_is_named(cast, drill, call, changed, status, fields):
    given = {"model": "late-arrivals", "dataset": "flights", "recipe": recipe("logistic")}
    answer = call(cast.dario, "retraining-policies/", given | changed)
    assert (answer.status_code, set(answer.json().get("errors", ())) or None) == (status, fields)
    with tenant(cast.meridian.pk):
        assert not RetrainingPolicy.objects.exists()


def test_occasions_are_listed_by_api(cast, drill, call):
    with tenant(cast.meridian.pk):
        policy = drill.policy()
        actions.trigger(policy=policy, trigger="drift", cause="It moved.", by=cast.otto)
    rows = call(cast.wim, "retraining-runs/?state=skipped").json()["results"]
    assert [(row["model"], row["trigger"], row["cause"]) for row in rows] == [("late-arrivals", "drift", "It moved.")]
    assert call(cast.wim, "retraining-runs/?state=failed").json()["results"] == []
