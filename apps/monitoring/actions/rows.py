"""Receiving rows: checked against the model's signature, kept as a file, entered in the ledger, then answered."""

import hashlib
import io
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from apps.audit.actions import action, record
from apps.core import files
from apps.core.errors import Busy, Conflict, Invalid, Refused, TooLarge
from apps.monitoring import policies, segmenting
from apps.monitoring.models import Batch, BatchKind, BatchSource, BatchState
from apps.work import outbox

LARGEST_BODY = 256 * 1024**2
ROWS_A_SECOND = 20_000  # what a worker counts at least, for saying when to come back
MOST_TOLD = 100


def receive(
    *,
    endpoint: Any,
    kind: str,
    body: bytes,
    format: str,
    by: Any,
    key: str = "",
    packing: str = "",
    version: Any = None,
    keep_good: bool = False,
) -> tuple[Batch, bool]:
    """The batch in the ledger, and whether it is new. The same key with the same content is the same batch.

    `format` is one of the values of `engine.intake.FORMATS`, `packing` one of the keys of its PACKINGS or empty;
    without a `key` the content's hash is one. A row that does not fit refuses the batch (Invalid, with the reasons),
    or only itself with `keep_good`.
    """
    policies.check_ingest(by, endpoint)
    body = _unpacked(body, packing)
    if len(body) > LARGEST_BODY:
        raise TooLarge(f"A batch holds at most {LARGEST_BODY // 1024**2} MiB. Send it in parts, each with its own key.")
    sha256 = hashlib.sha256(f"{kind} {format} {getattr(version, 'pk', '')}\n".encode() + body).hexdigest()
    key = key or f"sha256:{sha256}"
    if len(key) > 200:
        raise Invalid("The batch key is longer than 200 characters.", {"batch_key": "Use a shorter one."})
    hold(f"batch {endpoint.pk} {kind} {key}")
    known = Batch.objects.filter(endpoint=endpoint, kind=kind, key=key).first()
    if known is None:
        _require_room(endpoint)
        found = _read(endpoint, kind, body, format, version or version_of(endpoint, kind), keep_good)
        return _enter(endpoint=endpoint, kind=kind, key=key, sha256=sha256, found=found, by=by), True
    if known.sha256 != sha256:
        raise Conflict(
            f"A batch of {known.get_kind_display().lower()} with the key “{key}” was received before with other "
            "content. Nothing was changed. Use a new key for new rows."
        )
    return known, False


def _unpacked(body: bytes, packing: str) -> bytes:
    from apps.monitoring.engine import intake

    if packing in ("", "identity"):
        return body
    if packing not in intake.PACKINGS:
        raise Invalid(f"Content-Encoding is {' or '.join(intake.PACKINGS)}, or left out.")
    try:
        return intake.unpack(body, packing, LARGEST_BODY)
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


def hold(name: str) -> None:
    """Wait until nobody else works on what has this name; held to the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [_number(name)])


def may_hold(name: str) -> bool:
    """The same without waiting: whether it is held now."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_xact_lock(%s)", [_number(name)])
        return bool(cursor.fetchone()[0])


