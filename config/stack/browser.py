"""Find a Chromium for the browser tests, or fetch one.

In this order: `$CHROMIUM`, PATH, playwright's own, playwright's download, Debian's package.

Browsers are run before they are believed: a name on PATH may be a wrapper without a browser behind it.
"""

import glob
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from config.stack.errors import StackError
from config.stack.programs import newest_first, version_of

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ELSEWHERE = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
DOWNLOADED = (
    "chrome-linux*/chrome",
    "chrome-mac*/Chromium.app/Contents/MacOS/Chromium",
    "chrome-mac*/*/Contents/MacOS/*",
)
NONE = (
    "The browser tests need Chromium or Chrome, and none was found. Install one (Debian: sudo apt install chromium; "
    "macOS: brew install --cask google-chrome; anywhere: .venv/bin/playwright install chromium), "
    "or set CHROMIUM to the path of one."
)


def candidates() -> Iterator[Path]:
    """Places where a browser may lie, the preferred first."""
    if chosen := os.environ.get("CHROMIUM"):
        yield Path(chosen)
    yield from (Path(found) for name in NAMES if (found := shutil.which(name)))
    yield from map(Path, ELSEWHERE)
    for folder in download_folders():
        for pattern in DOWNLOADED:
            yield from map(Path, newest_first(glob.glob(f"{folder}/chromium-*/{pattern}")))


def download_folders() -> list[Path]:
    """Where playwright keeps its own browsers."""
    if named := os.environ.get("PLAYWRIGHT_BROWSERS_PATH"):
        return [Path(named)]
    home = Path.home()
    return [home / ".cache" / "ms-playwright", home / "Library" / "Caches" / "ms-playwright"]


def find_browser() -> Path | None:
    """A browser that runs, if the machine has one."""
    return next((path for path in candidates() if path.exists() and version_of(path)), None)


def obtain_browser() -> Path:
    """A browser that runs; fetched when the machine has none. Raises StackError with what to install."""
    for fetch in (None, [sys.executable, "-m", "playwright", "install", "chromium"], ["sh", "-c", debian_install()]):
        if fetch:
            try:
                subprocess.run(fetch, stdin=subprocess.DEVNULL, capture_output=True, timeout=600, check=False)
            except subprocess.TimeoutExpired:
                continue
        if found := find_browser():
            return found
    raise StackError(NONE)


def debian_install() -> str:
    """The shell command that installs Debian's browser, or one that does nothing where we may not."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return "true"
    return "apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends chromium"
