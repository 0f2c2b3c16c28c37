"""`manage.py record CONFIG`: the recorder process; `manage.py serve` starts it."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.deployments.recording import Database
from apps.deployments.serving.config import Config
from apps.deployments.serving.recorder import Recorder
from apps.deployments.serving.server import leave_with_parent


class Command(BaseCommand):
    """Record the predictions that wait in a server's spool until stopped; then empty the spool and leave."""

    help = "Record predictions from a prediction server's spool. Started by `manage.py serve`."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which server."""
        parser.add_argument("config", help="Path of the server's configuration.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or Ctrl-C."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        leave_with_parent(stop)
        config = Config.load(options["config"])
        # One that was left behind by a killed `serve` may still be on its way out.
        while (lock := config.lock("recorder")) is None and not stop.wait(0.2):
            continue
        if lock is not None:
            Recorder(config, Database(config.server_id)).run(stop)
            lock.close()
