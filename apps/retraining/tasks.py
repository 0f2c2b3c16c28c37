"""Doors of the workers: the schedule, and the comparison in a child."""

from typing import Any

from apps.core import files, sandbox
from apps.core.errors import DomainError
from apps.models.models import ModelVersion
from apps.organizations.people import system
from apps.retraining import actions
from apps.retraining.models import RetrainingPolicy, RetrainingRun, Trigger
from apps.work import jobs
from apps.work.tasks import task

FUNCTION = "apps.validation.engine.runner:validate"
LIMITS = sandbox.Limits(wall=1800, memory=4 * sandbox.GIB, threads=1)
CHECK = "perf.vs_champion"
# The difference is wanted, not a verdict: that is the validators' plan's to give.
LINE: dict[str, Any] = {
    "name": CHECK,
    "key": CHECK,
    "parameters": {},
    "fail": None,
    "warn": None,
    "judged": "value",
    "required": True,
}


class NotCompared(DomainError):
    """The child gave no comparison, with a sentence why."""


@task("retraining.on_schedule")
def on_schedule(policy_id: str) -> None:
    """The policy's interval has passed."""
    policy = RetrainingPolicy.objects.get(pk=policy_id)
    cause = f"{policy.every_days} days have passed."
    actions.trigger(policy=policy, trigger=Trigger.SCHEDULE, cause=cause, by=system())


def give_up(job: jobs.Running, sentence: str) -> None:
    """A comparison that ended without a result fails its run in the same transaction."""
    run = _run(job)
    if run.is_open:
        actions.fail(run=run, sentence=sentence, by=job.by)


@jobs.worker("retraining.compare", queue="validation", failed=give_up)
def compare(job: jobs.Running) -> None:
    """Put challenger and champion to the same rows in a child, and keep the difference with its interval."""
    with job.tenant():
        run = _run(job)
        challenger, champion = run.challenger, run.champion
        assert challenger is not None and champion is not None
        given = {
            "model": _registered(challenger),
            "champion": {**_registered(champion), "name": str(champion.number)},
            "items": [LINE],
            "seed": 20,
            "max_rows": 100_000,
            "roles": {"time": "", "attributes": []},
            "facts": {},
        }
        paths = (challenger.artifact.path, champion.artifact.path, actions.test_data(run).file)
    with files.local(paths[0]) as ours, files.local(paths[1]) as theirs, files.local(paths[2]) as test:
        result, layer = _compared(job, given, {"model": ours, "champion": theirs, "test": test})
    with job.finish():
        actions.keep_comparison(run=_run(job), result=result, isolation=layer, by=job.by)


def _compared(job: jobs.Running, given: dict[str, Any], inputs: dict[str, Any]) -> tuple[dict[str, Any], str]:
    said: list[dict[str, Any]] = []
    try:
        done = sandbox.run(
            FUNCTION,
            payload=given,
            inputs=inputs,
            limits=LIMITS,
            progress=job.progress,
            told=said.append,
            cancelled=job.cancelled,
            profile="learning",
        )
    except sandbox.Cancelled:
        raise jobs.Cancelled() from None
    except sandbox.SandboxError as stop:
        raise NotCompared(stop.sentence) from stop
    result = next(part for part in said if part.get("name") == CHECK)
    if result.get("value") is None:
        raise NotCompared(result["reason"])
    return result, done.layer


def _registered(version: ModelVersion) -> dict[str, Any]:
    return {"format": version.artifact.format, "sha256": version.artifact.sha256, "signature": version.signature}


def _run(job: jobs.Running) -> RetrainingRun:
    related = ("policy__model__project", "policy__model__organization", "policy__owner", "organization")
    versions = (
        "champion__artifact",
        "champion__model",
        "challenger__artifact",
        "challenger__model",
        "training_run__split",
    )
    return RetrainingRun.objects.select_related(*related, *versions).get(pk=job.subject_id)
