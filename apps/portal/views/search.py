"""Search over everything one may see."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from apps.organizations.bases import TenantPage
from apps.portal import search


class Search(TenantPage):
    """Hits by kind of thing; one query for each kind, whatever is found."""

    template_name = "portal/search.html"
    title = "Search"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        query = request.GET.get("q", "").strip()[:200]
        groups = search.find(query, request.user)
        return self.render(search_query=query, groups=groups, count=sum(len(group.hits) for group in groups))
