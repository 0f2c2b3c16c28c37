"""Pages of a dataset: the list, its versions, bringing a new one, its quality rules."""

from typing import Any

import django_filters
from django.db.models import Count, Max, OuterRef, Q, Subquery
from django.http import HttpRequest, HttpResponse

from apps.core.errors import DomainError
from apps.core.pages import Crumb, Tab, refusal
from apps.core.uploads import refuse_too_large
from apps.datasets import actions, folders, policies
from apps.datasets.forms import NewDatasetForm, OptionalReasonForm, ReferenceForm, UploadForm
from apps.datasets.models import Dataset, DatasetVersion, Origin, QualityRule, VersionState
from apps.datasets.sayings import Misfit
from apps.datasets.views.shared import OfDatasets, version_rows
from apps.datasets.written import DeclaredForm, rule_kinds
from apps.discussions import timeline
from apps.organizations import access
from apps.organizations.bases import FormPage, ListPage, ObjectFormPage, ObjectMixin, ObjectPage
from apps.projects.models import Project


class DatasetFilter(django_filters.FilterSet):
    """Words and project."""

    q = django_filters.CharFilter(method="with_words", label="Words")
    project = django_filters.ModelChoiceFilter(
        queryset=lambda request: access.visible(Project.objects.all(), request.user), to_field_name="key"
    )

    def with_words(self, rows: Any, name: str, value: str) -> Any:
        """Name, key or description contains them."""
        return rows.filter(Q(name__icontains=value) | Q(key__icontains=value) | Q(description__icontains=value))


class DatasetList(OfDatasets, ListPage):
    """The datasets one may see."""

    template_name = "datasets/dataset_list.html"
    title = "Data"
    model = Dataset
    filterset_class = DatasetFilter
    default_ordering = "name"
    orderings = {"name": "name", "project": "project__title", "versions": "version_count", "changed": "changed_at"}
    columns = {
        "Key": "key", "Name": "name", "Project": "project", "Purpose": "purpose", "Versions": "version_count",
        "Newest state": "newest_state", "Rows": "newest_rows",
    }  # fmt: skip

    def get_queryset(self) -> Any:
        whole = DatasetVersion.objects.filter(dataset=OuterRef("pk")).exclude(origin=Origin.PART).order_by("-number")
        return Dataset.objects.select_related("organization", "project", "source").annotate(
            version_count=Count("versions", filter=~Q(versions__origin=Origin.PART)),
            changed_at=Max("versions__created_at"),
            newest_number=Subquery(whole.values("number")[:1]),
            newest_state=Subquery(whole.values("state")[:1]),
            newest_rows=Subquery(whole.values("rows")[:1]),
        )

    def context(self, **more: Any) -> dict[str, Any]:
        here = self.url("datasets")
        tabs = [Tab("Datasets", here, current=True), Tab("Sources", self.url("sources"))]
        lead = "What models learn from: immutable versions, prepared by recipes, signed off as fit."
        refused = refusal(policies.check_prepare_any, self.request.user)
        return super().context(lead=lead, tabs=tabs, primary=self.link("Add a dataset", "new", refused=refused), **more)


class NewDataset(OfDatasets, FormPage):
    """Add a dataset."""

    title, submit, done = "Add a dataset", "Add", "The dataset is there. Bring its first version now."

    def check(self) -> None:
        policies.check_prepare_any(self.request.user)

    def get_form(self, **kwargs: Any) -> NewDatasetForm:
        kwargs.pop("files", None)
        return NewDatasetForm(user=self.request.user, **kwargs)

    def initial(self) -> dict[str, Any]:
        key = self.request.GET.get("project", "")
        project = access.visible(Project.objects.filter(key=key), self.request.user).first()
        return {"project": project.pk} if project is not None else {}

    def perform(self, form: Any) -> str:
        return actions.create_dataset(**form.cleaned_data, by=self.request.user).get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        crumbs = self.crumbs(Crumb(self.title))
        return super().context(**({"crumbs": crumbs, "cancel_url": self.url("datasets")} | more))


class _OfDataset(OfDatasets, ObjectMixin):
    model = Dataset
    lookups = {"key": "key"}

    def get_queryset(self) -> Any:
        return Dataset.objects.select_related(
            "organization", "project__organization", "project__approval", "source__organization", "created_by"
        )


