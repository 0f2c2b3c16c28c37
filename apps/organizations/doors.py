"""The named ways through the walls that sign-in needs, each a SQL function with one purpose."""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection


@dataclass(frozen=True)
class Place:
    """An organization somebody belongs to."""

    id: UUID
    key: str
    name: str
    role: str


def organization_by_key(key: str) -> UUID | None:
    """The id of the organization with this key."""
    with connection.cursor() as cursor:
        cursor.execute("select door_organization_by_key(%s)", [key])
        row = cursor.fetchone()
    return row[0] if row else None


def organizations_of(user_id: UUID) -> list[Place]:
    """The organizations in which a person has an active membership, by name."""
    with connection.cursor() as cursor:
        cursor.execute("select id, key, name, role from door_organizations_of(%s)", [user_id])
        return [Place(*row) for row in cursor.fetchall()]


def portal_is_empty() -> bool:
    """Whether there is no organization at all: the first-run page waits."""
    with connection.cursor() as cursor:
        cursor.execute("select door_portal_is_empty()")
        return bool(cursor.fetchone()[0])
