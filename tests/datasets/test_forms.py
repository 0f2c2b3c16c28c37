"""What people type in forms, as plain values for the engine and back."""

import pytest
from django import forms
from django.http import QueryDict

from apps.datasets.engine.preparation import described
from apps.datasets.forms import ReadForm, SplitForm, pairs, words
from apps.datasets.written import DeclaredForm, RecipeEditor, condition_of, single

SCHEMA = [
    {"name": "day", "type": "date", "nullable": True, "unit": "", "role": ""},
    {"name": "delay", "type": "integer", "nullable": True, "unit": "", "role": ""},
]
KINDS = {kind["step"]: kind for kind in described()}


@pytest.mark.parametrize(
    ("text", "value"),
    [("15", 15), ("1.5", 1.5), ("007", "007"), ("1.50", "1.50"), ("true", True), (" x ", "x"), ("", None), ("-3", -3)],
)
def test_a_single_value_is_what_it_reads_as(text, value):
    assert single(text) == value


@pytest.mark.parametrize(
    ("line", "raw"),
    [
        ("delay >= 15", {"column": "delay", "operator": ">=", "value": 15}),
        ("delay = 15", {"column": "delay", "operator": "==", "value": 15}),
        ("carrier in UA, AA", {"column": "carrier", "operator": "in", "value": ["UA", "AA"]}),
        ("carrier not in UA", {"column": "carrier", "operator": "not_in", "value": ["UA"]}),
        ("delay is missing", {"column": "delay", "operator": "missing"}),
        ("arr delay present", {"column": "arr delay", "operator": "present"}),
        ("arrival > [departure]", {"column": "arrival", "operator": ">", "other": "departure"}),
    ],
)
def test_a_condition_is_read_from_a_line(line, raw):
    assert condition_of(line) == raw


def test_a_line_that_is_no_condition_is_refused():
    with pytest.raises(forms.ValidationError, match="is not written as column"):
        condition_of("delay somehow 3")


def test_pairs_and_lists_are_read_from_lines():
    assert pairs("a = b\n\nc → d\ne => f = g\nh =") == {"a": "b", "c": "d", "e": "f = g", "h": ""}
    assert words("a, b\nc,") == ["a", "b", "c"]
    with pytest.raises(forms.ValidationError, match="name = value"):
        pairs("a b")


STEPS = [
    {"step": "drop_duplicates", "columns": ["delay"], "keep": "last"},
    {"step": "fill_missing", "columns": ["delay"], "method": "constant", "value": 0, "indicator": True},
    {"step": "map_values", "column": "delay", "mapping": {"1": 2, "3": None}},
    {"step": "limit_range", "column": "delay", "minimum": -60, "action": "clip"},
    {"step": "parse_dates", "columns": ["delay"], "formats": ["%d/%m/%Y", "%d %b, %Y"]},
    {"step": "convert_units", "columns": ["delay"], "to_unit": "h", "factor": 0.5, "offset": 1},
    {"step": "rename", "names": {"delay": "late"}},
    {"step": "join", "table": "weather@1", "on": {"day": "date", "delay": "delay"}, "prefix": "w_"},
    {
        "step": "filter_rows",
        "conditions": [
            {"column": "delay", "operator": "in", "value": [1, 2]},
            {"column": "delay", "operator": "missing"},
            {"column": "day", "operator": ">", "other": "delay"},
        ],
        "match": "any",
    },
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step["step"])
def test_a_step_survives_its_form(step):
    kind = KINDS[step["step"]]
    shown = DeclaredForm(kind, ["day", "delay"], ["weather@1"], initial=step, prefix="s")
    typed = QueryDict(mutable=True)
    for name, field in shown.fields.items():
        value = shown.get_initial_for_field(field, name)
        if isinstance(value, list | tuple):
            typed.setlist(f"s-{name}", value)
        elif value is True:
            typed[f"s-{name}"] = "on"
        elif value is not None and value is not False:
            typed[f"s-{name}"] = str(value)
    form = DeclaredForm(kind, ["day", "delay"], ["weather@1"], typed, prefix="s")

    assert form.is_valid(), form.errors
    raw = form.raw()
    assert not form.errors
    assert {name: raw[name] for name in step} == step


def test_a_setting_that_is_needed_is_asked_for():
    form = DeclaredForm(KINDS["change_case"], ["delay"], [], {"s-case": "lower"}, prefix="s")

    assert not form.is_valid()
    assert form.errors == {"columns": ["Columns is needed."]}


def test_columns_that_earlier_steps_add_can_be_chosen():
    steps = [
        {"step": "derive", "name": "late", "operation": "above", "columns": ["delay"], "value": 15},
        {"step": "keep_columns", "columns": ["late"]},
    ]

    editor = RecipeEditor(SCHEMA, {}, steps)

    assert [choice for choice, _ in editor.forms[1].fields["columns"].choices] == ["day", "delay", "late"]


def test_a_step_that_cannot_be_read_yet_does_not_hide_the_others():
    editor = RecipeEditor(SCHEMA, {}, [{"step": "rename"}, {"step": "drop_columns"}])

    assert [choice for choice, _ in editor.forms[1].fields["columns"].choices] == ["day", "delay"]


def test_options_survive_their_form():
    options = {
        "column_names": ["age", "work"], "skip_lines": 1, "delimiter": "\t", "trim": True, "broken_rows": "skip",
        "types": {"age": "number"}, "roles": {"work": "protected"}, "required": ["age"],
        "null_values": ["", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null", "?"],
    }  # fmt: skip
    form = ReadForm({**ReadForm.initial_of(options), "wrong_values": "refuse"})

    assert form.is_valid(), form.errors
    assert form.options() == {**options, "wrong_values": "refuse"}


def test_a_plan_is_read_from_lines():
    form = SplitForm(
        {"method": "random", "parts": "train = 70%\ntest = 0.3", "seed": "4", "stratify": "delay", "column": "day"},
        schema=SCHEMA,
    )
    assert form.is_valid(), form.errors
    assert form.plan() == {
        "method": "random",
        "parts": [{"name": "train", "share": 0.7}, {"name": "test", "share": 0.3}],
        "stratify": "delay",
        "seed": 4,
    }
    form = SplitForm(
        {"method": "time", "parts": "train = 2013-04-01\ntest", "column": "day", "seed": "1"}, schema=SCHEMA
    )
    assert form.is_valid(), form.errors
    assert form.plan() == {
        "method": "time",
        "parts": [{"name": "train", "until": "2013-04-01"}, {"name": "test"}],
        "column": "day",
    }
