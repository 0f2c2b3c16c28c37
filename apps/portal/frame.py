"""What the column and the bar around every page show: what waits where, my queue, my inbox, my other organizations.

Counts are asked for when the page is drawn and not before, so that a redirect or a fragment costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from apps.approvals.policies import waiting_for
from apps.discussions.models import Notice
from apps.organizations import access, doors
from apps.organizations.roles import Permission
from apps.portal import policies, waiting


@dataclass(frozen=True)
class Place:
    """A link of the column."""

    label: str
    url: str
    icon: str
    is_current: bool


class Frame:
    """The frame of one request."""

    def __init__(self, request: HttpRequest) -> None:
        self._request: Any = request
        self._user: Any = request.user
        self._organization = request.organization  # type: ignore[attr-defined]

    @cached_property
    def organizations(self) -> list[doors.Place]:
        """Every organization this person belongs to."""
        return doors.organizations_of(self._user.pk)

    @cached_property
    def my_queue(self) -> int:
        """How many decisions wait for this person."""
        return waiting_for(self._user).order_by().count()

    @cached_property
    def unread(self) -> int:
        """How many lines of the inbox are new."""
        return Notice.objects.filter(user=self._user, read_at=None).count()

    @cached_property
    def waiting(self) -> dict[str, int]:
        """How many things need somebody, by stage, in one query."""
        return waiting.counts(self._user)

    @cached_property
    def places(self) -> list[Place]:
        """The pages that belong to no stage; those for auditors and administrators only where they may open them."""
        audits = access.can(self._user, Permission.AUDIT)
        reads_mail = policies.can_read_mails(self._user, self._organization)
        found = [
            ("Jobs", "portal:jobs", "running", True),
            ("Reports", "portal:reports", "report", True),
            ("Auditors’ room", "portal:auditors", "history", audits),
            ("People and teams", "organizations:members", "people", True),
            ("Sent mail", "portal:mails", "mail", reads_mail),
        ]
        return [self._place(label, name, icon) for label, name, icon, is_open in found if is_open]

    def _place(self, label: str, name: str, icon: str) -> Place:
        url = reverse(name, args=[self._organization.key])
        return Place(label, url, icon, self._request.path.startswith(url))


def add(request: HttpRequest) -> dict[str, Any]:
    """The frame, for pages of a signed-in member."""
    if getattr(request, "membership", None) is None:
        return {}
    return {"frame": Frame(request)}
