"""Forms of validation."""

from typing import Any

from django import forms

from apps.datasets.models import DatasetVersion
from apps.organizations import access
from apps.organizations.roles import Permission
from apps.validation import subjects
from apps.validation.evidence_files import LARGEST
from apps.validation.models import Bearing, Finding, Outcome, RunState, Severity, ValidationRun
from apps.validation.models.plans import COLUMN_ROLES, DATA_ROLES

TEXT = forms.Textarea(attrs={"rows": 4})
DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class SlicesField(forms.CharField):
    """Slices, one a line: a name, a colon, a filter."""

    widget = TEXT

    def prepare_value(self, value: Any) -> Any:
        """The lines of the slices."""
        if not isinstance(value, list):
            return value
        return "\n".join(f"{one['name']}: {one['where']}" for one in value)

    def clean(self, value: Any) -> Any:
        """The slices; None where nothing is written."""
        found = []
        for line in str(super().clean(value)).splitlines():
            name, colon, where = line.partition(":")
            if line.strip() and not colon:
                raise forms.ValidationError(f"“{line.strip()[:80]}” has no colon behind its name.")
            found += [{"name": name, "where": where}] if line.strip() else []
        return found or None


class LinesField(forms.CharField):
    """Texts, one a line."""

    widget = TEXT

    def prepare_value(self, value: Any) -> Any:
        """One a line."""
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        """The texts; None where nothing is written."""
        return [line.strip() for line in str(super().clean(value)).splitlines() if line.strip()] or None


class NamesField(forms.CharField):
    """Names between commas."""

    def prepare_value(self, value: Any) -> Any:
        """Between commas."""
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        """The names, one by one; None where nothing is written."""
        return [name.strip() for name in str(super().clean(value)).split(",") if name.strip()] or None


def column_field(label: str, help_text: str) -> forms.CharField:
    """A field for the name of a column."""
    return forms.CharField(required=False, max_length=200, label=label, help_text=help_text)


ATTRIBUTES = (
    "Columns by which people may be treated differently, separated by commas: sex, race. They need not be inputs of "
    "the model."
)
SLICES = 'One a line, a name and a filter: young women: age < 30 and sex = "female"'
EVIDENCE = (
    "What must be there before somebody concludes that it is fit, one a line: card, card: Limitations, charter, risks, "
    "data, document: Penetration test, or signature: Risk approver: The errors that remain are accepted."
)


class SetupForm(forms.Form):
    """Columns by role, attributes, slices and evidence: what plans and templates both name."""

    time_column = column_field("Time column", "Says when a row was, to see whether it holds over time.")
    series_column = column_field("Series column", "Tells the series of a forecast apart, such as shops.")
    horizon_column = column_field("Column of the time ahead", "Says how far ahead a forecast looked.")
    group_column = column_field("List column", "Says which list a row of a ranking belongs to.")
    attributes = NamesField(required=False, label="Protected attributes", help_text=ATTRIBUTES)
    slices = SlicesField(required=False, help_text=SLICES)
    evidence = LinesField(required=False, label="Required evidence", help_text=EVIDENCE)


