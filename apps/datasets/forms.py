"""Forms of datasets: sources, datasets, bringing a file and saying how to read it, dividing, deciding."""

import re
from typing import Any

from django import forms

from apps.core.pairs import LINES, lines, pairs
from apps.datasets.models import Classification, DataSource, LawfulBasis, Purpose
from apps.organizations import access
from apps.organizations.models import KEY
from apps.projects.models import DataRequirement, PersonalData, Project, SourceKind

TEXT = forms.Textarea(attrs={"rows": 3})


def words(text: str) -> list[str]:
    """A list written with commas or one to a line."""
    return [word.strip() for word in re.split(r"[,\n]", text) if word.strip()]


class SourceForm(forms.Form):
    """A source's terms."""

    project: Any = forms.ModelChoiceField(queryset=None)
    key = forms.CharField(max_length=50, validators=[KEY], help_text="In addresses; cannot be changed later.")
    name = forms.CharField(max_length=200)
    kind = forms.ChoiceField(choices=SourceKind.choices)
    description = forms.CharField(required=False, widget=TEXT)
    origin = forms.CharField(required=False, max_length=300, help_text="The system, supplier or address it comes from.")
    owner: Any = forms.ModelChoiceField(queryset=None, help_text="Answers for it.")
    licence = forms.CharField(required=False, max_length=120)
    classification = forms.ChoiceField(choices=Classification.choices, initial=Classification.INTERNAL)
    personal_data = forms.ChoiceField(choices=PersonalData.choices)
    lawful_basis = forms.ChoiceField(choices=LawfulBasis.choices, help_text="Why personal data may be used.")
    retain_until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}))
    population = forms.CharField(
        required=False, widget=TEXT, help_text="Whom or what the data cover, and whom they do not."
    )
    collection = forms.CharField(required=False, widget=TEXT, help_text="How they were collected and labelled.")
    known_biases = forms.CharField(required=False, widget=TEXT)
    requirement: Any = forms.ModelChoiceField(
        queryset=None, required=False, help_text="What the project said it needs."
    )

    def __init__(self, *args: Any, user: Any, source: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        requirements = DataRequirement.objects.select_related("project")
        if source is None:
            self.fields["project"].queryset = projects_of(user)  # type: ignore[attr-defined]
        else:
            del self.fields["project"], self.fields["key"]
            requirements = requirements.filter(project=source.project)
            self.fields["is_active"] = forms.BooleanField(
                required=False, label="Open", help_text="A closed source gives no new versions."
            )
            self.fields["reason"] = forms.CharField(required=False, label="Why it changes")
        self.fields["owner"].queryset = access.members()  # type: ignore[attr-defined]
        self.fields["requirement"].queryset = access.visible(requirements, user)  # type: ignore[attr-defined]


def projects_of(user: Any) -> Any:
    """The projects one may see, for a choice."""
    return access.visible(Project.objects.all(), user).order_by("title")


class NewDatasetForm(forms.Form):
    """A dataset's name and place."""

    project: Any = forms.ModelChoiceField(queryset=None)
    key = forms.CharField(max_length=50, validators=[KEY], help_text="In addresses; cannot be changed later.")
    name = forms.CharField(max_length=200)
    source: Any = forms.ModelChoiceField(queryset=None, required=False)
    purpose = forms.ChoiceField(choices=Purpose.choices)
    description = forms.CharField(required=False, widget=TEXT)

    def __init__(self, *args: Any, user: Any, dataset: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sources = access.visible(DataSource.objects.filter(is_active=True), user)
        if dataset is None:
            self.fields["project"].queryset = projects_of(user)  # type: ignore[attr-defined]
        else:
            del self.fields["project"], self.fields["key"]
            sources = sources.filter(project=dataset.project)
        self.fields["source"].queryset = sources  # type: ignore[attr-defined]


DELIMITERS = [("", "Find out"), (",", "Comma"), (";", "Semicolon"), ("tab", "Tab"), ("|", "Bar")]


class ReadForm(forms.Form):
    """How a file is to be read; everything has a default that suits a plain CSV with a header, or Parquet."""

    column_names = forms.CharField(
        required=False, widget=LINES, help_text="For a file without a header: the names, with commas or one to a line."
    )
    trusted_header = forms.BooleanField(
        required=False, label="The first line is the header, even if it looks like values"
    )
    skip_lines = forms.IntegerField(
        required=False, min_value=0, initial=0, label="Lines to leave out", help_text="Before the header or first row."
    )
    delimiter = forms.ChoiceField(required=False, choices=DELIMITERS)
    encoding = forms.CharField(required=False, max_length=30, help_text="Found out when empty.")
    null_values = forms.CharField(
        required=False, label="Marks for missing values", help_text="Beside an empty field, NA, NaN and null; such as ?"
    )
    trim = forms.BooleanField(required=False, label="Take spaces off both ends of every value")
    decimal_comma = forms.BooleanField(required=False, label="Numbers are written 1.234,5")
    broken_rows = forms.ChoiceField(
        required=False,
        choices=[("refuse", "Refuse the file"), ("skip", "Leave them out and report them")],
        label="Lines with the wrong number of fields",
    )
    wrong_values = forms.ChoiceField(
        required=False,
        choices=[("refuse", "Refuse the file"), ("null", "Take them as missing and report them")],
        label="Values that are not of the declared type",
    )
    types = forms.CharField(
        required=False,
        widget=LINES,
        label="Declared types",
        help_text="One to a line, such as delay = number; the others are found out. Types: integer, number, boolean, "
        "datetime, date, string, category.",
    )
    roles = forms.CharField(
        required=False,
        widget=LINES,
        help_text="One to a line, such as late = target, sex = protected or booking = identifier. Validation names "
        "rows by their identifier.",
    )
    units = forms.CharField(required=False, widget=LINES, help_text="One to a line, such as temp = °F.")
    required = forms.CharField(required=False, label="Columns that may not be empty", help_text="With commas.")

    OPTIONS = (
        "column_names", "trusted_header", "skip_lines", "delimiter", "encoding", "null_values", "trim", "decimal_comma",
        "broken_rows", "wrong_values", "types", "roles", "units", "required",
    )  # fmt: skip

    def clean_types(self) -> dict[str, str]:
        return pairs(self.cleaned_data["types"])

    def clean_roles(self) -> dict[str, str]:
        return pairs(self.cleaned_data["roles"])

    def clean_units(self) -> dict[str, str]:
        return pairs(self.cleaned_data["units"])

    def options(self) -> dict[str, Any]:
        """The options as the action wants them; what was left as it is stays out."""
        from apps.datasets.engine.options import DEFAULT_NULLS

        given = self.cleaned_data
        found: dict[str, Any] = {
            name: given[name]
            for name in ("trusted_header", "skip_lines", "encoding", "trim", "decimal_comma", "broken_rows",
                         "wrong_values", "types", "roles", "units")
            if given.get(name)
        }  # fmt: skip
        for name in ("column_names", "required"):
            if given[name].strip():
                found[name] = words(given[name])
        if given["delimiter"]:
            found["delimiter"] = "\t" if given["delimiter"] == "tab" else given["delimiter"]
        if given["null_values"].strip():
            found["null_values"] = [*DEFAULT_NULLS, *words(given["null_values"])]
        return found

    @staticmethod
    def initial_of(options: dict[str, Any]) -> dict[str, Any]:
        """The options as the form shows them."""
        from apps.datasets.engine.options import DEFAULT_NULLS

        shown = dict(options)
        for name in ("types", "roles", "units"):
            shown[name] = lines(options.get(name, {}))
        for name in ("column_names", "required"):
            shown[name] = ", ".join(options.get(name, []))
        marks = [mark for mark in options.get("null_values", []) if mark not in DEFAULT_NULLS]
        return shown | {
            "null_values": ", ".join(marks),
            "delimiter": "tab" if options.get("delimiter") == "\t" else options.get("delimiter", ""),
        }


class UploadForm(ReadForm):
    """A file and how to read it."""

    file = forms.FileField(help_text="CSV, also gzip or zip with one file inside, or Parquet.")
    note = forms.CharField(required=False, widget=TEXT, help_text="What is different from the version before?")

    field_order = ("file", "note")


class ReferenceForm(ReadForm):
    """A file on the server and how to read it."""

    path = forms.CharField(max_length=500, help_text="Below the folder of this organization on the server.")
    sha256 = forms.CharField(
        required=False, max_length=64, label="SHA-256", help_text="If given, the file must have this content."
    )
    note = forms.CharField(required=False, widget=TEXT)

    field_order = ("path", "sha256", "note")


class UseForm(forms.Form):
    """What data are to be fit for."""

    use = forms.CharField(
        max_length=200, label="Fit for", help_text="The signers find the data fit for this use and no other."
    )
    message = forms.CharField(required=False, widget=TEXT, help_text="For the signers. Optional.")


class ReasonForm(forms.Form):
    """Why something is taken out of use."""

    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 4}))