class DatasetPage(_OfDataset, ObjectPage):
    """A dataset with its versions, rules and preparations."""

    template_name = "datasets/dataset.html"

    def context(self, **more: Any) -> dict[str, Any]:
        dataset, user = self.object, self.request.user
        refused = refusal(policies.check_add_version, user, dataset)
        versions = version_rows().filter(dataset=dataset).order_by("-number")
        whole = [version for version in versions if not version.is_part]
        return super().context(
            crumbs=self.dataset_crumbs(dataset),
            state=whole[0] if whole else "empty",
            primary=self.link("Upload a version", "upload", dataset.key, refused=refused),
            actions=[
                self.link("Take a file from the server", "reference", dataset.key, refused=refused),
                self.link("Quality rules", "rules", dataset.key),
                self.link(
                    "Change", "change", dataset.key, refused=refusal(policies.check_change_dataset, user, dataset)
                ),
            ],
            versions=whole,
            parts=[version for version in versions if version.is_part],
            rules=dataset.rules.filter(is_active=True),
            preparations=dataset.preparations.select_related(
                "organization", "into", "source__dataset", "result__dataset", "started_by"
            )[:10],
            timeline=timeline.of(dataset),
            **more,
        )


class ChangeDataset(_OfDataset, ObjectFormPage):
    """Change a dataset's name, purpose or source."""

    title, submit, done = "Change the dataset", "Save", "Saved."

    def check(self) -> None:
        policies.check_change_dataset(self.request.user, self.object)

    def get_form(self, **kwargs: Any) -> NewDatasetForm:
        kwargs.pop("files", None)
        return NewDatasetForm(user=self.request.user, dataset=self.object, **kwargs)

    def initial(self) -> dict[str, Any]:
        return {name: getattr(self.object, name) for name in ("name", "description", "purpose", "source")}

    def perform(self, form: Any) -> str:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        actions.change_dataset(dataset=self.object, changes=changes, by=self.request.user)
        return self.object.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(**({"crumbs": self.dataset_crumbs(self.object, Crumb(self.title))} | more))


class Upload(_OfDataset, ObjectFormPage):
    """Bring a file as the next version."""

    template_name = "datasets/upload.html"
    title, submit, form_class = "Upload a version", "Upload", UploadForm
    done = "The file is stored. A worker reads and measures it now; you can leave this page."

    def check(self) -> None:
        policies.check_add_version(self.request.user, self.object)
        refuse_too_large(self.request)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            return super().post(request, **kwargs)
        except DomainError as error:
            if error.status != 413:
                raise
            form = self.get_form(data=request.POST, files=request.FILES)
            form.errors.clear()
            form.add_error("file", error.sentence)
            return self.render(form=form, status=413)

    def perform(self, form: Any) -> str:
        file = form.cleaned_data["file"]
        version = actions.upload_version(
            dataset=self.object,
            file=file,
            name=file.name,
            options=form.options(),
            note=form.cleaned_data["note"],
            by=self.request.user,
        )
        return version.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(**({"crumbs": self.dataset_crumbs(self.object, Crumb(self.title))} | more))


class Reference(_OfDataset, ObjectFormPage):
    """Take a file that lies on the server as the next version."""

    template_name = "datasets/reference.html"
    title, submit, form_class = "Take a file from the server", "Read it", ReferenceForm
    done = "A worker reads and measures the file now; you can leave this page."

    def check(self) -> None:
        policies.check_add_version(self.request.user, self.object)

    def get_form(self, **kwargs: Any) -> Any:
        kwargs.pop("files", None)
        return super().get_form(**kwargs)

    def perform(self, form: Any) -> str:
        given = {name: form.cleaned_data[name] for name in ("path", "sha256", "note")}
        version = actions.reference_version(dataset=self.object, options=form.options(), by=self.request.user, **given)
        return version.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        crumbs = self.dataset_crumbs(self.object, Crumb(self.title))
        return super().context(**({"crumbs": crumbs, "listing": folders.listing()} | more))


