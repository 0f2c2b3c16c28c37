"""A Valkey server of our own on a private unix socket, keeping its queue on disk."""

import contextlib
import socket
import subprocess
import time
from pathlib import Path

from config.stack.errors import StackError
from config.stack.folders import own, private, socket_folder
from config.stack.postgres import tail
from config.stack.programs import find_valkey


class Broker:
    """One server in `folder`, its socket and its process."""

    def __init__(self, folder: Path) -> None:
        self.folder = private(folder)
        self.log = folder / "log"
        self.socket = socket_folder(folder / "socket") / "valkey.sock"
        self.program = find_valkey()
        self.process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        """The address as Celery writes it."""
        return f"redis+socket://{self.socket}"

    def start(self) -> None:
        """Answering when this returns; a server left behind by a killed portal is taken over."""
        if not self.answers():
            self.launch()
        deadline = time.monotonic() + 30
        while not self.answers():
            if time.monotonic() > deadline or (self.process and self.process.poll() is not None):
                raise StackError(f"The broker did not start. Its log is {self.log}:\n{tail(self.log)}")
            time.sleep(0.02)

    def launch(self) -> None:
        """Start the server in a session of its own; every message is on disk within a second."""
        own(self.socket.parent)
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "daemonize": "no",
            "maxmemory-policy": "noeviction",
        }
        command = [str(self.program), *(word for name, value in options.items() for word in (f"--{name}", value))]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=self.folder
            )

    def ask(self, command: str) -> bytes:
        """One inline command and the beginning of its answer; nothing when nobody listens."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(self.socket))
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(64)
        return b""

    def answers(self) -> bool:
        """Whether the server is up and has read its file."""
        return self.ask("PING") == b"+PONG\r\n"

    def is_alive(self) -> bool:
        """Whether the server lives, started by us or taken over."""
        return self.process.poll() is None if self.process else self.answers()

    def stop(self) -> None:
        """End the server after it has written everything down."""
        self.ask("SHUTDOWN")
        deadline = time.monotonic() + 10
        while self.is_alive() and time.monotonic() < deadline:
            time.sleep(0.02)
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None
        self.socket.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.socket.parent.rmdir()
