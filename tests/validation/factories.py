"""Candidates, plans and runs at every point of their life, walked there by the real actions and the real worker."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from apps.datasets.models import DatasetVersion
from apps.models import actions as models
from apps.models.models import ModelVersion, RegisteredModel
from apps.projects.models import Project
from apps.validation import actions
from apps.validation.models import Finding, Plan, ValidationRun
from tests.cast import Cast
from tests.models.factories import WRITTEN, signed_off
from tests.projects.factories import project_at
from tests.support import deliver
from tests.validation.engine.graphs import SIGNATURE, logistic, table

# Few checks, so that a run takes a moment; `perf.auc` and `fair.impact_ratio` are the ones that tests make fail.
LINES: list[dict[str, Any]] = [
    {"key": "perf.auc", "fail": 0.6, "warn": 0.65},
    {"key": "fair.impact_ratio", "fail": 0.5, "warn": 0.6, "parameters": {"attributes": ["sex"]}},
    {"key": "sec.format", "fail": 0},
    {"key": "sec.digest", "fail": 0},
    {"key": "perf.vs_champion", "fail": -0.02, "required": False},
]
REPORTED: dict[str, Any] = {
    "key": "outside.report", "name": "scan", "fail": 3, "parameters": {"title": "Scan", "sense": "at_most"},
}  # fmt: skip
STRICT = [{**LINES[0], "fail": 0.99, "warn": 0.999}, *LINES[1:]]


def data(cast: Cast, project: Project, key: str = "flights", rows: int = 1_500, seed: int = 1) -> DatasetVersion:
    """A dataset version with its file, signed off as fit."""
    return signed_off(cast, project, table(rows, seed), key)


def model_of(cast: Cast, project: Project | None = None, key: str = "late-flights", **more: Any) -> RegisteredModel:
    """A registered model of an approved project."""
    project = project or project_at(cast, "approved", **more)
    return models.register_model(
        project=project, key=key, name="Late flights", kind="classification", target="late", by=cast.dario
    )


def candidate(
    cast: Cast, model: RegisteredModel | None = None, slope: float = 2.0, state: str = "candidate", **more: Any
) -> ModelVersion:
    """A version uploaded and registered by Dario, handed over for validation."""
    model = model or model_of(cast, **more)
    content = logistic(slope=slope)
    artifact = models.upload_artifact(
        model=model, file=io.BytesIO(content), name="late.onnx", signature=SIGNATURE, by=cast.dario
    )
    deliver(cast.meridian)
    artifact.refresh_from_db()
    assert artifact.sha256 == hashlib.sha256(content).hexdigest() and artifact.state == "accepted"
    version = models.register_version(model=model, artifact=artifact, by=cast.dario)
    if state == "draft":
        return version
    if version.card is None:
        models.write_card(version=version, written=WRITTEN, by=cast.dario)
    return models.submit_version(version=version, by=cast.dario)


def plan_of(cast: Cast, version: ModelVersion | None = None, lines: Sequence[Any] = LINES, **more: Any) -> Plan:
    """A draft by Vera."""
    version = version or candidate(cast)
    project = version.model.project
    test = DatasetVersion.objects.filter(dataset__project=project, dataset__key=f"test-{project.key}").first()
    given = {"test_data": test or data(cast, project, f"test-{project.key}", seed=5), "attributes": ["sex"]}
    return actions.write_plan(version=version, lines=lines, by=cast.vera, **(given | more))


def locked_plan(cast: Cast, version: ModelVersion | None = None, lines: Sequence[Any] = LINES, **more: Any) -> Plan:
    """A plan that Vera has locked."""
    return actions.lock_plan(plan=plan_of(cast, version, lines, **more), by=cast.vera)


def queued_run(
    cast: Cast, version: ModelVersion | None = None, lines: Sequence[Any] = LINES, **more: Any
) -> ValidationRun:
    """A run that waits for a worker."""
    return actions.start_run(plan=locked_plan(cast, version, lines, **more), by=cast.vera)


def finished_run(
    cast: Cast, version: ModelVersion | None = None, lines: Sequence[Any] = LINES, **more: Any
) -> ValidationRun:
    """A run that a worker has done."""
    run = queued_run(cast, version, lines, **more)
    deliver(cast.meridian)
    return fresh(run)


def again(cast: Cast, run: ValidationRun, lines: Sequence[Any] = LINES) -> ValidationRun:
    """Another run of the same version, under a new plan."""
    return finished_run(cast, run.version, lines, reason="Thresholds as agreed with risk.")


def fresh(run: ValidationRun) -> ValidationRun:
    """The run as it stands in the database."""
    return ValidationRun.objects.select_related("version__model__project", "plan", "organization").get(pk=run.pk)


def finding_at(cast: Cast, state: str, run: ValidationRun | None = None) -> Finding:
    """The finding of a failed check, in a state, reached through the real actions."""
    run = run or finished_run(cast, lines=STRICT)
    finding = Finding.objects.get(run=run)
    if state == "open":
        return finding
    finding = actions.plan_work(finding=finding, action_plan="Train on more data.", by=cast.dario)
    if state == "in_progress":
        return finding
    finding = actions.mark_ready(finding=finding, remedy="Trained on more data.", by=cast.dario)
    if state == "ready_for_retest":
        return finding
    finding = actions.retest(finding=finding, run=again(cast, run), by=cast.vera)
    return actions.close_finding(finding=finding, note="The same check passes now.", by=cast.vera)


def in_days(days: int) -> dt.date:
    """A day from today."""
    return timezone.localdate() + dt.timedelta(days=days)
