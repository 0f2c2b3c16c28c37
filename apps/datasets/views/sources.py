"""Pages of data sources."""

from typing import Any

import django_filters
from django.db.models import Count

from apps.core.pages import Crumb, refusal
from apps.datasets import actions, policies
from apps.datasets.actions.sources import SOURCE_FIELDS
from apps.datasets.forms import SourceForm
from apps.datasets.models import Classification, DataSource
from apps.datasets.views.shared import OfDatasets
from apps.discussions import timeline
from apps.organizations.bases import FormPage, ListPage, ObjectFormPage, ObjectPage
from apps.projects.models import PersonalData, SourceKind


class SourceFilter(django_filters.FilterSet):
    """Words, kind, classification, personal data."""

    q = django_filters.CharFilter(field_name="name", lookup_expr="icontains", label="Words")
    kind = django_filters.ChoiceFilter(choices=SourceKind.choices)
    classification = django_filters.ChoiceFilter(choices=Classification.choices)
    personal_data = django_filters.ChoiceFilter(choices=PersonalData.choices)


class SourceList(OfDatasets, ListPage):
    """Where data come from."""

    template_name = "datasets/source_list.html"
    title = "Data sources"
    model = DataSource
    filterset_class = SourceFilter
    default_ordering = "name"
    orderings = {"name": "name", "kind": "kind", "classification": "classification", "owner": "owner__name"}
    columns = {
        "Key": "key", "Name": "name", "Kind": "kind", "Owner": "owner", "Licence": "licence",
        "Classification": "classification", "Personal data": "personal_data", "Lawful basis": "lawful_basis",
        "Retain until": "retain_until",
    }  # fmt: skip

    def get_queryset(self) -> Any:
        rows = DataSource.objects.select_related("organization", "project", "owner")
        return rows.annotate(dataset_count=Count("datasets"))

    def context(self, **more: Any) -> dict[str, Any]:
        lead = "Where data come from, who answers for them, and on which terms they may be used."
        refused = refusal(policies.check_prepare_any, self.request.user)
        primary = self.link("Register a source", "new-source", refused=refused)
        return super().context(lead=lead, primary=primary, crumbs=self.crumbs(Crumb(self.title)), **more)


class SourcePage(OfDatasets, ObjectPage):
    """A source with its terms and its datasets."""

    template_name = "datasets/source.html"
    model = DataSource
    lookups = {"key": "key"}

    def get_queryset(self) -> Any:
        return DataSource.objects.select_related("organization", "project__organization", "owner", "created_by")

    def context(self, **more: Any) -> dict[str, Any]:
        source = self.object
        refused = refusal(policies.check_change_source, self.request.user, source)
        sources = Crumb("Sources", self.url("sources"))
        return super().context(
            crumbs=self.crumbs(sources, Crumb(str(source))),
            owner=source.owner,
            primary=self.link("Change", "change-source", source.key, refused=refused),
            datasets=source.datasets.select_related("organization").annotate(version_count=Count("versions")),
            timeline=timeline.of(source),
            **more,
        )


class NewSource(OfDatasets, FormPage):
    """Register a source."""

    title, submit, done = "Register a source", "Register", "The source is registered."

    def check(self) -> None:
        policies.check_prepare_any(self.request.user)

    def get_form(self, **kwargs: Any) -> SourceForm:
        kwargs.pop("files", None)
        return SourceForm(user=self.request.user, **kwargs)

    def initial(self) -> dict[str, Any]:
        return {"owner": self.request.user.pk}

    def perform(self, form: Any) -> str:
        return actions.register_source(**form.cleaned_data, by=self.request.user).get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        crumbs = self.crumbs(Crumb("Sources", self.url("sources")), Crumb(self.title))
        return super().context(**({"crumbs": crumbs, "cancel_url": self.url("sources")} | more))


class ChangeSource(OfDatasets, ObjectFormPage):
    """Correct what is said of a source."""

    title, submit, done = "Change the source", "Save", "Saved."
    model = DataSource
    lookups = {"key": "key"}

    def get_queryset(self) -> Any:
        return DataSource.objects.select_related("organization", "project")

    def check(self) -> None:
        policies.check_change_source(self.request.user, self.object)

    def get_form(self, **kwargs: Any) -> SourceForm:
        kwargs.pop("files", None)
        return SourceForm(user=self.request.user, source=self.object, **kwargs)

    def initial(self) -> dict[str, Any]:
        return {name: getattr(self.object, name) for name in SOURCE_FIELDS}

    def perform(self, form: Any) -> str:
        changes = {name: form.cleaned_data[name] for name in form.changed_data if name in SOURCE_FIELDS}
        reason = form.cleaned_data.get("reason", "")
        actions.change_source(source=self.object, changes=changes, reason=reason, by=self.request.user)
        return self.object.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        lead = "Sign-offs that were given on other terms count no longer after this."
        crumbs = self.crumbs(
            Crumb("Sources", self.url("sources")), Crumb(str(self.object), self.object.get_absolute_url())
        )
        return super().context(**({"crumbs": [*crumbs, Crumb(self.title)], "lead": lead} | more))
