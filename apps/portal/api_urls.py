"""API of the portal, under /o/<organization>/api/v1/."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from apps.portal import api

router = SimpleRouter()
router.register("jobs", api.Jobs, basename="api-jobs")
router.register("inbox", api.Notices, basename="api-inbox")
router.register("audit/records", api.Records, basename="api-records")

urlpatterns = [
    path("production/", api.Production.as_view(), name="api-production"),
    path("board/", api.BoardApi.as_view(), name="api-board"),
    path("search/", api.SearchApi.as_view(), name="api-search"),
    *router.urls,
]
