"""`manage.py serve`: its real processes on a database of their own, killed and cut off in the middle of their work."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connections

from apps.core.tenancy import tenant
from apps.deployments import actions
from apps.deployments.models import Deployment, Endpoint, PredictionRecord, ServerCounter, ServingReport
from apps.deployments.serving.config import Config
from apps.organizations.actions import create_token, revoke_token
from apps.organizations.models import ApiToken
from tests.cast import Cast, make_cast
from tests.deployments import samples
from tests.deployments.conftest import ROOT, Server, free_port
from tests.deployments.shop import Shop


@pytest.fixture(scope="module")
def committed(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """A copy of the test database in which things stay, for other processes to see; its name."""
    owner, default = connections["owner"], connections["default"]
    template, name = default.settings_dict["NAME"], f"serve_{uuid.uuid4().hex[:12]}"
    with django_db_blocker.unblock():
        for connection in connections.all():
            connection.close()
        with owner._nodb_cursor() as cursor:
            cursor.execute(f'create database "{name}" template "{template}"')
        default.settings_dict["NAME"] = name
        yield name
        default.close()
        default.settings_dict["NAME"] = template
        with owner._nodb_cursor() as cursor:
            cursor.execute(f'drop database "{name}" with (force)')


class Stack(Server):
    """`manage.py serve` with everything it starts, and the people who use it."""

    cast: Cast
    shop: Shop
    endpoint: Endpoint
    database: str

    def start(self) -> None:
        environment = dict(os.environ) | {"TENURE_DATA": str(self.config.run.parent)}
        for role in ("", "OWNER_", "OPERATIONS_"):
            variable = f"TENURE_DATABASE_{role}URL"
            parts = urlsplit(environment[variable])
            environment[variable] = urlunsplit(parts._replace(path=f"/{self.database}"))
        command = [sys.executable, "manage.py", "serve", "--port", str(self.config.port), "--workers", "2"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
        self.until(lambda: self.get("/o/x/serve/v2/health/ready").status == 200, seconds=60)

    def until(self, true: Any, seconds: float = 20) -> None:
        """Wait until it is true ten times in a row: the server's processes learn of a change one after the other."""
        super().until(lambda: all(true() for _ in range(10)), seconds)

    def processes(self) -> dict[str, list[int]]:
        """Who works on this server's files: serve, server and recorder by process id."""
        found: dict[str, list[int]] = {"serve": [], "server": [], "record": []}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                alive = "State:\tZ" not in (folder / "status").read_text()
                if alive and str(self.config.port) in line and " serve " in line:
                    found["serve"].append(int(folder.name))
                elif alive and str(self.config.file) in line:
                    found["record" if " record " in line else "server"].append(int(folder.name))
        return found

    def recorded(self) -> list[str]:
        """Ids of the endpoint's predictions in the database."""
        with tenant(self.cast.meridian.pk):
            rows = PredictionRecord.objects.filter(endpoint=self.endpoint, status="ok")
            return list(rows.values_list("prediction_id", flat=True))

    def version_served(self) -> str | None:
        return self.infer(samples.request()).headers.get("X-Model-Version")


@pytest.fixture
def stack(committed: str, tmp_path: Path, django_db_blocker: Any) -> Iterator[Stack]:
    with django_db_blocker.unblock():
        served = Stack(Config(run=tmp_path / "serving", port=free_port()))
        served.database = committed
        served.cast = make_cast_once(committed)
        with tenant(served.cast.meridian.pk):
            key = f"late-{uuid.uuid4().hex[:6]}"
            served.shop = Shop(served.cast, key=key)
            served.endpoint = served.shop.endpoint(served.shop.staging, key="late-arrivals" if key is None else key)
            served.shop.deploy(served.endpoint, served.shop.version(1))
            _, token = create_token(user=served.cast.otto, name=key, by=served.cast.otto)
        served.tokens = {"good": token}
        try:
            served.start()
            yield served
        finally:
            served.stop()
            connections["default"].close()


_casts: dict[str, Cast] = {}


def make_cast_once(database: str) -> Cast:
    """People are global, so they are made once per database."""
    if database not in _casts:
        _casts[database] = make_cast()
    return _casts[database]


