"""allauth as we use it: nobody signs up uninvited, and its mail goes our way."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from apps.core.tenancy import tenant
from apps.organizations import doors
from apps.organizations.models import User
from apps.work.outbox import enqueue


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
        from apps.work.models import Message

        mail = self.render_mail(template_prefix, email, context)
        html = next((body for body, kind in getattr(mail, "alternatives", []) if kind == "text/html"), "")
        with tenant(places[0].id):
            message = Message(
                to=email, recipient=user, subject=mail.subject, text=mail.body, html=html or f"<pre>{mail.body}</pre>"
            )
            message.save(force_insert=True)
            enqueue("work.send_mail", message.pk, queue="mail")
