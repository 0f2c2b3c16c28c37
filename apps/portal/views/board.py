"""The lifecycle board: every model, and every project on its way to one, with its eight stages side by side."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse

from apps.core.lifecycle import BY_KEY, STAGES
from apps.organizations.bases import TenantPage
from apps.portal import lives
from apps.projects.models import Tier

PAGE = 50
# Up to here all lives are looked at, so that they can be counted by stage and the troubled ones come first.
MOST_COUNTED = 400
WEIGHT = {"wrong": 0, "attention": 1}


class Board(TenantPage):
    """One row for each life; its cells say where it stands in each stage, the current one is marked."""

    template_name = "portal/board.html"
    title = "Lifecycle board"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        tier, words, stage = (request.GET.get(name, "").strip() for name in ("tier", "q", "stage"))
        lines = lives.index(request.user, tier if tier in Tier.values else "", words[:100])
        counts: Counter[str] = Counter()
        if len(lines) <= MOST_COUNTED:
            standings = lives.load(lines, request.user)
            counts = Counter(standing.stage.key for standing in standings)
            shown = [one for one in standings if stage not in BY_KEY or one.stage.key == stage]
            shown.sort(key=lambda one: WEIGHT.get(one.worst.status, 2))
            page: Any = Paginator(shown, PAGE).get_page(request.GET.get("page"))
        else:
            page = Paginator(lines, PAGE).get_page(request.GET.get("page"))
            page.object_list = lives.load(page.object_list, request.user)
        return self.render(
            page=page,
            total=len(lines),
            stages=[(one, counts.get(one.key, 0), one.key == stage) for one in STAGES],
            is_counted=len(lines) <= MOST_COUNTED,
            is_filtered=bool(tier or words or stage),
            tiers=Tier.choices,
            chosen={"tier": tier, "q": words, "stage": stage},
        )
