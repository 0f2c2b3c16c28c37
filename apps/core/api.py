"""Bases of the API: problem bodies (RFC 9457), cursor pages, throttles."""

from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404, HttpResponse, JsonResponse
from rest_framework import exceptions, status
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle

from apps.core.errors import Busy, DomainError, IllegalMove, Invalid, TooLarge

PROBLEM = "application/problem+json"


class Pages(CursorPagination):
    """Cursor pages of 50, newest first; `?page_size=` up to 500."""

    page_size = 50
    max_page_size = 500
    page_size_query_param = "page_size"
    ordering = "-id"


class PersonThrottle(UserRateThrottle):
    """So many calls a minute for each person or token."""

    scope = "person"


def body_of(error: DomainError) -> dict[str, Any]:
    """The problem body of a domain error."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": error.sentence,
    }
    if isinstance(error, Invalid) and error.fields:
        body["errors"] = error.fields
    if isinstance(error, IllegalMove):
        body["legal"] = error.legal
    return body


def problem_response(error: DomainError) -> HttpResponse:
    """A domain error as a response, for code outside DRF."""
    response = JsonResponse(body_of(error), status=error.status, content_type=PROBLEM)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, Busy):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def problem(error: Exception, context: dict) -> Response | None:
    """DRF's exception handler: every error as application/problem+json with one sentence that says what to do."""
    # rest_framework.views reads the settings when imported, and those name classes of this module.
    from rest_framework.views import set_rollback

    if isinstance(error, RequestDataTooBig):
        error = TooLarge("The body is larger than what is read at once. Send it in parts, or as a file.")
    if isinstance(error, DomainError):
        set_rollback()
        headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Busy) else {}
        return Response(body_of(error), status=error.status, content_type=PROBLEM, headers=headers)
    if isinstance(error, Http404):
        error = exceptions.NotFound("There is nothing here, or you may not see it.")
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied(str(error) or "You may not do this.")
    elif isinstance(error, DjangoValidationError):
        error = exceptions.ValidationError(error.message_dict if hasattr(error, "error_dict") else error.messages)
    if not isinstance(error, exceptions.APIException):
        return None
    set_rollback()
    return _from_drf(error)


def _from_drf(error: exceptions.APIException) -> Response:
    body: dict[str, Any] = {"type": "about:blank", "status": error.status_code, "title": "The request was refused"}
    if isinstance(error, exceptions.ValidationError):
        body |= {
            "status": status.HTTP_422_UNPROCESSABLE_ENTITY,
            "title": Invalid.title,
            "detail": "Correct the fields named in errors and send it again.",
        }
        body["errors"] = error.detail if isinstance(error.detail, dict) else {"": error.detail}
    else:
        body["detail"] = str(error.detail)
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    return Response(body, status=body["status"], content_type=PROBLEM, headers=headers)


def whole(request: Request) -> dict[str, Any]:
    """The request's data as a plain dict; anything else is refused."""
    if not isinstance(request.data, dict):
        raise Invalid("Send a JSON object.")
    return dict(request.data)
