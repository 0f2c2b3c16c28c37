"""API of projects, under /o/<organization>/api/v1/."""

from rest_framework.routers import SimpleRouter

from apps.projects import api

PROJECT = r"projects/(?P<project>[^/.]+)"

router = SimpleRouter()
router.register("projects", api.Projects, basename="api-projects")
router.register(rf"{PROJECT}/metrics", api.Metrics, basename="api-metrics")
router.register(rf"{PROJECT}/metrics/(?P<metric>[^/.]+)/values", api.Values, basename="api-values")
router.register(rf"{PROJECT}/requirements", api.Requirements, basename="api-requirements")
router.register(rf"{PROJECT}/risks", api.Risks, basename="api-risks")
router.register(rf"{PROJECT}/stakeholders", api.Stakeholders, basename="api-stakeholders")
router.register(rf"{PROJECT}/assessments", api.Assessments, basename="api-assessments")
urlpatterns = router.urls
