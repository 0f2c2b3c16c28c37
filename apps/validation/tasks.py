"""Doors of the workers: a run of a plan in a child, and the daily look at waivers and findings."""

from typing import Any

import structlog

from apps.core import sandbox
from apps.core.errors import DomainError
from apps.organizations.people import system
from apps.validation import actions, subjects
from apps.validation.models import Finding, ValidationRun
from apps.work import jobs
from apps.work.models import Job, JobState
from apps.work.tasks import task

log = structlog.get_logger("tenure.validation")
FUNCTION = "apps.validation.engine.runner:validate"
LIMITS = sandbox.Limits(wall=3600, memory=4 * sandbox.GIB, threads=1)
CRASHES = 3


class Stopped(DomainError):
    """The child ended without the rest of the results, with a sentence for a person."""


def end(job: jobs.Running, sentence: str) -> None:
    """A job that gave up or was cancelled ends its run, in the same transaction."""
    cancelled = Job.objects.get(pk=job.id).state == JobState.CANCELLED
    run = ValidationRun.objects.get(pk=job.subject_id)
    if run.is_open:
        actions.end_run(run=run, sentence=sentence, is_cancelled=cancelled, by=job.by)


@jobs.worker("validation.run", queue="validation", failed=end)
def run_plan(job: jobs.Running) -> None:
    """Run the plan in a child and keep each result as it comes; who takes over from a dead worker does the rest."""
    with job.tenant():
        run = _run(job)
        actions.begin_run(run=run, inputs=subjects.inputs_of(run.plan), by=job.by)
        paths = subjects.files_of(run.plan)
    with subjects.local_files(paths) as local:
        measured = Attempt(job, local).results()
    with job.finish():
        actions.finish_run(run=_run(job), measured=measured, by=job.by)


def _run(job: jobs.Running) -> ValidationRun:
    related = ("plan__version__model__project", "plan__version__artifact", "plan__champion__artifact", "started_by")
    return ValidationRun.objects.select_related(*related, "plan__test_data", "plan__train_data").get(pk=job.subject_id)


class Attempt:
    """The child, started again after a check that ended it: that check gets a reason, the others get their chance."""

    def __init__(self, job: jobs.Running, local: dict[str, Any]) -> None:
        self.job, self.local = job, local
        self.begun = ""
        self.crashes = 0

    def results(self) -> dict[str, Any]:
        """What is kept with the run once every line has a result."""
        while True:
            try:
                return self.once()
            except sandbox.Cancelled:
                raise jobs.Cancelled() from None
            except (sandbox.Crashed, sandbox.OutOfMemory, sandbox.TimedOut) as stop:
                self.crashes += 1
                log.warning("check_ended_the_child", run=str(self.job.subject_id), check=self.begun, said=stop.sentence)
                if not self.begun or self.crashes > CRASHES:
                    raise Stopped(stop.sentence) from stop
                self.blame(stop)
            except sandbox.SandboxError as stop:
                raise Stopped(stop.sentence) from stop

    def once(self) -> dict[str, Any]:
        """One child with the lines that have no result yet."""
        self.begun = ""
        with self.job.tenant():
            run = _run(self.job)
            given = subjects.payload(run.plan, list(run.results.values_list("name", flat=True)))
        result = sandbox.run(
            FUNCTION,
            payload=given,
            inputs=self.local,
            limits=LIMITS,
            progress=self.job.progress,
            told=self.told,
            cancelled=self.job.cancelled,
            profile="learning",
        )
        return {
            "layer": result.layer,
            "walls_missing": result.missing,
            "libraries": result.value["libraries"],
            "rows": result.value["rows"],
            "seconds": result.seconds,
            "peak_memory": result.peak_memory,
        }

    def told(self, part: dict[str, Any]) -> None:
        """A check began, or its result is there: kept at once, so that nothing that is done is done again."""
        if "begun" in part:
            self.begun = str(part["begun"])
            return
        self.keep(part)
        self.begun = ""

    def keep(self, said: dict[str, Any]) -> None:
        """Keep a result, unless another worker has taken the run over meanwhile."""
        with self.job.tenant():
            if not Job.objects.filter(pk=self.job.id, lease=self.job.lease, state=JobState.RUNNING).exists():
                raise jobs.LeaseLost()
            actions.keep_result(run=_run(self.job), said=said, by=self.job.by)

    def blame(self, stop: sandbox.SandboxError) -> None:
        """The check that was at work when the child ended could not run; why is its reason."""
        reason = f"This check ended the process it ran in. {stop.sentence}"
        self.keep(
            {"name": self.begun, "verdict": "not_run", "sense": "at_least", "reason": reason, "layer": stop.layer}
        )


@task("validation.follow_up")
def follow_up(_organization_id: str) -> None:
    """End waivers that ran out, remind of those that will soon, and of findings whose day passed yesterday."""
    actions.expire_waivers(by=system())
    actions.remind_of_waivers(by=system())
    for finding in Finding.objects.overdue().select_related("version__model__organization", "owner"):
        if finding.should_remind:
            actions.remind_overdue(finding=finding, by=system())
