"""The one door to who may do what: `check`, `can` and `visible` are the only ways to ask.

A person has the permissions of the organization role, of the project roles held directly or through a team, and of
explicit grants (django-guardian's direct tables) on this very project or model until a date. A token narrows all that.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.utils import timezone

from apps.core.errors import NotVisible, Refused
from apps.core.tenancy import current
from apps.organizations.models import (
    GRANT_TABLES,
    Membership,
    Organization,
    PersonGrant,
    RoleAssignment,
    User,
    UserKind,
)
from apps.organizations.roles import ROLES, Permission, ProjectRole

FEW = 200  # Beyond so many ids, a query inside the query is cheaper than its parameters.
_memory: ContextVar[dict | None] = ContextVar("access", default=None)


@contextmanager
def remembered() -> Iterator[None]:
    """Ask the database once per person and scope inside; for requests that only read."""
    token = _memory.set({})
    try:
        yield
    finally:
        _memory.reset(token)


def membership(user: Any) -> Membership | None:
    """The person's active membership in the ambient organization."""
    if not getattr(user, "is_authenticated", False) or not user.is_active:
        return None
    return _once(("membership", user.pk), lambda: Membership.objects.filter(user_id=user.pk, is_active=True).first())


def roles(user: Any, scope_id: UUID | str | None = None) -> set[str]:
    """The organization role, and with a scope the project roles held there directly or through a team."""
    member = membership(user)
    if member is None:
        return set()
    held = {str(member.role)}
    if scope_id is not None:
        held |= _held(user).get(str(scope_id), set())
    return held


def _held(user: Any) -> dict[str, set[str]]:
    def load() -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for scope_id, role in _assignments(user).values_list("scope_id", "role"):
            found.setdefault(str(scope_id), set()).add(role)
        return found

    return _once(("held", user.pk), load)


def _assignments(user: Any) -> QuerySet:
    return RoleAssignment.objects.filter(Q(user_id=user.pk) | Q(team__memberships__user_id=user.pk))


def can(user: Any, permission: Permission, thing: Model | None = None) -> bool:
    """Whether the person may do this to `thing`; without a thing, to the organization as a whole."""
    if getattr(thing, "organization_id", None) not in {None, current()}:
        return False
    if getattr(user, "kind", None) == UserKind.SYSTEM:
        return True
    if not _token_allows(user, permission):
        return False
    scope_id = project_of(thing)
    held = roles(user, scope_id)
    if not held:
        return False
    if permission == Permission.VIEW and scope_id is None:
        return True
    if any(permission in ROLES[role].permissions for role in held):
        return True
    return thing is not None and scope_id is not None and _granted(user, permission, thing)


def check(user: Any, permission: Permission, thing: Model | None = None) -> None:
    """Raise NotVisible when the person may not see the thing, Refused with a sentence when they may not do this."""
    if can(user, permission, thing):
        return
    if not can(user, Permission.VIEW, thing):
        raise NotVisible()
    if not _token_allows(user, permission):
        raise Refused(f"This token may not: {permission.label.lower()}. Make one with the scope “{permission.value}”.")
    allowed = [_label(role) for role, given in ROLES.items() if permission in given.permissions]
    raise Refused(
        f"You may not do this: {permission.label.lower()}. It takes one of these roles: {', '.join(allowed)}."
    )


def check_somewhere(user: Any, permission: Permission) -> None:
    """Raise Refused where there is nothing at all that the person may do this to; for pages that make new things."""
    member = membership(user)
    if getattr(user, "kind", None) == UserKind.SYSTEM:
        return
    if member is not None and _token_allows(user, permission):
        held = {str(member.role)}.union(*_held(user).values())
        if any(permission in ROLES[role].permissions for role in held):
            return
        if any(_grants(table, user, permission).exists() for table in GRANT_TABLES):
            return
    check(user, permission)


def visible[M: Model](queryset: QuerySet[M], user: Any) -> QuerySet[M]:
    """The rows of a tenant queryset the person may see; the same answer as `can(VIEW)` row by row, in one query."""
    model: Any = queryset.model
    if getattr(user, "kind", None) == UserKind.SYSTEM:
        return queryset
    member = membership(user)
    if member is None or not _token_allows(user, Permission.VIEW):
        return queryset.none()
    path = getattr(model, "project_path", None)
    if path is None or ROLES[member.role].everywhere:
        return queryset
    seen = Q(**{f"{path}_id__in" if path else "pk__in": _scopes(user)})
    if getattr(model, "project_optional", False):
        seen |= Q(**{f"{path}__isnull": True})
    for table in GRANT_TABLES:
        inner = getattr(model, table.grant_path, None)
        if inner is not None and (granted := _seen_by_grant(table, user)) != []:
            seen |= Q(**{f"{inner}_id__in" if inner else "pk__in": granted})
    return queryset.filter(seen)


