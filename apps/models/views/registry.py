"""Pages of registered models: the list, one model with its versions, its names, its uploads."""

from typing import Any

import django_filters
from django.db.models import Count, Max, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.core import files
from apps.core.filters import YesNoFilter
from apps.core.pages import Action, Crumb, refusal
from apps.core.uploads import refuse_too_large
from apps.discussions import timeline
from apps.models import actions, policies
from apps.models.forms import (
    AliasForm,
    ChangeModelForm,
    OptionalReasonForm,
    RegisterModelForm,
    RegisterUploadForm,
    UploadForm,
)
from apps.models.models import CHAMPION, Alias, Artifact, ModelKind, ModelVersion, RegisteredModel
from apps.models.related import MODEL, VERSION
from apps.models.views.shared import ModelForm, OfModel, PartForm
from apps.organizations import access
from apps.organizations.bases import FormPage, ListPage, ObjectPage
from apps.organizations.roles import Permission
from apps.work import jobs


class ModelFilter(django_filters.FilterSet):
    """Project, kind, whether in office, and words of the name."""

    name = django_filters.CharFilter(lookup_expr="icontains", label="Name")
    kind = django_filters.ChoiceFilter(choices=ModelKind.choices)
    retired = YesNoFilter(field_name="retired_at", lookup_expr="isnull", exclude=True, label="Retired")


class ModelList(ListPage):
    """Every model one may see, with its newest version and its champion."""

    template_name = "models/model_list.html"
    title = "Models"
    model = RegisteredModel
    filterset_class = ModelFilter
    orderings = {"name": "name", "project": "project__title", "changed": "newest_at", "versions": "version_count"}
    default_ordering = "name"
    columns = {
        "Key": "key",
        "Name": "name",
        "Project": "project__title",
        "Kind": "kind",
        "Target": "target",
        "Owner": "owner",
        "Champion": "champion_number",
        "Versions": "version_count",
        "Retired": "retired_at",
    }

    def get_queryset(self) -> Any:
        newest = ModelVersion.objects.filter(model=OuterRef("pk")).order_by("-number")
        champion = Alias.objects.filter(model=OuterRef("pk"), name=CHAMPION)
        return (
            RegisteredModel.objects.select_related("organization", "project__organization", "owner")
            .annotate(
                version_count=Count("versions"),
                newest_at=Max("versions__created_at"),
                newest_state=Subquery(newest.values("state")[:1]),
                newest_number=Subquery(newest.values("number")[:1]),
                champion_number=Subquery(champion.values("version__number")[:1]),
            )
            .order_by("name")
        )

    def context(self, **more: Any) -> dict[str, Any]:
        url = reverse("models:register", args=[self.organization.key])
        lead = "What was trained or uploaded, version by version, from draft to approval."
        refused = refusal(policies.check_register_any, self.request.user)
        return super().context(primary=Action("Register model", url, "get", refused), lead=lead, **more)


class RegisterModel(FormPage):
    """Register a model of an approved project."""

    title, submit, done = "Register a model", "Register", "The model is registered. Train or upload its first version."

    def check(self) -> None:
        policies.check_register_any(self.request.user)

    def get_form(self, **kwargs: Any) -> Any:
        kwargs.pop("files", None)
        return RegisterModelForm(user=self.request.user, **kwargs)

    def initial(self) -> dict:
        return {"kind": ModelKind.CLASSIFICATION, "project": self.request.GET.get("project")}

    def cancel_url(self) -> str:
        return reverse("models:models", args=[self.organization.key])

    def perform(self, form: Any) -> str:
        return actions.register_model(**form.cleaned_data, by=self.request.user).get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(**({"crumbs": [Crumb("Models", self.cancel_url()), Crumb(self.title)]} | more))


