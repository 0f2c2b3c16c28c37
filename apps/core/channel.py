"""How a piece of work came in: page, API, task, command or admin; and the id that ties its records together."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Channel:
    """One request, task run or command."""

    kind: str = "command"
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    address: str = ""


_channel: ContextVar[Channel | None] = ContextVar("channel", default=None)


def current() -> Channel:
    """The channel this work came in by."""
    return _channel.get() or Channel()


@contextmanager
def through(kind: str, address: str = "") -> Iterator[Channel]:
    """Mark everything inside as having come in this way."""
    channel = Channel(kind, address=address)
    token = _channel.set(channel)
    try:
        yield channel
    finally:
        _channel.reset(token)
