"""Django's own permission question, answered by the access door."""

from typing import Any

from django.contrib.auth.backends import BaseBackend

from apps.core.tenancy import current_or_none
from apps.organizations import access
from apps.organizations.roles import Permission


class AccessBackend(BaseBackend):
    """`user.has_perm("projects.plan", project)` and the like; nobody has a permission outside an organization."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        name = perm.rpartition(".")[2]
        if current_or_none() is None or name not in Permission.values:
            return False
        return access.can(user_obj, Permission(name), obj)
