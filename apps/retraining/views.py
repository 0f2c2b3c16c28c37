"""Pages of retraining: models with their policies, a policy, one occasion with its comparison."""

from typing import Any

import django_filters
import yaml
from django.urls import reverse

from apps.core import charts
from apps.core.pages import Action, Crumb, refusal
from apps.discussions import timeline
from apps.models.models import RegisteredModel
from apps.models.policies import models_in_office
from apps.organizations import access
from apps.organizations.bases import FormPage, ListPage, ObjectFormPage, ObjectPage
from apps.organizations.roles import Permission
from apps.retraining import actions, policies
from apps.retraining.forms import ModelForm, PolicyForm, StartForm
from apps.retraining.models import RetrainingPolicy, RetrainingRun, RunState, Trigger
from apps.validation import report
from apps.work import jobs


class Here:
    """Addresses and crumbs of this app's pages."""

    organization: Any

    def url(self, name: str, *args: Any) -> str:
        """A page of this app."""
        return reverse(f"retraining:{name}", args=[self.organization.key, *args])

    def crumbs(self, *more: Crumb) -> list[Crumb]:
        """The way here."""
        return [Crumb("Retraining", self.url("runs")), *more]


class RunFilter(django_filters.FilterSet):
    """Model, state and trigger."""

    model = django_filters.CharFilter(field_name="policy__model__key", label="Model’s key")
    state = django_filters.ChoiceFilter(choices=RunState.choices)
    trigger = django_filters.ChoiceFilter(choices=Trigger.choices)


class RunList(Here, ListPage):
    """Every occasion on which a model was trained anew, or was not and why."""

    template_name = "retraining/run_list.html"
    title = "Retraining"
    model = RetrainingRun
    filterset_class = RunFilter
    orderings = {"at": "created_at", "state": "state", "model": "policy__model__name"}
    columns = {"Model": "policy__model", "Trigger": "trigger", "Cause": "cause", "State": "state", "Outcome": "outcome"}

    def get_queryset(self) -> Any:
        return RetrainingRun.objects.select_related("policy__model", "organization", "challenger__model")

    def context(self, **more: Any) -> dict[str, Any]:
        rows = RetrainingPolicy.objects.select_related("model__organization", "dataset", "owner", "organization")
        found = access.visible(rows, self.request.user).order_by("model__name")
        refused = refusal(policies.check_write_any, self.request.user)
        lead = "What makes a model be trained anew, every occasion on which it was, and why on others it was not."
        primary = Action("Write a policy", self.url("choose"), method="get", refused=refused)
        return super().context(policies=found, lead=lead, primary=primary, **more)


class Choose(Here, FormPage):
    """Choose the model that a policy is for."""

    title, submit = "Write a retraining policy", "Next"

    def check(self) -> None:
        policies.check_write_any(self.request.user)

    def get_form(self, **kwargs: Any) -> ModelForm:
        kwargs.pop("files", None)
        return ModelForm(models=models_in_office(self.request.user, Permission.RETRAIN), **kwargs)

    def cancel_url(self) -> str:
        return self.url("runs")

    def perform(self, form: Any) -> str:
        return self.url("write-policy", form.cleaned_data["model"].key)

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(**({"crumbs": self.crumbs(Crumb(self.title))} | more))


class PolicyPage(Here, ObjectPage):
    """What makes one model be trained anew, and what became of it."""

    template_name = "retraining/policy.html"
    model = RetrainingPolicy
    lookups = {"key": "model__key"}

    def get_queryset(self) -> Any:
        return RetrainingPolicy.objects.select_related(
            "model__project", "model__organization", "dataset", "owner", "organization"
        )

    def context(self, **more: Any) -> dict[str, Any]:
        policy, user = self.object, self.request.user
        write = refusal(policies.check_write, user, policy.model)
        runs = policy.runs.select_related("organization", "policy__model", "challenger__model")[:50]
        return super().context(
            crumbs=self.crumbs(Crumb(str(policy.model))),
            owner=policy.owner,
            state="active" if policy.is_active else "inactive",
            primary=Action("Start a retraining", self.url("start", policy.model.key), method="get", refused=write),
            actions=[
                Action("Change the policy", self.url("write-policy", policy.model.key), method="get", refused=write)
            ],
            lifecycle_of=policy.model,
            runs=runs,
            recipe=yaml.safe_dump(policy.recipe, sort_keys=False, allow_unicode=True),
            timeline=timeline.of(policy),
            **more,
        )


