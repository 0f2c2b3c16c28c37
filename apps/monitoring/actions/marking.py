"""Notes on predictions which segments they lie in, so that their outcomes find the same."""

from typing import Any

from django.db import connection

from apps.core.tenancy import current
from apps.monitoring import segmenting
from apps.monitoring.models import Batch, Prediction, SegmentColumn

CHUNK = 10_000


def mark(*, batch: Batch, table: Any, columns: list[SegmentColumn]) -> dict[str, str]:
    """Note on every prediction of a part of the batch which segments it lies in; returns them by prediction id."""
    from apps.monitoring.engine.wanted import ID

    if not columns:
        return {}
    lines, grown = segmenting.lines(table, columns)
    for column in grown:
        column.save(update_fields=["values"])
    ids = table.column(ID).to_pylist()
    statement = f"""
        update {Prediction._meta.db_table} old set segments = new.segments
        from unnest(%s::text[], %s::text[]) as new (name, segments)
        where old.organization_id = %s and old.endpoint_id = %s and old.prediction_id = new.name"""  # noqa: S608
    with connection.cursor() as cursor:
        for start in range(0, len(ids), CHUNK):
            part = [column[start : start + CHUNK] for column in (ids, lines)]
            cursor.execute(statement, [*part, current(), batch.endpoint_id])
    return dict(zip(ids, lines, strict=True))
