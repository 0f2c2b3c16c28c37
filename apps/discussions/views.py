"""Commenting from a page."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from apps.core.errors import Invalid
from apps.core.web import see_other
from apps.discussions import actions, policies
from apps.organizations.bases import TenantPage


class Comment(TenantPage):
    """Say something about a thing, then back to its page."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, **kwargs: object) -> HttpResponse:
        subject = policies.subject_of(request.POST.get("subject", ""), request.user)
        try:
            said = actions.comment(subject=subject, text=request.POST.get("text", ""), by=request.user)
        except Invalid as error:
            messages.error(request, error.sentence)
            return see_other(subject.get_absolute_url())  # type: ignore[attr-defined]
        return see_other(said.get_absolute_url())
