"""Counting received rows into states, each exactly once: a transaction holds the endpoint from reading to adding up."""

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from apps.core import files, tracing
from apps.core.ids import uuid7
from apps.core.tenancy import current
from apps.monitoring import held, segmenting
from apps.monitoring.actions.contents import keep_samples
from apps.monitoring.actions.marking import mark
from apps.monitoring.actions.worth import tally
from apps.monitoring.models import (
    Baseline,
    Batch,
    BatchKind,
    BatchState,
    Feedback,
    Outcome,
    Prediction,
    SegmentColumn,
    State,
    StateKind,
)
from apps.monitoring.signals import outcomes_matched

MOST_ROWS = 100_000  # counted in one transaction; what waits beyond follows in the next
CHUNK = 10_000


@tracing.traced("monitoring.count")
def count_batches(*, endpoint: Any, batches: list[Batch], by: Any) -> None:
    """Add the rows of these batches to the endpoint's states, of a long batch the next part. The caller holds the
    endpoint.

    Their receipt was recorded; that they are counted is no decision, and the ledger says when.
    """
    new: dict[tuple[Baseline, tuple[UUID, ...]], list[Any]] = {}
    for batch in batches:
        for table in _next_groups(batch):
            if batch.kind == BatchKind.PREDICTIONS:
                table = _count_predictions(batch, table)
                if batch.baseline is not None and table.num_rows:
                    new.setdefault((batch.baseline, tuple(batch.segmented)), []).append(table)
            elif batch.kind == BatchKind.OUTCOMES:
                matched = _count_outcomes(batch, table)
                if matched:
                    outcomes_matched.send(Batch, endpoint=endpoint, batch=batch, matched=matched, by=by)
            else:
                _keep_feedback(batch, table)
        batch.save()
    for (baseline, segmented), tables in new.items():
        add_predictions(endpoint, baseline, tables, _columns(endpoint.pk, segmented))


def _next_groups(batch: Batch) -> Iterator[Any]:
    """The row groups of a batch that are counted in this transaction; with the last one it is counted."""
    rows = 0
    with _opened(batch) as file:
        for number in range(batch.groups, file.num_row_groups):
            if rows >= MOST_ROWS:
                return
            table = file.read_row_group(number)
            yield table
            rows += table.num_rows
            batch.groups = number + 1
    batch.state, batch.reduced_at = BatchState.REDUCED, timezone.now()


@contextmanager
def _opened(batch: Batch) -> Iterator[Any]:
    from apps.monitoring.engine import keeping

    with files.local(batch.path) as path, keeping.opened(path) as file:
        yield file


def _columns(endpoint_id: UUID, segmented: Iterable[UUID]) -> list[SegmentColumn]:
    """Of the columns a batch is counted by, those that are still wanted."""
    return [column for column in segmenting.columns_of(endpoint_id) if column.pk in set(segmented)]


def baseline_of(version: Any) -> Baseline | None:
    """The baseline that a version's predictions are counted with: its newest."""
    return Baseline.objects.filter(version=version).order_by("-number").first()


def _count_predictions(batch: Batch, table: Any) -> Any:
    """Remember the new predictions and match outcomes that came before them; returns the rows that are new."""
    from apps.monitoring.engine.wanted import ID

    # All parts of a batch are counted with one baseline and by the same columns: newer ones count all of it again.
    if batch.groups == 0:
        batch.baseline = baseline_of(batch.version)
        batch.segmented = [column.pk for column in segmenting.columns_of(batch.endpoint_id)]
        batch.save(update_fields=["baseline", "segmented"])
    sent = table.num_rows
    table = _only(table, _remember(batch, table))
    batch.repeated += sent - table.num_rows
    mark(batch=batch, table=table, columns=_columns(batch.endpoint_id, batch.segmented))
    if table.num_rows:
        keep_samples(batch=batch, table=table)
        _match(batch.endpoint, _unmatched(batch.endpoint_id, table.column(ID).to_pylist()))
    return table


