"""What the pages of monitoring share: where they lie, and the tabs of a watched endpoint."""

from typing import Any

from django.urls import reverse

from apps.core.pages import Action, Crumb, Tab, refusal
from apps.monitoring import policies
from apps.monitoring.models import Incident


def link(name: str, organization: Any, *arguments: Any) -> str:
    """The address of one of our pages."""
    return reverse(f"monitoring:{name}", args=[organization.key, *arguments])


def crumbs(organization: Any, *more: Crumb) -> list[Crumb]:
    """The way down from the overview."""
    return [Crumb("Monitoring", link("overview", organization)), *more]


def of_endpoint(organization: Any, endpoint: Any, *more: Crumb) -> list[Crumb]:
    """The way down from a watched endpoint."""
    return crumbs(organization, Crumb(str(endpoint), link("endpoint", organization, endpoint.key)), *more)


def tabs(organization: Any, endpoint: Any, current: str) -> list[Tab]:
    """The pages about one watched endpoint."""
    still_open = Incident.objects.filter(endpoint=endpoint, state__in=["open", "investigating"]).count()
    incidents = f"{link('incidents', organization)}?endpoint={endpoint.key}"
    return [
        Tab("Overview", link("endpoint", organization, endpoint.key), current=current == "overview"),
        Tab("Performance", link("performance", organization, endpoint.key), current=current == "performance"),
        Tab("Segments", link("segments", organization, endpoint.key), current=current == "segments"),
        Tab("Value", link("endpoint-value", organization, endpoint.key), current=current == "value"),
        Tab("Feedback", link("feedback-list", organization, endpoint.key), current=current == "feedback"),
        Tab("Incidents", incidents, count=still_open, current=current == "incidents"),
        Tab("Rows received", link("batches", organization, endpoint.key), current=current == "batches"),
    ]


def actions_of(endpoint: Any, organization: Any, user: Any) -> list[Action]:
    """What can be set up for a watched endpoint."""
    refused = refusal(policies.check_monitor, user, endpoint)
    key = endpoint.key
    return [
        Action("New monitor", link("create-monitor", organization, key), method="get", refused=refused),
        Action("Baseline from a period", link("baseline-of-period", organization, key), method="get", refused=refused),
        Action(
            "New channel",
            f"{link('create-channel', organization)}?endpoint={key}",
            method="get",
            refused=refusal(policies.check_channels_of, user, endpoint),
        ),
        Action(
            "Open an incident",
            link("open-incident", organization, key),
            method="get",
            refused=_investigate(user, endpoint),
        ),
        Action(
            "Give feedback",
            link("give-feedback", organization, key),
            method="get",
            refused=refusal(policies.check_give_feedback, user, endpoint),
        ),
    ]


def _investigate(user: Any, endpoint: Any) -> str:
    return refusal(policies.check_open_incident, user, endpoint)
