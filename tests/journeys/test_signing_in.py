"""From an empty portal to people who sign in, in a real browser."""

import re

from playwright.sync_api import expect

from tests.journeys.running import wait_for

PASSWORD = "another long journey"


def test_first_run_page_makes_the_organization_and_leaves_for_good(founded, stack, page, sign_in):
    rows = stack.rows("select key, name from organizations_organization where key = 'meridian-air'")
    assert [(row["key"], row["name"]) for row in rows] == [("meridian-air", "Meridian Air")]
    page.goto("/welcome/")
    expect(page).to_have_url(re.compile(r"/accounts/login/"))


def test_owner_signs_in_and_out(founded, page, sign_in):
    page.goto(f"/o/{founded.organization}/")
    expect(page).to_have_url(re.compile(r"/accounts/login/\?next="))
    page.get_by_label("E-mail address").fill(founded.email)
    page.get_by_label("Password").fill(founded.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(rf"/o/{founded.organization}/$"))
    page.locator("summary[aria-label^='You:']").click()
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"/o/{founded.organization}/")
    expect(page).to_have_url(re.compile(r"/accounts/login/\?next="))


def test_wrong_password_is_a_sentence_and_no_entry(founded, page, sign_in):
    sign_in(page, founded.email, "not the password")
    expect(page.get_by_text("not correct")).to_be_visible()
    page.goto(f"/o/{founded.organization}/")
    expect(page).to_have_url(re.compile(r"/accounts/login/"))


def test_member_made_on_the_command_line_signs_in(founded, stack, page, sign_in):
    stack.manage(
        "create_user", "mina@first.example", "--organization", founded.organization, "--role", "member",
        "--password-stdin", typed=PASSWORD,
    )  # fmt: skip
    sign_in(page, "mina@first.example", PASSWORD)
    expect(page).to_have_url(re.compile(rf"/o/{founded.organization}/$"))


def test_outsider_gets_404_for_everything_of_another_organization(founded, stack, page, sign_in):
    stack.manage("create_organization", "harbor-bank", "--name", "Harbor Bank")
    stack.manage(
        "create_user", "mallory@second.example", "--organization", "harbor-bank", "--role", "owner",
        "--password-stdin", typed=PASSWORD,
    )  # fmt: skip
    sign_in(page, "mallory@second.example", PASSWORD)
    expect(page).to_have_url(re.compile(r"/o/harbor-bank/$"))
    for path in ("", "projects/", "approvals/", "api/v1/projects/"):
        answer = page.goto(f"/o/{founded.organization}/{path}")
        assert answer.status == 404, path


def test_invited_person_joins_by_the_link_in_the_mail(founded, stack, page, another_page, sign_in):
    sign_in(page, founded.email, founded.password)
    page.goto(f"/o/{founded.organization}/people/invite/")
    page.get_by_label("E-mail").fill("new@first.example")
    page.get_by_role("button", name=re.compile("[Ii]nvit")).click()
    wait_for(lambda: stack.mail("new@first.example"), what="the invitation")
    another_page.goto(stack.link_in_mail("new@first.example"))
    another_page.get_by_label("Your name").fill("Nele New")
    another_page.get_by_label("Password", exact=True).fill(PASSWORD)
    another_page.get_by_role("button", name=re.compile("[Jj]oin")).click()
    expect(another_page).to_have_url(re.compile(rf"/o/{founded.organization}/"))
