"""Home: what waits for me, what needs somebody, what runs, what was decided."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.approvals.policies import waiting_for
from apps.audit.models import Record
from apps.core.formats import shorten
from apps.core.pages import Action, Entry, refusal
from apps.discussions.timeline import words
from apps.organizations import access
from apps.organizations.bases import TenantPage
from apps.organizations.roles import Permission
from apps.portal import jobs, waiting
from apps.projects.models import Project

MEANINGS = {"approved": "good", "signed": "good", "declined": "wrong", "failed": "wrong", "opened": "attention"}

# Verbs of decisions. What is written down all day besides is shown by the trail and by each thing's own timeline.
DECIDED = (
    r"\.(opened|proposed|signed|approved|declined|rejected|withdrawn|invalidated|expired|went_live|put_on_hold|resumed"
    r"|retired|registered|locked|concluded|validated|archived|deployed|rolled_back|turned_off|draining|resolved|dismissed"
    r"|closed|raised|accepted|promoted|granted|moved|given|taken|deactivated|created"
    r"|[a-z_]+_(approved|declined|rejected|requested|asked|signed|ended))$"
)


class Home(TenantPage):
    """The page that people open in the morning."""

    template_name = "portal/home.html"
    title = "Home"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        user = request.user
        queue = waiting_for(user).select_related("organization", "requested_by", "scope", "policy")
        running = (
            jobs.visible(user).filter(state__in=["queued", "running"]).select_related("organization", "started_by")
        )
        return self.render(
            queue=list(queue[:10]),
            concerns=waiting.concerns(user)[:15],
            running=list(running.order_by("-id")[:5]),
            decisions=recent(user),
            primary=Action(
                "New project",
                reverse("projects:new", args=[self.organization.key]),
                method="get",
                icon="plus",
                refused=refusal(access.check, user, Permission.CREATE_PROJECT),
            ),
        )


def recent(user: Any, limit: int = 12) -> list[Entry]:
    """The newest decisions in the projects this person may see, and in the organization itself."""
    projects = access.visible(Project.objects.all(), user).values("pk")
    rows = Record.objects.filter(Q(project_id=None) | Q(project_id__in=projects)).filter(action__regex=DECIDED)
    rows = rows.select_related("actor")[:limit]
    return [
        Entry(
            row.occurred_at,
            row.actor,
            _sentence(row),
            icon="decision",
            meaning=MEANINGS.get(row.action.replace("_", ".").rpartition(".")[2], "neutral"),
        )
        for row in rows
    ]


def _sentence(row: Record) -> str:
    """ "opened Incident 2: …" and "deployed …", not "opened incident: Incident 2: …" and "deployed deployment: …"."""
    said, label = words(row.action), shorten(row.subject_label, 80)
    verb, _, noun = said.rpartition(" ")
    if noun.lower() in label.lower() or noun.startswith(verb[:5]):
        return f"{verb} {label}"
    return f"{said}: {label}"
