"""The database and the broker that a portal or a test run needs: given by address, or our own."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from config.stack.broker import Broker
from config.stack.database import Address, given_addresses, provision
from config.stack.environment import Secrets, compose, environment_file, render, write_private
from config.stack.errors import StackError
from config.stack.folders import private
from config.stack.postgres import Server

SECONDS_TO_RETURN = 60


def start_again(server: Server | Broker) -> None:
    """Start a server that has died, and again when it is killed while it starts; StackError when it does not come back
    in time.
    """
    deadline = time.monotonic() + SECONDS_TO_RETURN
    while True:
        try:
            return server.start()
        except StackError:
            if time.monotonic() > deadline:
                raise
            server.process = None
            time.sleep(0.2)


class Services:
    """Servers of our own under `data` for whatever is not given by DATABASE_URL and BROKER_URL."""

    def __init__(self, data: Path, *, suffix: str = "", settings: Mapping[str, str] | None = None) -> None:
        self.data = private(data)
        self.secrets = Secrets(data)
        self.suffix = suffix
        self.given_database = os.environ.get("DATABASE_URL", "")
        self.given_broker = os.environ.get("BROKER_URL", "")
        self.server = (
            None
            if self.given_database
            else Server(data / "postgres", self.secrets.get("postgres"), dict(settings or {}))
        )
        self.broker = None if self.given_broker else Broker(data / "broker")

    def start(self, port: int) -> dict[str, str]:
        """Everything a process needs to know, also written to the environment file; both servers answer."""
        if self.broker:
            self.broker.start()
        databases = self.databases()
        broker = self.broker.url if self.broker else self.given_broker
        variables = compose(self.data, databases=databases, broker=broker, port=port)
        write_private(environment_file(self.data), render(variables))
        return variables

    def databases(self) -> dict[str, str]:
        """The addresses of the three roles, made where they are missing."""
        if not self.suffix and (given := given_addresses()):
            return given
        if self.server:
            self.server.start()
            administrator, database = self.server.url(), f"tenure{self.suffix}"
        else:
            administrator = self.given_database
            database = Address(administrator).database + self.suffix
        return provision(administrator, database, lambda role: self.secrets.get(f"role {role}"))

    def restart_dead(self) -> list[str]:
        """Start again what has died by itself; the names of what it was."""
        dead = [
            (name, own)
            for name, own in (("database", self.server), ("broker", self.broker))
            if own and not own.is_alive()
        ]
        for _, own in dead:
            own.process = None
            start_again(own)
        return [name for name, _ in dead]

    def describe(self) -> str:
        """What runs, in words."""
        database = f"PostgreSQL {self.server.version} of its own" if self.server else "the given PostgreSQL"
        return f"{database}, {'Valkey of its own' if self.broker else 'the given broker'}"

    def stop(self) -> None:
        """Stop the servers of our own; given ones are left alone."""
        for own in (self.broker, self.server):
            if own:
                own.stop()
