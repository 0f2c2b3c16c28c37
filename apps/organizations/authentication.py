"""DRF's view of who is asking: whoever the tenant middleware found."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request


class OpenedBy(SessionAuthentication):
    """The person of the token or session the tenant was opened with; sessions need the CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        user = getattr(request._request, "user", None)
        if user is None or not user.is_active:
            return None
        if not getattr(user, "came_by_token", False):
            self.enforce_csrf(request)
        return user, None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class BearerOrSession(OpenApiAuthenticationExtension):
    """How the description of the API tells of it."""

    target_class = OpenedBy
    name = ["token", "session"]

    def get_security_definition(self, auto_schema: Any) -> Any:
        """A token in the Authorization header, or the session of a browser."""
        session = {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
        return [{"type": "http", "scheme": "bearer"}, session]
