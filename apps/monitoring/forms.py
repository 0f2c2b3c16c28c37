"""Forms of monitoring; what they may hold is decided by actions and policies."""

import datetime as dt
import difflib
from typing import Any

from django import forms

from apps.core.formats import duration
from apps.core.pairs import LINES, lines, pairs
from apps.monitoring import results
from apps.monitoring.models import (
    KINDS_WITH_BASELINE,
    Cause,
    Clock,
    EntryKind,
    MonitorKind,
    Purpose,
    Reference,
    Severity,
    Span,
)
from apps.monitoring.words import LIMITS
from apps.monitoring.worth import WORDS
from apps.organizations import access
from apps.organizations.roles import Permission
from apps.work.models import Transport

# The limits of a monitor, each with the kinds that it matters to.
LIMIT_KINDS = {
    name: [kind for kind, limits in LIMITS.items() if name in limits] for limits in LIMITS.values() for name in limits
}
EVERY = {"1": "Every hour", "24": "Every day", "168": "Every week"}


def _share(label: str, usual: float) -> forms.FloatField:
    """A limit above 0 and at most 1."""
    return forms.FloatField(min_value=0.001, max_value=1, required=False, initial=usual, label=label)


class Moment(forms.DateTimeField):
    """A moment to the minute, in UTC."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class MonitorForm(forms.Form):
    """What is watched, against what, how often, with which limits."""

    kind = forms.ChoiceField(choices=MonitorKind.choices, label="What to watch")
    name = forms.CharField(max_length=120, help_text="As it appears in alerts.")
    owner: forms.ModelChoiceField = forms.ModelChoiceField(
        queryset=None, help_text="Is told first and owns its incidents."
    )
    reference = forms.ChoiceField(choices=Reference.choices, label="Compare with", required=False)
    reference_since = Moment(required=False, label="Fixed period from")
    reference_until = Moment(required=False, label="Fixed period to")
    trailing = forms.IntegerField(min_value=1, max_value=60, initial=4, required=False, label="Windows or weeks before")
    window = forms.ChoiceField(choices=Span.choices, initial=Span.WEEK, label="Window")
    clock = forms.ChoiceField(
        choices=Clock.choices, help_text="By the newest event, a replayed past is checked as if it were now."
    )
    every = forms.ChoiceField(choices=EVERY, label="Look for complete windows")
    expected_share = forms.FloatField(
        min_value=0.01, max_value=1, initial=1.0, required=False, label="Share of outcomes that can be known"
    )
    minimum = forms.IntegerField(min_value=1, required=False, initial=200, label="Least rows")
    most_windows = forms.IntegerField(
        min_value=1, max_value=60, required=False, initial=7, label="Windows joined at most",
        help_text="A window with too few rows takes in those before it.",
    )  # fmt: skip
    open_after = forms.IntegerField(
        min_value=1, max_value=20, required=False, initial=2, label="Alert after bad windows"
    )
    among = forms.IntegerField(min_value=1, max_value=20, required=False, initial=3, label="Among the last windows")
    close_after = forms.IntegerField(
        min_value=1, max_value=20, required=False, initial=2, label="Quiet again after quiet windows"
    )
    release = _share("Quiet is under so much of a limit", 0.8)
    psi = forms.FloatField(min_value=0.001, required=False, initial=0.1, label="Drift limit (PSI)")
    features = forms.CharField(
        required=False, widget=LINES, label="Drift limits of single features (PSI)",
        help_text="One to a line, such as distance = 0.3; the others keep the limit above.",
    )  # fmt: skip
    severe = forms.FloatField(min_value=0.001, required=False, initial=0.25, label="Severe from PSI")
    q = _share("False discovery rate", 0.01)
    null = _share("Change of the share of missing values", 0.05)
    unseen = _share("Change of the share of new categories", 0.02)
    outside = _share("Change of the share out of range", 0.05)
    performance = forms.FloatField(min_value=0.001, required=False, initial=0.03, label="Performance may fall by")
    error_share = _share("Share of calls that may fail", 0.02)
    latency = forms.FloatField(
        min_value=0.001, required=False, initial=0.5, label="Seconds within which 95 of 100 answer"
    )
    rating = forms.FloatField(min_value=1, max_value=5, required=False, initial=3.0, label="Lowest mean rating")
    silence_hours = forms.IntegerField(min_value=1, required=False, initial=24, label="Hours without predictions")
    impact = _share("Least impact ratio", 0.8)
    gap = _share("Largest difference of rates between groups", 0.1)
    group = forms.IntegerField(min_value=1, required=False, initial=50, label="Least rows of a group")
    told_apart = forms.FloatField(
        min_value=0.01, max_value=0.5, required=False, initial=0.1, label="AUC above one half",
        help_text="How well a classifier may tell the window's rows from the reference's.",
    )  # fmt: skip
    escalate_after = forms.IntegerField(
        min_value=1, max_value=720, required=False, label="Hours until somebody else is told",
        help_text="Of an incident that nobody has taken. Leave both open to tell nobody else.",
    )  # fmt: skip
    escalate_to: forms.ModelChoiceField = forms.ModelChoiceField(queryset=None, required=False, label="Who is told")

    def __init__(self, *args: Any, endpoint: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.endpoint = endpoint
        if isinstance(given := self.initial.get("features"), dict):
            self.initial["features"] = lines(given)
        for name in ("owner", "escalate_to"):
            people = access.people_with(Permission.INVESTIGATE, endpoint)
            self.fields[name].queryset = people  # type: ignore[attr-defined]
        self._keep_pace()

    def _keep_pace(self) -> None:
        """A monitor that runs at another pace than those offered keeps it unless somebody chooses one."""
        every = self.initial.get("every")
        if every and every not in EVERY:
            kept = (every, f"Every {duration(float(every) * 3600)}")
            self.fields["every"].choices = [kept, *EVERY.items()]  # type: ignore[attr-defined]

    @property
    def limits(self) -> list[tuple[Any, list[str]]]:
        """Every limit with the kinds of monitor that it matters to; those of most kinds first."""
        names = [name for name in self.fields if name in LIMIT_KINDS]
        return [(self[name], LIMIT_KINDS[name]) for name in sorted(names, key=lambda name: -len(LIMIT_KINDS[name]))]

    def clean_features(self) -> dict[str, float]:
        """The limits by feature; a name that nothing was checked under is a slip of the pen."""
        given, found = pairs(self.cleaned_data["features"]), {}
        checked = results.features_at(self.endpoint) if given else []
        for name, value in given.items():
            if checked and name not in checked:
                like = " or ".join(f"“{one}”" for one in difflib.get_close_matches(name, checked))
                raise forms.ValidationError(f"No feature “{name}” was checked here.{like and f' Is it {like}?'}")
            try:
                found[name] = float(value)
            except ValueError as error:
                raise forms.ValidationError(f"“{value}”, the limit of {name}, is not a number such as 0.3.") from error
        return found

    def settings(self, limits: dict | None = None) -> dict[str, Any]:
        """What the action takes; limits that the form does not show stay as they are."""
        given = dict(self.cleaned_data)
        chosen = {name: given.pop(name) for name in LIMIT_KINDS} | {"features": given.pop("features") or None}
        kept = {name: value for name, value in (limits or {}).items() if name != "features"}
        given["limits"] = {**kept, **{name: value for name, value in chosen.items() if value is not None}}
        given["every"] = dt.timedelta(hours=float(given["every"]))
        if given["kind"] not in KINDS_WITH_BASELINE:
            given["reference"] = Reference.TRAINING
        for name, usual in {"trailing": 4, "expected_share": 1.0, "reference": Reference.TRAINING}.items():
            given[name] = given[name] or usual
        return given


class ChannelForm(forms.Form):
    """Where incidents are told, and which."""

    name = forms.CharField(max_length=120, help_text="As people will look for it.")
    transport = forms.ChoiceField(choices=Transport.choices, label="How")
    address = forms.CharField(
        max_length=2000, help_text="A mail address, or the https address of the webhook. It is kept sealed."
    )
    least = forms.ChoiceField(choices=Severity.choices, label="From which severity", initial=Severity.ATTENTION)
    causes = forms.MultipleChoiceField(
        choices=Cause.choices, required=False, widget=forms.CheckboxSelectMultiple, label="Only these causes",
        help_text="None chosen: all of them.",
    )  # fmt: skip


class ChangeChannelForm(ChannelForm):
    """The same of a channel that is there; its address is only asked for to change it."""

    is_active = forms.BooleanField(required=False, label="Tell it of incidents")
    field_order = ("name", "address", "least", "causes", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["transport"]
        self.fields["address"].required = False
        self.fields["address"].label = "Another address"
        self.fields["address"].help_text = "Leave it empty to go on sending where it is sent now."


class MuteForm(forms.Form):
    """What is not to be told, until when, and why."""

    feature = forms.ChoiceField(required=False, help_text="Leave it open for all of them.")
    signal = forms.ChoiceField(
        required=False, label="What about it", help_text="Leave it open for everything about the feature."
    )
    until = Moment(label="Until (UTC)")
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, *args: Any, features: list[tuple[str, str]], signals: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["feature"].choices = [("", "Every feature"), *features]  # type: ignore[attr-defined]
        self.fields["signal"].choices = [("", "Everything"), *signals.items()]  # type: ignore[attr-defined]


class WatchPlanForm(forms.Form):
    """What must be watched of a live endpoint of a tier."""

    kinds = forms.MultipleChoiceField(
        choices=MonitorKind.choices, required=False, widget=forms.CheckboxSelectMultiple, label="Must be watched"
    )
    baseline_needs_approval = forms.BooleanField(
        required=False, label="A new baseline takes effect only when it is signed"
    )
    keep_days = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=3660,
        label="Days for which rows are kept",
        help_text="Predictions, outcomes and feedback as they were sent. What they were counted into stays.",
    )
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), help_text="Why it changes.")


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}))


class SnoozeForm(forms.Form):
    """Until when, and why."""

    until = Moment(label="Until (UTC)")
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}))


class PeriodForm(forms.Form):
    """A period of predictions that shows how things should look from now on."""

    since = Moment(label="From (UTC)")
    until = Moment(label="To (UTC)")
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), help_text="Why this is how it should look.")


class HoldForm(forms.Form):
    """Rows with events in a period that are to be kept."""

    since = Moment(label="From (UTC)")
    until = Moment(label="To (UTC)")
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), help_text="Which dispute or inquiry it is for.")


class IncidentForm(forms.Form):
    """An incident that a person saw before any monitor."""

    cause = forms.ChoiceField(choices=Cause.choices, label="What is wrong")
    title = forms.CharField(max_length=250, label="In one sentence")
    severity = forms.ChoiceField(choices=Severity.choices)


class EntryForm(forms.Form):
    """A line for the log of an incident."""

    kind = forms.ChoiceField(
        choices=[(kind, label) for kind, label in EntryKind.choices if kind != EntryKind.SIGNAL], label="What it is"
    )
    text = forms.CharField(widget=forms.Textarea(attrs={"rows": 4}))


class CauseForm(forms.Form):
    """What caused it."""

    root_cause = forms.CharField(widget=forms.Textarea(attrs={"rows": 4}), label="What caused it")


class ResolveForm(forms.Form):
    """How it ended."""

    root_cause = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), label="What caused it")
    resolution = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), label="What was done about it")


class AssignForm(forms.Form):
    """Whose it is."""

    owner: forms.ModelChoiceField = forms.ModelChoiceField(queryset=None)

    def __init__(self, *args: Any, incident: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].queryset = access.people_with(Permission.INVESTIGATE, incident)  # type: ignore[attr-defined]


class Cuts(forms.CharField):
    """Numbers between commas."""

    def clean(self, value: str) -> list[float]:
        """The numbers."""
        try:
            return [float(part) for part in super().clean(value).replace(";", ",").split(",") if part.strip()]
        except ValueError as error:
            raise forms.ValidationError("Give numbers between commas, as 25, 40, 60.") from error


class SegmentForm(forms.Form):
    """A column to tell rows apart by."""

    column = forms.CharField(max_length=60, help_text="An input of the model, or a column that is sent beside them.")
    purpose = forms.ChoiceField(choices=Purpose.choices, initial=Purpose.SEGMENT, label="What it is for")
    cuts = Cuts(required=False, label="Where to cut a figure", help_text="As 25, 40, 60. Empty for words and codes.")
    is_protected = forms.BooleanField(
        required=False, label="A protected attribute", help_text="Groups are then held against the limits of fairness."
    )
    favourable = forms.CharField(
        max_length=200,
        required=False,
        label="Label that is good for a person",
        help_text="As the model gives it; empty for the positive one.",
    )
    top = forms.IntegerField(
        min_value=1, max_value=1000, required=False, initial=10, label="Places of a list that count"
    )
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), required=False)

    def settings(self) -> dict[str, Any]:
        """What the action takes."""
        return {**self.cleaned_data, "top": self.cleaned_data["top"] or 10}


class ValuesForm(forms.Form):
    """What right and wrong predictions are worth; only those of one kind of model are filled in."""

    currency = forms.CharField(max_length=3, initial="EUR")
    since = forms.DateField(
        widget=forms.DateInput(attrs={"type": "date"}), label="For predictions made from", help_text="This day on."
    )
    true_positive = forms.FloatField(required=False, label=WORDS["true_positive"])
    false_positive = forms.FloatField(required=False, label=WORDS["false_positive"])
    true_negative = forms.FloatField(required=False, label=WORDS["true_negative"])
    false_negative = forms.FloatField(required=False, label=WORDS["false_negative"])
    right = forms.FloatField(required=False, label=WORDS["right"], help_text="Models of several classes.")
    wrong = forms.FloatField(required=False, label=WORDS["wrong"])
    known = forms.FloatField(required=False, label=WORDS["known"], help_text="Models of figures.")
    error = forms.FloatField(required=False, label=WORDS["error"])
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), label="Where the amounts come from")

    AMOUNTS = ("true_positive", "false_positive", "true_negative", "false_negative", "right", "wrong", "known", "error")

    def settings(self) -> dict[str, Any]:
        """What the action takes."""
        given = dict(self.cleaned_data)
        amounts = {name: given.pop(name) for name in self.AMOUNTS}
        return {**given, "values": {name: amount for name, amount in amounts.items() if amount is not None}}


class FeedbackForm(forms.Form):
    """What the predictions are worth to a person."""

    rating = forms.TypedChoiceField(
        choices=[("", "–"), *[(str(n), str(n)) for n in range(1, 6)]], coerce=int, empty_value=None, required=False,
        help_text="1 is useless, 5 is just right.",
    )  # fmt: skip
    prediction_id = forms.CharField(
        max_length=200, required=False, label="Which prediction", help_text="If it is about one."
    )
    comment = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)
