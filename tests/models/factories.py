"""Models at every point of their life, walked there by the real actions and the real worker."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from django.utils import timezone

from apps.approvals.models import RequestState
from apps.core import files
from apps.core.tenancy import tenant
from apps.datasets.models import Dataset, DatasetVersion
from apps.models import actions
from apps.models.engine import cards
from apps.models.models import ModelVersion, RegisteredModel, TrainingRun, VersionState
from apps.projects.models import Project
from tests.cast import Cast
from tests.models.engine.samples import recipe, table
from tests.projects.factories import project_at, sign_all
from tests.support import deliver

WRITTEN = {part.key: f"Something about {part.heading.lower()}." for part in cards.PARTS if part.required}


def signed_off_data(cast: Cast, project: Project, rows: int = 300, key: str = "flights") -> DatasetVersion:
    """A dataset version with its file, signed off as fit."""
    return signed_off(cast, project, table(rows=rows), key)


def signed_off(cast: Cast, project: Project, made: pa.Table, key: str, **roles: str) -> DatasetVersion:
    """A dataset version of these rows, signed off as fit; `roles` say what columns are for."""
    buffer = io.BytesIO()
    pq.write_table(made, buffer)
    stored = files.store(io.BytesIO(buffer.getvalue()), folder="datasets", name=f"{key}.parquet")
    dataset = Dataset(project=project, key=key, name=key.title(), created_by=cast.dario)
    dataset.save(force_insert=True)
    version = DatasetVersion(
        dataset=dataset,
        number=1,
        origin="uploaded",
        file=stored.path,
        sha256=stored.sha256,
        size=stored.size,
        rows=made.num_rows,
        format="parquet",
        schema=[{"name": name, "type": "string", "role": roles.get(name, "")} for name in made.column_names],
        state="signed_off",
        signed_off_at=timezone.now(),
        created_by=cast.dario,
    )
    version.save(force_insert=True)
    return version


def model_of(cast: Cast, project: Project | None = None, key: str = "late-arrivals", **more: Any) -> RegisteredModel:
    """A registered model of an approved project."""
    project = project or project_at(cast, "approved")
    given = {"name": "Late arrivals", "kind": "classification", "target": "target", "by": cast.dario}
    return actions.register_model(project=project, key=key, **(given | more))


def queued_run(cast: Cast, model: RegisteredModel, data: DatasetVersion, *estimators: str, **more: Any) -> TrainingRun:
    """A training that waits for a worker."""
    given: dict[str, Any] = {"recipe": recipe(*(estimators or ("logistic",))), "by": cast.dario}
    return actions.start_training(model=model, dataset_version=data, **(given | more))


def trained_run(cast: Cast, model: RegisteredModel, data: DatasetVersion, *estimators: str, **more: Any) -> TrainingRun:
    """A training that a worker has done."""
    run = queued_run(cast, model, data, *estimators, **more)
    deliver(cast.meridian)
    return TrainingRun.objects.select_related("model__project", "dataset_version").get(pk=run.pk)


def draft(cast: Cast, model: RegisteredModel | None = None, data: DatasetVersion | None = None) -> ModelVersion:
    """A version just registered from a run."""
    model = model or model_of(cast)
    data = data or signed_off_data(cast, model.project)
    run = trained_run(cast, model, data)
    return actions.register_version(model=model, run=run, by=cast.dario)


def version_at(cast: Cast, state: str, **more: Any) -> ModelVersion:
    """A version in a state, reached through the real actions."""
    version = draft(cast, **more)
    if state == VersionState.DRAFT:
        return version
    if state == VersionState.ARCHIVED:
        return actions.archive_version(version=version, by=cast.dario)
    actions.write_card(version=version, written=WRITTEN, by=cast.dario)
    version = actions.submit_version(version=version, by=cast.dario)
    if state == VersionState.CANDIDATE:
        return version
    if state == VersionState.REJECTED:
        return actions.reject_version(version=version, reason="Too weak.", by=cast.vera)
    version = actions.mark_validated(version=version, by=cast.vera)
    if state == VersionState.VALIDATED:
        return version
    request = actions.request_approval(version=version, by=cast.dario)
    sign_all(cast, request)
    request.refresh_from_db()
    assert request.state == RequestState.APPROVED
    return fresh(version)


def fresh(version: ModelVersion) -> ModelVersion:
    """The version as it stands in the database."""
    return ModelVersion.objects.select_related("model__project", "artifact", "approval").get(pk=version.pk)


__all__ = [
    "WRITTEN",
    "draft",
    "fresh",
    "model_of",
    "queued_run",
    "signed_off_data",
    "tenant",
    "trained_run",
    "version_at",
]
