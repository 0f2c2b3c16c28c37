"""Doors of the workers: a run of a plan in a child, and the daily look at waivers and findings."""

import time
from dataclasses import replace
from typing import Any

import structlog

from apps.core import sandbox
from apps.core.canonical import sha256_of
from apps.core.errors import DomainError
from apps.organizations.people import system
from apps.validation import actions, advisories, reuse, subjects
from apps.validation.engine.pace import Pace
from apps.validation.models import Challenge, CheckResult, Finding, OutsideAnswer, ResultOrigin, ValidationRun
from apps.validation.models.plans import DATA_ROLES
from apps.validation.signals import following_up
from apps.work import jobs
from apps.work.models import Job, JobState
from apps.work.tasks import task

log = structlog.get_logger("tenure.validation")
FUNCTION = "apps.validation.engine.runner:validate"
# One child may take as long as is left of the whole run, which ends before the broker would give it to somebody else.
WHOLE, GRACE = 6600, 300
LIMITS = sandbox.Limits(wall=WHOLE, memory=4 * sandbox.GIB, result_bytes=64 * sandbox.MIB, threads=1)
CHECK_SECONDS = 900
CRASHES = 3
OF_PLANS = (
    "version__model__project", "version__artifact", "champion__artifact", *(f"{role}_data" for role in DATA_ROLES),
)  # fmt: skip


class Stopped(DomainError):
    """The child ended without the rest of the results, with a sentence for a person."""


def end(job: jobs.Running, sentence: str) -> None:
    """A job that gave up or was cancelled ends its run, in the same transaction."""
    cancelled = Job.objects.get(pk=job.id).state == JobState.CANCELLED
    run = ValidationRun.objects.get(pk=job.subject_id)
    if run.is_open:
        actions.end_run(run=run, sentence=sentence, is_cancelled=cancelled, by=job.by)


@jobs.worker(
    "validation.run", queue="validation", failed=end, soft_time_limit=WHOLE + GRACE, time_limit=WHOLE + GRACE + 60
)
def run_plan(job: jobs.Running) -> None:
    """Run the plan in a child and keep each result as it comes; who takes over from a dead worker does the rest."""
    advisories.fetch()
    with job.tenant():
        run = _run(job)
        actions.begin_run(run=run, inputs=subjects.inputs_of(run.plan), by=job.by)
        paths = subjects.files_of(run.plan)
    with subjects.local_files(paths) as local:
        measured = Attempt(job, local).results()
    with job.finish():
        actions.finish_run(run=_run(job), measured=measured, by=job.by)


def _run(job: jobs.Running) -> ValidationRun:
    related = [f"plan__{one}" for one in OF_PLANS]
    return ValidationRun.objects.select_related("started_by", *related).get(pk=job.subject_id)


class Attempt:
    """The child, started again after a check that ended it: that check gets a reason, the others get their chance."""

    def __init__(self, job: jobs.Running, local: dict[str, Any]) -> None:
        self.job, self.local = job, local
        self.started = time.monotonic()
        self.begun, self.begun_at, self.is_overdue = "", 0.0, False
        self.crashes = 0
        self.keys: dict[str, str] = {}
        self.pace = Pace([], {})

    def results(self) -> dict[str, Any]:
        """What is kept with the run once every line has a result."""
        self.prepare()
        while True:
            try:
                return self.once()
            except sandbox.Cancelled as stop:
                if not self.is_overdue:
                    raise jobs.Cancelled() from None
                sentence = f"The calculation was stopped after {CHECK_SECONDS:g} seconds, the time limit of one check."
                self.after(sandbox.TimedOut(sentence, layer=stop.layer))
            except sandbox.SandboxError as stop:
                self.after(stop)

    def prepare(self) -> None:
        """Take over what earlier runs measured on the same inputs, and learn how long the rest took them."""
        digests = {role: sha256_of(path) for role, path in self.local.items()}
        with self.job.tenant():
            run = _run(self.job)
            given = subjects.payload(run.plan, [])
            self.keys = reuse.keys_of(given, digests)
            done = set(self.elsewhere(run))
            self.pace = Pace([line["name"] for line in given["items"] if line["name"] not in done], seconds_before(run))
            if not run.anew:
                self.take_over(run, {name: key for name, key in self.keys.items() if name not in done})

    def take_over(self, run: ValidationRun, keys: dict[str, str]) -> None:
        """Keep the results that are there already, in one transaction."""
        lines = {line.name: line for line in run.plan.checks.all()}
        self.hold()
        for name, earlier in reuse.found(run, keys).items():
            if actions.take_over_result(run=run, line=lines[name], earlier=earlier, by=self.job.by):
                self.pace.done(name, None)

    @staticmethod
    def elsewhere(run: ValidationRun) -> list[str]:
        """The lines that the child leaves alone: they have a result, or somebody outside gives it."""
        awaited = run.awaited.values_list("check_line__name", flat=True)
        return [*run.results.values_list("name", flat=True), *awaited]

    def once(self) -> dict[str, Any]:
        """One child with the lines that have no result yet."""
        self.begun, self.is_overdue = "", False
        with self.job.tenant():
            run = _run(self.job)
            given = subjects.payload(run.plan, self.elsewhere(run))
        left = max(1.0, WHOLE - (time.monotonic() - self.started))
        watched = {"progress": self.progress, "told": self.told, "cancelled": self.should_stop}
        result = _in_child(given, self.local, min(left, LIMITS.wall), **watched)
        return {
            "layer": result.layer,
            "walls_missing": result.missing,
            "libraries": result.value["libraries"],
            "rows": result.value["rows"],
            "seconds": result.seconds,
            "peak_memory": result.peak_memory,
        }

    def progress(self, done: int, total: int, message: str) -> None:
        """How far it is, and how long the rest takes by what the same checks took before."""
        self.job.progress(done, total, message, self.pace.left())

    def should_stop(self) -> bool:
        """Whether somebody asked for it to stop, or one check has been at work for too long."""
        self.is_overdue = bool(self.begun) and time.monotonic() - self.begun_at > CHECK_SECONDS
        return self.is_overdue or self.job.cancelled()

    def told(self, part: dict[str, Any]) -> None:
        """A check began, or its result is there: kept at once, so that nothing that is done is done again."""
        if "begun" in part:
            self.begun, self.begun_at = str(part["begun"]), time.monotonic()
            return
        self.keep(part)
        self.pace.done(str(part["name"]), part.get("seconds"))
        self.begun = ""

    def keep(self, said: dict[str, Any]) -> None:
        """Keep a result, unless another worker has taken the run over meanwhile."""
        with self.job.tenant():
            self.hold()
            inputs = self.keys.get(str(said["name"]), "")
            actions.keep_result(run=_run(self.job), said=said, inputs_hash=inputs, by=self.job.by)

    def hold(self) -> None:
        """Raise when another worker has taken the run over meanwhile."""
        if not Job.objects.filter(pk=self.job.id, lease=self.job.lease, state=JobState.RUNNING).exists():
            raise jobs.LeaseLost()

    def after(self, stop: sandbox.SandboxError) -> None:
        """The child ended in the middle of a check: that one gets its reason, unless this happens too often."""
        self.crashes += 1
        log.warning("check_ended_the_child", run=str(self.job.subject_id), check=self.begun, said=stop.sentence)
        if not self.begun or self.crashes > CRASHES:
            raise Stopped(stop.sentence) from stop
        self.blame(stop)
        self.pace.done(self.begun, None)

    def blame(self, stop: sandbox.SandboxError) -> None:
        """The check that was at work when the child ended could not run; why is its reason."""
        self.keep({"name": self.begun, **_ended_by(stop)})