class ModelPage(OfModel, ObjectPage):
    """One model: where it stands, who is in office, its versions and newest runs."""

    template_name = "models/model.html"
    model = RegisteredModel
    lookups = {"key": "key"}

    def get_queryset(self) -> Any:
        return RegisteredModel.objects.select_related(*MODEL)

    def context(self, **more: Any) -> dict[str, Any]:
        model, user = self.object, self.request.user
        develop = refusal(policies.check_develop, user, model)
        return super().context(
            crumbs=self.crumbs(model),
            owner=model.owner,
            lead=model.description,
            tabs=self.tabs("model"),
            lifecycle_of=model,
            primary=self.link("Train", "train", refused=develop),
            actions=[
                self.link("Upload an artifact", "upload", refused=develop),
                self.link("Point a name at a version", "set-alias", refused=refusal(policies.check_name, user, model)),
                self.link("Change", "edit", refused=refusal(policies.check_change_model, user, model)),
            ],
            versions=list(model.versions.select_related(*VERSION).prefetch_related("aliases")[:50]),
            runs=list(model.runs.select_related("organization", "model", "dataset_version__dataset", "started_by")[:8]),
            aliases=list(
                model.aliases.select_related("version__model__organization", "version__organization", "set_by")
            ),
            timeline=timeline.of(model),
            can_comment=access.can(user, Permission.COMMENT, model),
            **more,
        )


class ChangeModel(ModelForm):
    """Change name, description, owner."""

    title, form_class, done = "Change the model", ChangeModelForm, "Changed."

    def check(self) -> None:
        policies.check_change_model(self.request.user, self.object)

    def initial(self) -> dict:
        return {"name": self.object.name, "description": self.object.description, "owner": self.object.owner}

    def perform(self, form: Any) -> str:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        if changes:
            actions.change_model(model=self.object, changes=changes, by=self.request.user)
        return self.url("model")


class Upload(ModelForm):
    """Upload an artifact with its signature."""

    title, submit, form_class = "Upload an artifact", "Upload", UploadForm
    done = "Received. The gate looks at it now."
    takes_files = True

    def check(self) -> None:
        policies.check_upload(self.request.user, self.object)

    def get_form(self, **kwargs: Any) -> Any:
        refuse_too_large(self.request)  # known once the files of the request were read
        return super().get_form(**kwargs)

    def initial(self) -> dict:
        import yaml

        newest = self.object.versions.order_by("-number").first()
        known = newest.signature if newest is not None else {}
        signature = {key: known[key] for key in ("task", "target", "inputs", "classes", "threshold") if key in known}
        signature = signature or {
            "task": "regression" if self.object.kind == ModelKind.REGRESSION else "binary",
            "target": self.object.target,
            "inputs": [{"name": "", "type": "number", "nullable": True}],
            "classes": [] if self.object.kind == ModelKind.REGRESSION else [False, True],
        }
        return {"signature": yaml.safe_dump(signature, sort_keys=False, allow_unicode=True, default_flow_style=None)}

    def perform(self, form: Any) -> str:
        given = form.cleaned_data
        artifact = actions.upload_artifact(
            model=self.object,
            file=given["file"],
            name=given["file"].name,
            signature=given["signature"],
            by=self.request.user,
        )
        return artifact.get_absolute_url()


class ArtifactList(OfModel, ListPage):
    """Uploads of one model, and what the gate said."""

    template_name = "models/artifact_list.html"
    title = "Uploads"
    model = Artifact
    lookups = {"key": "model__key"}

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.of = self.find_model()

    def get_queryset(self) -> Any:
        rows = Artifact.objects.filter(model=self.of, run=None)
        return rows.select_related("organization", "model", "added_by").prefetch_related("versions")

    def context(self, **more: Any) -> dict[str, Any]:
        refused = refusal(policies.check_upload, self.request.user, self.of)
        return super().context(
            crumbs=self.crumbs(self.of, Crumb(self.title)),
            tabs=self.tabs("artifacts"),
            primary=self.link("Upload an artifact", "upload", refused=refused),
            of=self.of,
            **more,
        )


class ArtifactPage(OfModel, ObjectPage):
    """One model file: what it is, what the gate found, what it takes and gives."""

    template_name = "models/artifact.html"
    model = Artifact
    lookups = {"key": "model__key", "pk": "pk"}

    def get_queryset(self) -> Any:
        return Artifact.objects.select_related(
            "organization", "model__organization", "model__project__approval", "added_by", "run"
        )

    def context(self, **more: Any) -> dict[str, Any]:
        artifact, user = self.object, self.request.user
        job = jobs.newest(artifact)
        refused = refusal(policies.check_register_version, user, artifact.model, artifact)
        return super().context(
            crumbs=self.crumbs(artifact.model, Crumb("Uploads", self.url("artifacts")), Crumb(artifact.name)),
            owner=artifact.added_by,
            primary=self.link("Register as version", "register-artifact", artifact.pk, refused=refused),
            actions=[self.link("Download", "download-artifact", artifact.pk)],
            job=job if job is not None and job.is_open else None,
            versions=artifact.versions.select_related("model__organization", "organization"),
            timeline=timeline.of(artifact),
            can_comment=access.can(user, Permission.COMMENT, artifact),
            **more,
        )


