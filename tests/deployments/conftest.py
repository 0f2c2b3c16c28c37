"""A prediction server that really runs, a way to talk to it, and a shop with something to deploy."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from apps.core.tenancy import tenant
from apps.deployments.serving.config import Config, replace
from tests.cast import Cast
from tests.deployments import samples
from tests.deployments.shop import Shop

ROOT = Path(__file__).resolve().parents[2]
GOOD = "good"


@dataclass
class Answer:
    """Status, headers and JSON of an answer."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """A server's processes, its files, and requests to it."""

    config: Config
    process: Any = None
    sha256: str = ""
    tokens: dict[str, Any] = field(default_factory=lambda: {"good": samples.token()})
    number: int = 0

    def start(self) -> None:
        self.config.prepare()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "apps.deployments.serving.server", str(self.config.file)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )
        self.until(lambda: self.get("/health/live").status == 200)

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)

    def kill(self) -> None:
        """kill -9 of every process of the server at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def model(self, content: bytes) -> str:
        """Put an artifact where the server finds it."""
        self.config.prepare()
        sha256 = hashlib.sha256(content).hexdigest()
        (self.config.models / f"{sha256}.onnx").write_bytes(content)
        return sha256

    def route(self, *endpoints: dict[str, Any], wait: bool = True) -> None:
        """Write a routing table, and wait until the server has it."""
        self.number += 1
        marker = f"probe-{self.number}"
        entries = [*endpoints, samples.endpoint("", endpoint=marker, endpoint_id=marker, state="created", version=0)]
        tokens = {**self.tokens, "probe": samples.token(asks=[], sees=[marker])}
        replace(self.config.routes, samples.table(entries, tokens, self.number))
        if wait:
            self.until(lambda: self.get(f"/o/meridian/serve/v2/models/{marker}/ready", token="probe").status == 503)

    def until(self, true: Any, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if true():
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise AssertionError("It did not happen in time.")

    def get(self, path: str, token: str = "", **headers: str) -> Answer:
        return self.ask("GET", path, None, token, headers)

    def infer(self, body: Any, token: str = GOOD, endpoint: str = "late-arrivals", **headers: str) -> Answer:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask(
            "POST",
            f"/o/meridian/serve/v2/models/{endpoint}/infer",
            content,
            token,
            {"Content-Type": "application/json"} | headers,
        )

    def ask(self, method: str, path: str, body: bytes | None, token: str, headers: dict[str, str]) -> Answer:
        if token:
            headers = {"Authorization": f"Bearer {token}"} | headers
        ask = urllib.request.Request(
            f"http://127.0.0.1:{self.config.port}{path}", data=body, method=method, headers=headers
        )
        try:
            with urllib.request.urlopen(ask, timeout=20) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server with the sample endpoint, for a whole file of tests."""
    served = Server(
        Config(run=tmp_path_factory.mktemp("serving run"), port=free_port(), body_limit=20_000, row_limit=100)
    )
    served.sha256 = served.model(samples.onnx_bytes())
    served.route(samples.endpoint(served.sha256), wait=False)
    served.start()
    yield served
    served.stop()


@pytest.fixture(scope="module")
def shop_once(cast_once: Cast) -> Shop:
    """The shop of a module; a test works on a copy."""
    with tenant(cast_once.meridian.pk):
        return Shop(cast_once)
