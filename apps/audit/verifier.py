#!/usr/bin/env python3
"""Verifies an exported Tenure audit trail, offline, with nothing but Python 3.9 or newer.

    python verify.py BUNDLE.zip [--public-key FILE_OR_HEX] [--checkpoint FILE]

The bundle brings a copy of this file as `verify.py`; who does not trust the bundle runs a copy kept elsewhere.

Each record is chained to the one before it:

    hash = SHA-256( previous + "\\n" + sequence + "\\n" + body ), everything as UTF-8 text, hashes as lower-case hex

with sequence 1, 2, 3, ... and 64 zeros before the first. Checkpoints (sequence and hash of the newest record at some
time) and the manifest of the export are signed with Ed25519.

Exit code: 0 the trail is whole, 1 something is wrong and was named, 2 the bundle could not be examined.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import io
import json
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple

FORMAT = "tenure-audit-export/1"
ZEROS = "0" * 64
RECORDS, CHECKPOINTS, KEYS = "records.ndjson", "checkpoints.ndjson", "public_keys.json"
MANIFEST, VERIFIER, README = "manifest.json", "verify.py", "README.txt"
LISTED = (RECORDS, CHECKPOINTS, KEYS, VERIFIER, README)  # the files whose SHA-256 the manifest carries
MANIFEST_FIELDS = {
    "format",
    "organization",
    "first",
    "last",
    "last_hash",
    "count",
    "files",
    "exported_at",
    "key",
    "name",
}
CHECKPOINT_FIELDS = {"organization", "sequence", "hash", "at", "key"}

MAX_LINE = 16 * 1024 * 1024  # no honest record comes near; a hostile line must not fill the memory
MAX_SMALL_FILE = 4 * 1024 * 1024
MAX_PROBLEMS = 1000
SHOWN_PROBLEMS = 50


# --- the format: what the exporter writes and the verifier recomputes ------------------------------------------------


def canonical(value: Any) -> str:
    """The one way a value is written as JSON: sorted keys, no spaces, no escapes but those JSON demands."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def record_hash(previous: str, sequence: int, body: str) -> str:
    """The hash of a record, in hex, from the hash before it, its number and its body as stored."""
    return hashlib.sha256(f"{previous}\n{sequence}\n{body}".encode()).hexdigest()


def _short_integer(digits: str) -> int:
    if len(digits) > 19:  # Python before 3.11 takes quadratic time for a hostile number of a million digits
        raise ValueError("number too long")
    return int(digits)


def key_id(public_key: bytes) -> str:
    """The short name of a public key: the first 16 hex digits of the SHA-256 of its 32 bytes."""
    return hashlib.sha256(public_key).hexdigest()[:16]


# --- Ed25519 (RFC 8032, section 5.1: curve, decoding 5.1.3, addition 5.1.4, verification 5.1.7) -----------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_MINUS_ONE = pow(2, (P - 1) // 4, P)
Point = tuple[int, int, int, int]  # extended coordinates X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z
NEUTRAL: Point = (0, 1, 1, 0)


def _add(first: Point, second: Point) -> Point:
    x1, y1, z1, t1 = first
    x2, y2, z2, t2 = second
    a = (y1 - x1) * (y2 - x2) % P
    b = (y1 + x1) * (y2 + x2) % P
    c = 2 * t1 * t2 * D % P
    d = 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _decode(data: bytes) -> Point | None:
    """The point that 32 bytes stand for, or None when they stand for none."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def _encode(point: Point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, -1, P)
    x, y = x * inverse % P, y * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = _decode((4 * pow(5, -1, P) % P).to_bytes(32, "little")) or NEUTRAL


def _combine(first: int, one: Point, second: int, other: Point) -> Point:
    """`first` times `one` plus `second` times `other`, both ladders climbed together."""
    both, result = _add(one, other), NEUTRAL
    for bit in range(max(first.bit_length(), second.bit_length()) - 1, -1, -1):
        result = _add(result, result)
        choice = (first >> bit & 1) | (second >> bit & 1) << 1
        if choice:
            result = _add(result, (one, other, both)[choice - 1])
    return result


def usable_key(public_key: bytes) -> bool:
    """Whether 32 bytes are a public key; one of the few points of small order vouches for nothing and is none."""
    point = _decode(public_key) if len(public_key) == 32 else None
    return point is not None and _encode(_combine(8, point, 0, BASE)) != _encode(NEUTRAL)


def signature_holds(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 signature over `message` is right for the key."""
    if len(signature) != 64 or not usable_key(public_key):
        return False
    scalar = int.from_bytes(signature[32:], "little")
    point = _decode(public_key)
    if scalar >= ORDER or point is None:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % ORDER
    negated = (P - point[0], point[1], 1, P - point[3])
    return _encode(_combine(scalar, BASE, challenge, negated)) == signature[:32]


