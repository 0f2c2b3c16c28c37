"""Forms of retraining."""

from typing import Any

from django import forms

from apps.datasets.models import Dataset
from apps.models.models import RegisteredModel
from apps.organizations import access
from apps.organizations.roles import Permission


class PolicyForm(forms.Form):
    """What makes the model be trained anew, on what, and what keeps it from happening too often."""

    dataset: Any = forms.ModelChoiceField(
        queryset=None, help_text="Its newest signed-off version with a split into train and test is used."
    )
    owner: Any = forms.ModelChoiceField(
        queryset=None, help_text="Answers for what is trained; may not validate or approve it."
    )
    recipe = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 18, "class": "mono", "spellcheck": "false"}),
        help_text="A training recipe in YAML, as on the pages of training runs.",
    )
    every_days = forms.IntegerField(
        required=False, min_value=1, label="Every so many days", help_text="Empty: not by schedule."
    )
    on_drift = forms.BooleanField(required=False, label="When drift is found")
    on_performance = forms.BooleanField(required=False, label="When performance falls")
    on_new_data = forms.BooleanField(required=False, label="When newer data is signed off")
    cool_down_days = forms.IntegerField(min_value=0, initial=7, label="Days between two")
    min_rows = forms.IntegerField(min_value=1, initial=1000, label="Rows at least")
    is_active = forms.BooleanField(required=False, initial=True, label="Switched on")
    reason = forms.CharField(required=False, max_length=300, label="Why it changes")

    def __init__(self, *args: Any, model: RegisteredModel, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["dataset"].queryset = Dataset.objects.filter(project=model.project_id)  # type: ignore[attr-defined]
        self.fields["owner"].queryset = access.people_with(Permission.TRAIN, model)  # type: ignore[attr-defined]


class ModelForm(forms.Form):
    """The model that a policy is for."""

    model: Any = forms.ModelChoiceField(queryset=None, to_field_name="key")

    def __init__(self, *args: Any, models: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["model"].queryset = models  # type: ignore[attr-defined]


class StartForm(forms.Form):
    """Why a retraining is started by hand."""

    reason = forms.CharField(max_length=300, widget=forms.Textarea(attrs={"rows": 2}))
