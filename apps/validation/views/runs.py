"""Runs: their list, the page of one with its results, the report for print, and what the validator concludes."""

from typing import Any
from urllib.parse import urlencode

import django_filters
from django.http import HttpRequest, HttpResponse

from apps.core.pages import Action, Crumb, refusal
from apps.discussions import timeline
from apps.organizations.bases import ActionPage, ListPage, ObjectFormPage, ObjectPage
from apps.validation import actions, attestations, policies, records, report, required_evidence, sheets, subjects
from apps.validation.forms import ConcludeForm
from apps.validation.models import (
    Challenge,
    ChallengeKind,
    Finding,
    Outcome,
    OutsideAnswer,
    OwnResult,
    Plan,
    RunState,
    ValidationRun,
    Verdict,
)
from apps.validation.models.plans import DATA_ROLES
from apps.validation.terms_form import terms_form
from apps.validation.views.shared import BESIDE, BY_NUMBER, link, tabs, version_crumbs
from apps.work import jobs

# What a worker read, by the names under which its digests are kept.
READ = {"model": "Artifact, SHA-256", "champion": "Champion, SHA-256"} | {
    role: f"{name}, SHA-256" for role, name in DATA_ROLES.items()
}
OF_ANSWERS = ("run__version__model__project", "run__version__run", "run__version__artifact")


class RunFilter(django_filters.FilterSet):
    """Model, state, verdict and conclusion."""

    model = django_filters.CharFilter(field_name="version__model__key", label="Model's key")
    state = django_filters.ChoiceFilter(choices=RunState.choices)
    verdict = django_filters.ChoiceFilter(choices=Verdict.choices)
    outcome = django_filters.ChoiceFilter(
        choices=[choice for choice in Outcome.choices if choice[0]], label="Conclusion"
    )


class RunList(ListPage):
    """Every validation one may see, and what waits for a conclusion."""

    template_name = "validation/run_list.html"
    title = "Validation"
    model = ValidationRun
    filterset_class = RunFilter
    orderings = {"model": "version__model__name", "state": "state", "verdict": "verdict", "started": "id"}
    columns = {
        "Version": "version",
        "Run": "number",
        "State": "state",
        "Verdict": "verdict",
        "Conclusion": "outcome",
        "Started by": "started_by",
        "Finished": "finished_at",
    }

    def get_queryset(self) -> Any:
        return ValidationRun.objects.select_related(*BESIDE, "started_by", "concluded_by")

    def context(self, **more: Any) -> dict[str, Any]:
        lead = "Is it accurate, does it perform consistently, is it fair, can it handle the real world?"
        compare = Action("Compare two runs", link(self.organization, "compare"), method="get")
        return super().context(tabs=tabs(self.organization, "runs"), lead=lead, actions=[compare], **more)


class RunBase(ObjectPage):
    """What the page and the report of a run have in common."""

    model = ValidationRun
    lookups = BY_NUMBER

    def get_queryset(self) -> Any:
        return ValidationRun.objects.select_related(
            *BESIDE, "plan__version__model__organization", "plan__organization",
            "plan__test_data__dataset__organization",
            "plan__test_data__organization", "plan__train_data", "plan__champion__model", "plan__locked_by",
            "started_by", "concluded_by", "version__run__started_by", "version__artifact__added_by",
            "version__registered_by",
        )  # fmt: skip

    def context(self, **more: Any) -> dict[str, Any]:
        run = self.object
        results = list(report.with_origin(run.results))
        findings = Finding.objects.of_run(run).select_related(*BESIDE, "owner", "run").order_by("number")
        return super().context(
            awaited=self._awaited(),
            sections=report.sections(run.plan.checks.all(), results),
            shown=len(results),
            counts=[(choice, sum(result.verdict == choice for result in results)) for choice in Verdict],
            findings=findings,
            terms=run.terms.all(),
            read=[(READ.get(role, role), digest) for role, digest in run.inputs.items() if role != "plan"],
            challenges=run.challenges.exclude(kind=ChallengeKind.CHECK).select_related(
                "result", "dataset_version__dataset__organization", "written_by"
            ),
            own_checks=self._own_checks(),
            independence=run.independence_checks.select_related("person"),
            state=run,
            **more,
        )

    def _own_checks(self) -> list[dict[str, Any]]:
        """The validator's own checks, each with the job of one that is still measured."""
        rows = self.object.challenges.filter(kind=ChallengeKind.CHECK).select_related("answer", "written_by")
        found = list(rows)
        waiting = jobs.newest_of([one for one in found if one.answered is None])
        return [
            {
                "challenge": one,
                "shown": report.show(one.asked, one.answered),
                "job": waiting.get(one.pk),
                "actions": self._about_own(one),
            }
            for one in found
        ]

    def _about_own(self, one: Challenge) -> list[Action]:
        """What can be done about an own check; nothing on paper."""
        return []

    def _awaited(self) -> list[tuple[OutsideAnswer, Action | None]]:
        """What others answer, each with the way to bring it where a person may."""
        rows = self.object.awaited.select_related("check_line", "called__organization", "delivery", *OF_ANSWERS)
        return [(one, self._report(one) if one.is_open and one.called_id is None else None) for one in rows]

    def _report(self, awaited: OutsideAnswer) -> Action:
        run = self.object
        at = (run.version.model.key, run.version.number, run.number, awaited.pk)
        refused = refusal(policies.check_report, self.request.user, awaited)
        return Action("Report", link(self.organization, "report-result", *at), method="get", refused=refused)


