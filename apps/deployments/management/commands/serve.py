"""`manage.py serve`: the prediction server of this host: its processes, its recorder, and the routes they follow."""

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.deployments.routing import Router
from apps.deployments.serving.config import MIB, Config
from apps.deployments.serving.supervisor import Child, Supervisor, python


class Command(BaseCommand):
    """Serve deployed models over the Open Inference Protocol until stopped."""

    help = "Serve deployed models over the Open Inference Protocol; starts the recorder too and stops both together."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen and how wide."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")) + 1)
        parser.add_argument("--workers", type=int, default=0, help="Server processes; one per core when not given.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or Ctrl-C."""
        config = configuration(options["host"], options["port"], options["workers"])
        config.prepare()
        for old in config.metrics.glob("*.db"):
            old.unlink()
        lock = config.lock("serve")
        if lock is None:
            raise CommandError(f"A prediction server already runs on {config.run}. Stop it first.")
        router = Router(config)
        children = [
            Child("server", python("-m", "apps.deployments.serving.server", str(config.file)), patience=10),
            Child("recorder", python("manage.py", "record", str(config.file)), patience=30),
        ]
        self.stdout.write(f"Serving on http://{config.host}:{config.port} with {config.workers} process(es).")
        Supervisor(children, Path(settings.BASE_DIR)).run(router.step)
        router.close()
        lock.close()


def configuration(host: str, port: int, workers: int) -> Config:
    """This host's prediction server as settings and environment say."""
    return Config(
        run=Path(settings.TENURE_DATA) / "serving",
        host=host,
        port=port,
        workers=workers or os.cpu_count() or 1,
        body_limit=int(os.environ.get("TENURE_SERVE_BODY_LIMIT", 8 * MIB)),
        row_limit=int(os.environ.get("TENURE_SERVE_ROW_LIMIT", 10_000)),
        spool_limit=int(os.environ.get("TENURE_SERVE_SPOOL_LIMIT", 2048 * MIB)),
        metrics_token=os.environ.get("TENURE_METRICS_TOKEN", ""),
    )
