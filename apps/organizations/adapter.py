"""allauth as we use it: nobody signs up uninvited, and its mail goes our way."""

import datetime as dt
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from apps.core.tenancy import tenant
from apps.organizations import doors
from apps.organizations.models import User
from apps.work import mail
from apps.work.models import Message


class AccountAdapter(DefaultAccountAdapter):
    """Accounts come from invitations, the first-run page or the command line."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict) -> None:
        """Write allauth's mail into the outbox of an organization of the person, so that it is not lost either."""
        user: Any = context.get("user") or User.objects.filter(email__iexact=email).first()
        places = doors.organizations_of(user.pk) if user else []
        if not places:
            super().send_mail(template_prefix, email, context)
            return
        written = self.render_mail(template_prefix, email, context)
        html = next((body for body, kind in getattr(written, "alternatives", []) if kind == "text/html"), "")
        with tenant(places[0].id):
            message = Message(
                to=email,
                recipient=user,
                subject=written.subject,
                text=written.body,
                html=html or f"<pre>{written.body}</pre>",
            )
            mail.write(message, timezone.now() + dt.timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT))
