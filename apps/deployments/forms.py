"""Forms of deployments."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import Max

from apps.deployments.models import Environment
from apps.organizations.models import KEY
from apps.validation.engine.conditions import STATEMENT


class EnvironmentForm(forms.Form):
    """A new environment."""

    name = forms.CharField(max_length=80)
    key = forms.CharField(
        max_length=50, validators=[KEY], help_text="Small letters, digits and hyphens; for addresses."
    )
    order = forms.IntegerField(
        min_value=1, max_value=99, help_text="Its place on the way to production: smaller numbers come earlier."
    )
    is_production = forms.BooleanField(
        required=False, label="Production", help_text="Deployments to it are approved first."
    )
    deploys_when_approved = forms.BooleanField(
        required=False,
        label="Deploy with the last signature",
        help_text="Otherwise an operator carries an approved deployment out.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        last = Environment.objects.aggregate(last=Max("order"))["last"] or 0
        self.fields["order"].initial = last + 1


class EndpointForm(forms.Form):
    """A new endpoint of a model."""

    model: forms.ModelChoiceField = forms.ModelChoiceField(queryset=None)
    environment: forms.ModelChoiceField = forms.ModelChoiceField(queryset=None)
    key = forms.CharField(
        max_length=50,
        required=False,
        validators=[KEY],
        help_text="For its address. Left empty: the model's key, with the environment's behind it outside production.",
    )
    must_record = forms.BooleanField(
        required=False,
        label="No answer without a record",
        help_text="When a prediction cannot be recorded, the caller gets an error instead of an answer.",
    )

    def __init__(self, *args: Any, models: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["model"].queryset = models  # type: ignore[attr-defined]
        self.fields["environment"].queryset = Environment.objects.all()  # type: ignore[attr-defined]


class ReasonForm(forms.Form):
    """Why; for what people will ask about later."""

    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}), help_text="Kept with the decision, for whoever looks at it later."
    )


class OptionalReasonForm(forms.Form):
    """Why, if there is more to say than the thing itself says."""

    reason = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text="Kept with the deployment. Optional."
    )


class AcknowledgeForm(forms.Form):
    """One box for each condition in words, which has to be ticked."""

    def __init__(self, *args: Any, conditions: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for condition in conditions:
            if condition.kind == STATEMENT:
                self.fields[f"condition_{condition.number}"] = forms.BooleanField(
                    label=condition.words, help_text="A condition of its validation. Tick it when you have seen to it."
                )

    def acknowledged(self) -> list[int]:
        """The numbers of the conditions that were ticked."""
        names = (name for name, is_ticked in self.cleaned_data.items() if is_ticked is True)
        return [int(name.removeprefix("condition_")) for name in names]


class DeployForm(AcknowledgeForm, OptionalReasonForm):
    """Why, and the conditions in words."""


class MomentForm(forms.Form):
    """A moment to look back at."""

    at = forms.DateTimeField(
        label="At",
        help_text="Your time. What answered at this moment, who had put it there, and who had approved it.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )


class GateForm(forms.Form):
    """The question to the gate, in the words of its API."""

    model = forms.CharField(max_length=50, label="Model's key")
    version = forms.IntegerField(min_value=1)
    environment: forms.ModelChoiceField = forms.ModelChoiceField(queryset=None, to_field_name="key")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["environment"].queryset = Environment.objects.all()  # type: ignore[attr-defined]
