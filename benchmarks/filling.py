"""A database of many organizations, one of them with very many models, filled behind the walls."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections
from django.db.models import QuerySet
from django.utils import timezone

from apps.core.tenancy import current, tenant
from apps.datasets.models import Dataset
from apps.models.models import Alias, Artifact, ModelVersion, RegisteredModel
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


def _rows(organization: Organization, person: User, models: int, projects: int = PROJECTS) -> None:
    with tenant(organization.pk):
        opened = [_project(organization, person, number) for number in range(min(projects, models))]
        _keep(Scope, [Scope(id=project.pk, label=project.title) for project in opened])
        _keep(Project, opened)
        made = [_model(opened[number % len(opened)], person, number) for number in range(models)]
        _keep(RegisteredModel, made)
        artifacts = [_artifact(model, person, number) for model in made for number in range(1, VERSIONS + 1)]
        _keep(Artifact, artifacts)
        versions = [_version(artifact, person, 1 + place % VERSIONS) for place, artifact in enumerate(artifacts)]
        _keep(ModelVersion, versions)
        _keep(Alias, [_alias(version, person) for version in versions[::VERSIONS]])
        _keep(Dataset, [_dataset(project, person) for project in opened])


def _keep(model: Any, rows: list[Any]) -> None:
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
