"""Recognising API tokens."""

import datetime as dt
from collections.abc import Collection

from django.db.models import Q
from django.utils import timezone

from apps.core.secrets import token_hash
from apps.organizations.models import ApiToken, User

# Writing last_used_at at every call would turn each read into a write.
FRESH = dt.timedelta(minutes=1)


def holder(header: str) -> User | None:
    """The person behind an `Authorization: Bearer …` header in the ambient organization, with the token's scopes."""
    kind, _, value = header.partition(" ")
    if kind.lower() != "bearer" or not value.strip():
        return None
    token = ApiToken.objects.select_related("user").filter(token_hash=token_hash(value.strip())).first()
    if token is None or not token.is_valid or not token.user.is_active:
        return None
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > FRESH:
        token.last_used_at = now
        token.save_without_historical_record(update_fields=["last_used_at"])
    user = token.user
    user.token_scopes = frozenset(token.scopes) if token.scopes else None
    user.came_by_token = True  # type: ignore[attr-defined]
    return user


def mark_used(token_ids: Collection[str]) -> None:
    """Note that tokens of the ambient organization were used elsewhere, as by the prediction server."""
    now = timezone.now()
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - FRESH)
    for token in ApiToken.objects.filter(stale, pk__in=token_ids):
        token.last_used_at = now
        token.save_without_historical_record(update_fields=["last_used_at"])
