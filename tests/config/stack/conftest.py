"""One server of our own for the tests that only need some PostgreSQL, and short folders for sockets."""

import pytest

from config.stack.postgres import FORGETFUL, Server


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A running PostgreSQL that these tests may fill with databases and roles."""
    server = Server(tmp_path_factory.mktemp("server"), "secret & word", FORGETFUL)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def no_addresses(monkeypatch):
    """No address of the surrounding test run: what is tested has to find its own."""
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_OPERATIONS_URL", "BROKER_URL", "TENURE_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
