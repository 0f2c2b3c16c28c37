"""Forms of organizations."""

import datetime as dt
from typing import Any

from django import forms
from django.utils import timezone

from apps.organizations import access
from apps.organizations.models import Team
from apps.organizations.roles import OrganizationRole, Permission, ProjectRole


class InviteForm(forms.Form):
    """Who gets a place, and as what."""

    email = forms.EmailField(
        max_length=254, label="E-mail address", help_text="They get a link by mail and choose their own password."
    )
    role = forms.ChoiceField(choices=OrganizationRole.choices, initial=OrganizationRole.MEMBER)


class MemberForm(forms.Form):
    """The role in the organization."""

    role = forms.ChoiceField(choices=OrganizationRole.choices)


class LetGoForm(forms.Form):
    """Why a member leaves."""

    reason = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 2}), help_text="Optional, kept in the audit chain."
    )


class TeamForm(forms.Form):
    """A new team."""

    name = forms.CharField(max_length=120)
    key = forms.SlugField(max_length=50, help_text="Small letters, digits and hyphens; it appears in addresses.")


class TeamMemberForm(forms.Form):
    """Who joins the team."""

    user: Any = forms.ModelChoiceField(queryset=None, label="Person")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["user"].queryset = access.members()  # type: ignore[attr-defined]


class RoleForm(forms.Form):
    """A project role for a person or a team."""

    role = forms.ChoiceField(choices=ProjectRole.choices)
    user: Any = forms.ModelChoiceField(queryset=None, required=False, label="Person")
    team: Any = forms.ModelChoiceField(queryset=None, required=False, help_text="Choose a person or a team.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["user"].queryset = access.members()  # type: ignore[attr-defined]
        self.fields["team"].queryset = Team.objects.all()  # type: ignore[attr-defined]


class GrantForm(forms.Form):
    """One permission until a date."""

    permission = forms.ChoiceField(choices=[(permission.value, permission.label) for permission in Permission])
    user: Any = forms.ModelChoiceField(queryset=None, required=False, label="Person")
    team: Any = forms.ModelChoiceField(queryset=None, required=False, help_text="Choose a person or a team.")
    until = forms.DateField(
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="The last day it counts. Empty: until it is taken back.",
    )
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["user"].queryset = access.members()  # type: ignore[attr-defined]
        self.fields["team"].queryset = Team.objects.all()  # type: ignore[attr-defined]

    def clean_until(self) -> dt.datetime | None:
        """The end of the chosen day."""
        day = self.cleaned_data["until"]
        return None if day is None else timezone.make_aware(dt.datetime.combine(day, dt.time.max))


LIFETIMES = [("30", "30 days"), ("90", "90 days"), ("365", "One year"), ("", "It does not expire")]


class TokenForm(forms.Form):
    """A new API token."""

    name = forms.CharField(max_length=120, help_text="What it is for, so that you know which one to revoke.")
    lifetime = forms.ChoiceField(choices=LIFETIMES, initial="90", required=False, label="Expires after")
    scopes = forms.MultipleChoiceField(
        choices=[(permission.value, permission.label) for permission in Permission],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="What the token may do, within what you may do. None chosen: everything you may do.",
    )

    def expires_at(self) -> dt.datetime | None:
        """When the chosen lifetime ends."""
        days = self.cleaned_data["lifetime"]
        return timezone.now() + dt.timedelta(days=int(days)) if days else None


class ServiceAccountForm(forms.Form):
    """An account for a pipeline."""

    name = forms.CharField(max_length=120)
    purpose = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}))


class JoinForm(forms.Form):
    """A new account from an invitation."""

    name = forms.CharField(max_length=120, label="Your name", widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 8 characters, not a common word, not only digits.",
    )


class ProfileForm(forms.Form):
    """One's own name and time zone."""

    name = forms.CharField(max_length=120)
    time_zone = forms.ChoiceField(choices=[])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        from zoneinfo import available_timezones

        super().__init__(*args, **kwargs)
        self.fields["time_zone"].choices = [(zone, zone.replace("_", " ")) for zone in sorted(available_timezones())]  # type: ignore[attr-defined]
