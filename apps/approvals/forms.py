"""Forms of approvals."""

from typing import Any

from django import forms
from django.utils import timezone

from apps.approvals.kinds import Independence, Kind
from apps.organizations import access
from apps.organizations.roles import OrganizationRole, ProjectRole

ROLES = [*ProjectRole.choices, (OrganizationRole.OWNER, "Owner"), (OrganizationRole.ADMINISTRATOR, "Administrator")]


class SignForm(forms.Form):
    """Signing: a comment if one has something to say."""

    comment = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text="Kept with your signature. Optional."
    )


class ReasonForm(forms.Form):
    """Declining and sending back need a reason."""

    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="The person who asked reads this. Say what would change your mind.",
    )


class WithdrawForm(forms.Form):
    """Taking a request back."""

    reason = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text="Optional.")


class DelegationForm(forms.Form):
    """Who signs while one is away."""

    substitute: Any = forms.ModelChoiceField(
        queryset=None, help_text="Signs in your place, in your roles. Your own conflicts of interest go along."
    )
    starts_at = forms.DateTimeField(
        label="From", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )
    ends_at = forms.DateTimeField(
        label="Until", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )
    reason = forms.CharField(required=False, max_length=200)

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["substitute"].queryset = access.members().exclude(pk=user.pk)  # type: ignore[attr-defined]
        self.fields["starts_at"].initial = timezone.now()


class PolicyForm(forms.Form):
    """A policy's head; its steps are a formset."""

    kind = forms.ChoiceField(choices=Kind.choices, label="Decision")
    independence = forms.ChoiceField(choices=Independence.choices, widget=forms.RadioSelect, label="Who may sign")
    is_high_risk = forms.BooleanField(
        required=False, label="High risk", help_text="Signers confirm who they are before they sign."
    )
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), label="Why it changes")


class StepForm(forms.Form):
    """One step, in order."""

    role = forms.ChoiceField(choices=ROLES)
    quorum = forms.IntegerField(min_value=1, max_value=9, initial=1, label="Signatures")
    days = forms.IntegerField(min_value=1, max_value=90, initial=5, label="Days to answer")
    escalate_to = forms.ChoiceField(choices=[("", "nobody"), *ROLES], required=False, initial=OrganizationRole.OWNER)


Steps = forms.formset_factory(StepForm, extra=1, min_num=1, validate_min=True, can_delete=True, max_num=9)
