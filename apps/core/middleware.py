"""Middleware that every request passes."""

import time
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse
from django.urls import resolve
from django.urls.exceptions import Resolver404

from apps.core import channel
from apps.core.errors import DomainError
from apps.core.text import unkeepable

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# The API page is drawn by a third-party script that sets inline styles; it shows no tenant's content.
API_PAGE_POLICY = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
    "script-src 'self'", "script-src 'self' 'unsafe-inline'"
)

log = structlog.get_logger("tenure.request")


class ContentSecurityPolicy:
    """The strictest policy there is: nothing inline, nothing from elsewhere."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault(
            "Content-Security-Policy", API_PAGE_POLICY if request.path == "/api/docs/" else POLICY
        )
        response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        return response


class RequestLog:
    """Gives each request an id and its channel, and logs it with its time."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        with channel.through(_kind(request.path), address=request.META.get("REMOTE_ADDR", "")) as here:
            structlog.contextvars.bind_contextvars(request_id=here.request_id)
            response = self.get_response(request)
            response.headers["X-Request-ID"] = here.request_id
            if not request.path.startswith(("/static/", "/health/", "/metrics")):
                seconds = round(time.perf_counter() - started, 4)
                log.info(
                    "request", method=request.method, path=request.path, status=response.status_code, seconds=seconds
                )
            structlog.contextvars.unbind_contextvars("request_id")
            return response


def _kind(path: str) -> str:
    if "/api/v1/" in path:
        return "api"
    return "admin" if path.startswith("/admin/") else "page"


class LengthRequired(DomainError):
    """A body whose length was not said."""

    status = 411
    title = "Length required"


class Readable:
    """Refuses in a sentence what could not be read: NUL in an address or a form, and a body without its length.

    Bodies of the API are looked at by their parsers, after it is known who may send them.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            return _told(request, DomainError("The address holds the character NUL. Leave it out."))
        if "chunked" in request.headers.get("Transfer-Encoding", "").lower() and not request.META.get("CONTENT_LENGTH"):
            return _told(request, LengthRequired("Send the body in one piece, with the header Content-Length."))
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: object) -> HttpResponse | None:
        if request.method != "POST" or _kind(request.path) == "api":
            return None
        sentence = unkeepable(list(request.POST.lists()))
        return _told(request, DomainError(sentence)) if sentence else None


class DomainErrors:
    """Turns a domain error that a page did not catch into a page with its sentence."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return _told(request, error) if isinstance(error, DomainError) else None


def _told(request: HttpRequest, error: DomainError) -> HttpResponse:
    if "/api/v1/" in request.path:
        from apps.core.api import problem_response

        return problem_response(error)
    from apps.core.web import refused

    return refused(request, error)


def route_name(request: HttpRequest) -> str:
    """The name of the route, for metrics that must not grow with the number of objects."""
    try:
        return resolve(request.path_info).view_name
    except Resolver404:
        return "unknown"
