"""Who uses it: named, told, and the page on which they acknowledge."""

from typing import Any

from apps.core.errors import NotVisible
from apps.core.pages import Crumb, refusal
from apps.organizations import access
from apps.organizations.bases import ObjectFormPage
from apps.organizations.roles import Permission
from apps.retirement import actions, policies
from apps.retirement.forms import ConsumerForm, NoteForm, ReasonForm
from apps.retirement.models import Consumer
from apps.retirement.views.shared import RELATED, OfPlan, Step


class AddConsumer(Step):
    """Name who uses it."""

    template_name = "generic/form.html"
    title, submit, form_class, done = "Add a consumer", "Add", ConsumerForm, "Added."
    policy = staticmethod(policies.check_add_consumer)

    def act(self, **given: Any) -> Any:
        return actions.add_consumer(**given)


class RemoveConsumer(OfPlan, ObjectFormPage):
    """It does not use it after all."""

    template_name = "generic/confirm.html"
    title, submit, form_class, done = "Remove the consumer", "Remove", ReasonForm, "Removed."
    model = Consumer
    lookups = {"number": "plan__number", "pk": "pk"}

    def get_queryset(self) -> Any:
        return Consumer.objects.select_related("plan__model__project", "plan__organization", "contact")

    def check(self) -> None:
        policies.check_remove_consumer(self.request.user, self.object)

    def get_form(self, **kwargs: Any) -> Any:
        kwargs.pop("files", None)
        return super().get_form(**kwargs)

    def perform(self, form: Any) -> str:
        return actions.remove_consumer(
            consumer=self.object, by=self.request.user, **form.cleaned_data
        ).get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        said = [f"“{self.object}” is not told and does not have to acknowledge."]
        return super().context(
            **({"crumbs": self.crumbs(self.object.plan, Crumb(self.title)), "consequences": said} | more)
        )


class ConsumerPage(ObjectFormPage):
    """The notice, for the consumer it concerns, and its acknowledgement."""

    template_name = "retirement/consumer.html"
    title, submit, form_class, done = (
        "Notice of retirement",
        "I know",
        NoteForm,
        "Thank you. Your acknowledgement is kept.",
    )
    model = Consumer
    lookups = {"number": "plan__number", "pk": "pk"}

    def get_object(self) -> Consumer:
        """The consumer, for its contact or for whoever may see the plan: a contact may hold no role in the project."""
        rows = Consumer.objects.select_related(*(f"plan__{name}" for name in RELATED), "contact", "acknowledged_by")
        found = rows.filter(plan__number=self.kwargs["number"], pk=self.kwargs["pk"]).first()
        user: Any = self.request.user
        if found is None or access.membership(user) is None:
            raise NotVisible()
        if found.contact_id != user.pk and not access.can(user, Permission.VIEW, found):
            raise NotVisible()
        return found

    def get_form(self, **kwargs: Any) -> Any:
        kwargs.pop("files", None)
        return super().get_form(**kwargs)

    def cancel_url(self) -> str:
        return ""

    def perform(self, form: Any) -> str:
        actions.acknowledge(consumer=self.object, by=self.request.user, **form.cleaned_data)
        return self.object.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        consumer, user = self.object, self.request.user
        return super().context(
            **{
                "plan": consumer.plan,
                "refused": refusal(policies.check_acknowledge, user, consumer),
                "may_see_plan": access.can(user, Permission.VIEW, consumer),
            }
            | more
        )
