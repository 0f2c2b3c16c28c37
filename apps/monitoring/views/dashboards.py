"""The model's dashboard and what it leads to: one feature, and how calls were answered; all at one chosen time."""

from typing import Any

from django.utils.http import urlencode

from apps.core import exports
from apps.core.canonical import canonical
from apps.core.errors import NotVisible
from apps.core.pages import Action, Crumb, refusal
from apps.monitoring import calls, drawing, features, policies, reports, results, sending, sheets, tables, texts
from apps.monitoring.models import (
    Baseline,
    Batch,
    BatchState,
    Check,
    Incident,
    Monitor,
    MonitorKind,
    Outcome,
    ServiceReading,
)
from apps.monitoring.periods import HOUR
from apps.monitoring.results import Reading
from apps.monitoring.views.shared import OfEndpoint, actions_of, at_time, crumbs, link, newest_window
from apps.monitoring.windows import Window


class EndpointPage(OfEndpoint):
    """One watched endpoint: what moved, how good it is, how fast, what it is worth, over the chosen time."""

    template_name = "monitoring/endpoint.html"
    tab = "overview"

    def context(self, **more: Any) -> dict[str, Any]:
        endpoint, user = self.object, self.request.user
        return super().context(
            title=f"{endpoint.model} on {endpoint.environment}",
            crumbs=crumbs(self.organization, Crumb(str(endpoint))),
            primary=Action(
                "Set up the usual monitors",
                link("set-up", self.organization, endpoint.key),
                refused=refusal(policies.check_set_up, user, endpoint, self.monitors),
            ),
            actions=actions_of(endpoint, self.organization, user),
            monitors=self.monitors,
            lifecycle_of=endpoint.model,
            **self._charts(),
            **self._facts(),
            **more,
        )

    def table(self) -> tables.Table:
        monitor = self.monitor_of(MonitorKind.DRIFT)
        return tables.drift(drawing.checks_of(monitor, self.period, tables.MOST_OF_ALL) if monitor else [])

    def _charts(self) -> dict[str, Any]:
        endpoint, period = self.object, self.period
        events = drawing.events_of(endpoint, period)
        return {
            **self._drift(events),
            **self._performance(events),
            "traffic": drawing.traffic(endpoint, period, events),
            "service": calls.drawn(calls.of_endpoint(endpoint, period), period, self.monitors, events)[:2],
            "value": drawing.value(endpoint, period),
            "feedback": drawing.feedback(endpoint, period),
        }

    def _drift(self, events: list[Any]) -> dict[str, Any]:
        monitor = self.monitor_of(MonitorKind.DRIFT)
        if monitor is None:
            return {}
        checks = drawing.checks_of(monitor, self.period)
        rows = results.indexes(check.pk for check in checks)
        return {
            "drift_monitor": monitor,
            "drift_checks": checks,
            "drift": drawing.drift_over_time(monitor, checks, rows, self.period, events),
            "heat": drawing.drift_heat(monitor, checks, rows),
            "newest_check": checks[-1] if checks else None,
            "moved": self._moved(checks[-1]) if checks else [],
            "newest_window": None if checks else newest_window(monitor, self.request),
        }

    def _moved(self, check: Check) -> list[dict[str, Any]]:
        """What to look at first of a check, each with its page at the same time."""
        key = self.object.key
        return [
            {"reading": one, "url": self.period.on(link("feature", self.organization, key, one.feature))}
            for one in results.of_check(check)[:10]
        ]

    def _performance(self, events: list[Any]) -> dict[str, Any]:
        monitor = self.monitor_of(MonitorKind.PERFORMANCE)
        if monitor is None:
            return {}
        checks = drawing.measured(monitor, self.period)
        return {
            "performance": drawing.performance_over_time(checks, self.period, events),
            "coverage": drawing.coverage_over_time(checks, self.period),
        }

    def _facts(self) -> dict[str, Any]:
        endpoint = self.object
        version = sending.watched_version(endpoint)
        baselines = Baseline.objects.filter(version=version).order_by("-number")
        return {
            "version": version,
            "baseline": baselines.select_related("organization", "version__model").defer("data").first(),
            "newest": drawing.newest_event([endpoint.pk]).get(endpoint.pk),
            "waiting": Batch.objects.filter(endpoint=endpoint, state=BatchState.RECEIVED).count(),
            "unmatched": Outcome.objects.filter(endpoint_id=endpoint.pk, is_current=True, matched_at=None).count(),
            "incidents": Incident.objects.filter(endpoint=endpoint).select_related("organization", "owner")[:5],
        }


