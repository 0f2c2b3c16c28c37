"""A project's own pages: the list, the charter, the tier, its approval and its states."""

from typing import Any

import django_filters
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from apps.core.pages import Action, Crumb, refusal
from apps.discussions import timeline
from apps.organizations.bases import ActionPage, FormPage, ListPage, ObjectPage
from apps.projects import actions, policies
from apps.projects.engine import matrix, questionnaire
from apps.projects.forms import AssessmentForm, CharterForm, MessageForm, NewProjectForm, ReasonForm
from apps.projects.models import Project, ProjectState, RiskState, Tier
from apps.projects.views.shared import OfProject, ProjectForm, given, values_of


class ProjectFilter(django_filters.FilterSet):
    """Words, state and tier."""

    q = django_filters.CharFilter(method="words", label="Words")
    state = django_filters.ChoiceFilter(choices=ProjectState.choices)
    tier = django_filters.ChoiceFilter(choices=Tier.choices)

    def words(self, rows: Any, name: str, value: str) -> Any:
        """Title, key or problem contains them."""
        return rows.filter(Q(title__icontains=value) | Q(key__icontains=value) | Q(problem__icontains=value))


class ProjectList(ListPage):
    """The projects one may see."""

    template_name = "projects/project_list.html"
    title = "Projects"
    model = Project
    filterset_class = ProjectFilter
    orderings = {"title": "title", "state": "state", "tier": "tier", "opened": "created_at", "owner": "owner__name"}
    columns = {
        "Key": "key", "Title": "title", "State": "state", "Tier": "tier", "Owner": "owner", "Sponsor": "sponsor",
        "Approved": "approved_at", "Live since": "live_since",
    }  # fmt: skip

    def get_queryset(self) -> Any:
        return Project.objects.select_related("organization", "owner", "sponsor", "approval")

    def context(self, **more: Any) -> dict[str, Any]:
        refused = refusal(policies.check_open_project, self.request.user)
        url = reverse("projects:new", args=[self.organization.key])
        lead = "What AI is used for here: the problem, the promise, the risks, and whether it may go on."
        return super().context(lead=lead, primary=Action("Open a project", url, method="get", refused=refused), **more)


class NewProject(FormPage):
    """Open a project."""

    title, submit, form_class, done = "Open a project", "Open", NewProjectForm, "The project is open as a draft."
    lead = "A draft binds nobody. Next come metrics, data, risks and the questionnaire; then you ask for approval."

    def check(self) -> None:
        policies.check_open_project(self.request.user)

    def initial(self) -> dict[str, Any]:
        return {"owner": self.request.user.pk}

    def cancel_url(self) -> str:
        return reverse("projects:projects", args=[self.organization.key])

    def perform(self, form: Any) -> str:
        return actions.open_project(**form.cleaned_data, by=self.request.user).get_absolute_url()

    def get_form(self, **kwargs: Any) -> Any:
        kwargs.pop("files", None)
        return super().get_form(**kwargs)

    def context(self, **more: Any) -> dict[str, Any]:
        crumbs = [Crumb("Projects", self.cancel_url()), Crumb(self.title)]
        return super().context(**({"crumbs": crumbs, "lead": self.lead} | more))


class Promise:
    """A metric with what was measured last, as the page shows it."""

    def __init__(self, metric: Any) -> None:
        self.metric, self.value, self.at = metric, metric.newest_value, metric.newest_at
        self.is_met = self.value is not None and metric.is_met_by(self.value)
        self.progress = None if self.value is None else metric.progress_at(self.value)

    @property
    def state(self) -> str:
        """Met, missed after its date, on the way, or not measured."""
        if self.value is None:
            return "not measured"
        late = self.metric.due_on < timezone.localdate()
        return "met" if self.is_met else "missed" if late else "on the way"

    @property
    def meaning(self) -> str:
        """What that means to the reader."""
        return {"met": "good", "missed": "wrong", "on the way": "attention"}.get(self.state, "neutral")


