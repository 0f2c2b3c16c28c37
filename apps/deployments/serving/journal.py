"""What a server process leaves behind of each call: a record in the spool, a count in the ledger."""

import threading
import uuid

import structlog

from apps.deployments.serving.config import Config
from apps.deployments.serving.ledger import Ledger
from apps.deployments.serving.routes import Route
from apps.deployments.serving.spool import Writer

log = structlog.get_logger("tenure.serving")
MEASURE_EVERY = 0.25


class Journal:
    """Keeps records. `keep` is safe between threads and costs a few microseconds."""

    def __init__(self, config: Config) -> None:
        self.ledger = Ledger(config.counts)
        self.writer = Writer(
            config.spool, limit=config.spool_limit, segment_size=config.segment_size, owner=self.ledger.slot
        )
        self._lock = threading.Lock()
        self._sync_every = config.sync_every
        self._is_losing = False

    def keep(self, route: Route, rows: int, payload: bytes) -> bool:
        """Keep a call's record; False when it could not be kept, which is counted."""
        kept = self.writer.append(payload)
        organization, endpoint = uuid.UUID(route.organization_id).bytes, uuid.UUID(route.endpoint_id).bytes
        with self._lock:
            self.ledger.add(organization, endpoint, kept=rows if kept else 0, dropped=0 if kept else rows)
        if kept == self._is_losing:
            self._is_losing = not kept
            if kept:
                log.warning("records_kept_again")
            else:
                log.error("records_dropped", reason="The spool is full or its disk refuses. Is the recorder running?")
        return kept

    def look_after(self, stop: threading.Event) -> None:
        """Sync and measure the spool until `stop`; a thread of its own runs this."""
        due = 0.0
        while not stop.wait(MEASURE_EVERY):
            due += MEASURE_EVERY
            try:
                self.writer.measure()
                if due >= self._sync_every:
                    due = 0.0
                    self.writer.sync()
            except OSError:
                log.exception("spool_not_synced")
