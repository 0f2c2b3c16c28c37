"""Long work: started by an action, run by a worker in short transactions, finished exactly once.

@jobs.worker("datasets.profile", queue="default", failed=actions_to_take)
def profile(job: Running) -> None:
    with job.tenant():
        path = ...                                   # read what is needed
    result = compute(path, progress=job.progress)    # no transaction open
    with job.finish():
        actions.keep_profile(..., by=job.by)         # the result and the job's end commit together
"""

import datetime as dt
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from django.db import connection, models
from django.utils import timezone

from apps.core import channel, tenancy
from apps.core.errors import DomainError, Refused
from apps.work import outbox
from apps.work.models import Job, JobState

log = structlog.get_logger("tenure.job")
LEASE = dt.timedelta(seconds=20)
HEARTBEAT = 5.0
ATTEMPTS = 4
WAIT = dt.timedelta(minutes=2)
FAILED: dict[str, Callable[["Running", str], None]] = {}


class LeaseLost(RuntimeError):
    """Another worker has taken the job over; this one's result is dropped."""


class Cancelled(DomainError):
    """Somebody asked for the job to stop."""

    def __init__(self) -> None:
        super().__init__("This was cancelled before it finished.")


def start(*, kind: str, subject: models.Model, title: str, by: Any, queue: str = "default", url: str = "") -> Job:
    """Queue the job `kind` (the name its worker is declared with) for a subject, in the caller's transaction."""
    from apps.audit.actions import project_of

    job = Job(
        kind=kind,
        title=title[:200],
        queue=queue,
        subject_id=subject.pk,
        subject_url=url,
        started_by=by,
        project_id=project_of(subject),
    )
    job.save(force_insert=True)
    outbox.enqueue(kind, job.pk, queue=queue)
    return job


def cancel(*, job: Job) -> None:
    """Ask for a job to stop; one that has not begun stops at once."""
    locked = Job.objects.select_for_update().get(pk=job.pk)
    if not locked.is_open:
        raise Refused(f"“{locked.title}” has already ended; there is nothing to cancel.")
    locked.cancel_requested = True
    if locked.state == JobState.QUEUED:
        _end(locked, JobState.CANCELLED, "This was cancelled before it began.")
    locked.save()
    if not locked.is_open and (hook := FAILED.get(locked.kind)):
        hook(Running(locked), locked.error)


def newest(subject: models.Model) -> Job | None:
    """The subject's latest job."""
    return Job.objects.filter(subject_id=subject.pk).order_by("-id").first()


def newest_of(subjects: Iterable[models.Model]) -> dict[uuid.UUID, Job]:
    """The latest job of each subject, by the subject's id, in one query."""
    rows = Job.objects.filter(subject_id__in=[subject.pk for subject in subjects])
    return {job.subject_id: job for job in rows.order_by("subject_id", "-id").distinct("subject_id")}


class Running:
    """A job in the hands of one worker."""

    def __init__(self, job: Job) -> None:
        self.id, self.organization_id, self.lease = job.pk, job.organization_id, job.lease
        self.subject_id, self.by, self.attempts = job.subject_id, job.started_by, job.attempts
        self.is_lost = self.is_cancelled = self.is_finished = False
        self._last = 0.0
        self._unsaid: dict[str, Any] = {}

    @contextmanager
    def tenant(self) -> Iterator[None]:
        """A short transaction in the job's organization."""
        with tenancy.tenant(self.organization_id):
            yield

    def progress(self, done: int, total: int | None = None, message: str = "", left: float | None = None) -> None:
        """Say how far it is, and, where the pace so far does not tell, how many seconds are left.

        Written at most twice a second, the last word at the latest with the next sign of life. Raises when the job was
        cancelled or taken over.
        """
        if self.is_cancelled:
            raise Cancelled()
        if self.is_lost:
            raise LeaseLost()
        ends_at = None if left is None else timezone.now() + dt.timedelta(seconds=left)
        said = {"done": done, "total": total, "message": message[:300], "ends_at": ends_at}
        if time.monotonic() - self._last < 0.5 and done != total:
            self._unsaid = said
            return
        self._last, self._unsaid = time.monotonic(), {}
        with self.tenant():
            self._mine().update(**said)

    def cancelled(self) -> bool:
        """Whether somebody asked for it to stop."""
        return self.is_cancelled

    @contextmanager
    def finish(self) -> Iterator[None]:
        """The transaction that keeps the result; the job ends with it, or, when the lease was lost, nothing does."""
        with self.tenant():
            job = self._mine().select_for_update().first()
            if job is None:
                raise LeaseLost()
            if job.cancel_requested or self.cancelled():
                raise Cancelled()
            yield
            _end(job, JobState.SUCCEEDED)
            job.done = job.total or job.done
            job.save()
        self.is_finished = True

    def beat(self) -> None:
        """Keep the lease, say what was not yet said, and learn whether the lease was lost or the job cancelled."""
        unsaid, self._unsaid = self._unsaid, {}
        with self.tenant():
            kept = self._mine().update(lease_until=timezone.now() + LEASE, **unsaid)
            self.is_lost = not kept
            self.is_cancelled = self.is_cancelled or self._mine().filter(cancel_requested=True).exists()

    def _mine(self) -> Any:
        return Job.objects.filter(pk=self.id, lease=self.lease, state=JobState.RUNNING)

    def fail(self, sentence: str, state: JobState = JobState.FAILED) -> None:
        """End it without a result, with a sentence people can act on, and let the subject know."""
        with self.tenant():
            job = self._mine().select_for_update().first()
            if job is None:
                return
            _end(job, state, sentence)
            job.save()
            if hook := FAILED.get(job.kind):
                hook(self, sentence)


