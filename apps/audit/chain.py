"""Reading the chain back: verification inside the portal, signed checkpoints, export."""

import base64
import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.conf import settings
from django.utils import timezone

from apps.audit.export import Signed, sign_checkpoint, write_bundle
from apps.audit.models import Checkpoint, Head, Record
from apps.audit.verifier import Record as Sealed
from apps.audit.verifier import key_id
from apps.core.tenancy import current

GENESIS = "0" * 64


def private_key() -> Ed25519PrivateKey:
    """The portal's signing key, made on first use and kept readable by its owner alone."""
    path = Path(settings.TENURE_DATA) / "keys" / "audit.ed25519"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        temporary = path.with_suffix(".new")
        temporary.touch(mode=0o600)
        temporary.write_bytes(fresh)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(temporary)
        temporary.unlink()
    return Ed25519PrivateKey.from_private_bytes(path.read_bytes())


def public_key() -> bytes:
    """The raw public key, 32 bytes."""
    return private_key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def write_checkpoint() -> Checkpoint | None:
    """Sign the head of the ambient organization's chain; None when nothing was ever decided."""
    head = Head.objects.first()
    newest = Checkpoint.objects.first()
    if head is None or (newest is not None and newest.sequence == head.sequence):
        return newest
    signed = sign_checkpoint(
        organization=str(current()),
        sequence=head.sequence,
        last_hash=head.hash,
        at=timezone.now(),
        private_key=private_key(),
    )
    checkpoint = Checkpoint(
        sequence=head.sequence,
        body=signed.body,
        signature=base64.b64encode(signed.signature).decode(),
        key_id=key_id(public_key()),
    )
    checkpoint.save(force_insert=True)
    return checkpoint


def export(path: Path, name: str) -> dict:
    """Write the ambient organization's chain as a bundle that verifies offline; returns its manifest."""
    write_checkpoint()
    return write_bundle(
        path,
        organization=str(current()),
        name=name,
        records=(Sealed(entry.sequence, entry.previous, entry.body, entry.hash) for entry in records()),
        checkpoints=(
            Signed(row.body, base64.b64decode(row.signature)) for row in Checkpoint.objects.order_by("sequence")
        ),
        public_keys=[public_key()],
        private_key=private_key(),
        exported_at=timezone.now(),
    )


def records() -> Iterator[Record]:
    """The ambient organization's records in order, streamed."""
    return Record.objects.order_by("sequence").iterator(chunk_size=2000)


def faults() -> list[str]:
    """Everything wrong with the ambient organization's chain, as sentences; an empty list when it holds."""
    found, previous, expected = [], GENESIS, 1
    hashes: dict[int, str] = {}
    signed = {checkpoint.sequence for checkpoint in Checkpoint.objects.all()}
    for entry in records():
        if entry.sequence != expected:
            found.append(f"Record {expected} is missing; the next one is {entry.sequence}.")
            expected = entry.sequence
        if entry.previous != previous:
            found.append(f"Record {entry.sequence} does not follow from the one before it.")
        if entry.hash != hashlib.sha256(f"{entry.previous}\n{entry.sequence}\n{entry.body}".encode()).hexdigest():
            found.append(f"Record {entry.sequence} was changed after it was written.")
        elif _columns(entry) != _as_written(json.loads(entry.body)):
            found.append(f"Record {entry.sequence} shows other values than those that were hashed.")
        if entry.sequence in signed:
            hashes[entry.sequence] = entry.hash
        previous, expected = entry.hash, expected + 1
    head = Head.objects.first()
    if head is not None and (head.sequence, head.hash) != (expected - 1, previous):
        found.append(f"The chain ends at record {expected - 1}, but its head says {head.sequence}.")
    for checkpoint in Checkpoint.objects.order_by("sequence"):
        body = json.loads(checkpoint.body)
        if hashes.get(checkpoint.sequence) != body["hash"]:
            found.append(f"The checkpoint at record {checkpoint.sequence} signed another chain.")
        if checkpoint.key_id == key_id(public_key()):
            try:
                private_key().public_key().verify(base64.b64decode(checkpoint.signature), checkpoint.body.encode())
            except Exception:
                found.append(f"The signature of the checkpoint at record {checkpoint.sequence} does not hold.")
    return found


def _columns(entry: Record) -> tuple:
    return (entry.action, str(entry.actor_id), entry.subject_type, entry.subject_id, entry.subject_label, entry.reason)


def _as_written(body: dict) -> tuple:
    subject = body["subject"]
    return (body["action"], body["actor"], subject["type"], subject["id"], subject["label"], body["reason"])
