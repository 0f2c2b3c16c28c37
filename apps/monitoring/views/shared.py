"""What the pages of monitoring share: where they lie, and the tabs of a watched endpoint."""

import datetime as dt
from typing import Any

from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.http import urlencode

from apps.core import exports
from apps.core.errors import NotVisible
from apps.core.pages import Action, Crumb, Tab, refusal
from apps.deployments.models import Endpoint
from apps.monitoring import periods, policies, tables
from apps.monitoring.models import Check, Incident, Monitor
from apps.monitoring.periods import Period
from apps.organizations.bases import LABELS, ObjectPage, with_format

TIMED = (
    ("overview", "Overview", "endpoint"),
    ("performance", "Performance", "performance"),
    ("service", "Service", "service"),
    ("segments", "Segments", "segments"),
    ("value", "Value", "endpoint-value"),
)


def link(name: str, organization: Any, *arguments: Any) -> str:
    """The address of one of our pages."""
    return reverse(f"monitoring:{name}", args=[organization.key, *arguments])


def crumbs(organization: Any, *more: Crumb) -> list[Crumb]:
    """The way down from the overview."""
    return [Crumb("Monitoring", link("overview", organization)), *more]


def of_endpoint(organization: Any, endpoint: Any, *more: Crumb, period: Period | None = None) -> list[Crumb]:
    """The way down from a watched endpoint, back to the time that was chosen."""
    url = link("endpoint", organization, endpoint.key)
    return crumbs(organization, Crumb(str(endpoint), period.on(url) if period else url), *more)


class OfEndpoint(ObjectPage):
    """A page about one watched endpoint that looks at a time; every other page about it is reached at the same time."""

    model = Endpoint
    lookups = {"endpoint": "key"}
    tab = ""

    def get_queryset(self) -> Any:
        return Endpoint.objects.select_related("model__project", "environment", "organization")

    @cached_property
    def monitors(self) -> list[Monitor]:
        """What is watched here."""
        return list(Monitor.objects.filter(endpoint=self.object).select_related("organization", "owner"))

    @cached_property
    def period(self) -> Period:
        """The time looked at."""
        return periods.of_endpoint(self.object, self.request.GET, self.monitors)

    def table(self) -> tables.Table:
        """What the page shows, as rows for a file."""
        raise NotVisible()

    def get(self, request: Any, **kwargs: Any) -> Any:
        format = request.GET.get("format", "")
        if format not in exports.FORMATS:
            return super().get(request, **kwargs)
        self.object = self.get_object()
        heads, rows = self.table()
        return exports.answer(f"{self.object.key} {self.tab or 'rows'}", heads, rows, format)

    def monitor_of(self, kind: str) -> Monitor | None:
        """The first monitor of a kind, one that is paused only where no other is."""
        of_kind = [one for one in self.monitors if one.kind == kind]
        return min(of_kind, key=lambda one: not one.is_active, default=None)

    def context(self, **more: Any) -> dict[str, Any]:
        here = Crumb(more["title"])
        own: dict[str, Any] = choices(self.request, self.period)
        own["crumbs"] = of_endpoint(self.organization, self.object, here, period=self.period)
        report = link("report", self.organization, self.object.key)
        files = [(label, with_format(self.request, name)) for name, label in LABELS.items()]
        own["exports"] = [("PDF report", self.period.on(report)), *files]
        if self.tab:
            own["tabs"] = tabs(self.organization, self.object, self.tab, self.period)
        return super().context(**(own | more))


def choices(request: Any, period: Period) -> dict[str, Any]:
    """What templates/monitoring/period.html needs: the time, links to usual ones, what else the address says."""
    kept = _beside(request)
    return {
        "period": period,
        "presets": [
            {"label": label, "url": f"?{urlencode([*kept, ('range', name)])}", "is_picked": name == period.name}
            for name, (label, _) in periods.PRESETS.items()
        ],
        "kept_beside_period": kept,
    }


def at_time(request: Any, since: dt.datetime, until: dt.datetime) -> str:
    """The address of this page at another time."""
    return f"?{urlencode([*_beside(request), *periods.between(since, until).items()])}"


def newest_window(monitor: Monitor, request: Any) -> dict[str, Any] | None:
    """The newest window of a monitor and this page's address at it: for times in which there is none."""
    check = Check.objects.filter(monitor=monitor, is_current=True).defer("result").order_by("-end_at").first()
    return {"window": check.period, "url": at_time(request, check.start_at, check.end_at)} if check else None


def _beside(request: Any) -> list[tuple[str, str]]:
    """What an address says beside the time."""
    return [(name, value) for name, value in request.GET.items() if name not in periods.NAMES]


def tabs(organization: Any, endpoint: Any, current: str, period: Period | None = None) -> list[Tab]:
    """The pages about one watched endpoint, each at the time that was chosen."""
    still_open = Incident.objects.filter(endpoint=endpoint, state__in=["open", "investigating"]).count()
    incidents = f"{link('incidents', organization)}?endpoint={endpoint.key}"
    return [
        *[
            Tab(label, period.on(url) if period else url, current=current == name)
            for name, label, page in TIMED
            for url in [link(page, organization, endpoint.key)]
        ],
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
