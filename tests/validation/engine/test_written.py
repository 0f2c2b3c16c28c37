"""Plans and templates as text: read with lines, refused by field, never larger than they look."""

from __future__ import annotations

import json

import jsonschema
import pytest

from apps.validation.engine.base import Kind
from apps.validation.engine.plans import Subject, template
from apps.validation.engine.written import Unreadable, dump, lines_of, read, schema

HEAD = "model: late\nversion: 1\n"


def problems(text: str, of: str = "plan") -> list[str]:
    with pytest.raises(Unreadable) as error:
        read(text, of)
    return [str(problem) for problem in error.value.problems]


def test_text_is_read_with_the_line_of_every_part() -> None:
    text = read(HEAD + "slices:\n  young: age < 25\nchecks:\n  - key: perf.auc\n    fail: .7\n", "plan")

    assert text.value["checks"] == [{"key": "perf.auc", "fail": 0.7}]
    assert [text.line(path) for path in (["slices", "young"], ["checks", 0, "fail"], ["checks", 0, "warn"], ["x"])] == [
        4, 7, 6, 1,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version: x\n", ["Line 1: model is missing.", "Line 1, version: It is a whole number."]),
        ("tier: top\nkind: binary\nchecks: [{key: a}]", ["Line 1, tier: It is one of low, limited, high."]),
        (HEAD + "checks: []\n", ["Line 3, checks: It is at least 1 entries."]),
        (HEAD + "seed: -1\n", ["Line 3, seed: It is at least 0."]),
        (HEAD + "checks:\n- key: perf.auc\n  fial: 1\n", [
            "Line 5, checks.0.fial: There is no field fial; the fields are key, name, parameters, fail, warn, judged, "
            "required.",
        ]),
        (HEAD + "checks:\n- key: a\n  fail: .inf\n  warn: 1.0e+13\n", [
            "Line 5, checks.0.fail: It is a number or empty.",
            "Line 6, checks.0.warn: It is at most 1,000,000,000,000.0.",
        ]),
        ("model: no\nversion: 1\n", [
            "Line 1, model: It is a text; write it between quotes if it looks like something else."
        ]),
        ("a: [1,\n", ["Line 2: This is not YAML: expected the node content, but found '<stream end>'."]),
        ("", ["model, version is missing."]),
        ("- 1\n", ["Line 1: It begins with names and values, like model: late-flights."]),
        (HEAD + "model: b\n", ["Line 3, model: A name is a text, and there only once."]),
        ("model: &a [x]\nversion: *a\n", ["Line 1: Anchors and aliases (& and *) cannot be used here."]),
        ("model: !!python/object/apply:os.system [x]\n", ["Line 1: Tags (!) cannot be used here."]),
        ("[" * 50, ["Line 1: This is nested more than 20 deep."]),
        ("model: a\x07\n", ["Line 1: There is a character that nobody can see."]),
        ("x" * 200_001, ["The text has more than 200,000 characters."]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_field_and_line(text: str, expected: list[str]) -> None:
    assert problems(text, "template" if text.startswith("tier") else "plan") == expected


def test_few_lines_never_mean_many_entries() -> None:
    bomb = "a: &a [1,1]\n" + "".join(
        f"{one}: &{one} [*{two},*{two}]\n" for one, two in zip("bcdefgh", "abcdefg", strict=True)
    )

    assert problems(bomb) == ["Line 1: Anchors and aliases (& and *) cannot be used here."]


def test_json_is_read_by_the_same_rules_numbers_with_powers_too() -> None:
    value = {
        "model": "late",
        "version": 2,
        "checks": [{"key": "perf.auc", "fail": 1e-05, "warn": 2e-07}],
        "reason": "é\n",
    }

    assert read(json.dumps(value), "plan").value == value


@pytest.mark.parametrize("kind", Kind)
def test_built_in_template_survives_its_text(kind: Kind) -> None:
    items = [item.as_json() for item in template(Subject("high", kind, ["sex"]))]
    value = {"tier": "high", "kind": kind.value, "checks": list(lines_of(items))}

    assert read(dump(value), "template").value == value


def test_schemas_are_schemas() -> None:
    for of in ("plan", "template"):
        jsonschema.Draft202012Validator.check_schema(schema(of))
