"""The server's processes: `python -m apps.deployments.serving.server CONFIG`, and what granian calls in each."""

import os
import sys
import threading
from pathlib import Path
from typing import Any

# Processes scale the server; threads inside one computation would take each other's core.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import structlog

from apps.deployments.serving.config import PARENT, VARIABLE, Config
from apps.deployments.serving.routes import Loader, Table

log = structlog.get_logger("tenure.serving")
LOOK_EVERY = 0.1


def log_as_json() -> None:
    """One event a line on standard error, as the other processes of Tenure do."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


class Tables:
    """The current routing table; `watch` keeps it current."""

    def __init__(self, config: Config) -> None:
        self.path, self.loader = config.routes, Loader(config.models)
        self.current = Table()
        self._seen: tuple[int, int] | None = None

    def look(self) -> None:
        """Take over the router's file if it is a new one. A file that cannot be read leaves the table as it is."""
        try:
            status = self.path.stat()
            seen = (status.st_ino, status.st_mtime_ns)
            if seen == self._seen:
                return
            self._seen = seen
            self.current = self.loader.table(self.path.read_bytes())
        except FileNotFoundError:
            return
        except Exception:
            log.exception("routing_table_unreadable")

    def watch(self, stop: threading.Event) -> None:
        """Look every tenth of a second until `stop`; a thread of its own runs this."""
        while not stop.wait(LOOK_EVERY):
            self.look()


def leave_with_parent(stop: threading.Event) -> threading.Thread:
    """Have a thread end this process when the one that started it has gone, however and however early it went."""
    parent = int(os.environ.get(PARENT, 0)) or os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            if stop.wait(0.5):
                return
        os._exit(1)

    thread = threading.Thread(target=watch, daemon=True, name="leave_with_parent")
    thread.start()
    return thread


def application() -> Any:
    """The WSGI application of this process, with the threads that look after it."""
    from apps.deployments.serving.app import Application
    from apps.deployments.serving.journal import Journal
    from apps.deployments.serving.metrics import Metrics

    log_as_json()
    config = Config.load(os.environ[VARIABLE])
    tables, journal = Tables(config), Journal(config)
    tables.look()
    never = threading.Event()
    leave_with_parent(never)
    for work in (tables.watch, journal.look_after):
        threading.Thread(target=work, args=(never,), daemon=True, name=work.__name__).start()
    return Application(config, lambda: tables.current, journal, Metrics(config))


def main(path: str) -> None:
    """Serve until told to stop."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    config = Config.load(path)
    leave_with_parent(threading.Event())
    os.environ |= {VARIABLE: str(config.file), PARENT: str(os.getpid())}
    os.chdir(Path(__file__).resolve().parents[3])
    Granian(
        "apps.deployments.serving.server:application",
        factory=True,
        address=config.host,
        port=config.port,
        interface=Interfaces.WSGI,
        workers=config.workers,
        blocking_threads=config.threads,
        backpressure=max(64, config.threads * 8),
        backlog=1024,
        respawn_failed_workers=True,
        workers_kill_timeout=5,
        log_level=LogLevels.error,
        websockets=False,
    ).serve()


if __name__ == "__main__":
    main(sys.argv[1])
