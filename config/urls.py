"""Every URL of the portal. Under /o/<organization>/ the tenant middleware has opened the organization."""

from importlib.util import find_spec

from django.apps import apps
from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from apps.core import health

handler400 = "apps.core.web.bad_request"
handler403 = "apps.core.web.forbidden"
handler404 = "apps.core.web.not_found"
handler500 = "apps.core.web.server_error"


def _installed(part: str) -> list[str]:
    """The modules of our apps that have this part, in the order of the lifecycle."""
    ours = [config.name for config in apps.get_app_configs() if config.name.startswith("apps.")]
    return [f"{name}.{part}" for name in ours if find_spec(f"{name}.{part}") is not None]


pages = [path("", include(module)) for module in _installed("urls")]
api = [path("", include(module)) for module in _installed("api_urls")]

urlpatterns = [
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("health/live", health.live, name="live"),
    path("health/ready", health.ready, name="ready"),
    path("metrics", health.metrics, name="metrics"),
    path("o/<slug:organization>/api/v1/", include(api)),
    path("o/<slug:organization>/", include(pages)),
    *[path("", include(module)) for module in _installed("root_urls")],
]
