"""Reports: what there is, and what was decided, to print and to export."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import timedelta
from itertools import batched
from typing import Any

import django_filters
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from apps.approvals.kinds import Kind
from apps.approvals.models import Request, RequestState
from apps.core import charts
from apps.core.pages import Action, Crumb, refusal
from apps.organizations.bases import ListPage, TenantPage
from apps.portal import lives, policies

# What one page shows and prints; the export holds all of them.
MOST_SHOWN = 500
COLUMNS = ("Model", "Project", "Tier", "Owner", "Stage", "Where it stands", "In production", "Needs attention")


class Reports(TenantPage):
    """Which reports there are."""

    template_name = "portal/reports.html"
    title = "Reports"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        room = reverse("portal:auditors", args=[self.organization.key])
        refused = refusal(policies.check_audit, request.user)
        return self.render(room=Action("Open", room, method="get", refused=refused))


class Inventory(TenantPage):
    """Every model with its tier, owner, stage and what needs attention: what a supervisor asks for first."""

    template_name = "portal/inventory.html"
    title = "Model inventory"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        lines = lives.index(request.user)
        if request.GET.get("format") == "csv":
            return _csv("model-inventory", COLUMNS, [row["cells"] for row in _rows(lines, request.user)])
        rows = _rows(lines[:MOST_SHOWN], request.user)
        reports = reverse("portal:reports", args=[self.organization.key])
        return self.render(
            rows=rows,
            left_out=len(lines) - len(rows),
            at=timezone.now(),
            crumbs=[Crumb("Reports", reports), Crumb(self.title)],
            actions=[Action("Export as CSV", "?format=csv", method="get", icon="download")],
        )


def _rows(lines: Sequence[lives.Line], user: Any) -> list[dict[str, Any]]:
    return [_row(standing) for chunk in batched(lines, MOST_SHOWN) for standing in lives.load(chunk, user)]


def _row(standing: lives.Standing) -> dict[str, Any]:
    life, worst = standing.life, standing.worst
    deployed = life.of("deployment")
    live = f"Version {deployed.version}" if deployed and deployed.production else ""
    needs = worst.note if worst.status in ("wrong", "attention") else ""
    owner = life.model.owner if life.model is not None else life.project.owner
    cells = (str(life.subject), life.project.title, life.project.tier, str(owner), standing.stage.name)
    return {"standing": standing, "live": live, "owner": owner, "cells": (*cells, standing.here.note, live, needs)}


def _csv(name: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> HttpResponse:
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    writer = csv.writer(response)
    writer.writerow(columns)
    # A leading = + - @ would be run as a formula by spreadsheet programs.
    writer.writerows([[f"'{cell}" if cell[:1] in "=+-@" and cell else cell for cell in row] for row in rows])
    return response


class DecisionFilter(django_filters.FilterSet):
    """Kind, outcome, time."""

    kind = django_filters.ChoiceFilter(choices=Kind.choices, label="Decision")
    state = django_filters.ChoiceFilter(choices=RequestState.choices, label="Outcome")
    since = django_filters.DateFilter("decided_at", "date__gte", label="From")
    until = django_filters.DateFilter("decided_at", "date__lte", label="To")

    class Meta:
        model = Request
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("since", "until"):
            self.form.fields[name].widget.input_type = "date"


class Decisions(ListPage):
    """What was decided, by whom, and how long it took."""

    template_name = "portal/decisions.html"
    title = "Decisions"
    model = Request
    filterset_class = DecisionFilter
    orderings = {"title": "title", "kind": "kind", "state": "state", "asked": "created_at", "decided": "decided_at"}
    default_ordering = "-decided_at"
    columns = {
        "Decision": "title",
        "Kind": "get_kind_display",
        "Outcome": "get_state_display",
        "Project": "scope",
        "Asked by": "requested_by",
        "Asked": "created_at",
        "Decided": "decided_at",
        "Hash of the evidence": "content_hash",
    }

    def get_queryset(self) -> Any:
        rows = Request.objects.exclude(decided_at=None)
        return rows.select_related("organization", "requested_by", "scope").prefetch_related("signatures__user")

    def context(self, **more: Any) -> dict[str, Any]:
        crumbs = [Crumb("Reports", reverse("portal:reports", args=[self.organization.key])), Crumb(self.title)]
        for request in more["page"]:
            request.took = request.decided_at - request.created_at
        lead = "Every decision that signatures were asked for, with its outcome and how long it took."
        return super().context(crumbs=crumbs, lead=lead, chart=self._chart(), **more)

    def _chart(self) -> charts.Chart:
        from apps.organizations import access

        rows = access.visible(Request.objects.exclude(decided_at=None), self.request.user)
        recent = rows.filter(decided_at__gte=timezone.now() - timedelta(days=365)).values_list(
            "kind", "created_at", "decided_at"
        )
        spent: dict[str, list[float]] = {}
        for kind, asked, decided in recent:
            spent.setdefault(str(Kind(kind).label), []).append((decided - asked).total_seconds() / 3600)
        bars = [(kind, sorted(hours)[len(hours) // 2]) for kind, hours in sorted(spent.items())]
        return charts.bars("How long does a decision take?", bars, unit="h", note="Median hours over the last year.")
