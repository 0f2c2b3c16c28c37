"""Keeping the conditions under which a validator found a version fit."""

from collections.abc import Mapping, Sequence
from typing import Any

from apps.core.errors import Invalid
from apps.validation.engine import conditions as engine
from apps.validation.models import Condition, ValidationRun

NEEDED = "Say under which conditions it is fit."


def read_conditions(version: Any, terms: Sequence[Mapping[str, Any]], words: str) -> list[engine.Condition]:
    """What was given, checked against the model's inputs; words without a kind have to be acknowledged by somebody."""
    inputs = {column["name"]: column["type"] for column in version.signature["inputs"]}
    given = [*terms, *({"kind": engine.STATEMENT, "text": line} for line in words.splitlines() if line.strip())]
    read = []
    for number, one in enumerate(given, start=1):
        try:
            read.append(engine.read(one, inputs))
        except engine.Unusable as error:
            sentence = f"Condition {number}: {error}"
            raise Invalid(sentence, {"terms" if number <= len(terms) else "conditions": sentence}) from None
    if not read:
        raise Invalid(NEEDED, {"conditions": NEEDED})
    return read


def keep_conditions(run: ValidationRun, read: Sequence[engine.Condition]) -> list[Condition]:
    """The conditions of a run that was just concluded, numbered in their order."""
    kept = [
        Condition(run=run, number=number, kind=one.kind, limits=one.limits, text=one.text, is_strict=one.is_strict)
        for number, one in enumerate(read, start=1)
    ]
    for condition in kept:
        condition.save(force_insert=True)
    return kept
