"""Pages of validating again: the aging of all versions in use, one revalidation, asking for it and for a deferral."""

from typing import Any

import django_filters
from django.db.models import F

from apps.core.pages import Action, Crumb, Tab, refusal
from apps.discussions import timeline
from apps.models.models import ModelVersion
from apps.organizations import access
from apps.organizations.bases import ListPage, ObjectFormPage, ObjectPage
from apps.validation import actions, aging, judging, policies, subjects
from apps.validation.forms import AskRevalidationForm, DeferForm
from apps.validation.models import Revalidation
from apps.validation.views.shared import BESIDE, OfVersion, crumbs, link, tabs, version_crumbs

MEANINGS = {"over_90": "wrong", "over_30": "wrong", "overdue": "wrong", "soon": "attention"}


class AgingFilter(django_filters.FilterSet):
    """Model and bucket."""

    model = django_filters.CharFilter(field_name="model__key", label="Model's key")
    bucket = django_filters.ChoiceFilter(choices=list(aging.LABELS.items()), method="filter_bucket", label="How late")

    def filter_bucket(self, rows: Any, name: str, value: str) -> Any:
        """Those of one bucket."""
        return aging.in_bucket(rows, value)


class Aging(ListPage):
    """Every version in use with its last validation, what is due and how late it is."""

    template_name = "validation/aging.html"
    title = "Revalidation"
    model = ModelVersion
    filterset_class = AgingFilter
    orderings = {"model": "model__name", "due": "due", "last": "last_validated"}
    columns = {
        "Version": str,
        "Tier": subjects.tier_of,
        "Last validated": "last_validated",
        "Due": "due",
        "Days late": aging.days_late,
        "Because": lambda version: ", ".join(aging.triggers_of(version)),
        "How late": lambda version: aging.LABELS[aging.bucket_of(version)],
    }

    def get_queryset(self) -> Any:
        return aging.rows().select_related("organization", "model__project", "model__organization")

    def _ordering(self, asked: str) -> list[Any]:
        """The latest first, unless asked otherwise; versions with nothing due come last."""
        field = self.orderings.get(asked.lstrip("-"), "due")
        order = F(field).desc(nulls_last=True) if asked.startswith("-") else F(field).asc(nulls_last=True)
        return [order, "-id"]

    def context(self, **more: Any) -> dict[str, Any]:
        rules = judging.current()
        whole = aging.counts(access.visible(self.get_queryset(), self.request.user))
        here, asked = link(self.organization, "aging"), self.request.GET.get("bucket", "")
        buckets = [Tab("All", here, current=not asked)] + [
            Tab(label, f"{here}?bucket={name}", whole[name], name == asked) for name, label in aging.LABELS.items()
        ]
        return super().context(
            tabs=tabs(self.organization, "aging"),
            crumbs=crumbs(self.organization),
            lead="Which versions in use have to be validated again, why, and how late that is.",
            buckets=buckets,
            rows=[
                {**aging.describe(version, rules), "meaning": MEANINGS.get(aging.bucket_of(version), "neutral")}
                for version in more["page"]
            ],
            **more,
        )


class RevalidationPage(ObjectPage):
    """Why a version is validated again, by when, and every deferral."""

    template_name = "validation/revalidation.html"
    model = Revalidation

    def get_queryset(self) -> Any:
        return Revalidation.objects.select_related(*BESIDE, "raised_by", "settled_by__version__model")

    def context(self, **more: Any) -> dict[str, Any]:
        one, user = self.object, self.request.user
        version = one.version
        plan = link(self.organization, "write-plan", version.model.key, version.number)
        defer = link(self.organization, "defer", one.pk)
        check = policies.check_request_deferral
        return super().context(
            crumbs=version_crumbs(self.organization, version, Crumb("Revalidation")),
            primary=Action(
                "Plan the validation", plan, method="get", refused=refusal(policies.check_write_plan, user, version)
            )
            if one.is_due
            else None,
            actions=[Action("Ask for a deferral", defer, method="get", refused=refusal(check, user, one))],
            deferrals=one.deferrals.select_related("requested_by", "request__organization"),
            timeline=timeline.of(one),
            lifecycle_of=version.model,
            **more,
        )


class AskRevalidation(OfVersion, ObjectFormPage):
    """A validator wants it validated again."""

    title, submit, form_class = "Validate it again", "Ask for it", AskRevalidationForm
    done = "It is due. The validators have been told."

    def check(self) -> None:
        policies.check_ask_revalidation(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        given = form.cleaned_data
        return actions.ask_revalidation(version=self.object, by=self.request.user, **given).get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(crumbs=version_crumbs(self.organization, self.object, Crumb(self.title)), **more)


class Defer(ObjectFormPage):
    """Ask to validate later."""

    model = Revalidation
    title, submit, form_class = "Ask for a deferral", "Ask for it", DeferForm
    done = "Asked for. The day moves when it is signed."

    def get_queryset(self) -> Any:
        return Revalidation.objects.select_related(*BESIDE)

    def check(self) -> None:
        policies.check_request_deferral(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        actions.request_deferral(revalidation=self.object, by=self.request.user, **form.cleaned_data)
        return str(self.object.get_absolute_url())

    def context(self, **more: Any) -> dict[str, Any]:
        here = Crumb("Revalidation", self.object.get_absolute_url())
        return super().context(
            crumbs=version_crumbs(self.organization, self.object.version, here, Crumb(self.title)),
            lead=str(self.object),
            **more,
        )