def _in_child(given: dict[str, Any], inputs: dict[str, Any], wall: float, **watched: Any) -> Any:
    """The checks in a child, for so many seconds at most."""
    limits = replace(LIMITS, wall=wall)
    return sandbox.run(FUNCTION, payload=given, inputs=inputs, limits=limits, profile="learning", **watched)


def _ended_by(stop: sandbox.SandboxError) -> dict[str, Any]:
    """What is kept of a check that ended the child."""
    reason = f"This check ended the process it ran in. {stop.sentence}"
    return {"verdict": "not_run", "sense": "at_least", "reason": reason, "layer": stop.layer}


def end_own_check(job: jobs.Running, sentence: str) -> None:
    """A job that gave up or was cancelled leaves its reason as the answer."""
    challenge = _challenge(job)
    if challenge.answered is None:
        actions.keep_unmeasured(challenge=challenge, sentence=sentence, by=job.by)


@jobs.worker(
    "validation.own_check",
    queue="validation",
    failed=end_own_check,
    soft_time_limit=CHECK_SECONDS + GRACE,
    time_limit=CHECK_SECONDS + GRACE + 60,
)
def run_own_check(job: jobs.Running) -> None:
    """Measure one check that a validator asks outside the plan, in a child like those of runs."""
    advisories.fetch()
    with job.tenant():
        challenge = _challenge(job)
        given = subjects.payload(challenge.run.plan, [], [challenge.asked])
        paths = subjects.files_of(challenge.run.plan)
    with subjects.local_files(paths) as local:
        said = _measured(job, given, local)
    with job.finish():
        actions.keep_own_result(challenge=_challenge(job), said=said, by=job.by)


def _measured(job: jobs.Running, given: dict[str, Any], local: dict[str, Any]) -> dict[str, Any]:
    """What a child says of its one check."""
    told: list[dict[str, Any]] = []
    watched = {"progress": job.progress, "told": told.append, "cancelled": job.cancelled}
    try:
        _in_child(given, local, CHECK_SECONDS, **watched)
    except sandbox.Cancelled:
        raise jobs.Cancelled() from None
    except sandbox.SandboxError as stop:
        return _ended_by(stop)
    return next(part for part in told if "begun" not in part)


def _challenge(job: jobs.Running) -> Challenge:
    related = [f"run__plan__{one}" for one in OF_PLANS]
    return Challenge.objects.select_related("run__version__model", "answer", *related).get(pk=job.subject_id)


def seconds_before(run: ValidationRun) -> dict[str, float]:
    """How long each check took when it was last measured on a version of this model, by the name of its line."""
    rows = CheckResult.objects.filter(
        run__version__model_id=run.version.model_id, origin=ResultOrigin.MEASURED, verdict__in=reuse.JUDGED
    )
    return dict(rows.order_by("name", "-id").distinct("name").values_list("name", "seconds"))


@task("validation.follow_up")
def follow_up(_organization_id: str) -> None:
    """End what ran out, raise what is due by its date, remind of what is near or late. Once a day."""
    actions.expire_waivers(by=system())
    actions.remind_of_waivers(by=system())
    actions.raise_by_date(by=system())
    actions.remind_of_revalidations(by=system())
    for finding in Finding.objects.overdue().select_related("version__model__organization", "owner"):
        if finding.should_remind:
            actions.remind_overdue(finding=finding, by=system())
    for awaited in OutsideAnswer.objects.missed():
        actions.miss_answer(awaited=awaited, by=system())
    following_up.send(sender=Finding, by=system())


@task("validation.miss_answer")
def miss_answer(answer_id: str) -> None:
    """Its time has passed: without an answer the check could not run."""
    for awaited in OutsideAnswer.objects.missed().filter(pk=answer_id):
        actions.miss_answer(awaited=awaited, by=system())
