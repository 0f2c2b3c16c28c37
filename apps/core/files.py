"""Files: streamed into storage under the tenant's own folder, hashed on the way, bounded."""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.http import FileResponse

from apps.core import tenancy
from apps.core.errors import Conflict, NotVisible, TooLarge
from apps.core.ids import uuid7

CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Stored:
    """A file in storage: its path there, its content's SHA-256 in hex, its size in bytes."""

    path: str
    sha256: str
    size: int


class _Hashed:
    """Reads through, hashing and counting; raises TooLarge past the limit."""

    def __init__(self, source: BinaryIO, limit: int | None) -> None:
        self.source, self.limit = source, settings.TENURE_UPLOAD_LIMIT if limit is None else limit
        more = "" if limit is not None else ", or ask an administrator to raise TENURE_UPLOAD_LIMIT"
        self.advice = f"Split it{more}."
        self.digest, self.size = hashlib.sha256(), 0

    def chunks(self, _size: int | None = None) -> Iterator[bytes]:
        while piece := self.source.read(CHUNK):
            self.size += len(piece)
            if self.size > self.limit:
                raise TooLarge(
                    f"The file is larger than {self.limit / 1024**2:,.0f} MiB, the limit here. Nothing was kept. "
                    + self.advice
                )
            self.digest.update(piece)
            yield piece


def store(source: BinaryIO, *, folder: str, name: str, limit: int | None = None) -> Stored:
    """Stream `source` into the ambient tenant's `folder`; nothing stays behind when it is refused."""
    hashed = _Hashed(source, limit)
    with scratch() as spool:
        content = spool / "content"
        with content.open("wb") as file:
            for piece in hashed.chunks():
                file.write(piece)
        path = adopt(content, folder=folder, name=name)
    return Stored(path, hashed.digest.hexdigest(), hashed.size)


def adopt(content: Path, *, folder: str, name: str, together: bool = False) -> str:
    """Move a finished file out of `scratch()` into the ambient tenant's `folder`; its path in storage.

    Each file gets a folder of its own, or with `together` a name of its own beside the others.
    On this machine's disk it is moved, not copied, and has reached the disk when this returns: what is said to be kept
    has to be there after a power cut.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(name).name).strip("-.") or "file"
    path = f"{tenancy.owner_of_files()}/{folder}/{uuid7()}{'-' if together else '/'}{safe[-80:]}"
    with content.open("rb") as file:
        os.fsync(file.fileno())
        path = default_storage.save(path, _Movable(content, file, safe))
    with suppress(NotImplementedError):
        _sync_folder(Path(default_storage.path(path)).parent)
    return path


class _Movable(File):
    """A file that the storage on disk may take as it lies there."""

    def __init__(self, path: Path, file: BinaryIO, name: str) -> None:
        super().__init__(file, name=name)
        self.path = path

    def temporary_file_path(self) -> str:
        """Where it lies."""
        return str(self.path)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _spool() -> str:
    folder = Path(settings.TENURE_DATA) / "spool"
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


def open_file(path: str) -> BinaryIO:
    """The stored file for reading; another tenant's path is as good as none."""
    _check_owner(path)
    return default_storage.open(path, "rb")  # type: ignore[return-value]


def open_of(thing: object, path: str, sha256: str) -> BinaryIO:
    """The stored bytes of a thing; Conflict with a sentence and the hash to look for where storage has lost them."""
    try:
        return open_file(path)
    except (NotVisible, OSError) as error:
        raise Conflict(
            f"The file of “{thing}” is not in storage. Ask an administrator to restore it from the backup; its hash is "
            f"{sha256}."
        ) from error


def attachment(thing: object, path: str, sha256: str, name: str) -> FileResponse:
    """The stored bytes of a thing as a file to keep. Nobody here knows what is in it, so no browser is to show it."""
    if not path:
        raise NotVisible()
    return FileResponse(
        open_of(thing, path, sha256), as_attachment=True, filename=name, content_type="application/octet-stream"
    )


def delete(path: str) -> None:
    """Remove a stored file of the ambient tenant."""
    _check_owner(path)
    default_storage.delete(path)


@contextmanager
def local(path: str) -> Iterator[Path]:
    """The stored file as a path on this machine, for readers that need one."""
    _check_owner(path)
    try:
        yield Path(default_storage.path(path))
        return
    except NotImplementedError:
        pass
    with default_storage.open(path, "rb") as remote, tempfile.NamedTemporaryFile(dir=_spool()) as copy:
        while piece := remote.read(CHUNK):
            copy.write(piece)
        copy.flush()
        yield Path(copy.name)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for work in progress, removed at the end."""
    with tempfile.TemporaryDirectory(dir=_spool()) as folder:
        yield Path(folder)


def _check_owner(path: str) -> None:
    if not path.startswith(f"{tenancy.owner_of_files()}/") or ".." in path:
        raise NotVisible()
