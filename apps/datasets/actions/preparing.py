"""Preparation: a recipe applied by a worker, its report, and the version that comes out."""

from typing import Any

from django.utils import timezone

from apps.audit.actions import action, record
from apps.core import files
from apps.core.errors import Invalid
from apps.datasets import policies
from apps.datasets.actions.shared import named_versions, next_number
from apps.datasets.actions.versions import measure_quality
from apps.datasets.engine.errors import DataError
from apps.datasets.models import (
    PREPARATION_STATES,
    Dataset,
    DatasetVersion,
    Origin,
    PreparationRun,
    VersionInput,
    VersionState,
    WorkState,
)
from apps.datasets.sayings import as_domain, listed_in, storable
from apps.work import jobs


def recipe_from(raw: Any, version: DatasetVersion, by: Any) -> Any:
    """The engine's recipe from plain values or YAML, checked against the version's columns and the tables it joins.

    Raises Misfit with every problem, each by its step and field.
    """
    from apps.datasets.engine.preparation import Recipe
    from apps.datasets.engine.schema import Schema

    try:
        recipe = Recipe.from_list(listed_in(raw, "steps", "recipe"))
        tables = named_versions(recipe.tables(), by)
        schemas = {name: Schema.from_list(table.schema) for name, table in tables.items()}
        recipe.schemas(Schema.from_list(version.schema), schemas)
    except DataError as error:
        raise as_domain(error, "recipe") from error
    return recipe


@action
def prepare(
    *,
    version: DatasetVersion,
    recipe: Any,
    by: Any,
    into: Dataset | None = None,
    note: str = "",
    learned_from: PreparationRun | None = None,
) -> PreparationRun:
    """Have a worker apply a recipe to a version; the result becomes the next version of `into` (by default the same
    dataset).

    `recipe` is a list of steps or YAML. With `learned_from` the figures of that run are used instead of learning them
    anew, and its recipe must be the same.
    """
    into = into or version.dataset
    policies.check_prepare(by, version, into)
    steps = recipe_from(recipe, version, by).to_list()
    _check_same_recipe(learned_from, steps)
    run = PreparationRun(
        source=version,
        into=into,
        number=next_number(into, into.preparations),
        recipe=steps,
        learned_from=learned_from,
        note=note,
        started_by=by,
    )
    run.save(force_insert=True)
    record(
        by=by,
        action="preparation.started",
        subject=run,
        reason=note,
        details={"source": str(version), "sha256": version.sha256, "recipe": steps},
    )
    jobs.start(
        kind="datasets.prepare",
        subject=run,
        title=f"Prepare {version}",
        by=by,
        url=run.get_absolute_url(),
    )
    return run


def _check_same_recipe(learned_from: PreparationRun | None, steps: list[dict[str, Any]]) -> None:
    if learned_from is None:
        return
    if learned_from.state != WorkState.SUCCEEDED or learned_from.recipe != steps:
        sentence = "Figures can be taken over only from a preparation that succeeded with the same recipe."
        raise Invalid(sentence, {"learned_from": sentence})


@action
def keep_preparation(
    *,
    run: PreparationRun,
    stored: files.Stored,
    rows: int,
    schema: list[dict[str, Any]],
    report: dict[str, Any],
    learned: list[dict[str, Any]],
    profile: dict[str, Any],
    by: Any,
) -> DatasetVersion:
    """Keep what came out as an immutable version with its line of descent."""
    run = _locked(run)
    PREPARATION_STATES.move(run, WorkState.SUCCEEDED)
    version = DatasetVersion(
        dataset=run.into,
        number=next_number(run.into, run.into.versions),
        origin=Origin.PREPARED,
        state=VersionState.PROFILED,
        note=run.note,
        source=run.source.source or run.into.source,
        parent=run.source,
        format="parquet",
        file=stored.path,
        sha256=stored.sha256,
        size=stored.size,
        rows=rows,
        schema=schema,
        profile=storable(profile),
        profiled_at=timezone.now(),
        created_by=run.started_by,
    )
    version.save(force_insert=True)
    _keep_descent(version, run, by)
    run.report, run.learned = storable(report), storable(learned)
    run.result, run.ended_at = version, timezone.now()
    run.save()
    record(
        by=by,
        action="preparation.succeeded",
        subject=run,
        details={"result": str(version), "before": report["before"], "after": report["after"]},
    )
    record(
        by=by,
        action="dataset_version.prepared",
        subject=version,
        reason=run.note,
        details={"from": str(run.source), "run": str(run), "sha256": version.sha256, "rows": rows},
    )
    measure_quality(version, by)
    return version


def _keep_descent(version: DatasetVersion, run: PreparationRun, by: Any) -> None:
    VersionInput(version=version, input=run.source, how="prepared", sha256=run.source.sha256).save(force_insert=True)
    names = {step["table"] for step in run.recipe if "table" in step}
    for joined in named_versions(names, run.started_by).values():
        VersionInput(version=version, input=joined, how="joined", sha256=joined.sha256).save(force_insert=True)


@action
def fail_preparation(*, run: PreparationRun, sentence: str, details: dict[str, Any], by: Any) -> PreparationRun:
    """The rows did not allow a step, or the work was cancelled; nothing came out."""
    run = _locked(run)
    PREPARATION_STATES.move(run, WorkState.FAILED)
    run.failure, run.failure_details, run.ended_at = storable(sentence), storable(details), timezone.now()
    run.save()
    record(by=by, action="preparation.could_not_finish", subject=run, reason=sentence)
    return run


def _locked(run: PreparationRun) -> PreparationRun:
    rows = PreparationRun.objects.select_for_update(of=("self",)).select_related(
        "source__dataset", "source__source", "into__source", "started_by"
    )
    return rows.get(pk=run.pk)
