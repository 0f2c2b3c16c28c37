"""The recorder: takes records out of the spool and hands them to what stores them, in a process of its own.

It may be killed at any point: what was stored but not yet ticked off is handed over again, and the sink knows it by its
ids. What the sink cannot take now (no database) waits; what it can never take is put aside in a file and reported, so
that one bad record does not hold up the others.
"""

import hashlib
import threading
import time
from collections.abc import Sequence
from typing import Protocol

import structlog

from apps.deployments.serving import ledger, records
from apps.deployments.serving.config import Config
from apps.deployments.serving.spool import Batch, Reader

log = structlog.get_logger("tenure.recorder")
IDLE = 0.2
COUNTS_EVERY = 2.0
CALLS_AT_ONCE = 500


class Unavailable(Exception):
    """The sink cannot take anything at the moment; the same records come again."""


class Sink(Protocol):
    """Stores calls durably; everything of one `store` or nothing of it."""

    def names(self, facts: records.Facts) -> list[str]:
        """The input names of the version that answered a call, in order."""

    def store(self, organization: str, calls: Sequence[records.Call]) -> None:
        """Keep the calls of one organization. Raises Unavailable, or anything else when it never can."""

    def set_aside(self, facts: records.Facts) -> None:
        """Count a call that can never be stored."""

    def counts(self, counts: Sequence[ledger.Count]) -> None:
        """Keep what the server processes counted so far."""


class Recorder:
    """Drains one host's spool into a sink."""

    def __init__(self, config: Config, sink: Sink) -> None:
        self.config, self.sink = config, sink
        self.reader = Reader(config.spool)
        self._counted_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Record until `stop`, then once more what is there."""
        pause = IDLE
        while True:
            is_last = stop.is_set()
            try:
                taken = self.drain(stop if not is_last else None)
                self.count()
                pause = IDLE
            except Unavailable as reason:
                log.warning("recorder_waits", reason=str(reason), seconds=pause)
                taken, pause = 0, min(pause * 2, 5.0)
            if is_last:
                return
            if not taken:
                stop.wait(pause)

    def drain(self, stop: threading.Event | None = None) -> int:
        """Record what waits now; how many records that was."""
        taken = 0
        for batch in self.reader.batches():
            if batch.damaged:
                log.error("records_damaged", file=batch.path.name, bytes=batch.damaged)
            self._take(batch)
            self.reader.keep(batch)
            taken += len(batch.payloads)
            if stop is not None and stop.is_set():
                break
        return taken

    def count(self, every: float = COUNTS_EVERY) -> None:
        """Hand the counts over when it is time."""
        if time.monotonic() - self._counted_at < every:
            return
        self.sink.counts(ledger.read(self.config.counts))
        self._counted_at = time.monotonic()

    def _take(self, batch: Batch) -> None:
        for start in range(0, len(batch.payloads), CALLS_AT_ONCE):
            by_organization: dict[str, list[tuple[bytes, records.Call]]] = {}
            for payload in batch.payloads[start : start + CALLS_AT_ONCE]:
                call = self._decode(payload)
                if call is not None:
                    by_organization.setdefault(call.facts.organization, []).append((payload, call))
            for organization, calls in by_organization.items():
                self._store(organization, calls)

    def _decode(self, payload: bytes) -> records.Call | None:
        try:
            return records.decode(payload, self.sink.names)
        except Unavailable:
            raise
        except Exception:
            self._put_aside(payload)
            return None

    def _store(self, organization: str, calls: list[tuple[bytes, records.Call]]) -> None:
        try:
            self.sink.store(organization, [call for _, call in calls])
        except Unavailable:
            raise
        except Exception:
            if len(calls) == 1:
                self._put_aside(calls[0][0])
                return
            middle = len(calls) // 2
            self._store(organization, calls[:middle])
            self._store(organization, calls[middle:])

    def _put_aside(self, payload: bytes) -> None:
        # Named by its content: read again after a crash, it is the same file, and counted once.
        path = self.config.unrecorded / f"{hashlib.sha256(payload).hexdigest()}.record"
        if path.exists():
            return
        log.exception("record_put_aside", file=path.name)
        try:
            self.sink.set_aside(records.facts(payload))
        except Unavailable:
            raise
        except Exception:
            log.exception("record_not_counted", file=path.name)
        path.write_bytes(payload)
