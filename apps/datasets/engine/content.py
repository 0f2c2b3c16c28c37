"""What a file is, judged by its first and last bytes and never by its name, and how to open what is inside."""

import codecs
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from .errors import Unreadable

CSV, PARQUET = "csv", "parquet"
DEFAULT_LIMIT = 20 * 1024**3
# What a packed file may unpack to: tables seldom shrink to a fiftieth, what is made to fill a disk far below.
MOST_SHRUNK, ALWAYS_READ = 200, 1024**3
CHUNK = 4 * 1024 * 1024

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_PARQUET = b"PAR1"

# First bytes, what the file is, and what to do instead.
_REFUSED = (
    (b"%PDF", "a PDF document", "export the table inside it as CSV"),
    (b"\x89PNG", "a picture", "bring the table as CSV or Parquet"),
    (b"\xff\xd8\xff", "a picture", "bring the table as CSV or Parquet"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV"),
    (b"SQLite format 3", "an SQLite database", "export the table as CSV"),
    (b"\x89HDF", "an HDF5 file", "write the table as Parquet"),
    (b"ARROW1", "an Arrow file", "write the table as Parquet"),
    (b"ORC", "an ORC file", "write the table as Parquet"),
    (b"BZh", "compressed with bzip2", "unpack it, or compress it with gzip"),
    (b"\xfd7zXZ", "compressed with xz", "unpack it, or compress it with gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it, or compress it with gzip"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it, or compress it with gzip"),
    (b"\x80\x02", "a Python pickle", "write the table as CSV or Parquet; pickles are never opened"),
    (b"\x80\x03", "a Python pickle", "write the table as CSV or Parquet; pickles are never opened"),
    (b"\x80\x04", "a Python pickle", "write the table as CSV or Parquet; pickles are never opened"),
    (b"\x80\x05", "a Python pickle", "write the table as CSV or Parquet; pickles are never opened"),
)
_MARKUP = (
    (b"<!doctype html", "a web page", "download the data itself: a sign-in or error page may have come instead"),
    (b"<html", "a web page", "download the data itself: a sign-in or error page may have come instead"),
    (b"<?xml", "an XML document", "convert it to CSV or Parquet"),
    (b"{", "JSON", "convert it to CSV or Parquet"),
    (b"[{", "JSON", "convert it to CSV or Parquet"),
)
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Source:
    """A file that somebody brought, opened afresh for each pass and unpacked on the way, up to a limit of bytes."""

    origin: Path | BinaryIO
    kind: str
    packing: str
    limit: int

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The unpacked bytes from their beginning."""
        with _opened(self.origin) as raw, _unpacked(raw, self.packing) as stream:
            yield cast(BinaryIO, _Limited(stream, self.limit)) if self.packing else stream


class _Limited(io.RawIOBase):
    """A stream that refuses to give more bytes than allowed: a small packed file may unpack to anything."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream = stream
        self._left = limit
        self._limit = limit

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            data = self._stream.read(size if 0 <= size < CHUNK else CHUNK)
        except (EOFError, OSError, zlib.error, zipfile.BadZipFile) as error:
            raise Unreadable(
                "The packed file ends early or is damaged, so not all of it can be read; pack and upload it again.",
                code="damaged_packing",
            ) from error
        self._left -= len(data)
        if self._left < 0:
            raise Unreadable(
                f"The file unpacks to more than {in_bytes(self._limit)}, the most that is read of a packed file of its "
                "size; split it into smaller files, or bring it unpacked.",
                code="too_large",
                limit=self._limit,
            )
        return data

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def recognise(origin: Path | BinaryIO, limit: int = DEFAULT_LIMIT) -> Source:
    """Say what the file is and how it is packed; raises Unreadable for what is not a table."""
    with _opened(origin) as raw:
        head = raw.read(4096)
        if not head:
            raise Unreadable(
                "The file is empty: the export or the upload wrote nothing. Check the file and bring it again.",
                code="empty_file",
            )
        packing = _packing(raw, head)
        size = raw.seek(0, io.SEEK_END)
    if not packing:
        return Source(origin, _kind(head), "", limit)
    packed = Source(origin, CSV, packing, min(limit, max(ALWAYS_READ, MOST_SHRUNK * size)))
    with packed.open() as stream:
        inside = stream.read(4096)
    if not inside:
        raise Unreadable("The packed file holds an empty file; check the export and bring it again.", code="empty_file")
    if _kind(inside) == PARQUET:
        raise Unreadable(
            "The packed file holds Parquet, which is compressed already; bring the Parquet file itself.",
            code="packed_parquet",
        )
    return packed


def _kind(head: bytes) -> str:
    if head.startswith(_PARQUET):
        return PARQUET
    for magic, what, advice in _REFUSED:
        if head.startswith(magic):
            raise _refusal(what, advice)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for magic, what, advice in _MARKUP:
        if text.startswith(magic):
            raise _refusal(what, advice)
    return CSV


def _refusal(what: str, advice: str) -> Unreadable:
    return Unreadable(
        f"The file is {what}, whatever its name says; CSV and Parquet are read here. Please {advice}.",
        code="wrong_kind",
        found=what,
    )


def _packing(raw: BinaryIO, head: bytes) -> str:
    if head.startswith(_GZIP):
        return "gzip"
    if not head.startswith(_ZIP):
        return ""
    try:
        raw.seek(0)
        names = [name for name in zipfile.ZipFile(raw).namelist() if not name.endswith("/") and "__MACOSX" not in name]
    except (zipfile.BadZipFile, OSError) as error:
        raise Unreadable(
            "The zip archive is cut off or damaged; pack and upload it again.", code="damaged_packing"
        ) from error
    if "[Content_Types].xml" in names:
        raise _refusal("an Excel or Word document", "save the sheet as CSV")
    if len(names) != 1:
        raise Unreadable(
            f"The zip archive holds {len(names)} files; bring one file at a time.", code="many_files", files=names[:20]
        )
    return f"zip:{names[0]}"


@contextmanager
def _opened(origin: Path | BinaryIO) -> Iterator[BinaryIO]:
    if isinstance(origin, str | Path):
        with Path(origin).open("rb") as file:
            yield file
    else:
        origin.seek(0)
        yield origin


@contextmanager
def _unpacked(raw: BinaryIO, packing: str) -> Iterator[BinaryIO]:
    if packing == "gzip":
        with gzip.GzipFile(fileobj=raw, mode="rb") as stream:
            yield cast(BinaryIO, stream)
    elif packing:
        try:
            with zipfile.ZipFile(raw) as archive, archive.open(packing.removeprefix("zip:")) as member:
                yield cast(BinaryIO, member)
        except (RuntimeError, NotImplementedError) as error:
            raise Unreadable(
                "The zip archive is encrypted or packed in a way that is not read here; pack it plainly.",
                code="damaged_packing",
            ) from error
    else:
        yield raw


def encoding_of(source: Source, at_most: int | None = None) -> str:
    """The encoding of a text file after looking at every byte of it: utf-8 if it is that, else the best fallback.

    With `at_most` only so many bytes are looked at.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    valid, first = True, True
    for chunk in _chunks(source, at_most):
        if first:
            for mark, name in _BYTE_ORDER_MARKS:
                if chunk.startswith(mark):
                    return _checked_utf8_sig(source, at_most) if name == "utf-8-sig" else name
            first = False
        _refuse_binary(chunk)
        valid = valid and _decodes(decoder, chunk)
    if valid and (at_most is not None or _decodes(decoder, b"", final=True)):
        return "utf-8"
    return _one_byte_encoding(source, at_most)


def _chunks(source: Source, at_most: int | None) -> Iterator[bytes]:
    with source.open() as stream:
        if at_most is not None:
            yield stream.read(at_most)
            return
        while chunk := stream.read(CHUNK):
            yield chunk


def _checked_utf8_sig(source: Source, at_most: int | None) -> str:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    for chunk in _chunks(source, at_most):
        if not _decodes(decoder, chunk):
            raise Unreadable(
                "The file says that it is UTF-8 but holds bytes that are not; save it again as UTF-8.",
                code="bad_encoding",
            )
    return "utf-8-sig"


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _one_byte_encoding(source: Source, at_most: int | None) -> str:
    """Latin-1, or Windows-1252 where bytes 0x80 to 0x9f occur: signs there, control codes in Latin-1."""
    seen: set[int] = set()
    for chunk in _chunks(source, at_most):
        seen.update(chunk.translate(None, bytes(range(0x80))))
    undefined = {0x81, 0x8D, 0x8F, 0x90, 0x9D}
    return "cp1252" if seen & set(range(0x80, 0xA0)) and not seen & undefined else "latin-1"


def _refuse_binary(chunk: bytes) -> None:
    if b"\x00" in chunk:
        raise Unreadable(
            "The file is not text: it holds zero bytes, as programs, pictures and damaged files do. "
            "Bring the table as CSV or Parquet.",
            code="not_text",
        )


def in_bytes(number: int) -> str:
    """A number of bytes as a person reads it."""
    size = float(number)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            return f"{size:.0f} {unit}" if size >= 10 or unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError("unreachable")
