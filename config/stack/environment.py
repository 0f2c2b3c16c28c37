"""The environment variables that every process of a running portal shares, and the file that keeps them.

`load_environment` is called by the settings, so it needs nothing but the standard library.
"""

import base64
import json
import os
import secrets
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

from config.stack.folders import data_folder, private

MARK = "TENURE_DATABASE_URL"


def environment_file(data: Path) -> Path:
    """The file that a running portal leaves for commands given by hand."""
    return data / "environment"


def load_environment() -> None:
    """Take what is not set from the running portal's file, so that `manage.py` by hand finds it.

    Does nothing where the application's database is already named: there the environment is complete.
    """
    if os.environ.get(MARK):
        return
    try:
        text = environment_file(data_folder()).read_text()
    except OSError:
        return
    for name, value in parse(text).items():
        os.environ.setdefault(name, value)


def parse(text: str) -> dict[str, str]:
    """`KEY=VALUE` lines as a shell would read them."""
    pairs = (word.partition("=") for word in shlex.split(text, comments=True))
    return {name: value for name, equals, value in pairs if equals}


def render(variables: Mapping[str, str]) -> str:
    """Lines that `parse` and a shell's `source` both read."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(variables.items()))


def write_private(path: Path, text: str) -> None:
    """Replace the file in one step; only the owner may read it, and a crash leaves the old one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


class Secrets:
    """Generated secrets, made once and kept in one file that only its owner reads."""

    def __init__(self, data: Path) -> None:
        self.path = private(data) / "secrets.json"

    def all(self) -> dict[str, str]:
        """Everything kept so far."""
        return json.loads(self.path.read_text()) if self.path.exists() else {}

    def get(self, name: str, make: Callable[[], str] = lambda: secrets.token_urlsafe(24)) -> str:
        """The secret of that name, made at the first asking."""
        kept = self.all()
        if name not in kept:
            kept[name] = make()
            write_private(self.path, json.dumps(kept, indent=2, sort_keys=True) + "\n")
        return kept[name]


def field_key() -> str:
    """A new Fernet key: 32 random bytes in URL-safe base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def compose(data: Path, *, databases: Mapping[str, str], broker: str, port: int) -> dict[str, str]:
    """Everything a process of this portal needs to know; secrets given from outside win over kept ones."""
    kept = Secrets(data)
    return {
        **databases,
        "BROKER_URL": broker,
        "TENURE_SECRET_KEY": os.environ.get("TENURE_SECRET_KEY")
        or kept.get("secret_key", lambda: secrets.token_urlsafe(48)),
        "TENURE_FIELD_KEY": os.environ.get("TENURE_FIELD_KEY") or kept.get("field_key", field_key),
        "TENURE_DATA": str(data),
        "PORT": str(port),
    }