class WritePolicy(Here, ObjectFormPage):
    """Put a model's policy in force, or change it."""

    model, lookups = RegisteredModel, {"key": "key"}
    title, submit, form_class, done = "Retraining policy", "Put in force", PolicyForm, "The policy is in force."

    def get_queryset(self) -> Any:
        return RegisteredModel.objects.select_related("project", "organization")

    def check(self) -> None:
        policies.check_write(self.request.user, self.object)

    def get_form(self, **kwargs: Any) -> PolicyForm:
        return PolicyForm(model=self.object, **kwargs)

    def initial(self) -> dict:
        policy = RetrainingPolicy.objects.filter(model=self.object).first()
        if policy is None:
            last = self.object.runs.filter(state="succeeded").first()
            recipe = {} if last is None else last.recipe
            dataset = None if last is None else last.dataset_version.dataset_id
            return {"recipe": _yaml(recipe), "owner": self.object.owner_id, "dataset": dataset, "on_drift": True}
        names = ("every_days", "on_drift", "on_performance", "on_new_data", "cool_down_days", "min_rows", "is_active")
        given = {name: getattr(policy, name) for name in names}
        return given | {"recipe": _yaml(policy.recipe), "owner": policy.owner_id, "dataset": policy.dataset_id}

    def perform(self, form: Any) -> str:
        return actions.write_policy(model=self.object, by=self.request.user, **form.cleaned_data).get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(
            crumbs=self.crumbs(Crumb(str(self.object), self.object.get_absolute_url()), Crumb(self.title)), **more
        )


def _yaml(recipe: dict) -> str:
    return yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True) if recipe else ""


class Start(Here, ObjectFormPage):
    """Start a retraining by hand."""

    model, lookups = RetrainingPolicy, {"key": "model__key"}
    title, submit, form_class, done = "Start a retraining", "Start", StartForm, "The training has been queued."

    def get_queryset(self) -> Any:
        return RetrainingPolicy.objects.select_related("model__project", "model__organization", "organization")

    def check(self) -> None:
        policies.check_start(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        return actions.start(
            policy=self.object, by=self.request.user, reason=form.cleaned_data["reason"]
        ).get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(
            crumbs=self.crumbs(Crumb(str(self.object.model), self.object.get_absolute_url()), Crumb(self.title)), **more
        )


class RunPage(Here, ObjectPage):
    """One occasion: its cause, the training, the comparison, how it ended."""

    template_name = "retraining/run.html"
    model = RetrainingRun
    lookups = {"key": "policy__model__key", "number": "number"}

    def get_queryset(self) -> Any:
        related = (
            "policy__model__project",
            "policy__model__organization",
            "policy__owner",
            "champion__model__organization",
        )
        more = ("challenger__model__organization", "training_run__model__organization", "dataset_version__dataset")
        return RetrainingRun.objects.select_related("organization", "started_by", *related, *more)

    def context(self, **more: Any) -> dict[str, Any]:
        run = self.object
        comparison = run.comparisons.select_related(
            "test_data__dataset__organization", "test_data__organization"
        ).first()
        followed = run if run.state == "trained" else run.training_run
        return super().context(
            crumbs=self.crumbs(
                Crumb(str(run.policy.model), run.policy.get_absolute_url()), Crumb(f"Occasion {run.number}")
            ),
            owner=run.policy.owner,
            lifecycle_of=run.policy.model,
            comparison=comparison,
            chart=_difference(comparison) if comparison else None,
            tables=[report.table(one) for one in comparison.evidence.get("tables", [])] if comparison else [],
            job=jobs.newest(followed) if followed is not None and run.is_open else None,
            timeline=timeline.of(run),
            **more,
        )


def _difference(comparison: Any) -> Any:
    point = [(0, comparison.low), (1, comparison.difference), (2, comparison.high)]
    lines = [
        ("Lower end of the interval", point[0][1]),
        ("Difference", point[1][1]),
        ("Upper end of the interval", point[2][1]),
    ]
    return charts.bars("Is the challenger better? Above zero it is.", lines, unit="")
