"""The real stack and a real browser, once for the journeys of a worker."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from config.stack.browser import obtain_browser
from tests.journeys.running import Running, portal

QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@dataclass(frozen=True)
class Owner:
    """Who owns the journeys' organization, and how to sign in."""

    organization: str
    email: str
    password: str


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Running]:
    """A running portal without content, shared by the journeys of one worker."""
    with portal(tmp_path_factory.mktemp("portal") / "data", f"journey_{worker_id}") as running:
        running.start()
        yield running


@pytest.fixture
def own_stack(tmp_path: Path, worker_id: str) -> Iterator[Running]:
    """A portal of the test's own, not started yet, for what cannot be shared."""
    with portal(tmp_path / "data", f"journey_own_{worker_id}") as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The machine's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(obtain_browser()), args=QUIET)
        yield browser
        browser.close()


@contextmanager
def window(chromium: Browser, stack: Running) -> Iterator[Page]:
    """A fresh browser window on the portal. The test fails on a script error or a breach of the content policy."""
    context = chromium.new_context(base_url=stack.url)
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda line: complaints.append(line.text) if "Content Security Policy" in line.text else None)
    yield opened
    context.close()
    assert complaints == []


@pytest.fixture
def page(chromium: Browser, stack: Running) -> Iterator[Page]:
    """A fresh browser window on the portal."""
    with window(chromium, stack) as opened:
        yield opened


@pytest.fixture
def another_page(chromium: Browser, stack: Running) -> Iterator[Page]:
    """The window of a second person."""
    with window(chromium, stack) as opened:
        yield opened


@pytest.fixture(scope="session")
def founded(chromium: Browser, stack: Running) -> Owner:
    """The owner of the first organization, founded on the first-run page as a user would."""
    owner = Owner("meridian-air", "owner@first.example", "a long journey begins")
    with window(chromium, stack) as page:
        page.goto("/")
        page.get_by_label("Name of the organization").fill("Meridian Air")
        page.get_by_label("Short name for addresses").fill(owner.organization)
        page.get_by_label("Your name").fill("Odile Owner")
        page.get_by_label("Your e-mail address").fill(owner.email)
        page.get_by_label("A password").fill(owner.password)
        page.get_by_label("The password again").fill(owner.password)
        page.get_by_role("button", name="Begin").click()
        page.wait_for_url(f"**/o/{owner.organization}/")
    return owner


@pytest.fixture
def sign_in() -> Callable[[Page, str, str], None]:
    """`sign_in(page, email, password)` on the sign-in page."""

    def signed_in(page: Page, email: str, password: str) -> None:
        page.goto("/accounts/login/")
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()

    return signed_in
