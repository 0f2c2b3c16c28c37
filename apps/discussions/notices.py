"""Telling people something: a line in their inbox and, where a template is given, a mail."""

from collections.abc import Iterable
from typing import Any

from django.urls import reverse

from apps.core.tenancy import current
from apps.discussions.models import Notice
from apps.organizations.models import Organization, UserKind
from apps.work import mail


def tell(
    people: Iterable[Any], *, text: str, url: str, template: str = "", context: dict | None = None
) -> list[Notice]:
    """Tell each person once. `url` is a path, or the name of a route that takes the organization alone.

    The mail's subject is `text`; it says who must do what by when. Service accounts are told nothing.
    """
    organization = Organization.objects.get(pk=current())
    path = url if url.startswith("/") else reverse(url, args=[organization.key])
    told = []
    for person in {person.pk: person for person in people}.values():
        if person.kind != UserKind.PERSON or not person.is_active:
            continue
        notice = Notice(user=person, text=text[:300], url=path[:300])
        notice.save(force_insert=True)
        told.append(notice)
        if template:
            given = {"organization": organization, "text": text, "url": path, **(context or {})}
            mail.send(to=person, subject=f"[{organization.name}] {text}", template=template, context=given)
    return told
