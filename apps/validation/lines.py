"""The lines of a plan or a template as a form: what is in it, what could be, thresholds and parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from apps.core.errors import Invalid
from apps.validation.engine import LARGEST_LIMIT

PREFIX = "given_"
Line = dict[str, Any]


class ListField(forms.CharField):
    """A list written with commas, or as JSON where its entries are more than words and numbers."""

    def prepare_value(self, value: Any) -> Any:
        """The list as a person writes it."""
        if not isinstance(value, list):
            return value
        if any(isinstance(item, dict | list) for item in value):
            return json.dumps(value, ensure_ascii=False)
        return ", ".join(str(item) for item in value)

    def clean(self, value: Any) -> Any:
        """The entries: numbers where all are; a sentence for JSON that is none."""
        text = str(super().clean(value)).strip()
        if text.startswith("["):
            try:
                return json.loads(text)
            except ValueError:
                raise forms.ValidationError("This begins like JSON, and is none. Write entries with commas.") from None
        items = [item.strip() for item in text.split(",") if item.strip()]
        try:
            return [float(item) for item in items]
        except ValueError:
            return items


def field_of(name: str, parameter: Any) -> forms.Field:
    """The field that a parameter of a check is given in."""
    about: dict[str, Any] = {"label": name.replace("_", " "), "help_text": parameter.help, "required": False}
    if parameter.choices:
        return forms.ChoiceField(choices=[(one, one or "the usual one") for one in parameter.choices], **about)
    if isinstance(parameter.default, list):
        return ListField(**about)
    if isinstance(parameter.default, bool):
        return forms.BooleanField(**about)
    if isinstance(parameter.default, int):
        return forms.IntegerField(min_value=parameter.low, max_value=parameter.high, **about)
    if isinstance(parameter.default, float):
        return forms.FloatField(min_value=parameter.low, max_value=parameter.high, **about)
    return forms.CharField(max_length=500, **about)


class LineForm(forms.Form):
    """One check: whether it is in the plan, where it fails and warns, whether the verdict needs it, its parameters."""

    name = forms.CharField(widget=forms.HiddenInput)
    keep = forms.BooleanField(required=False)
    fail = forms.FloatField(required=False, min_value=-LARGEST_LIMIT, max_value=LARGEST_LIMIT)
    warn = forms.FloatField(required=False, min_value=-LARGEST_LIMIT, max_value=LARGEST_LIMIT)
    required = forms.BooleanField(required=False, label="Needed")

    def __init__(self, *args: Any, line: Line, parameters: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.line = line
        for name, parameter in parameters.items():
            self.fields[PREFIX + name] = field_of(name, parameter)

    @property
    def parameters(self) -> list[forms.BoundField]:
        """The fields of the parameters."""
        return [self[name] for name in self.fields if name.startswith(PREFIX)]

    def clean_name(self) -> str:
        """The name as it stands; a form that was made for another plan is refused."""
        name = str(self.cleaned_data["name"])
        if name != self.line["name"]:
            raise forms.ValidationError("The checks have changed meanwhile. Look through them again.")
        return name

    def written(self) -> Line:
        """The line as the form has it; a parameter that was not sent stays, one that was emptied is the default."""
        said = self.cleaned_data
        sent = {name.removeprefix(PREFIX): said[name] for name in said if self.add_prefix(name) in self.data}
        parameters = {name: value for name, value in self.line["parameters"].items() if name not in sent}
        parameters |= {name: sent[name] for name in sent if PREFIX + name in said and sent[name] not in (None, "", [])}
        judged: Line = {name: said[name] for name in ("fail", "warn", "required") if name in said}
        line: Line = {**self.line, **judged, "parameters": parameters}
        if parameters.get("attributes") != self.line["parameters"].get("attributes"):
            line.pop("name", None)  # it names the attributes
        return line


class OwnLineForm(LineForm):
    """One check by itself, outside a plan: thresholds, parameters, and why it is asked."""

    name = keep = required = None  # type: ignore[assignment]
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Why",
        help_text="What the plan does not tell you.",
    )
    field_order = ["reason", "fail", "warn"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["fail"].label, self.fields["warn"].label = "Fails at", "Warns at"
        self.order_fields(self.field_order)
        for name, field in self.fields.items():
            if name.startswith(PREFIX):
                field.label = str(field.label).capitalize()


class BaseLines(forms.BaseFormSet):
    """The lines together; each form knows its own line and the parameters of its check."""

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        """What the form of a line is made with."""
        rows: Sequence[dict[str, Any]] = self.form_kwargs["rows"]
        if index is None or index >= len(rows):
            raise Invalid("The checks have changed meanwhile. Look through them again.")
        return {name: rows[index][name] for name in ("line", "parameters")}

    def written(self) -> list[Line]:
        """The lines that are kept."""
        return [form.written() for form in self.forms if form.cleaned_data.get("keep")]


Lines = forms.formset_factory(LineForm, formset=BaseLines, extra=0, max_num=400, absolute_max=400)


def rows_of(lines: Sequence[Line], kind: str, tier: str, hidden: Sequence[str] = ()) -> list[dict[str, Any]]:
    """What the form is about: the lines there are, then every other check that can be put to this kind of model."""
    from apps.validation.engine.base import Kind
    from apps.validation.engine.registry import registry

    known = {check.key: check for check in registry().for_kind(Kind(kind))}
    there = {line["key"] for line in lines}
    rows: list[dict[str, Any]] = [{"line": line, "is_in": True} for line in lines]
    rows += [
        {"line": fresh_line(check, tier, kind), "is_in": False} for check in known.values() if check.key not in there
    ]
    for row in rows:
        check = known.get(row["line"]["key"])
        settings = check.parameters if check else {}
        row["parameters"] = {name: one for name, one in settings.items() if name not in hidden}
    return rows


def fresh_line(check: Any, tier: str, kind: str) -> Line:
    """A check that is not in the plan yet, with its own defaults."""
    limits = check.default_limits(tier, kind)
    return {
        "name": check.key,
        "key": check.key,
        "parameters": {},
        "fail": limits.fail,
        "warn": limits.warn,
        "judged": check.judged.value,
        "required": True,
    }


def settings_of(line: Line, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What the fields of a line's parameters hold at first."""
    return {PREFIX + name: line["parameters"].get(name, one.default) for name, one in parameters.items()}


def lines_form(rows: Sequence[dict[str, Any]], data: Any = None) -> Any:
    """The form of these rows, filled as they stand or as somebody sent it."""
    if data is not None:
        return Lines(data, prefix="lines", form_kwargs={"rows": rows})
    first = []
    for row in rows:
        line = row["line"]
        filled = settings_of(line, row["parameters"])
        first.append(
            {**{name: line[name] for name in ("name", "fail", "warn", "required")}, **filled, "keep": row["is_in"]}
        )
    return Lines(initial=first, prefix="lines", form_kwargs={"rows": rows})
