"""Forms of the portal's own pages."""

from __future__ import annotations

import datetime
from typing import Any

from django import forms
from django.utils import timezone

from apps.organizations.models import KEY


class FoundingForm(forms.Form):
    """The first organization and its owner."""

    name = forms.CharField(label="Name of the organization", max_length=120)
    key = forms.CharField(
        label="Short name for addresses",
        max_length=50,
        validators=[KEY],
        help_text="Small letters, digits and hyphens, as in “meridian-air”. It cannot be changed later.",
    )
    person = forms.CharField(label="Your name", max_length=120, widget=forms.TextInput({"autocomplete": "name"}))
    email = forms.EmailField(
        max_length=254, label="Your e-mail address", widget=forms.EmailInput({"autocomplete": "email"})
    )
    password = forms.CharField(
        label="A password",
        help_text="Long is better than complicated.",
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )
    repeated = forms.CharField(label="The password again", widget=forms.PasswordInput({"autocomplete": "new-password"}))

    fieldsets = (
        ("The organization", ["name", "key"]),
        ("You, as its owner", ["person", "email", "password", "repeated"]),
    )

    def clean(self) -> dict[str, Any]:
        """Both passwords are the same."""
        given = super().clean() or {}
        if given.get("password") and given.get("repeated") and given["password"] != given["repeated"]:
            self.add_error("repeated", "The two passwords differ.")
        given.pop("repeated", None)
        return given


class MomentForm(forms.Form):
    """A moment in the reader's zone, and whether to look beyond production."""

    date = forms.DateField(widget=forms.DateInput({"type": "date"}))
    time = forms.TimeField(
        widget=forms.TimeInput({"type": "time"}), required=False, help_text="Midnight if left empty."
    )
    everywhere = forms.BooleanField(label="Other environments too", required=False)

    def clean(self) -> dict[str, Any]:
        """Adds `moment`, the two together."""
        given = super().clean() or {}
        if day := given.get("date"):
            clock = given.get("time") or datetime.time()
            given["moment"] = timezone.make_aware(datetime.datetime.combine(day, clock))
        return given
