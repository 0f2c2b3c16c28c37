"""Sources and datasets: registering them and keeping what is said of them true."""

import datetime as dt
from typing import Any

from apps.approvals.actions import invalidate_if_changed
from apps.audit.actions import action, record
from apps.core.canonical import plain
from apps.core.errors import Invalid
from apps.datasets import policies
from apps.datasets.actions.shared import refuse_used_key
from apps.datasets.models import (
    Classification,
    Dataset,
    DatasetVersion,
    DataSource,
    LawfulBasis,
    Purpose,
    VersionState,
)
from apps.projects.models import DataRequirement, PersonalData, Project

SOURCE_FIELDS = (
    "name",
    "kind",
    "description",
    "origin",
    "owner",
    "licence",
    "classification",
    "personal_data",
    "lawful_basis",
    "retain_until",
    "population",
    "collection",
    "known_biases",
    "requirement",
    "is_active",
)
DATASET_FIELDS = ("name", "description", "purpose", "source")


@action
def register_source(
    *,
    project: Project,
    key: str,
    name: str,
    kind: str,
    by: Any,
    owner: Any = None,
    description: str = "",
    origin: str = "",
    licence: str = "",
    classification: str = Classification.INTERNAL,
    personal_data: str = PersonalData.NONE,
    lawful_basis: str = LawfulBasis.NOT_NEEDED,
    retain_until: dt.date | None = None,
    population: str = "",
    collection: str = "",
    known_biases: str = "",
    requirement: DataRequirement | None = None,
) -> DataSource:
    """Name a place data come from, with who answers for it and on which terms it may be used."""
    policies.check_register_source(by, project)
    refuse_used_key(DataSource, key, "source")
    source = DataSource(
        project=project,
        key=key,
        name=name,
        kind=kind,
        owner=owner or by,
        description=description,
        origin=origin,
        licence=licence,
        classification=classification,
        personal_data=personal_data,
        lawful_basis=lawful_basis,
        retain_until=retain_until,
        population=population,
        collection=collection,
        known_biases=known_biases,
        requirement=requirement,
        created_by=by,
    )
    _check_lawful(source)
    source.save(force_insert=True)
    record(by=by, action="data_source.registered", subject=source, details=_said(source))
    return source


@action
def change_source(*, source: DataSource, changes: dict[str, Any], by: Any, reason: str = "") -> DataSource:
    """Correct what is said of a source; sign-offs of its versions that were given on other terms become invalid."""
    policies.check_change_source(by, source)
    unknown = sorted(set(changes) - set(SOURCE_FIELDS))
    if unknown:
        raise Invalid(f"A source has no {', '.join(unknown)} that could be changed.")
    before = _said(source)
    for name, value in changes.items():
        setattr(source, name, value)
    _check_lawful(source)
    source.save()
    record(
        by=by,
        action="data_source.changed",
        subject=source,
        reason=reason,
        details={"before": before, "after": _said(source)},
    )
    _hold_sign_offs_against(source, by)
    return source


def _hold_sign_offs_against(source: DataSource, by: Any) -> None:
    """A signature was given on the source as it was."""
    from apps.datasets.actions.sign_off import snapshot_of

    rows = DatasetVersion.objects.filter(
        source=source, state__in=[VersionState.PROFILED, VersionState.SIGNED_OFF], sign_off_request__isnull=False
    )
    for version in rows.exclude(origin="part").select_related("sign_off_request", "dataset__project", "source"):
        version.source = source
        invalidate_if_changed(request=version.sign_off_request, snapshot=snapshot_of(version, version.fit_for), by=by)


def _check_lawful(source: DataSource) -> None:
    if source.personal_data != PersonalData.NONE and source.lawful_basis == LawfulBasis.NOT_NEEDED:
        sentence = "Personal data need a lawful basis: say why they may be used."
        raise Invalid(sentence, {"lawful_basis": sentence})
    if source.requirement is not None and source.requirement.project_id != source.project_id:
        sentence = "The requirement belongs to another project."
        raise Invalid(sentence, {"requirement": sentence})


def _said(source: DataSource) -> dict[str, Any]:
    values = {name: getattr(source, name) for name in SOURCE_FIELDS}
    return plain({name: str(value) if name in ("owner", "requirement") else value for name, value in values.items()})


@action
def create_dataset(
    *,
    project: Project,
    key: str,
    name: str,
    by: Any,
    source: DataSource | None = None,
    description: str = "",
    purpose: str = Purpose.TRAINING,
) -> Dataset:
    """A table of the project under one name; versions are added to it."""
    policies.check_create_dataset(by, project)
    refuse_used_key(Dataset, key, "dataset")
    _check_same_project(project.pk, source)
    dataset = Dataset(
        project=project, key=key, name=name, source=source, description=description, purpose=purpose, created_by=by
    )
    dataset.save(force_insert=True)
    record(
        by=by,
        action="dataset.created",
        subject=dataset,
        details={"key": key, "source": source.key if source else None, "purpose": str(purpose)},
    )
    return dataset


@action
def change_dataset(*, dataset: Dataset, changes: dict[str, Any], by: Any) -> Dataset:
    """Change a dataset's name, description, purpose, or the source of versions to come."""
    policies.check_change_dataset(by, dataset)
    unknown = sorted(set(changes) - set(DATASET_FIELDS))
    if unknown:
        raise Invalid(f"A dataset has no {', '.join(unknown)} that could be changed.")
    before = {name: str(getattr(dataset, name) or "") for name in DATASET_FIELDS}
    _check_same_project(dataset.project_id, changes.get("source"))
    for name, value in changes.items():
        setattr(dataset, name, value)
    dataset.save()
    after = {name: str(getattr(dataset, name) or "") for name in DATASET_FIELDS}
    record(by=by, action="dataset.changed", subject=dataset, details={"before": before, "after": after})
    return dataset


def _check_same_project(project_id: Any, source: DataSource | None) -> None:
    if source is not None and source.project_id != project_id:
        sentence = f"“{source}” is a source of another project. Register it for this one."
        raise Invalid(sentence, {"source": sentence})
