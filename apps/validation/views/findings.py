"""Findings and waivers: lists, the page of one, and every step on the way to its end."""

from typing import Any

import django_filters

from apps.core.filters import YesNoFilter
from apps.core.pages import Action, Crumb, refusal
from apps.discussions import timeline
from apps.organizations.bases import ListPage, ObjectFormPage, ObjectPage
from apps.validation import actions, policies
from apps.validation.forms import (
    AssignForm,
    CloseForm,
    FindingForm,
    PlanWorkForm,
    ReadyForm,
    ReasonForm,
    RetestForm,
    WaiverForm,
)
from apps.validation.models import (
    Finding,
    FindingState,
    OwnResult,
    Severity,
    ValidationRun,
    Verdict,
    Waiver,
    WaiverState,
)
from apps.validation.views.shared import BESIDE, BY_NUMBER, OfVersion, crumbs, link, tabs, version_crumbs

OF_RESULTS = tuple(
    f"{name}{path}"
    for name in ("result", "retest")
    for path in ("__organization", "__run__organization", "__run__version__model")
)
OF_FINDING = tuple(f"finding__{path}" for path in BESIDE)


class FindingFilter(django_filters.FilterSet):
    """Model, state, severity, whose they are, what is overdue."""

    model = django_filters.CharFilter(field_name="version__model__key", label="Model's key")
    state = django_filters.ChoiceFilter(choices=FindingState.choices)
    severity = django_filters.ChoiceFilter(choices=Severity.choices)
    mine = YesNoFilter(method="filter_mine", label="Mine")
    overdue = YesNoFilter(method="filter_overdue", label="Overdue")

    def filter_mine(self, rows: Any, name: str, value: bool) -> Any:
        """Those the reader owns, or the others."""
        return rows.filter(owner=self.request.user) if value else rows.exclude(owner=self.request.user)

    def filter_overdue(self, rows: Any, name: str, value: bool) -> Any:
        """Those whose day has passed, or the others."""
        late = Finding.objects.overdue().values("pk")
        return rows.filter(pk__in=late) if value else rows.exclude(pk__in=late)


class FindingList(ListPage):
    """Every finding one may see, those not closed first."""

    template_name = "validation/finding_list.html"
    title = "Findings"
    model = Finding
    filterset_class = FindingFilter
    orderings = {
        "finding": "title",
        "model": "version__model__name",
        "severity": "severity",
        "state": "state",
        "due": "due_on",
    }
    columns = {
        "Version": "version",
        "Finding": "title",
        "Severity": "severity",
        "State": "state",
        "Owner": "owner",
        "Due": "due_on",
        "Closed": "closed_at",
    }

    def get_queryset(self) -> Any:
        return Finding.objects.select_related(*BESIDE, "owner")

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(tabs=tabs(self.organization, "findings"), crumbs=crumbs(self.organization), **more)


