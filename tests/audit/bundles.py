"""Bundles for the tests of export and verification, and the hands that tamper with them."""

import zipfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from apps.audit import verifier
from apps.audit.export import Signed, public_bytes, sign_checkpoint, write_bundle
from apps.audit.verifier import Record, canonical, record_hash

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
START = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def chained(bodies: Iterable[str]) -> list[Record]:
    """Records over these bodies, chained as the database chains them."""
    records: list[Record] = []
    for sequence, body in enumerate(bodies, 1):
        previous = records[-1].hash if records else verifier.ZEROS
        records.append(Record(sequence, previous, body, record_hash(previous, sequence, body)))
    return records


def body_of(number: int) -> str:
    """A body as an action would write it."""
    at = (START + timedelta(hours=number)).isoformat()
    return canonical({"action": "project.approve", "at": at, "by": "Åsa", "details": {"n": number, "ratio": 0.1}})


TEN = chained(body_of(number) for number in range(1, 11))


def checkpoint_at(sequence: int, records: list[Record], key: Ed25519PrivateKey = KEY) -> Signed:
    """The signed checkpoint taken when record `sequence` was the newest."""
    return sign_checkpoint(
        organization="meridian-air",
        sequence=sequence,
        last_hash=records[sequence - 1].hash,
        at=START + timedelta(days=sequence),
        private_key=key,
    )


def exported(
    path: Path,
    records: list[Record] = TEN,
    checkpoints: Iterable[int] = (4, 8),
    key: Ed25519PrivateKey = KEY,
    sealed: list[Signed] | None = None,
) -> Path:
    """An export of these records, with checkpoints at these numbers."""
    write_bundle(
        path,
        organization="meridian-air",
        records=records,
        checkpoints=sealed if sealed is not None else [checkpoint_at(number, records, key) for number in checkpoints],
        public_keys=[public_bytes(key)],
        private_key=key,
        exported_at=START + timedelta(days=30),
        name="Meridian Air",
    )
    return path


def contents(path: Path) -> dict[str, bytes]:
    """The files in a bundle."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def repacked(path: Path, files: dict[str, bytes]) -> Path:
    """The bundle with other contents, in the place of the old one."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def edited(path: Path, name: str, edit: Callable[[bytes], bytes]) -> Path:
    """The bundle with one file changed by somebody who cannot sign."""
    files = contents(path)
    return repacked(path, {**files, name: edit(files[name])})


def with_records(path: Path, records: Iterable[Record]) -> Path:
    """The bundle with other records put in by somebody who cannot sign."""
    lines = b"".join(f"{canonical(record._asdict())}\n".encode() for record in records)
    return edited(path, verifier.RECORDS, lambda _: lines)


def found(path: Path, *keys: bytes, kept: bytes = b"") -> list[tuple[str, int | None]]:
    """Kinds and record numbers of all problems of a bundle."""
    report, _ = verifier.verify(path, keys, kept)
    return [(problem.kind, problem.sequence) for problem in report.problems]
