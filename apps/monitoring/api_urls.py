"""API of monitoring, under /o/<organization>/api/v1/."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from apps.monitoring import api

router = SimpleRouter()
OF_ENDPOINT = r"monitoring/(?P<endpoint>[-a-z0-9]+)"
router.register("monitors", api.Monitors, basename="api-monitors")
router.register("checks", api.Checks, basename="api-checks")
router.register("alerts", api.Alerts, basename="api-alerts")
router.register("mutes", api.Mutes, basename="api-mutes")
router.register("channels", api.Channels, basename="api-channels")
router.register("deliveries", api.Deliveries, basename="api-deliveries")
router.register("watch-plans", api.WatchPlans, basename="api-watch-plans")
router.register("unwatched", api.Unwatched, basename="api-unwatched")
router.register("digest", api.Digest, basename="api-digest")
router.register("incidents", api.Incidents, basename="api-incidents")
router.register("segment-columns", api.SegmentColumns, basename="api-segment-columns")
router.register("segments", api.Segments, basename="api-segments")
router.register("outcome-values", api.Values, basename="api-outcome-values")
router.register("outcome-days", api.OutcomeDays, basename="api-outcome-days")
router.register("value", api.EndpointValues, basename="api-endpoint-values")
router.register("baselines", api.Baselines, basename="api-baselines")
router.register("batches", api.Batches, basename="api-batches")
router.register("holds", api.Holds, basename="api-holds")
router.register(f"{OF_ENDPOINT}/predictions", api.ReceivePredictions, basename="api-monitoring-predictions")
router.register(f"{OF_ENDPOINT}/outcomes", api.ReceiveOutcomes, basename="api-monitoring-outcomes")
router.register(f"{OF_ENDPOINT}/feedback", api.ReceiveFeedback, basename="api-monitoring-feedback")
router.register(f"{OF_ENDPOINT}/states", api.States, basename="api-monitoring-states")
router.register(f"{OF_ENDPOINT}/service", api.Service, basename="api-monitoring-service")
urlpatterns = [
    path("monitoring-metrics/", api.Metrics.as_view({"get": "list"}), name="api-monitoring-metrics"),
    *router.urls,
]
