"""What an organization's Prometheus scrapes: endpoints and monitors in the text exposition format."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.db.models import Count, Q, Sum
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiTypes, extend_schema
from prometheus_client import CollectorRegistry, exposition
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from apps.deployments.models import Endpoint
from apps.monitoring import drawing
from apps.monitoring.models import Batch, BatchState, Incident, Level, Monitor, ServiceReading
from apps.organizations import access
from apps.organizations.bases import Rows

# As numbers, so that an alert rule can say "above 1".
LEVELS = {Level.NOT_ENOUGH: -1, Level.QUIET: 0, Level.NEAR: 1, Level.DRIFT: 2}
DAY = dt.timedelta(days=1)
ENDPOINT = ["endpoint", "model", "environment"]


class Seen(Collector):
    """The endpoints and monitors that one person may see; the same number of queries however many there are."""

    def __init__(self, user: Any) -> None:
        rows = Endpoint.objects.select_related("model", "environment")
        self.endpoints = list(access.visible(rows, user).order_by("key"))

    def collect(self) -> Iterator[Metric]:
        """The metric families."""
        yield from self._service()
        yield from self._rows()
        yield from self._monitors()

    def _labels(self, endpoint: Endpoint) -> list[str]:
        return [endpoint.key, endpoint.model.key, endpoint.environment.key]

    def _service(self) -> Iterator[Metric]:
        from apps.monitoring.engine import service

        calls = GaugeMetricFamily(
            "tenure_endpoint_calls", "Calls of the newest hour with any.", labels=[*ENDPOINT, "result"]
        )
        latency = GaugeMetricFamily(
            "tenure_endpoint_latency_seconds", "Seconds a call took in that hour.", labels=[*ENDPOINT, "quantile"]
        )
        predictions = GaugeMetricFamily("tenure_endpoint_predictions", "Rows predicted in that hour.", labels=ENDPOINT)
        began = GaugeMetricFamily("tenure_endpoint_hour_seconds", "When that hour began, since 1970.", labels=ENDPOINT)
        newest = ServiceReading.objects.filter(endpoint__in=self.endpoints).order_by("endpoint_id", "-start_at")
        readings = {reading.endpoint_id: reading for reading in newest.distinct("endpoint_id")}
        for endpoint in self.endpoints:
            reading, labels = readings.get(endpoint.pk), self._labels(endpoint)
            if reading is None:
                continue
            answered = reading.calls - reading.failed - reading.refused
            for result, count in (("answered", answered), ("failed", reading.failed), ("refused", reading.refused)):
                calls.add_metric([*labels, result], count)
            counts = service.add_counts([reading.latencies])
            for percent in service.PERCENTILES:
                if (seconds := service.percentile(counts, percent)) is not None:
                    latency.add_metric([*labels, f"{percent / 100:g}"], seconds)
            predictions.add_metric(labels, reading.predictions)
            began.add_metric(labels, reading.start_at.timestamp())
        yield from (calls, latency, predictions, began)

    def _rows(self) -> Iterator[Metric]:
        refused = GaugeMetricFamily(
            "tenure_endpoint_refused_rows", "Rows sent in the last 24 hours that did not fit.", labels=ENDPOINT
        )
        waiting = GaugeMetricFamily("tenure_endpoint_waiting_rows", "Rows that wait to be counted.", labels=ENDPOINT)
        newest = GaugeMetricFamily(
            "tenure_endpoint_newest_event_seconds", "Time of the newest event, since 1970.", labels=ENDPOINT
        )
        recent = Q(created_at__gt=timezone.now() - DAY) | Q(state=BatchState.RECEIVED)
        batches = Batch.objects.filter(recent, endpoint__in=self.endpoints).order_by().values("endpoint")
        sums = {
            row["endpoint"]: row
            for row in batches.annotate(
                refused_rows=Sum("refused"), waiting=Sum("rows", filter=Q(state=BatchState.RECEIVED))
            )
        }
        events = drawing.newest_event(endpoint.pk for endpoint in self.endpoints)
        for endpoint in self.endpoints:
            labels, found = self._labels(endpoint), sums.get(endpoint.pk, {})
            refused.add_metric(labels, found.get("refused_rows") or 0)
            waiting.add_metric(labels, found.get("waiting") or 0)
            if at := events.get(endpoint.pk):
                newest.add_metric(labels, at.timestamp())
        yield from (refused, waiting, newest)

    def _monitors(self) -> Iterator[Metric]:
        labels = [*ENDPOINT, "monitor", "kind"]
        level = GaugeMetricFamily(
            "tenure_monitor_level",
            "Newest window: -1 too few rows, 0 quiet, 1 near its limit, 2 over its limit.",
            labels=labels,
        )
        checked = GaugeMetricFamily("tenure_monitor_checked_seconds", "Time of its newest check.", labels=labels)
        incidents = GaugeMetricFamily("tenure_endpoint_open_incidents", "Incidents not ended yet.", labels=ENDPOINT)
        open_ = dict(
            Incident.objects.filter(endpoint__in=self.endpoints, state__in=["open", "investigating"])
            .order_by()
            .values_list("endpoint")
            .annotate(Count("pk"))
        )
        monitors: dict[Any, list[Monitor]] = {}
        for monitor in Monitor.objects.filter(endpoint__in=self.endpoints, is_active=True).order_by("name"):
            monitors.setdefault(monitor.endpoint_id, []).append(monitor)
        for endpoint in self.endpoints:
            incidents.add_metric(self._labels(endpoint), open_.get(endpoint.pk, 0))
            for monitor in monitors.get(endpoint.pk, []):
                values = [*self._labels(endpoint), monitor.name, monitor.kind]
                level.add_metric(values, LEVELS[Level(monitor.level)])
                if monitor.checked_at:
                    checked.add_metric(values, monitor.checked_at.timestamp())
        yield from (level, checked, incidents)


class Metrics(Rows):
    """For Prometheus: endpoints and monitors of the organization."""

    model = Endpoint

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR})
    def list(self, request: Any, *_: Any, **__: Any) -> Any:
        """Calls, latency, rows, levels of monitors, open incidents, in Prometheus' text format."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Seen(request.user))
        return HttpResponse(exposition.generate_latest(registry), content_type=exposition.CONTENT_TYPE_LATEST)
