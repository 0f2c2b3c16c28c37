"""Sent mail: administrators see that it went, its reader sees its words; in the demo everybody does."""

import pytest

from apps.core.tenancy import tenant
from apps.organizations.models import Organization
from apps.work.mail import forget
from apps.work.models import Message

LINK = "http://127.0.0.1:8000/accounts/password/reset/key/1-secret/"


@pytest.fixture
def mail(cast):
    """A mail to Rhea with a link that only she may use."""
    with tenant(cast.meridian.pk):
        Message.objects.all().delete()
        message = Message(
            to=cast.rhea.email, recipient=cast.rhea, subject="Choose a new password", text=LINK, html=LINK
        )
        message.save(force_insert=True)
        return message


@pytest.fixture
def demo(cast, settings):
    """Meridian Air as an organization of the demo."""
    settings.TENURE_DEMO = True
    with tenant(cast.meridian.pk):
        organization = Organization.objects.get(pk=cast.meridian.pk)
        organization.is_demo = True
        organization.save()


def test_administrators_see_the_list_and_others_do_not(sign_in, cast, mail):
    page = sign_in(cast.adam).get("/o/meridian/mail/")
    assert [message.subject for message in page.context["page"]] == ["Choose a new password"]
    assert sign_in(cast.bianca).get("/o/meridian/mail/").status_code == 403
    assert sign_in(cast.audrey).get("/o/meridian/mail/").status_code == 403


def test_administrators_do_not_read_the_words_of_anothers_mail(sign_in, cast, mail):
    client = sign_in(cast.adam)
    page = client.get(f"/o/meridian/mail/{mail.pk}/")
    assert page.status_code == 200
    assert LINK not in page.text
    assert client.get(f"/o/meridian/mail/{mail.pk}/html/").status_code == 404


def test_its_reader_reads_it(sign_in, cast, mail):
    client = sign_in(cast.rhea)
    assert LINK in client.get(f"/o/meridian/mail/{mail.pk}/").text
    html = client.get(f"/o/meridian/mail/{mail.pk}/html/")
    assert html.text == LINK
    assert "script-src" not in html.headers["Content-Security-Policy"]
    assert html.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'unsafe-inline'; sandbox")


def test_a_mail_whose_words_are_forgotten_says_so(sign_in, cast, mail):
    with tenant(cast.meridian.pk):
        forget(str(mail.pk))
    client = sign_in(cast.rhea)
    assert "The words of this mail are forgotten" in client.get(f"/o/meridian/mail/{mail.pk}/").text
    assert client.get(f"/o/meridian/mail/{mail.pk}/html/").status_code == 404


def test_in_the_demo_every_member_reads_all(sign_in, cast, mail, demo):
    client = sign_in(cast.bianca)
    assert client.get("/o/meridian/mail/").status_code == 200
    assert LINK in client.get(f"/o/meridian/mail/{mail.pk}/").text


def test_a_demo_organization_on_a_real_portal_shows_nothing(sign_in, cast, mail, demo, settings):
    settings.TENURE_DEMO = False
    assert sign_in(cast.bianca).get(f"/o/meridian/mail/{mail.pk}/").status_code == 403


def test_another_organization_sees_nothing(sign_in, cast, mail, demo):
    assert sign_in(cast.mallory).get(f"/o/harbor/mail/{mail.pk}/").status_code == 404


def test_the_admin_shows_an_auditor_that_it_went_and_not_its_words(sign_in, cast, mail):
    page = sign_in(cast.audrey).get(f"/admin/work/message/{mail.pk}/change/", follow=True)
    assert page.status_code == 200
    assert "Choose a new password" in page.text
    assert LINK not in page.text
