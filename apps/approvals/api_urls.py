"""API of approvals, under /o/<organization>/api/v1/."""

from rest_framework.routers import SimpleRouter

from apps.approvals import api

router = SimpleRouter()
router.register("approvals", api.Requests, basename="api-approvals")
router.register("approval-policies", api.Policies, basename="api-approval-policies")
router.register("delegations", api.Delegations, basename="api-delegations")
urlpatterns = router.urls
