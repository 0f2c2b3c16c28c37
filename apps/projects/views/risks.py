"""Pages of the risk register."""

from typing import Any

from apps.core.pages import Action, Crumb, refusal
from apps.discussions import timeline
from apps.organizations.bases import ActionPage, ObjectPage
from apps.projects import actions, policies
from apps.projects.engine import matrix
from apps.projects.forms import ReasonForm, RiskForm
from apps.projects.models import Project, Risk, RiskState
from apps.projects.views.project import placed, remaining
from apps.projects.views.shared import OfProject, PartForm, ProjectForm, given, values_of

LOOKUPS = {"project": "project__key", "number": "number"}


class RiskRegister(OfProject, ObjectPage):
    """All risks of a project, before and after treatment."""

    template_name = "projects/risks.html"

    def get_object(self) -> Project:
        return self.find_project()

    def context(self, **more: Any) -> dict[str, Any]:
        project = self.object
        risks = list(project.risks.select_related("owner", "accepted_by"))
        before = placed(risks, residual=False)
        return super().context(
            title="Risk register",
            crumbs=self.crumbs(project, Crumb("Risk register")),
            risks=risks,
            high=matrix.HIGH,
            high_before=sum(risk.level >= matrix.HIGH for risk in before),
            high_after=sum(risk.level >= matrix.HIGH for risk in placed(risks, residual=True)),
            accepted=sum(risk.state == RiskState.ACCEPTED for risk in risks),
            before=matrix.matrix("Where do the risks stand before treatment?", before) if before else None,
            after=remaining(risks),
            primary=self.link(
                "Add a risk", "new-risk", refused=refusal(policies.check_plan, self.request.user, project)
            ),
            **more,
        )


class RiskPage(OfProject, ObjectPage):
    """One risk: rating, treatment, what remains, and who lives with it."""

    template_name = "projects/risk.html"
    model = Risk
    lookups = LOOKUPS

    def get_queryset(self) -> Any:
        return Risk.objects.select_related("project__organization", "project__owner", "owner", "accepted_by")

    def context(self, **more: Any) -> dict[str, Any]:
        risk, user = self.object, self.request.user
        plan = refusal(policies.check_plan, user, risk.project)
        number = risk.number
        found = [
            self.link("Change", "edit-risk", number, refused=refusal(policies.check_risk, user, risk)),
            self.link("Close", "close-risk", number, refused=plan),
        ]
        if risk.state != RiskState.OPEN:
            found = [Action("Open again", self.url("reopen-risk", number), refused=plan), *found[1:]]
        return super().context(
            crumbs=self.crumbs(risk.project, Crumb("Risk register", self.url("risks")), Crumb(f"R{number}")),
            owner=risk.owner,
            primary=self.link(
                "Accept what remains", "accept-risk", number, refused=refusal(policies.check_accept_risk, user, risk)
            ),
            actions=found,
            level_meaning=matrix.meaning(risk.level),
            residual_meaning=matrix.meaning(risk.residual_level),
            timeline=timeline.of(risk),
            **more,
        )


class NewRisk(ProjectForm):
    """Put a risk on the register."""

    title, submit, form_class, done = "New risk", "Add", RiskForm, "The risk is on the register."

    def initial(self) -> dict[str, Any]:
        return {"owner": self.request.user.pk}

    def perform(self, form: Any) -> str:
        return actions.add_risk(project=self.project, by=self.request.user, **form.cleaned_data).get_absolute_url()


class _RiskForm(PartForm):
    model = Risk
    lookups = LOOKUPS

    def get_queryset(self) -> Any:
        return Risk.objects.select_related("project__organization", "project__owner", "owner")


class EditRisk(_RiskForm):
    """Rate or treat a risk anew."""

    title, form_class, done = "Change the risk", RiskForm, "Saved."

    def check(self) -> None:
        policies.check_risk(self.request.user, self.object)

    def initial(self) -> dict[str, Any]:
        return values_of(self.object, actions.RISK_FIELDS) | {"owner": self.object.owner_id}

    def perform(self, form: Any) -> str:
        return actions.change_risk(risk=self.object, changes=given(form), by=self.request.user).get_absolute_url()


class AcceptRisk(_RiskForm):
    """Live with what remains."""

    template_name = "generic/confirm.html"
    title, submit, form_class, done = "Accept what remains", "Accept", ReasonForm, "Accepted."

    def check(self) -> None:
        policies.check_accept_risk(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        return actions.accept_risk(risk=self.object, by=self.request.user, **form.cleaned_data).get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        said = [
            f"What remains of “{self.object}” is level {self.object.residual_level} of 25.",
            "You accept it in your name; the reason is kept.",
        ]
        return super().context(**({"consequences": said} | more))


class CloseRisk(_RiskForm):
    """The risk is gone."""

    title, submit, form_class, done = "Close the risk", "Close", ReasonForm, "Closed."

    def perform(self, form: Any) -> str:
        return actions.close_risk(risk=self.object, by=self.request.user, **form.cleaned_data).get_absolute_url()


class ReopenRisk(ActionPage):
    """Look at a risk again."""

    model, lookups, done = Risk, LOOKUPS, "The risk is open again."

    def get_queryset(self) -> Any:
        return Risk.objects.select_related("project__organization", "owner")

    def perform(self) -> None:
        actions.reopen_risk(risk=self.object, by=self.request.user)