class FindingPage(ObjectPage):
    """What is wrong, who puts it right, how far that is, and the waivers there were."""

    template_name = "validation/finding.html"
    model = Finding
    lookups = BY_NUMBER

    def get_queryset(self) -> Any:
        return Finding.objects.select_related(
            *BESIDE, *OF_RESULTS, "owner", "raised_by", "closed_by", "run__organization", "run__version__model",
            "version__artifact__added_by", "version__registered_by", "version__run__started_by",
        )  # fmt: skip

    def context(self, **more: Any) -> dict[str, Any]:
        finding = self.object
        buttons = self._buttons()
        primary = next((button for button in buttons if not button.refused), buttons[0])
        return super().context(
            crumbs=version_crumbs(self.organization, finding.version, Crumb(f"Finding {finding.number}")),
            owner=finding.owner,
            primary=None if finding.is_closed else primary,
            actions=[] if finding.is_closed else [button for button in buttons if button is not primary],
            waivers=self._waivers(),
            independence=finding.independence_checks.select_related("person"),
            timeline=timeline.of(finding),
            **more,
        )

    def _waivers(self) -> list[dict[str, Any]]:
        rows = Waiver.objects.filter(finding=self.object).select_related("requested_by", "request__organization")
        return [
            {
                "waiver": waiver,
                "revoke": Action(
                    "Revoke",
                    link(self.organization, "revoke-waiver", waiver.pk),
                    method="get",
                    refused=refusal(policies.check_revoke_waiver, self.request.user, waiver),
                ),
            }
            for waiver in rows
        ]

    def _buttons(self) -> list[Action]:
        finding, user = self.object, self.request.user
        steps: list[tuple[str, str, Any]] = [
            ("Plan the work", "plan-work", policies.check_plan_work),
            ("Ready for retest", "mark-ready", policies.check_mark_ready),
            ("Close", "close-finding", policies.check_close),
            ("Link a retest", "retest", policies.check_retest),
            ("Assign", "assign", policies.check_assign),
            ("Ask for a waiver", "request-waiver", policies.check_request_waiver),
        ]
        arguments = (finding.version.model.key, finding.version.number, finding.number)
        return [
            Action(
                label,
                link(self.organization, name, *arguments),
                method="get",
                refused=refusal(check, user, finding),
            )
            for label, name, check in steps
        ]


class RaiseFinding(OfVersion, ObjectFormPage):
    """Raise a finding that no check raised."""

    title, submit, done = "Raise a finding", "Raise it", "Raised. Its owner has been told."

    def check(self) -> None:
        policies.check_raise_finding(self.request.user, self.object)

    def get_form(self, **kwargs: Any) -> FindingForm:
        kwargs.pop("files", None)
        return FindingForm(version=self.object, **kwargs)

    def initial(self) -> dict[str, Any]:
        """What a failed check of the validator's own says, where the page was opened from one."""
        own = OwnResult.objects.filter(challenge__run=self._run(), name=self.request.GET.get("own", ""))
        failed = own.filter(verdict=Verdict.FAILED).select_related("challenge").last()
        if failed is None:
            return {}
        asked = failed.challenge
        said = f"{failed.sentence} Found by a check outside the plan, asked for this reason: {asked.text}"
        return {"title": f"{asked.title} failed"[:200], "description": said}

    def _run(self) -> ValidationRun | None:
        number = self.request.GET.get("run", "")
        return ValidationRun.objects.filter(version=self.object, number=number).first() if number.isdecimal() else None

    def perform(self, form: Any) -> str:
        run = self._run()
        finding = actions.raise_finding(version=self.object, run=run, by=self.request.user, **form.cleaned_data)
        return finding.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(crumbs=version_crumbs(self.organization, self.object, Crumb(self.title)), **more)


class OfFinding(ObjectFormPage):
    """Base of the forms about one finding."""

    model = Finding
    lookups = BY_NUMBER

    def get_queryset(self) -> Any:
        return Finding.objects.select_related(
            *BESIDE, "owner", "result", "retest__run", "version__artifact__added_by", "version__registered_by",
            "version__run__started_by",
        )  # fmt: skip

    def context(self, **more: Any) -> dict[str, Any]:
        finding = self.object
        step = Crumb(f"Finding {finding.number}", finding.get_absolute_url())
        return super().context(
            crumbs=version_crumbs(self.organization, finding.version, step, Crumb(self.title)),
            lead=str(finding),
            **more,
        )


class Assign(OfFinding):
    """Another owner, day or weight."""

    title, submit, done = "Assign", "Assign", "Assigned."

    def check(self) -> None:
        policies.check_assign(self.request.user, self.object)

    def get_form(self, **kwargs: Any) -> AssignForm:
        kwargs.pop("files", None)
        return AssignForm(finding=self.object, **kwargs)

    def initial(self) -> dict:
        return {"owner": self.object.owner_id, "due_on": self.object.due_on, "severity": self.object.severity}

    def perform(self, form: Any) -> str:
        return actions.assign_finding(finding=self.object, by=self.request.user, **form.cleaned_data).get_absolute_url()