class FeaturePage(OfEndpoint):
    """One feature of a watched endpoint: the reference beside the window, and how it moved through the chosen time."""

    template_name = "monitoring/feature.html"

    def context(self, **more: Any) -> dict[str, Any]:
        feature = self.kwargs["feature"]
        monitor = self._monitor(feature)
        rows = self._rows(monitor)
        return super().context(
            title=results.name_of(feature),
            monitor=monitor,
            window_url=self.period.on(f"?{urlencode({'monitor': str(monitor.pk)})}") + "&check=",
            rows=rows[::-1],
            newest_window=None if rows else newest_window(monitor, self.request),
            told=texts.told_of(self.object, feature, *self.period.ends),
            **(self._of(monitor, feature, rows) if rows else {"state": None}),
            **more,
        )

    def table(self) -> tables.Table:
        return tables.feature(self._rows(self._monitor(self.kwargs["feature"]), tables.MOST_WINDOWS))

    def _rows(self, monitor: Monitor, most: int = drawing.MOST_WINDOWS) -> list[tuple[Check, Reading]]:
        feature = self.kwargs["feature"]
        return results.through_time(monitor, feature, *self.period.ends, most=most)

    def _of(self, monitor: Monitor, feature: str, rows: list[tuple[Check, Reading]]) -> dict[str, Any]:
        check, row = self._chosen(rows)
        window = Window(check.start_at, check.end_at)
        events = drawing.events_of(self.object, self.period)
        return {
            "state": row,
            "row": row,
            "check": check,
            "window": window,
            "sides": features.side_by_side(row, window),
            "compared": features.compared(row, window),
            "distributions": features.distributions(rows),
            "quantiles": features.quantiles(rows, self.period),
            "charts": features.through_time(rows, monitor, feature, self.period, events),
        }

    def _monitor(self, feature: str) -> Monitor:
        """The one asked for, or else the one checked last, of those that know the feature."""
        drift = [one for one in self.monitors if one.kind == MonitorKind.DRIFT]
        wanted = self.request.GET.get("monitor", "")
        drift.sort(key=lambda one: (str(one.pk) == wanted, one.checked_at is not None, one.checked_at), reverse=True)
        found = next((one for one in drift if results.has_seen(one, feature)), None)
        if found is None:
            raise NotVisible()
        return found

    def _chosen(self, rows: list[tuple[Check, Reading]]) -> tuple[Check, Reading]:
        wanted = self.request.GET.get("check", "")
        return next((one for one in rows if str(one[0].pk) == wanted), rows[-1])


class ServicePage(OfEndpoint):
    """How an endpoint answered in the chosen time: latency, failures and traffic, in all and stretch by stretch."""

    template_name = "monitoring/service.html"
    tab = "service"

    def table(self) -> tables.Table:
        return tables.service(calls.of_endpoint(self.object, self.period))

    def context(self, **more: Any) -> dict[str, Any]:
        endpoint, period = self.object, self.period
        stretches = calls.of_endpoint(endpoint, period)
        newest = ServiceReading.objects.filter(endpoint=endpoint).order_by("-start_at").first()
        return super().context(
            title="Service",
            state=None,
            monitor=self.monitor_of(MonitorKind.SERVICE),
            total=calls.in_all(endpoint, period),
            stretches=stretches[::-1],
            charts=calls.drawn(stretches, period, self.monitors, drawing.events_of(endpoint, period)),
            newest=newest.start_at if newest else None,
            newest_url=at_time(self.request, newest.start_at.replace(hour=0), newest.start_at + HOUR) if newest else "",
            **more,
        )


class ReportPage(OfEndpoint):
    """The report on the chosen time as PDF, or with `?format=json` the data behind it, which its hash is of."""

    def get(self, request: Any, **kwargs: Any) -> Any:
        self.object = self.get_object()
        found = reports.collect(self.object, self.period, self.monitors)
        name = f"{self.object.key}-monitoring-{self.period.since:%Y-%m-%d}-{self.period.until:%Y-%m-%d}"
        if request.GET.get("format") == "json":
            return exports.file(f"{name}.json", canonical(found).encode(), "application/json")
        made = sheets.pdf(self.object, self.period, self.monitors, found, request.user)
        return exports.file(f"{name}.pdf", made, "application/pdf")
