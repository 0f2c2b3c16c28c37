"""Mail: written as a row with the decision it tells of, sent from there.

Links in it carry no power by themselves, but for invitations and new passwords: their words are forgotten in time.
"""

import datetime as dt
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone

from apps.work import outbox
from apps.work.models import Message, MessageState


def send(
    *, to: Any, subject: str, template: str, context: dict | None = None, secret_until: dt.datetime | None = None
) -> Message:
    """Write a mail to a person (or a bare address) from templates/mail/<template>.html and .txt.

    The context gets `address`, the portal's own, in front of every link. Nothing is sent before the commit. Where a
    link in it lets its reader in, `secret_until` says how long: afterwards nobody reads its words, not even here.
    """
    given = {"address": settings.TENURE_ADDRESS, "subject": subject, "recipient": to, **(context or {})}
    message = Message(
        to=getattr(to, "email", to),
        recipient=None if isinstance(to, str) else to,
        subject=" ".join(subject.split())[:250],
        text=render_to_string(f"mail/{template}.txt", given).strip() + "\n",
        html=render_to_string(f"mail/{template}.html", given),
    )
    write(message, secret_until)
    return message


def write(message: Message, secret_until: dt.datetime | None = None) -> None:
    """Have a mail sent once this commits, and its words forgotten when the link in it has lost its power."""
    message.save(force_insert=True)
    outbox.enqueue("work.send_mail", message.pk, queue="mail")
    if secret_until is not None:
        outbox.enqueue("work.forget_mail", message.pk, queue="mail", at=secret_until)


def forget(message_id: str) -> None:
    """Forget the words of a mail; that it was sent, and to whom, stays."""
    message = Message.objects.select_for_update().get(pk=message_id)
    message.text = message.html = ""
    message.save(update_fields=["text", "html"])


def deliver(message_id: str) -> None:
    """Send a written mail through the mail server; without one it is kept and shown on the mail page."""
    message = Message.objects.select_for_update().get(pk=message_id)
    if message.state not in {MessageState.QUEUED, MessageState.FAILED} or not message.text:
        return
    message.attempts += 1
    if settings.EMAIL_BACKEND.endswith("dummy.EmailBackend"):
        message.state, message.sent_at = MessageState.KEPT, timezone.now()
    else:
        _send(message)
    message.save(update_fields=["state", "attempts", "error", "sent_at"])


def _send(message: Message) -> None:
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ") or "tenure"
    mail = EmailMultiAlternatives(
        message.subject,
        message.text,
        to=[message.to],
        headers={"Message-ID": f"<{message.pk}@{domain}>", "Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(message.html, "text/html")
    try:
        mail.send()
    except Exception as error:
        message.state, message.error = MessageState.FAILED, str(error)[:1000]
        if message.attempts < 8:
            wait = dt.timedelta(seconds=30 * 2**message.attempts)
            outbox.enqueue("work.send_mail", message.pk, queue="mail", at=timezone.now() + wait)
        return
    message.state, message.sent_at, message.error = MessageState.SENT, timezone.now(), ""