class PlanWork(OfFinding):
    """Its owner begins."""

    title, submit, form_class, done = "Plan the work", "Begin", PlanWorkForm, "The work has begun."

    def check(self) -> None:
        policies.check_plan_work(self.request.user, self.object)

    def initial(self) -> dict:
        return {"action_plan": self.object.action_plan}

    def perform(self, form: Any) -> str:
        return actions.plan_work(finding=self.object, by=self.request.user, **form.cleaned_data).get_absolute_url()


class MarkReady(OfFinding):
    """Its owner is done."""

    title, submit, form_class = "Ready for retest", "Say that it is ready", ReadyForm
    done = "The validators have been told."

    def check(self) -> None:
        policies.check_mark_ready(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        return actions.mark_ready(finding=self.object, by=self.request.user, **form.cleaned_data).get_absolute_url()


class Retest(OfFinding):
    """The same check in a later run."""

    title, submit, done = "Link a retest", "Link it", "The retest is linked."

    def check(self) -> None:
        policies.check_retest(self.request.user, self.object)

    def get_form(self, **kwargs: Any) -> RetestForm:
        kwargs.pop("files", None)
        return RetestForm(finding=self.object, **kwargs)

    def perform(self, form: Any) -> str:
        return actions.retest(finding=self.object, by=self.request.user, **form.cleaned_data).get_absolute_url()


class CloseFinding(OfFinding):
    """It is put right."""

    title, submit, form_class, done = "Close the finding", "Close it", CloseForm, "Closed."

    def check(self) -> None:
        policies.check_close(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        return actions.close_finding(finding=self.object, by=self.request.user, **form.cleaned_data).get_absolute_url()


class RequestWaiver(OfFinding):
    """Ask to live with it for a while."""

    title, submit, form_class = "Ask for a waiver", "Ask for it", WaiverForm
    done = "Asked for. It counts when it is signed."

    def check(self) -> None:
        policies.check_request_waiver(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        actions.request_waiver(finding=self.object, by=self.request.user, **form.cleaned_data)
        return str(self.object.get_absolute_url())


class WaiverFilter(django_filters.FilterSet):
    """State."""

    state = django_filters.ChoiceFilter(choices=WaiverState.choices)


class WaiverList(ListPage):
    """Every waiver one may see."""

    template_name = "validation/waiver_list.html"
    title = "Waivers"
    model = Waiver
    filterset_class = WaiverFilter
    orderings = {"finding": "finding__title", "state": "state", "until": "until"}
    columns = {
        "Finding": "finding",
        "State": "state",
        "Until": "until",
        "Reason": "reason",
        "Compensating control": "compensating_control",
        "Asked by": "requested_by",
    }

    def get_queryset(self) -> Any:
        return Waiver.objects.select_related("organization", *OF_FINDING, "requested_by")

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(tabs=tabs(self.organization, "waivers"), crumbs=crumbs(self.organization), **more)


class RevokeWaiver(ObjectFormPage):
    """End a waiver before its day."""

    model = Waiver
    lookups = {"pk": "pk"}
    title, submit, form_class = "Revoke the waiver", "Revoke it", ReasonForm
    done = "The waiver has ended; the finding weighs again."

    def get_queryset(self) -> Any:
        return Waiver.objects.select_related("organization", *OF_FINDING)

    def check(self) -> None:
        policies.check_revoke_waiver(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        actions.revoke_waiver(waiver=self.object, by=self.request.user, **form.cleaned_data)
        return str(self.object.finding.get_absolute_url())

    def context(self, **more: Any) -> dict[str, Any]:
        finding = self.object.finding
        step = Crumb(f"Finding {finding.number}", finding.get_absolute_url())
        return super().context(
            crumbs=version_crumbs(self.organization, finding.version, step, Crumb(self.title)),
            lead=str(finding),
            **more,
        )
