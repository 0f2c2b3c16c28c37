"""Who the work is for. Everything inside an organization runs between `tenant(...)` and its end.

Two walls: the managers of tenant models refuse to be asked outside a tenant, and PostgreSQL shows the application
role only rows of the organization in the transaction's setting (see isolation.py). The setting ends with the
transaction, so a scope always opens one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from django.db import connection, transaction
from psycopg.pq import TransactionStatus

SETTING = "app.organization"
_current: ContextVar[UUID | None] = ContextVar("organization", default=None)
_working_for: ContextVar[UUID | None] = ContextVar("working_for", default=None)


class OutsideTenant(RuntimeError):
    """A tenant's rows were asked for without a tenant."""


def current_or_none() -> UUID | None:
    """The organization the work is for, or None outside a tenant."""
    return _current.get()


def current() -> UUID:
    """The organization the work is for; raises OutsideTenant where there is none."""
    organization_id = _current.get()
    if organization_id is None:
        raise OutsideTenant("This needs an organization: open one with `with tenant(organization_id):`.")
    return organization_id


def owner_of_files() -> UUID:
    """The organization whose files may be touched: the open tenant's, or the one a long job works for between two."""
    return _current.get() or _working_for.get() or current()


@contextmanager
def working_for(organization_id: UUID | str) -> Iterator[None]:
    """Mark long work as done for an organization. It opens no transaction, so rows still need `tenant(...)`."""
    token = _working_for.set(UUID(str(organization_id)))
    try:
        yield
    finally:
        _working_for.reset(token)


@contextmanager
def tenant(organization_id: UUID | str) -> Iterator[UUID]:
    """Run a transaction for one organization.

    Nested scopes put the outer organization back, also after a released savepoint, which PostgreSQL by itself
    would leave at the inner one. Lazy querysets must be read before the scope ends.
    """
    organization_id = UUID(str(organization_id))
    # A transaction of its own begins without a setting, and takes the one it is given with it when it ends.
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        before = "" if is_outermost else _read()
        _write(str(organization_id))
        token = _current.set(organization_id)
        try:
            yield organization_id
        finally:
            _current.reset(token)
            if not is_outermost and _is_sound():
                _write(before)


@contextmanager
def nobody() -> Iterator[None]:
    """Leave the tenant for a while: what runs inside belongs to no organization."""
    with transaction.atomic():
        before = _read()
        _write("")
        token = _current.set(None)
        try:
            yield
        finally:
            _current.reset(token)
            if _is_sound():
                _write(before)


def _is_sound() -> bool:
    """Whether the transaction still takes statements; rolling back puts the outer setting back by itself."""
    raw = connection.connection
    if connection.needs_rollback or raw is None or raw.closed:
        return False
    return bool(raw.info.transaction_status != TransactionStatus.INERROR)


def _read() -> str:
    with connection.cursor() as cursor:
        cursor.execute("select coalesce(current_setting(%s, true), '')", [SETTING])
        return str(cursor.fetchone()[0])


def _write(value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select set_config(%s, %s, true)", [SETTING, value])
