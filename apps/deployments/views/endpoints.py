"""Pages of endpoints: all of them, one with its traffic, a new one."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.urls import reverse

from apps.core.pages import Action, Crumb, Entry, refusal
from apps.deployments import actions, calling, drawing, policies, traffic
from apps.deployments.forms import (
    EndpointForm,
)
from apps.deployments.models import (
    Deployment,
    DeploymentState,
    Endpoint,
    EndpointState,
    Environment,
    ServerCounter,
    ServingReport,
    answering,
)
from apps.deployments.views.shared import OfEndpoint, carry_out, crumbs, tabs
from apps.discussions import timeline
from apps.models.models import ModelVersion, RegisteredModel, VersionState
from apps.organizations import access
from apps.organizations.bases import FormPage, ListPage, ObjectPage


class EndpointFilter(django_filters.FilterSet):
    """State and environment."""

    state = django_filters.ChoiceFilter(choices=EndpointState.choices)
    environment = django_filters.ModelChoiceFilter(queryset=lambda request: Environment.objects.all())


class EndpointList(ListPage):
    """Where models answer, which version, and how busy it was."""

    template_name = "deployments/endpoint_list.html"
    title = "Endpoints"
    model = Endpoint
    filterset_class = EndpointFilter
    orderings = {"endpoint": "key", "model": "model__name", "environment": "environment__order", "state": "state"}
    default_ordering = "key"
    columns = {"Endpoint": "key", "Model": "model", "Environment": "environment", "State": "state"}

    def get_queryset(self) -> QuerySet:
        rows = Endpoint.objects.select_related("model__organization", "environment", "organization", "report")
        return rows.prefetch_related(answering())

    def context(self, **more: Any) -> dict[str, Any]:
        if "page" in more:
            busy = traffic.day_of([endpoint.pk for endpoint in more["page"]])
            more["rows"] = [(one, next(iter(one.answering), None), busy.get(one.pk)) for one in more["page"]]
        create = reverse("deployments:create-endpoint", args=[self.organization.key])
        refused = refusal(policies.check_create_endpoints, self.request.user)
        return super().context(
            lead="An endpoint is the address under which one version of a model answers in one environment.",
            crumbs=crumbs(self),
            tabs=tabs(self, "endpoints"),
            primary=Action("New endpoint", create, method="get", refused=refused),
            **more,
        )


class EndpointPage(OfEndpoint, ObjectPage):
    """An endpoint: what answers, how it is asked, how busy and how fast it is, and what was there before."""

    template_name = "deployments/endpoint.html"

    def context(self, **more: Any) -> dict[str, Any]:
        endpoint: Endpoint = self.object
        history = list(_history(endpoint))
        current = next((one for one in history if one.state == DeploymentState.LIVE), None)
        window = self.request.GET.get("window", "")
        report = ServingReport.objects.filter(endpoint=endpoint).first()
        return super().context(
            crumbs=crumbs(self, Crumb(str(endpoint))),
            owner=endpoint.created_by,
            lifecycle_of=endpoint.model,
            current=current,
            planned=next((one for one in history if one.state == DeploymentState.PLANNED), None),
            history=history,
            problem=report.problem if report and current and report.deployment_id == current.pk else "",
            primary=self._deploy(history),
            actions=self._actions(),
            candidates=_candidates(endpoint),
            calls=calling.examples(endpoint, current.version) if current else {},
            counters=_summed(endpoint),
            timeline=_timeline(endpoint, history),
            **drawing.charts_of(endpoint, history, window),
            **more,
        )

    def _deploy(self, history: list[Deployment]) -> Action | None:
        planned = next((one for one in history if one.state == DeploymentState.PLANNED), None)
        if planned is None:
            return None
        return carry_out(self, planned, f"Deploy version {planned.version.number}")

    def _actions(self) -> list[Action]:
        checks = {
            "Roll back": ("roll-back", policies.check_roll_back, True),
            "Drain": ("drain", policies.check_drain, False),
            "Resume": ("resume", policies.check_resume, False),
            "Turn off": ("turn-off", policies.check_turn_off, True),
        }
        made = []
        for label, (name, check, danger) in checks.items():
            url = reverse(f"deployments:{name}", args=[self.organization.key, self.object.key])
            refused = refusal(check, self.request.user, self.object)
            made.append(Action(label, url, method="get", refused=refused, danger=danger))
        return made


def _history(endpoint: Endpoint) -> QuerySet[Deployment]:
    rows = Deployment.objects.filter(endpoint=endpoint)
    people = ("requested_by", "deployed_by", "ended_by")
    places = (
        "endpoint__environment",
        "endpoint__organization",
        "endpoint__model__project",
        "version__model",
        "request",
    )
    return rows.select_related(*people, *places, "organization", "rollback_of__version__model")


def _timeline(endpoint: Endpoint, history: list[Deployment]) -> list[Entry]:
    """What was decided on the endpoint and what was deployed there, newest first."""
    entries = [*timeline.of(endpoint), *[_entry(one) for one in history if one.started_at is not None]]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def _entry(deployment: Deployment) -> Entry:
    number, at = deployment.version.number, deployment.started_at
    text = f"rolled back to version {number}" if deployment.rollback_of_id else f"deployed version {number}"
    meaning = "attention" if deployment.rollback_of_id else "good"
    url, reason = deployment.get_absolute_url(), deployment.reason
    return Entry(at, deployment.deployed_by, text, icon="decision", meaning=meaning, body=reason, url=url)  # type: ignore[arg-type]


def _candidates(endpoint: Endpoint) -> list[ModelVersion]:
    """The newest versions that could go there."""
    rows = ModelVersion.objects.filter(model=endpoint.model)
    rows = rows.exclude(state__in=[VersionState.REJECTED, VersionState.ARCHIVED])
    return list(rows.select_related("model", "organization", "registered_by").order_by("-number")[:5])


def _summed(endpoint: Endpoint) -> dict[str, Any]:
    """What the servers counted, all together."""
    counters = list(ServerCounter.objects.filter(endpoint=endpoint))
    return {
        "recorded": sum(counter.recorded for counter in counters),
        "waiting": sum(counter.waiting for counter in counters),
        "set_aside": sum(counter.set_aside for counter in counters),
        "dropped": sum(counter.dropped for counter in counters),
        "updated_at": max((counter.updated_at for counter in counters), default=None),
    }


class CreateEndpoint(FormPage):
    """A new endpoint."""

    title, submit, form_class, done = "New endpoint", "Create endpoint", EndpointForm, "The endpoint is there."

    def check(self) -> None:
        policies.check_create_endpoints(self.request.user)

    def get_form(self, **kwargs: Any) -> EndpointForm:
        kwargs.pop("files", None)
        models = access.visible(RegisteredModel.objects.filter(retired_at=None), self.request.user)
        return EndpointForm(models=models, **kwargs)

    def initial(self) -> dict:
        found = RegisteredModel.objects.filter(key=self.request.GET.get("model", "")).first()
        return {"model": found} if found else {}

    def perform(self, form: Any) -> str:
        return actions.create_endpoint(by=self.request.user, **form.cleaned_data).get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(crumbs=crumbs(self, Crumb(self.title)), **more)
