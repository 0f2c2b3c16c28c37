"""Effective challenge in the pages: a remark, a test of the validator's own, and its evidence."""

from typing import Any

from django.http import FileResponse, HttpRequest

from apps.core import files
from apps.core.pages import Crumb
from apps.organizations.bases import ObjectFormPage, ObjectMixin, TenantPage
from apps.validation import actions, policies
from apps.validation.forms import OwnTestForm, RemarkForm
from apps.validation.models import Challenge, ValidationRun
from apps.validation.views.shared import BESIDE, BY_NUMBER, version_crumbs


class _Challenge(ObjectFormPage):
    """Base of the forms with which a validator adds to a run."""

    form_class: Any

    model = ValidationRun
    lookups = BY_NUMBER

    def get_queryset(self) -> Any:
        return ValidationRun.objects.select_related(*BESIDE, "plan")

    def check(self) -> None:
        policies.check_challenge(self.request.user, self.object)

    def get_form(self, **kwargs: Any) -> Any:
        return self.form_class(run=self.object, **kwargs)

    def initial(self) -> dict[str, Any]:
        return {"result": self.object.results.filter(name=self.request.GET.get("result", "")).first()}

    def context(self, **more: Any) -> dict[str, Any]:
        run = self.object
        here = Crumb(f"Validation {run.number}", run.get_absolute_url())
        return super().context(crumbs=version_crumbs(self.organization, run.version, here, Crumb(self.title)), **more)


class Remark(_Challenge):
    """Say something about the run, or one of its results."""

    title, submit, form_class = "Remark on the run", "Keep it", RemarkForm
    done = "Kept. It stands in the report as it is."

    def perform(self, form: Any) -> str:
        actions.remark(run=self.object, by=self.request.user, **form.cleaned_data)
        return f"{self.object.get_absolute_url()}#challenge"


class AddTest(_Challenge):
    """Keep a test that the plan does not ask for."""

    title, submit, form_class = "Add a test of your own", "Keep it", OwnTestForm
    done = "Kept. It stands in the report, beside what the plan asked."

    def perform(self, form: Any) -> str:
        actions.add_test(run=self.object, by=self.request.user, **form.cleaned_data)
        return f"{self.object.get_absolute_url()}#challenge"


class Evidence(ObjectMixin, TenantPage):
    """The file that a validator's own test rests on, as an attachment."""

    model = Challenge

    def get(self, request: HttpRequest, **kwargs: Any) -> FileResponse:
        challenge = self.get_object()
        return files.attachment(challenge, challenge.file, challenge.sha256, challenge.file_name)
