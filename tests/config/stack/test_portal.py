import http.server
import socket
import threading

import pytest

from config.stack.errors import StackError
from config.stack.portal import answers, check_port, read_port


def test_read_port_is_8000_unless_given(monkeypatch):
    monkeypatch.setenv("PORT", "")
    assert read_port() == 8000
    monkeypatch.setenv("PORT", "8100")
    assert read_port() == 8100


@pytest.mark.parametrize("text", ["http", "0", "65535", "-1", "80.5"])
def test_read_port_refuses_what_is_no_port(monkeypatch, text):
    monkeypatch.setenv("PORT", text)
    with pytest.raises(StackError, match="must be a number between 1 and 65534"):
        read_port()


def test_check_port_says_which_port_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=rf"Port {port} cannot be used .* choose another with `make up PORT="):
            check_port("127.0.0.1", port)
    check_port("127.0.0.1", port)


@pytest.fixture
def web():
    """A small web server that is ready at one path only."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/health/ready" else 503)
            self.end_headers()

        def log_message(self, *words):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_answers_only_to_200(web):
    assert answers(web, "/health/ready")
    assert not answers(web, "/other")


def test_answers_is_false_where_nobody_listens(web):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert not answers(free.getsockname()[1], "/health/ready")
