"""Pages to look at: every watched endpoint, one of them, one feature, the rows that arrived, a baseline."""

import datetime as dt
from collections import Counter
from typing import Any

import django_filters
from django.db.models import F, Q
from django.utils import timezone

from apps.core.errors import NotVisible
from apps.core.pages import Action, Crumb, refusal
from apps.deployments.models import Endpoint, Environment
from apps.discussions import timeline
from apps.monitoring import drawing, policies, results
from apps.monitoring.models import (
    Baseline,
    Batch,
    BatchKind,
    BatchState,
    Check,
    Incident,
    Level,
    Monitor,
    MonitorKind,
    Outcome,
)
from apps.monitoring.results import Reading
from apps.monitoring.views.shared import actions_of, crumbs, link, of_endpoint, tabs
from apps.monitoring.windows import Window
from apps.organizations.bases import ListPage, ObjectPage, fetch

SHORT = {
    MonitorKind.DRIFT: "Drift",
    MonitorKind.PERFORMANCE: "Performance",
    MonitorKind.SERVICE: "Service",
    MonitorKind.SILENCE: "Silence",
    MonitorKind.FEEDBACK: "Feedback",
    MonitorKind.VALUE: "Value",
    MonitorKind.SEGMENTS: "Segments",
}
ORDER = [Level.DRIFT, Level.NEAR, Level.QUIET, Level.NOT_ENOUGH]


class OverviewFilter(django_filters.FilterSet):
    """Environment and model."""

    environment = django_filters.ModelChoiceFilter(queryset=lambda _: Environment.objects.all())
    model = django_filters.CharFilter(method="of_model", label="Model")

    def of_model(self, rows: Any, name: str, value: str) -> Any:
        """Those of the model with this key, or with this in its name."""
        return rows.filter(Q(model__key=value) | Q(model__name__icontains=value))


class Overview(ListPage):
    """Every model in use with the state of all its monitors, worst first where the reader asks."""

    template_name = "monitoring/overview.html"
    title = "Monitoring"
    model = Endpoint
    filterset_class = OverviewFilter
    orderings = {"endpoint": "key", "model": "model__name"}
    default_ordering = "key"
    columns = {"Endpoint": "key", "Model": "model__name", "Environment": "environment__name", "State": "state"}

    def get_queryset(self) -> Any:
        return Endpoint.objects.select_related("model__project", "environment", "organization")

    def context(self, **more: Any) -> dict[str, Any]:
        page = more.get("page")
        rows = _cells(list(page)) if page is not None else []
        return super().context(
            lead="Every endpoint with what its monitors say about the newest window.",
            primary=Action("Incidents", link("incidents", self.organization), method="get"),
            actions=[
                Action("Value of the portfolio", link("portfolio-value", self.organization), method="get"),
                Action("Channels", link("channels", self.organization), method="get"),
                Action("What must be watched", link("watch-plans", self.organization), method="get"),
                Action("What lacks a monitor", link("unwatched", self.organization), method="get"),
            ],
            rows=rows,
            kinds=SHORT.values(),
            **more,
        )


def _cells(endpoints: list[Endpoint]) -> list[dict[str, Any]]:
    """One row for each endpoint: a level for each kind of monitor, open incidents, freshness; four queries in all."""
    monitors: dict[tuple[Any, str], list[Monitor]] = {}
    for monitor in Monitor.objects.filter(endpoint__in=endpoints):
        monitors.setdefault((monitor.endpoint_id, monitor.kind), []).append(monitor)
    incidents = Incident.objects.filter(endpoint__in=endpoints, state__in=["open", "investigating"])
    still_open = Counter(incidents.values_list("endpoint_id", flat=True))
    newest = drawing.newest_event(endpoint.pk for endpoint in endpoints)
    return [
        {
            "endpoint": endpoint,
            "cells": [_worst(monitors.get((endpoint.pk, kind), [])) for kind in SHORT],
            "incidents": still_open.get(endpoint.pk, 0),
            "newest": newest.get(endpoint.pk),
        }
        for endpoint in endpoints
    ]


