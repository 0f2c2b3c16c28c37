"""API of organizations, under /o/<organization>/api/v1/."""

from rest_framework.routers import SimpleRouter

from apps.organizations import api

router = SimpleRouter()
router.register("members", api.Members, basename="api-members")
router.register("invitations", api.Invitations, basename="api-invitations")
router.register("teams", api.Teams, basename="api-teams")
router.register("roles", api.RoleAssignments, basename="api-roles")
router.register("tokens", api.Tokens, basename="api-tokens")
router.register("service-accounts", api.ServiceAccounts, basename="api-service-accounts")
urlpatterns = router.urls
