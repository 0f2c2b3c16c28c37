"""What the pages of one model share: finding it and its parts, breadcrumbs, addresses, forms."""

from typing import Any

from django.urls import reverse

from apps.core.pages import Action, Crumb, Tab
from apps.models.models import ModelVersion, RegisteredModel, TrainingRun
from apps.models.related import MODEL, RUN, VERSION
from apps.organizations.bases import FormPage, ObjectFormPage, fetch


class OfModel:
    """Mixin of pages under one model."""

    request: Any
    kwargs: dict[str, Any]
    organization: Any

    def find_model(self) -> RegisteredModel:
        """The model of the address, if the person may see it."""
        return fetch(RegisteredModel.objects.select_related(*MODEL), self.request.user, key=self.kwargs["key"])

    def url(self, name: str, *more: Any) -> str:
        """A page of this model."""
        return reverse(f"models:{name}", args=[self.organization.key, self.kwargs["key"], *more])

    def link(self, label: str, name: str, *more: Any, refused: str = "", danger: bool = False) -> Action:
        """A button to a page of this model that asks for more."""
        return Action(label, self.url(name, *more), method="get", refused=refused, danger=danger)

    def crumbs(self, model: RegisteredModel, *more: Crumb) -> list[Crumb]:
        """Models › this model › …"""
        listed = Crumb("Models", reverse("models:models", args=[self.organization.key]))
        return [listed, Crumb(str(model), self.url("model") if more else ""), *more]

    def tabs(self, here: str) -> list[Tab]:
        """The pages about one model."""
        pages = {"model": "Overview", "runs": "Training runs", "artifacts": "Uploads", "names": "Names"}
        return [Tab(label, self.url(name), current=name == here) for name, label in pages.items()]


class ModelForm(OfModel, FormPage):
    """A form about a model, which is fetched before anything else."""

    model = RegisteredModel
    lookups = {"key": "key"}

    def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.object = self.find_model()

    def get_form(self, **kwargs: Any) -> Any:
        if not self.takes_files:
            kwargs.pop("files", None)
        return super().get_form(**kwargs)

    takes_files = False

    def cancel_url(self) -> str:
        return self.url("model")

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(
            **({"crumbs": self.crumbs(self.object, Crumb(self.title)), "object": self.object} | more)
        )


class PartForm(OfModel, ObjectFormPage):
    """A form about a part of a model: a run, a version, an artifact."""

    related: tuple[str, ...] = ()

    def get_queryset(self) -> Any:
        return super().get_queryset().select_related(*self.related)

    def get_form(self, **kwargs: Any) -> Any:
        kwargs.pop("files", None)
        return super().get_form(**kwargs)

    def context(self, **more: Any) -> dict[str, Any]:
        here = Crumb(str(self.object), self.object.get_absolute_url())
        return super().context(**({"crumbs": self.crumbs(self.object.model, here, Crumb(self.title))} | more))


class VersionForm(PartForm):
    """A form about a version."""

    model = ModelVersion
    lookups = {"key": "model__key", "number": "number"}
    related = VERSION


class RunForm(PartForm):
    """A form about a training run."""

    model = TrainingRun
    lookups = {"key": "model__key", "number": "number"}
    related = RUN
