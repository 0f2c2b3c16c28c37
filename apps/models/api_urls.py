"""API of models, under /o/<organization>/api/v1/."""

from rest_framework.routers import SimpleRouter

from apps.models import api

router = SimpleRouter(use_regex_path=False)
router.register("models", api.Models, basename="api-models")
router.register("models/<slug:key>/runs", api.Runs, basename="api-runs")
router.register("models/<slug:key>/artifacts", api.Artifacts, basename="api-artifacts")
router.register("models/<slug:key>/versions", api.Versions, basename="api-versions")
router.register("models/<slug:key>/aliases", api.Aliases, basename="api-aliases")
urlpatterns = router.urls