class ProjectPage(OfProject, ObjectPage):
    """What a project is for, what it promises, what could go wrong, and where it stands."""

    template_name = "projects/project.html"

    def get_object(self) -> Project:
        return self.find_project()

    def context(self, **more: Any) -> dict[str, Any]:
        project, user = self.object, self.request.user
        plan = refusal(policies.check_plan, user, project)
        risks = list(project.risks.select_related("owner"))
        return super().context(
            crumbs=self.crumbs(project),
            owner=project.owner,
            lifecycle_of=project,
            primary=self._primary(project, user),
            actions=self._actions(project, user, plan),
            missing=policies.missing(project) if project.state == ProjectState.DRAFT else [],
            stopped=refusal(policies.check_not_prohibited, project),
            has_lapsed=project.state in {ProjectState.APPROVED, ProjectState.LIVE} and not project.is_approved,
            assessment=project.assessment,
            metrics=[Promise(metric) for metric in project.metrics.with_newest()],
            metric_actions=[self.link("Add", "new-metric", refused=plan)],
            requirements=project.requirements.select_related("owner"),
            requirement_actions=[self.link("Add", "new-requirement", refused=plan)],
            open_risks=[risk for risk in risks if risk.state != RiskState.CLOSED],
            risk_actions=[self.link("Register", "risks"), self.link("Add", "new-risk", refused=plan)],
            matrix=remaining(risks),
            stakeholders=project.stakeholders.select_related("user"),
            stakeholder_actions=[self.link("Add", "new-stakeholder", refused=plan)],
            assessment_actions=[self.link("Answer", "assess", refused=plan)],
            may_plan=not plan,
            timeline=timeline.of(project, parts="projects"),
            **more,
        )

    def _primary(self, project: Project, user: Any) -> Action | None:
        """What its charter needs next; nothing while it is approved as it stands."""
        if project.approval is not None and project.is_waiting:
            return Action("See the request", project.approval.get_absolute_url(), "get")
        if project.is_approved or project.state in {ProjectState.REJECTED, ProjectState.RETIRED}:
            return None
        refused = refusal(policies.check_request_approval, user, project)
        return self.link("Ask for approval", "request-approval", refused=refused)

    def _actions(self, project: Project, user: Any, plan: str) -> list[Action]:
        found = [
            self.link("Edit the charter", "edit", refused=plan),
            Action(
                "People and roles",
                reverse("organizations:project-people", args=[self.organization.key, project.pk]),
                "get",
            ),
        ]
        if project.state == ProjectState.ON_HOLD:
            found.append(Action("Resume", self.url("resume"), refused=refusal(policies.check_resume, user, project)))
        elif project.state == ProjectState.REJECTED:
            found.append(
                Action("Take up again", self.url("reopen"), refused=refusal(policies.check_reopen, user, project))
            )
        else:
            found.append(self.link("Put on hold", "hold", refused=refusal(policies.check_hold, user, project)))
        retire = refusal(policies.check_retire, user, project)
        return [*found, self.link("Retire", "retire", refused=retire, danger=True)]


def placed(risks: Any, *, residual: bool) -> list[matrix.Placed]:
    """The open and accepted risks at their place, before treatment or after."""
    found = []
    for risk in risks:
        at = (risk.residual_likelihood, risk.residual_impact) if residual else (risk.likelihood, risk.impact)
        if risk.state != RiskState.CLOSED and None not in at:
            found.append(matrix.Placed(risk.number, risk.title, *at))
    return found


def remaining(risks: Any) -> Any:
    """The matrix of what remains after treatment; None while nobody has said."""
    after = placed(risks, residual=True)
    return matrix.matrix("What remains after treatment?", after) if after else None


class EditCharter(ProjectForm):
    """Change what the project is for."""

    title, form_class, done = "Edit the charter", CharterForm, "Saved."

    @property
    def lead(self) -> str:
        """What a change means for the approval."""
        if self.project.is_waiting:
            return "The charter waits for signatures. A change ends the request; ask again afterwards."
        if self.project.is_approved:
            return "The charter is approved. A changed promise may need the approval again."
        return ""

    def initial(self) -> dict[str, Any]:
        people = {"owner": self.project.owner_id, "sponsor": self.project.sponsor_id}
        return values_of(self.project, actions.CHARTER_FIELDS) | people

    def perform(self, form: Any) -> str:
        return actions.change_charter(
            project=self.project, changes=given(form), by=self.request.user
        ).get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(**({"lead": self.lead} | more))


