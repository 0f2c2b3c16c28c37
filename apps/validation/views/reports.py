"""A run on paper: the report as PDF, what was signed, and two runs side by side."""

import re
from typing import Any

from django import forms

from apps.core import exports
from apps.core.pages import Crumb
from apps.organizations import access
from apps.organizations.bases import ObjectMixin, TenantPage
from apps.validation import attestations, comparison
from apps.validation.models import RunState, ValidationRun
from apps.validation.views.shared import BY_NUMBER, crumbs

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OFFERED = 200  # newest finished runs to choose from


class OfRun(ObjectMixin, TenantPage):
    """A file about a run."""

    model = ValidationRun
    lookups = BY_NUMBER
    object: ValidationRun

    def get_queryset(self) -> Any:
        return ValidationRun.objects.select_related("version__model", "organization")

    def name(self, what: str) -> str:
        """The file's name: model, version, run."""
        version = self.object.version
        return f"{version.model.key}-{version.number}-validation-{self.object.number}{what}"


class ReportFile(OfRun):
    """The report as PDF: as it was signed, or drawn from the record while nobody has concluded."""

    def get(self, request: Any, **kwargs: Any) -> Any:
        self.object = self.get_object()
        return exports.file(self.name(".pdf"), attestations.report(self.object), "application/pdf")


class SignedFile(OfRun):
    """Statement, report, public key and verifier in one archive."""

    def get(self, request: Any, **kwargs: Any) -> Any:
        self.object = self.get_object()
        signed = attestations.what_was_signed(self.object)
        return exports.file(self.name("-signed.zip"), attestations.bundle(signed), "application/zip")


class CompareForm(forms.Form):
    """The two runs."""

    first = forms.ChoiceField(label="First run")
    second = forms.ChoiceField(label="Second run")

    def __init__(self, *args: Any, runs: list[ValidationRun], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        of_models: dict[str, list[tuple[str, str]]] = {}
        for run in runs:
            label = f"Version {run.version.number}, validation {run.number}"
            of_models.setdefault(str(run.version.model), []).append((str(run.pk), label))
        choices = [("", "Choose a run"), *of_models.items()]
        for field in self.fields.values():
            field.choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("first") and given["first"] == given.get("second"):
            self.add_error("second", "Choose another run: this one is the first already.")
        return given


class ComparePage(TenantPage):
    """Two runs side by side, of one version or of two: `?first=&second=`, each the id of a finished run."""

    template_name = "validation/compare.html"
    title = "Compare two validations"

    def get(self, request: Any, **kwargs: Any) -> Any:
        runs = self._offered()
        asked = {name: request.GET.get(name, "") for name in ("first", "second")}
        form = CompareForm(asked if all(asked.values()) else None, initial=asked, runs=runs)
        found = None
        if form.is_bound and form.is_valid():
            by_id = {str(run.pk): run for run in runs}
            found = comparison.of(by_id[asked["first"]], by_id[asked["second"]])
        status = 422 if form.is_bound and found is None else 200
        trail = crumbs(self.organization, Crumb(self.title))
        return self.render(status, form=form, found=found, crumbs=trail)

    def _offered(self) -> list[ValidationRun]:
        """The newest finished runs one may see, and those asked for however old they are."""
        finished = ValidationRun.objects.filter(state=RunState.FINISHED).select_related(*comparison.BESIDE)
        seen = access.visible(finished, self.request.user).order_by("-id")
        runs = list(seen[:OFFERED])
        asked = [self.request.GET.get(name, "") for name in ("first", "second")]
        of_first = next((run.version.model_id for run in runs if str(run.pk) == asked[0]), None)
        runs.sort(key=lambda run: run.version.model_id != of_first)  # those of the same model come first
        older = [one for one in asked if ID.fullmatch(one) and one not in {str(run.pk) for run in runs}]
        return [*runs, *seen.filter(pk__in=older)] if older else runs