class OptionalReasonForm(forms.Form):
    """Why, if there is something to say."""

    reason = forms.CharField(required=False, widget=TEXT)


class SplitForm(forms.Form):
    """How to divide a version."""

    method = forms.ChoiceField(
        choices=[("time", "By time"), ("random", "At random")], widget=forms.RadioSelect, initial="time"
    )
    parts = forms.CharField(
        widget=LINES,
        help_text="One to a line. By time: train = 2013-04-01, up to that day, and the last part alone as test. "
        "At random: train = 70%, test = 30%.",
    )
    column = forms.ChoiceField(required=False, label="Time column", help_text="For a split by time.")
    seed = forms.IntegerField(
        required=False, min_value=0, initial=1, help_text="At random: the same seed always gives the same rows."
    )
    stratify = forms.ChoiceField(
        required=False, label="Same shares of", help_text="At random: each of its values is divided by the same shares."
    )
    together = forms.ChoiceField(
        required=False, label="Keep together", help_text="At random: rows with the same value stay in one part."
    )
    target = forms.ChoiceField(required=False, label="Report the balance of")

    def __init__(self, *args: Any, schema: list[dict[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [column["name"] for column in schema]
        times = [column["name"] for column in schema if column["type"] in ("date", "datetime")]
        for field, choices in (("column", times), ("stratify", names), ("together", names), ("target", names)):
            self.fields[field].choices = [("", "–"), *[(name, name) for name in choices]]  # type: ignore[attr-defined]

    def plan(self) -> dict[str, Any]:
        """The plan as the action wants it."""
        given = self.cleaned_data
        by_time = given["method"] == "time"
        parts = [_part(line, by_time) for line in given["parts"].splitlines() if line.strip()]
        chosen = {name: given[name] for name in ("column", "stratify", "together", "target") if given[name]}
        if by_time:
            chosen = {name: value for name, value in chosen.items() if name in ("column", "target")}
        else:
            chosen.pop("column", None)
        return {"method": given["method"], "parts": parts, **chosen} | ({} if by_time else {"seed": given["seed"] or 0})


def _part(line: str, by_time: bool) -> dict[str, Any]:
    name, _, value = (piece.strip() for piece in line.partition("="))
    if not value:
        return {"name": name}
    if by_time:
        return {"name": name, "until": value}
    try:
        return {"name": name, "share": float(value.rstrip("% ")) / (100 if "%" in value else 1)}
    except ValueError:
        return {"name": name, "share": value}
