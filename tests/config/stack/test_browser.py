import pytest

from config.stack import browser
from config.stack.browser import find_browser, obtain_browser
from config.stack.errors import StackError
from tests.config.stack.test_programs import script


@pytest.fixture
def bare_machine(tmp_path, monkeypatch):
    """A machine on which nothing is installed and nothing can be fetched."""
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "downloads"))
    monkeypatch.setattr(browser, "ELSEWHERE", ())
    monkeypatch.setattr(browser.subprocess, "run", lambda *words, **options: None)
    return tmp_path


def runs(monkeypatch, *paths):
    """Only these programs run."""
    monkeypatch.setattr(browser, "version_of", lambda path: "Chromium 1" if path in paths else "")


def test_find_browser_takes_the_named_one_first(bare_machine, monkeypatch):
    named, on_path = script(bare_machine / "own", ""), script(bare_machine / "bin" / "chromium", "")
    monkeypatch.setenv("CHROMIUM", str(named))
    runs(monkeypatch, named, on_path)
    assert find_browser() == named


def test_find_browser_passes_over_a_name_without_a_browser_behind_it(bare_machine, monkeypatch):
    script(bare_machine / "bin" / "chromium", "exit 1")
    chrome = script(bare_machine / "bin" / "google-chrome", "")
    runs(monkeypatch, chrome)
    assert find_browser() == chrome


def test_find_browser_takes_the_newest_download(bare_machine, monkeypatch):
    old = script(bare_machine / "downloads" / "chromium-999" / "chrome-linux" / "chrome", "")
    new = script(bare_machine / "downloads" / "chromium-1200" / "chrome-linux64" / "chrome", "")
    runs(monkeypatch, old, new)
    assert find_browser() in (old, new)


def test_obtain_browser_says_what_to_install(bare_machine):
    with pytest.raises(StackError, match="set CHROMIUM to the path"):
        obtain_browser()


def test_obtain_browser_fetches_one_when_there_is_none(bare_machine, monkeypatch):
    where = bare_machine / "downloads" / "chromium-1" / "chrome-linux" / "chrome"
    monkeypatch.setattr(browser.subprocess, "run", lambda *words, **options: script(where, ""))
    runs(monkeypatch, where)
    assert obtain_browser() == where
