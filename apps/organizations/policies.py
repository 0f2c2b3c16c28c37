"""Who may manage people, teams, roles, grants and tokens."""

from typing import Any

from django.db import models

from apps.core.errors import Refused
from apps.organizations import access
from apps.organizations.models import ApiToken, Membership
from apps.organizations.roles import OrganizationRole, Permission


def check_administer(user: Any) -> None:
    """Owners and administrators."""
    access.check(user, Permission.ADMINISTER)


def check_staff_any(user: Any) -> None:
    """There is a project on which the person gives and takes roles."""
    access.check_somewhere(user, Permission.STAFF)


def check_staff(user: Any, scope: Any) -> None:
    """Whoever gives and takes roles on this project."""
    access.check(user, Permission.STAFF, scope)


def check_change_member(user: Any, member: Membership, role: str) -> None:
    """Only owners make or unmake owners, and the last owner stays."""
    check_administer(user)
    if OrganizationRole.OWNER in {member.role, role} and OrganizationRole.OWNER not in access.roles(user):
        raise Refused("Only an owner can make somebody an owner, or change one.")
    others = Membership.objects.filter(role=OrganizationRole.OWNER, is_active=True).exclude(pk=member.pk)
    if member.role == OrganizationRole.OWNER and role != OrganizationRole.OWNER and not others.exists():
        raise Refused("This is the last owner. Make somebody else an owner first.")


def check_revoke_token(user: Any, token: ApiToken) -> None:
    """One's own, or an administrator anybody's."""
    if token.user_id != user.pk:
        check_administer(user)


def check_grant(user: Any, thing: models.Model) -> None:
    """Whoever staffs the project may grant single permissions on it and on what it holds."""
    access.check(user, Permission.STAFF, thing)
