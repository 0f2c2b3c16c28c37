"""Opens the tenant for a request: the one place where a URL, a person or a token becomes an organization."""

import contextlib
import datetime
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from apps.core import tenancy
from apps.core.api import problem_response
from apps.core.errors import DomainError, NotVisible
from apps.core.web import refused
from apps.organizations import access, doors, tokens
from apps.organizations.models import Organization

UNDER = re.compile(r"^/o/(?P<key>[a-z0-9-]+)/(?P<rest>.*)$")


def _zone_of(user: Any) -> datetime.tzinfo:
    """The zone in which pages show times to this person."""
    try:
        return ZoneInfo(user.time_zone)
    except (AttributeError, KeyError, ValueError, OSError):
        return datetime.UTC


class Unauthenticated(DomainError):
    """No or no valid sign-in."""

    status = 401
    title = "Sign in"


class OpenTenant:
    """Runs everything under /o/<organization>/, and the admin, in one transaction of that organization.

    Who is no member gets 404, as for an organization that does not exist. An answer of 500 rolls back.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if match := UNDER.match(request.path_info):
            return self._page(request, match["key"], match["rest"])
        if request.path_info.startswith("/admin/"):
            return self._admin(request)
        return self.get_response(request)

    def _page(self, request: HttpRequest, key: str, rest: str) -> HttpResponse:
        is_api = rest.startswith(("api/", "mlflow"))
        bearer = request.headers.get("Authorization", "")
        if not bearer and not request.user.is_authenticated and not rest.startswith("join/"):
            if is_api:
                return problem_response(
                    Unauthenticated("Send `Authorization: Bearer TOKEN` with a token made on the tokens page.")
                )
            return redirect_to_login(request.get_full_path())
        organization_id = doors.organization_by_key(key)
        if organization_id is None:
            return self._hidden(request, is_api)
        return self._inside(request, organization_id, is_api, bearer, is_join=rest.startswith("join/"))

    def _inside(
        self, request: HttpRequest, organization_id: UUID, is_api: bool, bearer: str, is_join: bool = False
    ) -> HttpResponse:
        reading = access.remembered() if request.method in {"GET", "HEAD"} else contextlib.nullcontext()
        with tenancy.tenant(organization_id), reading:
            if bearer and is_api:
                user = tokens.holder(bearer)
                if user is None:
                    return problem_response(
                        Unauthenticated("This token is unknown, expired or revoked. Make a new one on the tokens page.")
                    )
                request.user = user
            request.membership = access.membership(request.user)  # type: ignore[attr-defined]
            if request.membership is None and not is_join:  # type: ignore[attr-defined]
                return self._hidden(request, is_api)
            request.organization = Organization.objects.get(pk=organization_id)  # type: ignore[attr-defined]
            with timezone.override(datetime.UTC if is_api else _zone_of(request.user)):
                response = self.get_response(request)
            if response.status_code >= 500:
                transaction.set_rollback(True)
            return response

    def _admin(self, request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        places = [
            place
            for place in doors.organizations_of(request.user.pk)
            if place.role in {"owner", "administrator", "auditor"}
        ]
        chosen = request.GET.get("organization") or request.session.get("organization")
        place = next((place for place in places if place.key == chosen), None) or (
            places[0] if len(places) == 1 else None
        )
        if not places:
            return refused(request, NotVisible())
        if place is None:
            return redirect("/?next=/admin/")
        request.session["organization"] = place.key
        return self._inside(request, place.id, is_api=False, bearer="")

    @staticmethod
    def _hidden(request: HttpRequest, is_api: bool) -> HttpResponse:
        return problem_response(NotVisible()) if is_api else refused(request, NotVisible())
