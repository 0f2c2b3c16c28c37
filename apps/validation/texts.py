"""Plans and templates as text: what stands in a row as YAML, and a row written from what somebody sent."""

from collections.abc import Callable, Mapping
from typing import Any

from apps.core.errors import Invalid, NotVisible
from apps.datasets.models import DatasetVersion
from apps.models.models import ModelVersion
from apps.organizations.bases import fetch
from apps.validation import actions
from apps.validation.dry_run import DryRun, dry_run
from apps.validation.models import Plan, Template
from apps.validation.models.plans import COLUMN_ROLES, DATA_ROLES

Found = dict[str, Any]
# Where an action finds fault with a field of its own, what that is in the text.
PATHS = {
    "lines": ("checks",),
    **{f"{role}_column": ("columns", role) for role in COLUMN_ROLES},
    **{f"{role}_data": ("data", role) for role in DATA_ROLES},
}


def of_plan(plan: Plan) -> Found:
    """A plan as it is written, so that reading it again gives the same."""
    from apps.validation.engine.written import lines_of

    return _filled(
        {
            "model": plan.version.model.key,
            "version": plan.version.number,
            "kind": plan.kind,
            "data": {role: _data(one) for role, one in plan.data.items()},
            "columns": plan.columns,
            "attributes": plan.attributes,
            "favourable": plan.favourable,
            "slices": {one["name"]: one["where"] for one in plan.slices},
            "evidence": plan.evidence,
            "seed": plan.seed,
            "max_rows": plan.max_rows,
            "reason": plan.reason,
            "checks": list(lines_of([line.as_line() for line in plan.checks.all()])),
        }
    )


def of_template(tier: str, kind: str, lines: Any, setup: Mapping[str, Any], reason: str = "") -> Found:
    """A template as it is written."""
    from apps.validation.engine.written import lines_of

    slices = {one["name"]: one["where"] for one in setup.get("slices", [])}
    parts = {**setup, "slices": slices}
    named = {name: parts.get(name) for name in ("columns", "attributes", "slices", "evidence")}
    return _filled({"tier": tier, "kind": kind, **named, "reason": reason, "checks": list(lines_of(lines))})


def as_text(written: Found) -> str:
    """The same as YAML."""
    from apps.validation.engine.written import dump

    return dump(written)


def write_template(*, text: str, by: Any, reason: str = "") -> Template:
    """Put a new version of a template in force from a text; Invalid with what is wrong by field and line."""
    given = read(text, "template")
    return _told(given, lambda: actions.write_template(by=by, **template_parts(given.value, reason)))


def try_template(*, text: str, by: Any) -> DryRun:
    """What a template as text would say of the versions there are; Invalid with what is wrong by field and line."""
    given = read(text, "template")
    parts = template_parts(given.value)
    lines = _told(given, lambda: actions.template_lines(parts["lines"], parts["kind"], parts["tier"]))
    return dry_run(tier=parts["tier"], kind=parts["kind"], lines=lines, by=by)


def template_parts(value: Mapping[str, Any], reason: str = "") -> Found:
    """What a text says of a template, as its action takes it."""
    setup = {name: value[name] for name in ("columns", "attributes", "slices", "evidence") if name in value}
    return {
        "tier": value["tier"],
        "kind": value["kind"],
        "lines": value["checks"],
        "setup": setup,
        "reason": reason or value.get("reason", ""),
    }


def write_plan(*, text: str, by: Any, version: ModelVersion | None = None, reason: str = "") -> Plan:
    """Write the plan of a version from a text, as a draft; Invalid with what is wrong by field and line.

    Without checks it begins with the template of its tier and kind. Where the version is known, the text is about it.
    """
    given = read(text, "plan")
    value = given.value
    named = _version(given, by)
    if version is not None and named.pk != version.pk:
        raise told([given.problem(["version"], f"This text is about {named}, not about {version}.")])
    plain = ("kind", "attributes", "favourable", "slices", "evidence", "seed", "max_rows")
    more: Found = {name: value[name] for name in plain if name in value}
    more |= {f"{role}_column": name for role, name in value.get("columns", {}).items()}
    more |= {f"{role}_data": _dataset(given, role, by) for role in value.get("data", {})}
    return _told(
        given,
        lambda: actions.write_plan(
            version=named, by=by, lines=value.get("checks"), reason=reason or value.get("reason", ""),
            **more,
        ),
    )  # fmt: skip


def read(text: str, of: str) -> Any:
    """The text, held against its schema; Invalid with what is wrong by field and line."""
    from apps.validation.engine.written import Unreadable
    from apps.validation.engine.written import read as read_text

    try:
        return read_text(text, of)
    except Unreadable as error:
        raise told(error.problems) from None


def told(problems: list[Any]) -> Invalid:
    """Problems of a text as an error with its fields."""
    fields: dict[str, list[str]] = {}
    for problem in problems:
        fields.setdefault(problem.field or "text", []).append(str(problem))
    return Invalid("The text cannot be used.", fields)


def _told[Row](given: Any, act: Callable[[], Row]) -> Row:
    """What the action gives; what it finds wrong with a field is told at its line."""
    try:
        return act()
    except Invalid as error:
        problems = []
        for field, sentences in error.fields.items():
            places = getattr(error, "places", None) or [None] * len(sentences)
            for sentence, place in zip(sentences, places, strict=False):
                path = [*PATHS.get(field, (field,)), *([] if place is None else [place])]
                if place is not None:  # the text has lines of its own
                    sentence = sentence.removeprefix(f"Line {place + 1}: ")
                problems.append(given.problem(path, sentence))
        raise (told(problems) if problems else error) from None


def _version(given: Any, user: Any) -> ModelVersion:
    rows = ModelVersion.objects.select_related("model__project", "model__organization", "artifact", "run")
    try:
        return fetch(rows, user, model__key=given.value["model"], number=given.value["version"])
    except NotVisible:
        raise told([given.problem(["model"], "There is no such version, or you may not see it.")]) from None


def _dataset(given: Any, role: str, user: Any) -> DatasetVersion:
    named = given.value["data"][role]
    rows = DatasetVersion.objects.select_related("dataset")
    try:
        return fetch(rows, user, dataset__key=named["dataset"], number=named["number"])
    except NotVisible:
        sentence = "There is no such dataset version, or you may not see it."
        raise told([given.problem(["data", role], sentence)]) from None


def _data(data: DatasetVersion) -> Found:
    return {"dataset": data.dataset.key, "number": data.number}


def _filled(parts: Found) -> Found:
    """Without what is empty, except attributes, slices and evidence: an empty list means none, no list as usual."""
    kept = ("attributes", "slices", "evidence")
    return {name: part for name, part in parts.items() if part or (name in kept and part is not None) or part == 0}
