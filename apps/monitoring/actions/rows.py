"""Receiving rows: checked against the model's signature, kept as a file, entered in the ledger, then answered."""

import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from apps.audit.actions import action, record
from apps.core import files, tracing
from apps.core.errors import Busy, Conflict, Invalid, Refused, TooLarge
from apps.core.locks import hold
from apps.monitoring import policies, segmenting
from apps.monitoring.actions.asking import ask_to_count
from apps.monitoring.actions.refusals import Misfit
from apps.monitoring.models import Batch, BatchKind, BatchSource, BatchState

if TYPE_CHECKING:
    from apps.monitoring.engine.intake import Intake, Raw
    from apps.monitoring.engine.keeping import Kept

ROWS_A_SECOND = 20_000  # what a worker counts at least, for saying when to come back
PIECE = 1024**2


@tracing.traced("monitoring.receive")
def receive(
    *,
    endpoint: Any,
    kind: str,
    body: bytes | BinaryIO,
    format: str,
    by: Any,
    key: str = "",
    packing: str = "",
    version: Any = None,
    keep_good: bool = False,
) -> tuple[Batch, bool]:
    """The batch in the ledger, and whether it is new. The same key with the same content is the same batch.

    `format` is one of the values of `engine.reading.FORMATS`, `packing` one of the keys of its PACKINGS or empty;
    without a `key` the content's hash is one. A row that does not fit refuses the batch (Invalid, with the reasons),
    or only itself with `keep_good`. However large the body, it passes through the memory a part at a time.
    """
    policies.check_ingest(by, endpoint)
    source = io.BytesIO(body) if isinstance(body, bytes) else body
    with files.scratch() as folder:
        digest = hashlib.sha256(f"{kind} {format} {getattr(version, 'pk', '')}\n".encode())
        _spool(source, packing, folder / "sent", digest)
        sha256 = digest.hexdigest()
        key = key or f"sha256:{sha256}"
        if len(key) > 200:
            raise Invalid("The batch key is longer than 200 characters.", {"batch_key": "Use a shorter one."})
        hold(f"batch {endpoint.pk} {kind} {key}")
        known = Batch.objects.filter(endpoint=endpoint, kind=kind, key=key).first()
        if known is None:
            _require_room(endpoint)
            version = version or version_of(endpoint, kind)
            content = folder / "rows.parquet"
            kept = _read(endpoint, kind, folder / "sent", format, version, keep_good, content)
            sent = {"endpoint": endpoint, "kind": kind, "key": key, "sha256": sha256, "version": version}
            return _enter(sent=sent | {"kept": kept, "content": content}, by=by), True
    if known.sha256 != sha256:
        raise Conflict(
            f"A batch of {known.get_kind_display().lower()} with the key “{key}” was received before with other "
            "content. Nothing was changed. Use a new key for new rows."
        )
    return known, False


def _spool(source: BinaryIO, packing: str, path: Path, digest: Any) -> None:
    """Write the body to a file as it was before it was packed, hashing it on the way.

    Unpacking ends at the limit, so that a small body cannot fill the disk; the rest of the body is read all the same,
    so that the sender gets an answer instead of a broken connection.
    """
    size, limit = 0, settings.TENURE_BATCH_LIMIT
    with path.open("wb") as file:
        for piece in _pieces(source, packing):
            size += len(piece)
            if size > limit:
                break
            digest.update(piece)
            file.write(piece)
    if size > limit:
        while source.read(PIECE):
            pass
        raise TooLarge(f"A batch holds at most {limit / 1024**2:,.0f} MiB. Send it in parts, each with its own key.")


def _pieces(source: BinaryIO, packing: str) -> Iterator[bytes]:
    if packing in ("", "identity"):
        yield from iter(lambda: source.read(PIECE), b"")
        return
    from apps.monitoring.engine import intake, reading

    if packing not in reading.PACKINGS:
        raise Invalid(f"Content-Encoding is {' or '.join(reading.PACKINGS)}, or left out.")
    try:
        yield from reading.unpacked(source, packing)
    except intake.Unreadable as error:
        raise Invalid(error.sentence) from error


