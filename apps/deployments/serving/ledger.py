"""Counts per endpoint that outlive the process: predictions kept for the recorder, and predictions that were not.

One file of fixed entries per server process, mapped into memory, so that counting costs two stores and a killed process
leaves its counts behind. A process takes over the file of one that has gone, and counts on.
"""

import fcntl
import mmap
import os
import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ENTRY = struct.Struct("<16s16sQQ")
GROW = 128 * ENTRY.size
SUFFIX = ".counts"


@dataclass(frozen=True)
class Count:
    """Predictions of one endpoint through one server process, since the file was made."""

    slot: str
    organization_id: uuid.UUID
    endpoint_id: uuid.UUID
    kept: int
    dropped: int


class Ledger:
    """The counts of one process. Not safe between threads by itself: the journal holds the lock."""

    def __init__(self, folder: Path) -> None:
        self._fd, self.slot = _take(folder)
        size = max(os.fstat(self._fd).st_size, GROW)
        os.ftruncate(self._fd, size)
        self._memory = mmap.mmap(self._fd, size)
        self._at = {entry[0]: offset for offset, entry in _entries(self._memory)}

    def add(self, organization_id: bytes, endpoint_id: bytes, *, kept: int = 0, dropped: int = 0) -> None:
        """Count predictions of an endpoint; ids are the 16 bytes of their UUIDs."""
        at = self._at.get(endpoint_id)
        if at is None:
            at = self._enter(organization_id, endpoint_id)
        before_kept, before_dropped = struct.unpack_from("<QQ", self._memory, at + 32)
        struct.pack_into("<QQ", self._memory, at + 32, before_kept + kept, before_dropped + dropped)

    def close(self) -> None:
        """Leave the file to the next process."""
        self._memory.close()
        os.close(self._fd)

    def _enter(self, organization_id: bytes, endpoint_id: bytes) -> int:
        at = len(self._at) * ENTRY.size
        if at + ENTRY.size > len(self._memory):
            self._memory.resize(len(self._memory) + GROW)
        ENTRY.pack_into(self._memory, at, endpoint_id, organization_id, 0, 0)
        self._at[endpoint_id] = at
        return at


def read(folder: Path) -> list[Count]:
    """The counts of every process there was."""
    counts = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        for _, (endpoint_id, organization_id, kept, dropped) in _entries(path.read_bytes()):
            counts.append(
                Count(path.stem, uuid.UUID(bytes=organization_id), uuid.UUID(bytes=endpoint_id), kept, dropped)
            )
    return counts


def _entries(content: bytes | mmap.mmap) -> Iterator[tuple[int, tuple[bytes, bytes, int, int]]]:
    for at in range(0, len(content) - ENTRY.size + 1, ENTRY.size):
        entry = ENTRY.unpack_from(content, at)
        if entry[0] == bytes(16):
            return
        yield at, entry


def _take(folder: Path) -> tuple[int, str]:
    number = 0
    while True:
        path = folder / f"{number}{SUFFIX}"
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            number += 1
            continue
        return fd, path.stem
