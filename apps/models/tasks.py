"""Workers: train a run, let the gate look at an upload. Computation happens in an isolated child."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from apps.core import files, sandbox
from apps.core.errors import DomainError
from apps.core.sandbox import GIB, MIB, Limits
from apps.models import actions
from apps.models.models import Artifact, ArtifactState, TrainingRun
from apps.models.policies import parts_of
from apps.work import jobs

TRAINING = Limits(wall=3600, memory=8 * GIB, file_size=GIB, threads=2, log_bytes=MIB)
INSPECTION = Limits(wall=60, cpu=60, memory=3 * GIB, file_size=MIB)


def _stopped(job: jobs.Running, error: sandbox.SandboxError) -> Exception:
    """What ends the job, for what ended the child."""
    return jobs.Cancelled() if isinstance(error, sandbox.Cancelled) else DomainError(error.sentence)


def training_ended(job: jobs.Running, sentence: str) -> None:
    """Keep that a run failed or was cancelled, in the transaction that fails its job."""
    run = TrainingRun.objects.get(pk=job.subject_id)
    if run.is_open:
        log = getattr(job, "log", "")
        cancelled = job.is_cancelled or _asked_to_stop(job)
        actions.end_training(run=run, sentence=sentence, cancelled=cancelled, log=log, by=job.by)


def _asked_to_stop(job: jobs.Running) -> bool:
    found = jobs.newest(TrainingRun(pk=job.subject_id))
    return found is not None and found.cancel_requested


@jobs.worker("models.train", queue="training", failed=training_ended)
def train(job: jobs.Running) -> None:
    """Train one run on its exact data and keep the result with the end of the job."""
    with job.tenant():
        run = TrainingRun.objects.select_related("model", "dataset_version", "split").get(pk=job.subject_id)
        recipe, stored = run.recipe, _files_of(run)
        if job.attempts > 1:
            actions.say(run_id=run.pk, text="The worker stopped; another one begins from the start.")

    def told(part: Any) -> None:
        with job.tenant():
            actions.say(run_id=run.pk, text=str(part.get("line", "")), candidate=part.get("candidate"))

    with ExitStack() as stack:
        with job.tenant():
            inputs = {name: stack.enter_context(files.local(path)) for name, path in stored.items()}
        folder = stack.enter_context(files.scratch())
        try:
            outcome = sandbox.run(
                "apps.models.engine.training:fit",
                payload={"recipe": recipe},
                inputs=dict(inputs),
                outputs=folder,
                limits=TRAINING,
                progress=job.progress,
                told=told,
                cancelled=job.cancelled,
            )
        except sandbox.SandboxError as error:
            job.log = error.log  # type: ignore[attr-defined]
            raise _stopped(job, error) from error
        with open(Path(folder) / "model.onnx", "rb") as file, job.finish():
            actions.finish_training(run=run, outcome=outcome, file=file, by=job.by)


def _files_of(run: TrainingRun) -> dict[str, str]:
    """Stored files of the training and test rows: the parts of the split, or the whole version."""
    if run.split is None:
        return {"train": run.dataset_version.file}
    parts = parts_of(run.split)
    return {name: parts[name].file for name in ("train", "test") if name in parts}


def inspection_ended(job: jobs.Running, sentence: str) -> None:
    """Refuse an upload whose examination did not end, in the transaction that fails its job."""
    artifact = Artifact.objects.get(pk=job.subject_id)
    if artifact.state == ArtifactState.RECEIVED:
        actions.refuse_artifact(artifact=artifact, sentence=sentence, by=job.by)


@jobs.worker("models.inspect", queue="validation", failed=inspection_ended)
def inspect(job: jobs.Running) -> None:
    """Let the gate look at one upload."""
    with job.tenant():
        artifact = Artifact.objects.get(pk=job.subject_id)
    payload = {"name": artifact.name, "signature": artifact.signature}
    with ExitStack() as stack:
        with job.tenant():
            path = stack.enter_context(files.local(artifact.path))
        try:
            outcome = sandbox.run(
                "apps.models.engine.artifacts:inspect",
                payload=payload,
                inputs={"artifact": path},
                limits=INSPECTION,
                cancelled=job.cancelled,
            )
        except sandbox.SandboxError as error:
            raise _stopped(job, error) from error
    with job.finish():
        actions.keep_inspection(artifact=artifact, report=outcome.value, isolation=outcome.layer, by=job.by)
