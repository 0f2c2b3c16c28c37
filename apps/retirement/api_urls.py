"""API of retirement, under /o/<organization>/api/v1/."""

from rest_framework.routers import SimpleRouter

from apps.retirement import api

PLAN = r"retirement/(?P<plan>\d+)"

router = SimpleRouter()
router.register("retirement", api.Plans, basename="api-retirement")
router.register(rf"{PLAN}/consumers", api.Consumers, basename="api-retirement-consumers")
router.register(rf"{PLAN}/readings", api.Readings, basename="api-retirement-readings")
router.register(rf"{PLAN}/held", api.Held, basename="api-retirement-held")
urlpatterns = router.urls
