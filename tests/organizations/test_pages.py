"""Sign-in, the tenant's address, tokens, joining: what an outsider, a member and a pipeline get."""

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from apps.core.tenancy import tenant
from apps.organizations import actions
from apps.work.models import Message, OutboxMessage
from tests.cast import PASSWORD


def test_an_anonymous_visitor_is_sent_to_sign_in_whether_the_organization_exists_or_not(cast):
    for key in ("meridian", "nowhere"):
        answer = Client().get(f"/o/{key}/people/")
        assert (answer.status_code, answer.url) == (302, f"/accounts/login/?next=/o/{key}/people/")


def test_an_outsider_gets_404_for_an_organization_as_for_none(cast, sign_in):
    outsider = sign_in(cast.mallory)
    assert [outsider.get(f"/o/{key}/people/").status_code for key in ("meridian", "nowhere", "harbor")] == [
        404,
        404,
        200,
    ]


def test_a_person_signs_in_with_address_and_password(cast):
    client = Client()
    answer = client.post("/accounts/login/", {"login": "Vera@Meridian.example", "password": PASSWORD})
    assert answer.status_code == 302
    assert client.get("/o/meridian/people/").status_code == 200


def test_a_wrong_password_says_so_and_opens_nothing(cast):
    client = Client()
    assert client.post("/accounts/login/", {"login": "vera@meridian.example", "password": "wrong"}).status_code == 200
    assert client.get("/o/meridian/people/").status_code == 302


def test_nobody_signs_up_uninvited(db):
    page = Client().get("/accounts/signup/")
    assert b'<input type="password"' not in page.content


def test_an_invited_person_joins_with_a_password_of_their_own(inside):
    _, token = actions.invite(email="nora@meridian.example", role="member", by=inside.adam)
    client = Client()
    assert client.get(f"/o/meridian/join/{token}/").status_code == 200
    weak = client.post(f"/o/meridian/join/{token}/", {"name": "Nora", "password": "12345678"})
    assert weak.status_code == 422
    answer = client.post(f"/o/meridian/join/{token}/", {"name": "Nora", "password": "a long enough phrase"})
    assert (answer.status_code, answer.url) == (303, "/o/meridian/")
    assert client.get("/o/meridian/people/").status_code == 200
    assert Client().get(f"/o/meridian/join/{token}/").status_code == 404


def test_words_of_a_mail_for_a_new_password_are_forgotten_when_its_link_has_ended(cast, settings):
    assert Client().post("/accounts/password/reset/", {"email": cast.vera.email}).status_code == 302
    ends = timezone.now() + dt.timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)
    with tenant(cast.meridian.pk):
        message = Message.objects.get(recipient=cast.vera)
        planned = OutboxMessage.objects.get(task="work.forget_mail")
    assert "/accounts/password/reset/key/" in message.text
    assert planned.arguments == [str(message.pk)]
    assert abs(planned.available_at - ends) < dt.timedelta(minutes=1)


def test_a_token_opens_the_api_and_only_its_scopes(inside):
    _, value = actions.create_token(user=inside.adam, name="pipeline", scopes=["view"], by=inside.adam)
    client = Client(headers={"Authorization": f"Bearer {value}"})
    assert client.get("/o/meridian/api/v1/members/").status_code == 200
    refused = client.post("/o/meridian/api/v1/teams/", {"key": "x", "name": "X"}, content_type="application/json")
    assert refused.status_code == 403
    assert "administer" in refused.json()["detail"]
    assert refused.headers["Content-Type"] == "application/problem+json"


def test_the_api_without_token_says_how_to_get_one(cast):
    answer = Client().get("/o/meridian/api/v1/members/")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "token" in answer.json()["detail"]


def test_a_token_is_shown_once(inside, sign_in):
    client = sign_in(inside.dario)
    made = client.post("/o/meridian/tokens/", {"name": "notebook", "lifetime": "30"})
    assert b"tenure_" in made.content
    listed = client.get("/o/meridian/tokens/")
    assert b"notebook" in listed.content
    assert b'id="new-token"' not in listed.content


@pytest.mark.parametrize(
    ("name", "path", "status"),
    [
        ("adam", "people/invite/", 200),
        ("dario", "people/invite/", 403),
        ("audrey", "people/", 200),
        ("audrey", "service-accounts/", 403),
        ("dario", "people/roles/", 200),
        ("dario", "people/profile/", 200),
        ("dario", "teams/", 200),
        ("dario", "tokens/", 200),
        ("dario", "approvals/", 200),
        ("dario", "approvals/policies/", 200),
        ("dario", "approvals/policies/new/", 403),
        ("adam", "approvals/policies/new/", 200),
        ("dario", "approvals/delegations/", 200),
    ],
)
def test_pages_open_for_their_roles(inside, sign_in, name, path, status):
    answer = sign_in(getattr(inside, name)).get(f"/o/meridian/{path}")
    assert answer.status_code == status
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_an_address_too_long_to_keep_is_a_sentence(cast, sign_in):
    address = f"{'x' * 60}@{'.'.join(['a' * 60] * 4)}.example"
    page = sign_in(cast.adam).post("/o/meridian/people/invite/", {"email": address, "role": "member"})
    assert page.status_code == 422
    assert "at most 254 characters" in page.text
    call = sign_in(cast.adam).post("/o/meridian/api/v1/invitations/", {"email": address, "role": "member"})
    assert (call.status_code, list(call.json()["errors"])) == (422, ["email"])


def test_a_service_account_is_listed_without_an_address_it_has_not(inside, sign_in):
    from apps.organizations import actions

    actions.create_service_account(name="Operations centre", purpose="Asks for predictions.", by=inside.adam)
    page = sign_in(inside.adam).get("/o/meridian/people/").text
    assert "Operations centre" in page
    assert "service account" in page
    assert "service.invalid" not in page