class RunPage(RunBase):
    """The results as they come in, what they became, and the conclusion.

    An open page asks every few seconds with `?have=` the number of results it shows: there is no answer while that is
    all there is, and once the run has ended the page is loaded as a whole.
    """

    template_name = "validation/run.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The page, or what an open page needs."""
        self.object = self.get_object()
        have = request.GET.get("have")
        if have is not None and not self.object.is_open:
            return HttpResponse(headers={"HX-Refresh": "true"})
        if have is not None and have == str(self.object.results.count()):
            return HttpResponse(status=204)
        return self.render()

    def context(self, **more: Any) -> dict[str, Any]:
        run = self.object
        return super().context(
            crumbs=version_crumbs(self.organization, run.version, Crumb(f"Validation {run.number}")),
            owner=run.started_by,
            primary=self._primary(),
            actions=self._others(),
            job=jobs.newest(run) if run.is_open else None,
            own_waiting=run.challenges.filter(kind=ChallengeKind.CHECK, answer=None).exists(),
            lifecycle_of=run.version.model,
            signed=attestations.signed_report(run) if run.is_concluded else None,
            timeline=timeline.of(run),
            **more,
        )

    def _about_own(self, one: Challenge) -> list[Action]:
        user, version, answer = self.request.user, self.object.version, one.answered
        if answer is None:
            refused = refusal(policies.check_cancel_own_check, user, one)
            return [Action("Cancel", link(self.organization, "cancel-own-check", one.pk), refused=refused)]
        if answer.verdict != Verdict.FAILED:
            return []
        raised = link(self.organization, "raise-finding", version.model.key, version.number)
        refused = refusal(policies.check_raise_finding, user, version)
        query = urlencode({"run": self.object.number, "own": answer.name})
        return [Action("Raise a finding", f"{raised}?{query}", method="get", refused=refused)]

    def _link(self, name: str) -> str:
        run = self.object
        return link(self.organization, name, run.version.model.key, run.version.number, run.number)

    def _primary(self) -> Action:
        user, run = self.request.user, self.object
        if run.is_open:
            return Action("Cancel", self._link("cancel-run"), refused=refusal(policies.check_cancel_run, user, run))
        refused = refusal(policies.check_conclude, user, run)
        return Action("Conclude", self._link("conclude"), method="get", refused=refused)

    def _others(self) -> list[Action]:
        user, version, plan = self.request.user, self.object.version, self.object.plan
        raised = link(self.organization, "raise-finding", version.model.key, version.number)
        compare = f"{link(self.organization, 'compare')}?first={self.object.pk}"
        challenged = refusal(policies.check_challenge, user, self.object)
        again = link(self.organization, "start-run", version.model.key, version.number, plan.number)
        refused = refusal(policies.check_start_run, user, plan)
        return [
            Action("Report on one page", self._link("report"), method="get"),
            Action("Report as PDF", self._link("report-file"), method="get"),
            *(
                [Action("Signed statement", self._link("signed-file"), method="get")]
                if self.object.is_concluded
                else []
            ),
            Action("Compare with another run", compare, method="get"),
            Action(
                "Raise a finding",
                f"{raised}?run={self.object.number}",
                method="get",
                refused=refusal(policies.check_raise_finding, user, version),
            ),
            Action("Remark", self._link("remark"), method="get", refused=challenged),
            Action("Add a test of your own", self._link("add-test"), method="get", refused=challenged),
            Action(
                "Ask a check of your own",
                self._link("ask-check"),
                method="get",
                refused=refusal(policies.check_ask_check, user, self.object),
            ),
            Action(
                "Validate it again",
                link(self.organization, "ask-revalidation", version.model.key, version.number),
                method="get",
                refused=refusal(policies.check_ask_revalidation, user, version),
            ),
            Action("Run the plan again", again, refused=refused),
            Action("Measure everything anew", again, refused=refused, fields={"anew": "yes"}),
        ]


