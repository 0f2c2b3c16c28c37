"""The recorder's side of the database: many predictions in one statement, each stored and announced exactly once."""

import datetime as dt
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection
from django.db.utils import IntegrityError
from django.utils import timezone

from apps.core import channel, tenancy
from apps.deployments import traffic
from apps.deployments.models import PredictionRecord, ServerCounter
from apps.deployments.serving import ledger, records
from apps.deployments.serving.recorder import Unavailable
from apps.deployments.signals import predictions_recorded
from apps.models.models import ModelVersion
from apps.organizations import tokens

# Two plain statements: put into one, what is known and what is new are joined on a guess about a table that grows
# faster than its statistics, and the guess was the square of a batch.
KNOWN = """
select prediction_id from deployments_predictionrecord
where organization_id = %(organization)s and endpoint_id = %(endpoint)s and prediction_id = any(%(ids)s::text[])
  and status = 'ok' and not is_repeat
"""
INSERT = """
insert into deployments_predictionrecord
    (id, organization_id, endpoint_id, version_id, prediction_id, call, row, request_id, at, event_at, seconds, status,
     inputs, outputs, error, is_repeat, created_at)
select given.id, %(organization)s, given.endpoint_id, given.version_id, given.prediction_id, given.call, given.row,
       given.request_id, given.at, given.event_at, given.seconds, given.status, given.inputs::jsonb,
       given.outputs::jsonb, given.error, given.is_repeat, now()
from unnest(%(id)s::uuid[], %(endpoint_id)s::uuid[], %(version_id)s::uuid[], %(prediction_id)s::text[],
            %(call)s::uuid[], %(row)s::int[], %(request_id)s::text[], %(at)s::timestamptz[],
            %(event_at)s::timestamptz[], %(seconds)s::float8[], %(status)s::text[], %(inputs)s::text[],
            %(outputs)s::text[], %(error)s::text[], %(is_repeat)s::boolean[])
     as given (id, endpoint_id, version_id, prediction_id, call, row, request_id, at, event_at, seconds, status,
               inputs, outputs, error, is_repeat)
on conflict (id) do nothing
returning id
"""
COLUMNS = (
    "id", "endpoint_id", "version_id", "prediction_id", "call", "row", "request_id", "at", "event_at", "seconds",
    "status", "inputs", "outputs", "error", "is_repeat",
)  # fmt: skip


@dataclass
class Recorded:
    """One recorded prediction as it is announced. `inputs` and `outputs` are values by name."""

    id: UUID
    endpoint_id: UUID
    version_id: UUID
    prediction_id: str
    call: UUID
    row: int
    request_id: str
    at: dt.datetime
    event_at: dt.datetime
    seconds: float
    status: str
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    is_repeat: bool = False
    outside: int = 0  # rows of its call outside the conditions of use


def store(server: str, calls: Sequence[records.Call]) -> int:
    """Keep the calls of the ambient organization and announce what is new; how many predictions that was."""
    rows = [row for call in calls for row in _rows(call)]
    _mark_repeats(rows)
    new = _insert(rows)
    fresh = [row for row in rows if row.id in new]
    _count_recorded(server, fresh)
    traffic.add(fresh)
    tokens.mark_used({call.facts.token for call in calls if call.facts.token})
    by_version = lambda row: (row.endpoint_id, row.version_id)  # noqa: E731
    for (endpoint_id, version_id), group in itertools.groupby(sorted(fresh, key=by_version), by_version):
        predictions_recorded.send(
            sender=PredictionRecord, endpoint_id=endpoint_id, version_id=version_id, predictions=list(group)
        )
    return len(fresh)


def keep_counts(server: str, counts: Sequence[ledger.Count]) -> None:
    """Keep what the server's processes counted for the ambient organization; the processes' counts are added up."""
    totals: dict[UUID, list[int]] = {}
    for count in counts:
        total = totals.setdefault(count.endpoint_id, [0, 0])
        total[0] += count.kept
        total[1] += count.dropped
    for endpoint_id, (kept, dropped) in totals.items():
        counter = _counter(server, endpoint_id)
        counter.kept, counter.dropped, counter.updated_at = kept, dropped, timezone.now()
        counter.save()


def count_set_aside(server: str, facts: records.Facts) -> None:
    """Count a call of the ambient organization that can never be stored."""
    counter = _counter(server, UUID(facts.endpoint))
    counter.set_aside += facts.rows
    counter.updated_at = timezone.now()
    counter.save()


