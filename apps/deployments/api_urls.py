"""API of deployments, under /o/<organization>/api/v1/."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from apps.deployments import api

router = SimpleRouter()
router.register("environments", api.Environments, basename="api-environments")
router.register("endpoints", api.Endpoints, basename="api-endpoints")
OF_ENDPOINT = r"endpoints/(?P<endpoint_key>[-a-z0-9]+)"
router.register(f"{OF_ENDPOINT}/deployments", api.Deployments, basename="api-endpoint-deployments")
router.register(f"{OF_ENDPOINT}/predictions", api.Predictions, basename="api-endpoint-predictions")
router.register(f"{OF_ENDPOINT}/counters", api.Counters, basename="api-endpoint-counters")
router.register("deployments", api.AllDeployments, basename="api-deployments")
router.register("gate-decisions", api.GateDecisions, basename="api-gate-decisions")
urlpatterns = [path("gate/", api.Gate.as_view(), name="api-gate"), *router.urls]
