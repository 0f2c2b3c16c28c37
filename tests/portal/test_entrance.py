"""The way in: choosing an organization, founding the first, light or dark."""

import pytest

from apps.core.errors import Refused
from apps.core.tenancy import tenant
from apps.organizations import actions as organizations
from apps.organizations.models import Membership, Organization, User
from apps.portal import actions
from tests.cast import PASSWORD

GIVEN = {
    "name": "Meridian Air",
    "key": "meridian",
    "person": "Odile Orr",
    "email": "odile@meridian.example",
    "password": PASSWORD,
    "repeated": PASSWORD,
}


@pytest.fixture
def found():
    """What a founder types, without the repetition."""
    return {name: value for name, value in GIVEN.items() if name != "repeated"}


def test_an_empty_portal_leads_to_the_first_run_page(client, db):
    assert client.get("/").url == "/welcome/"
    assert "Welcome to Tenure" in client.get("/welcome/").text


def test_founding_makes_the_organization_and_signs_its_owner_in(client, db):
    response = client.post("/welcome/", GIVEN)
    assert (response.status_code, response.url) == (303, "/o/meridian/")
    assert client.get("/o/meridian/").status_code == 200
    owner = User.objects.get(email="odile@meridian.example")
    with tenant(Organization.objects.get().pk) if Organization.objects.exists() else tenant(_id("meridian")):
        assert Membership.objects.get(user=owner).role == "owner"


def _id(key):
    from apps.organizations import doors

    return doors.organization_by_key(key)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"repeated": "another"}, "The two passwords differ."),
        ({"key": "Not A Key"}, "Use small letters"),
        ({"password": "123", "repeated": "123"}, "too short"),
        ({"email": "nobody"}, "Enter a valid email address."),
    ],
)
def test_a_wrong_founding_form_says_what_to_do_and_keeps_what_was_typed(client, db, changed, said):
    response = client.post("/welcome/", GIVEN | changed)
    assert response.status_code == 422
    assert said in response.text
    assert 'value="Odile Orr"' in response.text
    assert not User.objects.filter(email=GIVEN["email"]).exists()


def test_nobody_founds_a_second_time(client, cast, found):
    assert client.get("/welcome/").url == "/"
    with pytest.raises(Refused, match="already has an organization"):
        actions.found_portal(**(found | {"key": "other", "email": "new@other.example"}))
    assert not User.objects.filter(email="new@other.example").exists()


def test_somebody_not_signed_in_is_sent_to_sign_in(client, cast):
    assert client.get("/").url == "/accounts/login/?next=/"


def test_the_only_organization_opens_at_once(sign_in, cast):
    assert sign_in(cast.bianca).get("/").url == "/o/meridian/"


def test_a_person_of_two_organizations_chooses(sign_in, cast):
    with tenant(cast.harbor.pk):
        organizations.add_member(user=cast.bianca, role="auditor", by=cast.mallory)
    page = sign_in(cast.bianca).get("/")
    assert page.status_code == 200
    assert [url for _, url in page.context["choices"]] == ["/o/harbor/", "/o/meridian/"]


def test_a_person_of_no_organization_is_told_what_to_do(sign_in, cast):
    stranger = User.objects.create_user("stranger@nowhere.example", PASSWORD, name="Stranger")
    assert "belong to no organization yet" in sign_in(stranger).get("/").text


def test_the_admin_asks_for_an_organization(sign_in, cast):
    with tenant(cast.harbor.pk):
        organizations.add_member(user=cast.audrey, role="auditor", by=cast.mallory)
    page = sign_in(cast.audrey).get("/?next=/admin/")
    assert [url for _, url in page.context["choices"]] == [
        "/admin/?organization=harbor",
        "/admin/?organization=meridian",
    ]


@pytest.mark.parametrize(("chosen", "kept"), [("dark", "dark"), ("light", "light"), ("", ""), ("purple", "")])
def test_the_scheme_is_remembered_without_script(client, db, chosen, kept):
    response = client.post("/scheme/", {"scheme": chosen, "next": "/accounts/login/"})
    assert (response.status_code, response.url) == (303, "/accounts/login/")
    assert client.cookies["tenure_scheme"].value == kept
    page = client.get("/accounts/login/").text
    assert (f'data-theme="{kept}"' in page) is bool(kept)


def test_the_scheme_never_leads_elsewhere(client, db):
    assert client.post("/scheme/", {"scheme": "dark", "next": "https://evil.example/"}).url == "/"
