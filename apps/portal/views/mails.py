"""Sent mail: what went to whom, and what became of it. In the demo, where no mail leaves, this is the mailbox."""

from __future__ import annotations

from typing import Any

import django_filters
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.core.errors import NotVisible
from apps.core.pages import Crumb
from apps.organizations.bases import ListPage, ObjectPage
from apps.portal import policies
from apps.work.models import Message, MessageState

# A mail carries its own styles and may reach nothing: no script, no picture, no form, no frame.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-popups allow-top-navigation-by-user-activation"
)


class MailFilter(django_filters.FilterSet):
    """State, subject and address."""

    to = django_filters.CharFilter(lookup_expr="icontains", label="To")
    subject = django_filters.CharFilter(lookup_expr="icontains")
    state = django_filters.ChoiceFilter(choices=MessageState.choices)


class MailList(ListPage):
    """Every mail of the organization."""

    template_name = "portal/mails.html"
    title = "Sent mail"
    model = Message
    filterset_class = MailFilter
    orderings = {"subject": "subject", "to": "to", "state": "state", "at": "created_at"}

    def get_queryset(self) -> Any:
        policies.check_read_mails(self.request.user, self.organization)
        return Message.objects.defer("text", "html")

    def context(self, **more: Any) -> dict[str, Any]:
        lead = "What was sent to whom, and what became of it. The words of a mail are shown to whom it was sent."
        if policies.is_demo(self.organization):
            lead = "No mail leaves this demo: everything that would have been sent can be read here."
        return super().context(lead=lead, **more)


class MailPage(ObjectPage):
    """One mail as text."""

    template_name = "portal/mail.html"
    model = Message

    def get_object(self) -> Message:
        message: Message = super().get_object()
        if message.recipient_id != self.request.user.pk:
            policies.check_read_mails(self.request.user, self.organization)
        return message

    def context(self, **more: Any) -> dict[str, Any]:
        crumbs = [
            Crumb("Sent mail", reverse("portal:mails", args=[self.organization.key])),
            Crumb(str(self.object.subject)),
        ]
        shown = policies.can_read_text(self.request.user, self.object, self.organization)
        return super().context(crumbs=crumbs, title=self.object.subject, shows_text=shown, **more)


class MailHtml(MailPage):
    """One mail as its reader sees it, on a page of its own under a policy of its own."""

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        self.object = self.get_object()
        if not self.object.text or not policies.can_read_text(request.user, self.object, self.organization):
            raise NotVisible()
        response = HttpResponse(self.object.html)
        response.headers["Content-Security-Policy"] = MAIL_POLICY
        return response
