"""Idempotency keys: the same POST twice is done once and answered twice."""

import pytest

from apps.organizations.models import Team

PATH = "/o/meridian/api/v1/teams/"


@pytest.fixture
def client(inside, sign_in):
    return sign_in(inside.adam)


def post(client, once, **body):
    return client.post(PATH, body, content_type="application/json", headers={"Idempotency-Key": once})


def test_the_same_request_again_gets_the_same_answer(client):
    first, second = (post(client, "k1", key="one", name="One") for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second.headers["Idempotency-Replayed"] == "true"
    assert Team.objects.filter(key="one").count() == 1


def test_the_same_key_for_another_request_is_refused(client):
    post(client, "k1", key="one", name="One")
    refused = post(client, "k1", key="two", name="Two")
    assert refused.status_code == 422
    assert "Use a new key" in refused.json()["detail"]
    assert not Team.objects.filter(key="two").exists()


def test_a_refusal_is_remembered_too(client):
    first, second = (post(client, "k2", key="NOT A KEY", name="x") for _ in range(2))
    assert (first.status_code, second.status_code) == (422, 422)


def test_another_person_may_use_the_same_key(client, inside, sign_in):
    post(client, "k1", key="one", name="One")
    assert post(sign_in(inside.odile), "k1", key="two", name="Two").status_code == 201
