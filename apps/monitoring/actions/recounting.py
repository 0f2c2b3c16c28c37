"""Counting again what is still kept, with a baseline that is newer than the rows."""

from typing import Any

from django.db.models import Q

from apps.audit.actions import action, record
from apps.core.locks import hold
from apps.monitoring import segmenting
from apps.monitoring.actions.counting import (
    MOST_ROWS,
    add_pairs,
    add_predictions,
    baseline_of,
    kept_rows,
    known_outcomes,
)
from apps.monitoring.actions.marking import mark
from apps.monitoring.models import Baseline, Batch, BatchKind, BatchState
from apps.work import outbox


def still_kept() -> Any:
    """Batches of predictions that were counted and whose rows are still kept."""
    return Batch.objects.filter(kind=BatchKind.PREDICTIONS, state=BatchState.REDUCED, removed_at=None)


def recount(*, baseline: Baseline, by: Any) -> int:
    """Count earlier predictions of the version with this baseline, from the kept batches; returns how many batches.

    A part at a time: what is left follows in the next task.
    """
    earlier = still_kept().filter(version=baseline.version)
    waiting = earlier.filter(~Q(baseline=baseline) | Q(baseline=None)).order_by("id")
    first = waiting.select_related("endpoint").first()
    if first is None or baseline_of(baseline.version) != baseline:
        return 0
    hold(f"count {first.endpoint_id}")
    batches: list[Batch] = []
    rows = 0
    for batch in waiting.filter(endpoint=first.endpoint_id).select_related("endpoint")[:1_000]:
        if batches and rows + batch.rows > MOST_ROWS:
            break
        batches.append(batch)
        rows += batch.rows
    if batches:
        recount_batches(baseline=baseline, batches=batches, by=by)
    if waiting.exists():
        outbox.enqueue("monitoring.recount", baseline.pk, queue="counting")
    return len(batches)


@action
def recount_batches(*, baseline: Baseline, batches: list[Batch], by: Any) -> None:
    """Add what these batches hold, and its known outcomes, to the states of this baseline."""
    columns = segmenting.columns_of(batches[0].endpoint_id)
    for batch in batches:
        is_new = set(batch.segmented) != {column.pk for column in columns}
        batch.baseline, batch.segmented = baseline, [column.pk for column in columns]
        batch.save()
        for table, mine in kept_rows(batch):
            if is_new:
                for name, segments in mark(batch=batch, table=table, columns=columns).items():
                    mine[name].segments = segments
            if table.num_rows == 0:
                continue
            add_predictions(batch.endpoint, baseline, [table], columns)
            known = known_outcomes(batch.endpoint_id, list(mine))
            if known:
                add_pairs(batch.endpoint, baseline, [(mine[one.prediction_id], one) for one in known], 1)
    details = {"batches": len(batches), "rows": sum(batch.rows for batch in batches)}
    record(by=by, action="baseline.recounted", subject=baseline, details=details)
