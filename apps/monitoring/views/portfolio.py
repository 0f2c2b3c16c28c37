"""The whole portfolio as one map: every model in use by what its monitors say, worst first."""

from collections.abc import Iterable
from functools import partial
from typing import Any

import django_filters
from django.db.models import Case, Count, IntegerField, Min, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from apps.core import meanings
from apps.core.pages import Action
from apps.deployments.models import Endpoint, Environment
from apps.monitoring import drawing
from apps.monitoring.models import Incident, Level, Monitor, MonitorKind
from apps.monitoring.models.incidents import STILL_OPEN
from apps.monitoring.views.shared import link
from apps.organizations.bases import ListPage
from apps.projects.models import Tier

# A column of the map: its words, the kinds of monitors behind it, and the page that a cell leads to.
COLUMNS: dict[str, tuple[str, tuple[MonitorKind, ...], str]] = {
    "drift": ("Drift", (MonitorKind.DRIFT, MonitorKind.CONTENTS), "endpoint"),
    "performance": ("Performance", (MonitorKind.PERFORMANCE, MonitorKind.SEGMENTS), "performance"),
    "service": ("Service", (MonitorKind.SERVICE,), "service"),
    "value": ("Value", (MonitorKind.VALUE, MonitorKind.FEEDBACK), "endpoint-value"),
    "freshness": ("Freshness", (MonitorKind.SILENCE,), "batches"),
}
ORDER = [Level.DRIFT, Level.NEAR, Level.QUIET, Level.NOT_ENOUGH]
UNWATCHED = len(ORDER)
SAID = [*[str(level.label) for level in ORDER], "Not watched"]


class PortfolioFilter(django_filters.FilterSet):
    """Environment, tier, model, and how it stands."""

    environment = django_filters.ModelChoiceFilter(queryset=lambda _: Environment.objects.all())
    tier = django_filters.ChoiceFilter(choices=Tier.choices, field_name="model__project__tier", label="Tier")
    model = django_filters.CharFilter(method="of_model", label="Model")
    state = django_filters.ChoiceFilter(
        label="State",
        method="of_state",
        choices=[
            ("drift", "Something over its limit"),
            ("near", "Something near its limit"),
            ("incidents", "With open incidents"),
            ("quiet", "All quiet"),
            ("unwatched", "Something not watched"),
        ],
    )

    def of_model(self, rows: Any, name: str, value: str) -> Any:
        """Those of the model with this key, or with this in its name."""
        return rows.filter(Q(model__key=value) | Q(model__name__icontains=value))

    def of_state(self, rows: Any, name: str, value: str) -> Any:
        """Those that stand so in one of the columns, or in all of them for quiet."""
        if value == "incidents":
            return rows.filter(open_incidents__gt=0)
        if value == "quiet":
            return rows.filter(place_worst=ORDER.index(Level.QUIET))
        place = UNWATCHED if value == "unwatched" else ORDER.index(Level(value))
        somewhere = Q()
        for column in COLUMNS:
            somewhere |= Q(**{f"place_{column}": place})
        return rows.filter(somewhere)


def placed(rows: QuerySet[Endpoint]) -> QuerySet[Endpoint]:
    """Endpoints with where they stand in each column, 0 for the worst, and their open incidents; all in one query."""
    places = {f"place_{column}": _place(kinds) for column, (_, kinds, _) in COLUMNS.items()}
    places["place_worst"] = _place([kind for _, kinds, _ in COLUMNS.values() for kind in kinds])
    incidents = Incident.objects.filter(endpoint=OuterRef("pk"), state__in=STILL_OPEN).order_by().values("endpoint")
    counted = Coalesce(Subquery(incidents.annotate(count=Count("pk")).values("count")), Value(0))
    return rows.annotate(**places, open_incidents=counted)


