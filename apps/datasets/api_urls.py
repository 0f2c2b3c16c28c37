"""API of data, under /o/<organization>/api/v1/."""

from rest_framework.routers import SimpleRouter

from apps.datasets import api

OF_DATASET = r"datasets/(?P<key>[-a-z0-9]+)"
router = SimpleRouter()
router.register("data-sources", api.Sources, basename="api-data-sources")
router.register("datasets", api.Datasets, basename="api-datasets")
router.register(f"{OF_DATASET}/versions", api.Versions, basename="api-dataset-versions")
router.register(rf"{OF_DATASET}/versions/(?P<version>\d{{1,9}})/splits", api.Splits, basename="api-splits")
router.register(f"{OF_DATASET}/rules", api.Rules, basename="api-quality-rules")
router.register(f"{OF_DATASET}/preparations", api.Preparations, basename="api-preparations")
urlpatterns = router.urls
