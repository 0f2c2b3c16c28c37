"""What the pages of one project share: finding it and its parts, breadcrumbs, addresses."""

from typing import Any

from django.urls import reverse

from apps.core.pages import Action, Crumb
from apps.organizations.bases import FormPage, ObjectFormPage, fetch
from apps.projects import policies
from apps.projects.models import Project


class OfProject:
    """Mixin of pages under one project, which is fetched through the access door before anything else."""

    model: Any = Project
    lookups = {"project": "key"}
    request: Any
    kwargs: dict[str, Any]
    organization: Any

    def find_project(self) -> Project:
        """The project of the address, if the person may see it."""
        rows = Project.objects.select_related("organization", "owner", "sponsor", "approval", "created_by")
        return fetch(rows, self.request.user, key=self.kwargs["project"])

    def url(self, name: str, *more: Any) -> str:
        """A page of this project."""
        return reverse(f"projects:{name}", args=[self.organization.key, self.kwargs["project"], *more])

    def link(self, label: str, name: str, *more: Any, refused: str = "", danger: bool = False) -> Action:
        """A button to a page of this project that asks for more."""
        return Action(label, self.url(name, *more), method="get", refused=refused, danger=danger)

    def crumbs(self, project: Project, *more: Crumb) -> list[Crumb]:
        """Projects › this project › …"""
        listed = Crumb("Projects", reverse("projects:projects", args=[self.organization.key]))
        return [listed, Crumb(str(project), project.get_absolute_url() if more else ""), *more]


class ProjectForm(OfProject, FormPage):
    """A form about a project; subclasses give the action and whether the form may open."""

    def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.project = self.find_project()

    def check(self) -> None:
        policies.check_plan(self.request.user, self.project)

    def get_form(self, **kwargs: Any) -> Any:
        kwargs.pop("files", None)
        return super().get_form(**kwargs)

    def cancel_url(self) -> str:
        return self.project.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(**({"crumbs": self.crumbs(self.project, Crumb(self.title))} | more))


class PartForm(OfProject, ObjectFormPage):
    """A form about a part of a project: a metric, a risk, …"""

    lookups = {"project": "project__key", "pk": "pk"}

    def get_queryset(self) -> Any:
        return super().get_queryset().select_related("project__organization")

    def check(self) -> None:
        policies.check_plan(self.request.user, self.object.project)

    def get_form(self, **kwargs: Any) -> Any:
        kwargs.pop("files", None)
        return super().get_form(**kwargs)

    def context(self, **more: Any) -> dict[str, Any]:
        crumbs = self.crumbs(
            self.object.project, Crumb(str(self.object), self.object.get_absolute_url()), Crumb(self.title)
        )
        return super().context(**({"crumbs": crumbs} | more))


def given(form: Any) -> dict[str, Any]:
    """The fields of a form that differ from what was there."""
    return {name: form.cleaned_data[name] for name in form.changed_data}


def values_of(row: Any, names: Any) -> dict[str, Any]:
    """A row's fields as a form begins with."""
    return {name: getattr(row, name) for name in names}
