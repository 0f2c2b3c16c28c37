"""The list, drawing up a plan, where it stands, the closing report, and handing out what is held."""

import datetime as dt
from typing import Any

import django_filters
from django.http import FileResponse, HttpRequest
from django.urls import reverse
from django.utils import timezone

from apps.core import charts, files
from apps.core.pages import Action, Crumb, refusal
from apps.discussions import timeline
from apps.models.models import ModelVersion, RegisteredModel, VersionState
from apps.models.policies import models_in_office
from apps.organizations.bases import FormPage, ListPage, ObjectMixin, ObjectPage, TenantPage, fetch
from apps.organizations.roles import Permission
from apps.retirement import actions, measuring, policies
from apps.retirement.forms import SubjectForm, TermsForm
from apps.retirement.models import Disposition, PlanState, RetirementPlan
from apps.retirement.views.shared import OfPlan, plans
from apps.work import jobs


class PlanFilter(django_filters.FilterSet):
    """State."""

    state = django_filters.ChoiceFilter(choices=PlanState.choices)


class PlanList(ListPage):
    """The retirements one may see."""

    template_name = "retirement/plan_list.html"
    title = "Retirement"
    model = RetirementPlan
    filterset_class = PlanFilter
    default_ordering = "-number"
    orderings = {"number": "number", "state": "state", "planned": "created_at", "held": "hold_until"}
    columns = {
        "Number": "number", "Model": "model__key", "Version": "version__number", "State": "state", "Why": "cause",
        "Planned": "created_at", "Off": "off_at", "Held until": "hold_until",
    }  # fmt: skip

    def get_queryset(self) -> Any:
        return plans()

    def context(self, **more: Any) -> dict[str, Any]:
        url = reverse("retirement:choose", args=[self.organization.key])
        lead = "Models and versions that leave office: who has to know, when nobody asks them any more, what is held."
        refused = refusal(policies.check_retire_any, self.request.user)
        return super().context(lead=lead, primary=Action("Plan a retirement", url, "get", refused), **more)


class Choose(FormPage):
    """Choose what leaves office."""

    title, submit = "Plan a retirement", "Next"

    def check(self) -> None:
        policies.check_retire_any(self.request.user)

    def get_form(self, **kwargs: Any) -> SubjectForm:
        kwargs.pop("files", None)
        found = list(models_in_office(self.request.user, Permission.RETIRE))
        versions = ModelVersion.objects.filter(model__in=found).exclude(state=VersionState.ARCHIVED)
        choices = [(model.key, f"{model}, with all versions and endpoints") for model in found]
        choices += [
            (f"{version.model.key}/{version.number}", f"{version} ({version.get_state_display().lower()})")
            for version in versions.select_related("model").order_by("model__name", "-number")
        ]
        return SubjectForm(choices=choices, **kwargs)

    def cancel_url(self) -> str:
        return reverse("retirement:plans", args=[self.organization.key])

    def perform(self, form: Any) -> str:
        key, _, number = form.cleaned_data["subject"].partition("/")
        url = reverse("retirement:new", args=[self.organization.key, key])
        return f"{url}?version={number}" if number else url

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(**({"crumbs": [Crumb("Retirement", self.cancel_url()), Crumb(self.title)]} | more))


class NewPlan(FormPage):
    """Draw up a plan."""

    title, submit, done = (
        "Plan a retirement",
        "Plan it",
        "The plan is drawn up. Name its consumers, then ask for approval.",
    )
    model = RegisteredModel
    lookups = {"key": "key"}

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        rows = RegisteredModel.objects.select_related("project", "organization")
        self.subject = fetch(rows, request.user, key=self.kwargs["key"])
        number = request.GET.get("version", "")
        versions = ModelVersion.objects.filter(model=self.subject).select_related("model")
        self.version = fetch(versions, request.user, number=number) if number else None

    def check(self) -> None:
        policies.check_plan(self.request.user, self.subject, self.version)

    def get_form(self, **kwargs: Any) -> TermsForm:
        kwargs.pop("files", None)
        return TermsForm(model=self.subject, version=self.version, **kwargs)

    def cancel_url(self) -> str:
        return reverse("retirement:plans", args=[self.organization.key])

    def perform(self, form: Any) -> str:
        drawn = actions.plan(model=self.subject, version=self.version, by=self.request.user, **form.cleaned_data)
        return drawn.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        crumbs = [Crumb("Retirement", self.cancel_url()), Crumb(self.title)]
        lead = f"{self.version or self.subject} leaves office."
        return super().context(**({"crumbs": crumbs, "lead": lead} | more))


STEPS = (
    (PlanState.APPROVED, "Approved", "approved_at"),
    (PlanState.NOTIFIED, "Notice given", "notified_at"),
    (PlanState.DRAINING, "Draining", "draining_at"),
    (PlanState.DRAINED, "Zero traffic proven", "drained_at"),
    (PlanState.OFF, "Off", "off_at"),
    (PlanState.ARCHIVED, "Put away", "archived_at"),
    (PlanState.CLOSED, "Closed", "closed_at"),
)


