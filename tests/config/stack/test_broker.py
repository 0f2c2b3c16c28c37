import os
import signal
import time

import pytest
import redis

from config.stack.broker import Broker
from config.stack.errors import StackError


@pytest.fixture
def broker(tmp_path):
    """A running broker that the test may kill."""
    broker = Broker(tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()


def client(broker):
    """A connection as Celery's client makes it."""
    return redis.Redis(unix_socket_path=str(broker.socket))


def test_broker_is_closed_to_others(broker):
    assert broker.socket.parent.stat().st_mode & 0o077 == 0
    assert client(broker).config_get("port") == {b"port": b"0"} or client(broker).config_get("port") == {"port": "0"}


def test_broker_keeps_messages_over_kill_9(broker):
    client(broker).lpush("queue", "message")
    time.sleep(1.5)
    os.kill(broker.process.pid, signal.SIGKILL)
    broker.process.wait()
    again = Broker(broker.folder)
    again.start()
    assert client(again).llen("queue") == 1
    again.stop()


def test_broker_left_running_is_taken_over_and_stopped(broker):
    again = Broker(broker.folder)
    again.start()
    assert again.process is None
    assert again.is_alive()
    again.stop()
    assert broker.process.wait(timeout=5) == 0
    assert not again.is_alive()


def test_broker_that_cannot_start_shows_its_log(tmp_path):
    broker = Broker(tmp_path / "broker")
    (tmp_path / "broker" / "appendonlydir").write_text("in the way")
    with pytest.raises(StackError, match="broker did not start"):
        broker.start()
