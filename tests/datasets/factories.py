"""Data at every point of their life, walked there by the real actions and the real worker."""

from __future__ import annotations

import io
from typing import Any

from apps.datasets import actions
from apps.datasets.models import Dataset, DatasetVersion, DataSource, VersionState
from apps.projects.models import Project
from tests.cast import Cast
from tests.projects.factories import project_at, sign_all
from tests.support import deliver

FLIGHTS = "".join(
    [
        "day,carrier,delay,distance\n",
        *[
            f"2013-{1 + n % 12:02d}-{1 + n % 28:02d},{['UA', 'AA', 'DL'][n % 3]},{n % 50 - 10},{100 + n}\n"
            for n in range(60)
        ],
        "2013-01-05,UA,,777\n",
    ]
)


def source_of(cast: Cast, project: Project, key: str = "operations", **more: Any) -> DataSource:
    """A registered source."""
    given = {"name": "Operations records", "kind": "database", "licence": "CC0", "by": cast.dario}
    return actions.register_source(project=project, key=key, **(given | more))


def dataset_of(cast: Cast, project: Project | None = None, key: str = "flights", **more: Any) -> Dataset:
    """A dataset of an approved project."""
    project = project or project_at(cast, "approved")
    return actions.create_dataset(project=project, key=key, **({"name": "Flights", "by": cast.dario} | more))


def uploaded(
    cast: Cast, dataset: Dataset, content: str | bytes = FLIGHTS, name: str = "flights.csv", **more: Any
) -> DatasetVersion:
    """A version that waits to be read."""
    data = content if isinstance(content, bytes) else content.encode()
    return actions.upload_version(dataset=dataset, file=io.BytesIO(data), name=name, by=cast.dario, **more)


def profiled(cast: Cast, dataset: Dataset | None = None, content: str | bytes = FLIGHTS, **more: Any) -> DatasetVersion:
    """A version that a worker has read and profiled."""
    version = uploaded(cast, dataset or dataset_of(cast), content, **more)
    deliver(cast.meridian)
    return fresh(version)


def signed_off(cast: Cast, version: DatasetVersion | None = None) -> DatasetVersion:
    """A version found fit by the people whose signature it takes."""
    version = version or profiled(cast)
    request = actions.request_sign_off(version=version, use="training late-arrival models", by=cast.dario)
    sign_all(cast, request)
    version = fresh(version)
    assert version.state == VersionState.SIGNED_OFF
    return version


def version_at(cast: Cast, state: str, **more: Any) -> DatasetVersion:
    """A version in a state, reached through the real actions."""
    dataset = more.pop("dataset", None) or dataset_of(cast)
    if state == VersionState.DRAFT:
        return uploaded(cast, dataset, **more)
    if state == VersionState.FAILED:
        return profiled(cast, dataset, "a,b\n1,2\n3\n", **more)
    version = profiled(cast, dataset, **more)
    if state == VersionState.REJECTED:
        return actions.reject_version(version=version, reason="Half of the flights are missing.", by=cast.dario)
    return signed_off(cast, version) if state == VersionState.SIGNED_OFF else version


def fresh(version: DatasetVersion) -> DatasetVersion:
    """The version as it stands in the database."""
    rows = DatasetVersion.objects.select_related(
        "dataset__project", "dataset__organization", "source", "sign_off_request"
    )
    return rows.get(pk=version.pk)
