"""Whose rows are counted next: organizations in turn, their endpoints in turn, and what to do with what cannot be."""

import datetime as dt
from typing import Any
from uuid import UUID

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.db import DataError, InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from apps.audit.actions import action, record
from apps.core.locks import may_hold
from apps.core.tenancy import current
from apps.deployments.models import Endpoint
from apps.monitoring import policies
from apps.monitoring.actions.asking import ask_again, ask_to_count, take_up
from apps.monitoring.actions.counting import MOST_ROWS, count_batches
from apps.monitoring.actions.recounting import still_kept
from apps.monitoring.models import Baseline, Batch, BatchState
from apps.work import outbox

FOLLOW_UP = dt.timedelta(seconds=3)
LEFT_BEHIND = dt.timedelta(minutes=1)
MOST_ATTEMPTS = 5
RELATED = ("version", "endpoint", "sent_by")
# These fail again however often they are tried.
HOPELESS = (DataError, ValueError, OverflowError, FileNotFoundError)
# These are no fault of a batch: everything waits until they are over.
ELSEWHERE = (OperationalError, InterfaceError, SoftTimeLimitExceeded, MemoryError)

log = structlog.get_logger("tenure.monitoring")


def count_next(*, after: str, request_id: str, by: Any) -> int:
    """Count a part of what waits in the organization, of the endpoint whose turn it is after `after`; returns how many
    batches it touched.

    An organization counts one part at a time and then stands in line again behind the others: whoever sends millions of
    rows delays nobody else's. A request that was taken up before does nothing.
    """
    if not take_up(request_id):
        return 0
    if not may_hold(f"counting {current()}"):
        ask_again(after, timezone.now() + FOLLOW_UP)
        return 0
    received = Batch.objects.filter(state=BatchState.RECEIVED).order_by()
    waiting = sorted(received.values_list("endpoint_id", flat=True).distinct(), key=str)
    turns = sorted(waiting, key=lambda endpoint_id: str(endpoint_id) <= after)
    is_busy = False
    for endpoint_id in turns:
        if not may_hold(f"count {endpoint_id}"):
            is_busy = True
            continue
        endpoint = Endpoint.objects.select_related("model", "organization").get(pk=endpoint_id)
        if touched := count_waiting(endpoint=endpoint, by=by):
            soon = timezone.now() + (dt.timedelta(0) if received.exists() else FOLLOW_UP)
            ask_again(str(endpoint.pk), soon)
            return touched
    if is_busy:
        ask_again(after, timezone.now() + FOLLOW_UP)
    return 0


def count_waiting(*, endpoint: Any, by: Any) -> int:
    """Count a part of what was received for the endpoint and waits; returns how many batches. Asking twice counts once.

    While another worker counts for the endpoint nothing is done.
    """
    if not may_hold(f"count {endpoint.pk}"):
        return 0
    waiting = Batch.objects.filter(endpoint=endpoint, state=BatchState.RECEIVED).order_by("id")
    stuck: list[UUID] = []
    while batches := _next_part(waiting.exclude(pk__in=stuck)):
        failed = _count_what_can_be(endpoint, batches, by)
        stuck += failed
        if len(failed) < len(batches):
            return len(batches) - len(failed)
    return 0


def _next_part(waiting: Any) -> list[Batch]:
    """The oldest batches, as many as are counted in one transaction."""
    batches: list[Batch] = []
    rows = 0
    for batch in waiting.select_related(*RELATED)[:1_000]:
        if batches and rows + batch.rows > MOST_ROWS:
            break
        batches.append(batch)
        rows += batch.rows
    return batches


def _count_what_can_be(endpoint: Any, batches: list[Batch], by: Any) -> list[UUID]:
    """Count the batches at once; where that fails one by one, so that one does not hold up the others.

    Returns those that could not be counted: they are tried again, or given up with the reason.
    """
    try:
        with transaction.atomic():
            count_batches(endpoint=endpoint, batches=batches, by=by)
    except ELSEWHERE:
        raise
    except Exception:
        stuck = []
        for batch in Batch.objects.filter(pk__in=[one.pk for one in batches]).order_by("id").select_related(*RELATED):
            try:
                with transaction.atomic():
                    count_batches(endpoint=endpoint, batches=[batch], by=by)
            except ELSEWHERE:
                raise
            except Exception as error:
                log.exception("batch_not_counted", batch=str(batch.pk), endpoint=endpoint.key)
                _give_up_or_wait(batch.pk, error, by)
                stuck.append(batch.pk)
        return stuck
    return []


def _give_up_or_wait(batch_id: UUID, error: Exception, by: Any) -> None:
    batch = Batch.objects.select_related("endpoint", "organization").get(pk=batch_id)
    batch.attempts += 1
    if isinstance(error, HOPELESS) or batch.attempts >= MOST_ATTEMPTS:
        give_up(batch=batch, reason=_in_words(error), by=by)
    else:
        batch.save(update_fields=["attempts"])


def _in_words(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "The file that its rows were kept in is not there."
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}"[:500] if said else type(error).__name__


@action
def give_up(*, batch: Batch, reason: str, by: Any) -> None:
    """Leave a batch that cannot be counted, with the reason; it may be sent on its way again."""
    batch.state, batch.failure = BatchState.FAILED, reason
    batch.save(update_fields=["state", "failure", "attempts"])
    record(by=by, action="batch.given_up", subject=batch, reason=reason, details={"attempts": batch.attempts})


@action
def retry_batch(*, batch: Batch, by: Any) -> Batch:
    """Have a batch counted that was given up; what was counted of it stays counted."""
    policies.check_retry(by, batch)
    batch.state, batch.failure, batch.attempts = BatchState.RECEIVED, "", 0
    batch.save(update_fields=["state", "failure", "attempts"])
    ask_to_count()
    record(by=by, action="batch.retried", subject=batch)
    return batch


def pick_up() -> int:
    """Have counted what a worker left behind when it was killed; returns of how many endpoints and baselines."""
    late = timezone.now() - LEFT_BEHIND
    left = Batch.objects.filter(state=BatchState.RECEIVED, created_at__lt=late).order_by()
    endpoints = left.values("endpoint_id").distinct().count()
    if endpoints:
        ask_to_count()
    newest = Baseline.objects.filter(created_at__lt=late).order_by("version_id", "-number").distinct("version_id")
    counted = still_kept().filter(version=OuterRef("version_id"))
    behind = Baseline.objects.filter(pk__in=newest.values("pk")).filter(
        Exists(counted.filter(~Q(baseline=OuterRef("pk")) | Q(baseline=None)))
    )
    baselines = list(behind.values_list("pk", flat=True))
    for baseline_id in baselines:
        outbox.enqueue("monitoring.recount", baseline_id, queue="counting")
    return endpoints + len(baselines)
