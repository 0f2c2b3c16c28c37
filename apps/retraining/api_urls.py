"""API of retraining, under /o/<organization>/api/v1/."""

from rest_framework.routers import SimpleRouter

from apps.retraining import api

router = SimpleRouter()
router.register("retraining-policies", api.Policies, basename="api-retraining-policies")
router.register("retraining-runs", api.Runs, basename="api-retraining-runs")
urlpatterns = router.urls
