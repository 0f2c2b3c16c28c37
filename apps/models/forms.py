"""Forms of models. Querysets are narrowed to what the person may use when a form is made."""

from typing import Any

from django import forms

from apps.core.text import unkeepable
from apps.datasets.models import DatasetVersion, Origin, Split, WorkState
from apps.datasets.models import VersionState as DataState
from apps.models import policies
from apps.models.engine import cards
from apps.models.models import ALIAS, CHALLENGER, CHAMPION, ModelKind, ModelVersion, RegisteredModel, VersionState
from apps.organizations import access
from apps.organizations.models import KEY
from apps.projects.models import Project

LINES = {"rows": 4}
SIGNATURE_HELP = (
    "YAML or JSON: task (binary, multiclass or regression), target, inputs (name, type number, integer, string or "
    "boolean, nullable), classes in the order of the probabilities, threshold."
)


class ReadsYaml(forms.CharField):
    """Text that is read as YAML (JSON is YAML too) into plain values."""

    def clean(self, value: Any) -> Any:
        """The plain value, or a sentence with the line that cannot be read."""
        import yaml

        text = super().clean(value)
        if len(text) > 200_000:
            raise forms.ValidationError("This is longer than 200,000 characters.")
        try:
            found = yaml.safe_load(text) if text else None
        except (yaml.YAMLError, RecursionError) as error:
            place = getattr(error, "problem_mark", None)
            where = f" Look at line {place.line + 1}." if place else ""
            raise forms.ValidationError(f"This is not valid YAML.{where}") from error
        except ValueError as error:  # a date that does not exist
            raise forms.ValidationError(f"This is not valid YAML: {error}.") from error
        if sentence := unkeepable(found):
            raise forms.ValidationError(sentence)
        return found


class RegisterModelForm(forms.Form):
    """A new model of an approved project."""

    project: Any = forms.ModelChoiceField(queryset=None, help_text="Projects with an approved charter.")
    name = forms.CharField(max_length=120, help_text="As people call it, for example “Late arrivals”.")
    key = forms.CharField(max_length=50, validators=[KEY], help_text="As addresses and programs call it; it stays.")
    kind = forms.ChoiceField(choices=ModelKind.choices, widget=forms.RadioSelect, label="What it learns")
    target = forms.CharField(max_length=120, help_text="The column of the data that holds the truth.")
    description = forms.CharField(required=False, widget=forms.Textarea(attrs=LINES))

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine = [project.pk for project in policies.trainable_projects(user)]
        self.fields["project"].queryset = Project.objects.filter(pk__in=mine)  # type: ignore[attr-defined]


class ChangeModelForm(forms.Form):
    """Name, description, owner."""

    name = forms.CharField(max_length=120)
    description = forms.CharField(required=False, widget=forms.Textarea(attrs=LINES))
    owner: Any = forms.ModelChoiceField(queryset=None)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].queryset = access.members()  # type: ignore[attr-defined]


class DataChoice(forms.ModelChoiceField):
    """A dataset version by name, number and rows."""

    def label_from_instance(self, version: Any) -> str:
        """What the choice says."""
        return f"{version} ({version.rows or 0:,} rows)"


def signed_off(model: RegisteredModel) -> Any:
    """Versions of the model's project that may be trained on, newest first; parts are reached through their split."""
    rows = DatasetVersion.objects.filter(dataset__project=model.project, state=DataState.SIGNED_OFF)
    return rows.exclude(origin=Origin.PART).select_related("dataset").order_by("-id")


class TrainForm(forms.Form):
    """Data, perhaps a split, and a recipe."""

    dataset_version = DataChoice(queryset=None, label="Data", help_text="Versions that were signed off as fit.")
    split: Any = forms.ModelChoiceField(
        queryset=None,
        required=False,
        help_text="Train on its part “train”, test on its part “test”. Without one, the recipe holds rows back.",
    )
    recipe = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 24, "class": "mono", "spellcheck": "false"}),
        help_text="YAML: features with their kinds, candidates to compare, folds, the deciding metric, a seed.",
    )
    reason = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}), label="Why this run")

    def __init__(self, *args: Any, model: RegisteredModel, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = signed_off(model)
        self.fields["dataset_version"].queryset = choices  # type: ignore[attr-defined]
        splits = Split.objects.filter(source__in=choices, state=WorkState.SUCCEEDED).select_related("source__dataset")
        self.fields["split"].queryset = splits.order_by("-id")  # type: ignore[attr-defined]


class UploadForm(forms.Form):
    """A model file and what it takes and gives."""

    file = forms.FileField(help_text="ONNX or skops. It is looked at in an isolated process before anything opens it.")
    signature = ReadsYaml(
        widget=forms.Textarea(attrs={"rows": 16, "class": "mono", "spellcheck": "false"}), help_text=SIGNATURE_HELP
    )


class RegisterVersionForm(forms.Form):
    """A note with a new version."""

    note = forms.CharField(required=False, widget=forms.Textarea(attrs=LINES), help_text="What is new in this version.")


class RegisterUploadForm(RegisterVersionForm):
    """A note, and the data that the uploaded model was trained on, where they are on record here."""

    dataset_version = DataChoice(queryset=None, required=False, label="Trained on")

    def __init__(self, *args: Any, model: RegisteredModel, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["dataset_version"].queryset = signed_off(model)  # type: ignore[attr-defined]


class CardForm(forms.Form):
    """The written parts of a card, and why they change."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for part in cards.PARTS:
            self.fields[part.key] = forms.CharField(
                label=part.heading, help_text=part.question, required=False, widget=forms.Textarea(attrs={"rows": 5})
            )
        self.fields["reason"] = forms.CharField(required=False, label="Why it changes", max_length=300)


class MessageForm(forms.Form):
    """A word to the people who decide."""

    message = forms.CharField(
        required=False, widget=forms.Textarea(attrs=LINES), help_text="The signers read this first. Optional."
    )


class ReasonForm(forms.Form):
    """A reason that has to be given."""

    reason = forms.CharField(widget=forms.Textarea(attrs=LINES))


class OptionalReasonForm(forms.Form):
    """A reason, if there is one."""

    reason = forms.CharField(required=False, widget=forms.Textarea(attrs=LINES))


class AliasForm(forms.Form):
    """A name and the version it points at."""

    name = forms.CharField(
        max_length=40,
        validators=[ALIAS],
        help_text=f"{CHAMPION}: in office, approved versions only. {CHALLENGER}: may follow it. Other names are free.",
    )
    version: Any = forms.ModelChoiceField(queryset=None)
    reason = forms.CharField(required=False, max_length=300)

    def __init__(self, *args: Any, model: RegisteredModel, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        usable = ModelVersion.objects.filter(model=model).exclude(
            state__in=[VersionState.REJECTED, VersionState.ARCHIVED]
        )
        self.fields["version"].queryset = usable.select_related("model")  # type: ignore[attr-defined]