class PlanPage(OfPlan, ObjectPage):
    """Where a retirement stands: its steps, consumers, traffic, and what is held."""

    template_name = "retirement/plan.html"

    def context(self, **more: Any) -> dict[str, Any]:
        plan, user = self.object, self.request.user
        job = jobs.newest(plan)
        retire = refusal(policies.check_add_consumer, user, plan)
        return super().context(
            crumbs=self.crumbs(plan),
            owner=plan.planned_by,
            lifecycle_of=plan.model,
            primary=self._next(plan, user),
            actions=self._others(plan, user),
            steps=[(label, getattr(plan, field)) for _, label, field in STEPS],
            blockers=policies.blockers(plan) if plan.is_open else [],
            consumers=plan.consumers.select_related("contact", "acknowledged_by"),
            consumer_actions=[Action("Add", self.url("add-consumer"), "get", retire)],
            may_remove=not refusal(policies.check_change, user, plan),
            readings=list(plan.readings.all()[:10]),
            traffic=traffic(plan) if plan.draining_at else None,
            dispositions=plan.dispositions.select_related("version__model__organization"),
            may_read_held=not refusal(policies.check_read_held, user, plan),
            job=job if job is not None and (job.is_open or job.state == "failed") else None,
            timeline=timeline.of(plan),
            **more,
        )

    def _step(self, label: str, name: str, check: Any, post: bool = False) -> Action:
        refused = refusal(check, self.request.user, self.object)
        return Action(label, self.url(name), "post" if post else "get", refused)

    def _next(self, plan: RetirementPlan, user: Any) -> Action | None:
        steps: dict[str, tuple[str, str, Any]] = {
            PlanState.PLANNED: ("Ask for approval", "request-approval", policies.check_request_approval),
            PlanState.APPROVED: ("Give notice", "notify", policies.check_notify),
            PlanState.NOTIFIED: ("Start draining", "drain", policies.check_drain),
            PlanState.DRAINED: ("Turn off", "turn-off", policies.check_turn_off),
            PlanState.OFF: ("Put away", "archive", policies.check_archive),
            PlanState.ARCHIVED: ("Close", "close", policies.check_close),
        }
        if plan.state == PlanState.DRAINING:
            return self._step("Count now", "measure", policies.check_measure, post=True)
        if plan.state in steps:
            return self._step(*steps[plan.state])
        return Action("Closing report", self.url("report"), "get") if plan.state == PlanState.CLOSED else None

    def _others(self, plan: RetirementPlan, user: Any) -> list[Action]:
        found = [
            self._step("Change the terms", "change", policies.check_change),
            Action("Report", self.url("report"), "get"),
        ]
        if plan.is_open:
            cancel = refusal(policies.check_cancel, user, plan)
            found.append(Action("Cancel the retirement", self.url("cancel"), "get", cancel, danger=True))
        return found


def traffic(plan: RetirementPlan) -> Any:
    """Calls hour by hour from a day before it began to drain, until it was off."""
    day = dt.timedelta(days=1)
    until, began = plan.off_at or timezone.now(), plan.draining_at or timezone.now()
    points = measuring.by_hour(plan, max(began - day, until - 14 * day), until)
    marks = [("draining", plan.draining_at), ("zero traffic proven", plan.drained_at), ("off", plan.off_at)]
    events = [charts.Event(at, label) for label, at in marks if at is not None]
    asked = sum(value for at, value in points if at >= began)
    said = "Nobody has asked since it drains" if not asked else "Does anybody still ask?"
    return charts.line(said, [charts.Series("Calls an hour", points)], events=events)


class Report(OfPlan, ObjectPage):
    """The closing report, for print."""

    template_name = "retirement/report.html"

    def context(self, **more: Any) -> dict[str, Any]:
        plan = self.object
        request = plan.approval
        signatures = request.signatures.select_related("user") if request is not None else []
        quiet = plan.readings.filter(is_quiet=True)
        proof = quiet.filter(until=plan.drained_at).first() if plan.drained_at else None
        return super().context(
            title=f"Closing report: {plan.subject}",
            crumbs=self.crumbs(plan, Crumb("Report")),
            steps=[(label, getattr(plan, field)) for _, label, field in STEPS],
            signatures=[(one, one.role.replace("_", " ")) for one in signatures],
            consumers=plan.consumers.select_related("contact", "acknowledged_by"),
            proof=proof,
            traffic=traffic(plan) if plan.draining_at else None,
            endpoints=measuring.endpoints_of(plan),
            dispositions=plan.dispositions.select_related("version__model__organization"),
            timeline=timeline.of(plan),
            **more,
        )


class Held(ObjectMixin, TenantPage):
    """Hand out what is held."""

    model = Disposition
    lookups = {"number": "plan__number", "pk": "pk"}

    def get_queryset(self) -> Any:
        return Disposition.objects.select_related("plan__model__project", "version__model")

    def get(self, request: HttpRequest, **kwargs: Any) -> FileResponse:
        held = self.get_object()
        policies.check_read_held(request.user, held.plan)
        name = f"{held.version.model.key}-version-{held.version.number}.zip"
        return files.attachment(held, held.path, held.sha256, name)
