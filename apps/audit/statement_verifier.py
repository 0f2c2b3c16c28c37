#!/usr/bin/env python3
"""Verifies a signed statement of Tenure, offline, with nothing but Python 3.9 or newer.

    python verify.py statement.json FILE... [--public-key FILE_OR_HEX]

The statement is an in-toto Statement v1 in a DSSE envelope, signed with Ed25519. FILEs are what one holds in hands: the
model's file, the report, the data. Each must be one of the statement's subjects, byte for byte. What the statement says
of itself (the plan's content under the plan's hash) is computed again.

`verifier.py` beside this file brings the arithmetic of the signature. Without --public-key the keys beside the
statement (public_keys.json) are taken, which only shows that nothing was changed since: give the key that you keep.

Exit code: 0 everything holds, 1 something is wrong and was named, 2 the statement could not be examined.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

try:
    from apps.audit.verifier import Report, Unreadable, canonical, key_id, parse_public_key, signature_holds
except ImportError:  # outside the portal it lies beside this file
    from verifier import (  # type: ignore[import-not-found, no-redef]
        Report,
        Unreadable,
        canonical,
        key_id,
        parse_public_key,
        signature_holds,
    )

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
KEYS = "public_keys.json"
MAX_STATEMENT = 64 * 1024 * 1024
CHUNK = 1024 * 1024


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """What is signed: DSSE's PAE, "DSSEv1 LENGTH TYPE LENGTH PAYLOAD" with the lengths in bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def open_envelope(text: bytes) -> tuple[str, bytes, list[tuple[str, bytes]]]:
    """Payload type, payload and (key's name, signature) of an envelope; Unreadable for anything else."""
    try:
        found = json.loads(text)
        payload = base64.b64decode(found["payload"], validate=True)
        signed = [
            (str(one.get("keyid", "")), base64.b64decode(one["sig"], validate=True)) for one in found["signatures"]
        ]
        return str(found["payloadType"]), payload, signed
    except (ValueError, TypeError, KeyError, AttributeError, binascii.Error, RecursionError) as error:
        raise Unreadable(f"This is no signed statement: {error}.") from error


def verify(text: bytes, keys: Iterable[bytes], files: Iterable[Path] = ()) -> tuple[Report, dict[str, Any]]:
    """Examine a statement against keys and files; the report and the statement ({} where none is readable)."""
    report = Report()
    kind, payload, signatures = open_envelope(text)
    _check_signatures(pre_authentication(kind, payload), signatures, list(keys), report)
    statement = _read(kind, payload, report)
    if statement:
        _check_plan(statement, report)
        for file in files:
            _check_file(file, statement, report)
    return report, statement


def _check_signatures(message: bytes, signatures: list[tuple[str, bytes]], keys: list[bytes], report: Report) -> None:
    holding = [key for key in keys if any(signature_holds(key, message, signature) for _, signature in signatures)]
    if holding:
        report.facts.append(f"The signature holds: key {', '.join(map(key_id, holding))}.")
        return
    named = ", ".join(name for name, _ in signatures) or "nobody"
    known = ", ".join(map(key_id, keys)) or "none"
    sentence = (
        f"No signature holds: the statement was changed, or another key signed it ({named}; keys given: {known})."
    )
    report.problem("signature", None, sentence)


def _read(kind: str, payload: bytes, report: Report) -> dict[str, Any]:
    try:
        statement = json.loads(payload)
        subjects = {str(one["name"]): str(one["digest"]["sha256"]) for one in statement["subject"]}
        good = kind == PAYLOAD_TYPE and statement["_type"] == STATEMENT_TYPE and subjects
    except (ValueError, TypeError, KeyError, RecursionError):
        good = False
    if not good:
        report.problem("file", None, f"What is signed is no {STATEMENT_TYPE} with subjects.")
        return {}
    found: dict[str, Any] = statement
    return found


def _check_plan(statement: dict[str, Any], report: Report) -> None:
    """The plan's content must have the hash under which the plan is a subject."""
    plan = (statement.get("predicate") or {}).get("plan")
    if not isinstance(plan, dict) or "content" not in plan:
        return
    found = hashlib.sha256(canonical(plan["content"]).encode()).hexdigest()
    if found in _digests(statement).values():
        report.facts.append(f"The plan in the statement has the hash {found}.")
    else:
        report.problem("plan", None, f"The plan in the statement has the hash {found}, which is not the plan's.")


def _check_file(file: Path, statement: dict[str, Any], report: Report) -> None:
    try:
        found = file_hash(file)
    except OSError as error:
        raise Unreadable(f"{file} cannot be read: {error}.") from error
    names = [name for name, digest in _digests(statement).items() if digest == found]
    if names:
        report.facts.append(f"{file.name} is the statement's {names[0]}.")
    else:
        sentence = f"{file.name} is none of the statement's subjects: its SHA-256 is {found}."
        report.problem("file", None, sentence)


def _digests(statement: dict[str, Any]) -> dict[str, str]:
    return {str(one["name"]): str(one["digest"]["sha256"]) for one in statement["subject"]}


def file_hash(file: Path) -> str:
    """The SHA-256 of a file, in hex, read in pieces."""
    digest = hashlib.sha256()
    with file.open("rb") as handle:
        while piece := handle.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def sentences(report: Report, statement: dict[str, Any]) -> Iterator[str]:
    """The report in plain sentences, safe to print whatever the statement holds."""
    lines = [f"{statement['predicateType']}: {', '.join(_digests(statement))}"] if "predicateType" in statement else []
    lines += [f"WRONG: {problem.sentence}" for problem in report.problems]
    lines += report.facts + [f"Not known: {limit}" for limit in report.limits]
    lines.append("Result: everything holds." if report.is_intact else "Result: it does NOT hold.")
    for line in lines:
        yield "".join(sign if sign.isprintable() else "?" for sign in line)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Verify a signed statement of Tenure, offline.")
    parser.add_argument("statement", type=Path, help="the statement in its envelope")
    parser.add_argument("files", nargs="*", type=Path, help="files that must be subjects of the statement")
    key_help = "a public key that you keep elsewhere; may be repeated"
    parser.add_argument("--public-key", action="append", default=[], metavar="FILE_OR_HEX", help=key_help)
    options = parser.parse_args(arguments)
    beside = options.statement.parent / KEYS
    try:
        given = options.public_key or ([str(beside)] if beside.exists() else [])
        if options.statement.stat().st_size > MAX_STATEMENT:
            raise Unreadable("This is too large for a statement.")
        keys = [key for argument in given for key in parse_public_key(argument)]
        report, statement = verify(options.statement.read_bytes(), keys, options.files)
    except (Unreadable, OSError) as error:
        print(f"Result: not examined. {error}")
        return 2
    if not options.public_key:
        report.limits.append("Whose the key is: it came with the statement. Give the one you keep with --public-key.")
    if not options.files:
        report.limits.append("Whether you hold the same files: name them to have them compared.")
    print("\n".join(sentences(report, statement)))
    return 0 if report.is_intact else 1


if __name__ == "__main__":
    sys.exit(main())