def _worst(monitors: list[Monitor]) -> Monitor | None:
    active = [monitor for monitor in monitors if monitor.is_active] or monitors
    return min(active, key=lambda monitor: ORDER.index(Level(monitor.level)), default=None)


class EndpointPage(ObjectPage):
    """One watched endpoint: what moved, how good it is, how fast, what it is worth, over time."""

    template_name = "monitoring/endpoint.html"
    model = Endpoint
    lookups = {"endpoint": "key"}

    def get_queryset(self) -> Any:
        return Endpoint.objects.select_related("model__project", "environment", "organization")

    def context(self, **more: Any) -> dict[str, Any]:
        endpoint, user = self.object, self.request.user
        monitors = list(Monitor.objects.filter(endpoint=endpoint).select_related("organization", "owner"))
        return super().context(
            title=f"{endpoint.model} on {endpoint.environment}",
            crumbs=crumbs(self.organization, Crumb(str(endpoint))),
            tabs=tabs(self.organization, endpoint, "overview"),
            primary=Action(
                "Set up the usual monitors",
                link("set-up", self.organization, endpoint.key),
                refused=refusal(policies.check_set_up, user, endpoint, monitors),
            ),
            actions=actions_of(endpoint, self.organization, user),
            monitors=monitors,
            lifecycle_of=endpoint.model,
            **self._charts(monitors),
            **self._facts(),
            **more,
        )

    def _charts(self, monitors: list[Monitor]) -> dict[str, Any]:
        endpoint = self.object
        drift = next((one for one in monitors if one.kind == MonitorKind.DRIFT), None)
        performance = next((one for one in monitors if one.kind == MonitorKind.PERFORMANCE), None)
        drawn: dict[str, Any] = {"traffic": drawing.traffic(endpoint)}
        if drift is not None:
            checks = drawing.checks_of(drift)
            drawn |= {"drift": drawing.drift_over_time(drift, checks), "heat": drawing.drift_heat(drift, checks)}
            drawn |= {"drift_monitor": drift, "newest_check": checks[-1] if checks else None}
        if performance is not None:
            drawn |= {"performance": drawing.performance_over_time(performance)}
            drawn |= {"coverage": drawing.coverage_over_time(performance, drawing.checks_of(performance))}
        drawn["service"] = drawing.service(endpoint, timezone.now() - dt.timedelta(days=14))
        drawn["value"] = drawing.value(endpoint)
        drawn["feedback"] = drawing.feedback(endpoint)
        return drawn

    def _facts(self) -> dict[str, Any]:
        endpoint = self.object
        current = endpoint.current
        baselines = Baseline.objects.filter(version=current.version if current else None).order_by("-number")
        return {
            "current": current,
            "baseline": baselines.select_related("organization", "version__model").defer("data").first(),
            "newest": drawing.newest_event([endpoint.pk]).get(endpoint.pk),
            "waiting": Batch.objects.filter(endpoint=endpoint, state=BatchState.RECEIVED).count(),
            "unmatched": Outcome.objects.filter(endpoint_id=endpoint.pk, is_current=True, matched_at=None).count(),
            "incidents": Incident.objects.filter(endpoint=endpoint).select_related("organization", "owner")[:5],
        }


