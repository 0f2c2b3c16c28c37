"""What the design promises, in a real browser: keyboard alone, a phone without script, and every page in order."""

import re

import pytest
from playwright.sync_api import expect

PROJECT = {
    "Title": "Late arrivals",
    "Key": "late-arrivals",
    "Problem": "Connections are missed because nobody knows early which flights will be late.",
}

# What a page must keep whatever it shows.
LOOK = """() => ({
  headings: document.querySelectorAll("h1").length,
  unnamed: [...document.querySelectorAll("main input:not([type=hidden]), main select, main textarea")]
    .filter(field => !field.labels.length && !field.getAttribute("aria-label")).map(field => field.name),
  links: [...document.querySelectorAll("a[href]")].map(link => link.getAttribute("href")),
})"""


@pytest.fixture
def owner(founded, page, sign_in):
    """The owner, signed in, at home."""
    sign_in(page, founded.email, founded.password)
    page.wait_for_url(f"**/o/{founded.organization}/")
    return founded


def focus(page):
    """What the keyboard stands on."""
    return page.evaluate("document.activeElement.textContent.trim() || document.activeElement.name")


def test_keyboard_alone_reaches_search_and_menus(owner, page):
    page.keyboard.press("Tab")
    assert focus(page) == "Skip to the page"
    page.keyboard.press("/")
    page.keyboard.type("odile")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/?q=odile")
    page.keyboard.press("j")
    assert focus(page) == "Odile Owner"
    page.keyboard.press("Enter")
    page.wait_for_url("**/people/**")
    page.locator("summary[aria-label^='You:']").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Two-step sign-in")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Two-step sign-in")).to_be_hidden()


def test_dark_is_remembered_from_the_first_byte(owner, page):
    page.locator("summary[aria-label^='You:']").click()
    page.get_by_role("button", name="Dark", exact=True).click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 25)"
    assert 'data-theme="dark"' in page.context.request.get(f"/o/{owner.organization}/board/").text()


def test_what_is_wrong_in_a_form_is_read_first(owner, page):
    page.goto(f"/o/{owner.organization}/projects/new/")
    page.locator("main form button[type=submit]").first.click()
    expect(page.get_by_role("alert")).to_be_focused()
    page.get_by_role("alert").get_by_role("link").first.click()
    assert page.evaluate("document.activeElement.matches('main input, main textarea, main select')")


def test_a_phone_without_script_reaches_everything(founded, stack, chromium):
    context = chromium.new_context(
        base_url=stack.url, viewport={"width": 390, "height": 844}, java_script_enabled=False
    )
    page = context.new_page()
    page.goto("/accounts/login/")
    page.get_by_label("E-mail address").fill(founded.email)
    page.get_by_label("Password").fill(founded.password)
    page.get_by_role("button", name="Sign in").click()
    page.locator("summary", has_text="Menu").click()
    page.get_by_role("link", name="Lifecycle board").click()
    expect(page.get_by_role("heading", name="Lifecycle board")).to_be_visible()
    page.locator("summary[aria-label^='You:']").click()
    page.get_by_role("button", name="Dark", exact=True).click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.locator("summary[aria-label^='You:']").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    context.close()


def test_every_page_an_owner_can_reach_is_in_order(owner, page):
    """Each kind of page once: it answers, has one heading and names its fields, fits a phone, and keeps the policy."""
    page.goto(f"/o/{owner.organization}/projects/new/")
    for label, typed in PROJECT.items():
        page.get_by_label(label, exact=True).fill(typed)
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_url("**/projects/late-arrivals/**")
    home = f"/o/{owner.organization}/"
    waiting, seen, wrong = [home], set(), {}
    while waiting and len(seen) < 120:
        path = waiting.pop(0)
        kind = re.sub(r"[0-9a-f-]{36}", "ID", path.partition("?")[0])
        if kind in seen:
            continue
        seen.add(kind)
        answer = page.goto(path)
        found = page.evaluate(LOOK)
        page.set_viewport_size({"width": 390, "height": 844})
        width = page.evaluate("document.documentElement.scrollWidth")
        page.set_viewport_size({"width": 1280, "height": 720})
        if answer.status >= 400 or found["headings"] != 1 or found["unnamed"] or width > 391:
            wrong[path] = (answer.status, found["headings"], found["unnamed"], width)
        inner = [link.partition("#")[0] for link in found["links"] if link.startswith(home) and "format=" not in link]
        waiting += [link for link in inner if "/download" not in link]
    assert wrong == {}
    assert len(seen) > 30
