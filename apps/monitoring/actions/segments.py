"""Columns to tell predictions apart by: chosen, given up, and counted from the kept batches."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from apps.audit.actions import action, record
from apps.core.errors import Conflict
from apps.core.locks import hold
from apps.monitoring import policies, segmenting
from apps.monitoring.actions import counting
from apps.monitoring.actions.marking import mark
from apps.monitoring.actions.monitors import create_monitor
from apps.monitoring.actions.recounting import still_kept
from apps.monitoring.models import (
    Batch,
    Clock,
    Monitor,
    MonitorKind,
    Purpose,
    Reference,
    SegmentColumn,
    Span,
    State,
)
from apps.work import outbox

PART = 20_000  # rows counted in one transaction, while which what arrives for the endpoint waits


@action
def watch_column(
    *,
    endpoint: Any,
    column: str,
    by: Any,
    purpose: str = Purpose.SEGMENT,
    cuts: Sequence[float] = (),
    is_protected: bool = False,
    favourable: str = "",
    top: int = 10,
    reason: str = "",
) -> SegmentColumn:
    """Count the endpoint's rows apart by a column from now on; a worker counts the kept ones.

    With the first such column comes a monitor that compares the segments.
    """
    policies.check_monitor(by, endpoint)
    hold(f"segments {endpoint.pk}")
    chosen = SegmentColumn(
        endpoint=endpoint,
        column=column.strip(),
        purpose=purpose,
        cuts=sorted(float(cut) for cut in cuts),
        is_protected=is_protected and purpose == Purpose.SEGMENT,
        favourable=favourable.strip(),
        top=top,
        created_by=by,
    )
    policies.check_segment(chosen, SegmentColumn.objects.filter(endpoint=endpoint, is_active=True))
    if State.objects.filter(endpoint=endpoint, segment__startswith=f"{chosen.column}=").exists():
        raise Conflict(f"What was counted by “{chosen.column}” before is being dropped. Try again in a minute.")
    chosen.save(force_insert=True)
    if purpose == Purpose.SEGMENT:
        outbox.enqueue("monitoring.count_segments", endpoint.pk, queue="counting")
        _compare(endpoint, by)
    details = {"endpoint": endpoint.key, "column": chosen.column, "purpose": purpose, "cuts": chosen.cuts}
    details |= {"is_protected": chosen.is_protected, "favourable": chosen.favourable}
    record(by=by, action="segment.watched", subject=endpoint, reason=reason, details=details)
    return chosen


def _compare(endpoint: Any, by: Any) -> None:
    """A monitor of the segments, by the same clock as the others, where there is none."""
    monitors = Monitor.objects.filter(endpoint=endpoint)
    if monitors.filter(kind=MonitorKind.SEGMENTS).exists():
        return
    like = monitors.filter(kind=MonitorKind.DRIFT).first()
    create_monitor(
        endpoint=endpoint,
        kind=MonitorKind.SEGMENTS,
        name="Segments",
        reference=Reference.TRAILING,
        window=like.window if like else Span.WEEK,
        clock=like.clock if like else Clock.NOW,
        owner=like.owner if like else by,
        every=like.every if like else dt.timedelta(hours=1),
        by=by,
    )


@action
def give_up_column(*, column: SegmentColumn, by: Any, reason: str = "") -> SegmentColumn:
    """Count by this column no longer; a worker drops its states. What checks found stays."""
    policies.check_monitor(by, column.endpoint)
    if not column.is_active:
        raise Conflict("This column is no longer watched.")
    column.is_active = False
    column.save(update_fields=["is_active"])
    outbox.enqueue("monitoring.count_segments", column.endpoint_id, queue="counting")
    details = {"column": column.column}
    record(by=by, action="segment.given_up", subject=column.endpoint, reason=reason, details=details)
    return column


def count_segments(*, endpoint: Any, by: Any) -> int:
    """Count earlier predictions by the columns chosen since, from the kept batches; returns how many batches.

    What was counted by columns that were given up is dropped first. A part at a time, for what arrives meanwhile waits;
    what is left follows in the next task. A batch says which columns it was counted by, so that a worker that is
    killed, or a second one, counts nothing twice.
    """
    hold(f"count {endpoint.pk}")
    columns = segmenting.columns_of(endpoint.pk)
    _drop(endpoint, columns)
    if not columns:
        return 0
    waiting = still_kept().filter(endpoint=endpoint)
    waiting = waiting.exclude(segmented__contains=[column.pk for column in columns]).order_by("id")
    batches: list[Batch] = []
    rows = 0
    for batch in waiting.select_related("endpoint", "baseline")[:1_000]:
        if batches and rows + batch.rows > PART:
            break
        batches.append(batch)
        rows += batch.rows
    if batches:
        count_batches_again(endpoint=endpoint, batches=batches, columns=columns, by=by)
    if waiting.exists():
        outbox.enqueue("monitoring.count_segments", endpoint.pk, queue="counting")
    return len(batches)


def _drop(endpoint: Any, columns: list[SegmentColumn]) -> None:
    """Delete the states of columns that were given up. The caller holds the endpoint, so nobody adds to them."""
    states = State.objects.filter(endpoint=endpoint).exclude(segment="")
    for column in columns:
        states = states.exclude(segment__startswith=f"{column.column}=")
    states.delete()


def count_behind() -> int:
    """Have counted what is still to be counted by a segment column; returns of how many endpoints."""
    chosen: dict[Any, list[Any]] = {}
    for column in SegmentColumn.objects.filter(is_active=True, purpose=Purpose.SEGMENT):
        chosen.setdefault(column.endpoint_id, []).append(column.pk)
    earlier = still_kept()
    behind = [
        endpoint_id
        for endpoint_id, keys in chosen.items()
        if earlier.filter(endpoint_id=endpoint_id).exclude(segmented__contains=keys).exists()
    ]
    for endpoint_id in behind:
        outbox.enqueue("monitoring.count_segments", endpoint_id, queue="counting")
    return len(behind)


@action
def count_batches_again(*, endpoint: Any, batches: list[Batch], columns: list[SegmentColumn], by: Any) -> None:
    """Add what these batches hold to the states of the columns that they were not counted by. The caller holds the
    endpoint.
    """
    for batch in batches:
        pending = [column for column in columns if column.pk not in batch.segmented]
        batch.segmented = [column.pk for column in columns]
        batch.save(update_fields=["segmented"])
        try:
            for table, mine in counting.kept_rows(batch):
                _count_part(batch, table, mine, columns, pending)
        except FileNotFoundError:  # kept no longer: what is gone cannot be told apart, and is not asked for again
            continue
    names = [column.column for column in columns]
    details = {"batches": len(batches), "rows": sum(batch.rows for batch in batches), "columns": names}
    record(by=by, action="segments.counted", subject=endpoint, details=details)


def _count_part(batch: Batch, table: Any, mine: dict[str, Any], columns: list[Any], pending: list[Any]) -> None:
    for name, segments in mark(batch=batch, table=table, columns=columns).items():
        mine[name].segments = segments
    if table.num_rows == 0 or batch.baseline is None:
        return
    counting.add_segments(batch.endpoint, batch.baseline, [table], pending)
    known = counting.known_outcomes(batch.endpoint_id, list(mine))
    if known:
        pairs = [(mine[one.prediction_id], one) for one in known]
        counting.add_pairs_by_segment(batch.endpoint, batch.baseline, pairs, pending)
