"""The rules by which failures are weighed and validations done again: their page, and writing them anew."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from apps.core.pages import Action, Crumb, refusal
from apps.core.web import back
from apps.organizations.bases import FormPage, TenantPage
from apps.validation import actions, judging, policies
from apps.validation.engine.judging import SEVERITIES
from apps.validation.models import JudgingRules
from apps.validation.models.plans import TIERS
from apps.validation.rules_form import RulesForm, rule_lines
from apps.validation.views.shared import crumbs, link, tabs


class RulesPage(TenantPage):
    """The rules in force, tier by tier, with every version there was."""

    template_name = "validation/rules.html"
    title = "Rules"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.render()

    def context(self, **more: Any) -> dict[str, Any]:
        rules = judging.current()
        refused = refusal(policies.check_write_template, self.request.user)
        change = Action("Change them", link(self.organization, "write-rules"), method="get", refused=refused)
        tiers = [
            {
                "name": label,
                "again": rules.again[tier],
                "independence": rules.independence[tier],
                "holds": tier in rules.holds,
            }
            for tier, label in TIERS
        ]
        return super().context(
            tabs=tabs(self.organization, "rules"),
            crumbs=crumbs(self.organization),
            lead="What a failure weighs, by when it is put right, who examines, and when a validation is repeated.",
            row=judging.current_row(),
            rules=rules,
            days=[(severity, rules.days[severity]) for severity in reversed(SEVERITIES)],
            tiers=tiers,
            primary=change,
            versions=JudgingRules.objects.select_related("written_by"),
            **more,
        )


class WriteRules(FormPage):
    """Write the rules anew."""

    template_name = "validation/write_rules.html"
    title, submit, form_class = "Change the rules", "Put in force", RulesForm
    done = "The rules are in force. What was judged before keeps what it was given."
    formset: Any = None

    def check(self) -> None:
        policies.check_write_template(self.request.user)

    def initial(self) -> dict[str, Any]:
        return RulesForm.begun(judging.current())

    def cancel_url(self) -> str:
        return back(self.request, link(self.organization, "rules"))

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Refuse lines that do not read; else go on as every form does."""
        self.check()
        self.formset = rule_lines(judging.current(), request.POST)
        if not self.formset.is_valid():
            return self.render(form=self.get_form(data=request.POST), status=422)
        return super().post(request, **kwargs)

    def perform(self, form: Any) -> str:
        content = form.content() | {"severity": self.formset.written()}
        return actions.write_rules(
            content=content, reason=form.cleaned_data["reason"], by=self.request.user
        ).get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        if self.formset is None:
            self.formset = rule_lines(judging.current())
        here = Crumb("Rules", link(self.organization, "rules"))
        return super().context(crumbs=crumbs(self.organization, here, Crumb(self.title)), formset=self.formset, **more)
