"""The signed statement of a concluded run: made once, kept, and made again from the record to the same bytes."""

import base64
import hashlib
import io
import json
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from apps.audit import chain, statements
from apps.audit.verifier import key_id
from apps.core import files
from apps.core.errors import Conflict
from apps.validation import records, sheets
from apps.validation.models import Measurement, SignedReport, ValidationRun
from apps.validation.records import Record

PREDICATE_TYPE = "urn:tenure:predicate:validation:v1"
REPORT = "report.pdf"


def sign(run: ValidationRun) -> SignedReport:
    """Draw the report of a run that was just concluded, sign what it says, and keep both."""
    loaded = records.load(run)
    results = records.results_of(loaded)
    record = records.of(loaded, results)
    made = sheets.pdf(record, results)
    stored = files.store(io.BytesIO(made), folder="reports", name=f"{loaded.version.model.key}-validation.pdf")
    public = chain.public_key()
    signed = SignedReport(
        run=run,
        envelope=envelope(record, made, chain.private_key()),
        report=stored.path,
        report_sha256=stored.sha256,
        report_size=stored.size,
        public_key=base64.b64encode(public).decode(),
        key_id=key_id(public),
    )
    signed.save(force_insert=True)
    return signed


def envelope(record: Record, report: bytes, private_key: Ed25519PrivateKey) -> str:
    """The statement about everything the record names, the report included, in its signed envelope."""
    subjects = subjects_of(record) | {"report": hashlib.sha256(report).hexdigest()}
    return statements.sign(statements.statement(subjects, PREDICATE_TYPE, record), private_key)


def subjects_of(record: Record) -> dict[str, str]:
    """What the statement is about, by name: the artifact, the data, the champion, the plan."""
    plan = record["plan"]
    found = {"artifact": record["version"]["artifact"]["sha256"], "plan": plan["hash"]}
    found |= {f"{role} data": one["sha256"] for role, one in sorted(plan["data"].items())}
    return found | ({"champion": plan["champion"]["sha256"]} if plan["champion"] else {})


def record_of(signed: SignedReport) -> Record:
    """The record as it was signed."""
    found: Record = json.loads(statements.payload_of(signed.envelope))["predicate"]
    return found


def signed_report(run: ValidationRun) -> SignedReport | None:
    """What was signed at the conclusion of a run; None while nobody has concluded."""
    return SignedReport.objects.filter(run=run).first()


def what_was_signed(run: ValidationRun) -> SignedReport:
    """The same; Conflict with a sentence while nobody has concluded."""
    signed = signed_report(run)
    if signed is None:
        raise Conflict(f"Nobody has concluded from {run}: there is nothing signed yet.")
    return signed


def report(run: ValidationRun) -> bytes:
    """The report as it was signed, or drawn from the record as it stands while nobody has concluded."""
    signed = signed_report(run)
    if signed is not None:
        with files.open_file(signed.report) as kept:
            return kept.read()
    loaded = records.load(run)
    results = records.results_of(loaded)
    return sheets.pdf(records.of(loaded, results), results)


def drawn_again(signed: SignedReport, results: Sequence[Measurement]) -> bytes:
    """The signed report drawn again from what was signed and the results: the same bytes as those that were kept."""
    return sheets.pdf(record_of(signed), results)


def bundle(signed: SignedReport) -> bytes:
    """Statement, report, public key and verifier in one archive, to be checked offline."""
    with files.open_file(signed.report) as kept:
        found: dict[str, Any] = {REPORT: kept.read()}
    return statements.bundle(signed.envelope, base64.b64decode(signed.public_key), found)