class FeaturePage(ObjectPage):
    """One feature of a watched endpoint: the reference beside the window, and how it moved through time."""

    template_name = "monitoring/feature.html"
    model = Endpoint
    lookups = {"endpoint": "key"}

    def get_queryset(self) -> Any:
        return Endpoint.objects.select_related("model__project", "environment", "organization")

    def context(self, **more: Any) -> dict[str, Any]:
        endpoint, feature = self.object, self.kwargs["feature"]
        monitor = self._monitor(feature)
        rows = results.through_time(monitor, feature, most=drawing.SHOWN_WINDOWS)
        check, row = self._chosen(rows)
        window = Window(check.start_at, check.end_at)
        name = results.name_of(feature)
        return super().context(
            title=name,
            state=row,
            crumbs=of_endpoint(self.organization, endpoint, Crumb(name)),
            row=row,
            check=check,
            window=window,
            monitor=monitor,
            distribution=drawing.distribution(row, window),
            charts=drawing.feature_over_time(rows, monitor, feature),
            rows=rows[::-1],
            **more,
        )

    def _monitor(self, feature: str) -> Monitor:
        """The one asked for, or else the one checked last, of those that know the feature."""
        drift = Monitor.objects.filter(endpoint=self.object, kind=MonitorKind.DRIFT).select_related("organization")
        wanted = self.request.GET.get("monitor", "")
        every = sorted(drift.order_by(F("checked_until").desc(nulls_last=True)), key=lambda one: str(one.pk) != wanted)
        found = next((one for one in every if results.has_seen(one, feature)), None)
        if found is None:
            raise NotVisible()
        return found

    def _chosen(self, rows: list[tuple[Check, Reading]]) -> tuple[Check, Reading]:
        wanted = self.request.GET.get("check", "")
        return next((one for one in rows if str(one[0].pk) == wanted), rows[-1])


class BatchFilter(django_filters.FilterSet):
    """Kind and state."""

    kind = django_filters.ChoiceFilter(choices=BatchKind.choices)
    state = django_filters.ChoiceFilter(choices=BatchState.choices)


class BatchList(ListPage):
    """What was received for an endpoint, batch by batch."""

    template_name = "monitoring/batch_list.html"
    title = "Rows received"
    model = Batch
    lookups = {"endpoint": "endpoint__key"}
    filterset_class = BatchFilter
    orderings = {"received": "created_at", "rows": "rows", "refused": "refused"}
    columns = {
        "Key": "key", "Kind": "kind", "State": "state", "Rows": "rows", "Refused": "refused", "Repeated": "repeated",
        "Unmatched": "unmatched", "First event": "first_at", "Last event": "last_at", "Received": "created_at",
    }  # fmt: skip

    def get_queryset(self) -> Any:
        self.endpoint = fetch(Endpoint.objects.all(), self.request.user, key=self.kwargs["endpoint"])
        return Batch.objects.filter(endpoint=self.endpoint).select_related("organization", "version", "sent_by")

    def context(self, **more: Any) -> dict[str, Any]:
        waiting = Batch.objects.filter(endpoint=self.endpoint, state=BatchState.RECEIVED).order_by("created_at").first()
        return super().context(
            crumbs=of_endpoint(self.organization, self.endpoint, Crumb(self.title)),
            tabs=tabs(self.organization, self.endpoint, "batches"),
            waiting_since=waiting.created_at if waiting else None,
            **more,
        )


class BatchPage(ObjectPage):
    """One batch: what was kept, what was refused and why."""

    template_name = "monitoring/batch.html"
    model = Batch

    def get_queryset(self) -> Any:
        return Batch.objects.select_related("organization", "endpoint", "version__model", "sent_by", "baseline")

    def context(self, **more: Any) -> dict[str, Any]:
        batch = self.object
        rows = Crumb("Rows received", link("batches", self.organization, batch.endpoint.key))
        return super().context(
            crumbs=of_endpoint(self.organization, batch.endpoint, rows, Crumb(batch.key)),
            timeline=timeline.of(batch),
            **more,
        )


class BaselinePage(ObjectPage):
    """One baseline: where it came from, and how the version did on it."""

    template_name = "monitoring/baseline.html"
    model = Baseline

    def get_queryset(self) -> Any:
        rows = Baseline.objects.select_related("organization", "version__model__project", "created_by", "endpoint")
        return rows.defer("data")

    def context(self, **more: Any) -> dict[str, Any]:
        baseline = self.object
        checks = Check.objects.filter(baseline=baseline, is_current=True).select_related("monitor", "organization")
        others = Baseline.objects.filter(version=baseline.version).select_related("organization").defer("data")
        return super().context(
            crumbs=crumbs(self.organization, Crumb(str(baseline))),
            state="current" if others.first() == baseline else "superseded",
            owner=baseline.created_by,
            checks=checks.defer("result")[:20],
            others=others,
            timeline=timeline.of(baseline),
            **more,
        )
