"""Plans, the checks there are, and the templates that plans begin with."""

from dataclasses import replace
from typing import Any

import django_filters
from django.http import HttpRequest, HttpResponse

from apps.core.pages import Action, Crumb, refusal
from apps.discussions import timeline
from apps.organizations.bases import ActionPage, ListPage, ObjectFormPage, ObjectPage, TenantPage
from apps.validation import actions, policies, report, required_evidence, subjects
from apps.validation.differences import Difference, between, between_lines, words
from apps.validation.forms import NoForm, PlanForm
from apps.validation.lines import lines_form, rows_of
from apps.validation.models import Plan, PlanState, Template, ValidationRun
from apps.validation.models.plans import COLUMN_ROLES, DATA_ROLES, KINDS, TIERS
from apps.validation.views.shared import BESIDE, BY_NUMBER, OfVersion, crumbs, link, tabs, version_crumbs

NEEDS = {
    "train": "the training rows",
    "champion": "a champion",
    "time": "a time column",
    "artifact": "the artifact",
    "facts": "the records",
    "conversion": "a record of its conversion",
    "original": "just the rows it was trained on",
}


class PlanFilter(django_filters.FilterSet):
    """Model, state and tier."""

    model = django_filters.CharFilter(field_name="version__model__key", label="Model's key")
    state = django_filters.ChoiceFilter(choices=PlanState.choices)
    tier = django_filters.ChoiceFilter(choices=TIERS)


class PlanList(ListPage):
    """Every plan one may see."""

    template_name = "validation/plan_list.html"
    title = "Validation plans"
    model = Plan
    filterset_class = PlanFilter
    orderings = {"model": "version__model__name", "state": "state", "written": "id", "locked": "locked_at"}
    columns = {
        "Version": "version",
        "Plan": "number",
        "State": "state",
        "Tier": "tier",
        "Hash": "content_hash",
        "Locked": "locked_at",
    }

    def get_queryset(self) -> Any:
        return Plan.objects.select_related(*BESIDE, "written_by")

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(tabs=tabs(self.organization, "plans"), crumbs=crumbs(self.organization), **more)


class PlanPage(ObjectPage):
    """What is asked of a version, with which thresholds, on which data."""

    template_name = "validation/plan.html"
    model = Plan
    lookups = BY_NUMBER

    def get_queryset(self) -> Any:
        data = [f"{role}_data__{row}" for role in DATA_ROLES for row in ("organization", "dataset__organization")]
        return Plan.objects.select_related(
            *BESIDE, *data, "champion__model", "template__organization", "written_by", "locked_by", "version__artifact",
            "version__run", "version__model__project__approval",
        )  # fmt: skip

    def context(self, **more: Any) -> dict[str, Any]:
        plan = self.object
        return super().context(
            crumbs=version_crumbs(self.organization, plan.version, Crumb(f"Plan {plan.number}")),
            owner=plan.written_by,
            primary=self._primary(),
            actions=self._others(),
            sections=report.sections(plan.checks.all(), []),
            data=[(DATA_ROLES[role], one) for role, one in plan.data.items()],
            columns=[(COLUMN_ROLES[role], column) for role, column in plan.columns.items()],
            identifiers=subjects.identifiers(plan.test_data),
            evidence=self._evidence(),
            differences=self._differences(),
            runs=ValidationRun.objects.filter(plan=plan).select_related(*BESIDE, "started_by"),
            others=Plan.objects.filter(version=plan.version).exclude(pk=plan.pk).select_related(*BESIDE),
            lifecycle_of=plan.version.model,
            timeline=timeline.of(plan),
            **more,
        )

    def _differences(self) -> list[Difference]:
        """What is otherwise than in the plan before."""
        plan = self.object
        before = Plan.objects.filter(version=plan.version, number=plan.number - 1)
        before = before.select_related(*(f"{role}_data__dataset" for role in DATA_ROLES)).first()
        if before is None:
            return []
        names = ("kind", "columns", "attributes", "favourable", "slices", "evidence", "seed", "max_rows")
        was, now = (
            {
                **{name: getattr(one, name) for name in names},
                **{DATA_ROLES[role]: str(data) for role, data in one.data.items()},
            }
            for one in (before, plan)
        )
        old, new = ([line.as_line() for line in one.checks.all()] for one in (before, plan))
        return [*between(was, now), *between_lines(old, new)]

    def _action(self, label: str, name: str, check: Any, method: str = "get") -> Action:
        plan, user = self.object, self.request.user
        url = link(self.organization, name, plan.version.model.key, plan.version.number, plan.number)
        return Action(label, url, method=method, refused=refusal(check, user, plan))

    def _evidence(self) -> list[tuple[required_evidence.Standing, Action | None]]:
        """What must be there, with the way to each signature that nobody was asked for."""
        ask = self._action("Ask for it", "ask-signature", policies.check_ask_signatures, "post")
        return [
            (one, None if one.is_there or one.is_waiting else replace(ask, fields={"asked": one.asked}))
            if required_evidence.signature_of(one.asked)
            else (one, None)
            for one in required_evidence.standing(self.object)
        ]

    def _primary(self) -> Action:
        if self.object.is_draft:
            return self._action("Lock the plan", "lock-plan", policies.check_lock_plan)
        return self._action("Run the plan", "start-run", policies.check_start_run, "post")

    def _others(self) -> list[Action]:
        plan = self.object
        url = link(self.organization, "write-plan", plan.version.model.key, plan.version.number)
        refused = refusal(policies.check_write_plan, self.request.user, plan.version)
        at = (plan.version.model.key, plan.version.number)
        document = refusal(policies.check_add_document, self.request.user, plan.version)
        return [
            self._action("Change the checks", "change-plan", policies.check_change_plan),
            Action("Write a new plan", url, method="get", refused=refused),
            Action("Add a document", link(self.organization, "add-document", *at), method="get", refused=document),
            Action("Show as text", link(self.organization, "plan-text", *at, plan.number), method="get"),
        ]


