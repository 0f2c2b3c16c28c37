"""API of validation, under /o/<organization>/api/v1/."""

from rest_framework.routers import SimpleRouter

from apps.validation import api

router = SimpleRouter()
router.register("validation-plans", api.Plans, basename="api-validation-plans")
router.register("validation-runs", api.Runs, basename="api-validation-runs")
router.register("check-results", api.Results, basename="api-check-results")
router.register("validation-conditions", api.Conditions, basename="api-validation-conditions")
router.register("challenges", api.Challenges, basename="api-challenges")
router.register("independence", api.Independence, basename="api-independence")
router.register("revalidations", api.Revalidations, basename="api-revalidations")
router.register("revalidation-aging", api.Aging, basename="api-revalidation-aging")
router.register("deferrals", api.Deferrals, basename="api-deferrals")
router.register("outside-answers", api.OutsideAnswers, basename="api-outside-answers")
router.register("outside-tools", api.OutsideTools, basename="api-outside-tools")
router.register("findings", api.Findings, basename="api-findings")
router.register("waivers", api.Waivers, basename="api-waivers")
router.register("validation-templates", api.Templates, basename="api-validation-templates")
router.register("validation-rules", api.Rules, basename="api-validation-rules")
router.register("validation-documents", api.Documents, basename="api-validation-documents")
router.register("validation-checks", api.Checks, basename="api-validation-checks")
urlpatterns = router.urls
