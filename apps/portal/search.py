"""Finding things by their words: every word must occur somewhere in the thing, and only what one may see is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Case, IntegerField, Q, Value, When

from apps.organizations import access
from apps.portal.stages import FINDABLES
from apps.portal.stages.base import Findable

MOST = 8
SHORTEST = 2


@dataclass(frozen=True)
class Hit:
    """One thing found."""

    title: str
    under: str
    url: str


@dataclass(frozen=True)
class Group:
    """The hits of one kind; `has_more` when there are others."""

    kind: str
    icon: str
    hits: list[Hit]
    has_more: bool


def find(query: str, user: Any) -> list[Group]:
    """Groups of hits for a query of at least two letters; the kinds in the order of the lifecycle."""
    if len(query) < SHORTEST:
        return []
    groups = [_group(findable, query.split(), user) for findable in FINDABLES]
    return [group for group in groups if group.hits]


def _group(findable: Findable, words: list[str], user: Any) -> Group:
    rows = access.visible(findable.rows().filter(_matches(findable.fields, words)), user)
    rows = rows.select_related(*findable.related).annotate(closeness=_closeness(findable.fields[0], words))
    found = list(rows.order_by("closeness", *findable.order)[: MOST + 1])
    hits = [Hit(findable.title(row), findable.under(row), findable.url(row)) for row in found[:MOST]]
    return Group(findable.kind, findable.icon, hits, len(found) > MOST)


def _matches(fields: tuple[str, ...], words: list[str]) -> Q:
    wanted = Q()
    for word in words:
        anywhere = Q()
        for field in fields:
            anywhere |= Q(**{f"{field}__icontains": word})
        wanted &= anywhere
    return wanted


def _closeness(field: str, words: list[str]) -> Case:
    """0 when the first field is what was typed, 1 when it begins so, 2 otherwise."""
    typed = " ".join(words)
    return Case(
        When(**{f"{field}__iexact": typed}, then=Value(0)),
        When(**{f"{field}__istartswith": typed}, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