def _require_room(endpoint: Any) -> None:
    """Raise Busy while so many rows wait to be counted that more would only wait longer."""
    waiting = (
        Batch.objects.filter(endpoint=endpoint, state=BatchState.RECEIVED).aggregate(rows=Sum("rows"))["rows"] or 0
    )
    if waiting < settings.TENURE_MOST_WAITING_ROWS:
        return
    raise Busy(
        f"{waiting:,} rows of this endpoint wait to be counted. Nothing was taken; send the batch again later.",
        retry_after=min(max(waiting // ROWS_A_SECOND, 5), 300),
    )


def receive_predictions(*, endpoint: Any, body: bytes, format: str, by: Any, **more: Any) -> Batch:
    """Take a batch of predictions; see `receive`."""
    return receive(endpoint=endpoint, kind=BatchKind.PREDICTIONS, body=body, format=format, by=by, **more)[0]


def receive_outcomes(*, endpoint: Any, body: bytes, format: str, by: Any, **more: Any) -> Batch:
    """Take a batch of outcomes; see `receive`."""
    return receive(endpoint=endpoint, kind=BatchKind.OUTCOMES, body=body, format=format, by=by, **more)[0]


def receive_feedback(*, endpoint: Any, body: bytes, format: str, by: Any, **more: Any) -> Batch:
    """Take a batch of feedback; see `receive`."""
    return receive(endpoint=endpoint, kind=BatchKind.FEEDBACK, body=body, format=format, by=by, **more)[0]


def version_of(endpoint: Any, kind: str) -> Any:
    """The version that answers at the endpoint now: whose rows they are when the sender does not say."""
    current = endpoint.current
    if current is not None:
        return current.version
    if kind == BatchKind.PREDICTIONS:
        raise Refused("Nothing is deployed on this endpoint. Say with `version` which version made the predictions.")
    last = endpoint.deployments.exclude(started_at=None).order_by("-number").select_related("version").first()
    if last is None and kind == BatchKind.OUTCOMES:
        raise Refused("Nothing was ever deployed on this endpoint, so no prediction can have an outcome.")
    return last.version if last else None


def _read(endpoint: Any, kind: str, sent: Path, format: str, version: Any, keep_good: bool, content: Path) -> "Kept":
    """What was sent, read and checked part by part, its good rows written to `content`."""
    from apps.monitoring.engine import intake, keeping, reading

    if format not in reading.FORMATS.values():
        raise Invalid(f"Send one of these types: {', '.join(reading.FORMATS)}.")
    try:
        take = _taker(endpoint, kind, version)
        unique = kind != BatchKind.FEEDBACK
        plain = settings.TENURE_PLAIN_BATCHES
        kept = keeping.keep(reading.read(sent, format), take, content, keep_good=keep_good, unique=unique, plain=plain)
    except intake.Unreadable as error:
        raise Invalid(error.sentence, error.fields) from error
    _check_refused(kept, keep_good)
    return kept


def _taker(endpoint: Any, kind: str, version: Any) -> "Callable[[Raw], Intake]":
    """What makes rows of this kind of a part of what was sent."""
    from apps.models.engine.signatures import Signature
    from apps.monitoring.engine import wanted

    now = timezone.now()
    if kind == BatchKind.FEEDBACK:
        return lambda raw: wanted.take_feedback(raw, now)
    signature = Signature.from_json(version.signature)
    if kind == BatchKind.OUTCOMES:
        return lambda raw: wanted.take_outcomes(raw, signature, now)
    beside = segmenting.sent_beside(endpoint, signature)
    return lambda raw: wanted.take_predictions(raw, signature, now, beside)


def _check_refused(kept: "Kept", keep_good: bool) -> None:
    if not kept.refused or (keep_good and kept.rows):
        return
    raise Misfit(kept, keep_good)


@action
def _enter(*, sent: dict[str, Any], by: Any) -> Batch:
    """Keep what was sent and enter it in the ledger, with who sent it."""
    batch = _write(**sent, by=by)
    details = {"rows": batch.rows, "refused": batch.refused, "sha256": batch.sha256, "endpoint": batch.endpoint.key}
    record(by=by, action="batch.received", subject=batch, details=details)
    return batch


def _write(
    *,
    endpoint: Any,
    kind: str,
    key: str,
    sha256: str,
    kept: "Kept",
    content: Path,
    version: Any,
    by: Any,
    source: str = BatchSource.SENT,
) -> Batch:
    """Keep the rows, which lie in the Parquet file `content`, enter them in the ledger, and have them counted."""
    size = content.stat().st_size
    batch = Batch(
        endpoint=endpoint,
        version=None if kind == BatchKind.FEEDBACK else version,
        kind=kind,
        source=source,
        key=key,
        sha256=sha256,
        path=_keep(content, endpoint, kind),
        size=size,
        rows=kept.rows,
        refused=kept.refused,
        errors=[{"row": one.row, "column": one.column, "said": one.said} for one in kept.errors],
        first_at=kept.first_at,
        last_at=kept.last_at,
        sent_by=by,
    )
    batch.save(force_insert=True)
    ask_to_count()
    return batch


def _keep(content: Path, endpoint: Any, kind: str) -> str:
    """The file in the organization's storage, under endpoint, kind and the hour it came in.

    The folders are named as DuckDB, Polars and Spark expect of partitions.
    """
    now = timezone.now()
    folder = f"batches/endpoint={endpoint.key}/kind={kind}/date={now:%Y-%m-%d}/hour={now:%H}"
    return files.adopt(content, folder=folder, name="rows.parquet", together=True)


def take_served(*, endpoint: Any, version: Any, rows: list[dict[str, Any]], by: Any) -> Batch | None:
    """Take predictions that the endpoint served itself: the same ledger, the same states; None when there are none.

    Each row has the columns as they are kept (engine.wanted.ID, AT, SCORE, PREDICTION) and every input. They were
    checked when they were served and announced once; nobody decides anything here, so nothing is recorded.
    """
    from apps.models.engine.signatures import Signature
    from apps.monitoring.engine import keeping, reading, wanted

    signature, now = Signature.from_json(version.signature), timezone.now()
    sha256 = hashlib.sha256("\n".join(sorted(row[wanted.ID] for row in rows)).encode()).hexdigest()
    with files.scratch() as folder:
        content = folder / "rows.parquet"
        kept = keeping.keep(
            [reading.from_rows(rows)],
            lambda raw: wanted.take_served(raw, signature, now),
            content,
            keep_good=True,
            plain=settings.TENURE_PLAIN_BATCHES,
        )
        if kept.rows == 0:
            return None
        return _write(
            endpoint=endpoint,
            kind=BatchKind.PREDICTIONS,
            key=f"served:{sha256}",
            sha256=sha256,
            kept=kept,
            content=content,
            version=version,
            by=by,
            source=BatchSource.SERVED,
        )