def people_with(permission: Permission, thing: Model) -> QuerySet[User]:
    """The active people of the organization whose roles give them the permission on the thing."""
    giving = [role for role, given in ROLES.items() if permission in given.permissions]
    return people_in_roles(giving, project_of(thing))


def people_in_roles(wanted: list[str] | set[str], scope_id: UUID | str | None) -> QuerySet[User]:
    """The active people who hold one of these roles: in the organization, or on the scope themselves or by a team."""
    members = Membership.objects.filter(user_id=OuterRef("pk"), is_active=True)
    holds: Any = Exists(members.filter(role__in=wanted))
    if scope_id is not None:
        held = RoleAssignment.objects.filter(scope_id=scope_id, role__in=wanted)
        holds = (
            holds
            | Exists(held.filter(user_id=OuterRef("pk")))
            | Exists(held.filter(team__memberships__user_id=OuterRef("pk")))
        )
    return User.objects.filter(Exists(members), holds, is_active=True).order_by("name", "email")


def members() -> QuerySet[User]:
    """The active people of the ambient organization."""
    return User.objects.filter(Exists(Membership.objects.filter(user_id=OuterRef("pk"), is_active=True))).order_by(
        "name", "email"
    )


def share_team(one: Any, other: Any) -> bool:
    """Whether two people are in a common team: what stricter tiers mean by independence."""
    from apps.organizations.models import TeamMembership

    mine = TeamMembership.objects.filter(user_id=one.pk).values("team_id")
    return TeamMembership.objects.filter(user_id=other.pk, team_id__in=mine).exists()


def project_of(thing: Any) -> UUID | None:
    """The id of the project (a scope) a thing belongs to; None for what belongs to the organization as a whole."""
    from apps.audit.actions import project_of as follow

    return None if thing is None or isinstance(thing, Organization) else follow(thing)


def _granted(user: Any, permission: Permission, thing: Model) -> bool:
    return any(
        _grants(table, user, permission).filter(content_object_id=key).exists()
        for table in GRANT_TABLES
        if (key := _key_along(thing, getattr(thing, table.grant_path, None))) is not None
    )


def _key_along(thing: Any, path: str | None) -> Any:
    if not path:
        return thing.pk if path == "" else None
    *steps, last = path.split("__")
    for step in steps:
        thing = getattr(thing, step)
    return getattr(thing, f"{last}_id")


def _grants(table: Any, user: Any, permission: Permission) -> QuerySet:
    # A grant of anything lets one see the thing: nothing can be done to what cannot be seen.
    current_ones = table.objects.filter(Q(until=None) | Q(until__gt=timezone.now()))
    if permission != Permission.VIEW:
        current_ones = current_ones.filter(permission__codename=permission.value)
    if issubclass(table, PersonGrant):
        return current_ones.filter(user_id=user.pk)
    return current_ones.filter(group__team__memberships__user_id=user.pk)


def _scopes(user: Any) -> Any:
    """The projects the person holds a role on."""
    return _few(("scopes", user.pk), lambda: _assignments(user).values_list("scope_id", flat=True))


def _seen_by_grant(table: Any, user: Any) -> Any:
    """What the person may see by a grant in this table."""
    return _few(
        ("grants", table, user.pk),
        lambda: _grants(table, user, Permission.VIEW).values_list("content_object_id", flat=True),
    )


def _few(key: tuple, ids: Callable[[], QuerySet]) -> Any:
    """Ids for an IN: where answers are remembered the values: a page asks about twenty kinds of things."""

    def load() -> Any:
        found = list(ids().distinct()[: FEW + 1])
        return found if len(found) <= FEW else ids()

    return ids() if _memory.get() is None else _once(key, load)


def _token_allows(user: Any, permission: Permission) -> bool:
    scopes = getattr(user, "token_scopes", None)
    return scopes is None or permission == Permission.VIEW or permission.value in scopes


def _label(role: str) -> str:
    return str(role).replace("_", " ")


def _once(key: tuple, load: Any) -> Any:
    memory = _memory.get()
    if memory is None:
        return load()
    key = (current(), *key)
    if key not in memory:
        memory[key] = load()
    return memory[key]


__all__ = [
    "ROLES",
    "Permission",
    "ProjectRole",
    "can",
    "check",
    "check_somewhere",
    "members",
    "membership",
    "people_in_roles",
    "people_with",
    "project_of",
    "remembered",
    "roles",
    "share_team",
    "visible",
]
