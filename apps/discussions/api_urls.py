"""API of discussions, under /o/<organization>/api/v1/."""

from rest_framework.routers import SimpleRouter

from apps.discussions import api

router = SimpleRouter()
router.register("comments", api.Comments, basename="api-comments")
router.register("notices", api.Notices, basename="api-notices")
urlpatterns = router.urls
