"""A database of many organizations, one of them with very many models, filled behind the walls."""

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import batched
from typing import Any

from django.db import connections
from django.db.models import QuerySet
from django.utils import timezone

from apps.core.tenancy import current, tenant
from apps.datasets.models import Dataset
from apps.deployments.models import Endpoint, Environment
from apps.models.models import Alias, Artifact, ModelVersion, RegisteredModel
from apps.monitoring.models import Baseline, Monitor, State
from apps.organizations import actions
from apps.organizations.models import Organization, Scope, User
from apps.projects.models import Project

PROJECTS = 100
VERSIONS = 3
SIGNATURE = {"task": "binary", "target": "y", "inputs": [{"name": "x", "type": "number", "nullable": True}]}


@contextmanager
def database() -> Iterator[None]:
    """A database made and migrated by the owner, used as the application, dropped at the end."""
    owner, default = connections["owner"], connections["default"]
    plain = owner.settings_dict["NAME"]
    owner.settings_dict["TEST"]["NAME"] = "tenure_bench"
    owner.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    default.close()
    default.settings_dict["NAME"] = owner.settings_dict["NAME"]
    try:
        yield
    finally:
        default.close()
        owner.creation.destroy_test_db(plain, verbosity=0)


def fill(organizations: int, models: int) -> tuple[Organization, Organization]:
    """The big organization and a small one, after everything was filled and analysed."""
    began = time.perf_counter()
    person = User.objects.create_user("owner@bench.example", "a long enough phrase", name="Owner")
    big = actions.create_organization(key="big", name="Big", by=person)
    small = actions.create_organization(key="small", name="Small", by=person)
    _rows(big, person, models)
    _rows(small, person, 10)
    for number in range(organizations - 2):
        other = actions.create_organization(key=f"o{number}", name=f"Organization {number}", by=person)
        _rows(other, person, 5, projects=1)
    with connections["owner"].cursor() as cursor:
        cursor.execute("analyze")
    seconds = time.perf_counter() - began
    print(f"{organizations:,} organizations, {models:,} models in one of them, filled in {seconds:.0f} s\n")
    return big, small


def watch(
    count: int, known: Any, stored: Sequence[tuple[int, int, bytes]], start: dt.datetime, window: str
) -> list[Monitor]:
    """Endpoints of so many models of the open tenant, each with this baseline, these states (hour after the start,
    rows, bytes) and a monitor of its inputs.
    """
    hour, made = dt.timedelta(hours=1), []
    place = Environment.objects.first() or Environment(key="production", name="Production", order=1)
    if place._state.adding:
        keep(Environment, [place])
    versions = ModelVersion.objects.filter(number=1).select_related("model", "registered_by").order_by("id")
    blob, columns = known.encode(), len(known.bins.numbers.names) + len(known.bins.categorical)
    for some in batched(list(versions[:count]), 200):
        endpoints = [
            Endpoint(key=f"e-{one.model.key}", model=one.model, environment=place, created_by=one.registered_by)
            for one in some
        ]
        references = [
            Baseline(
                version=one, number=1, source="training", sha256=known.sha256, bins=known.bins.fingerprint.hex(),
                data=blob, rows=known.reference.rows, columns=columns, has_labels=False, created_by=one.registered_by,
            )
            for one in some
        ]  # fmt: skip
        states = [
            State(
                endpoint=endpoint, baseline=reference, kind="predictions", start_at=start + number * hour,
                end_at=start + (number + 1) * hour, last_at=start + (number + 1) * hour - dt.timedelta(seconds=1),
                rows=rows, changes=1, data=data,
            )
            for endpoint, reference in zip(endpoints, references, strict=True)
            for number, rows, data in stored
        ]  # fmt: skip
        monitors = [
            Monitor(endpoint=one, kind="drift", name="Drift", window=window, owner=one.created_by,
                    created_by=one.created_by)
            for one in endpoints
        ]  # fmt: skip
        for model, rows in ((Endpoint, endpoints), (Baseline, references), (State, states), (Monitor, monitors)):
            keep(model, rows)
        made += monitors
    return made


def _rows(organization: Organization, person: User, models: int, projects: int = PROJECTS) -> None:
    with tenant(organization.pk):
        opened = [_project(organization, person, number) for number in range(min(projects, models))]
        keep(Scope, [Scope(id=project.pk, label=project.title) for project in opened])
        keep(Project, opened)
        made = [_model(opened[number % len(opened)], person, number) for number in range(models)]
        keep(RegisteredModel, made)
        artifacts = [_artifact(model, person, number) for model in made for number in range(1, VERSIONS + 1)]
        keep(Artifact, artifacts)
        versions = [_version(artifact, person, 1 + place % VERSIONS) for place, artifact in enumerate(artifacts)]
        keep(ModelVersion, versions)
        keep(Alias, [_alias(version, person) for version in versions[::VERSIONS]])
        keep(Dataset, [_dataset(project, person) for project in opened])


def keep(model: Any, rows: list[Any]) -> None:
    """Write rows of the open tenant."""
    # Filling is no decision of anybody: it goes past the actions, and past the manager that refuses bulk writes.
    for row in rows:
        row.organization_id = current()
    QuerySet(model).bulk_create(rows, batch_size=1000)


def _project(organization: Organization, person: User, number: int) -> Project:
    return Project(
        key=f"project-{number}", title=f"Project {number}", problem="-", owner=person, created_by=person, tier="limited"
    )


def _model(project: Project, person: User, number: int) -> RegisteredModel:
    return RegisteredModel(
        project=project, key=f"model-{number}", name=f"Model {number}", target="y", owner=person, created_by=person
    )


def _artifact(model: RegisteredModel, person: User, number: int) -> Artifact:
    return Artifact(
        model=model, name="model.onnx", path=f"{model.pk}/{number}", sha256=f"{number:064}", size=1, format="onnx",
        state="accepted", signature=SIGNATURE, added_by=person,
    )  # fmt: skip


def _version(artifact: Artifact, person: User, number: int) -> ModelVersion:
    return ModelVersion(
        model=artifact.model,
        number=number,
        artifact=artifact,
        signature=SIGNATURE,
        state="candidate",
        registered_by=person,
    )


def _alias(version: ModelVersion, person: User) -> Alias:
    return Alias(model=version.model, name="challenger", version=version, set_by=person, set_at=timezone.now())


def _dataset(project: Project, person: User) -> Dataset:
    return Dataset(project=project, key=f"data-of-{project.key}", name=f"Data of {project.title}", created_by=person)
