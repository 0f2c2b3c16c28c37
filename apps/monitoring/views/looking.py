"""Pages to look at: the rows that arrived, and a baseline."""

from typing import Any

import django_filters

from apps.core.pages import Crumb
from apps.deployments.models import Endpoint
from apps.discussions import timeline
from apps.monitoring.models import Baseline, Batch, BatchKind, BatchState, Check
from apps.monitoring.views.shared import crumbs, link, of_endpoint, tabs
from apps.organizations.bases import ListPage, ObjectPage, fetch


class BatchFilter(django_filters.FilterSet):
    """Kind and state."""

    kind = django_filters.ChoiceFilter(choices=BatchKind.choices)
    state = django_filters.ChoiceFilter(choices=BatchState.choices)


class BatchList(ListPage):
    """What was received for an endpoint, batch by batch."""

    template_name = "monitoring/batch_list.html"
    title = "Rows received"
    model = Batch
    lookups = {"endpoint": "endpoint__key"}
    filterset_class = BatchFilter
    orderings = {"received": "created_at", "rows": "rows", "refused": "refused"}
    columns = {
        "Key": "key", "Kind": "kind", "State": "state", "Rows": "rows", "Refused": "refused", "Repeated": "repeated",
        "Unmatched": "unmatched", "First event": "first_at", "Last event": "last_at", "Received": "created_at",
    }  # fmt: skip

    def get_queryset(self) -> Any:
        self.endpoint = fetch(Endpoint.objects.all(), self.request.user, key=self.kwargs["endpoint"])
        return Batch.objects.filter(endpoint=self.endpoint).select_related("organization", "version", "sent_by")

    def context(self, **more: Any) -> dict[str, Any]:
        waiting = Batch.objects.filter(endpoint=self.endpoint, state=BatchState.RECEIVED).order_by("created_at").first()
        return super().context(
            crumbs=of_endpoint(self.organization, self.endpoint, Crumb(self.title)),
            tabs=tabs(self.organization, self.endpoint, "batches"),
            waiting_since=waiting.created_at if waiting else None,
            **more,
        )


class BatchPage(ObjectPage):
    """One batch: what was kept, what was refused and why."""

    template_name = "monitoring/batch.html"
    model = Batch

    def get_queryset(self) -> Any:
        return Batch.objects.select_related("organization", "endpoint", "version__model", "sent_by", "baseline")

    def context(self, **more: Any) -> dict[str, Any]:
        batch = self.object
        rows = Crumb("Rows received", link("batches", self.organization, batch.endpoint.key))
        return super().context(
            crumbs=of_endpoint(self.organization, batch.endpoint, rows, Crumb(batch.key)),
            timeline=timeline.of(batch),
            **more,
        )


class BaselinePage(ObjectPage):
    """One baseline: where it came from, and how the version did on it."""

    template_name = "monitoring/baseline.html"
    model = Baseline

    def get_queryset(self) -> Any:
        rows = Baseline.objects.select_related("organization", "version__model__project", "created_by", "endpoint")
        return rows.defer("data")

    def context(self, **more: Any) -> dict[str, Any]:
        baseline = self.object
        checks = Check.objects.filter(baseline=baseline, is_current=True).select_related("monitor", "organization")
        others = Baseline.objects.filter(version=baseline.version).select_related("organization").defer("data")
        return super().context(
            crumbs=crumbs(self.organization, Crumb(str(baseline))),
            state="current" if others.first() == baseline else "superseded",
            owner=baseline.created_by,
            checks=checks.defer("result")[:20],
            others=others,
            timeline=timeline.of(baseline),
            **more,
        )