class AskSignature(ActionPage):
    """Ask for a signature that the plan demands."""

    model = Plan
    lookups = BY_NUMBER
    done = "Asked. Who holds the role has a mail."

    def get_queryset(self) -> Any:
        return Plan.objects.select_related(*BESIDE, "version__artifact")

    def perform(self) -> None:
        actions.ask_signature(plan=self.object, asked=self.request.POST.get("asked", ""), by=self.request.user)


class WritePlan(OfVersion, ObjectFormPage):
    """Write the plan of a version, from the template of its tier and kind."""

    template_name = "validation/write_plan.html"
    submit, done = "Write the plan", "The plan is a draft. Look through its checks, then lock it."

    def check(self) -> None:
        policies.check_write_plan(self.request.user, self.object)

    def get_form(self, **kwargs: Any) -> PlanForm:
        kwargs.pop("files", None)
        return PlanForm(version=self.object, **kwargs)

    def perform(self, form: Any) -> str:
        return actions.write_plan(version=self.object, by=self.request.user, **form.cleaned_data).get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(
            title=f"Plan the validation of {self.object}",
            lead="The checks come from the template of its tier and kind. You change them on the next page, then lock "
            "the plan: from then on nothing in it changes, and only then can it be run.",
            crumbs=version_crumbs(self.organization, self.object, Crumb("New plan")),
            columns=subjects.columns(self.object),
            **more,
        )


