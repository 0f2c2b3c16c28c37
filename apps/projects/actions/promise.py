"""What a project promises and needs: metrics and their values, data, stakeholders."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from apps.audit.actions import action, record
from apps.core.errors import Conflict, Invalid
from apps.projects import policies
from apps.projects.actions.shared import add, change, check_fields, remove
from apps.projects.models import DataRequirement, Project, Stakeholder, SuccessMetric, ValueReading

METRIC_FIELDS = ("name", "description", "unit", "direction", "baseline", "target", "due_on")
REQUIREMENT_FIELDS = ("kind", "description", "owner", "personal_data")
RISK_FIELDS = (
    "title", "description", "category", "likelihood", "impact", "treatment", "measures", "residual_likelihood",
    "residual_impact", "owner",
)  # fmt: skip
REQUIREMENT_FIELDS = ("kind", "description", "owner", "personal_data")
RISK_FIELDS = (
    "title", "description", "category", "likelihood", "impact", "treatment", "measures", "residual_likelihood",
    "residual_impact", "owner",
)  # fmt: skip


@action
def add_metric(
    *,
    project: Project,
    name: str,
    target: float,
    due_on: dt.date,
    by: Any,
    baseline: float | None = None,
    unit: str = "",
    direction: str = "higher",
    description: str = "",
) -> SuccessMetric:
    """Promise one number by a date."""
    metric = SuccessMetric(
        name=name,
        target=target,
        due_on=due_on,
        baseline=baseline,
        unit=unit,
        direction=direction,
        description=description,
    )
    return add(project, metric, by, "metric.added")


@action
def change_metric(*, metric: SuccessMetric, changes: Mapping[str, Any], by: Any, reason: str = "") -> SuccessMetric:
    """Change a promise (METRIC_FIELDS)."""
    return change(metric, changes, METRIC_FIELDS, by, "metric.changed", reason)


@action
def remove_metric(*, metric: SuccessMetric, by: Any, reason: str = "") -> Project:
    """Take a promise back, as long as nothing was measured against it."""
    policies.check_plan(by, metric.project)
    if metric.readings.exists():
        raise Conflict(f"“{metric}” has been measured already, so it stays. Change its target or date instead.")
    return remove(metric, by, "metric.removed", reason)


@action
def record_value(
    *, metric: SuccessMetric, value: float, at: dt.datetime, source: str, by: Any, note: str = ""
) -> ValueReading:
    """Record what the business measured, from where, at what time."""
    policies.check_record_value(by, metric)
    if at > timezone.now() + dt.timedelta(minutes=5):
        raise Invalid("A value can only be measured in the past.", {"at": "This is in the future."})
    reading = ValueReading(metric=metric, value=value, at=at, source=source.strip(), note=note, recorded_by=by)
    check_fields(reading)
    reading.save(force_insert=True)
    details = {"metric": metric.name, "value": value, "unit": metric.unit, "at": at, "source": source}
    record(by=by, action="value.recorded", subject=metric, details=details)
    return reading


@action
def add_requirement(
    *, project: Project, kind: str, description: str, by: Any, owner: Any = None, personal_data: str = "none"
) -> DataRequirement:
    """Say what data the project needs."""
    requirement = DataRequirement(kind=kind, description=description, owner=owner, personal_data=personal_data)
    return add(project, requirement, by, "requirement.added")


@action
def change_requirement(
    *, requirement: DataRequirement, changes: Mapping[str, Any], by: Any, reason: str = ""
) -> DataRequirement:
    """Change a need for data (REQUIREMENT_FIELDS)."""
    return change(requirement, changes, REQUIREMENT_FIELDS, by, "requirement.changed", reason)


@action
def remove_requirement(*, requirement: DataRequirement, by: Any, reason: str = "") -> Project:
    """The project does not need this data after all."""
    return remove(requirement, by, "requirement.removed", reason)


@action
def add_stakeholder(
    *, project: Project, role: str, by: Any, user: Any = None, name: str = "", interest: str = ""
) -> Stakeholder:
    """Name somebody with an interest: a member, or a person or group outside by name."""
    if (user is None) == (not name.strip()):
        raise Invalid("Choose a member, or write a name.", {"name": "Choose a member or write a name, not both."})
    return add(
        project, Stakeholder(user=user, name=name.strip(), role=role, interest=interest), by, "stakeholder.added"
    )


@action
def remove_stakeholder(*, stakeholder: Stakeholder, by: Any, reason: str = "") -> Project:
    """Somebody has no interest in it any more."""
    return remove(stakeholder, by, "stakeholder.removed", reason)