def ask(stack: Stack, **more: Any) -> Any:
    """A prediction with the operator's token."""
    return stack.infer(samples.request() | more, token=stack.tokens["good"], endpoint=stack.endpoint.key)


def load(stack: Stack, seconds: float, callers: int = 3) -> tuple[list[str], threading.Event, list[threading.Thread]]:
    """Callers that ask for `seconds`; the ids that were answered grow while they do."""
    answered: list[str] = []
    stop = threading.Event()
    deadline = time.monotonic() + seconds

    def call(caller: int) -> None:
        number = 0
        while not stop.is_set() and time.monotonic() < deadline:
            number += 1
            identity = f"{stack.endpoint.key}-{caller}-{number}"
            with contextlib.suppress(OSError, http.client.HTTPException):
                if ask(stack, id=identity).status == 200:
                    answered.append(identity)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    return answered, stop, threads


def all_recorded(stack: Stack, answered: list[str]) -> None:
    """Every answered prediction is in the database, once, and the counters agree."""
    expected = {f"{identity}/{row}" for identity in answered for row in (1, 2)}
    stack.until(lambda: expected <= set(stack.recorded()), seconds=30)
    ids = stack.recorded()
    assert len(ids) == len(set(ids))


def test_what_is_deployed_is_served_recorded_and_counted(stack: Stack) -> None:
    stack.until(lambda: ask(stack).status == 200)
    answer = ask(stack, id="first")
    assert answer.json["outputs"][0]["data"][0] == pytest.approx(
        samples.expected(10, 3, "B6", False, slope=0.1), abs=1e-6
    )
    all_recorded(stack, ["first"])
    stack.until(lambda: _counter(stack).waiting == 0 and _counter(stack).kept >= 4)
    counter = _counter(stack)
    assert (counter.kept, counter.dropped) == (counter.recorded, 0)
    with tenant(stack.cast.meridian.pk):
        assert ServingReport.objects.get(endpoint=stack.endpoint).problem == ""
        assert ApiToken.objects.get(name=stack.endpoint.key).last_used_at is not None


def _counter(stack: Stack) -> ServerCounter:
    with tenant(stack.cast.meridian.pk):
        return ServerCounter.objects.filter(endpoint=stack.endpoint).first() or ServerCounter(kept=0)


def test_routes_follow_deployments_and_tokens_within_seconds(stack: Stack) -> None:
    stack.until(lambda: ask(stack).headers["X-Model-Version"] == "1")
    with tenant(stack.cast.meridian.pk):
        stack.shop.deploy(stack.endpoint, stack.shop.version(2))
    began = time.monotonic()
    stack.until(lambda: ask(stack).headers["X-Model-Version"] == "2")
    with tenant(stack.cast.meridian.pk):
        actions.roll_back(endpoint=stack.endpoint, reason="Worse.", by=stack.cast.otto)
    stack.until(lambda: ask(stack).headers["X-Model-Version"] == "1")
    with tenant(stack.cast.meridian.pk):
        actions.drain(endpoint=stack.endpoint, reason="The end.", by=stack.cast.otto)
    stack.until(lambda: ask(stack).headers["Deprecation"] == "true")
    with tenant(stack.cast.meridian.pk):
        revoke_token(token=ApiToken.objects.get(name=stack.endpoint.key), by=stack.cast.otto)
    stack.until(lambda: ask(stack).status == 401)
    assert time.monotonic() - began < 15


def test_artifact_that_was_changed_in_storage_is_not_served(stack: Stack) -> None:
    stack.until(lambda: ask(stack).status == 200)
    with tenant(stack.cast.meridian.pk):
        version = stack.shop.version(2)
        stored = stack.config.run.parent / "files" / version.artifact.path
        stored.write_bytes(samples.onnx_bytes(9.0))
        stack.shop.deploy(stack.endpoint, version)
    refused = "The artifact of version 2 is not the file that was approved; its content has changed."
    stack.until(lambda: ask(stack).json.get("error") == refused)
    assert ask(stack).status == 503
    with tenant(stack.cast.meridian.pk):
        assert "not the file that was approved" in ServingReport.objects.get(endpoint=stack.endpoint).problem
        actions.roll_back(endpoint=stack.endpoint, reason="It cannot be opened.", by=stack.cast.otto)
    stack.until(lambda: ask(stack).status == 200)


