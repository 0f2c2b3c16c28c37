"""Records on their way from the server to the recorder: append-only files on the local disk.

A record is appended before its answer leaves. What was written survives the death of the writer and of the reader, both
at once too, because it lies in the operating system's cache; a power cut can cost what was not yet synced, at most
`Config.sync_every` seconds. A file whose writer lives is locked by it; a file read to its end whose writer has gone is
removed. Each record is framed by a mark, its length and a checksum, so that a half-written or damaged one is noticed.
The mark is random and stands at the head of the file: no caller can write a record of their own into a request's body.
"""

import fcntl
import os
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MARK = 8
HEAD = struct.Struct(f"<{MARK}sII")
SUFFIX = ".records"


def waiting(folder: Path) -> int:
    """Bytes in the folder that were not taken yet, whole files counted."""
    total = 0
    for path in folder.glob(f"*{SUFFIX}"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total


class Writer:
    """Appends records for one process. `append` is safe between threads."""

    def __init__(self, folder: Path, *, limit: int, segment_size: int, owner: str = "0") -> None:
        self.folder, self.limit, self.segment_size, self.owner = folder, limit, segment_size, owner
        self._lock = threading.Lock()
        self._fd, self._size, self._dirty, self._mark = -1, 0, False, b""
        self._room = limit - waiting(folder)

    def append(self, payload: bytes) -> bool:
        """Write one record; False when there is no room or the disk refuses, and nothing is left half-written."""
        checksum, length = zlib.crc32(payload), HEAD.size + len(payload)
        with self._lock:
            if length > self._room:
                return False
            try:
                if self._fd < 0 or self._size + length > self.segment_size:
                    self._open()
                written = os.write(self._fd, HEAD.pack(self._mark, len(payload), checksum) + payload)
            except OSError:
                written = -1
            if written != length:
                self._cut()
                return False
            self._size += length
            self._room -= length
            self._dirty = True
            return True

    def measure(self) -> None:
        """Learn how much room the folder has now that the recorder took some away."""
        room = self.limit - waiting(self.folder)
        with self._lock:
            self._room = room

    def sync(self) -> None:
        """Put what was appended on the disk."""
        with self._lock:
            if not self._dirty:
                return
            self._dirty, copy = False, os.dup(self._fd)
        # Outside the lock: answers must not wait for the disk.
        try:
            os.fdatasync(copy)
        finally:
            os.close(copy)

    def close(self) -> None:
        """Give the file up; the recorder takes the rest of it."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def _open(self) -> None:
        path = self.folder / f"{time.time_ns():020d}-{self.owner}-{os.getpid()}{SUFFIX}"
        fresh = path.with_suffix(".new")
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        # Locked before it has its name: the reader removes files that nobody holds.
        fcntl.flock(fd, fcntl.LOCK_EX)
        mark = os.urandom(MARK)
        os.write(fd, mark)
        fresh.rename(path)
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._size, self._mark = fd, MARK, mark

    def _cut(self) -> None:
        if self._fd >= 0:
            try:
                os.ftruncate(self._fd, self._size)
            except OSError:
                os.close(self._fd)
                self._fd = -1


@dataclass(frozen=True)
class Batch:
    """Records of one file up to a position in it."""

    path: Path
    payloads: list[bytes]
    end: int
    damaged: int = 0


class Reader:
    """Takes records out of the folder, oldest file first. What was not `keep`-ed is read again after a restart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._at: dict[Path, int] = {}

    def batches(self, size: int = 4 * 1024**2) -> Iterator[Batch]:
        """What waits now, in batches of about `size` bytes; files that are finished are removed on the way."""
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            while (batch := self._read(path, size)) is not None:
                yield batch
                if self.position(path) < batch.end:
                    break

    def keep(self, batch: Batch) -> None:
        """The batch is safe elsewhere: go on behind it, also after a restart."""
        self._at[batch.path] = batch.end
        note = self._note(batch.path)
        fd = os.open(note, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(fd, struct.pack("<Q", batch.end), 0)
        finally:
            os.close(fd)

    def position(self, path: Path) -> int:
        """How far the file was taken."""
        if path not in self._at:
            try:
                self._at[path] = struct.unpack("<Q", self._note(path).read_bytes())[0]
            except (FileNotFoundError, struct.error):
                self._at[path] = 0
        return self._at[path]

    def _read(self, path: Path, size: int) -> Batch | None:
        try:
            with path.open("rb") as file:
                # Asked before reading: once the writer has gone, the end of the file is its end.
                is_orphan = _can_lock(file.fileno())
                mark = file.read(MARK)
                at = max(self.position(path), MARK)
                file.seek(at)
                data = file.read(-1 if is_orphan else size)
                if need := _missing(data):
                    data += file.read(need)
        except FileNotFoundError:
            return None
        payloads, used, damaged = _unframe(data, mark, is_orphan)
        if not used and is_orphan:
            self._remove(path)
        return Batch(path, payloads, at + used, damaged) if used else None

    def _remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._note(path).unlink(missing_ok=True)
        self._at.pop(path, None)

    @staticmethod
    def _note(path: Path) -> Path:
        return path.with_suffix(".taken")


def _can_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _missing(data: bytes) -> int:
    # Bytes needed to complete the only record in `data`, when it is larger than what was read.
    if len(data) < HEAD.size:
        return 0
    return max(0, HEAD.size + int(HEAD.unpack_from(data)[1]) - len(data))


def _unframe(data: bytes, mark: bytes, is_orphan: bool) -> tuple[list[bytes], int, int]:
    """The whole records at the start of `data`, the bytes they take, and how many bytes were damaged.

    The end of an orphan is final: what is not a whole record there is damage. With a living writer it may still grow.
    """
    payloads: list[bytes] = []
    at = damaged = 0
    while at < len(data):
        payload = _record(data, at, mark)
        if payload is not None:
            payloads.append(payload)
            at += HEAD.size + len(payload)
            continue
        following = _next_record(data, at + 1, mark)
        if following < 0 and not is_orphan:
            break
        following = len(data) if following < 0 else following
        damaged += following - at
        at = following
    return payloads, at, damaged


def _record(data: bytes, at: int, mark: bytes) -> bytes | None:
    if len(data) - at < HEAD.size:
        return None
    found, length, checksum = HEAD.unpack_from(data, at)
    payload = data[at + HEAD.size : at + HEAD.size + length]
    return payload if found == mark and len(payload) == length and zlib.crc32(payload) == checksum else None


def _next_record(data: bytes, at: int, mark: bytes) -> int:
    while (at := data.find(mark, at)) >= 0:
        if _record(data, at, mark) is not None:
            return at
        at += 1
    return -1
