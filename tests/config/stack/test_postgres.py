import contextlib
import os
import shutil
import signal
import subprocess
import time

import psutil
import psycopg
import pytest

from config.stack import postgres
from config.stack.errors import StackError
from config.stack.postgres import FORGETFUL, Server, is_serving, postmaster_pid, processes_in

IS_ROOT = os.geteuid() == 0


@pytest.fixture
def own_server(tmp_path):
    """A running server that the test may kill."""
    server = Server(tmp_path / "pg", "secret")
    server.start()
    yield server
    server.stop()


def execute(server, statement):
    """One statement in a connection of its own."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else None


def kill_everything(server):
    """kill -9 of the postmaster and all its children at once."""
    family = [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):  # Children end by themselves when their postmaster does.
            process.send_signal(signal.SIGKILL)
    server.process.wait()


def test_server_listens_on_a_private_socket_only(own_server):
    assert execute(own_server, "show listen_addresses") == [("",)]
    assert own_server.sockets.stat().st_mode & 0o077 == 0


def test_server_asks_for_the_password(own_server):
    wrong = own_server.url().replace("secret", "guess")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_server_keeps_rows_over_a_stop(own_server):
    execute(own_server, "create table kept as select 7 as number")
    own_server.stop()
    assert not own_server.is_alive()
    assert processes_in(own_server.cluster) == []
    assert not own_server.sockets.exists()
    own_server.start()
    assert execute(own_server, "select number from kept") == [(7,)]


def test_server_repairs_itself_after_everything_was_killed(own_server):
    execute(own_server, "create table kept as select 7 as number")
    kill_everything(own_server)
    assert (own_server.cluster / "postmaster.pid").exists()
    again = Server(own_server.folder, "secret", FORGETFUL)
    again.start()
    assert execute(again, "select number from kept") == [(7,)]
    again.stop()


def test_server_waits_for_the_orphans_of_a_killed_postmaster(own_server):
    connection = psycopg.connect(own_server.url())
    os.kill(own_server.process.pid, signal.SIGKILL)
    again = Server(own_server.folder, "secret", FORGETFUL)
    again.start()
    assert again.process is not None
    assert execute(again, "select 1") == [(1,)]
    connection.close()
    again.stop()


def test_server_left_running_is_taken_over(own_server):
    again = Server(own_server.folder, "secret", FORGETFUL)
    again.start()
    assert again.process is None
    assert again.is_alive()
    again.stop()
    assert own_server.process.wait(timeout=5) is not None


def test_server_passes_over_the_lock_of_a_number_that_a_stranger_has_now(own_server):
    own_server.stop()
    stranger = subprocess.Popen(["sleep", "60"])
    lock = own_server.cluster / "postmaster.pid"
    lock.write_text(f"{stranger.pid}\n{own_server.cluster}\n")
    own_server.start()
    assert postmaster_pid(own_server.cluster) == own_server.process.pid
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_zombie_is_not_taken_for_a_server(tmp_path):
    zombie = subprocess.Popen(["true"], cwd=tmp_path)
    while psutil.Process(zombie.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert not is_serving(zombie.pid, tmp_path)
    zombie.wait()


def test_broken_initdb_is_not_taken_for_a_cluster(tmp_path):
    server = Server(tmp_path / "pg", "secret", FORGETFUL)
    (tmp_path / "pg" / "cluster.new").mkdir(parents=True)
    (tmp_path / "pg" / "cluster.new" / "PG_VERSION").write_text("18\n")
    server.start()
    assert execute(server, "select 1") == [(1,)]
    server.stop()


def test_failed_initdb_shows_its_log(tmp_path, monkeypatch):
    monkeypatch.setattr(postgres, "locale_options", lambda version: ["--nonsense"])
    with pytest.raises(StackError, match="nonsense"):
        Server(tmp_path / "pg", "secret").start()
    assert not (tmp_path / "pg" / "cluster").exists()
    assert not (tmp_path / "pg" / "password").exists()


def test_cluster_of_another_version_is_refused(own_server):
    own_server.stop()
    (own_server.cluster / "PG_VERSION").write_text("11\n")
    with pytest.raises(StackError, match="was made by PostgreSQL 11"):
        own_server.start()


@pytest.mark.skipif(not IS_ROOT, reason="only root changes its identity")
def test_root_where_namespaces_are_forbidden_runs_it_as_another_user(monkeypatch):
    folder = postgres.Path("/var/tmp/tenure-test-fallback")
    shutil.rmtree(folder, ignore_errors=True)
    server = Server(folder, "secret", FORGETFUL)
    works_as = server.works_as
    monkeypatch.setattr(server, "works_as", lambda who: who != "namespace" and works_as(who))
    if not any(map(server.works_as, [str(postgres.ROOT.stat().st_uid), str(postgres.pwd.getpwnam("nobody").pw_uid)])):
        with pytest.raises(StackError, match="Start Tenure as an ordinary user"):
            server.start()
        return
    server.start()
    assert psutil.Process(server.process.pid).uids().effective != 0
    assert execute(server, "select 1") == [(1,)]
    server.stop()
    shutil.rmtree(folder)


@pytest.mark.skipif(not IS_ROOT, reason="only root changes its identity")
def test_root_keeps_its_files(own_server):
    assert own_server.cluster.stat().st_uid == 0
    assert own_server.identity == "namespace"
