"""What the pages of validation share: where they hang together, and how they find their object."""

from typing import Any

from django.urls import reverse

from apps.core.pages import Crumb, Tab
from apps.models.models import ModelVersion
from apps.organizations.bases import ObjectMixin

BY_NUMBER = {"model": "version__model__key", "version": "version__number", "number": "number"}
BESIDE = ("organization", "version__model__project", "version__model__organization", "version__organization")


def link(organization: Any, name: str, *arguments: Any) -> str:
    """The address of a page of validation."""
    return reverse(f"validation:{name}", args=[organization.key, *arguments])


def tabs(organization: Any, current: str) -> list[Tab]:
    """The lists of validation side by side."""
    names = {
        "runs": "Runs",
        "plans": "Plans",
        "findings": "Findings",
        "waivers": "Waivers",
        "aging": "Revalidation",
        "checks": "Checks",
        "outside-tools": "Outside tools",
        "templates": "Templates",
        "rules": "Rules",
    }
    return [Tab(label, link(organization, name), current=name == current) for name, label in names.items()]


def crumbs(organization: Any, *more: Crumb) -> list[Crumb]:
    """From the stage down to the page."""
    return [Crumb("Validation", link(organization, "runs")), *more]


def version_crumbs(organization: Any, version: ModelVersion, *more: Crumb) -> list[Crumb]:
    """The same, by way of the version."""
    return crumbs(organization, Crumb(str(version), version.get_absolute_url()), *more)


class OfVersion(ObjectMixin):
    """A page that begins at a version: models/<model>/versions/<number>/."""

    model = ModelVersion
    lookups = {"model": "model__key", "version": "number"}

    def get_queryset(self) -> Any:
        return ModelVersion.objects.select_related(
            "organization", "model__project", "model__organization", "artifact", "run__started_by", "registered_by"
        )
