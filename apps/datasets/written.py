"""Forms made from what the engine says of its steps and rules, and the recipe editor that puts them in a row."""

import re
from collections.abc import Callable
from typing import Any

from django import forms

from apps.core.pairs import LINES, lines, pairs
from apps.datasets.engine.errors import DataError
from apps.datasets.forms import words

_CONDITION = re.compile(
    r"^(?P<column>.+?)\s+(?P<operator>is missing|is present|missing|present|not_in|not in|in|==|!=|<=|>=|<|>|=)"
    r"(?:\s+(?P<rest>.*))?$"
)
MOST_STEPS = 120
_SAME = {"=": "==", "is missing": "missing", "is present": "present", "not in": "not_in"}


def single(text: str) -> Any:
    """What somebody typed as the value it reads as: 15, 1.5, true; anything that would be written otherwise is text."""
    text = text.strip()
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            if str(kind(text)) == text:
                return kind(text)
        except ValueError:
            pass
    return text or None


def condition_of(line: str) -> dict[str, Any]:
    """`delay >= 15`, `carrier in UA, AA`, `delay is missing`, `arrival > [departure]` as plain values."""
    found = _CONDITION.match(line.strip())
    if found is None:
        raise forms.ValidationError(f"“{line.strip()}” is not written as column, operator, value.")
    operator = _SAME.get(found["operator"], found["operator"])
    rest = (found["rest"] or "").strip()
    raw: dict[str, Any] = {"column": found["column"], "operator": operator}
    if operator in ("missing", "present"):
        return raw
    if operator in ("in", "not_in"):
        return raw | {"value": [single(word) for word in words(rest)]}
    if rest.startswith("[") and rest.endswith("]"):
        return raw | {"other": rest[1:-1]}
    return raw | {"value": single(rest)}


def _condition_line(raw: dict[str, Any]) -> str:
    if raw["operator"] in ("missing", "present"):
        return f"{raw['column']} is {raw['operator']}"
    if "other" in raw:
        return f"{raw['column']} {raw['operator']} [{raw['other']}]"
    value = raw.get("value")
    return f"{raw['column']} {raw['operator']} {', '.join(map(str, value)) if isinstance(value, list) else value}"


def _conditions(text: str) -> list[dict[str, Any]]:
    return [condition_of(line) for line in text.splitlines() if line.strip()]


def _mapping(text: str) -> dict[str, Any]:
    return {old: single(new) for old, new in pairs(text).items()}


def _keys(text: str) -> Any:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return pairs("\n".join(line if "=" in line or "→" in line else f"{line} = {line}" for line in lines))


# How what is typed becomes plain values, by the kind of a field; all else is taken as it is.
_READ: dict[str, Callable[[str], Any]] = {
    "texts": lambda text: [line.strip() for line in text.splitlines() if line.strip()],
    "number": single,
    "value": single,
    "values": lambda text: [single(word) for word in words(text)],
    "mapping": _mapping,
    "names": pairs,
    "keys": _keys,
    "conditions": _conditions,
}
_HINTS = {
    "texts": "One to a line.",
    "values": "With commas.",
    "mapping": "One to a line: old = new.",
    "names": "One to a line: column = text.",
    "keys": "One to a line: a name that is the same on both sides, or here = there.",
    "conditions": "One to a line: delay >= 15, carrier in UA, AA, delay is missing, arrival > [departure].",
}


def _shown(kind: str, value: Any) -> Any:
    """A plain value as the field shows it."""
    if value is None:
        return ""
    if kind == "texts":
        return "\n".join(value)
    if kind == "values":
        return ", ".join(map(str, value))
    if kind in ("mapping", "names"):
        return lines({old: "" if new is None else new for old, new in value.items()})
    if kind == "keys":
        listed = value.items() if isinstance(value, dict) else [(name, name) for name in value]
        return "\n".join(left if left == right else f"{left} = {right}" for left, right in listed)
    if kind == "conditions":
        return "\n".join(_condition_line(raw) for raw in value)
    return str(value).lower() if isinstance(value, bool) and kind == "value" else value


class _Named(forms.ChoiceField):
    """A choice of what is there; whether another name would do is the engine's to say."""

    def valid_value(self, value: Any) -> bool:
        return True


class _AllNamed(forms.MultipleChoiceField):
    """Several of what is there, in the same way."""

    def valid_value(self, value: Any) -> bool:
        return True


