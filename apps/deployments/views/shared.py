"""What the pages of deployments share."""

from django.db.models import QuerySet
from django.urls import reverse

from apps.core.pages import Action, Crumb, Tab, refusal
from apps.deployments import policies, terms
from apps.deployments.models import Deployment, Endpoint
from apps.organizations.bases import ObjectMixin, TenantPage


def crumbs(page: TenantPage, *more: Crumb) -> list[Crumb]:
    """The way to a page, from the list of endpoints."""
    return [Crumb("Deployment", reverse("deployments:endpoints", args=[page.organization.key])), *more]


def tabs(page: TenantPage, current: str) -> list[Tab]:
    """The pages beside each other at the top of the stage."""
    pages = {"Endpoints": "endpoints", "Gate": "gate", "History": "history", "Environments": "environments"}
    return [
        Tab(label, reverse(f"deployments:{name}", args=[page.organization.key]), current=name == current)
        for label, name in pages.items()
    ]


def carry_out(page: TenantPage, planned: Deployment, label: str) -> Action:
    """The way to put what was approved in place; by its form where conditions in words are new since it was asked."""
    url = reverse("deployments:carry-out", args=[page.organization.key, planned.endpoint.key, planned.number])
    refused = refusal(policies.check_carry_out, page.request.user, planned)
    return Action(label, url, method="get" if terms.unacknowledged(planned) else "post", refused=refused)


class OfEndpoint(ObjectMixin):
    """What pages about one endpoint share."""

    model = Endpoint
    lookups = {"key": "key"}

    def get_queryset(self) -> QuerySet:
        return Endpoint.objects.select_related("model__project", "environment", "organization", "created_by")


class OfDeployment(ObjectMixin):
    """What pages about one deployment share."""

    model = Deployment
    lookups = {"key": "endpoint__key", "number": "number"}

    def get_queryset(self) -> QuerySet:
        rows = Deployment.objects.select_related("decision", "replaced__version__model", "version__artifact")
        people = ("requested_by", "deployed_by", "ended_by", "organization", "request")
        places = ("endpoint__environment", "endpoint__organization", "endpoint__model__project", "version__model")
        return rows.select_related(*people, *places, "rollback_of__version__model", "rollback_of__endpoint")
