"""Names that point at versions: champion, challenger and free ones."""

from typing import Any

from django.utils import timezone

from apps.audit.actions import action, record
from apps.core.errors import Conflict, Invalid
from apps.models import policies, signals
from apps.models.actions.registry import fits, locked
from apps.models.models import ALIAS, Alias, ModelVersion, RegisteredModel


@action
def set_alias(*, model: RegisteredModel, name: str, version: ModelVersion, by: Any, reason: str = "") -> Alias:
    """Point a name at a version, from wherever it pointed before."""
    if not fits(ALIAS, name):
        raise Invalid(str(ALIAS.message), {"name": str(ALIAS.message)})
    if version.model_id != model.pk:
        raise Invalid("The version belongs to another model.", {"version": "Choose a version of this model."})
    policies.check_set_alias(by, version, name)
    locked(model)
    alias = model.aliases.select_related("version").filter(name=name).first()
    before = alias.version if alias is not None else None
    if before is not None and before.pk == version.pk:
        raise Conflict(f"{name} is version {version.number} already.")
    alias = alias or Alias(model=model, name=name)
    alias.version, alias.reason, alias.set_by, alias.set_at = version, reason, by, timezone.now()
    alias.save()
    details = {
        "before": {name: before.number if before is not None else None},
        "after": {name: version.number},
    }
    record(by=by, action="alias.moved", subject=model, reason=reason, details=details)
    signals.alias_moved.send(sender=Alias, model=model, name=name, before=before, after=version, by=by)
    return alias


@action
def drop_alias(*, alias: Alias, by: Any, reason: str = "") -> RegisteredModel:
    """Take a name away; its history stays."""
    policies.check_drop_alias(by, alias)
    model, name, before = alias.model, alias.name, alias.version
    alias.delete()
    details = {"before": {name: before.number}, "after": {name: None}}
    record(by=by, action="alias.dropped", subject=model, reason=reason, details=details)
    signals.alias_moved.send(sender=Alias, model=model, name=name, before=before, after=None, by=by)
    return model