class DeclaredForm(forms.Form):
    """One step or rule: a field for each of its settings. Whether the values fit together is the engine's to say."""

    def __init__(
        self, described: dict[str, Any], columns: list[str], tables: list[str], *args: Any, **kwargs: Any
    ) -> None:
        initial: dict[str, Any] = kwargs.pop("initial", None) or {}
        kinds = {field["name"]: field["kind"] for field in described["fields"]}
        shown = {name: _shown(kinds[name], value) for name, value in initial.items() if name in kinds}
        kwargs["initial"] = shown
        super().__init__(*args, **kwargs)
        self.described = described
        for field in described["fields"]:
            self.fields[field["name"]] = self._field(field, columns, tables, shown.get(field["name"]))

    @property
    def word(self) -> str:
        """The name under which its kind stands: step or rule."""
        return "step" if "step" in self.described else "rule"

    def _field(self, field: dict[str, Any], columns: list[str], tables: list[str], value: Any) -> forms.Field:
        kind = field["kind"]
        hint = " ".join(filter(None, [field["help"], _HINTS.get(kind, "")]))
        needed = f"{field['label']} is needed."
        common: dict[str, Any] = {
            "required": field["needed"],
            "label": field["label"],
            "help_text": hint,
            "error_messages": {"required": needed},
        }
        if kind == "flag":
            return forms.BooleanField(**(common | {"required": False}), initial=field["default"])
        if kind == "choice":
            choices = [(choice, choice.replace("_", " ")) for choice in field["choices"]]
            return forms.ChoiceField(**common, choices=choices, initial=field["default"])
        if kind in ("column", "table"):
            offered = columns if kind == "column" else tables
            return _Named(**common, choices=[("", "–"), *_offered(offered, [value] if value else [])])
        if kind == "columns":
            widget = forms.SelectMultiple(attrs={"size": min(8, max(3, len(columns)))})
            return _AllNamed(**common, choices=_offered(columns, value or []), widget=widget)
        area = kind in ("texts", "mapping", "names", "keys", "conditions")
        default = _shown(kind, field["default"])
        return forms.CharField(**common, widget=LINES if area else forms.TextInput(), initial=default, strip=False)

    def raw(self) -> dict[str, Any]:
        """What was typed as plain values for the engine; what cannot be read is put on its field."""
        found: dict[str, Any] = {self.word: self.described[self.word]}
        for field in self.described["fields"]:
            value = self.cleaned_data.get(field["name"])
            if value in ("", [], None) or (field["kind"] == "flag" and value == field["default"]):
                continue
            try:
                found[field["name"]] = _READ.get(field["kind"], lambda same: same)(value)
            except forms.ValidationError as error:
                self.add_error(field["name"], error)
        return found


def _offered(names: list[str], chosen: list[str]) -> list[tuple[str, str]]:
    """The names to choose from, with those that are chosen but no longer there."""
    return [(name, name) for name in [*names, *[name for name in chosen if name not in names]]]


class RecipeEditor:
    """A recipe as a row of forms, changed by buttons: add, remove, up, down, take over from YAML."""

    def __init__(self, schema: list[dict[str, Any]], tables: dict[str, Any], steps: list[dict[str, Any]]) -> None:
        from apps.datasets.engine.preparation import described

        self.kinds = {kind["step"]: kind for kind in described()}
        self.schema, self.tables, self.steps = schema, tables, steps
        self.problems: list[str] = []
        self.forms = [self._form(number, step) for number, step in enumerate(steps)]

    @classmethod
    def posted(cls, schema: list[dict[str, Any]], tables: dict[str, Any], data: Any) -> "RecipeEditor":
        """The editor as it was sent, with its buttons' wish carried out."""
        editor = cls(schema, tables, [])
        for number, kind in enumerate(data.getlist("kind")[:MOST_STEPS]):
            if kind in editor.kinds:
                form = editor._form(number, {"step": kind}, data)
                form.is_valid()
                editor.forms.append(form)
                editor.steps.append(form.raw())
        return editor._carried_out(data.get("do", ""), data)

    def _carried_out(self, wish: str, data: Any) -> "RecipeEditor":
        verb, _, at = wish.partition("-")
        steps, place = list(self.steps), int(at) if at.isdecimal() else -1
        if verb == "add" and data.get("add") in self.kinds:
            steps.append({"step": data["add"]})
        elif verb == "remove" and 0 <= place < len(steps):
            steps.pop(place)
        elif verb == "up" and 0 < place < len(steps):
            steps[place - 1], steps[place] = steps[place], steps[place - 1]
        elif verb == "down" and 0 <= place < len(steps) - 1:
            steps[place + 1], steps[place] = steps[place], steps[place + 1]
        else:
            return self
        return RecipeEditor(self.schema, self.tables, steps)

    def _form(self, number: int, step: dict[str, Any], data: Any = None) -> DeclaredForm:
        columns = self._columns_before(number)
        return DeclaredForm(
            self.kinds[step["step"]],
            columns,
            list(self.tables),
            data,
            prefix=f"step-{number}",
            initial={name: value for name, value in step.items() if name != "step"},
        )

    def _columns_before(self, number: int) -> list[str]:
        """The columns that a step can use: those before the recipe, and what the steps before it add."""
        from apps.datasets.engine.preparation import Recipe
        from apps.datasets.engine.schema import Schema

        here = Schema.from_list(self.schema)
        tables = {name: Schema.from_list(schema) for name, schema in self.tables.items()}
        names = list(here.names)
        for step in self.steps[:number]:
            try:
                here = Recipe.from_list([step]).schemas(here, tables)[-1]
            except DataError:
                continue
            names += [name for name in here.names if name not in names]
        return names

    @property
    def is_readable(self) -> bool:
        """Whether every field could be read as what it is."""
        return not any(form.is_bound and form.errors for form in self.forms)

    def show(self, problems: list[dict[str, Any]]) -> None:
        """Put the engine's problems on the fields they are about."""
        for problem in problems:
            number = problem["step"] - 1
            if 0 <= number < len(self.forms):
                form = self.forms[number]
                if not form.is_bound:
                    form = self.forms[number] = self._bound(number)
                form.add_error(problem["field"] if problem["field"] in form.fields else None, problem["sentence"])
            else:
                self.problems.append(problem["sentence"])

    def _bound(self, number: int) -> DeclaredForm:
        form = self.forms[number]
        data = {f"{form.prefix}-{name}": value for name, value in form.initial.items()}
        bound = DeclaredForm(
            form.described, self._columns_before(number), list(self.tables), data, prefix=form.prefix,
            initial=self.steps[number],
        )  # fmt: skip
        bound.is_valid()
        return bound


def rule_kinds() -> list[dict[str, Any]]:
    """Every kind of quality rule, for a choice."""
    from apps.datasets.engine.quality import described

    return described()
