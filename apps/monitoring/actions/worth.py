"""What outcomes are worth: amounts written by people, and outcomes added up by the day."""

import datetime as dt
from typing import Any

from django.db import connection
from django.db.models import Max

from apps.audit.actions import action, record
from apps.core.ids import uuid7
from apps.core.locks import hold
from apps.core.tenancy import current
from apps.monitoring import policies
from apps.monitoring.models import Batch, Outcome, OutcomeDay, OutcomeValues, Prediction
from apps.work import outbox

CELLS = {(True, True): "true_positive", (True, False): "false_positive", (False, False): "true_negative"}
COLUMNS = (
    "known", "true_positive", "false_positive", "true_negative", "false_negative", "right", "wrong", "error",
)  # fmt: skip


@action
def set_values(
    *, project: Any, currency: str, values: dict[str, float], since: dt.date, reason: str, by: Any, endpoint: Any = None
) -> OutcomeValues:
    """Say what right and wrong predictions are worth from a day on: of one endpoint, or of every one of the project."""
    policies.check_set_values(by, project)
    hold(f"values {project.pk}")
    same = OutcomeValues.objects.filter(project=project, endpoint=endpoint)
    written = OutcomeValues(
        project=project,
        endpoint=endpoint,
        number=(same.aggregate(newest=Max("number"))["newest"] or 0) + 1,
        currency=currency.strip().upper(),
        values={name: float(value) for name, value in values.items() if value is not None},
        since=since,
        reason=reason.strip(),
        written_by=by,
    )
    policies.check_values(written)
    written.save(force_insert=True)
    endpoints = [endpoint.pk] if endpoint else _endpoints_of(project)
    for endpoint_id in endpoints:
        outbox.enqueue("monitoring.add_up", endpoint_id, queue="monitoring")
    details = {"endpoint": endpoint.key if endpoint else None, "number": written.number, "since": since}
    details |= {"currency": written.currency, "values": written.values}
    record(by=by, action="values.written", subject=written, reason=reason, details=details)
    return written


def _endpoints_of(project: Any) -> list[Any]:
    from apps.deployments.models import Endpoint

    return list(Endpoint.objects.filter(model__project=project).values_list("pk", flat=True))


def tally(*, endpoint: Any, pairs: list[tuple[Any, Any]], sign: int) -> None:
    """Add (or take away) matched outcomes, as (prediction, outcome), to the days of their predictions. The caller holds
    the endpoint; nobody decides anything here, so nothing is recorded.
    """
    if not pairs:
        return
    positive = _positive_labels({prediction.batch.version_id for prediction, _ in pairs})
    days: dict[dt.date, dict[str, float]] = {}
    for prediction, outcome in pairs:
        sums = days.setdefault(prediction.at.astimezone(dt.UTC).date(), dict.fromkeys(COLUMNS, 0))
        sums["known"] += sign
        if outcome.label is None:
            sums["error"] += sign * abs((prediction.score or 0.0) - outcome.number)
            continue
        sums["right" if prediction.label == outcome.label else "wrong"] += sign
        yes = positive.get(prediction.batch.version_id)
        if yes is not None:
            sums[CELLS.get((prediction.label == yes, outcome.label == yes), "false_negative")] += sign
    _write(endpoint.pk, days)


def _positive_labels(version_ids: set[Any]) -> dict[Any, str]:
    """The label that a yes-or-no version calls positive, for those that are."""
    from apps.models.engine.signatures import Signature, class_key
    from apps.models.models import ModelVersion

    found = {}
    for version in ModelVersion.objects.filter(pk__in=version_ids):
        signature = Signature.from_json(version.signature)
        if signature.task == "binary":
            found[version.pk] = class_key(signature.classes[1])
    return found


def _write(endpoint_id: Any, days: dict[dt.date, dict[str, float]]) -> None:
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    changes = ", ".join(f'"{name}" = old."{name}" + excluded."{name}"' for name in COLUMNS)
    holes = ", ".join(["%s"] * len(COLUMNS))
    statement = f"""
        insert into {OutcomeDay._meta.db_table} as old (id, organization_id, created_at, endpoint_id, day, {names})
        values (%s, %s, now(), %s, %s, {holes})
        on conflict (organization_id, endpoint_id, day) do update set {changes}"""  # noqa: S608
    rows = [
        [uuid7(), current(), endpoint_id, day, *[sums[name] for name in COLUMNS]] for day, sums in sorted(days.items())
    ]
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)


def add_up(*, endpoint: Any) -> int:
    """Add up the outcomes that were known before outcomes were added up by the day; returns how many days that made."""
    hold(f"count {endpoint.pk}")
    if OutcomeDay.objects.filter(endpoint=endpoint).exists():
        return 0
    statement = f"""
        select date(p.at at time zone 'UTC'), b.version_id, p.label, o.label, count(*),
               coalesce(sum(abs(p.score - o.number)), 0)
        from {Prediction._meta.db_table} p
        join {Outcome._meta.db_table} o on o.organization_id = p.organization_id and o.endpoint_id = p.endpoint_id
             and o.prediction_id = p.prediction_id and o.is_current and o.matched_at is not null
        join {Batch._meta.db_table} b on b.organization_id = p.organization_id and b.id = p.batch_id
        where p.endpoint_id = %s group by 1, 2, 3, 4"""  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, [endpoint.pk])
        rows = cursor.fetchall()
    positive = _positive_labels({row[1] for row in rows})
    days: dict[dt.date, dict[str, float]] = {}
    for day, version_id, said, true, count, error in rows:
        sums = days.setdefault(day, dict.fromkeys(COLUMNS, 0))
        sums["known"] += count
        if true is None:
            sums["error"] += error
            continue
        sums["right" if said == true else "wrong"] += count
        yes = positive.get(version_id)
        if yes is not None:
            sums[CELLS.get((said == yes, true == yes), "false_negative")] += count
    _write(endpoint.pk, days)
    return len(days)
