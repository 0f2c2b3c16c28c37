"""The organization itself, as the portal needs to know it: people to be found, tokens that end soon."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from apps.organizations.models import ApiToken, Membership, Team
from apps.portal.stages.base import Concern, Findable, Source

STAGE = "organization"
SOON = timedelta(days=14)


def _tokens(user: Any) -> QuerySet:
    """One's own tokens that end within two weeks."""
    now = timezone.now()
    return ApiToken.objects.filter(user=user, revoked_at=None, expires_at__gt=now, expires_at__lte=now + SOON)


def _tell_token(token: ApiToken) -> Concern:
    url = reverse("organizations:tokens", args=[token.organization.key])
    return Concern(STAGE, f"Token {token.name}", url, "Your token ends; what uses it will stop", due=token.expires_at)


SOURCES = [Source(STAGE, _tokens, _tell_token, ("organization",), ("expires_at",))]

FINDABLES = [
    Findable(
        "People",
        "people",
        lambda: Membership.objects.all(),
        ("user__name", "user__email"),
        lambda member: str(member.user),
        lambda member: f"{member.get_role_display()}, {member.user.email}",
        lambda member: reverse("organizations:members", args=[member.organization.key]) + f"#member-{member.pk}",
        ("organization", "user"),
        ("user__name",),
    ),
    Findable(
        "Teams",
        "people",
        lambda: Team.objects.all(),
        ("name", "key"),
        lambda team: team.name,
        lambda team: "Team",
        lambda team: reverse("organizations:team", args=[team.organization.key, team.key]),
        ("organization",),
        ("name",),
    ),
]