def kept_rows(batch: Batch) -> Iterator[tuple[Any, dict[str, Prediction]]]:
    """The kept rows of the batch that count, a row group at a time, with their predictions by id."""
    from apps.monitoring.engine.wanted import ID

    with _opened(batch) as file:
        for number in range(file.num_row_groups):
            table = file.read_row_group(number)
            mine: dict[str, Prediction] = {}
            ids = table.column(ID).to_pylist()
            for start in range(0, len(ids), CHUNK):
                part = Prediction.objects.filter(batch=batch, prediction_id__in=ids[start : start + CHUNK])
                mine |= {one.prediction_id: one for one in part}
            for one in mine.values():
                one.batch = batch
            yield _only(table, set(mine)), mine


def known_outcomes(endpoint_id: UUID, ids: list[str]) -> list[Outcome]:
    """What is known now of the predictions with these ids."""
    return [one for one in _current_outcomes(endpoint_id, ids) if one.matched_at is not None]


def _only(table: Any, ids: set[str]) -> Any:
    """The rows with these ids."""
    import pyarrow as pa

    from apps.monitoring.engine.wanted import ID

    if len(ids) == table.num_rows:
        return table
    return table.filter(pa.array([name in ids for name in table.column(ID).to_pylist()], pa.bool_()))


def add_predictions(endpoint: Any, baseline: Baseline, tables: list[Any], columns: list[SegmentColumn]) -> None:
    """Add rows of several batches at once: every hour is read and written once."""
    import pyarrow as pa

    table = pa.concat_tables(tables, promote_options="permissive")
    _add_rows(endpoint, baseline, table, "")
    add_segments(endpoint, baseline, [table], columns)


def add_segments(endpoint: Any, baseline: Baseline, tables: list[Any], columns: list[Any]) -> None:
    """Add rows to the states of the segments that they lie in by these columns."""
    import pyarrow as pa

    if not columns:
        return
    table = pa.concat_tables(tables, promote_options="permissive")
    for segment, rows in segmenting.parts(table, columns):
        _add_rows(endpoint, baseline, rows, segment)


def _add_rows(endpoint: Any, baseline: Baseline, table: Any, segment: str) -> None:
    from apps.monitoring.engine.reduce import reduce_groups
    from apps.monitoring.engine.wanted import AT, hours_of

    moments = table.column(AT)
    states = reduce_groups(table, held.baseline(baseline.pk).bins, hours_of(moments))
    add(endpoint, baseline, StateKind.PREDICTIONS, states, _last(moments), segment=segment)


def _last(moments: Any) -> dt.datetime:
    import pyarrow.compute

    return pyarrow.compute.max(moments).as_py()


def _remember(batch: Batch, table: Any) -> set[str]:
    """Write the predictions that are not known yet; returns their ids."""
    from apps.monitoring.engine.wanted import AT, ID, PREDICTION, SCORE

    names = table.column_names
    said = table.column(PREDICTION).to_pylist()
    is_number = bool(said) and isinstance(next((one for one in said if one is not None), ""), float)
    scores = said if is_number else table.column(SCORE).to_pylist() if SCORE in names else [None] * len(said)
    labels = [None] * len(said) if is_number else said
    columns = [table.column(ID).to_pylist(), table.column(AT).to_pylist(), scores, labels]
    statement = f"""
        insert into {Prediction._meta.db_table}
            (id, organization_id, created_at, batch_id, endpoint_id, prediction_id, at, score, label)
        select new.id, %s, now(), %s, %s, new.name, new.at, new.score, new.label
        from unnest(%s::uuid[], %s::text[], %s::timestamptz[], %s::float8[], %s::text[])
            as new (id, name, at, score, label)
        on conflict (organization_id, endpoint_id, prediction_id) do nothing returning prediction_id"""  # noqa: S608
    fixed = [current(), batch.pk, batch.endpoint_id]
    written: set[str] = set()
    with connection.cursor() as cursor:
        for start in range(0, len(said), CHUNK):
            part = [column[start : start + CHUNK] for column in columns]
            cursor.execute(statement, [*fixed, [uuid7() for _ in part[0]], *part])
            written |= {name for (name,) in cursor.fetchall()}
    return written


