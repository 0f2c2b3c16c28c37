"""The page on which somebody asks for a check from the rows."""

from typing import Any

from apps.monitoring import actions, policies
from apps.monitoring.forms import ReasonForm
from apps.monitoring.models import Check
from apps.organizations.bases import ObjectFormPage


class AskExact(ObjectFormPage):
    """Have a drift check computed once more from the kept rows."""

    model = Check
    title, submit, form_class = "Compute from the rows", "Compute it", ReasonForm
    done = "A worker computes it from the rows. The result will be shown here."

    def get_queryset(self) -> Any:
        return Check.objects.select_related("organization", "monitor__endpoint__model__project", "baseline")

    def check(self) -> None:
        policies.check_exact(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        actions.ask_exact(check=self.object, by=self.request.user, **form.cleaned_data)
        return self.object.get_absolute_url()
