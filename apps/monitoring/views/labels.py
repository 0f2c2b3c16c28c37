"""Performance with late labels, and what people say of single predictions."""

from typing import Any

import django_filters
from django.utils.http import urlencode

from apps.core.pages import Crumb
from apps.deployments.models import Endpoint
from apps.monitoring import drawing, pictures, tables, words
from apps.monitoring.models import Check, Feedback, Level, MonitorKind, Outcome, Prediction
from apps.monitoring.models.monitors import MEANINGS
from apps.monitoring.views.shared import OfEndpoint, link, newest_window, of_endpoint, tabs
from apps.organizations.bases import ListPage, ObjectPage, fetch


class PerformancePage(OfEndpoint):
    """How good an endpoint's predictions are: estimated, partly known, known; how soon outcomes come, and whose."""

    template_name = "monitoring/performance.html"
    tab = "performance"

    def table(self) -> tables.Table:
        monitor = self.monitor_of(MonitorKind.PERFORMANCE)
        return tables.performance(drawing.measured(monitor, self.period, tables.MOST_WINDOWS) if monitor else [])

    def context(self, **more: Any) -> dict[str, Any]:
        monitor = self.monitor_of(MonitorKind.PERFORMANCE)
        checks = drawing.measured(monitor, self.period) if monitor else []
        newest = checks[-1] if checks else None
        known = next((check for check in reversed(checks) if check.result.get("delay")), None)
        metric = newest.result.get("metric", "") if newest else ""
        return super().context(
            title="Performance",
            state=None,
            monitor=monitor,
            newest_check=newest,
            newest_window=newest_window(monitor, self.request) if monitor and not checks else None,
            known=known,
            concept=pictures.concept(checks, metric, self.period),
            measures=pictures.measures(checks, self.period),
            coverage=drawing.coverage_over_time(checks, self.period),
            delay=pictures.delay(known),
            planned=_demanded(newest) if newest else [],
            selections=_selections(checks),
            lists=newest.result.get("lists") if newest else None,
            **more,
        )


def _demanded(check: Check) -> list[dict[str, Any]]:
    """The thresholds of the validation plan, each with the word for where it stands."""
    rows = check.result.get("planned", [])
    return [
        row
        | {"label": Level(row["level"]).label, "meaning": MEANINGS[row["level"]]}
        | {"measure": words.measure(row["metric"])}
        for row in rows
    ]


def _selections(checks: list[Check]) -> list[dict[str, Any]]:
    """Windows that are partly known, newest first, with how their labelled predictions differ from the rest."""
    found = []
    for check in reversed(checks):
        one = check.result.get("selection")
        if one:
            is_odd = one.get("p", 1.0) < 0.01 and (one.get("psi", 0.0) >= 0.1 or abs(one.get("shift", 0.0)) >= 0.1)
            found.append({"check": check, "is_odd": is_odd, **one})
    return found[:12]


class FeedbackFilter(django_filters.FilterSet):
    """Rating, and which prediction."""

    rating = django_filters.ChoiceFilter(choices=[(n, str(n)) for n in range(1, 6)])
    prediction_id = django_filters.CharFilter(label="Prediction")


class FeedbackList(ListPage):
    """What users said of an endpoint's predictions."""

    template_name = "monitoring/feedback_list.html"
    title = "What users say"
    model = Feedback
    lookups = {"endpoint": "endpoint__key"}
    filterset_class = FeedbackFilter
    orderings = {"at": "at", "rating": "rating"}
    default_ordering = "-at"
    columns = {
        "Said at": "at", "Rating": "rating", "Comment": "comment", "Prediction": "prediction_id", "Said by": "said_by",
    }  # fmt: skip

    def get_queryset(self) -> Any:
        self.endpoint = fetch(Endpoint.objects.all(), self.request.user, key=self.kwargs["endpoint"])
        return Feedback.objects.filter(endpoint=self.endpoint)

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(
            crumbs=of_endpoint(self.organization, self.endpoint, Crumb(self.title)),
            tabs=tabs(self.organization, self.endpoint, "feedback"),
            chart=drawing.feedback(self.endpoint),
            endpoint=self.endpoint,
            **more,
        )


class PredictionPage(ObjectPage):
    """One prediction: what was said and when, what came of it, and what people think of it."""

    template_name = "monitoring/prediction.html"
    model = Prediction
    lookups = {"endpoint": "batch__endpoint__key", "prediction": "prediction_id"}

    def get_queryset(self) -> Any:
        related = ("batch__endpoint__model__project", "batch__endpoint__organization", "batch__version", "organization")
        endpoint = fetch(Endpoint.objects.all(), self.request.user, key=self.kwargs["endpoint"])
        return Prediction.objects.filter(endpoint_id=endpoint.pk).select_related(*related, "batch__organization")

    def context(self, **more: Any) -> dict[str, Any]:
        prediction = self.object
        endpoint = prediction.batch.endpoint
        mine, asked = {"prediction_id": prediction.prediction_id}, {"prediction": prediction.prediction_id}
        outcomes = Outcome.objects.filter(endpoint_id=endpoint.pk, **mine).select_related("batch__organization")
        return super().context(
            title=prediction.prediction_id,
            state=None,
            crumbs=of_endpoint(self.organization, endpoint, Crumb(prediction.prediction_id)),
            outcomes=outcomes.order_by("-revision"),
            said=Feedback.objects.filter(endpoint=endpoint, **mine),
            segments=(prediction.segments or "").splitlines(),
            feedback_url=link("give-feedback", self.organization, endpoint.key) + f"?{urlencode(asked)}",
            **more,
        )
