"""What the frame around every page needs. Apps above add to it by registering a function."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest

FRAME: list[Callable[[HttpRequest], dict[str, Any]]] = []


def frame(request: HttpRequest) -> dict[str, Any]:
    """The organization of the page and whatever apps have registered (counts, inbox, places)."""
    found: dict[str, Any] = {"organization": getattr(request, "organization", None), "is_demo": settings.TENURE_DEMO}
    found["upload_limit"] = settings.TENURE_UPLOAD_LIMIT
    if found["organization"] is not None:
        for add in FRAME:
            found |= add(request)
    return found
