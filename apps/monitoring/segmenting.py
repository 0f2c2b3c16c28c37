"""Which segments an endpoint's rows are counted in, and which of them each row belongs to. It writes nothing."""

from collections.abc import Iterator
from typing import Any

from apps.monitoring.models import Purpose, SegmentColumn

MOST_COLUMNS = 5


def columns_of(endpoint_id: Any) -> list[SegmentColumn]:
    """The columns that an endpoint's rows are counted apart by now."""
    rows = SegmentColumn.objects.filter(endpoint_id=endpoint_id, is_active=True, purpose=Purpose.SEGMENT)
    return list(rows.order_by("id"))


def sent_beside(endpoint: Any, signature: Any) -> dict[str, str]:
    """Columns that may be sent beside the model's inputs, with their types."""
    rows = SegmentColumn.objects.filter(endpoint=endpoint, is_active=True)
    known = {*signature.names, *(one.name for one in signature.beside)}
    return {row.column: "number" if row.cuts else "string" for row in rows if row.column not in known}


def parts(table: Any, columns: list[SegmentColumn]) -> Iterator[tuple[str, Any]]:
    """Every segment that has rows in the table, with those rows."""
    import numpy as np
    import pyarrow as pa

    from apps.monitoring.engine import segments

    for column in columns:
        places, labels = segments.places(table, _engine(column))
        for place in np.unique(places):
            yield segments.name_of(column.column, labels[place]), table.filter(pa.array(places == place))


def lines(table: Any, columns: list[SegmentColumn]) -> tuple[list[str], list[SegmentColumn]]:
    """For every row the names of its segments, one a line; and the columns that got new values by it."""
    from apps.monitoring.engine import segments

    grown, found = [], []
    for column in columns:
        known = _engine(column)
        places, labels = segments.places(table, known)
        if len(known.values) > len(column.values):
            column.values = known.values
            grown.append(column)
        names = [segments.name_of(column.column, label) for label in labels]
        found.append([names[place] for place in places])
    return ["\n".join(names) for names in zip(*found, strict=True)] if found else [""] * table.num_rows, grown


def of_pairs(pairs: list[tuple[Any, Any]], columns: list[SegmentColumn]) -> dict[str, list[int]]:
    """For every segment the places of the pairs (prediction, outcome) whose prediction was counted in it."""
    from apps.monitoring.engine import segments

    found: dict[str, list[int]] = {}
    if not columns:
        return found
    by_batch: dict[Any, set[str]] = {}
    for place, (prediction, _) in enumerate(pairs):
        if prediction.batch_id not in by_batch:
            counted = set(prediction.batch.segmented)
            by_batch[prediction.batch_id] = {column.column for column in columns if column.pk in counted}
        for name in (prediction.segments or "").splitlines():
            if segments.column_of(name) in by_batch[prediction.batch_id]:
                found.setdefault(name, []).append(place)
    return found


def _engine(column: SegmentColumn) -> Any:
    from apps.monitoring.engine.segments import Column

    return Column(column.column, list(column.cuts), list(column.values))
