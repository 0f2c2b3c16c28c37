"""Jobs: claimed once, finished once, picked up when a worker died, cancelled, given up."""

import datetime as dt

import pytest
from django.utils import timezone

from apps.core.errors import Invalid
from apps.core.tenancy import tenant
from apps.organizations import actions
from apps.organizations.models import Team
from apps.work import jobs
from apps.work.models import Job, JobState, OutboxMessage

DONE = []


@jobs.worker("tests.count", queue="default", failed=lambda job, sentence: DONE.append(sentence))
def count(job):
    """Counts to three; what it was told decides how it ends."""
    job.progress(1, 3, "one")
    with job.tenant():
        name = Team.objects.get(pk=job.subject_id).name
    if name == "broken":
        raise ZeroDivisionError
    if name == "invalid":
        raise Invalid("The table has no rows.")
    with job.finish():
        DONE.append("counted")


@pytest.fixture
def start(inside):
    DONE.clear()

    def begin(name="fine"):
        team = actions.create_team(key=name, name=name, by=inside.adam)
        return jobs.start(kind="tests.count", subject=team, title=f"Count {name}", by=inside.adam)

    return begin


def state_of(job):
    job.refresh_from_db()
    return job.state


def test_a_job_runs_once_however_often_it_is_delivered(inside, start):
    job = start()
    for _ in range(3):
        jobs.run(count.body, str(inside.meridian.pk), str(job.pk))
    assert (state_of(job), DONE) == (JobState.SUCCEEDED, ["counted"])


def test_a_refused_job_ends_with_the_sentence(inside, start):
    job = start("invalid")
    jobs.run(count.body, str(inside.meridian.pk), str(job.pk))
    assert (state_of(job), job.error, DONE) == (JobState.FAILED, "The table has no rows.", ["The table has no rows."])


def test_a_crash_is_told_in_plain_words(inside, start):
    job = start("broken")
    jobs.run(count.body, str(inside.meridian.pk), str(job.pk))
    assert state_of(job) == JobState.FAILED
    assert "division" not in job.error


def test_a_worker_that_lost_the_lease_keeps_no_result(inside, start):
    job = start()

    def overtaken(running):
        with running.tenant():
            Job.objects.filter(pk=job.pk).update(lease=None)
        with running.finish():
            DONE.append("twice")

    jobs.run(overtaken, str(inside.meridian.pk), str(job.pk))
    assert DONE == []


def test_what_a_dead_worker_left_is_queued_again_and_given_up_in_the_end(inside, start):
    job = start()
    for attempt in range(1, jobs.ATTEMPTS + 1):
        assert jobs._claim(str(inside.meridian.pk), str(job.pk)) is not None
        assert jobs._claim(str(inside.meridian.pk), str(job.pk)) is None
        Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - dt.timedelta(seconds=1))
        assert (jobs.pick_up_dropped(), state_of(job)) == (1, JobState.QUEUED)
        assert OutboxMessage.objects.filter(task="tests.count").count() == attempt + 1
    assert jobs._claim(str(inside.meridian.pk), str(job.pk)) is None
    assert state_of(job) == JobState.FAILED
    assert "given up" in DONE[0]


def test_a_waiting_job_is_cancelled_at_once(inside, start):
    job = start()
    jobs.cancel(job=job)
    assert state_of(job) == JobState.CANCELLED
    assert jobs._claim(str(inside.meridian.pk), str(job.pk)) is None


def test_another_tenant_cannot_claim_it(inside, start):
    job = start()
    with tenant(inside.harbor.pk):
        assert jobs._claim(str(inside.harbor.pk), str(job.pk)) is None
