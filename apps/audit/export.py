"""Writes the audit trail of one organization as a bundle that verifies offline (see `verifier.py`)."""

import base64
import hashlib
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from apps.audit import verifier
from apps.audit.verifier import Record, canonical, key_id

README = """\
Audit trail of one organization, exported from Tenure
=====================================================

Verify it, offline, with Python 3.9 or newer and nothing else:

    python verify.py BUNDLE.zip --public-key FILE_OR_HEX --checkpoint FILE

Both options are for what you keep elsewhere: the organization's public key, and a signed checkpoint. Without them the
bundle is only held against itself. If you do not trust the bundle, run a copy of verify.py that you keep elsewhere.

records.ndjson      one record a line, oldest first: number, hash of the record before, body as stored, hash
checkpoints.ndjson  signed statements, one a line: at this time the newest record had this number and this hash
public_keys.json    the public keys of the signatures, by name
manifest.json       what this export holds (numbers, count, SHA-256 of each file), signed
verify.py           the verifier

A hash by hand: the SHA-256, as lower-case hex, of the UTF-8 text

    PREVIOUS + newline + SEQUENCE + newline + BODY

without a newline at the end; the record before the first counts as 64 zeros. A signature is Ed25519 (RFC 8032) over the
UTF-8 text of "body"; a key's name is the first 16 hex digits of the SHA-256 of its 32 bytes.
"""


class Signed(NamedTuple):
    """A canonical JSON text and the Ed25519 signature over its UTF-8 bytes."""

    body: str
    signature: bytes

    @property
    def line(self) -> str:
        """The text with its signature, as bundles carry it."""
        return canonical({"body": self.body, "signature": base64.b64encode(self.signature).decode()})


def public_bytes(private_key: Ed25519PrivateKey) -> bytes:
    """The 32 raw bytes of the public key that belongs to a private key."""
    return private_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def timestamp(at: datetime) -> str:
    """A moment as the trail writes it, in UTC; raises ValueError for a time without zone."""
    if at.tzinfo is None:
        raise ValueError("A time without zone says nothing in an audit trail.")
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def seal(content: Mapping[str, Any], private_key: Ed25519PrivateKey) -> Signed:
    """Sign a statement; the name of the key becomes part of it."""
    body = canonical({**content, "key": key_id(public_bytes(private_key))})
    return Signed(body, private_key.sign(body.encode()))


def sign_checkpoint(
    *, organization: str, sequence: int, last_hash: str, at: datetime, private_key: Ed25519PrivateKey
) -> Signed:
    """State, signed, that the newest record of the organization has this number and this hash."""
    content = {"organization": organization, "sequence": sequence, "hash": last_hash, "at": timestamp(at)}
    return seal(content, private_key)


def write_bundle(
    path: Path,
    *,
    organization: str,
    records: Iterable[Record],
    checkpoints: Iterable[Signed],
    public_keys: Iterable[bytes],
    private_key: Ed25519PrivateKey,
    exported_at: datetime,
    name: str = "",
) -> dict[str, Any]:
    """Write the bundle to `path` in one stroke and return its manifest; records are taken one at a time.

    `organization` is written as the checkpoints write it; `name` is what people call it.
    Records are written as they are, right or wrong: proving them is the verifier's work, not the exporter's.
    """
    path = Path(path)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as partial:
        try:
            with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
                writer = _Writer(archive, exported_at)
                trail = _Trail(records)
                _write_evidence(writer, trail, checkpoints, {*public_keys, public_bytes(private_key)})
                manifest = {
                    "format": verifier.FORMAT,
                    "organization": organization,
                    "name": name,
                    **trail.summary,
                    "files": dict(writer.hashes),
                    "exported_at": timestamp(exported_at),
                }
                writer.write(verifier.MANIFEST, [f"{seal(manifest, private_key).line}\n".encode()])
            partial.flush()
            os.fsync(partial.fileno())
            os.replace(partial.name, path)
        except BaseException:
            os.unlink(partial.name)
            raise
    return manifest


def _write_evidence(
    writer: "_Writer", trail: "_Trail", checkpoints: Iterable[Signed], public_keys: Iterable[bytes]
) -> None:
    """Everything but the manifest, which must know it all."""
    named = {key_id(key): base64.b64encode(key).decode() for key in public_keys}
    writer.write(verifier.RECORDS, trail.lines())
    writer.write(verifier.CHECKPOINTS, (f"{checkpoint.line}\n".encode() for checkpoint in checkpoints))
    writer.write(verifier.KEYS, [f"{canonical(named)}\n".encode()])
    writer.write(verifier.VERIFIER, [Path(verifier.__file__).read_bytes()])
    writer.write(verifier.README, [README.encode()])


class _Trail:
    """The records on their way into the bundle, counted as they pass."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.records = records
        self.summary: dict[str, Any] = {"first": 1, "last": 0, "last_hash": verifier.ZEROS, "count": 0}

    def lines(self) -> Iterator[bytes]:
        for count, record in enumerate(self.records, 1):
            first = record.sequence if count == 1 else self.summary["first"]
            self.summary = {"first": first, "last": record.sequence, "last_hash": record.hash, "count": count}
            yield f"{canonical(record._asdict())}\n".encode()


class _Writer:
    """Adds files to the archive in pieces and remembers the hash of each."""

    def __init__(self, archive: zipfile.ZipFile, exported_at: datetime) -> None:
        self.archive, self.exported_at = archive, exported_at
        self.hashes: dict[str, str] = {}

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        """Write one file from its pieces."""
        info = zipfile.ZipInfo(name, self.exported_at.astimezone(UTC).timetuple()[:6])
        info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
        digest = hashlib.sha256()
        with self.archive.open(info, "w", force_zip64=True) as stream:
            for piece in pieces:
                digest.update(piece)
                stream.write(piece)
        self.hashes[name] = digest.hexdigest()