def add(
    endpoint: Any,
    baseline: Baseline,
    kind: str,
    states: Iterable[tuple[int, Any]],
    last_at: dt.datetime,
    sign: int = 1,
    segment: str = "",
) -> None:
    """Add states by hour to the stored ones, or with a negative sign take them away. The caller holds the endpoint.

    An hour that was rolled up into its day or month is added there.
    """
    from apps.monitoring.engine import state as engine
    from apps.monitoring.engine.wanted import hour_at

    coming = {hour_at(hour): state for hour, state in states}
    if not coming:
        return
    stored = State.objects.filter(endpoint=endpoint, baseline=baseline, kind=kind, segment=segment)
    there = {row.start_at: row for row in stored.covering(list(coming))}
    totals: dict[dt.datetime, Any] = {}
    for start, state in coming.items():
        place = _place(start, there)
        before = totals.get(place) or (engine.decode(bytes(there[place].data)) if place in there else None)
        totals[place] = state if before is None else before + state if sign > 0 else engine.subtract(before, state)
    new = []
    for place, total in totals.items():
        row = there.get(place)
        if row is None:
            end = engine.end_of(place, "hour")
            whose = {"endpoint": endpoint, "baseline": baseline, "kind": kind, "segment": segment}
            row = State(**whose, start_at=place, end_at=end, last_at=place)
            new.append(row)
        row.changes += 1
        row.rows, row.data = total.rows, total.encode()
        row.last_at = max(row.last_at, min(last_at, row.end_at))
    State.objects.bulk_create(new)
    State.objects.bulk_update(
        [there[place] for place in totals if place in there], ["rows", "data", "last_at", "changes"]
    )


def _place(hour: dt.datetime, there: dict[dt.datetime, State]) -> dt.datetime:
    """Where the state lies that holds this hour: that of its month, of its day, or its own."""
    from apps.monitoring.engine.state import start_of

    for grain in ("month", "day"):
        start = start_of(hour, grain)
        if start in there and there[start].end_at > hour:
            return start
    return hour


def _count_outcomes(batch: Batch, table: Any) -> int:
    """Keep the outcomes, take back those they correct, match what is known; returns how many were matched."""
    from apps.monitoring.engine.wanted import AT, ID, LABEL

    told = dict(
        zip(
            table.column(ID).to_pylist(),
            zip(table.column(LABEL).to_pylist(), table.column(AT).to_pylist(), strict=True),
            strict=True,
        )
    )
    before = {one.prediction_id: one for one in _current_outcomes(batch.endpoint_id, list(told))}
    corrected, fresh = [], []
    for name, (value, at) in told.items():
        old = before.get(name)
        label, number = (None, value) if isinstance(value, float) else (value, None)
        if old is not None and (old.label, old.number) == (label, number):
            batch.repeated += 1
            continue
        if old is not None:
            corrected.append(old)
        fresh.append(
            Outcome(
                batch=batch,
                endpoint_id=batch.endpoint_id,
                prediction_id=name,
                revision=old.revision + 1 if old else 1,
                at=at,
                label=label,
                number=number,
            )
        )
    _take_back(batch.endpoint, corrected)
    for start in range(0, len(fresh), CHUNK):
        Outcome.objects.bulk_create(fresh[start : start + CHUNK])
    matched = _match(batch.endpoint, fresh)
    batch.unmatched += len(fresh) - matched
    return matched


def _current_outcomes(endpoint_id: UUID, ids: list[str]) -> list[Outcome]:
    return [
        one
        for start in range(0, len(ids), CHUNK)
        for one in Outcome.objects.filter(
            endpoint_id=endpoint_id, prediction_id__in=ids[start : start + CHUNK], is_current=True
        )
    ]


def _unmatched(endpoint_id: UUID, ids: list[str]) -> list[Outcome]:
    if not Outcome.objects.filter(endpoint_id=endpoint_id, is_current=True, matched_at=None).exists():
        return []
    return [one for one in _current_outcomes(endpoint_id, ids) if one.matched_at is None]


def _take_back(endpoint: Any, corrected: list[Outcome]) -> None:
    """Outcomes that turned out otherwise no longer count; the rows stay as they were told."""
    matched = [one for one in corrected if one.matched_at is not None]
    _add_outcomes(endpoint, matched, sign=-1)
    for start in range(0, len(corrected), CHUNK):
        keys = [one.pk for one in corrected[start : start + CHUNK]]
        Outcome.objects.filter(pk__in=keys).update(is_current=False)


def _match(endpoint: Any, outcomes: list[Outcome]) -> int:
    """Add outcomes whose predictions are known to their hours; returns how many."""
    found = _add_outcomes(endpoint, outcomes)
    now = timezone.now()
    for start in range(0, len(found), CHUNK):
        Outcome.objects.filter(pk__in=found[start : start + CHUNK]).update(matched_at=now)
    return len(found)


