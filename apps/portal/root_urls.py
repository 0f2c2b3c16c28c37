"""Pages outside any organization."""

from django.urls import path

from apps.portal.views import entrance

app_name = "entrance"
urlpatterns = [
    path("", entrance.choose, name="choose"),
    path("welcome/", entrance.found, name="found"),
    path("scheme/", entrance.scheme, name="scheme"),
]
