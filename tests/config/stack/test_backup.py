import json
import stat
import tarfile

import psycopg
import pytest

from config.stack.backup import backup, restore
from config.stack.environment import Secrets, environment_file, parse
from config.stack.errors import StackError
from config.stack.lock import RunLock
from config.stack.services import Services

# What makes Tenure's tables hard to dump and to restore: forced policies, a door owned by operations, an append-only
# trigger, a foreign key between walled tables, a sequence.
TABLES = """
create table parent (organization_id uuid not null, id int, primary key (organization_id, id));
create table child (number serial, organization_id uuid not null, parent_id int,
                    foreign key (organization_id, parent_id) references parent (organization_id, id));
insert into parent select gen_random_uuid(), n from generate_series(1, 5) n;
insert into child (organization_id, parent_id) select organization_id, id from parent;
alter table parent enable row level security;
alter table parent force row level security;
create policy tenant on parent
    using (organization_id = (select nullif(current_setting('app.organization', true), '')::uuid));
alter table child enable row level security;
alter table child force row level security;
create policy tenant on child
    using (organization_id = (select nullif(current_setting('app.organization', true), '')::uuid));
create function refuse() returns trigger language plpgsql as $$ begin raise exception 'append-only'; end $$;
create trigger append_only before update or delete on child for each row execute function refuse();
create function door() returns bigint security definer language sql as 'select count(*) from child';
alter function door() owner to tenure_operations;
grant select, insert on all tables in schema public to tenure_app;
grant select on all tables in schema public to tenure_operations;
grant select on all sequences in schema public to tenure_operations;
alter default privileges in schema public grant select on tables to tenure_operations;
"""


@pytest.fixture
def portal(tmp_path, monkeypatch, no_addresses):
    """A stopped portal with walled tables, rows, a file and secrets; its data folder is the current one."""
    monkeypatch.setenv("TENURE_DATA", str(tmp_path / "first"))
    for name in ("TENURE_SECRET_KEY", "TENURE_FIELD_KEY", "PORT"):
        monkeypatch.delenv(name, raising=False)
    services = Services(tmp_path / "first")
    variables = services.start(8000)
    with psycopg.connect(variables["TENURE_DATABASE_OWNER_URL"], autocommit=True) as connection:
        connection.execute(TABLES)
    (tmp_path / "first" / "files" / "org").mkdir(parents=True)
    (tmp_path / "first" / "files" / "org" / "data.csv").write_text("a,b\n")
    services.stop()
    return tmp_path


def read(data, role, statement):
    """One value from the restored database, as one of its roles."""
    services = Services(data)
    variables = services.start(8000)
    try:
        with psycopg.connect(variables[f"TENURE_DATABASE_{role}URL"]) as connection:
            return connection.execute(statement).fetchone()[0]
    finally:
        services.stop()


def test_restore_brings_back_rows_walls_files_and_keys(portal, monkeypatch):
    archive = portal / "tenure.tar"
    assert backup(archive) == 0
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    monkeypatch.setenv("TENURE_DATA", str(portal / "second"))
    assert restore(archive) == 0
    second = portal / "second"
    assert (second / "files" / "org" / "data.csv").read_text() == "a,b\n"
    assert Secrets(second).get("field_key") == Secrets(portal / "first").get("field_key")
    assert Secrets(second).get("postgres") != Secrets(portal / "first").get("postgres")
    assert read(second, "OPERATIONS_", "select count(*) from child") == 5
    assert read(second, "", "select count(*) from child") == 0
    assert read(second, "", "select door()") == 5
    assert read(second, "OPERATIONS_", "select count(*) from pg_class where relforcerowsecurity") == 2


def test_backup_of_a_running_portal_uses_its_servers(portal):
    data = portal / "first"
    lock, services = RunLock(data), Services(data)
    lock.take("http://127.0.0.1:8000")
    variables = services.start(8000)
    assert parse(environment_file(data).read_text()) == variables
    assert backup(portal / "tenure.tar") == 0
    assert services.server.is_alive()
    services.stop()
    lock.release()


def test_backup_does_not_write_over_a_file(portal):
    (portal / "tenure.tar").write_text("mine")
    with pytest.raises(StackError, match="exists already"):
        backup(portal / "tenure.tar")
    assert (portal / "tenure.tar").read_text() == "mine"


def test_restore_refuses_a_portal_that_has_data(portal):
    backup(portal / "tenure.tar")
    with pytest.raises(StackError, match="needs an empty portal"):
        restore(portal / "tenure.tar")


def test_restore_refuses_a_running_portal(portal):
    backup(portal / "tenure.tar")
    lock = RunLock(portal / "first")
    lock.take("http://127.0.0.1:8000")
    with pytest.raises(StackError, match="already runs"):
        restore(portal / "tenure.tar")
    lock.release()


def test_restore_says_when_it_is_no_backup(portal):
    (portal / "text.tar").write_text("not an archive")
    with pytest.raises(StackError, match="Cannot read"):
        restore(portal / "text.tar")
    with tarfile.open(portal / "other.tar", "w") as archive:
        archive.add(portal / "text.tar", "something")
    with pytest.raises(StackError, match="no backup of Tenure"):
        restore(portal / "other.tar")


def test_restore_refuses_another_format(portal):
    (portal / "manifest.json").write_text(json.dumps({"format": 99}))
    with tarfile.open(portal / "future.tar", "w") as archive:
        archive.add(portal / "manifest.json", "manifest.json")
    with pytest.raises(StackError, match="has format 99"):
        restore(portal / "future.tar")
