import pytest

from config.stack import preparing
from config.stack.database import provision
from config.stack.errors import StackError
from config.stack.preparing import COLLECT, MIGRATE, migrated, migrations_digest, prepare, run_together, static_digest


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with one migration and one static file."""
    monkeypatch.setattr(preparing, "ROOT", tmp_path)
    for name in ("requirements/base.txt", "static/a.css", "apps/probe/migrations/0001_initial.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a")
    return tmp_path


@pytest.fixture
def owner(server):
    """The owner's address of a database that no migration has seen."""
    return provision(server.url(), "prepared", lambda role: role)["TENURE_DATABASE_OWNER_URL"]


@pytest.mark.parametrize(
    ("digest", "changed"),
    [(static_digest, "static/a.css"), (migrations_digest, "apps/probe/migrations/0001_initial.py")],
)
def test_digest_changes_with_its_files_and_the_lock(checkout, digest, changed):
    before = digest()
    assert digest() == before
    (checkout / changed).write_text("b")
    assert digest() != before
    (checkout / changed).write_text("a")
    (checkout / "requirements" / "base.txt").write_text("b")
    assert digest() != before


def test_prepare_does_each_thing_once_and_again_after_a_change(checkout, owner, tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(preparing, "run_together", lambda work, environment: done.append(list(work)))
    data = tmp_path / "data"
    (data / "static").mkdir(parents=True)
    environment = {"TENURE_DATABASE_OWNER_URL": owner}
    prepare(data, environment)
    prepare(data, environment)
    (checkout / "static" / "a.css").write_text("b")
    prepare(data, environment)
    (checkout / "apps" / "probe" / "migrations" / "0002_more.py").write_text("b")
    prepare(data, environment)
    assert done == [[MIGRATE, COLLECT], [], [COLLECT], [MIGRATE]]
    assert migrated(owner) == migrations_digest()


def test_failed_command_is_shown_and_not_remembered(checkout, owner, tmp_path):
    (checkout / "manage.py").write_text("import sys; print('no such table'); sys.exit(sys.argv[1] == 'migrate')")
    data = tmp_path / "data"
    (data / "static").mkdir(parents=True)
    before = migrated(owner)
    with pytest.raises(StackError, match=r"(?s)`manage.py migrate` failed.*no such table"):
        prepare(data, {"TENURE_DATABASE_OWNER_URL": owner})
    assert migrated(owner) == before


def test_run_together_shows_nothing_of_what_succeeds(checkout, capfd):
    (checkout / "manage.py").write_text("print('talk')")
    run_together([MIGRATE, COLLECT], {})
    assert capfd.readouterr().out == ""
