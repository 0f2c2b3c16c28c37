"""DRF's view of who is asking: whoever the tenant middleware found."""

from typing import Any

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
