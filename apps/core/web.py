"""Bases of pages: errors as pages, redirects back, what every page of an organization needs."""

import sys
from typing import Any
from urllib.parse import urlsplit

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme

from apps.core.errors import DomainError, Failed, IllegalMove, Unavailable

PAGES = {404: "errors/404.html", 401: "errors/403.html", 403: "errors/403.html"}


def refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    """A page with the error's sentence and the way back."""
    context = {
        "title": error.title,
        "sentence": error.sentence,
        "legal": error.legal if isinstance(error, IllegalMove) else [],
        "back": back(request, "/"),
    }
    return render(request, PAGES.get(error.status, "errors/refused.html"), context, status=error.status)


def back(request: HttpRequest, otherwise: str) -> str:
    """Where the person came from, when that is a page of ours; else `otherwise`."""
    wanted = request.POST.get("next") or request.GET.get("next") or request.headers.get("Referer", "")
    if wanted and url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure()):
        parts = urlsplit(wanted)
        return parts.path + (f"?{parts.query}" if parts.query else "")
    return otherwise


def see_other(url: str) -> HttpResponseRedirect:
    """303: what was posted is done, look here."""
    response = HttpResponseRedirect(url)
    response.status_code = 303
    return response


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """The site's 404."""
    return render(request, "errors/404.html", {"title": "Not found"}, status=404)


def forbidden(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """The site's 403."""
    return render(request, "errors/403.html", {"title": "Not allowed", "sentence": str(exception or "")}, status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    """The site's 500; 503 while the database cannot be reached, for then nothing was done and one may simply repeat."""
    from apps.core.api import problem_response

    is_down = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    if "/api/v1/" in request.path:
        return problem_response(Unavailable() if is_down else Failed())
    if is_down:
        # Drawn without the request: who is signed in is in the database.
        page = render_to_string("errors/503.html", {"title": Unavailable.title, "sentence": Unavailable().sentence})
        return HttpResponse(page, status=503, headers={"Retry-After": str(Unavailable().retry_after)})
    return render(request, "errors/500.html", {"title": "Something went wrong"}, status=500)


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """The site's 400."""
    return render(request, "errors/400.html", {"title": "This request could not be read"}, status=400)
