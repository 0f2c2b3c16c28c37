"""Servers that died are started again, also where they die once more on the way."""

import pytest

from config.stack import services
from config.stack.errors import StackError


class Killed:
    """A server that is killed so many times while it starts."""

    def __init__(self, times: int) -> None:
        self.times, self.process, self.starts = times, object(), 0

    def start(self) -> None:
        assert self.process is None or self.starts == 0
        self.starts += 1
        self.process = object()
        if self.starts <= self.times:
            raise StackError("It did not start.")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(services.time, "sleep", lambda _: None)


def test_a_server_that_is_killed_while_it_starts_is_started_again():
    server = Killed(times=3)
    services.start_again(server)
    assert server.starts == 4


def test_a_server_that_cannot_start_is_given_up(monkeypatch):
    monkeypatch.setattr(services, "SECONDS_TO_RETURN", 0.05)
    with pytest.raises(StackError, match="did not start"):
        services.start_again(Killed(times=10**9))
