"""API of validation, under /o/<organization>/api/v1/."""

from rest_framework.routers import SimpleRouter

from apps.validation import api

router = SimpleRouter()
router.register("validation-plans", api.Plans, basename="api-validation-plans")
router.register("validation-runs", api.Runs, basename="api-validation-runs")
router.register("check-results", api.Results, basename="api-check-results")
router.register("findings", api.Findings, basename="api-findings")
router.register("waivers", api.Waivers, basename="api-waivers")
router.register("validation-templates", api.Templates, basename="api-validation-templates")
router.register("validation-rules", api.Rules, basename="api-validation-rules")
router.register("validation-checks", api.Checks, basename="api-validation-checks")
urlpatterns = router.urls
