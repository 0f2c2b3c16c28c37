"""What the pages of one plan share."""

from typing import Any

from django.urls import reverse

from apps.core.pages import Crumb
from apps.organizations.bases import ObjectFormPage
from apps.retirement.forms import EmptyForm
from apps.retirement.models import RetirementPlan

RELATED = (
    "model__project", "model__organization", "model__owner", "version__model__organization", "organization", "approval",
    "successor_version__model__organization", "successor_model__organization", "planned_by", "closed_by",
)  # fmt: skip


def plans() -> Any:
    """Plans with what their pages show."""
    return RetirementPlan.objects.select_related(*RELATED)


class OfPlan:
    """Mixin of pages of one plan."""

    model: Any = RetirementPlan
    lookups = {"number": "number"}
    organization: Any
    kwargs: dict[str, Any]

    def get_queryset(self) -> Any:
        return plans()

    def url(self, name: str, *more: Any) -> str:
        """A page of this plan."""
        return reverse(f"retirement:{name}", args=[self.organization.key, self.kwargs["number"], *more])

    def crumbs(self, plan: RetirementPlan, *more: Crumb) -> list[Crumb]:
        """Retirement › this plan › …"""
        listed = Crumb("Retirement", reverse("retirement:plans", args=[self.organization.key]))
        return [listed, Crumb(str(plan), plan.get_absolute_url() if more else ""), *more]


class Step(OfPlan, ObjectFormPage):
    """Base of the pages that take a plan a step further."""

    template_name = "generic/confirm.html"
    form_class: Any = EmptyForm
    policy: Any = None
    consequences: tuple[str, ...] = ()

    def check(self) -> None:
        type(self).policy(self.request.user, self.object)

    def get_form(self, **kwargs: Any) -> Any:
        kwargs.pop("files", None)
        return super().get_form(**kwargs)

    def act(self, **given: Any) -> Any:
        """The action."""
        raise NotImplementedError

    def perform(self, form: Any) -> str:
        self.act(plan=self.object, by=self.request.user, **form.cleaned_data)
        return self.object.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        crumbs = self.crumbs(self.object, Crumb(self.title))
        return super().context(**({"crumbs": crumbs, "consequences": self.consequences} | more))
