"""The form in which the rules of judging are written: a line for each rule of severity, and figures by tier."""

from typing import Any

from django import forms

from apps.validation.engine.judging import LONGEST, SEVERITIES, TIERS, TRIGGERS, Again, Judging
from apps.validation.models import Severity
from apps.validation.models.plans import FAMILIES
from apps.validation.models.plans import TIERS as TIER_LABELS

WHOSE = [("", "Any check"), ("yes", "Required by the plan"), ("no", "Not required")]
REQUIRED = {"": None, "yes": True, "no": False}
LABELS = dict(TIER_LABELS)
TRIGGER_LABELS = {
    "artifact": "the artifact changed",
    "data": "its data changed",
    "purpose": "its purpose changed",
    "breach": "a limit of monitoring was passed",
    "incident": "an incident",
    "date": "the date",
}
SPARE = 3


class RuleForm(forms.Form):
    """One rule: what it is about, and what it gives. Without a severity the line is left out."""

    family = forms.ChoiceField(choices=[("", "Any family"), *FAMILIES], required=False)
    tier = forms.ChoiceField(choices=[("", "Any tier"), *TIER_LABELS], required=False)
    required = forms.ChoiceField(choices=WHOSE, required=False, label="Which checks")
    beyond = forms.FloatField(
        required=False, min_value=0, max_value=10_000, label="Beyond the threshold by", help_text="In percent of it."
    )
    severity = forms.ChoiceField(choices=[("", "Leave out"), *Severity.choices], required=False)


class BaseRuleLines(forms.BaseFormSet):
    """The rules in their order; the first that fits decides."""

    def written(self) -> list[dict[str, Any]]:
        """The lines as the engine reads them."""
        return [
            {
                "family": line["family"],
                "tier": line["tier"],
                "required": REQUIRED[line["required"]],
                "beyond": (line["beyond"] or 0) / 100,
                "severity": line["severity"],
            }
            for form in self.forms
            if (line := form.cleaned_data).get("severity")
        ]


def rule_lines(rules: Judging, data: Any = None) -> Any:
    """The formset with the rules in force, and room for more."""
    names = {value: name for name, value in REQUIRED.items()}
    initial = [
        {
            "family": rule.family,
            "tier": rule.tier,
            "required": names[rule.required],
            "beyond": rule.beyond * 100 or None,
            "severity": rule.severity,
        }
        for rule in rules.severity
    ]
    made = forms.formset_factory(RuleForm, formset=BaseRuleLines, extra=SPARE, max_num=60)
    return made(data, initial=initial, prefix="rules")


def _days(label: str, text: str = "") -> forms.IntegerField:
    return forms.IntegerField(min_value=1, max_value=LONGEST, label=label, help_text=text)


class RulesForm(forms.Form):
    """Days, periods and independence, and why they change."""

    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), label="Why they change")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reason = self.fields.pop("reason")
        for severity in reversed(SEVERITIES):
            label = f"Days to put right what is {severity}"
            self.fields[f"days_{severity}"] = _days(label)
        for tier in TIERS:
            self._add_tier(tier, LABELS[tier])
        self.fields["reason"] = reason

    def _add_tier(self, tier: str, label: str) -> None:
        self.fields[f"every_{tier}"] = _days(f"{label}: days from one validation to the next")
        self.fields[f"within_{tier}"] = _days(f"{label}: days to revalidate after a trigger")
        self.fields[f"triggers_{tier}"] = forms.MultipleChoiceField(
            choices=list(TRIGGER_LABELS.items()),
            required=False,
            widget=forms.CheckboxSelectMultiple,
            label=f"{label}: revalidated because of",
        )
        self.fields[f"independence_{tier}"] = forms.ChoiceField(
            choices=[("person", "Another person"), ("team", "A person of another team")],
            label=f"{label}: who examines it",
        )
        self.fields[f"holds_{tier}"] = forms.BooleanField(
            required=False, label=f"{label}: an overdue revalidation holds up new traffic"
        )

    @staticmethod
    def begun(rules: Judging) -> dict[str, Any]:
        """The values the form begins with."""
        begun: dict[str, Any] = {f"days_{severity}": days for severity, days in rules.days.items()}
        for tier in TIERS:
            again: Again = rules.again[tier]
            begun |= {
                f"every_{tier}": again.every,
                f"within_{tier}": again.within,
                f"triggers_{tier}": list(again.triggers),
                f"independence_{tier}": rules.independence[tier],
                f"holds_{tier}": tier in rules.holds,
            }
        return begun

    def content(self) -> dict[str, Any]:
        """What was written, as the engine reads it."""
        given = self.cleaned_data
        return {
            "days": {severity: given[f"days_{severity}"] for severity in SEVERITIES},
            "again": {
                tier: {
                    "every": given[f"every_{tier}"],
                    "within": given[f"within_{tier}"],
                    "triggers": [one for one in TRIGGERS if one in given[f"triggers_{tier}"]],
                }
                for tier in TIERS
            },
            "independence": {tier: given[f"independence_{tier}"] for tier in TIERS},
            "holds": [tier for tier in TIERS if given[f"holds_{tier}"]],
        }