def test_recorder_killed_again_and_again_loses_and_doubles_nothing(stack: Stack) -> None:
    stack.until(lambda: ask(stack).status == 200)
    answered, _, threads = load(stack, seconds=6)
    for _ in range(3):
        time.sleep(1.2)
        for process in stack.processes()["record"]:
            os.kill(process, signal.SIGKILL)
    for thread in threads:
        thread.join()
    assert len(answered) > 100
    all_recorded(stack, answered)


def test_server_and_recorder_killed_together_lose_no_answered_prediction(stack: Stack) -> None:
    stack.until(lambda: ask(stack).status == 200)
    answered, _, threads = load(stack, seconds=4)
    time.sleep(1.0)
    running = stack.processes()
    for process in running["server"] + running["record"]:
        os.kill(process, signal.SIGKILL)
    for thread in threads:
        thread.join()
    stack.until(lambda: ask(stack).status == 200)
    assert len(answered) > 20
    all_recorded(stack, answered)


def test_predictions_go_on_while_the_database_is_away_and_are_recorded_afterwards(stack: Stack) -> None:
    stack.until(lambda: ask(stack).status == 200)
    owner = connections["owner"]
    connections["default"].close()
    with owner._nodb_cursor() as cursor:
        cursor.execute(f'alter database "{stack.database}" allow_connections false')
    with connections["default"]._nodb_cursor() as cursor:
        cursor.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [stack.database])
    try:
        time.sleep(0.5)
        answered = [f"away-{number}" for number in range(50)]
        assert [ask(stack, id=identity).status for identity in answered] == [200] * 50
        time.sleep(1.0)
    finally:
        with owner._nodb_cursor() as cursor:
            cursor.execute(f'alter database "{stack.database}" allow_connections true')
    all_recorded(stack, answered)
    with tenant(stack.cast.meridian.pk):
        stack.shop.deploy(stack.endpoint, stack.shop.version(2))
    stack.until(lambda: ask(stack).headers["X-Model-Version"] == "2", seconds=30)


def test_stop_ends_every_process_and_leaves_nothing_unrecorded(stack: Stack) -> None:
    stack.until(lambda: ask(stack).status == 200)
    # A recorder that is still starting leaves the spool for the next one; this is about one that works.
    stack.until(lambda: bool(stack.recorded()))
    answered = [f"last-{number}" for number in range(20)]
    for identity in answered:
        assert ask(stack, id=identity).status == 200
    stack.process.send_signal(signal.SIGINT)
    stack.process.wait(30)
    assert stack.process.returncode == 0
    assert stack.processes() == {"serve": [], "server": [], "record": []}
    assert {f"{identity}/1" for identity in answered} <= set(stack.recorded())


def test_killed_serve_leaves_no_process_and_starts_again(stack: Stack) -> None:
    stack.until(lambda: ask(stack).status == 200)
    stack.process.kill()
    stack.process.wait(10)
    stack.until(lambda: stack.processes() == {"serve": [], "server": [], "record": []}, seconds=15)
    stack.start()
    stack.until(lambda: ask(stack).status == 200)


def test_second_serve_on_the_same_files_is_refused(stack: Stack) -> None:
    environment = dict(os.environ) | {"TENURE_DATA": str(stack.config.run.parent)}
    command = [sys.executable, "manage.py", "serve", "--port", str(free_port())]
    other = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert other.returncode == 1
    assert "already runs" in other.stderr


def test_caller_of_another_organization_sees_nothing(stack: Stack) -> None:
    stack.until(lambda: ask(stack).status == 200)
    with tenant(stack.cast.harbor.pk):
        _, token = create_token(user=stack.cast.mallory, name="elsewhere", by=stack.cast.mallory)
    stack.until(lambda: stack.get("/o/harbor/serve/v2", token=token).status == 200)
    assert stack.infer(samples.request(), token=token, endpoint=stack.endpoint.key).status == 404
    with tenant(stack.cast.meridian.pk):
        assert Deployment.objects.filter(endpoint=stack.endpoint).exists()
