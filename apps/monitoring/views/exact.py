"""The page on which somebody asks for a check from the rows."""

from typing import Any

from apps.core.pages import Crumb
from apps.monitoring import actions, policies
from apps.monitoring.forms import ReasonForm
from apps.monitoring.models import Check
from apps.monitoring.views.shared import of_endpoint
from apps.organizations.bases import ObjectFormPage


class AskExact(ObjectFormPage):
    """Have a drift check computed once more from the kept rows."""

    model = Check
    title, submit, form_class = "Compute from the rows", "Compute it", ReasonForm
    done = "A worker computes it from the rows. The result will be shown here."

    def get_queryset(self) -> Any:
        return Check.objects.select_related(
            "organization", "monitor__endpoint__model__project", "monitor__endpoint__organization", "baseline"
        )

    def check(self) -> None:
        policies.check_exact(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        actions.ask_exact(check=self.object, by=self.request.user, **form.cleaned_data)
        return self.object.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        check = self.object
        monitor = Crumb(check.monitor.name, check.monitor.get_absolute_url())
        window = Crumb(str(check.period), check.get_absolute_url())
        trail = of_endpoint(self.organization, check.monitor.endpoint, monitor, window, Crumb(self.title))
        lead = (
            f"A worker reads every kept row of {check.period} and of what it was compared with, and gives the same "
            "report with distances from the rows instead of from the bins."
        )
        return super().context(**({"crumbs": trail, "lead": lead} | more))
