"""A page to look at: a baseline."""

from typing import Any

from apps.core.pages import Crumb
from apps.discussions import timeline
from apps.monitoring.models import Baseline, Check
from apps.monitoring.views.shared import crumbs
from apps.organizations.bases import ObjectPage


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
