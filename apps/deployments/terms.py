"""Conditions of use where a version answers, or would: which of them it breaks, and why."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from apps.deployments.models import Endpoint, EndpointState, Environment
from apps.deployments.signals import gathering_monitors
from apps.models.models import ModelVersion
from apps.validation import subjects
from apps.validation.engine import conditions as engine
from apps.validation.models import Condition


def broken(
    version: ModelVersion,
    environment: Environment,
    endpoint: Endpoint | None = None,
    conditions: Sequence[Condition] | None = None,
) -> list[str]:
    """Why conditions of the version's validation do not allow it there now; empty when all of them do."""
    found = subjects.conditions_in_force(version) if conditions is None else conditions
    if not found:
        return []
    here = _place(version, environment, endpoint, {condition.kind for condition in found})
    return [why for condition in found if (why := engine.broken(condition.condition, here))]


def unacknowledged(deployment: Any) -> list[Condition]:
    """The conditions in words in force of which nobody took note with this deployment."""
    known = {one["text"] for one in deployment.acknowledged}
    found = subjects.conditions_in_force(deployment.version)
    return [one for one in found if one.kind == engine.STATEMENT and one.text not in known]


def broken_of(deployment: Any) -> list[tuple[str, bool]]:
    """The same for what answers somewhere, each with whether its condition is strict."""
    terms = [engine.Condition(one["kind"], one["limits"], one["text"], one["is_strict"]) for one in deployment.terms]
    if not terms:
        return []
    endpoint = deployment.endpoint
    here = _place(deployment.version, endpoint.environment, endpoint, {condition.kind for condition in terms})
    return [(why, condition.is_strict) for condition in terms if (why := engine.broken(condition, here))]


def _place(version: ModelVersion, environment: Environment, endpoint: Endpoint | None, kinds: set[str]) -> engine.Place:
    """Every deployment here answers all the callers of its endpoint."""
    if endpoint is None:
        rows = Endpoint.objects.filter(model_id=version.model_id, environment=environment)
        endpoint = rows.exclude(state=EndpointState.OFF).first()
    monitors: list[dict[str, Any]] | None = None
    if endpoint is not None:
        monitors = []
        if engine.MONITOR in kinds:
            gathering_monitors.send(sender=Endpoint, endpoint=endpoint, monitors=monitors)
    return engine.Place(
        today=timezone.localdate(),
        environment=environment.key,
        endpoint=endpoint.key if endpoint is not None else "",
        monitors=monitors,
    )