def _add_outcomes(endpoint: Any, outcomes: list[Outcome], sign: int = 1) -> list[UUID]:
    """Add (or take away) outcomes under the hours of their predictions; returns the keys of those whose is known."""
    told = {one.prediction_id: one for one in outcomes}
    names = list(told)
    matched: list[UUID] = []
    by_baseline: dict[UUID | None, list[tuple[Any, Outcome]]] = {}
    for start in range(0, len(names), CHUNK):
        part = names[start : start + CHUNK]
        known = Prediction.objects.filter(endpoint_id=endpoint.pk, prediction_id__in=part).select_related("batch")
        for prediction in known:
            outcome = told[prediction.prediction_id]
            matched.append(outcome.pk)
            by_baseline.setdefault(prediction.batch.baseline_id, []).append((prediction, outcome))
    tally(endpoint=endpoint, pairs=[pair for pairs in by_baseline.values() for pair in pairs], sign=sign)
    for baseline_id, pairs in by_baseline.items():
        if baseline_id is not None:
            add_pairs(endpoint, Baseline.objects.get(pk=baseline_id), pairs, sign)
    return matched


def add_pairs(endpoint: Any, baseline: Baseline, pairs: list[tuple[Any, Any]], sign: int) -> None:
    """Add (or take away) outcomes to the states of their predictions' hours and segments."""
    table, hours = _labelled(baseline, pairs)
    _add_labelled(endpoint, baseline, pairs, table, hours, sign)
    add_pairs_by_segment(endpoint, baseline, pairs, segmenting.columns_of(endpoint.pk), sign, (table, hours))


def add_pairs_by_segment(
    endpoint: Any,
    baseline: Baseline,
    pairs: list[tuple[Any, Any]],
    columns: list[Any],
    sign: int = 1,
    labelled: tuple[Any, Any] | None = None,
) -> None:
    """Add (or take away) outcomes to the states of the segments that their predictions were counted in."""
    by_segment = segmenting.of_pairs(pairs, columns)
    table, hours = labelled or _labelled(baseline, pairs)
    for segment, places in by_segment.items():
        mine = [pairs[place] for place in places]
        _add_labelled(endpoint, baseline, mine, table.take(places), hours[places], sign, segment)


def _labelled(baseline: Baseline, pairs: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    """Predictions and their outcomes as a table, and the hour of each prediction."""
    import pyarrow as pa

    from apps.monitoring.engine.bins import REGRESSION
    from apps.monitoring.engine.wanted import DELAY, LABEL, PREDICTION, SCORE, hours_of

    moments = pa.chunked_array([pa.array([one.at for one, _ in pairs], pa.timestamp("us", tz="UTC"))])
    delays = [max((told.at - one.at).total_seconds() / 3600, 0.0) for one, told in pairs]
    if held.baseline(baseline.pk).bins.outputs.task == REGRESSION:
        said = {PREDICTION: [one.score for one, _ in pairs], LABEL: [told.number for _, told in pairs]}
    else:
        said = {PREDICTION: [one.label for one, _ in pairs], LABEL: [told.label for _, told in pairs]}
        said[SCORE] = pa.array([one.score for one, _ in pairs], pa.float64())
    return pa.table({**said, DELAY: pa.array(delays, pa.float64())}), hours_of(moments)


def _add_labelled(
    endpoint: Any, baseline: Baseline, pairs: list[Any], table: Any, hours: Any, sign: int, segment: str = ""
) -> None:
    from apps.monitoring.engine import outcomes as engine

    states = engine.reduce_groups(table, held.baseline(baseline.pk).outcome_bins, hours)
    last = max(one.at for one, _ in pairs)
    add(endpoint, baseline, StateKind.OUTCOMES, states, last, sign, segment)


def _keep_feedback(batch: Batch, table: Any) -> None:
    rows = table.to_pylist()
    Feedback.objects.bulk_create(
        [
            Feedback(
                endpoint=batch.endpoint,
                batch=batch,
                prediction_id=(row["_id"] or "")[:200],
                rating=row["rating"],
                comment=row["comment"] or "",
                said_by=(row["said_by"] or "")[:200],
                at=row["_at"],
                received_from=batch.sent_by,
            )
            for row in rows
        ],
        batch_size=1_000,
    )
