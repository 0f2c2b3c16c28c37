"""A plan as text, and documents beside a version."""

from typing import Any

from django.http import FileResponse, HttpRequest

from apps.core import files
from apps.core.pages import Crumb
from apps.core.uploads import refuse_too_large
from apps.organizations.bases import ObjectFormPage, ObjectMixin, TenantPage
from apps.validation import actions, policies, required_evidence, texts
from apps.validation.forms import DocumentForm, TextForm
from apps.validation.models import EvidenceDocument, Plan, PlanState
from apps.validation.views.shared import BESIDE, BY_NUMBER, OfVersion, version_crumbs


class AddDocument(OfVersion, ObjectFormPage):
    """Put a file or a link beside a version, under the title that a plan asks for."""

    title, submit, form_class, done = "Add a document", "Add it", DocumentForm, "The document is beside the version."

    def check(self) -> None:
        policies.check_add_document(self.request.user, self.object)
        refuse_too_large(self.request)

    def plan(self) -> Plan | None:
        """The newest plan, whose page this began at."""
        rows = Plan.objects.filter(version=self.object).exclude(state=PlanState.REPLACED)
        return rows.select_related(*BESIDE).first()

    def initial(self) -> dict[str, Any]:
        plan = self.plan()
        wanted = (
            [one.asked for one in required_evidence.missing(plan) if one.asked.startswith("document:")] if plan else []
        )
        return {"title": wanted[0].partition(":")[2].strip()} if wanted else {}

    def perform(self, form: Any) -> str:
        given = form.cleaned_data
        name = given["file"].name if given["file"] else ""
        actions.add_document(version=self.object, name=name, by=self.request.user, **given)
        plan = self.plan()
        return plan.get_absolute_url() if plan else str(self.object.get_absolute_url())

    def context(self, **more: Any) -> dict[str, Any]:
        return super().context(crumbs=version_crumbs(self.organization, self.object, Crumb(self.title)), **more)


class DocumentFile(ObjectMixin, TenantPage):
    """The file of a document."""

    model = EvidenceDocument

    def get(self, request: HttpRequest, **kwargs: Any) -> FileResponse:
        document = self.get_object()
        return files.attachment(document, document.file, document.sha256, document.name)


class PlanText(ObjectFormPage):
    """A plan as YAML: to be copied, or changed and written as a new plan with a reason."""

    template_name = "validation/text.html"
    model, lookups = Plan, BY_NUMBER
    submit, form_class, done = "Write as a new plan", TextForm, "The plan is a draft. Look through it, then lock it."

    def get_queryset(self) -> Any:
        return Plan.objects.select_related(*BESIDE, "test_data__dataset", "train_data__dataset")

    def check(self) -> None:
        if self.request.method == "POST":
            policies.check_write_plan(self.request.user, self.object.version)

    def initial(self) -> dict[str, Any]:
        written = {name: part for name, part in texts.of_plan(self.object).items() if name != "reason"}
        return {"text": texts.as_text(written)}

    def perform(self, form: Any) -> str:
        plan = texts.write_plan(version=self.object.version, by=self.request.user, **form.cleaned_data)
        return plan.get_absolute_url()

    def context(self, **more: Any) -> dict[str, Any]:
        plan = self.object
        here = Crumb(f"Plan {plan.number}", plan.get_absolute_url())
        return super().context(
            title=f"Plan {plan.number} as text",
            lead="As the API reads and writes it, in YAML; JSON is read as well.",
            crumbs=version_crumbs(self.organization, plan.version, here, Crumb("Text")),
            **more,
        )
