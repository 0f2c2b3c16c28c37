"""The registered model itself: begun, described, ended."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db.models import Max
from django.utils import timezone

from apps.audit.actions import action, record
from apps.core.errors import Invalid
from apps.models import policies, signals
from apps.models.models import ModelKind, RegisteredModel
from apps.organizations.models import KEY

CHANGEABLE = ("name", "description", "owner")
RESERVED = {"new"}


@action
def register_model(
    *,
    project: Any,
    key: str,
    name: str,
    kind: str,
    target: str,
    by: Any,
    description: str = "",
    owner: Any = None,
) -> RegisteredModel:
    """Register a model of a project, under a key that no other model of the organization has."""
    policies.check_register_model(by, project)
    _check_new(key, kind, target)
    model = RegisteredModel(
        project=project,
        key=key,
        name=name,
        kind=kind,
        target=target,
        description=description,
        owner=owner or by,
        created_by=by,
    )
    model.save(force_insert=True)
    record(by=by, action="model.registered", subject=model, details={"key": key, "kind": kind, "target": target})
    return model


def fits(validator: RegexValidator, value: str) -> bool:
    """Whether a value passes a validator of its field."""
    try:
        validator(value)
    except ValidationError:
        return False
    return True


def _check_new(key: str, kind: str, target: str) -> None:
    problems = {}
    if not fits(KEY, key):
        problems["key"] = str(KEY.message)
    elif key in RESERVED:
        problems["key"] = f"“{key}” is a word of the address. Choose another key."
    elif RegisteredModel.objects.filter(key=key).exists():
        problems["key"] = f"There is already a model with the key “{key}”. Choose another."
    if kind not in ModelKind.values:
        problems["kind"] = "Choose classification or regression."
    if not target.strip():
        problems["target"] = "Name the column that holds the truth."
    if problems:
        raise Invalid(" ".join(problems.values()), problems)


@action
def change_model(*, model: RegisteredModel, changes: dict[str, Any], by: Any) -> RegisteredModel:
    """Change name, description or owner."""
    policies.check_change_model(by, model)
    if unknown := set(changes) - set(CHANGEABLE):
        raise Invalid(f"These cannot be changed: {', '.join(sorted(unknown))}.")
    before = {name: str(getattr(model, name)) for name in changes}
    for name, value in changes.items():
        setattr(model, name, value)
    model.save()
    after = {name: str(getattr(model, name)) for name in changes}
    record(by=by, action="model.changed", subject=model, details={"before": before, "after": after})
    return model


@action
def retire_model(*, model: RegisteredModel, by: Any, reason: str = "") -> RegisteredModel:
    """End a model: nothing new is trained, registered or named afterwards. Higher apps may object."""
    policies.check_retire_model(by, model)
    signals.retiring.send(sender=RegisteredModel, model=model, by=by)
    model.retired_at = timezone.now()
    model.save()
    record(by=by, action="model.retired", subject=model, reason=reason)
    return model


def locked(model: RegisteredModel) -> RegisteredModel:
    """The model, locked so that its numbers are given one after another."""
    rows = RegisteredModel.objects.select_for_update(of=("self",)).select_related("project", "organization")
    return rows.get(pk=model.pk)


def next_number(rows: Any) -> int:
    """The number after the highest."""
    return int(rows.aggregate(highest=Max("number"))["highest"] or 0) + 1
