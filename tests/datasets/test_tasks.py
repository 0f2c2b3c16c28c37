"""The worker's side: work that is taken over or run twice leaves one result and no file without an owner."""

from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from apps.audit.models import Record
from apps.datasets import actions, tasks
from apps.datasets.models import DatasetVersion, PreparationRun, VersionState
from apps.work import jobs
from apps.work.models import Job
from config.celery import app
from tests.datasets.factories import dataset_of, fresh, profiled, uploaded
from tests.support import deliver


def stored_files() -> list[str]:
    """Every file in storage."""
    return sorted(path.name for path in Path(default_storage.path("")).rglob("*") if path.is_file())


def claimed(subject, cast) -> jobs.Running:
    """The subject's job in the hands of a worker."""
    job = jobs.newest(subject)
    running = jobs._claim(str(cast.meridian.pk), str(job.pk))
    assert running is not None
    return running


def taken_over(running: jobs.Running) -> None:
    """Another worker holds the lease now."""
    Job.objects.filter(pk=running.id).update(lease="00000000-0000-0000-0000-000000000001")


def test_a_reading_that_was_taken_over_keeps_nothing(inside):
    version = uploaded(inside, dataset_of(inside))
    running = claimed(version, inside)
    taken_over(running)

    with pytest.raises(jobs.LeaseLost):
        tasks.read.body(running)

    assert fresh(version).state == VersionState.DRAFT
    assert stored_files() == ["flights.csv"]


def test_a_preparation_that_was_taken_over_keeps_nothing(inside):
    version = profiled(inside)
    run = actions.prepare(version=version, recipe=[{"step": "drop_duplicates"}], by=inside.dario)
    running, before = claimed(run, inside), stored_files()
    taken_over(running)

    with pytest.raises(jobs.LeaseLost):
        tasks.prepare.body(running)

    assert PreparationRun.objects.get().result is None
    assert DatasetVersion.objects.count() == 1
    assert stored_files() == before


def test_a_split_that_was_taken_over_keeps_nothing(inside):
    plan = {"method": "random", "parts": [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5}]}
    row = actions.split(version=profiled(inside), plan=plan, by=inside.dario)
    running, before = claimed(row, inside), stored_files()
    taken_over(running)

    with pytest.raises(jobs.LeaseLost):
        tasks.split.body(running)

    assert DatasetVersion.objects.count() == 1
    assert stored_files() == before


@pytest.mark.parametrize("task", ["datasets.read", "datasets.prepare", "datasets.check", "datasets.split"])
def test_work_that_has_ended_is_not_done_again(inside, task):
    dataset = dataset_of(inside)
    actions.add_rule(dataset=dataset, rule={"rule": "unique"}, by=inside.dario)
    version = profiled(inside, dataset)
    plan = {"method": "random", "parts": [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5}]}
    actions.prepare(version=version, recipe=[{"step": "drop_duplicates"}], by=inside.dario)
    actions.split(version=version, plan=plan, by=inside.dario)
    deliver(inside.meridian)
    job = Job.objects.filter(kind=task).first()
    records, files = Record.objects.count(), stored_files()

    app.tasks[task].run(str(inside.meridian.pk), str(job.pk))

    assert (Record.objects.count(), stored_files()) == (records, files)


def test_progress_moves_over_all_passes(inside):
    seen = []

    class Watcher:
        def progress(self, done, total, message):
            seen.append((done, total, message))

    stages = tasks.Stages(Watcher(), "Reading", "Measuring")
    stages.progress(10, None)
    stages.progress(20, 20)
    stages.next()
    stages.progress(20, 20)
    stages.next()
    stages.progress(20, 20)

    assert seen == [
        (10, None, "Reading: 10 rows so far"),
        (20, 40, "Reading: 20 of 20 rows"),
        (40, 40, "Measuring: 20 of 20 rows"),
        (40, 40, "Measuring: 20 of 20 rows"),
    ]


def test_a_failure_of_ours_is_told_without_its_inside(inside, monkeypatch):
    version = uploaded(inside, dataset_of(inside))
    monkeypatch.setattr("apps.datasets.engine.reading.read", lambda *_, **__: 1 / 0)

    deliver(inside.meridian)

    version = fresh(version)
    assert version.state == VersionState.FAILED
    assert version.failure.startswith("Something went wrong on our side. Nothing was lost")
    assert stored_files() == ["flights.csv"]
