"""Pages to look things up: the gate's answer, what answered when, predictions by id."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from apps.core.pages import Crumb
from apps.deployments import policies
from apps.deployments.engine import gate
from apps.deployments.forms import (
    GateForm,
    MomentForm,
)
from apps.deployments.models import (
    Deployment,
    Endpoint,
    PredictionRecord,
    PredictionStatus,
)
from apps.deployments.views.shared import crumbs, tabs
from apps.models.models import ModelVersion
from apps.organizations import access
from apps.organizations.bases import ListPage, TenantPage, fetch


class PredictionFilter(django_filters.FilterSet):
    """By id, status and version."""

    prediction_id = django_filters.CharFilter(label="Prediction id")
    status = django_filters.ChoiceFilter(choices=PredictionStatus.choices)


class PredictionList(ListPage):
    """The newest predictions of an endpoint, and any by its id."""

    template_name = "deployments/prediction_list.html"
    title = "Predictions"
    model = PredictionRecord
    filterset_class = PredictionFilter
    columns = {
        "Prediction": "prediction_id", "Answered": "at", "Event": "event_at", "Version": "version__number",
        "Status": "status", "Seconds": "seconds", "Inputs": "inputs", "Outputs": "outputs", "Error": "error",
    }  # fmt: skip

    def get_queryset(self) -> QuerySet:
        self.endpoint = fetch(
            Endpoint.objects.select_related("organization"), self.request.user, key=self.kwargs["key"]
        )
        rows = PredictionRecord.objects.filter(endpoint=self.endpoint).select_related("version")
        # Counting millions of rows for a pager helps nobody: the newest ones, and anything by its id.
        if any(self.request.GET.get(name) for name in ("prediction_id", "status")):
            return rows
        newest = rows.order_by("-id").values("pk")[:1000]
        return PredictionRecord.objects.filter(pk__in=newest).select_related("version")

    def context(self, **more: Any) -> dict[str, Any]:
        trail = crumbs(self, Crumb(str(self.endpoint), self.endpoint.get_absolute_url()), Crumb(self.title))
        has_events = any(one.event_at != one.at for one in more.get("page", ()))
        return super().context(crumbs=trail, endpoint=self.endpoint, has_events=has_events, **more)


class GatePage(TenantPage):
    """May this version go into this environment? With reasons."""

    template_name = "deployments/gate.html"
    title = "May it go there?"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = GateForm(request.GET or None)
        found: dict[str, Any] = {}
        if form.is_bound and form.is_valid():
            asked = form.cleaned_data
            wanted = {"model__key": asked["model"], "number": asked["version"]}
            version = (
                policies.for_gate(access.visible(ModelVersion.objects.all(), request.user)).filter(**wanted).first()
            )
            if version is None:
                form.add_error(
                    None, f"There is no version {asked['version']} of “{asked['model']}”, or you may not see it."
                )
            else:
                found = {"version": version, "answer": gate.decide(policies.gather(version, asked["environment"]))}
        context = {"crumbs": crumbs(self, Crumb("Gate")), "tabs": tabs(self, "gate")}
        return self.render(form=form, **found, **context, status=422 if form.errors else 200)


class HistoryPage(TenantPage):
    """What was in production at a moment, who had put it there, and who had approved it."""

    template_name = "deployments/history.html"
    title = "What answered when?"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = MomentForm(request.GET if "at" in request.GET else None, initial={"at": timezone.localtime()})
        moment = form.cleaned_data["at"] if form.is_bound and form.is_valid() else timezone.now()
        rows = Deployment.objects.live_at(moment).select_related(
            "requested_by", "deployed_by", "request", "organization"
        )
        rows = rows.select_related("version__model", "endpoint__environment", "endpoint__organization")
        found = access.visible(rows, request.user).order_by("-endpoint__environment__order", "endpoint__key")
        found = found.prefetch_related("request__signatures__user")
        context = {"crumbs": crumbs(self, Crumb("History")), "tabs": tabs(self, "history")}
        return self.render(form=form, moment=moment, found=found, **context, status=422 if form.errors else 200)
