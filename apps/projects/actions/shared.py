"""What every action on a project does: lock it, check the fields, record the change, hold it against the approval."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from apps.approvals import actions as approvals
from apps.approvals.models import RequestState
from apps.audit.actions import record
from apps.core.canonical import plain
from apps.core.errors import Conflict, Invalid
from apps.projects import policies
from apps.projects.charter import broken_promise, charter
from apps.projects.models import Project, SuccessMetric
from apps.projects.signals import changed


def charter_changed(project: Project, by: Any) -> None:
    """An open request covers every word; an approval stands until the promise changes in a tier that minds."""
    request = project.approval
    if request is None or request.state not in {RequestState.OPEN, RequestState.APPROVED}:
        return
    now = charter(project)
    if request.is_open:
        approvals.invalidate_if_changed(request=request, snapshot=now, by=by)
        return
    if broken := broken_promise(request.snapshot, now):
        said = ", ".join(name.replace("_", " ") for name in broken)
        approvals.invalidate(request=request, by=by, because=f"The promise was changed after approval: {said}.")
    changed.send(sender=Project, project=project, by=by)


def locked(project: Project) -> Project:
    """The project, locked until the transaction ends, so that its changes come one after another."""
    rows = Project.objects.select_related("approval", "organization", "owner", "sponsor")
    return rows.select_for_update(of=("self",)).get(pk=project.pk)


def add(project: Project, row: Any, by: Any, verb: str) -> Any:
    """Put a new row under a project and record it."""
    project = locked(project)
    policies.check_plan(by, project)
    row.project = project
    check_fields(row)
    row.save(force_insert=True)
    note(row, by, verb, project, {}, {})
    return row


def change(row: Any, changes: Mapping[str, Any], allowed: Sequence[str], by: Any, verb: str, reason: str) -> Any:
    """Change the allowed fields of a row under a project and record before and after."""
    project = locked(row.project)
    policies.check_plan(by, project)
    row = type(row).objects.get(pk=row.pk)
    row.project = project
    before, after = apply(row, changes, allowed)
    row.save()
    note(row, by, verb, project, before, after, reason)
    return row


def remove(row: Any, by: Any, verb: str, reason: str) -> Project:
    """Take a row away; its history stays."""
    project = locked(row.project)
    policies.check_plan(by, project)
    record(by=by, action=verb, subject=project, reason=reason, details={"what": str(row)})
    row.delete()
    charter_changed(project, by)
    return project


def note(
    subject: Any, by: Any, verb: str, project: Project, before: dict[str, Any], after: dict[str, Any], reason: str = ""
) -> None:
    """Record a change and let the approval know of it."""
    record(by=by, action=verb, subject=subject, reason=reason, details={"before": before, "after": after})
    charter_changed(locked(project), by)


def apply(row: Any, changes: Mapping[str, Any], allowed: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Set the given fields; returns the changed ones as they were and as they are."""
    unknown = sorted(set(changes) - set(allowed))
    if unknown:
        raise Invalid("This cannot be changed here.", dict.fromkeys(unknown, "This cannot be changed here."))
    before = {name: _shown(getattr(row, name)) for name in changes}
    for name, value in changes.items():
        setattr(row, name, value.strip() if isinstance(value, str) else value)
    check_fields(row)
    after = {name: _shown(getattr(row, name)) for name in changes}
    differing = [name for name in changes if before[name] != after[name]]
    if not differing:
        raise Invalid("Nothing was changed.")
    return {name: before[name] for name in differing}, {name: after[name] for name in differing}


def _shown(value: Any) -> Any:
    return str(value) if isinstance(value, models.Model) else plain(value)


def check_fields(row: Any) -> None:
    """Raise Invalid with the model's own sentences, at their fields."""
    try:
        row.clean_fields()
    except ValidationError as error:
        raise Invalid("Correct what is marked.", error.message_dict) from error
    numbers = {
        field.name: getattr(row, field.name) for field in row._meta.fields if isinstance(field, models.FloatField)
    }
    wrong = [name for name, value in numbers.items() if value is not None and not math.isfinite(value)]
    if wrong:
        raise Invalid("This is no number.", dict.fromkeys(wrong, "Give a number."))
    if isinstance(row, SuccessMetric):
        same = SuccessMetric.objects.filter(project=row.project, name=row.name).exclude(pk=row.pk)
        if same.exists():
            raise Conflict(f"The project promises “{row.name}” already.")


def check_people(**people: Any) -> None:
    """Raise Invalid unless owner and sponsor are people who can answer for a project."""
    for name, person in people.items():
        if person is not None and not policies.may_answer_for(person):
            sentence = f"{person} cannot be {name}: choose an active member who is no auditor."
            raise Invalid(sentence, {name: sentence})


def needed(reason: str, sentence: str) -> None:
    """Raise Invalid with the sentence when no reason is given."""
    if not reason.strip():
        raise Invalid(sentence, {"reason": sentence})
