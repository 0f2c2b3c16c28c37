"""What needs somebody, in every stage: the counts of the column and the list on the home page come from here.

Each stage says in `stages/` which of its rows wait and how they are told; here they are counted in one query and
listed in one query for each source, whatever their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import IntegerField, QuerySet, Subquery

from apps.core.tenancy import current
from apps.organizations import access
from apps.organizations.models import Organization
from apps.portal.stages import SOURCES
from apps.portal.stages.base import Concern, Source


class Count(Subquery):
    """The number of rows of a query, as a column of another."""

    template = "(SELECT count(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()
    empty_result_set_value = 0


def counts(user: Any) -> dict[str, int]:
    """How many things wait in each stage that this person may see."""
    columns = {f"n{index}": Count(_rows(source, user).values("pk")) for index, source in enumerate(SOURCES)}
    row: dict[str, Any] = dict(Organization.objects.filter(pk=current()).values(**columns).get())
    found: dict[str, int] = {}
    for index, source in enumerate(SOURCES):
        found[source.stage] = found.get(source.stage, 0) + row[f"n{index}"]
    return found


def concerns(user: Any, each: int = 5, sources: Sequence[Source] = SOURCES) -> list[Concern]:
    """The most urgent things of every source, what is wrong before what merely waits, then by date."""
    found = [source.tell(row) for source in sources for row in _ordered(source, user)[:each]]
    weight = {"wrong": 0, "attention": 1}
    return sorted(found, key=lambda concern: (weight.get(concern.meaning, 2), concern.sort_at))


def _rows(source: Source, user: Any) -> QuerySet:
    return access.visible(source.rows(user), user).order_by()


def _ordered(source: Source, user: Any) -> QuerySet:
    return access.visible(source.rows(user), user).select_related(*source.related).order_by(*source.order)
