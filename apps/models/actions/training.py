"""Training runs: started, followed, ended exactly once."""

from typing import Any, BinaryIO

from django.utils import timezone

from apps.audit.actions import action, record
from apps.core import files
from apps.core.canonical import content_hash, plain
from apps.core.errors import Conflict, Invalid
from apps.core.text import unkeepable
from apps.models import policies, signals
from apps.models.actions.registry import locked, next_number
from apps.models.engine import recipes
from apps.models.models import (
    RUN_STATES,
    Artifact,
    ArtifactState,
    MetricPart,
    RegisteredModel,
    RunLine,
    RunMetric,
    RunState,
    TrainingRun,
)
from apps.work import jobs


def read_recipe(recipe: Any) -> recipes.Recipe:
    """A recipe from YAML text or a dict; Invalid with a sentence per place."""
    try:
        read = recipes.from_text(recipe) if isinstance(recipe, str) else recipes.from_json(recipe)
    except recipes.RecipeError as error:
        raise Invalid(error.sentence, {"recipe": error.sentence}) from error
    if sentence := unkeepable(read.as_json()):
        raise Invalid(sentence, {"recipe": sentence})
    return read


@action
def start_training(
    *,
    model: RegisteredModel,
    recipe: Any,
    dataset_version: Any,
    by: Any,
    split: Any = None,
    reason: str = "",
) -> TrainingRun:
    """Queue a training from a recipe (YAML text or dict) on an exact dataset version, perhaps on a split of it."""
    policies.check_train(by, model, dataset_version, split)
    read = read_recipe(recipe)
    policies.check_recipe(model, read, dataset_version)
    model = locked(model)
    frozen = plain(read.as_json())
    run = TrainingRun(
        model=model,
        number=next_number(model.runs),
        recipe=frozen,
        recipe_hash=content_hash(frozen),
        dataset_version=dataset_version,
        split=split,
        reason=reason,
        started_by=by,
    )
    run.save(force_insert=True)
    details = {
        "data": str(dataset_version),
        "data_sha256": dataset_version.sha256,
        "recipe": run.recipe_hash,
        "split": None if split is None else str(split),
    }
    record(by=by, action="run.started", subject=run, reason=reason, details=details)
    url = run.get_absolute_url()
    jobs.start(kind="models.train", subject=run, title=f"Train {run}", by=by, queue="training", url=url)
    return run


@action
def cancel_training(*, run: TrainingRun, by: Any) -> TrainingRun:
    """Ask a training to stop; what it has computed is dropped."""
    policies.check_cancel_training(by, run)
    record(by=by, action="run.cancel_asked", subject=run)
    job = jobs.newest(run)
    if job is not None:
        jobs.cancel(job=job)
    return TrainingRun.objects.get(pk=run.pk)


def say(*, run_id: Any, text: str, candidate: dict[str, Any] | None = None) -> None:
    """Add a line to what a run says while it works. It decides nothing, so it leaves no audit record."""
    RunLine(run_id=run_id, text=text[:500], candidate=candidate).save(force_insert=True)


def _open(run: TrainingRun) -> TrainingRun:
    rows = TrainingRun.objects.select_for_update(of=("self",))
    return rows.select_related("model__project", "model__organization", "started_by").get(pk=run.pk)


@action
def finish_training(*, run: TrainingRun, outcome: Any, file: BinaryIO, by: Any) -> Artifact:
    """Keep what a training gave (a sandbox result and its ONNX file). The worker calls it where the job ends."""
    run = _open(run)
    RUN_STATES.move(run, RunState.SUCCEEDED)
    value = outcome.value
    stored = files.store(file, folder="models", name=f"{run.model.key}-run-{run.number}.onnx")
    if stored.sha256 != value["artifact"]["sha256"]:
        raise Conflict("The model file is not the one that the training wrote. Start the training again.")
    run.result = value
    run.isolation, run.seconds, run.peak_memory = outcome.layer[:120], outcome.seconds, outcome.peak_memory
    run.log, run.finished_at = outcome.log, timezone.now()
    run.save()
    _keep_metrics(run, value)
    artifact = _trained_artifact(run, stored, value)
    details = {
        "chosen": value["chosen"],
        "sha256": stored.sha256,
        "test": value["metrics"]["test"],
        "isolation": outcome.layer,
    }
    record(by=by, action="run.succeeded", subject=run, details=details)
    signals.trained.send(sender=TrainingRun, run=run, by=by)
    return artifact


def _trained_artifact(run: TrainingRun, stored: files.Stored, value: dict[str, Any]) -> Artifact:
    artifact = Artifact(
        model=run.model,
        run=run,
        name=f"{run.model.key}-run-{run.number}.onnx",
        path=stored.path,
        sha256=stored.sha256,
        size=stored.size,
        format="onnx",
        state=ArtifactState.ACCEPTED,
        signature=value["signature"],
        graph=value.get("graph") or {},
        isolation=run.isolation,
        added_by=run.started_by,
    )
    artifact.save(force_insert=True)
    return artifact


def _keep_metrics(run: TrainingRun, value: dict[str, Any]) -> None:
    """The figures as rows: every candidate over its folds, the chosen one on training and test rows."""
    for candidate in value["candidates"]:
        for metric, figure in candidate["metrics"].items():
            _keep(run, candidate["name"], MetricPart.FOLDS, metric, figure["mean"], figure["sd"])
    for part in (MetricPart.TRAIN, MetricPart.TEST):
        for metric, number in value["metrics"][part.value].items():
            _keep(run, value["chosen"], part, metric, number)


def _keep(
    run: TrainingRun, candidate: str, part: str, metric: str, value: float | None, deviation: float | None = None
) -> None:
    if value is not None:
        row = RunMetric(run=run, candidate=candidate[:200], part=part, metric=metric, value=value, deviation=deviation)
        row.save(force_insert=True)


@action
def end_training(*, run: TrainingRun, sentence: str, cancelled: bool, log: str, by: Any) -> TrainingRun:
    """End a run without a result: it failed or was cancelled."""
    run = _open(run)
    RUN_STATES.move(run, RunState.CANCELLED if cancelled else RunState.FAILED)
    run.error, run.log, run.finished_at = sentence, log, timezone.now()
    run.save()
    record(by=by, action="run.cancelled" if cancelled else "run.failed", subject=run, reason=sentence)
    signals.training_failed.send(sender=TrainingRun, run=run, by=by)
    return run
