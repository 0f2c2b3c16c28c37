"""What the pages of datasets share: addresses, breadcrumbs, finding a version."""

from typing import Any

from django.urls import reverse

from apps.core.pages import Action, Crumb
from apps.datasets.models import Dataset, DatasetVersion


class OfDatasets:
    """Mixin with addresses and breadcrumbs of this stage."""

    request: Any
    kwargs: dict[str, Any]
    organization: Any

    def url(self, name: str, *more: Any) -> str:
        """A page of this stage."""
        return reverse(f"datasets:{name}", args=[self.organization.key, *more])

    def link(self, label: str, name: str, *more: Any, refused: str = "", danger: bool = False) -> Action:
        """A button to a page that asks for more."""
        return Action(label, self.url(name, *more), method="get", refused=refused, danger=danger)

    def crumbs(self, *more: Crumb) -> list[Crumb]:
        """Data › …"""
        return [Crumb("Data", self.url("datasets") if more else ""), *more]

    def dataset_crumbs(self, dataset: Dataset, *more: Crumb) -> list[Crumb]:
        """Data › this dataset › …"""
        return self.crumbs(Crumb(str(dataset), dataset.get_absolute_url() if more else ""), *more)

    def version_crumbs(self, version: DatasetVersion, *more: Crumb) -> list[Crumb]:
        """Data › dataset › version › …"""
        here = Crumb(f"Version {version.number}", version.get_absolute_url() if more else "")
        return self.dataset_crumbs(version.dataset, here, *more)


def version_rows() -> Any:
    """Versions with everything their pages name."""
    return DatasetVersion.objects.select_related(
        "organization",
        "dataset__organization",
        "dataset__project__organization",
        "dataset__project__approval",
        "source__organization",
        "parent__dataset",
        "parent__organization",
        "sign_off_request__organization",
        "created_by",
    )


def without_files(form_class: type, **kwargs: Any) -> Any:
    """A form that takes no files."""
    kwargs.pop("files", None)
    return form_class(**kwargs)
