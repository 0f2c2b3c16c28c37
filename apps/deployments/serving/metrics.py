"""Counters and latencies for Prometheus, added up over the processes of this host."""

import os
from typing import TYPE_CHECKING

from apps.deployments.serving.config import Config

if TYPE_CHECKING:
    from apps.deployments.serving.routes import Route

BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
NAMES = ("organization", "endpoint", "version")


class Metrics:
    """The metrics of one server process."""

    def __init__(self, config: Config) -> None:
        # prometheus_client decides when it is imported whether values are shared between processes.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(config.metrics)
        from prometheus_client import Counter, Histogram

        self.requests = Counter("tenure_serving_requests_total", "Requests by outcome.", [*NAMES, "status"])
        self.predictions = Counter("tenure_serving_predictions_total", "Predictions answered.", NAMES)
        self.dropped = Counter("tenure_serving_dropped_total", "Predictions answered but not recorded.", NAMES)
        self.outside = Counter("tenure_serving_outside_total", "Rows outside the conditions of use.", NAMES)
        self.latency = Histogram("tenure_serving_seconds", "From arrival to answer.", NAMES, buckets=BUCKETS)
        self.turned_away = Counter("tenure_serving_turned_away_total", "Requests that reached no endpoint.", ["status"])

    def count(self, route: "Route", *, status: int, seconds: float, rows: int, kept: bool, outside: int = 0) -> None:
        """Count a call that reached an endpoint."""
        labels = (route.organization, route.endpoint, str(route.version))
        self.requests.labels(*labels, str(status)).inc()
        self.latency.labels(*labels).observe(seconds)
        if outside:
            self.outside.labels(*labels).inc(outside)
        if rows:
            self.predictions.labels(*labels).inc(rows)
            if not kept:
                self.dropped.labels(*labels).inc(rows)


def text(config: Config) -> bytes:
    """The metrics of all processes of this host, and the spool's size, in Prometheus' text format."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    from apps.deployments.serving import ledger, spool

    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(config.metrics))
    dropped = sum(count.dropped for count in ledger.read(config.counts))
    own = (
        "# HELP tenure_serving_spool_bytes Records that wait for the recorder.\n"
        "# TYPE tenure_serving_spool_bytes gauge\n"
        f"tenure_serving_spool_bytes {spool.waiting(config.spool)}\n"
        "# HELP tenure_serving_lost_total Predictions answered but not recorded, since this host was set up.\n"
        f"# TYPE tenure_serving_lost_total counter\ntenure_serving_lost_total {dropped}\n"
    )
    return bytes(generate_latest(registry)) + own.encode()