class Report(RunBase):
    """The whole report on one page, for print."""

    template_name = "validation/report.html"

    def context(self, **more: Any) -> dict[str, Any]:
        run = self.object
        return super().context(
            title=f"Validation report: {run.version}",
            crumbs=version_crumbs(
                self.organization,
                run.version,
                Crumb(f"Validation {run.number}", run.get_absolute_url()),
                Crumb("Report"),
            ),
            developers=subjects.developers(run.version).items(),
            of_version=[sheets.finding(one) for one in records.findings(run)],
            signed=attestations.signed_report(run) if run.is_concluded else None,
            **more,
        )


class StartRun(ActionPage):
    """Run a locked plan."""

    model = Plan
    lookups = BY_NUMBER

    def get_queryset(self) -> Any:
        return Plan.objects.select_related(*BESIDE)

    def perform(self) -> str:
        anew = self.request.POST.get("anew") == "yes"
        return actions.start_run(plan=self.object, by=self.request.user, anew=anew).get_absolute_url()


class CancelRun(ActionPage):
    """Stop a run."""

    model = ValidationRun
    lookups = BY_NUMBER
    done = "The worker stops as soon as it sees this."

    def get_queryset(self) -> Any:
        return ValidationRun.objects.select_related(*BESIDE)

    def perform(self) -> str:
        return actions.cancel_run(run=self.object, by=self.request.user).get_absolute_url()


class Conclude(ObjectFormPage):
    """Say what follows from a run."""

    template_name = "validation/conclude.html"
    model = ValidationRun
    lookups = BY_NUMBER
    title, submit, form_class = "Conclude", "Conclude", ConcludeForm
    done = "Concluded. Who developed the version and who owns the project have been told."
    formset: Any = None

    def get_queryset(self) -> Any:
        return ValidationRun.objects.select_related(*BESIDE, "plan")

    def check(self) -> None:
        policies.check_conclude(self.request.user, self.object)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Refuse conditions that do not read; else go on as every form does."""
        self.check()
        self.formset = terms_form(self.object.version, request.POST)
        if not self.formset.is_valid():
            return self.render(form=self.get_form(data=request.POST), status=422)
        return super().post(request, **kwargs)

    def perform(self, form: Any) -> str:
        terms = self.formset.written() if form.cleaned_data["outcome"] == Outcome.CONDITIONS else []
        actions.conclude(run=self.object, by=self.request.user, terms=terms, **form.cleaned_data)
        return str(self.object.get_absolute_url())

    def _against_it(self) -> list[report.Shown]:
        """What did not pass, question by question."""
        run = self.object
        results = report.with_origin(run.results.defer("evidence"))
        results = results.select_related("organization", "run__organization", "run__version__model")
        return [
            one
            for section in report.sections(run.plan.checks.all(), results, evidence=False)
            for one in section.objections
        ]

    def context(self, **more: Any) -> dict[str, Any]:
        run = self.object
        if self.formset is None:
            self.formset = terms_form(run.version)
        return super().context(
            formset=self.formset,
            crumbs=version_crumbs(
                self.organization,
                run.version,
                Crumb(f"Validation {run.number}", run.get_absolute_url()),
                Crumb(self.title),
            ),
            lacking=required_evidence.missing(run.plan),
            against=policies.blocking_findings(run.version).select_related(*BESIDE),
            against_it=self._against_it(),
            own_checks=OwnResult.objects.filter(challenge__run=run)
            .exclude(verdict=Verdict.PASSED)
            .select_related("challenge"),
            **more,
        )
