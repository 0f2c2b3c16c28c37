"""Forms of projects."""

from typing import Any

from django import forms

from apps.organizations import access
from apps.projects.engine.matrix import IMPACTS, LIKELIHOODS
from apps.projects.engine.questionnaire import Questionnaire
from apps.projects.models import Automation, Direction, PersonalData, RiskCategory, SourceKind, Treatment

LIKELIHOOD = [(number, f"{number} – {name}") for number, name in sorted(LIKELIHOODS.items())]
IMPACT = [(number, f"{number} – {name}") for number, name in sorted(IMPACTS.items())]


def text(rows: int = 4, **options: Any) -> forms.CharField:
    """A field for several lines."""
    return forms.CharField(widget=forms.Textarea(attrs={"rows": rows}), **options)


class PersonField(forms.ModelChoiceField):
    """A member of the organization; the people are looked up when the form is made."""

    def __init__(self, **options: Any) -> None:
        super().__init__(queryset=None, **options)


class PeopleForm(forms.Form):
    """Base of forms that choose people."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field, PersonField):
                field.queryset = access.members()


class CharterForm(PeopleForm):
    """What the project is for."""

    title = forms.CharField(max_length=200)
    problem = text(help_text="What goes wrong today, for whom, and what it costs.")
    outcomes = text(
        required=False,
        label="Expected outcomes",
        help_text="What will be better, said so that one can see whether it is.",
    )
    intended_users = text(3, required=False, help_text="Who will work with the results.")
    affected_persons = text(3, required=False, help_text="Whom the results touch, even if they never see them.")
    automation = forms.ChoiceField(
        choices=Automation.choices,
        widget=forms.RadioSelect,
        label="How far it acts by itself",
        initial=Automation.ADVICE,
    )
    owner = PersonField(help_text="Answers for the project and gets the role of business owner.")
    sponsor = PersonField(required=False, help_text="Pays for it and wants the outcome.")

    fieldsets = [
        ("What it is for", ["title", "key", "problem", "outcomes"]),
        ("Whom it touches", ["intended_users", "affected_persons", "automation"]),
        ("Who answers for it", ["owner", "sponsor"]),
    ]


class NewProjectForm(CharterForm):
    """A new project also needs its key."""

    key = forms.SlugField(
        max_length=50, help_text="Small letters, digits and hyphens; it appears in addresses and stays."
    )


class ReasonForm(forms.Form):
    """A reason that others will read."""

    reason = text(3, help_text="Kept in the audit chain.")


class MessageForm(forms.Form):
    """A word to those who decide."""

    message = text(3, required=False, help_text="What the signers should know. Optional.")


class MetricForm(forms.Form):
    """One promise in numbers."""

    name = forms.CharField(max_length=120, help_text="As the business calls it: “Missed connections”.")
    description = text(2, required=False, help_text="How it is measured.")
    unit = forms.CharField(max_length=40, required=False, help_text="%, minutes, €")
    direction = forms.ChoiceField(choices=Direction.choices, widget=forms.RadioSelect, initial=Direction.HIGHER)
    baseline = forms.FloatField(required=False, help_text="Where it stands today.")
    target = forms.FloatField(help_text="Where it shall be.")
    due_on = forms.DateField(label="By when", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))


class ReadingForm(forms.Form):
    """What was measured."""

    value = forms.FloatField()
    at = forms.DateTimeField(
        label="Measured at", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )
    source = forms.CharField(max_length=200, help_text="Where the figure comes from: a report, a system, a person.")
    note = text(2, required=False)


class RequirementForm(PeopleForm):
    """Data the project needs."""

    kind = forms.ChoiceField(choices=SourceKind.choices, label="Kind of source")
    description = text(3, help_text="What it contains, from when to when, how it comes.")
    owner = PersonField(required=False, help_text="Who may decide about this data.")
    personal_data = forms.ChoiceField(choices=PersonalData.choices, widget=forms.RadioSelect, initial=PersonalData.NONE)


class RiskForm(PeopleForm):
    """A risk, what is done about it and what remains."""

    title = forms.CharField(max_length=200, help_text="What could happen.")
    description = text(2, required=False, help_text="Why it could, and what it would mean.")
    category = forms.ChoiceField(choices=RiskCategory.choices, initial=RiskCategory.MODEL)
    likelihood = forms.TypedChoiceField(choices=LIKELIHOOD, coerce=int)
    impact = forms.TypedChoiceField(choices=IMPACT, coerce=int)
    treatment = forms.ChoiceField(choices=Treatment.choices, widget=forms.RadioSelect, initial=Treatment.REDUCE)
    measures = text(3, required=False, help_text="What is done about it, by whom.")
    residual_likelihood = forms.TypedChoiceField(
        choices=[("", "not said yet"), *LIKELIHOOD],
        coerce=int,
        empty_value=None,
        required=False,
        label="Remaining likelihood",
    )
    residual_impact = forms.TypedChoiceField(
        choices=[("", "not said yet"), *IMPACT], coerce=int, empty_value=None, required=False, label="Remaining impact"
    )
    owner = PersonField(help_text="Who sees to the measures. The owner cannot accept what remains.")

    fieldsets = [
        ("As things stand", ["title", "description", "category", "likelihood", "impact"]),
        ("What is done about it", ["treatment", "measures", "owner"]),
        ("What remains", ["residual_likelihood", "residual_impact"]),
    ]


class StakeholderForm(PeopleForm):
    """Somebody with an interest."""

    user = PersonField(required=False, label="Member")
    name = forms.CharField(
        max_length=120, required=False, label="Or somebody outside", help_text="A person, a group, an authority."
    )
    role = forms.CharField(max_length=120, help_text="As what: works council, regulator, customer service, …")
    interest = text(2, required=False, help_text="What matters to them.")


class AssessmentForm(forms.Form):
    """The questionnaire's questions, as its version asks them."""

    def __init__(self, *args: Any, asked: Questionnaire, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for question in asked.questions:
            choices = [(answer.key, answer.text) for answer in question.answers]
            options: dict[str, Any] = {"choices": choices, "label": question.text, "help_text": question.help}
            self.fields[question.key] = (
                forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, **options)
                if question.many
                else forms.ChoiceField(widget=forms.RadioSelect, **options)
            )