def _number(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


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


def _read(endpoint: Any, kind: str, body: bytes, format: str, version: Any, keep_good: bool) -> dict[str, Any]:
    """What was sent, read and checked: the table, the version, and what was refused."""
    from apps.models.engine.signatures import Signature
    from apps.monitoring.engine import intake, wanted

    if format not in intake.FORMATS.values():
        raise Invalid(f"Send one of these types: {', '.join(intake.FORMATS)}.")
    now = timezone.now()
    try:
        raw = intake.read(body, format)
        if kind == BatchKind.FEEDBACK:
            found = wanted.take_feedback(raw, now)
        elif kind == BatchKind.OUTCOMES:
            found = wanted.take_outcomes(raw, Signature.from_json(version.signature), now)
        else:
            signature = Signature.from_json(version.signature)
            found = wanted.take_predictions(raw, signature, now, segmenting.sent_beside(endpoint, signature))
    except intake.Unreadable as error:
        raise Invalid(error.sentence, error.fields) from error
    _check_refused(found, keep_good)
    return {"table": found.table, "version": version, "refused": found.refused, "errors": _told(found.errors)}


def _told(errors: list) -> list[dict[str, Any]]:
    return [{"row": one.row, "column": one.column, "said": one.said} for one in errors[:MOST_TOLD]]


def _check_refused(found: Any, keep_good: bool) -> None:
    if not found.refused or (keep_good and found.table.num_rows):
        return
    first = [f"row {one.row}: {one.column} {one.said}".replace(":  ", ": ") for one in found.errors[:MOST_TOLD]]
    kept = "Nothing was kept. Correct them and send the batch again"
    also = "" if keep_good else ", or ask for good rows to be kept (on_error=keep)"
    raise Invalid(f"{found.refused} of {found.rows} rows do not fit. {kept}{also}.", {"rows": first})


@action
def _enter(*, endpoint: Any, kind: str, key: str, sha256: str, found: dict[str, Any], by: Any) -> Batch:
    """Keep what was sent and enter it in the ledger, with who sent it."""
    batch = _write(endpoint=endpoint, kind=kind, key=key, sha256=sha256, by=by, **found)
    details = {"rows": batch.rows, "refused": batch.refused, "sha256": batch.sha256, "endpoint": batch.endpoint.key}
    record(by=by, action="batch.received", subject=batch, details=details)
    return batch


def _write(
    *,
    endpoint: Any,
    kind: str,
    key: str,
    sha256: str,
    table: Any,
    version: Any,
    refused: int,
    errors: list,
    by: Any,
    source: str = BatchSource.SENT,
) -> Batch:
    """Keep the rows as a file, enter them in the ledger, and have them counted."""
    stored = keep(table, endpoint, kind)
    first, last = _bounds(table)
    batch = Batch(
        endpoint=endpoint,
        version=None if kind == BatchKind.FEEDBACK else version,
        kind=kind,
        source=source,
        key=key,
        sha256=sha256,
        path=stored.path,
        size=stored.size,
        rows=table.num_rows,
        refused=refused,
        errors=errors,
        first_at=first,
        last_at=last,
        sent_by=by,
    )
    batch.save(force_insert=True)
    outbox.enqueue("monitoring.count_rows", endpoint.pk, queue="monitoring")
    return batch


def keep(table: Any, endpoint: Any, kind: str) -> files.Stored:
    """The rows as a Parquet file in the organization's storage, under endpoint, kind and the hour they came in.

    The folders are named as DuckDB, Polars and Spark expect of partitions. Numbers hardly repeat, so only text and
    truth values get a dictionary: five times faster to write, and smaller.
    """
    import pyarrow as pa
    import pyarrow.parquet

    from apps.monitoring.engine import wanted

    repeating = [
        one.name
        for one in table.schema
        if one.name != wanted.ID and (pa.types.is_string(one.type) or one.type == pa.bool_())
    ]
    sink = io.BytesIO()
    pyarrow.parquet.write_table(table, sink, compression="zstd", use_dictionary=repeating or False)
    sink.seek(0)
    now = timezone.now()
    folder = f"batches/endpoint={endpoint.key}/kind={kind}/date={now:%Y-%m-%d}/hour={now:%H}"
    return files.store(sink, folder=folder, name="rows.parquet", together=True)


def _bounds(table: Any) -> tuple[Any, Any]:
    import pyarrow.compute

    from apps.monitoring.engine.wanted import AT

    if table.num_rows == 0:
        return None, None
    found = pyarrow.compute.min_max(table.column(AT)).as_py()
    return found["min"], found["max"]


def take_served(*, endpoint: Any, version: Any, rows: list[dict[str, Any]], by: Any) -> Batch | None:
    """Take predictions that the endpoint served itself: the same ledger, the same states; None when there are none.

    Each row has the columns as they are kept (engine.wanted.ID, AT, SCORE, PREDICTION) and every input. They were
    checked when they were served and announced once; nobody decides anything here, so nothing is recorded.
    """
    from apps.models.engine.signatures import Signature
    from apps.monitoring.engine import intake, wanted

    found = wanted.take_served(intake.from_rows(rows), Signature.from_json(version.signature), timezone.now())
    if found.table.num_rows == 0:
        return None
    ids = "\n".join(sorted(found.table.column(wanted.ID).to_pylist()))
    sha256 = hashlib.sha256(ids.encode()).hexdigest()
    return _write(
        endpoint=endpoint,
        kind=BatchKind.PREDICTIONS,
        key=f"served:{sha256}",
        sha256=sha256,
        table=found.table,
        version=version,
        refused=found.refused,
        errors=_told(found.errors),
        by=by,
        source=BatchSource.SERVED,
    )
