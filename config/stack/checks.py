"""`test`, `lint`, `types` and `shell`: commands that run against servers of their own."""

import os
import subprocess
import sys
from pathlib import Path

from config.stack.database import VARIABLES
from config.stack.environment import compose
from config.stack.folders import ROOT, data_folder, private
from config.stack.lock import SharedUse
from config.stack.portal import read_port, say
from config.stack.postgres import FORGETFUL
from config.stack.services import Services

PYTHON = sys.executable
BESIDE = Path(sys.executable).parent
LINT = {
    "ruff check": [PYTHON, "-m", "ruff", "check", "--quiet", "."],
    "ruff format": [PYTHON, "-m", "ruff", "format", "--check", "--quiet", "."],
    "templates": [PYTHON, "-m", "djlint", "--lint", "--quiet", "templates"],
    "line of apps": [str(BESIDE / "lint-imports")],
}
TYPES = {"types": [PYTHON, "-m", "mypy"]}
DJANGO = {
    "migrations": [PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"],
    "production settings": [PYTHON, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
}
SETTINGS = {"production settings": "config.settings.production"}
# The browser's driver keeps an event loop in its process, where Django refuses the database: journeys run apart.
PYTEST = [PYTHON, "-m", "pytest"]
JOURNEYS = "tests/journeys"
BY_FILE = ["-n", "2", "--dist", "loadfile"]  # on two processors; the files with the most tests begin
TESTS = {
    "tests": [*PYTEST, *BY_FILE, "--ignore", JOURNEYS],
    "journeys": [*PYTEST, *BY_FILE, JOURNEYS],
}


def with_servers(commands: dict[str, list[str]], *, keep: bool = False, connections: str = "100") -> int:
    """Run named commands against a database and a broker of their own; the first bad status, or 0."""
    data = private(data_folder() / "test")
    use = SharedUse(data)
    services = Services(data, suffix="_test", settings={**FORGETFUL, "max_connections": connections})
    try:
        with use.starting():
            variables = services.start(read_port())
        return run_all(commands, {**os.environ, **variables})
    finally:
        with use.leaving() as is_last:
            if is_last and not keep:
                services.stop()


def offline(commands: dict[str, list[str]]) -> int:
    """Run commands that read the settings but open no connection, such as a type check."""
    nowhere = dict.fromkeys(VARIABLES.values(), "postgresql://nobody@localhost/nothing")
    variables = compose(private(data_folder() / "test"), databases=nowhere, broker="redis://localhost/0", port=8000)
    return run_all(commands, {**os.environ, **variables})


def run_all(commands: dict[str, list[str]], environment: dict[str, str]) -> int:
    """Each command with its name before it; all run, and the first bad status counts."""
    status = 0
    for name, command in commands.items():
        if len(commands) > 1:
            say(f"== {name}")
        settings = {
            "DJANGO_SETTINGS_MODULE": SETTINGS.get(
                name, environment.get("DJANGO_SETTINGS_MODULE", "config.settings.test")
            )
        }
        code = subprocess.call(command, env={**environment, **settings}, cwd=None if name == "shell" else ROOT)
        if code:
            say(f"== {name}: failed with status {code}")
        status = status or code
    return status


def test(arguments: list[str]) -> int:
    """Everything that must hold before a change goes in; with arguments, pytest gets them and runs once."""
    tests = {"tests": [*PYTEST, *arguments]} if arguments else TESTS
    return with_servers({**LINT, **TYPES, **DJANGO, **tests})
