"""A portal as its users get it: `python -m config.stack up` as a process, on its own data folder and port."""

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from config.stack.database import Address
from config.stack.environment import environment_file, parse
from config.stack.folders import ROOT
from config.stack.processes import marked

# What the surrounding test run tells its own processes is not for the portal.
OURS = ("TENURE_", "DJANGO_", "PYTEST_", "PORT")


def free_port() -> int:
    """A port that is free together with the one after it."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


def wait_for(condition: Callable[[], Any], seconds: float = 30, what: str = "") -> Any:
    """The condition's first true value; fails the test when it does not come in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s for {what or condition}"
        time.sleep(0.1)
    return value


class Running:
    """The portal's process, and what a test may look at and break."""

    def __init__(self, data: Path, database: str) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = data.parent / f"{data.name}.output"
        self.environment = self.variables(database)
        self.process: subprocess.Popen | None = None

    def variables(self, database: str) -> dict[str, str]:
        """The portal's environment; on a given server a database of its own name."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        if given := kept.get("DATABASE_URL"):
            kept["DATABASE_URL"] = Address(given).to(f"{Address(given).database}_{database}")
        if kept.get("BROKER_URL", "").startswith("redis+socket:"):
            del kept["BROKER_URL"]  # The surrounding run's own; only a real broker is shared.
        return kept | {"TENURE_DATA": str(self.data), "PORT": str(self.port)}

    def forget(self) -> None:
        """Drop what an earlier run left on a given server."""
        if given := self.environment.get("DATABASE_URL"):
            name = sql.Identifier(Address(given).database)
            with psycopg.connect(Address(given).to("postgres"), autocommit=True) as connection:
                connection.execute(sql.SQL("drop database if exists {} with (force)").format(name))

    def start(self, command: str = "up", seconds: float = 240) -> None:
        """Start and wait until it is ready."""
        with self.output.open("a") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "config.stack", command],
                cwd=ROOT, env=self.environment, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        deadline = time.monotonic() + seconds
        while not self.has_ended and not self.said("Ctrl-C stops everything") and time.monotonic() < deadline:
            time.sleep(0.1)
        assert self.said("Ctrl-C stops everything"), self.output.read_text()

    @property
    def has_ended(self) -> bool:
        """Whether the command is over."""
        return self.process is not None and self.process.poll() is not None

    def said(self, text: str) -> bool:
        """Whether the terminal shows this since the last start."""
        return text in self.output.read_text()

    def stop(self, sign: int = signal.SIGINT) -> int:
        """End it as Ctrl-C does; its exit status."""
        assert self.process is not None
        if not self.has_ended:
            self.process.send_signal(sign)
        status = self.process.wait(timeout=60)
        self.output.write_text("")
        return status

    def family(self) -> list[psutil.Process]:
        """Every living process of this portal, its own servers included."""
        assert self.process is not None
        servers = [process for process in psutil.process_iter() if uses(process, self.data)]
        try:
            children = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            children = []
        alive = {process.pid: process for process in [*servers, *children, *marked(str(self.data))]}
        return [process for process in alive.values() if is_alive(process)]

    def line(self, name: str) -> list[psutil.Process]:
        """The processes of one line of the Procfile, its first one first."""
        return sorted(marked(str(self.data), name), key=lambda process: process.create_time())

    def kill(self, name: str) -> None:
        """kill -9 of everything in one line of the Procfile."""
        killed = self.line(name)
        assert killed, f"no process of {name} runs"
        kill_9(killed)

    def rows(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """What the operations role reads, across organizations."""
        address = parse(environment_file(self.data).read_text())["TENURE_DATABASE_OPERATIONS_URL"]
        with psycopg.connect(address, row_factory=dict_row) as connection:
            return connection.execute(statement, values).fetchall()  # type: ignore[call-overload]

    def mail(self, to: str) -> list[dict[str, Any]]:
        """Mail written to an address, the oldest first."""
        return self.rows('select subject, text, html, state from work_message where "to" = %s order by id', to)

    def link_in_mail(self, to: str) -> str:
        """The portal's link in the newest mail to an address."""
        newest = wait_for(lambda: self.mail(to), what=f"mail to {to}")[-1]
        found = re.search(rf"{re.escape(self.url)}/\S+", newest["text"])
        assert found, newest["text"]
        return found.group()

    def manage(self, *words: str, typed: str = "") -> str:
        """A management command given by hand in another terminal; what it prints on standard output."""
        environment = {
            name: value for name, value in self.environment.items() if name not in ("DATABASE_URL", "BROKER_URL")
        }
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, input=typed, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def answer(self, path: str, headers: dict[str, str] | None = None) -> int:
        """The status of a page."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path, headers=headers or {})
            return connection.getresponse().status
        finally:
            connection.close()


def kill_9(processes: list[psutil.Process]) -> None:
    """End them without a warning, and wait until they are gone."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    wait_for(lambda: not any(map(is_alive, processes)), what="processes to be gone")


def is_alive(process: psutil.Process) -> bool:
    """Neither gone nor a zombie."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def uses(process: psutil.Process, data: Path) -> bool:
    """Whether the process works inside the data folder, as the servers do."""
    try:
        return Path(process.cwd()).is_relative_to(data)
    except (psutil.Error, OSError):
        return False


@contextmanager
def portal(data: Path, database: str) -> Iterator[Running]:
    """A portal that is not started yet; stopped, with whatever it left, at the end."""
    running = Running(data, database)
    running.forget()
    try:
        yield running
    finally:
        if running.process:
            running.stop()
        subprocess.run([sys.executable, "-m", "config.stack", "stop"], cwd=ROOT, env=running.environment, check=False)


__all__ = ["Running", "kill_9", "portal", "wait_for"]
