"""Inbox: what Tenure told me, newest first."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.core.pages import Action, Tab
from apps.core.web import see_other
from apps.discussions.actions import mark_read
from apps.discussions.models import Notice
from apps.organizations.bases import ListPage, TenantPage


class Inbox(ListPage):
    """One's own notices; `?unread=1` shows the new ones."""

    template_name = "portal/inbox.html"
    title = "Inbox"
    model = Notice

    def get_queryset(self) -> Any:
        mine = Notice.objects.filter(user=self.request.user)
        return mine.filter(read_at=None) if "unread" in self.request.GET else mine

    def context(self, **more: Any) -> dict[str, Any]:
        here = reverse("portal:inbox", args=[self.organization.key])
        unread = Notice.objects.filter(user=self.request.user, read_at=None).count()
        only_new = "unread" in self.request.GET
        read = reverse("portal:inbox-read", args=[self.organization.key])
        return super().context(
            tabs=[Tab("All", here, current=not only_new), Tab("New", f"{here}?unread=1", unread, current=only_new)],
            primary=Action("Mark all as read", read, icon="check") if unread else None,
            **more,
        )


class MarkRead(TenantPage):
    """Mark one notice, or all of them, as read; then to where it leads, or back."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        chosen = request.POST.getlist("notice")
        mine = Notice.objects.filter(user=request.user)
        notices = [notice.pk for notice in mine.filter(pk__in=_uuids(chosen))] if chosen else None
        mark_read(user=request.user, notices=notices)
        return see_other(reverse("portal:inbox", args=[self.organization.key]))


def _uuids(texts: list[str]) -> list[str]:
    from uuid import UUID

    found = []
    for text in texts:
        try:
            found.append(str(UUID(text)))
        except ValueError:
            continue
    return found