def _place(kinds: Iterable[MonitorKind]) -> Coalesce:
    """The place of the worst of an endpoint's active monitors of these kinds. Asked for each by itself: grouping whole
    rows of endpoints costs several times as much.
    """
    levels = [When(level=level, then=Value(place)) for place, level in enumerate(ORDER)]
    watching = Monitor.objects.filter(endpoint=OuterRef("pk"), is_active=True, kind__in=list(kinds)).order_by()
    worst = watching.values("endpoint").annotate(place=Min(Case(*levels, output_field=IntegerField()))).values("place")
    return Coalesce(Subquery(worst), Value(UNWATCHED))


def _said(row: Any, column: str) -> str:
    return SAID[getattr(row, f"place_{column}")]


class Overview(ListPage):
    """Every model in use with the state of all its monitors, worst first."""

    template_name = "monitoring/overview.html"
    title = "Monitoring"
    model = Endpoint
    filterset_class = PortfolioFilter
    orderings = {
        "endpoint": "key",
        "model": "model__name",
        "incidents": "-open_incidents",
        **{column: f"place_{column}" for column in COLUMNS},
    }
    columns = {
        "Endpoint": "key",
        "Model": "model__name",
        "Environment": "environment__name",
        "Open incidents": "open_incidents",
        **{said: partial(_said, column=column) for column, (said, *_) in COLUMNS.items()},
    }
    page_size = 100

    def get_queryset(self) -> Any:
        return placed(Endpoint.objects.select_related("model__project", "environment", "organization"))

    def _ordering(self, asked: str) -> list[str]:
        field = self.orderings.get(asked.lstrip("-"))
        if field is None:
            return ["place_worst", "-open_incidents", "key"]
        turned = f"-{field}".removeprefix("--") if asked.startswith("-") else field
        return [turned, "place_worst", "key"]

    def context(self, **more: Any) -> dict[str, Any]:
        page = more.get("page")
        return super().context(
            lead="Every model in use with what its monitors say about the newest window, worst first.",
            primary=Action("Incidents", link("incidents", self.organization), method="get"),
            actions=[
                Action("Value of the portfolio", link("portfolio-value", self.organization), method="get"),
                Action("Channels", link("channels", self.organization), method="get"),
                Action("What must be watched", link("watch-plans", self.organization), method="get"),
                Action("What lacks a monitor", link("unwatched", self.organization), method="get"),
            ],
            rows=_rows(list(page)) if page is not None else [],
            heads=[(column, said) for column, (said, *_) in COLUMNS.items()],
            **more,
        )


def _rows(endpoints: list[Any]) -> list[dict[str, Any]]:
    """One row for each endpoint with its cells and its newest event; two queries in all."""
    monitors: dict[tuple[Any, str], list[Monitor]] = {}
    for monitor in Monitor.objects.filter(endpoint__in=endpoints):
        monitors.setdefault((monitor.endpoint_id, monitor.kind), []).append(monitor)
    newest = drawing.newest_event(endpoint.pk for endpoint in endpoints)
    return [
        {
            "endpoint": endpoint,
            "cells": [_cell(endpoint, monitors, kinds, page) for _, kinds, page in COLUMNS.values()],
            "newest": newest.get(endpoint.pk),
        }
        for endpoint in endpoints
    ]


def _cell(endpoint: Any, monitors: dict[tuple[Any, str], list[Monitor]], kinds: Any, page: str) -> dict[str, Any]:
    """The worst of the monitors behind a cell, and where to read more."""
    watching = [one for kind in kinds for one in monitors.get((endpoint.pk, kind), [])]
    active = [one for one in watching if one.is_active] or watching
    worst = min(active, key=lambda one: ORDER.index(Level(one.level)), default=None)
    meaning = worst.state_meaning if worst else "neutral"
    return {
        "label": worst.get_state_display() if worst else SAID[UNWATCHED],
        "meaning": meaning,
        "icon": meanings.icon_of(worst.state if worst else "none", meaning),
        "url": link(page, endpoint.organization, endpoint.key),
    }


__all__ = ["Overview", "placed"]
