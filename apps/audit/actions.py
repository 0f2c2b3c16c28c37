"""Writing the audit record in the transaction that decides."""

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from apps.audit.models import Record
from apps.core import channel
from apps.core.canonical import canonical
from apps.core.tenancy import current

ACTIONS: dict[str, Callable] = {}
_records: ContextVar[int] = ContextVar("records", default=0)


class NoRecord(AssertionError):
    """An action ended without an audit record: a defect in the action."""


def action[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Make a function an action: one transaction, keyword arguments only, at least one audit record.

    The actor comes in as `by`; it is also written on every history row the action leaves.
    """
    name = f"{function.__module__}.{function.__qualname__}"

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        if args:
            raise TypeError(f"{name}() takes keyword arguments only.")
        before = _records.get()
        with transaction.atomic(), _history_by(kwargs.get("by")):
            result = function(**kwargs)  # type: ignore[call-arg]
            if _records.get() == before:
                raise NoRecord(f"{name}() decided something without an audit record.")
        return result

    ACTIONS[name] = wrapped
    return wrapped


class _history_by:
    """Names the actor on history rows, also in workers where there is no request."""

    def __init__(self, by: Any) -> None:
        self.by = by

    def __enter__(self) -> None:
        from simple_history.models import HistoricalRecords

        self.context = HistoricalRecords.context
        self.before = getattr(self.context, "request", None)
        if self.by is not None:
            self.context.request = _Actor(self.by)

    def __exit__(self, *_: Any) -> None:
        if self.by is None:
            return
        if self.before is None:
            del self.context.request
        else:
            self.context.request = self.before


class _Actor:
    """As much of a request as the history asks for."""

    def __init__(self, user: Any) -> None:
        self.user = user


def record(
    *,
    by: Any,
    action: str,
    subject: models.Model,
    reason: str = "",
    details: dict | None = None,
    project_id: Any = None,
) -> Record:
    """Append one decision to the organization's chain and return it with its sequence and hash.

    `action` is "noun.verb" in the past tense of the field's words, as "request.signed"; `details` carries what was
    decided on (before, after, hashes, numbers). `project_id` defaults to what the subject's `project_path` leads to.
    """
    here = channel.current()
    now = timezone.now()
    body = {
        "action": action,
        "actor": str(by.pk),
        "actor_label": str(by),
        "at": now,
        "channel": here.kind,
        "details": details or {},
        "organization": current(),
        "project": project_id or project_of(subject),
        "reason": reason,
        "request": here.request_id,
        "subject": {"type": subject._meta.label_lower, "id": str(subject.pk), "label": str(subject)},
    }
    entry = Record(actor=by, occurred_at=now, body=canonical(body))
    entry.save(force_insert=True)
    entry.refresh_from_db()
    _records.set(_records.get() + 1)
    return entry


def project_of(subject: Any) -> Any:
    """The id of the project a row belongs to, by its `project_path`; None for the organization's own rows."""
    path = getattr(subject, "project_path", None)
    if path is None:
        return None
    for step in path.split("__") if path else []:
        if step == path.split("__")[-1] and hasattr(subject, f"{step}_id"):
            return getattr(subject, f"{step}_id")
        subject = getattr(subject, step)
    return subject.pk
