"""The real stack and a real browser, once for all journeys; every test in this folder carries the mark `journey`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from config.stack.browser import obtain_browser
from tests.journeys.running import Running, portal

HERE = Path(__file__).parent
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the journeys, and keep them on one worker: they share a portal."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.journey)
            item.add_marker(pytest.mark.xdist_group("journeys"))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running portal without content, shared by the journeys."""
    with portal(tmp_path_factory.mktemp("portal") / "data", "journey") as running:
        running.start()
        yield running


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Running]:
    """A portal of the test's own, not started yet, for what cannot be shared."""
    with portal(tmp_path / "data", "journey_own") as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The machine's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(obtain_browser()), args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, stack: Running) -> Iterator[Page]:
    """A fresh browser window on the portal. The test fails on a script error or a breach of the content policy."""
    context = chromium.new_context(base_url=stack.url)
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda line: complaints.append(line.text) if "Content Security Policy" in line.text else None)
    yield opened
    context.close()
    assert complaints == []