def worker(name: str, *, queue: str, failed: Callable[[Running, str], None] | None = None, **options: Any) -> Callable:
    """Declare the worker's side of the job `name`; `failed(job, sentence)` runs with the transaction that fails it."""
    from config.celery import app

    if failed is not None:
        FAILED[name] = failed

    def declare(function: Callable[[Running], None]) -> Any:
        @app.task(name=name, queue=queue, **options)
        def door(organization_id: str, job_id: str) -> None:
            with channel.through("task"):
                run(function, organization_id, job_id)

        door.body = function
        return door

    return declare


def run(function: Callable[[Running], None], organization_id: str, job_id: str) -> None:
    """Claim the job and run it; does nothing when another worker has it or it has ended."""
    running = _claim(organization_id, job_id)
    if running is None:
        return
    with _heartbeat(running), tenancy.working_for(organization_id):
        try:
            function(running)
            if not running.is_finished:
                raise AssertionError(f"{function.__module__}.{function.__name__} ended without job.finish()")
        except LeaseLost:
            log.warning("lease_lost", job=job_id)
        except Cancelled as stop:
            running.fail(stop.sentence, JobState.CANCELLED)
        except DomainError as error:
            running.fail(error.sentence)
        except Exception:
            log.exception("job_failed", job=job_id)
            running.fail("Something went wrong on our side. Nothing was lost; the log has the details. Start it again.")


def _claim(organization_id: str, job_id: str) -> Running | None:
    with tenancy.tenant(organization_id):
        job = Job.objects.select_for_update(of=("self",)).select_related("started_by").filter(pk=job_id).first()
        now = timezone.now()
        if (
            job is None
            or not job.is_open
            or (job.state == JobState.RUNNING and job.lease_until and job.lease_until > now)
        ):
            return None
        if job.attempts >= ATTEMPTS:
            _end(
                job,
                JobState.FAILED,
                f"The worker stopped {ATTEMPTS} times while doing this; it was given up. Look at its memory and log.",
            )
            job.save()
            if hook := FAILED.get(job.kind):
                hook(Running(job), job.error)
            return None
        job.state, job.lease, job.lease_until = JobState.RUNNING, uuid.uuid4(), now + LEASE
        job.attempts += 1
        job.started_at = now
        job.save()
        return Running(job)


@contextmanager
def _heartbeat(running: Running) -> Iterator[None]:
    if connection.in_atomic_block:  # Inside a caller's transaction, as in tests, nobody else could take the job.
        yield
        return
    stop = threading.Event()

    def keep() -> None:
        while not stop.wait(HEARTBEAT):
            try:
                running.beat()
            except Exception:
                log.warning("heartbeat_failed", job=str(running.id), exc_info=True)
        connection.close()

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _end(job: Job, state: JobState, error: str = "") -> None:
    job.state, job.error, job.finished_at, job.lease_until = state, error, timezone.now(), None


def pick_up_dropped() -> int:
    """Queue again what a dead worker left behind and what was queued but never arrived."""
    now = timezone.now()
    dropped = Job.objects.filter(
        models.Q(state=JobState.RUNNING, lease_until__lt=now)
        | models.Q(state=JobState.QUEUED, queued_at__lt=now - WAIT)
    ).select_for_update(skip_locked=True)[:100]
    count = 0
    for job in dropped:
        if job.state == JobState.RUNNING:
            job.message = "The worker stopped; another one takes over."
        job.state, job.queued_at = JobState.QUEUED, now
        job.save(update_fields=["state", "queued_at", "message"])
        outbox.enqueue(job.kind, job.pk, queue=job.queue)
        count += 1
    return count
