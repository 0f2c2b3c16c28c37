"""Pages of environments."""

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from apps.core.pages import Action, Crumb, refusal
from apps.deployments import actions, policies
from apps.deployments.forms import (
    EnvironmentForm,
)
from apps.deployments.models import (
    Endpoint,
    Environment,
)
from apps.deployments.views.shared import crumbs, tabs
from apps.discussions import timeline
from apps.organizations import access
from apps.organizations.bases import FormPage, ListPage, ObjectPage


class EnvironmentList(ListPage):
    """The environments, in their order."""

    template_name = "deployments/environment_list.html"
    title = "Environments"
    model = Environment
    default_ordering = "order"
    orderings = {"order": "order", "name": "name"}

    def get_queryset(self) -> QuerySet:
        return Environment.objects.select_related("organization")

    def context(self, **more: Any) -> dict[str, Any]:
        url = reverse("deployments:create-environment", args=[self.organization.key])
        refused = refusal(policies.check_create_environment, self.request.user)
        return super().context(
            lead="Where models run, in the order in which a version gets there.",
            crumbs=crumbs(self, Crumb(self.title)),
            tabs=tabs(self, "environments"),
            primary=Action("New environment", url, method="get", refused=refused),
            **more,
        )


class EnvironmentPage(ObjectPage):
    """An environment and what runs there."""

    template_name = "deployments/environment.html"
    model = Environment
    lookups = {"key": "key"}

    def get_queryset(self) -> QuerySet:
        return Environment.objects.select_related("organization")

    def context(self, **more: Any) -> dict[str, Any]:
        rows = Endpoint.objects.filter(environment=self.object).select_related("model", "organization")
        listing = Crumb("Environments", reverse("deployments:environments", args=[self.organization.key]))
        return super().context(
            crumbs=crumbs(self, listing, Crumb(str(self.object))),
            endpoints=access.visible(rows, self.request.user),
            state="production" if self.object.is_production else "test",
            timeline=timeline.of(self.object),
            **more,
        )


class CreateEnvironment(FormPage):
    """A new environment."""

    title, submit, form_class, done = (
        "New environment",
        "Create environment",
        EnvironmentForm,
        "The environment is there.",
    )

    def check(self) -> None:
        policies.check_create_environment(self.request.user)

    def get_form(self, **kwargs: Any) -> EnvironmentForm:
        kwargs.pop("files", None)
        return EnvironmentForm(**kwargs)

    def perform(self, form: Any) -> str:
        return actions.create_environment(by=self.request.user, **form.cleaned_data).get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(crumbs=crumbs(self, Crumb(self.title)), **more)
