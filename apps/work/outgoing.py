"""Calls to addresses that people typed in: never to inside the network, never elsewhere than where they said.

The name is resolved once, the address is checked, and the connection goes to that very address, so that a name that
changes its mind in between gains nothing. No redirects, no proxies from the environment, short times, little of the
answer is read. Hosts named in TENURE_OUTGOING_HOSTS (a receiver on the premises) are not checked.
"""

import socket
import time
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import urlsplit

import requests
from django.conf import settings
from requests_hardened import HTTPSession
from requests_hardened.config import Config
from requests_hardened.ip_filter import InvalidIPAddress, filter_host

from apps.core.errors import Invalid

CONNECT, READ, WHOLE = 3.0, 8.0, 12.0  # seconds
MOST_ANSWER = 4096  # bytes that are read of it
KEPT_ANSWER = 500  # characters that are kept of it
AGENT = "Tenure"


@dataclass(frozen=True)
class Answer:
    """What came back: a status and the beginning of the body, or a sentence on why nothing did."""

    status: int | None
    body: str = ""
    error: str = ""
    retry_after: int | None = None
    seconds: float = 0.0

    @property
    def is_ok(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


def check_address(url: str) -> str:
    """The address, if something may be sent there; Invalid with a sentence where not. Returns it without blanks."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _unusable("This is no address.") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise _unusable("Give a whole address that begins with https://.")
    if parts.username or parts.password:
        raise _unusable("Leave name and password out of the address; what is sent is signed instead.")
    if is_allowed(host):
        return url
    if parts.scheme != "https":
        raise _unusable("Use https: what is sent over http can be read and changed on its way.")
    try:
        filter_host(host, port or 443, allow_loopback=False)
    except InvalidIPAddress as error:
        raise _unusable(_inside(host)) from error
    except (requests.RequestException, UnicodeError):
        pass  # A name that is not known at this moment is found out when something is sent.
    return url


def host_of(url: str) -> str:
    """The part of the address that gives nothing away: paths of incoming webhooks are secrets."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def is_allowed(host: str) -> bool:
    """Whether whoever runs the portal has named this host."""
    return host.lower() in settings.TENURE_OUTGOING_HOSTS


def post(url: str, body: bytes, headers: dict[str, str]) -> Answer:
    """Send it and return what came back. Raises nothing that the network or the receiver can bring about."""
    began = time.monotonic()
    try:
        check_address(url)
        status, said, retry = _post(url, body, headers, began + WHOLE)
    except Invalid as error:
        return Answer(None, error=error.sentence)
    except InvalidIPAddress:
        return Answer(None, error=_inside(urlsplit(url).hostname or ""))
    except requests.exceptions.SSLError:
        return Answer(None, error="The receiver's certificate is not trusted, or does not fit its name.")
    except requests.Timeout:
        return Answer(None, error="The receiver did not answer in time.", seconds=time.monotonic() - began)
    except (requests.RequestException, OSError, UnicodeError, ValueError) as error:
        return Answer(None, error=f"The receiver cannot be reached: {_why(error)}.")
    return Answer(status, said, _sentence(status), retry, time.monotonic() - began)


def _sentence(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return f"The receiver answered {status}, elsewhere; redirects are not followed. Give the final address."
    return f"The receiver answered {status}."


def _post(url: str, body: bytes, headers: dict[str, str], until: float) -> tuple[int, str, int | None]:
    with _session(urlsplit(url).hostname or "") as session:
        # Whatever proxy or .netrc the environment names must not carry this to another place.
        session.trust_env = False
        given = {"User-Agent": AGENT, "Accept-Encoding": "identity", **headers}
        with session.post(
            url, data=body, headers=given, timeout=(CONNECT, READ), allow_redirects=False, stream=True
        ) as response:
            said = b""
            while len(said) < MOST_ANSWER and time.monotonic() < until:
                part = response.raw.read1(MOST_ANSWER - len(said))
                if not part:
                    break
                said += part
            text = said.decode("utf-8", "replace").replace("\x00", "")[:KEPT_ANSWER]
            return response.status_code, text, _seconds(response.headers.get("Retry-After", ""))


def download(url: str, file: BinaryIO, most: int, seconds: float) -> None:
    """Copy what lies at an address into a file, under the same rules; OSError with a sentence where that fails."""
    until, size = time.monotonic() + seconds, 0
    try:
        check_address(url)
        with _session(urlsplit(url).hostname or "") as session:
            session.trust_env = False
            with session.get(url, stream=True, timeout=(CONNECT, READ), allow_redirects=False) as response:
                if sentence := _sentence(response.status_code):
                    raise OSError(sentence)
                for piece in response.iter_content(1024 * 1024):
                    size += len(piece)
                    if size > most or time.monotonic() > until:
                        raise OSError(f"It is larger than {most / 1024**2:,.0f} MiB or takes too long.")
                    file.write(piece)
    except Invalid as error:
        raise OSError(error.sentence) from error
    except (requests.RequestException, InvalidIPAddress) as error:
        raise OSError(f"It cannot be reached: {_why(error)}.") from error


def _why(error: BaseException) -> str:
    """The reason in the words of the system. Texts of the libraries name the whole address, which is a secret."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, socket.gaierror):
            return "its name is not known"
        if isinstance(seen, OSError) and seen.strerror:
            return seen.strerror.lower()
        inner = next((one for one in seen.args if isinstance(one, BaseException)), None)
        seen = getattr(seen, "reason", None) or inner or seen.__cause__ or seen.__context__
    return "the connection failed"


def _session(host: str) -> requests.Session:
    config = Config(
        ip_filter_enable=not is_allowed(host),
        ip_filter_allow_loopback_ips=False,
        never_redirect=True,
        default_timeout=(CONNECT, READ),
        user_agent_override=AGENT,
    )
    return HTTPSession(config)


def _seconds(said: str) -> int | None:
    return min(int(said), 86_400) if said.isascii() and said.isdigit() else None


def _inside(host: str) -> str:
    return (
        f"{host} lies inside the network. Nothing is sent there, unless whoever runs the portal names it in "
        "TENURE_OUTGOING_HOSTS."
    )


def _unusable(sentence: str) -> Invalid:
    return Invalid(sentence, {"url": sentence})