# --- what was found --------------------------------------------------------------------------------------------------


class Problem(NamedTuple):
    """One thing that is wrong: its kind, the record it concerns (or None) and a sentence."""

    kind: str
    sequence: int | None
    sentence: str


class TooManyProblems(Exception):
    """Raised when looking further would only lengthen the list."""


class Unreadable(Exception):
    """The bundle cannot be examined at all; the message says why."""


class Report:
    """Collects what is wrong (problems), what was checked (facts) and what cannot be known (limits)."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.facts: list[str] = []
        self.limits: list[str] = []

    def problem(self, kind: str, sequence: int | None, sentence: str) -> None:
        """Note one thing that is wrong."""
        self.problems.append(Problem(kind, sequence, sentence))
        if len(self.problems) >= MAX_PROBLEMS:
            raise TooManyProblems

    @property
    def is_intact(self) -> bool:
        """Whether nothing wrong was found."""
        return not self.problems


# --- the chain -------------------------------------------------------------------------------------------------------


class Record(NamedTuple):
    """One record as exported."""

    sequence: int
    previous: str
    body: str
    hash: str

    def __str__(self) -> str:
        try:
            body = json.loads(self.body, parse_int=_short_integer)
            told = ", ".join(body[name] for name in ("action", "at") if name in body)[:120]
        except (ValueError, TypeError, RecursionError):
            told = ""
        return f"Record {self.sequence} ({told})" if told else f"Record {self.sequence}"


class Gap(NamedTuple):
    """Numbers not seen yet, with the hashes that the records around them demand."""

    first: int
    last: int
    before: frozenset[str]  # hashes of the record before the gap; empty when that is not known
    after: str  # what the record after the gap names as the hash before it


class Checkpoint(NamedTuple):
    """A signed statement: at this time the newest record had this number and this hash."""

    organization: str
    sequence: int
    hash: str
    at: str
    key: str
    is_kept: bool = False  # brought by who verifies, not by the bundle


class Chain:
    """Follows records in the order they are written and names each place where the chain does not hold.

    Memory does not grow with the number of records, only with the number of faults.
    """

    def __init__(self, report: Report, checkpoints: Iterable[Checkpoint] = (), first: int = 1) -> None:
        self.report = report
        self.first, self.expected, self.count = first, first, 0
        self.gaps: list[Gap] = []
        self.signed: dict[int, list[Checkpoint]] = {}
        for checkpoint in checkpoints:
            self.signed.setdefault(checkpoint.sequence, []).append(checkpoint)
        before = [ZEROS] if first == 1 else [checkpoint.hash for checkpoint in self.signed.get(first - 1, ())][:1]
        self.tips = dict.fromkeys(before, 0)  # hash -> line; two when a number came twice, none when nothing is known
        self.agreed = first - 1  # the newest record that a checkpoint confirms

    @property
    def last(self) -> int:
        """The highest number seen, or one less than the first."""
        return self.expected - 1

    def follow(self, record: Record, line: int) -> None:
        """Take the next record, found at this line."""
        self.count += 1
        holds = record_hash(record.previous, record.sequence, record.body) == record.hash
        if not holds:
            sentence = f"{record} was changed: its content does not match its hash."
            self.report.problem("changed", record.sequence, sentence)
        if record.sequence == self.expected:
            self._continue(record, line, holds)
        elif record.sequence > self.expected:
            self._skip(record, line)
        elif not self._fill(record, line, holds):
            return
        self._compare(record)

    def finish(self, last_hash: str = "") -> None:
        """Name what never came; `last_hash` says which of two records that claim the last number is the right one."""
        if len(self.tips) > 1:
            self._settle(last_hash, "the manifest")
        for gap in self.gaps:
            numbers = f"Record {gap.first} is" if gap.first == gap.last else f"Records {gap.first} to {gap.last} are"
            self.report.problem("removed", gap.first, f"{numbers} missing: removed before record {gap.last + 1}.")

    def _continue(self, record: Record, line: int, holds: bool) -> None:
        if len(self.tips) > 1:
            self._settle(record.previous, f"record {record.sequence}")
        elif holds and self.tips and record.previous not in self.tips:
            self._broken(record.sequence)
        self.tips, self.expected = {record.hash: line}, record.sequence + 1

    def _skip(self, record: Record, line: int) -> None:
        if len(self.tips) > 1:
            self._settle("", f"record {record.sequence}")
        self.gaps.append(Gap(self.expected, record.sequence - 1, frozenset(self.tips), record.previous))
        if len(self.gaps) > MAX_PROBLEMS:
            raise TooManyProblems
        self.tips, self.expected = {record.hash: line}, record.sequence + 1

    def _fill(self, record: Record, line: int, holds: bool) -> bool:
        """A record below the expected number: late (True), or one too many (False)."""
        gap = next((gap for gap in self.gaps if gap.first <= record.sequence <= gap.last), None)
        if gap is None:
            self._surplus(record, line)
            return False
        self.report.problem(
            "reordered", record.sequence, f"{record} is out of order: line {line} holds it, after record {self.last}."
        )
        self._close(gap, record, holds)
        return True

    def _close(self, gap: Gap, record: Record, holds: bool) -> None:
        """Split a gap at the late record and hold it against its neighbours where they are known."""
        self.gaps.remove(gap)
        here = frozenset([record.hash])
        if record.sequence > gap.first:
            self.gaps.append(Gap(gap.first, record.sequence - 1, gap.before, record.previous))
        elif holds and gap.before and record.previous not in gap.before:
            self._broken(record.sequence)
        if record.sequence < gap.last:
            self.gaps.append(Gap(record.sequence + 1, gap.last, here, gap.after))
        elif gap.after not in here:
            self._broken(record.sequence + 1)

    def _surplus(self, record: Record, line: int) -> None:
        if record.sequence == self.last and record.hash not in self.tips:
            self.tips[record.hash] = line  # the record that follows will show which of the two belongs here
            return
        self.report.problem(
            "inserted", record.sequence, f"{record} at line {line} was inserted: that number stands elsewhere already."
        )

    def _settle(self, chosen: str, witness: str) -> None:
        """Several records claim one number: name those that what follows does not know."""
        number = self.last
        if chosen not in self.tips:
            lines = " and ".join(str(line) for line in self.tips.values())
            sentence = (
                f"Lines {lines} all claim to be record {number}: nothing that follows says which is the right one."
            )
            self.report.problem("inserted", number, sentence)
            return
        for tip, line in self.tips.items():
            if tip != chosen:
                sentence = f"Record {number} at line {line} was inserted: {witness} names another record {number}."
                self.report.problem("inserted", number, sentence)

    def _broken(self, sequence: int) -> None:
        self.report.problem(
            "changed",
            sequence - 1,
            f"Record {sequence - 1} was changed: record {sequence} was written after a record with another hash.",
        )

    def _compare(self, record: Record) -> None:
        for checkpoint in self.signed.get(record.sequence, ()):
            if checkpoint.hash == record.hash:
                self.agreed = max(self.agreed, record.sequence)
                continue
            start = self.agreed + 1
            which = f"Record {start}" if start == record.sequence else f"A record from {start} to {record.sequence}"
            said = f"the {_called(checkpoint)} gives record {record.sequence} another hash"
            self.report.problem("changed", record.sequence, f"{which} was rewritten: {said}.")


def _called(checkpoint: Checkpoint) -> str:
    return f"checkpoint {'you kept, of' if checkpoint.is_kept else 'signed at'} {checkpoint.at}"


# --- the bundle ------------------------------------------------------------------------------------------------------


class Bundle:
    """The files inside an export, read piece by piece and hashed on the way."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.names = Counter(archive.namelist())
        self.hashes: dict[str, str] = {}

    def check_names(self, report: Report) -> None:
        """Name what the archive holds too much or lacks."""
        expected = (*LISTED, MANIFEST)
        for name in expected:
            if name not in self.names:
                report.problem("file", None, f"The bundle lacks {name}.")
            elif self.archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise Unreadable(f"{name} is packed in a way that no export uses.")
        for name, times in self.names.items():
            if name not in expected:
                report.problem("file", None, f"The bundle holds a file that no export writes: {name[:200]!r}.")
            elif times > 1:
                report.problem("file", None, f"The bundle holds {name!r} more than once.")

    def small(self, name: str) -> bytes:
        """The whole content of a file that must be small; empty when the bundle lacks it."""
        if name not in self.names:
            return b""
        with self.archive.open(name) as stream:
            content = stream.read(MAX_SMALL_FILE + 1)
        if len(content) > MAX_SMALL_FILE:
            raise Unreadable(f"{name} is larger than {MAX_SMALL_FILE} bytes; no export writes such a file.")
        self.hashes[name] = hashlib.sha256(content).hexdigest()
        return content

    def lines(self, name: str) -> Iterator[tuple[int, bytes]]:
        """Line numbers and lines of a file, one at a time; the hash is known when the last has been taken."""
        if name not in self.names:
            return
        digest = hashlib.sha256()
        with self.archive.open(name) as opened, io.BufferedReader(_Raw(opened), 1 << 18) as stream:
            for number, line in _split(stream):
                digest.update(line)
                yield number, line
        self.hashes[name] = digest.hexdigest()