class PlanForm(SetupForm):
    """What a plan is about; its checks come from the template and are changed on the next page."""

    kind = forms.ChoiceField(label="Kind of model", help_text="What the plan takes its answers for.")
    test_data: forms.ModelChoiceField = forms.ModelChoiceField(
        queryset=None,
        required=False,
        help_text="Rows the version has never seen. Empty: those its training kept apart.",
    )
    train_data: forms.ModelChoiceField = forms.ModelChoiceField(
        queryset=None, required=False, label="Training data", help_text="Empty: those it was trained on."
    )
    reference_data: forms.ModelChoiceField = forms.ModelChoiceField(
        queryset=None, required=False, help_text="Rows of the population it is for, such as those of production."
    )
    stress_data: forms.ModelChoiceField = forms.ModelChoiceField(
        queryset=None, required=False, help_text="Rows that it must still answer well on, with their truth."
    )
    favourable = forms.ChoiceField(
        choices=[("positive", "The positive class"), ("negative", "The negative class")],
        label="Outcome that is good for the person",
    )
    max_rows = forms.IntegerField(
        min_value=1_000,
        max_value=5_000_000,
        initial=200_000,
        label="At most so many rows",
        help_text="Drawn by the seed.",
    )
    reason = forms.CharField(
        required=False,
        widget=TEXT,
        label="Why there is a new plan",
        help_text="Needed when the version has a plan already.",
    )
    field_order = ("kind", "test_data", "train_data", "reference_data", "stress_data")

    def __init__(self, *args: Any, version: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = DatasetVersion.objects.filter(dataset__project_id=version.model.project_id).select_related("dataset")
        for role in DATA_ROLES:
            self.fields[f"{role}_data"].queryset = rows.exclude(file="").order_by("-id")  # type: ignore[attr-defined]
        for role in COLUMN_ROLES:
            self.fields[f"{role}_column"].widget.attrs["list"] = "columns"
        answer = subjects.kind_of(version)
        self.fields["kind"].choices = subjects.kinds_for(answer)  # type: ignore[attr-defined]
        self.fields["kind"].initial = answer
        self.fields["kind"].required = False


class DocumentForm(forms.Form):
    """A document beside a version."""

    title = forms.CharField(max_length=120, help_text="As the plan asks for it, for example Penetration test.")
    file = forms.FileField(required=False, help_text=f"At most {LARGEST // 1024**2} MiB. Its hash is kept.")
    url = forms.URLField(required=False, max_length=500, label="Or a link", assume_scheme="https")
    note = forms.CharField(required=False, widget=TEXT)


class NoForm(forms.Form):
    """Nothing to fill in, only to confirm."""


class ConcludeForm(forms.Form):
    """The validator's word."""

    outcome = forms.ChoiceField(
        choices=[choice for choice in Outcome.choices if choice[0]], widget=forms.RadioSelect, label="Conclusion"
    )
    statement = forms.CharField(
        widget=TEXT,
        help_text="What you conclude and why, in words that who approves it can act on. It stays with the version.",
    )
    conditions = forms.CharField(
        required=False,
        widget=TEXT,
        label="Conditions in words",
        help_text="One a line. Whoever deploys the version has to acknowledge each. Those above are enforced.",
    )


class FindingForm(forms.Form):
    """What is wrong, beyond what the checks say."""

    title = forms.CharField(max_length=200)
    description = forms.CharField(widget=TEXT, help_text="What you saw, how to see it again, why it matters.")
    severity = forms.ChoiceField(
        choices=Severity.choices, initial=Severity.MEDIUM, help_text="High and critical ones keep the version from use."
    )
    owner: forms.ModelChoiceField = forms.ModelChoiceField(queryset=None, help_text="Who puts it right.")
    due_on = forms.DateField(
        required=False, widget=DAY, label="Due", help_text="Empty: by its severity, as the rules say."
    )

    def __init__(self, *args: Any, version: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].queryset = access.people_with(Permission.RESOLVE_FINDING, version)  # type: ignore[attr-defined]
        self.fields["owner"].initial = subjects.default_owner(version)


class AssignForm(forms.Form):
    """Another owner, day or weight."""

    owner: forms.ModelChoiceField = forms.ModelChoiceField(queryset=None)
    due_on = forms.DateField(widget=DAY, label="Due")
    severity = forms.ChoiceField(choices=Severity.choices)
    reason = forms.CharField(
        required=False, widget=TEXT, help_text="Needed when it may take longer or weighs less than before."
    )

    def __init__(self, *args: Any, finding: Finding, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = access.people_with(Permission.RESOLVE_FINDING, finding.version)
        self.fields["owner"].queryset = people  # type: ignore[attr-defined]


class PlanWorkForm(forms.Form):
    """What the owner will do about it."""

    action_plan = forms.CharField(widget=TEXT, help_text="What you will do about it, and by when.")


class ReadyForm(forms.Form):
    """What the owner did about it."""

    remedy = forms.CharField(
        widget=TEXT, help_text="What was done, and where it can be seen. A validator tests it again."
    )


class RetestForm(forms.Form):
    """The later run in which the check is seen again."""

    run: forms.ModelChoiceField = forms.ModelChoiceField(
        queryset=None, help_text="A finished run after the one in which the check was seen last."
    )

    def __init__(self, *args: Any, finding: Finding, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = ValidationRun.objects.filter(
            version__model_id=finding.version.model_id, state=RunState.FINISHED, created_at__gt=finding.created_at
        )
        self.fields["run"].queryset = rows.select_related("version__model")  # type: ignore[attr-defined]


class CloseForm(forms.Form):
    """What the validator saw."""

    note = forms.CharField(widget=TEXT, help_text="What you saw that lets you close it.")


class WaiverForm(forms.Form):
    """Asking to live with a finding."""

    reason = forms.CharField(widget=TEXT, help_text="Why the version should be used although this is not put right.")
    compensating_control = forms.CharField(widget=TEXT, help_text="What makes up for it meanwhile, and who does that.")
    until = forms.DateField(widget=DAY, help_text="The last day. At most a year from now.")


class ReasonForm(forms.Form):
    """A reason that others will read."""

    reason = forms.CharField(widget=TEXT)


class AskRevalidationForm(forms.Form):
    """Why a version in use is validated again."""

    reason = forms.CharField(widget=TEXT, help_text="What has changed, or what you want to see again.")
    due_on = forms.DateField(required=False, widget=DAY, label="By", help_text="Empty: as the rules of its tier say.")


class DeferForm(forms.Form):
    """Asking to validate later."""

    reason = forms.CharField(widget=TEXT, help_text="Why it can wait, and what makes up for it meanwhile.")
    until = forms.DateField(widget=DAY, help_text="The new day. At most a year from now.")


class RemarkForm(forms.Form):
    """The validator's own words."""

    result: forms.ModelChoiceField = forms.ModelChoiceField(
        queryset=None, required=False, empty_label="The run as a whole", label="About"
    )
    text = forms.CharField(widget=TEXT, label="Remark", help_text="It stands in the report with your name, as it is.")

    def __init__(self, *args: Any, run: ValidationRun, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["result"].queryset = run.results.all()  # type: ignore[attr-defined]


class OwnTestForm(RemarkForm):
    """A test that the plan does not ask for."""

    title = forms.CharField(max_length=200, label="What was tested")
    bearing = forms.ChoiceField(choices=[one for one in Bearing.choices if one[0]], label="What it says")
    dataset_version: forms.ModelChoiceField = forms.ModelChoiceField(
        queryset=None, required=False, label="Data", help_text="The rows it was done on, where they are on record."
    )
    file = forms.FileField(required=False, label="Evidence", help_text="Kept with its hash.")
    field_order = ["title", "result", "text", "bearing", "dataset_version", "file"]

    def __init__(self, *args: Any, run: ValidationRun, **kwargs: Any) -> None:
        super().__init__(*args, run=run, **kwargs)
        self.fields["text"].label = "What was done, and what came of it"
        rows = DatasetVersion.objects.filter(dataset__project_id=run.version.model.project_id).select_related("dataset")
        self.fields["dataset_version"].queryset = rows.order_by("-id")  # type: ignore[attr-defined]


class TemplateForm(SetupForm):
    """What else plans take from their template, and why it changes."""

    reason = forms.CharField(widget=TEXT, label="Why it changes")

    def setup(self) -> dict[str, Any]:
        """The part of a template beside its checks."""
        said = self.cleaned_data
        columns = {role: said[f"{role}_column"] for role in COLUMN_ROLES}
        return {"columns": columns, **{name: said[name] for name in ("attributes", "slices", "evidence")}}

    @staticmethod
    def filled(setup: dict[str, Any]) -> dict[str, Any]:
        """The form's first values from a template."""
        columns = {f"{role}_column": name for role, name in setup.get("columns", {}).items()}
        return {**columns, **{name: setup.get(name, "") for name in ("attributes", "slices", "evidence")}}


class TextForm(forms.Form):
    """A plan or a template as text."""

    text = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 30, "spellcheck": "false", "class": "mono"}), strip=False
    )
    reason = forms.CharField(widget=TEXT, label="Why it changes")


class ToolForm(forms.Form):
    """A service that plans may call."""

    key = forms.SlugField(max_length=50, help_text="Lines of plans name it so: small letters, digits, hyphens.")
    name = forms.CharField(max_length=120)
    address = forms.CharField(
        max_length=1000,
        help_text="Where it is called, with https. Inside your network whoever runs the portal names the host first.",
    )


class ReportForm(forms.Form):
    """The result of another tool, with the file it wrote."""

    tool = forms.CharField(max_length=120, help_text="Which tool it was.")
    tool_version = forms.CharField(max_length=60, label="Its version")
    value = forms.FloatField(required=False, label="Figure", help_text="It is judged by the thresholds of the plan.")
    low = forms.FloatField(required=False, label="Interval from")
    high = forms.FloatField(required=False, label="Interval to")
    sentence = forms.CharField(
        required=False, widget=TEXT, label="What was found", help_text="In a sentence. Needed with a figure."
    )
    reason = forms.CharField(
        required=False, widget=TEXT, label="Why there is no figure", help_text="Where the tool could not run."
    )
    file = forms.FileField(label="Evidence", help_text="The file that the tool wrote. It is kept as it is.")
    sha256 = forms.RegexField(
        r"^[0-9a-fA-F]{64}$", required=False, label="Its SHA-256", help_text="Held against the file that arrives."
    )
