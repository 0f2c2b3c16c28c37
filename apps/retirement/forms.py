"""Forms of retirement."""

import datetime as dt
from typing import Any

from django import forms
from django.utils import timezone

from apps.models.models import ModelVersion, RegisteredModel, VersionState
from apps.organizations import access
from apps.retirement.actions import TEN_YEARS
from apps.retirement.models import Cause, RetirementPlan

QUIET = [(1 / 24, "1 hour"), (1, "1 day"), (3, "3 days"), (7, "1 week"), (14, "2 weeks"), (30, "30 days")]


class DateField(forms.DateField):
    """A day, chosen from a calendar."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **options)


class TermsForm(forms.Form):
    """What a plan says. Which successors can be chosen depends on what ends."""

    cause = forms.ChoiceField(choices=Cause.choices, label="Why", widget=forms.RadioSelect, initial=Cause.REPLACED)
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), label="In your words")
    successor_version: Any = forms.ModelChoiceField(
        queryset=None, required=False, label="Version that follows", help_text="An approved version of the same model."
    )
    successor_model: Any = forms.ModelChoiceField(queryset=None, required=False, label="Model that follows")
    without_successor = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        label="Why nothing follows",
        help_text="Needed when it answers somewhere and no successor is named.",
    )
    message = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="To its consumers",
        help_text="What changes for them and what they should do; it goes into the notice.",
    )
    notice_days = forms.IntegerField(
        min_value=0, max_value=730, initial=30, label="Days of notice", help_text="Nothing is turned away before."
    )
    quiet_for = forms.TypedChoiceField(
        choices=QUIET,
        coerce=lambda days: dt.timedelta(days=float(days)),
        initial=1,
        label="Nobody may have asked for",
        help_text="This long without a single call proves that nobody needs it any more.",
    )
    hold_until = DateField(
        help_text="Until when the artifact and its records are held. Ten years, unless you know better."
    )

    fieldsets = [
        ("Why it ends", ["cause", "reason"]),
        ("What follows", ["successor_version", "successor_model", "without_successor"]),
        ("How it ends", ["message", "notice_days", "quiet_for", "hold_until"]),
    ]

    def __init__(self, *args: Any, model: RegisteredModel, version: ModelVersion | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        versions = ModelVersion.objects.filter(model=model, state=VersionState.APPROVED).select_related("model")
        fields: Any = self.fields
        if version is None:
            del fields["successor_version"]
        else:
            del fields["without_successor"]  # a version that answers needs one that follows it
            fields["successor_version"].queryset = versions.exclude(pk=version.pk)
        others = RegisteredModel.objects.filter(project=model.project_id, retired_at=None).exclude(pk=model.pk)
        fields["successor_model"].queryset = others
        fields["hold_until"].initial = timezone.localdate() + TEN_YEARS
        _offer(fields["quiet_for"], self.initial.get("quiet_for"))


def _offer(field: Any, chosen: Any) -> None:
    """A window that was set by API or another choice stays choosable."""
    if isinstance(chosen, dt.timedelta):
        days = chosen.total_seconds() / 86400
        if days not in [known for known, _ in QUIET]:
            field.choices = [*QUIET, (days, str(chosen))]
        field.initial = days


def terms_of(plan: RetirementPlan) -> dict[str, Any]:
    """What the form begins with for a plan."""
    return {
        "cause": plan.cause,
        "reason": plan.reason,
        "successor_version": plan.successor_version_id,
        "successor_model": plan.successor_model_id,
        "without_successor": plan.without_successor,
        "message": plan.message,
        "notice_days": plan.notice_days,
        "quiet_for": plan.quiet_for.total_seconds() / 86400,
        "hold_until": plan.hold_until,
    }


class SubjectForm(forms.Form):
    """What is to be retired: a model, or one of its versions."""

    subject = forms.ChoiceField(label="What leaves office", choices=[])

    def __init__(self, *args: Any, choices: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["subject"].choices = choices  # type: ignore[attr-defined]


class ConsumerForm(forms.Form):
    """Who uses it, and how they are told."""

    name = forms.CharField(max_length=120, help_text="The system or team: “Gate planning”.")
    use = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}), help_text="What for.")
    contact: Any = forms.ModelChoiceField(
        queryset=None, required=False, help_text="A member; they get a mail and acknowledge here, signed in."
    )
    email = forms.EmailField(
        required=False, max_length=254, label="Or an address outside", help_text="Whoever has no account here."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["contact"].queryset = access.members()  # type: ignore[attr-defined]


class ReasonForm(forms.Form):
    """A reason that others will read."""

    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), help_text="Kept in the audit chain.")


class MessageForm(forms.Form):
    """A word to those who decide."""

    message = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text="Optional.")


class NoteForm(forms.Form):
    """What a consumer says with the acknowledgement."""

    note = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What you will do instead, if you like. For somebody outside: how they acknowledged it.",
    )


class EmptyForm(forms.Form):
    """Nothing to ask."""


class SummaryForm(forms.Form):
    """How it ended."""

    summary = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 5}), help_text="How it ended, what was learned. It goes into the report."
    )
