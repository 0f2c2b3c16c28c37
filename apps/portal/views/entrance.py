"""Before any organization is open: choosing one, founding the first, light or dark."""

from typing import Any

from django.contrib.auth import login
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.errors import DomainError, Invalid
from apps.core.web import back, see_other
from apps.organizations import doors
from apps.portal import actions
from apps.portal.forms import FoundingForm

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
SCHEMES = ("light", "dark")
A_YEAR = 365 * 24 * 3600


@require_GET
def choose(request: HttpRequest) -> HttpResponse:
    """To the only organization, or to a choice of them; to the first-run page while there is none at all."""
    if not request.user.is_authenticated:
        if doors.portal_is_empty():
            return redirect("entrance:found")
        return redirect_to_login(request.get_full_path(), reverse("account_login"))
    places = doors.organizations_of(request.user.pk)
    wants_admin = request.GET.get("next") == "/admin/"
    if len(places) == 1 and not wants_admin:
        return redirect(f"/o/{places[0].key}/")
    choices = [(place, f"/admin/?organization={place.key}" if wants_admin else f"/o/{place.key}/") for place in places]
    title = "Choose an organization" if places else "You belong to no organization yet"
    return render(request, "portal/choose.html", {"title": title, "choices": choices})


@require_http_methods(["GET", "POST"])
def found(request: HttpRequest) -> HttpResponse:
    """The first-run page: the first organization with its owner, who is signed in right after."""
    if not doors.portal_is_empty():
        return redirect("entrance:choose")
    form = FoundingForm(request.POST or None)
    if request.method == "GET" or not form.is_valid():
        return _founding(request, form, 200 if request.method == "GET" else 422)
    try:
        organization, owner = actions.found_portal(**form.cleaned_data)
    except DomainError as error:
        _show(form, error)
        return _founding(request, form, error.status)
    login(request, owner, backend=BACKEND)
    return see_other(f"/o/{organization.key}/")


def _founding(request: HttpRequest, form: FoundingForm, status: int) -> HttpResponse:
    return render(request, "portal/found.html", {"title": "Begin", "form": form}, status=status)


def _show(form: Any, error: DomainError) -> None:
    fields = error.fields if isinstance(error, Invalid) else {}
    for name, sentences in fields.items():
        form.add_error(name if name in form.fields else None, sentences)
    if not fields:
        form.add_error(None, error.sentence)


@require_POST
def scheme(request: HttpRequest) -> HttpResponse:
    """Remember light or dark in this browser, for those whose browser runs no script."""
    response = see_other(back(request, "/"))
    chosen = request.POST.get("scheme", "")
    if chosen in SCHEMES:
        response.set_cookie("tenure_scheme", chosen, max_age=A_YEAR, samesite="Lax")
    else:
        response.delete_cookie("tenure_scheme", samesite="Lax")
    return response
