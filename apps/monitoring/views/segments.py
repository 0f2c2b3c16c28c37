"""Segments compared: the columns that an endpoint's rows are told apart by, and how each value fares."""

from typing import Any

from apps.core.pages import Action, Crumb, refusal
from apps.deployments.models import Endpoint
from apps.monitoring import actions, pictures, policies, tables, words
from apps.monitoring.forms import SegmentForm
from apps.monitoring.models import Check, MonitorKind, Purpose, SegmentColumn
from apps.monitoring.views.shared import OfEndpoint, link, newest_window, of_endpoint
from apps.monitoring.windows import Window
from apps.organizations.bases import ActionPage, ObjectFormPage


class SegmentsPage(OfEndpoint):
    """The segments of a column side by side, in the newest window of the chosen time and through it."""

    template_name = "monitoring/segments.html"
    tab = "segments"

    def context(self, **more: Any) -> dict[str, Any]:
        endpoint = self.object
        columns = self._columns()
        compared = [column for column in columns if column.purpose == Purpose.SEGMENT]
        chosen = self._chosen(compared)
        return super().context(
            title="Segments compared",
            state=None,
            primary=Action(
                "Tell rows apart by a column",
                link("watch-column", self.organization, endpoint.key),
                method="get",
                refused=refusal(policies.check_monitor, self.request.user, endpoint),
            ),
            columns=columns,
            compared=compared,
            picked=chosen,
            refused=refusal(policies.check_monitor, self.request.user, endpoint),
            **(self._of(chosen) if chosen else {}),
            **more,
        )

    def table(self) -> tables.Table:
        monitor, chosen = self.monitor_of(MonitorKind.SEGMENTS), self._chosen(self._columns())
        rows = pictures.segment_rows(monitor, chosen.column, self.period) if monitor and chosen else []
        newest = Check.objects.filter(pk=rows[-1].check_run_id).first() if rows else None
        return tables.segments(rows, newest.result["metric"] if newest else "measure")

    def _columns(self) -> list[SegmentColumn]:
        return list(SegmentColumn.objects.filter(endpoint=self.object, is_active=True).select_related("created_by"))

    def _chosen(self, columns: list[SegmentColumn]) -> SegmentColumn | None:
        """The column asked for, or else the first that rows are compared by."""
        compared = [column for column in columns if column.purpose == Purpose.SEGMENT]
        wanted = self.request.GET.get("column", "")
        return next((one for one in compared if one.column == wanted), compared[0] if compared else None)

    def _of(self, column: SegmentColumn) -> dict[str, Any]:
        """The newest window of the column and its charts."""
        monitor = self.monitor_of(MonitorKind.SEGMENTS)
        if monitor is None:
            return {}
        rows = pictures.segment_rows(monitor, column.column, self.period)
        newest = rows[-1].check_run_id if rows else None
        check = Check.objects.select_related("organization").get(pk=newest) if newest else None
        summary = check.result["summary"].get(column.column, {}) if check else {}
        metric = check.result["metric"] if check else ""
        return {
            "monitor": monitor,
            "newest_check": check,
            "newest_window": None if rows else newest_window(monitor, self.request),
            "window": Window(check.start_at, check.end_at) if check else None,
            "rows": [row for row in rows if row.check_run_id == newest],
            "summary": summary,
            "said": pictures.said(summary),
            "metric": metric,
            "metric_word": words.measure(metric),
            "rate_words": pictures.rate_words(pictures.said(summary)),
            "charts": pictures.segments(rows, metric, summary, self.period) if rows else [],
        }


class WatchColumn(ObjectFormPage):
    """Tell rows apart by one more column."""

    model = Endpoint
    lookups = {"endpoint": "key"}
    title, submit, form_class = "Tell rows apart by a column", "Count by it", SegmentForm
    done = "Rows are counted by it from now on; a worker counts the kept ones."

    def get_queryset(self) -> Any:
        return Endpoint.objects.select_related("model__project", "organization", "environment")

    def check(self) -> None:
        policies.check_monitor(self.request.user, self.object)

    def cancel_url(self) -> str:
        return link("segments", self.organization, self.object.key)

    def perform(self, form: Any) -> str:
        column = actions.watch_column(endpoint=self.object, by=self.request.user, **form.settings())
        return column.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        lead = (
            "Every value gets counts of its own: drift, performance and fairness are then compared between them. The "
            "column is an input of the model, or one that is sent beside its inputs. Fifty values at most; others are "
            "counted together."
        )
        trail = of_endpoint(self.organization, self.object, Crumb("Segments", self.cancel_url()), Crumb(self.title))
        return super().context(**({"crumbs": trail, "lead": lead} | more))


class GiveUpColumn(ActionPage):
    """Count by a column no longer."""

    model = SegmentColumn
    done = "Rows are no longer counted by it. What checks found stays."

    def get_queryset(self) -> Any:
        return SegmentColumn.objects.select_related(
            "endpoint__model__project", "endpoint__organization", "organization"
        )

    def perform(self) -> str:
        actions.give_up_column(column=self.object, by=self.request.user)
        return link("segments", self.organization, self.object.endpoint.key)