class RegisterArtifact(PartForm):
    """Register an accepted upload as the next version."""

    model = Artifact
    lookups = {"key": "model__key", "pk": "pk"}
    related = ("organization", "model__organization", "model__project__approval", "run")
    title, submit, done = "Register as version", "Register", "Registered as a draft. Write its card next."

    def check(self) -> None:
        policies.check_register_version(self.request.user, self.object.model, self.object)

    def get_form(self, **kwargs: Any) -> Any:
        kwargs.pop("files", None)
        return RegisterUploadForm(model=self.object.model, **kwargs)

    def perform(self, form: Any) -> str:
        version = actions.register_version(
            model=self.object.model, artifact=self.object, by=self.request.user, **form.cleaned_data
        )
        return version.get_absolute_url()


class DownloadArtifact(OfModel, ObjectPage):
    """The bytes of a model file, as an attachment."""

    model = Artifact
    lookups = {"key": "model__key", "pk": "pk"}

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        artifact = self.get_object()
        response = files.attachment(artifact, artifact.path, artifact.sha256, artifact.name)
        response.headers["Content-Length"] = str(artifact.size)
        response.headers["ETag"] = f'"{artifact.sha256}"'
        return response  # type: ignore[return-value]


class Names(OfModel, ObjectPage):
    """The names of a model, where they point and where they pointed before."""

    template_name = "models/names.html"
    model = RegisteredModel
    lookups = {"key": "key"}

    def get_queryset(self) -> Any:
        return RegisteredModel.objects.select_related(*MODEL)

    def context(self, **more: Any) -> dict[str, Any]:
        model, user = self.object, self.request.user
        numbers = dict(model.versions.values_list("pk", "number"))
        past = Alias.history.filter(model_id=model.pk).select_related("set_by").order_by("-history_id")[:200]
        return super().context(
            title=f"Names of {model}",
            crumbs=self.crumbs(model, Crumb("Names")),
            tabs=self.tabs("names"),
            state=model.state,
            primary=self.link(
                "Point a name at a version", "set-alias", refused=refusal(policies.check_name, user, model)
            ),
            aliases=[
                {"alias": alias, "refused": refusal(policies.check_drop_alias, user, alias)}
                for alias in model.aliases.select_related(
                    "version__model__organization", "version__organization", "set_by", "model__project"
                )
            ],
            past=[
                {"row": row, "number": numbers.get(row.version_id), "dropped": row.history_type == "-"} for row in past
            ],
            **more,
        )


class SetAlias(ModelForm):
    """Point a name at a version."""

    title, submit, done = "Point a name at a version", "Point", "The name points there now."

    def get_form(self, **kwargs: Any) -> Any:
        kwargs.pop("files", None)
        return AliasForm(model=self.object, **kwargs)

    def initial(self) -> dict:
        return {"name": self.request.GET.get("name", ""), "version": self.request.GET.get("version")}

    def check(self) -> None:
        policies.check_name(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        actions.set_alias(model=self.object, by=self.request.user, **form.cleaned_data)
        return self.url("names")


class DropAlias(PartForm):
    """Take a name away."""

    model = Alias
    lookups = {"key": "model__key", "name": "name"}
    related = ("model__organization", "model__project", "version", "organization")
    template_name = "generic/confirm.html"
    title, submit, form_class, done = "Take the name away", "Take away", OptionalReasonForm, "The name is gone."

    def check(self) -> None:
        policies.check_drop_alias(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        actions.drop_alias(alias=self.object, by=self.request.user, **form.cleaned_data)
        return self.url("names")

    def context(self, **more: Any) -> dict[str, Any]:
        said = [f"{self.object.name} points at version {self.object.version.number} and will point at nothing."]
        return super().context(**({"consequences": said, "danger": True} | more))