class Database:
    """The recorder's sink: each organization's calls in a transaction of its own."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.names_of = lru_cache(maxsize=1000)(self._names)

    def names(self, facts: records.Facts) -> list[str]:
        """The input names of the version that answered, in order."""
        return self.names_of(facts.organization, facts.version)

    def store(self, organization: str, calls: Sequence[records.Call]) -> None:
        """Keep the calls; Unavailable when the database is away."""
        with _reached(), channel.through("recorder"), tenancy.tenant(organization):
            store(self.server, calls)

    def set_aside(self, facts: records.Facts) -> None:
        """Count a call that can never be stored."""
        with _reached(), tenancy.tenant(facts.organization):
            count_set_aside(self.server, facts)

    def counts(self, counts: Sequence[ledger.Count]) -> None:
        """Keep what the server's processes counted."""
        by_organization = lambda count: count.organization_id.bytes  # noqa: E731
        for key, group in itertools.groupby(sorted(counts, key=by_organization), by_organization):
            with _reached(), tenancy.tenant(UUID(bytes=key)):
                keep_counts(self.server, list(group))

    def _names(self, organization: str, version: str) -> list[str]:
        with _reached(), tenancy.tenant(organization):
            found = ModelVersion.objects.only("signature").get(pk=version)
            return [column["name"] for column in found.signature["inputs"]]


class _reached:
    """Turns "the database is away" into Unavailable, and drops the broken connection."""

    def __enter__(self) -> None:
        """Nothing has to be prepared."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, OperationalError | InterfaceError):
            connection.close()
            raise Unavailable(str(error).strip()) from error
        if isinstance(error, IntegrityError) and "deployments_prediction_id" in str(error):
            # Another host's recorder stored the same prediction id in the same moment: now it is there to be seen.
            raise Unavailable("Another recorder was quicker.") from error


def _rows(call: records.Call) -> list[Recorded]:
    facts = call.facts
    shared: dict[str, Any] = {
        "endpoint_id": UUID(facts.endpoint),
        "version_id": UUID(facts.version),
        "call": UUID(facts.call),
        "request_id": facts.request_id,
        "at": call.at,
        "seconds": facts.seconds,
        "status": facts.status,
        "error": facts.error,
        "outside": facts.outside,
    }
    if facts.status != records.OK:
        return [Recorded(id=UUID(facts.call), prediction_id="", row=1, event_at=call.at, **shared)]
    return [
        Recorded(
            id=one.id,
            prediction_id=one.prediction_id,
            row=one.row,
            event_at=one.event_at,
            inputs=one.inputs,
            outputs=one.outputs,
            **shared,
        )
        for one in call.predictions
    ]


def _mark_repeats(rows: list[Recorded]) -> None:
    """Mark the answered rows whose prediction id their endpoint knows, from before or from earlier in these rows."""
    answered: dict[UUID, list[Recorded]] = {}
    for row in rows:
        if row.status == records.OK:
            answered.setdefault(row.endpoint_id, []).append(row)
    for endpoint_id, group in answered.items():
        given: dict[str, Any] = {
            "organization": tenancy.current(),
            "endpoint": endpoint_id,
            "ids": [row.prediction_id for row in group],
        }
        with connection.cursor() as cursor:
            cursor.execute(KNOWN, given)
            known = {prediction_id for (prediction_id,) in cursor.fetchall()}
        for row in group:
            row.is_repeat = row.prediction_id in known
            known.add(row.prediction_id)


def _insert(rows: list[Recorded]) -> set[UUID]:
    """Insert what is not there yet; the ids of what was new."""
    if not rows:
        return set()
    given: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in COLUMNS}
    for name in ("inputs", "outputs"):
        given[name] = [json.dumps(values, ensure_ascii=False) for values in given[name]]
    with connection.cursor() as cursor:
        cursor.execute(INSERT, {**given, "organization": tenancy.current()})
        return {key for (key,) in cursor.fetchall()}


def _count_recorded(server: str, fresh: list[Recorded]) -> None:
    answered = sorted(row.endpoint_id for row in fresh if row.status == records.OK)
    for endpoint_id, group in itertools.groupby(answered):
        counter = _counter(server, endpoint_id)
        counter.recorded += len(list(group))
        counter.updated_at = timezone.now()
        counter.save()


def _counter(server: str, endpoint_id: UUID) -> ServerCounter:
    counter, _ = ServerCounter.objects.select_for_update().get_or_create(
        server=server, endpoint_id=endpoint_id, defaults={"updated_at": timezone.now()}
    )
    return counter
