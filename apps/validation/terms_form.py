"""The form of conditions of use: one block for each, of which only the fields of its kind count."""

from collections.abc import Callable
from typing import Any

from django import forms

from apps.validation.engine.conditions import CONFIRM, INPUTS, MONITOR, PLACES, STATEMENT, TRAFFIC, UNTIL, WATCHED
from apps.validation.models import ConditionKind

BLOCKS = 3
ENFORCED = [choice for choice in ConditionKind.choices if choice[0] != STATEMENT]
LIMITS = sorted({limit for limits in WATCHED.values() for limit in limits})


class TermForm(forms.Form):
    """One condition. Without a kind the block is left out."""

    kind = forms.ChoiceField(choices=[("", "None"), *ENFORCED], required=False)
    date = forms.DateField(
        required=False, label="Until", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    environments = forms.CharField(required=False, help_text="Keys, separated by commas: staging.")
    endpoints = forms.CharField(required=False, help_text="Keys, separated by commas.")
    share = forms.FloatField(
        required=False, min_value=0, max_value=100, label="Percent of callers", help_text="0: in the shadow only."
    )
    column = forms.ChoiceField(required=False, label="Input")
    least = forms.FloatField(required=False, label="From")
    most = forms.FloatField(required=False, label="Up to")
    values = forms.CharField(required=False, help_text="Of an input that is no number; separated by commas.")
    monitor = forms.ChoiceField(choices=[("", ""), *((kind, kind) for kind in WATCHED)], required=False)
    limit = forms.ChoiceField(choices=[("", ""), *((limit, limit) for limit in LIMITS)], required=False)
    value = forms.FloatField(required=False, label="Its value", help_text="The monitor is at least as strict.")
    text = forms.CharField(required=False, label="In your words", widget=forms.Textarea(attrs={"rows": 2}))
    is_strict = forms.BooleanField(
        required=False,
        label="Strict",
        help_text="What goes beyond it gets no answer. Otherwise it is flagged, counted and told.",
    )

    def __init__(self, *args: Any, columns: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["column"].choices = [("", ""), *((name, name) for name in columns)]  # type: ignore[attr-defined]

    def written(self) -> dict[str, Any]:
        """The condition as the engine reads it."""
        given = self.cleaned_data
        readers: dict[str, Callable[[], dict[str, Any]]] = {
            UNTIL: lambda: {"date": given["date"].isoformat() if given["date"] else ""},
            PLACES: lambda: {name: _listed(given[name]) for name in ("environments", "endpoints")},
            TRAFFIC: lambda: {"most": None if given["share"] is None else given["share"] / 100},
            INPUTS: lambda: {
                "column": given["column"], "least": given["least"], "most": given["most"],
                "values": _listed(given["values"]),
            },
            MONITOR: lambda: {"kind": given["monitor"], "limit": given["limit"], "value": given["value"]},
            CONFIRM: dict,
        }  # fmt: skip
        limits = readers[given["kind"]]()
        return {"kind": given["kind"], "limits": limits, "text": given["text"], "is_strict": given["is_strict"]}


class BaseTerms(forms.BaseFormSet):
    """The conditions of a conclusion."""

    def written(self) -> list[dict[str, Any]]:
        """Those that were given."""
        return [form.written() for form in self.forms if form.cleaned_data.get("kind")]


def terms_form(version: Any, data: Any = None) -> Any:
    """Empty blocks for the conditions of a version."""
    made = forms.formset_factory(TermForm, formset=BaseTerms, extra=BLOCKS, max_num=30)
    columns = [column["name"] for column in version.signature["inputs"]]
    return made(data, prefix="terms", form_kwargs={"columns": columns})


def _listed(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]
