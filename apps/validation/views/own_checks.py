"""A check that the validator asks outside the plan: choosing it, asking it, leaving it alone again."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from apps.core.pages import Crumb
from apps.organizations.bases import ActionPage, ObjectFormPage
from apps.validation import actions, policies, report, subjects
from apps.validation.lines import OwnLineForm, fresh_line, settings_of
from apps.validation.models import Challenge, ValidationRun
from apps.validation.views.shared import BESIDE, BY_NUMBER, version_crumbs


class AskCheck(ObjectFormPage):
    """Ask a check of the registry of a finished run; without `?key=` the checks that can be asked."""

    model = ValidationRun
    lookups = BY_NUMBER
    title, submit = "Ask a check of your own", "Measure it"
    done = "Asked. A worker measures it; it is shown beside the plan, and counts for no verdict."

    def get_queryset(self) -> Any:
        return ValidationRun.objects.select_related(*BESIDE, "plan")

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.chosen: Any = self._known().get(request.GET.get("key", ""))

    def check(self) -> None:
        policies.check_ask_check(self.request.user, self.object)

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The form of the check that was chosen, or what there is to choose from."""
        return super().get(request, **kwargs) if self.chosen else self._choose()

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Ask it."""
        return super().post(request, **kwargs) if self.chosen else self._choose(status=422)

    def get_form(self, **kwargs: Any) -> OwnLineForm:
        kwargs.pop("files", None)
        return OwnLineForm(line=self._line(), parameters=self.chosen.parameters, **kwargs)

    def initial(self) -> dict[str, Any]:
        line = self._line()
        return {**{name: line[name] for name in ("fail", "warn")}, **settings_of(line, self.chosen.parameters)}

    def perform(self, form: Any) -> str:
        line = {name: value for name, value in form.written().items() if name != "required"}
        reason = form.cleaned_data["reason"]
        return actions.ask_check(run=self.object, line=line, reason=reason, by=self.request.user).get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        run = self.object
        here = Crumb(f"Validation {run.number}", run.get_absolute_url())
        lead = f"{self.chosen.title}. {self.chosen.question}" if self.chosen else ""
        trail = version_crumbs(self.organization, run.version, here, Crumb(self.title))
        return super().context(**({"crumbs": trail, "lead": lead} | more))

    def _line(self) -> dict[str, Any]:
        """The check with its own thresholds, about the attributes and the outcome that the plan names."""
        plan = self.object.plan
        line = fresh_line(self.chosen, plan.tier, plan.kind)
        del line["name"]  # it names the attributes
        named = {"attributes": plan.attributes, "favourable": plan.favourable}
        parameters = {name: value for name, value in named.items() if name in self.chosen.parameters}
        return {**line, "parameters": parameters}

    def _known(self) -> dict[str, Any]:
        from apps.validation.engine.base import Family, Kind
        from apps.validation.engine.registry import registry

        plan = self.object.plan
        found = registry().for_kind(Kind(plan.kind), Kind(subjects.kind_of(plan.version)))
        return {check.key: check for check in found if check.family is not Family.OUTSIDE}

    def _choose(self, status: int = 200) -> HttpResponse:
        from apps.validation.engine.base import FAMILY_QUESTIONS

        self.check()
        self.template_name = "validation/choose_check.html"
        asked = set(self.object.plan.checks.values_list("key", flat=True))
        families: dict[str, list[dict[str, Any]]] = {}
        for check in self._known().values():
            row = {**report.described(check.key), "key": check.key, "in_plan": check.key in asked}
            families.setdefault(FAMILY_QUESTIONS[check.family], []).append(row)
        return self.render(status, families=families.items())


class CancelOwnCheck(ActionPage):
    """Leave an own check alone."""

    model = Challenge
    done = "The worker stops as soon as it sees this."

    def get_queryset(self) -> Any:
        return Challenge.objects.select_related("answer", *(f"run__{one}" for one in BESIDE))

    def perform(self) -> str:
        return actions.cancel_own_check(challenge=self.object, by=self.request.user).get_absolute_url()
