"""Pages of what a project promises and needs: metrics with their values, data, stakeholders."""

from typing import Any

from django.utils import timezone

from apps.core import charts
from apps.core.pages import Crumb, refusal
from apps.discussions import timeline
from apps.organizations.bases import ActionPage, ObjectPage
from apps.projects import actions, policies
from apps.projects.forms import MetricForm, ReadingForm, RequirementForm, StakeholderForm
from apps.projects.models import DataRequirement, Stakeholder, SuccessMetric
from apps.projects.views.shared import OfProject, PartForm, ProjectForm, given, values_of


class MetricPage(OfProject, ObjectPage):
    """One promise: its values over time against baseline and target."""

    template_name = "projects/metric.html"
    model = SuccessMetric
    lookups = {"project": "project__key", "pk": "pk"}

    def get_queryset(self) -> Any:
        return SuccessMetric.objects.select_related("project__organization", "project__owner")

    def context(self, **more: Any) -> dict[str, Any]:
        metric, user = self.object, self.request.user
        readings = list(metric.readings.select_related("recorded_by"))
        plan = refusal(policies.check_plan, user, metric.project)
        return super().context(
            crumbs=self.crumbs(metric.project, Crumb(str(metric))),
            readings=readings[::-1],
            chart=progress(metric, readings),
            primary=self.link(
                "Record a value",
                "new-reading",
                metric.pk,
                refused=refusal(policies.check_record_value, user, metric),
            ),
            actions=[
                self.link("Change", "edit-metric", metric.pk, refused=plan),
                self.link("Remove", "remove-metric", metric.pk, refused=plan, danger=True),
            ],
            timeline=timeline.of(metric),
            **more,
        )


def progress(metric: SuccessMetric, readings: list[Any]) -> Any:
    """The values over time, with baseline and target."""
    if not readings:
        return None
    last = readings[-1]
    kept = "is kept" if metric.is_met_by(last.value) else "is not kept yet"
    thresholds = [charts.Threshold(metric.target, f"target {metric.target:g}", "good")]
    if metric.baseline is not None:
        thresholds.append(charts.Threshold(metric.baseline, f"baseline {metric.baseline:g}", "neutral"))
    series = charts.Series(metric.name, [(reading.at, reading.value) for reading in readings])
    return charts.line(f"The promise {kept}", [series], thresholds=thresholds, unit=metric.unit)


class NewMetric(ProjectForm):
    """Promise one number."""

    title, submit, form_class, done = "New success metric", "Promise it", MetricForm, "The metric is promised."

    def perform(self, form: Any) -> str:
        return actions.add_metric(project=self.project, by=self.request.user, **form.cleaned_data).get_absolute_url()


class EditMetric(PartForm):
    """Change a promise."""

    title, form_class, done, model = "Change the metric", MetricForm, "Saved.", SuccessMetric

    def initial(self) -> dict[str, Any]:
        return values_of(self.object, actions.METRIC_FIELDS)

    def perform(self, form: Any) -> str:
        actions.change_metric(metric=self.object, changes=given(form), by=self.request.user)
        return self.object.get_absolute_url()


class _Remove(PartForm):
    template_name = "generic/confirm.html"
    submit = "Remove"

    def context(self, **more: Any) -> dict[str, Any]:
        said = [f"“{self.object}” is taken out of the charter.", "Its history stays."]
        return super().context(**({"consequences": said, "danger": True} | more))


class RemoveMetric(_Remove):
    """Take a promise back."""

    title, done, model = "Remove the metric", "The metric is removed.", SuccessMetric

    def perform(self, form: Any) -> str:
        return actions.remove_metric(metric=self.object, by=self.request.user).get_absolute_url()


class NewReading(PartForm):
    """Record what was measured."""

    title, submit, form_class, done = "Record a value", "Record", ReadingForm, "Recorded."
    model = SuccessMetric

    def check(self) -> None:
        policies.check_record_value(self.request.user, self.object)

    def initial(self) -> dict[str, Any]:
        return {"at": timezone.localtime()}

    def perform(self, form: Any) -> str:
        actions.record_value(metric=self.object, by=self.request.user, **form.cleaned_data)
        return self.object.get_absolute_url()


class NewRequirement(ProjectForm):
    """Say what data is needed."""

    title, submit, form_class, done = "New data requirement", "Add", RequirementForm, "Added."

    def perform(self, form: Any) -> str:
        actions.add_requirement(project=self.project, by=self.request.user, **form.cleaned_data)
        return self.project.get_absolute_url()


class EditRequirement(PartForm):
    """Change a need for data."""

    title, form_class, done, model = "Change the data requirement", RequirementForm, "Saved.", DataRequirement

    def initial(self) -> dict[str, Any]:
        return values_of(self.object, actions.REQUIREMENT_FIELDS) | {"owner": self.object.owner_id}

    def perform(self, form: Any) -> str:
        actions.change_requirement(requirement=self.object, changes=given(form), by=self.request.user)
        return self.object.project.get_absolute_url()


class RemoveRequirement(_Remove):
    """The data is not needed."""

    title, done, model = "Remove the data requirement", "Removed.", DataRequirement

    def perform(self, form: Any) -> str:
        return actions.remove_requirement(requirement=self.object, by=self.request.user).get_absolute_url()


class NewStakeholder(ProjectForm):
    """Name somebody with an interest."""

    title, submit, form_class, done = "New stakeholder", "Add", StakeholderForm, "Added."

    def perform(self, form: Any) -> str:
        actions.add_stakeholder(project=self.project, by=self.request.user, **form.cleaned_data)
        return self.project.get_absolute_url()


class RemoveStakeholder(ActionPage):
    """Somebody has no interest any more."""

    model, done = Stakeholder, "Removed."
    lookups = {"project": "project__key", "pk": "pk"}

    def get_queryset(self) -> Any:
        return Stakeholder.objects.select_related("project__organization", "user")

    def perform(self) -> str:
        return actions.remove_stakeholder(stakeholder=self.object, by=self.request.user).get_absolute_url()