class Rules(_OfDataset, ObjectPage):
    """What every version must meet."""

    template_name = "datasets/rules.html"

    def context(self, **more: Any) -> dict[str, Any]:
        dataset = self.object
        refused = refusal(policies.check_write_rules, self.request.user, dataset)
        add = self.url("add-rule", dataset.key)
        kinds = [
            {"title": kind["title"], "about": kind["about"], "url": f"{add}?kind={kind['rule']}"}
            for kind in rule_kinds()
        ]
        return super().context(
            **(
                {
                    "title": f"Quality rules of {dataset}",
                    "crumbs": self.dataset_crumbs(dataset, Crumb("Quality rules")),
                    "state": "",
                    "rules": dataset.rules.select_related("created_by"),
                    "kinds": kinds if not refused else [],
                    "refused": refused,
                }
                | more
            )
        )


class AddRule(_OfDataset, ObjectFormPage):
    """Demand something of every version; `?kind=` says of which kind."""

    submit, done = "Add the rule", "The rule is measured on every version from now on."

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        kinds = {kind["rule"]: kind for kind in rule_kinds()}
        self.described = kinds.get(request.GET.get("kind", ""), kinds["not_null"])
        self.title = self.described["title"]

    def check(self) -> None:
        policies.check_write_rules(self.request.user, self.object)

    def get_form(self, **kwargs: Any) -> DeclaredForm:
        kwargs.pop("files", None)
        newest = self.object.versions.exclude(sha256="").order_by("-number").first()
        tables = readable_tables(self.object.project_id, self.request.user)
        return DeclaredForm(self.described, newest.column_names() if newest else [], list(tables), **kwargs)

    def perform(self, form: Any) -> str:
        raw = form.raw()
        if form.errors:
            raise Misfit("Correct the fields below.", "", [])
        try:
            actions.add_rule(dataset=self.object, rule=raw, by=self.request.user)
        except Misfit as error:
            for problem in error.problems:
                form.add_error(problem["field"] if problem["field"] in form.fields else None, problem["sentence"])
            error.fields = {}
            raise
        return self.url("rules", self.object.key)

    def cancel_url(self) -> str:
        return self.url("rules", self.object.key)

    def context(self, **more: Any) -> dict[str, Any]:
        crumbs = self.dataset_crumbs(
            self.object, Crumb("Quality rules", self.url("rules", self.object.key)), Crumb(self.title)
        )
        return super().context(**({"crumbs": crumbs, "lead": self.described["about"]} | more))


class EndRule(OfDatasets, ObjectFormPage):
    """End a rule."""

    title, submit, form_class, done = "End this rule", "End it", OptionalReasonForm, "The rule has ended."
    model = QualityRule
    lookups = {"key": "dataset__key", "number": "number"}

    def get_queryset(self) -> Any:
        return QualityRule.objects.select_related("dataset__organization", "dataset__project", "organization")

    def check(self) -> None:
        policies.check_end_rule(self.request.user, self.object)

    def get_form(self, **kwargs: Any) -> Any:
        kwargs.pop("files", None)
        return super().get_form(**kwargs)

    def perform(self, form: Any) -> str:
        actions.retire_rule(rule=self.object, reason=form.cleaned_data["reason"], by=self.request.user)
        return self.url("rules", self.object.dataset.key)

    def context(self, **more: Any) -> dict[str, Any]:
        dataset = self.object.dataset
        rules = Crumb("Quality rules", self.url("rules", dataset.key))
        lead = f"“{self.object.sentence}” is measured no longer. What it found before stays."
        return super().context(
            **({"crumbs": self.dataset_crumbs(dataset, rules, Crumb(self.title)), "lead": lead} | more)
        )


def readable_tables(project_id: Any, user: Any) -> dict[str, list[dict[str, Any]]]:
    """The versions that a recipe or rule of a project may name, with their columns; the newest first."""
    rows = DatasetVersion.objects.filter(
        dataset__project_id=project_id, state__in=[VersionState.PROFILED, VersionState.SIGNED_OFF]
    ).exclude(origin=Origin.PART)
    found = access.visible(rows.select_related("dataset"), user).order_by("dataset__key", "-number")[:200]
    return {version.address: version.schema for version in found}