class RequestApproval(ProjectForm):
    """Ask for the charter to be approved."""

    template_name = "generic/confirm.html"
    title, submit, form_class = "Ask for approval", "Ask", MessageForm
    done = "Asked. The signers have been told."

    def check(self) -> None:
        policies.check_request_approval(self.request.user, self.project)

    def perform(self, form: Any) -> str:
        return actions.request_approval(
            project=self.project, by=self.request.user, **form.cleaned_data
        ).get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        said = [
            "The charter is frozen as it stands: the signatures count for these words and figures.",
            "Any change while it waits ends the request.",
            "You and everybody who wrote the charter cannot sign it.",
        ]
        return super().context(**({"consequences": said} | more))


class _Move(ProjectForm):
    template_name = "generic/confirm.html"
    form_class = ReasonForm

    def act(self, **given: Any) -> Project:
        """The action."""
        raise NotImplementedError

    def perform(self, form: Any) -> str:
        return self.act(project=self.project, by=self.request.user, **form.cleaned_data).get_absolute_url()


class PutOnHold(_Move):
    """Stop work for a while."""

    title, submit, done = "Put on hold", "Put on hold", "The project is on hold."

    def check(self) -> None:
        policies.check_hold(self.request.user, self.project)

    def act(self, **given: Any) -> Project:
        return actions.put_on_hold(**given)

    def context(self, **more: Any) -> dict[str, Any]:
        said = ["No new work begins for it until somebody resumes it.", "What is deployed goes on answering."]
        return super().context(**({"consequences": said} | more))


class Retire(_Move):
    """End the project."""

    title, submit, done = "Retire the project", "Retire", "The project has ended."

    def check(self) -> None:
        policies.check_retire(self.request.user, self.project)

    def act(self, **given: Any) -> Project:
        return actions.retire(**given)

    def context(self, **more: Any) -> dict[str, Any]:
        said = ["The project ends for good: nothing in it changes any more.", "Its records stay."]
        return super().context(**({"consequences": said, "danger": True} | more))


class _Post(ActionPage):
    model = Project
    lookups = {"project": "key"}

    def get_queryset(self) -> Any:
        return Project.objects.select_related("organization", "approval")


class Resume(_Post):
    """Go on where it was."""

    done = "The project goes on."

    def perform(self) -> None:
        actions.resume(project=self.object, by=self.request.user)


class Reopen(_Post):
    """Take a rejected project up again."""

    done = "The project is a draft again."

    def perform(self) -> None:
        actions.reopen(project=self.object, by=self.request.user)


class Assessment(OfProject, ObjectPage):
    """The answers that gave the tier, with their reasons, and earlier ones."""

    template_name = "projects/assessment.html"

    def get_object(self) -> Project:
        return self.find_project()

    def context(self, **more: Any) -> dict[str, Any]:
        project = self.object
        assessments = list(project.assessments.select_related("answered_by"))
        newest = assessments[0] if assessments else None
        return super().context(
            title="Risk questionnaire",
            crumbs=self.crumbs(project, Crumb("Risk questionnaire")),
            assessment=newest,
            words=questionnaire.load(newest.version).words(newest.answers) if newest else [],
            earlier=assessments[1:],
            newest_version=questionnaire.newest().version,
            primary=self.link(
                "Answer anew", "assess", refused=refusal(policies.check_plan, self.request.user, project)
            ),
            **more,
        )


class Assess(ProjectForm):
    """Answer the questionnaire."""

    title, submit, done = "Risk questionnaire", "Answer", "Answered. The tier follows from the strictest answer."

    def get_form(self, **kwargs: Any) -> AssessmentForm:
        kwargs.pop("files", None)
        return AssessmentForm(asked=questionnaire.newest(), **kwargs)

    def initial(self) -> dict[str, Any]:
        last = self.project.assessment
        return dict(last.answers) if last is not None else {}

    def perform(self, form: Any) -> str:
        actions.assess(project=self.project, answers=form.cleaned_data, by=self.request.user)
        return self.url("assessment")

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(**({"lead": questionnaire.newest().intro} | more))