class _Raw(io.RawIOBase):
    """Lets a buffered reader, which finds lines fast, read from a file inside an archive."""

    def __init__(self, source: Any) -> None:
        self.source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.source.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _split(stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := stream.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE:
            raise Unreadable(f"Line {number} is longer than {MAX_LINE} bytes; no export writes such a line.")
        yield number, line


def parse_object(text: bytes, fields: set[str]) -> dict[str, Any] | None:
    """The JSON object written in exactly the exporter's way with exactly these fields, or None.

    Insisting on the one way of writing leaves no room for a file that two programs read differently.
    """
    try:
        value = json.loads(text, parse_int=_short_integer)
        same = (
            isinstance(value, dict) and set(value) == fields and canonical(value).encode() == text.removesuffix(b"\n")
        )
    except (ValueError, RecursionError):
        return None
    return value if same else None


def parse_record(line: bytes) -> Record | None:
    """The record on a line, or None when the line is none."""
    value = parse_object(line, {"sequence", "previous", "body", "hash"})
    if value is None or type(value["sequence"]) is not int:
        return None
    texts = (value["previous"], value["body"], value["hash"])
    return Record(value["sequence"], *texts) if all(isinstance(text, str) for text in texts) else None


class Signed(NamedTuple):
    """A signed text: what it says, and the bytes that the signature covers."""

    content: dict[str, Any]
    body: bytes
    signature: bytes


def parse_signed(line: bytes, fields: set[str]) -> Signed | None:
    """A body with its signature, when both are written as the exporter writes them."""
    envelope = parse_object(line, {"body", "signature"})
    if envelope is None or not all(isinstance(part, str) for part in envelope.values()):
        return None
    try:
        signature = base64.b64decode(envelope["signature"], validate=True)
    except (binascii.Error, ValueError):
        return None
    body = envelope["body"].encode()
    content = parse_object(body, fields)
    return Signed(content, body, signature) if content is not None else None


class Keys:
    """The public keys to believe: those given by who verifies, else those that the bundle brings."""

    def __init__(self, given: Iterable[bytes], report: Report) -> None:
        self.report = report
        self.given = {key_id(key): key for key in given}
        self.bundled: dict[str, bytes] = {}

    def load(self, content: bytes) -> None:
        """Read the bundle's own keys; each must carry its right name."""
        try:
            found = json.loads(content or b"{}")
            pairs = {str(name): base64.b64decode(raw, validate=True) for name, raw in found.items()}
        except (ValueError, TypeError, AttributeError, RecursionError):
            self.report.problem("file", None, f"{KEYS} cannot be read.")
            return
        for name, raw in pairs.items():
            if key_id(raw) == name and usable_key(raw):
                self.bundled[name] = raw
            else:
                self.report.problem("signature", None, f"{KEYS} lists a key as {name[:40]!r} that is not that key.")

    def judge(self, signed: Signed) -> bool | None:
        """Whether the signature holds; None when the key is not among those to believe."""
        key = (self.given or self.bundled).get(str(signed.content["key"]))
        return None if key is None else signature_holds(key, signed.body, signed.signature)


class Examination:
    """One look at one bundle, from the manifest to the last record."""

    def __init__(self, bundle: Bundle, keys: Keys, report: Report) -> None:
        self.bundle, self.keys, self.report = bundle, keys, report
        self.manifest: dict[str, Any] = {}
        self.checkpoints: list[Checkpoint] = []
        self.unvouched = 0
        self.chain = Chain(report)

    def read_manifest(self) -> None:
        """Read what the export says of itself and check its signature."""
        text = self.bundle.small(MANIFEST)
        signed = parse_signed(text, MANIFEST_FIELDS)
        if signed is None or not _sound_manifest(signed.content):
            if text:
                self.report.problem("file", None, f"{MANIFEST} is not a manifest of the format {FORMAT}.")
            return
        self.manifest = signed.content
        verdict = self.keys.judge(signed)
        if verdict is None:
            whose = "the key you gave" if self.keys.given else "any key in the bundle"
            sentence = f"The manifest is signed with key {signed.content['key']}, not {whose}."
            self.report.problem("signature", None, sentence)
        elif not verdict:
            self.report.problem("signature", None, "The signature of the manifest is wrong: the manifest was changed.")

    def read_checkpoints(self) -> None:
        """Read the signed checkpoints that came with the export."""
        for number, line in self.bundle.lines(CHECKPOINTS):
            self._take_checkpoint(line, f"Line {number} of {CHECKPOINTS}", is_kept=False)

    def keep_checkpoints(self, content: bytes) -> None:
        """Read checkpoints that who verifies has kept elsewhere."""
        for number, line in enumerate(content.splitlines(), 1):
            if line.strip():
                self._take_checkpoint(line, f"Line {number} of the checkpoints you kept", is_kept=True)

    def _take_checkpoint(self, line: bytes, where: str, *, is_kept: bool) -> None:
        signed = parse_signed(line, CHECKPOINT_FIELDS)
        if signed is None or not _sound_checkpoint(signed.content):
            self.report.problem("file", None, f"{where} is not a signed checkpoint.")
            return
        verdict = self.keys.judge(signed)
        checkpoint = Checkpoint(**signed.content, is_kept=is_kept)
        if verdict is False:
            sentence = f"{where}, of {checkpoint.at}, carries a wrong signature."
            self.report.problem("signature", checkpoint.sequence, sentence)
        elif self.manifest and checkpoint.organization != self.manifest["organization"]:
            self.report.problem("checkpoint", checkpoint.sequence, f"{where} belongs to another organization.")
        elif verdict is None and not is_kept:
            self.unvouched += 1
        else:
            self.checkpoints.append(checkpoint)

    def read_records(self) -> None:
        """Follow the chain from the first record to the last."""
        self.chain = Chain(self.report, self.checkpoints, self.manifest.get("first", 1))
        for number, line in self.bundle.lines(RECORDS):
            record = parse_record(line)
            if record is None:
                self.report.problem("malformed", None, f"Line {number} of {RECORDS} is not a record.")
            else:
                self.chain.follow(record, number)
            if number % 100_000 == 0 and sys.stderr.isatty():
                print(f"\r{number:,} records", end="", file=sys.stderr, flush=True)
        self.chain.finish(self.manifest.get("last_hash", ""))

    def check_end(self) -> None:
        """Hold the end of the chain against the manifest and the checkpoints."""
        for checkpoint in sorted(self.checkpoints, key=lambda one: one.sequence):
            if checkpoint.sequence > self.chain.last:
                self._cut_off(checkpoint.sequence, f"the {_called(checkpoint)} knows record {checkpoint.sequence}")
        if not self.manifest:
            return
        last = self.manifest["last"]
        if last > self.chain.last:
            self._cut_off(last, f"the manifest says the last is record {last}")
        elif last < self.chain.last:
            sentence = f"Records after {last} were inserted: the manifest says that record {last} is the last."
            self.report.problem("inserted", last + 1, sentence)
        elif self.manifest["last_hash"] not in self.chain.tips and last >= self.manifest["first"]:
            self.report.problem("changed", last, f"Record {last} was changed: the manifest gives it another hash.")

    def _cut_off(self, until: int, witness: str) -> None:
        start = self.chain.last + 1
        numbers = f"Record {start} was" if start == until else f"Records {start} to {until} were"
        self.report.problem("truncated", start, f"{numbers} cut off at the end: {witness}.")

    def check_files(self) -> None:
        """Hold every file against the hash that the manifest gives it."""
        if not self.manifest:
            return
        for name in (VERIFIER, README):
            self.bundle.small(name)
        for name in LISTED:
            found, listed = self.bundle.hashes.get(name), self.manifest["files"].get(name)
            if found is not None and found != listed:
                self.report.problem("file", None, f"{name} is not the file that was exported: its SHA-256 is {found}.")
        if self.manifest["count"] != self.chain.count:
            said = f"The manifest counts {self.manifest['count']} records, the bundle holds {self.chain.count}."
            self.report.problem("file", None, said)

    def conclude(self) -> None:
        """Say what was checked and what no one could know from this bundle."""
        self._say_what_holds()
        self._say_what_is_unknown()

    def _say_what_holds(self) -> None:
        chain, facts = self.chain, self.report.facts
        if not self.report.is_intact:
            return
        if not chain.count:
            facts.append("The trail is empty.")
            return
        facts.append(f"Records {chain.first} to {chain.last}: none changed, removed, inserted or out of order.")
        facts.append(f"The last record has the hash {next(iter(chain.tips))}.")
        facts.append(f"Signed checkpoints that agree with the records: {len(self.checkpoints)}.")

    def _say_what_is_unknown(self) -> None:
        chain, limits = self.chain, self.report.limits
        if self.unvouched:
            limits.append(
                f"Whether {self.unvouched} checkpoints are right: they are signed with a key you did not give."
            )
        if chain.first > 1:
            limits.append(f"What came before record {chain.first}: the export begins there.")
        if not self.keys.given:
            names = ", ".join(sorted(self.keys.bundled)) or "none"
            limits.append(
                f"Whose the keys are: signatures were checked with the bundle's own ({names}). Somebody who rewrote "
                "everything could have put in their own; give the key that you keep elsewhere with --public-key."
            )
        if not any(checkpoint.is_kept for checkpoint in self.checkpoints):
            limits.append(
                "Whether the holder of the signing key exported a shorter or rewritten trail: only a checkpoint that "
                "was kept elsewhere shows that; give it with --checkpoint."
            )
        if chain.agreed < chain.last:
            newest = f"{chain.agreed + 1} to {chain.last}" if chain.agreed + 1 < chain.last else f"{chain.last}"
            limits.append(
                f"What a checkpoint says of record {newest}: none covers it, only the manifest vouches for it."
            )


def _sound_manifest(manifest: dict[str, Any]) -> bool:
    numbers = all(type(manifest[name]) is int for name in ("first", "last", "count"))
    texts = all(isinstance(manifest[name], str) for name in ("organization", "name", "last_hash", "exported_at", "key"))
    known = manifest["format"] == FORMAT and isinstance(manifest["files"], dict)
    return numbers and texts and known and manifest["first"] >= 1


def _sound_checkpoint(content: dict[str, Any]) -> bool:
    texts = all(isinstance(content[name], str) for name in CHECKPOINT_FIELDS - {"sequence"})
    return texts and type(content["sequence"]) is int


Outcome = tuple[Report, dict[str, Any]]


def verify(source: str | Path | BinaryIO, public_keys: Iterable[bytes] = (), kept: bytes = b"") -> Outcome:
    """Examine a bundle; returns the report and the manifest (empty when unreadable).

    `public_keys` are raw keys known from elsewhere, `kept` the text of checkpoints kept elsewhere, one a line.
    Raises Unreadable when the file is no readable archive.
    """
    report = Report()
    try:
        with zipfile.ZipFile(source) as archive:
            examination = Examination(Bundle(archive), Keys(public_keys, report), report)
            _examine(examination, kept)
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise Unreadable(f"The bundle is damaged or no ZIP archive: {error}.") from error
    return report, examination.manifest


def _examine(examination: Examination, kept: bytes) -> None:
    bundle, report = examination.bundle, examination.report
    try:
        bundle.check_names(report)
        examination.keys.load(bundle.small(KEYS))
        examination.read_manifest()
        examination.read_checkpoints()
        examination.keep_checkpoints(kept)
        examination.read_records()
        examination.check_end()
        examination.check_files()
        examination.conclude()
    except TooManyProblems:
        report.limits.append(f"What else is wrong: after {MAX_PROBLEMS} faults the search ended.")


# --- the command -----------------------------------------------------------------------------------------------------


def parse_public_key(argument: str) -> list[bytes]:
    """The raw public keys in a hex string, or in a file with hex, base64, PEM, 32 raw bytes or a public_keys.json."""
    try:
        data = bytes.fromhex(argument) if _is_hex(argument) else Path(argument).read_bytes()
    except (OSError, ValueError) as error:
        raise Unreadable(f"The public key cannot be read: {error}.") from error
    keys = [data] if len(data) == 32 else _keys_in(data)
    if not keys or not all(usable_key(key) for key in keys):
        raise Unreadable("What was given as public key is not an Ed25519 public key.")
    return keys


def _is_hex(text: str) -> bool:
    return len(text) == 64 and set(text.lower()) <= set("0123456789abcdef")  # a path may be as long


def _keys_in(data: bytes) -> list[bytes]:
    text = data.decode("utf-8", "replace").strip()
    try:
        if text.startswith("{"):
            return [base64.b64decode(value, validate=True) for value in json.loads(text).values()]
        if text.startswith("-----BEGIN PUBLIC KEY-----"):
            der = base64.b64decode("".join(text.splitlines()[1:-1]))
            return [der[12:]] if der[:12] == bytes.fromhex("302a300506032b6570032100") else []  # RFC 8410, section 4
        return [bytes.fromhex(text) if _is_hex(text) else base64.b64decode(text, validate=True)]
    except (ValueError, TypeError, AttributeError):
        return []


def sentences(report: Report, manifest: dict[str, Any]) -> Iterator[str]:
    """The report in plain sentences, safe to print: a hostile bundle must not write to the terminal's controls."""
    lines = (
        [f"Audit trail of {manifest['name'] or manifest['organization']}, exported at {manifest['exported_at']}."]
        if manifest
        else []
    )
    lines += [f"WRONG: {problem.sentence}" for problem in report.problems[:SHOWN_PROBLEMS]]
    if len(report.problems) > SHOWN_PROBLEMS:
        lines.append(f"WRONG: and {len(report.problems) - SHOWN_PROBLEMS} more.")
    lines += report.facts
    lines += [f"Not known: {limit}" for limit in report.limits]
    lines.append("Result: the trail is whole." if report.is_intact else "Result: the trail is NOT whole.")
    for line in lines:
        yield "".join(sign if sign.isprintable() else "?" for sign in line)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Verify an exported Tenure audit trail, offline.")
    parser.add_argument("bundle", help="the exported ZIP file")
    key_help = "a public key that you keep elsewhere; may be repeated"
    parser.add_argument("--public-key", action="append", default=[], metavar="FILE_OR_HEX", help=key_help)
    parser.add_argument("--checkpoint", metavar="FILE", help="signed checkpoints that you kept elsewhere, one a line")
    options = parser.parse_args(arguments)
    try:
        keys = [key for argument in options.public_key for key in parse_public_key(argument)]
        kept = Path(options.checkpoint).read_bytes() if options.checkpoint else b""
        report, manifest = verify(options.bundle, keys, kept)
    except (Unreadable, OSError) as error:
        print(f"Result: not examined. {error}")
        return 2
    print("\n".join(sentences(report, manifest)))
    return 0 if report.is_intact else 1


if __name__ == "__main__":
    sys.exit(main())
