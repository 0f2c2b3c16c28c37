"""Addresses that may be called and those that may not, whatever they call themselves."""

import socket

import pytest

from apps.core.errors import Invalid
from apps.work import outgoing
from tests.work.receiver import receiver

__all__ = ["receiver"]

INSIDE = [
    "https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0.0.0.0/",
    "https://localhost/", "https://10.0.0.1/", "https://172.16.3.4/", "https://192.168.1.1:8443/",
    "https://169.254.169.254/latest/meta-data/", "https://100.64.0.1/", "https://[::1]/", "https://[::]/",
    "https://[fe80::1]/", "https://[fd00::1]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:169.254.169.254]/",
    "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://224.0.0.1/", "https://255.255.255.255/",
]  # fmt: skip


def resolve_to(monkeypatch, *addresses):
    """Names lead to these addresses, one after the other, as a name that changes its mind would."""
    left = list(addresses)
    asked = []

    def answer(host, port, *args, **kwargs):
        asked.append(host)
        address = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


@pytest.mark.parametrize("url", INSIDE)
def test_an_address_inside_the_network_is_refused_when_typed_and_when_called(url):
    with pytest.raises(Invalid, match="inside the network"):
        outgoing.check_address(url)
    answer = outgoing.post(url, b"{}", {})
    assert (answer.status, "inside the network" in answer.error) == (None, True)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://example.com/", "https://"),
        ("example.com/hook", "https://"),
        ("https:///hook", "https://"),
        ("http://example.com/", "https"),
        ("https://user:secret@example.com/", "name and password"),
        ("https://example.com:port/", "no address"),
    ],
)
def test_an_address_that_is_none_is_refused_with_what_to_do(url, why):
    with pytest.raises(Invalid, match=why):
        outgoing.check_address(url)


def test_a_name_that_leads_inside_is_refused(monkeypatch):
    resolve_to(monkeypatch, "10.1.2.3")
    with pytest.raises(Invalid, match="inside the network"):
        outgoing.check_address("https://innocent.example/")


def test_a_name_that_changes_its_mind_is_refused_at_the_call(monkeypatch):
    asked = resolve_to(monkeypatch, "93.184.216.34", "127.0.0.1")
    answer = outgoing.post("https://innocent.example/", b"{}", {})
    assert asked == ["innocent.example", "innocent.example"]
    assert "inside the network" in answer.error


def test_a_call_goes_to_the_address_that_was_checked(monkeypatch):
    resolve_to(monkeypatch, "93.184.216.34")
    reached = []

    def connect(address, *args, **kwargs):
        reached.append(address)
        raise OSError("No way out of the test.")

    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    answer = outgoing.post("https://innocent.example/", b"{}", {})
    assert {host for host, _ in reached} == {"93.184.216.34"}
    assert answer.error == "The receiver cannot be reached: the connection failed."


def test_a_name_that_is_not_known_is_told_in_a_sentence(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    answer = outgoing.post("https://nowhere.example/secret-path", b"{}", {})
    assert answer.error == "The receiver cannot be reached: its name is not known."


def test_an_allowed_host_is_called_and_its_answer_kept(receiver):
    receiver.answer = b"thank you"
    answer = outgoing.post(receiver.url, b"{}", {"Content-Type": "application/json"})
    assert (answer.status, answer.body, answer.is_ok) == (200, "thank you", True)


def test_a_long_answer_is_not_read_to_its_end(receiver):
    receiver.answer = b"x" * 10_000_000
    answer = outgoing.post(receiver.url, b"{}", {})
    assert (answer.status, len(answer.body)) == (200, outgoing.KEPT_ANSWER)


def test_a_redirect_is_not_followed(receiver):
    receiver.plan, receiver.headers = [302], {"Location": "/elsewhere"}
    answer = outgoing.post(receiver.url, b"{}", {})
    assert (answer.status, answer.is_ok) == (302, False)
    assert "redirects are not followed" in answer.error
    assert [path for path, _, _ in receiver.got] == ["/hook"]


def test_a_proxy_of_the_environment_is_not_asked(receiver, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    assert outgoing.post(receiver.url, b"{}", {}).is_ok


def test_a_receiver_that_is_not_there_is_told_in_a_sentence(settings):
    settings.TENURE_OUTGOING_HOSTS = {"127.0.0.1"}
    answer = outgoing.post("http://127.0.0.1:9/secret-path", b"{}", {})
    assert (answer.status, answer.error) == (None, "The receiver cannot be reached: connection refused.")