class OfLines:
    """A page whose form is the lines of a plan or a template, beside what else the form asks."""

    template_name = "validation/change_plan.html"
    formset: Any = None

    def lines(self) -> list[dict[str, Any]]:
        """What the form is about, line by line."""
        raise NotImplementedError

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Refuse lines that do not read; else go on as every form does."""
        self.check()  # type: ignore[attr-defined]
        self.formset = lines_form(self.lines(), request.POST)
        if not self.formset.is_valid():
            answer: HttpResponse = self.render(form=self.get_form(data=request.POST), status=422)  # type: ignore[attr-defined]
            return answer
        return super().post(request, **kwargs)  # type: ignore[misc, no-any-return]

    def context(self, **more: Any) -> dict[str, Any]:
        """Each line with its part of the form."""
        rows = self.lines()
        if self.formset is None:
            self.formset = lines_form(rows)
        shown = [
            {**row, "shown": _line_words(row["line"]), "form": form}
            for row, form in zip(rows, self.formset.forms, strict=False)
        ]
        return super().context(rows=shown, formset=self.formset, **more)  # type: ignore[misc, no-any-return]


class ChangePlan(OfLines, ObjectFormPage):
    """Keep, leave out, add or set otherwise the checks of a draft."""

    template_name = "validation/change_plan.html"
    model = Plan
    lookups = BY_NUMBER
    title, submit, done, form_class = "Change the checks", "Save", "The checks are changed.", NoForm

    def get_queryset(self) -> Any:
        return Plan.objects.select_related(*BESIDE)

    def check(self) -> None:
        policies.check_change_plan(self.request.user, self.object)

    def lines(self) -> list[dict[str, Any]]:
        plan = self.object
        return rows_of([line.as_line() for line in plan.checks.all()], plan.kind, plan.tier)

    def perform(self, form: Any) -> str:
        actions.change_plan(plan=self.object, lines=self.formset.written(), by=self.request.user)
        return self.object.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(
            crumbs=version_crumbs(
                self.organization,
                self.object.version,
                Crumb(f"Plan {self.object.number}", self.object.get_absolute_url()),
                Crumb(self.title),
            ),
            **more,
        )


class LockPlan(ObjectFormPage):
    """Fix a plan."""

    template_name = "generic/confirm.html"
    model = Plan
    lookups = BY_NUMBER
    title, submit, done, form_class = "Lock the plan", "Lock it", "The plan is locked. It can be run now.", NoForm

    def get_queryset(self) -> Any:
        return Plan.objects.select_related(*BESIDE)

    def check(self) -> None:
        policies.check_lock_plan(self.request.user, self.object)

    def perform(self, form: Any) -> str:
        return actions.lock_plan(plan=self.object, by=self.request.user).get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(
            crumbs=version_crumbs(self.organization, self.object.version, Crumb(self.title)),
            consequences=[
                f"Its {self.object.checks.count()} checks, their thresholds, the data and the seed stay as they are.",
                "Its hash binds every result to it.",
                "To ask something else later, a new plan is written, with a reason that everybody can read.",
            ],
            **more,
        )


class CheckList(TenantPage):
    """Every check that can be put into a plan, with where it comes from and its thresholds by tier."""

    template_name = "validation/check_list.html"
    title = "Checks"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.render()

    def context(self, **more: Any) -> dict[str, Any]:
        from apps.validation.engine.base import FAMILY_QUESTIONS
        from apps.validation.engine.registry import registry

        known = registry()
        families: dict[str, list[dict[str, Any]]] = {}
        for check in known.all():
            families.setdefault(FAMILY_QUESTIONS[check.family], []).append(_described(check))
        return super().context(
            tabs=tabs(self.organization, "checks"),
            crumbs=crumbs(self.organization),
            families=families.items(),
            count=len(known.all()),
            problems=known.problems,
            **more,
        )


def _described(check: Any) -> dict[str, Any]:
    limits = {
        tier: report.threshold_words(one.fail, one.warn, check.sense.value, check.judged.value, check.unit)
        for tier, one in ((tier, check.limits[tier]) for tier in ("low", "limited", "high"))
    }
    return {
        "check": check,
        "kinds": ", ".join(sorted(kind.value for kind in check.kinds)),
        "limits": limits,
        "needs": ", ".join(NEEDS[need] for need in NEEDS if need in check.needs),
    }


class TemplateList(ListPage):
    """The templates in force; a tier and kind without one begins with the built-in checks."""

    template_name = "validation/template_list.html"
    title = "Plan templates"
    model = Template
    orderings = {"tier": "tier", "kind": "kind", "written": "id"}
    default_ordering = "-id"

    def get_queryset(self) -> Any:
        return Template.objects.filter(is_current=True).select_related("organization", "written_by")

    def context(self, **more: Any) -> dict[str, Any]:
        refused = refusal(policies.check_write_template, self.request.user)
        return super().context(
            tabs=tabs(self.organization, "templates"),
            crumbs=crumbs(self.organization),
            actions=[
                Action(
                    f"{tier_label}: {kind_label.lower()}",
                    link(self.organization, "write-template", tier, kind),
                    method="get",
                    refused=refused,
                )
                for tier, tier_label in TIERS
                for kind, kind_label in KINDS
            ],
            **more,
        )


class TemplatePage(ObjectPage):
    """One version of a template, and the others."""

    template_name = "validation/template.html"
    model = Template
    lookups = {"tier": "tier", "kind": "kind", "number": "version"}

    def get_queryset(self) -> Any:
        return Template.objects.select_related("organization", "written_by")

    def _differences(self) -> list[Difference]:
        """What is otherwise than in the version before, or than the built-in checks."""
        found = self.object
        before = Template.objects.filter(tier=found.tier, kind=found.kind, version=found.version - 1).first()
        setup, lines = (before.setup, before.lines) if before else ({}, actions.built_in_lines(found.tier, found.kind))
        return [*between(setup, found.setup), *between_lines(lines, found.lines)]

    def context(self, **more: Any) -> dict[str, Any]:
        found = self.object
        url = link(self.organization, "write-template", found.tier, found.kind)
        refused = refusal(policies.check_write_template, self.request.user)
        return super().context(
            crumbs=crumbs(
                self.organization, Crumb("Templates", link(self.organization, "templates")), Crumb(str(found))
            ),
            primary=Action("Change it", url, method="get", refused=refused),
            state="active" if found.is_current else "replaced",
            lines=[_line_words(line) for line in found.lines],
            versions=Template.objects.filter(tier=found.tier, kind=found.kind).select_related("organization"),
            setup=[(name.capitalize(), words(part)) for name, part in found.setup.items()],
            differences=self._differences(),
            actions=[
                Action("Show as text", link(self.organization, "template-text", found.tier, found.kind), method="get")
            ],
            timeline=timeline.of(found),
            **more,
        )


def _line_words(line: dict[str, Any]) -> dict[str, Any]:
    about = report.described(line["key"], line["parameters"])
    words = report.threshold_words(line["fail"], line["warn"], about["sense"], line["judged"], about["unit"])
    return {**about, "name": line["name"], "threshold": words, "required": line["required"]}
