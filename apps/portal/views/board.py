"""The lifecycle board: all models, and projects on their way to one, by the stage they are in."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from apps.core.lifecycle import STAGES
from apps.organizations.bases import TenantPage
from apps.portal import lives

HEALTH = {"wrong": "wrong", "attention": "attention", "done": "good"}


class Board(TenantPage):
    """Eight columns; each card says where the model stands and what is worst about it."""

    template_name = "portal/board.html"
    title = "Lifecycle board"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        standings = lives.board(request.user)
        tier = request.GET.get("tier", "")
        shown = [standing for standing in standings if not tier or standing.life.project.tier == tier]
        columns = [
            (
                stage,
                [
                    (standing, HEALTH.get(standing.worst.status, "neutral"))
                    for standing in shown
                    if standing.stage == stage
                ],
            )
            for stage in STAGES
        ]
        return self.render(columns=columns, count=len(shown), total=len(standings), tier=tier)
