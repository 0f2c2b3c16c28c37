"""How far a run is, and how long it will take, on its page and in the API; killed workers cost nothing that is done."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from apps.audit.models import Record
from apps.validation import actions, tasks
from apps.validation.models import CheckResult, RunState, Verdict
from apps.work import jobs
from apps.work.models import Job, JobState
from tests.cast import Cast
from tests.support import deliver
from tests.validation import factories
from tests.validation.factories import LINES, finished_run, fresh
from tests.validation.test_runs import claimed, kill_after

FEW = [LINES[0], LINES[2], LINES[3]]


def test_time_left_is_what_the_same_checks_took_before(inside: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    first = finished_run(inside, lines=FEW)
    took = {result.name: result.seconds for result in first.results.all()}
    second = actions.start_run(plan=first.plan, by=inside.vera, anew=True)
    assert tasks.seconds_before(second) == took
    said: list[float | None] = []
    progress = jobs.Running.progress

    def listen(self: Any, done: int, total: int, message: str, left: float | None = None) -> None:
        said.append(left)
        progress(self, done, total, message, left)

    monkeypatch.setattr(jobs.Running, "progress", listen)
    deliver(inside.meridian)

    assert said[0] == pytest.approx(sum(took.values()))
    assert said[-1] == 0.0


def test_first_run_knows_nothing_until_its_first_result(inside: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[float | None] = []
    monkeypatch.setattr(jobs.Running, "progress", lambda self, done, total, message, left=None: said.append(left))
    finished_run(inside, lines=FEW)

    assert said[:2] == [None, None] and all(left is not None for left in said[2:])


def test_api_says_how_far_an_open_run_is(inside: Cast, sign_in: Any) -> None:
    run = factories.queued_run(inside, lines=FEW)
    ends_at = timezone.now() + dt.timedelta(seconds=90)
    said = {"done": 1, "total": 3, "message": "Check 2 of 3: sec.format"}
    given = {**said, "state": JobState.RUNNING, "started_at": timezone.now(), "ends_at": ends_at}
    Job.objects.filter(pk=jobs.newest(run).pk).update(**given)
    client, address = sign_in(inside.wim), "/o/meridian/api/v1/validation-runs/"

    for found in (client.get(f"{address}{run.pk}/").json(), client.get(address).json()["results"][0]):
        assert {name: found["progress"][name] for name in said} == said
        assert 80 < found["progress"]["seconds_left"] <= 90
    assert "1 of 3" in (page := client.get(run.get_absolute_url()).content.decode()) and "left" in page


def test_api_says_nothing_of_progress_once_a_run_has_ended(inside: Cast, sign_in: Any) -> None:
    run = finished_run(inside, lines=FEW)

    assert sign_in(inside.wim).get(f"/o/meridian/api/v1/validation-runs/{run.pk}/").json()["progress"] is None


def test_an_expected_end_that_has_passed_is_no_estimate() -> None:
    now = timezone.now()
    job = Job(state=JobState.RUNNING, done=1, total=2, started_at=now, ends_at=now - dt.timedelta(seconds=1))

    assert job.seconds_left is None


def test_an_open_page_gets_new_results_and_nothing_while_there_are_none(inside: Cast, sign_in: Any) -> None:
    run = factories.queued_run(inside, lines=FEW)
    client, address = sign_in(inside.wim), run.get_absolute_url()

    assert f'hx-get="{address}?have=0"' in client.get(address).content.decode()
    assert client.get(f"{address}?have=0").status_code == 204
    actions.begin_run(run=run, inputs={}, by=inside.vera)
    actions.keep_result(
        run=run, said={"name": "perf.auc", "verdict": "passed", "value": 0.9, "sense": "at_least"}, by=inside.vera
    )
    newer = client.get(f"{address}?have=0")
    assert newer.status_code == 200 and f'hx-get="{address}?have=1"' in newer.content.decode()
    kept = '<details id="check-perf-auc" hx-preserve="true"'  # what a reader has opened stays open
    assert kept in newer.content.decode()
    actions.end_run(run=run, sentence="Stopped.", is_cancelled=False, by=inside.vera)
    assert client.get(f"{address}?have=1")["HX-Refresh"] == "true"
    assert "hx-get" not in client.get(address).content.decode().split('id="results"')[1][:100]


def test_worker_killed_again_and_again_does_each_check_once(inside: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    run = factories.queued_run(inside)
    for count in (1, 2, 3):
        with monkeypatch.context() as patch:
            kill_after(patch, count)
            worker = claimed(run)
            with pytest.raises(SystemExit):
                tasks.run_plan.body(worker)
        Job.objects.filter(pk=worker.id).update(lease_until=timezone.now())
        jobs.pick_up_dropped()
    deliver(inside.meridian)

    run = fresh(run)
    assert (run.state, run.verdict) == (RunState.FINISHED, Verdict.PASSED)
    assert CheckResult.objects.filter(run=run).count() == len(LINES)
    assert Record.objects.filter(action="check.recorded").count() == len(LINES)
    assert Record.objects.filter(action="run.taken_over").count() == 3
