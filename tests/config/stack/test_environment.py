import os
import stat
import subprocess

import pytest

from config.stack.environment import (
    Secrets,
    compose,
    environment_file,
    field_key,
    load_environment,
    parse,
    render,
    write_private,
)

ODD = {"A": "with space", "B": "it's $HOME & `more`", "C": "", "D": "a=b=c"}


def test_parse_reads_what_render_wrote():
    assert parse(render(ODD)) == ODD


def test_render_is_understood_by_a_shell(tmp_path):
    path = tmp_path / "environment"
    path.write_text(render(ODD))
    script = f'set -a; . "{path}"; printf "%s|" "$A" "$B" "$C" "$D"'
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "with space|it's $HOME & `more`||a=b=c|"


def test_write_private_is_closed_to_others(tmp_path):
    write_private(tmp_path / "file", "text")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.fixture
def running_portal(tmp_path, monkeypatch, no_addresses):
    """A data folder whose portal left its environment."""
    monkeypatch.setenv("TENURE_DATA", str(tmp_path))
    monkeypatch.delenv("TENURE_PROBE", raising=False)
    write_private(
        environment_file(tmp_path), render({"TENURE_DATABASE_URL": "postgresql://kept", "TENURE_PROBE": "kept"})
    )
    yield
    for name in ("TENURE_DATABASE_URL", "TENURE_PROBE"):
        os.environ.pop(name, None)


def test_load_environment_takes_what_is_not_set(running_portal):
    load_environment()
    assert (os.environ["TENURE_DATABASE_URL"], os.environ["TENURE_PROBE"]) == ("postgresql://kept", "kept")


def test_load_environment_leaves_what_is_set(running_portal, monkeypatch):
    monkeypatch.setenv("TENURE_PROBE", "mine")
    load_environment()
    assert os.environ["TENURE_PROBE"] == "mine"


def test_load_environment_does_nothing_where_the_database_is_named(running_portal, monkeypatch):
    monkeypatch.setenv("TENURE_DATABASE_URL", "postgresql://mine")
    load_environment()
    assert "TENURE_PROBE" not in os.environ


def test_load_environment_without_a_file_does_nothing(tmp_path, monkeypatch, no_addresses):
    monkeypatch.setenv("TENURE_DATA", str(tmp_path / "missing"))
    load_environment()
    assert "TENURE_DATABASE_URL" not in os.environ


def test_secrets_are_made_once_and_kept(tmp_path):
    first = Secrets(tmp_path).get("word")
    assert len(first) >= 24
    assert Secrets(tmp_path).get("word") == first
    assert Secrets(tmp_path).get("another") != first
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_compose_prefers_a_secret_given_from_outside(tmp_path, monkeypatch):
    monkeypatch.setenv("TENURE_SECRET_KEY", "given")
    monkeypatch.delenv("TENURE_FIELD_KEY", raising=False)
    variables = compose(tmp_path, databases={"TENURE_DATABASE_URL": "x"}, broker="redis://b", port=81)
    assert variables["TENURE_SECRET_KEY"] == "given"
    assert variables["TENURE_FIELD_KEY"] == Secrets(tmp_path).all()["field_key"]
    assert variables["PORT"] == "81"
    assert "secret_key" not in Secrets(tmp_path).all()


def test_field_key_is_one_that_fernet_takes():
    from cryptography.fernet import Fernet

    fernet = Fernet(field_key())
    assert fernet.decrypt(fernet.encrypt(b"text")) == b"text"
