"""The auditors' admin site, and organizations in it."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group

from apps.core.admin import AuditAdmin
from apps.organizations import access
from apps.organizations.models import (
    ApiToken,
    Invitation,
    Membership,
    RoleAssignment,
    ServiceAccount,
    Team,
    TeamMembership,
    User,
)
from apps.organizations.roles import Permission

admin.site.site_header = "Tenure, auditors' room"
admin.site.site_title = "Tenure"
admin.site.index_title = "Records of this organization, read-only"
admin.site.site_url = "/"
admin.site.unregister(Group)


def _may_enter(request: Any) -> bool:
    return hasattr(request, "organization") and access.can(request.user, Permission.AUDIT)


admin.site.has_permission = _may_enter  # type: ignore[method-assign]


@admin.register(User)
class UserAdmin(AuditAdmin):
    """The people of this organization; users are global, so the list is cut to members here."""

    list_display = ["email", "name", "kind", "is_active", "last_login", "date_joined"]
    list_filter = ["kind", "is_active"]
    search_fields = ["email", "name"]
    date_hierarchy = "date_joined"
    fields = ["email", "name", "kind", "time_zone", "is_active", "last_login", "date_joined"]

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).filter(pk__in=Membership.objects.values("user_id"))


@admin.register(Membership)
class MembershipAdmin(AuditAdmin):
    list_display = ["user", "role", "is_active", "created_at"]
    list_filter = ["role", "is_active"]
    search_fields = ["user__email", "user__name"]
    list_select_related = ["user"]


@admin.register(Team)
class TeamAdmin(AuditAdmin):
    list_display = ["name", "key", "created_at"]
    search_fields = ["name", "key"]


@admin.register(TeamMembership)
class TeamMembershipAdmin(AuditAdmin):
    list_display = ["team", "user", "created_at"]
    search_fields = ["team__name", "user__email"]
    list_select_related = ["team", "user"]


@admin.register(RoleAssignment)
class RoleAssignmentAdmin(AuditAdmin):
    list_display = ["scope", "role", "user", "team", "created_at"]
    list_filter = ["role"]
    search_fields = ["scope__label", "user__email", "team__name"]
    list_select_related = ["scope", "user", "team"]


@admin.register(Invitation)
class InvitationAdmin(AuditAdmin):
    list_display = ["email", "role", "invited_by", "expires_at", "accepted_at", "revoked_at"]
    list_filter = ["role"]
    search_fields = ["email"]
    list_select_related = ["invited_by"]
    exclude = ["token_hash"]


@admin.register(ServiceAccount)
class ServiceAccountAdmin(AuditAdmin):
    list_display = ["name", "purpose", "owner", "created_at"]
    search_fields = ["name", "purpose"]
    list_select_related = ["owner"]


@admin.register(ApiToken)
class ApiTokenAdmin(AuditAdmin):
    list_display = ["name", "user", "hint", "scopes", "expires_at", "last_used_at", "revoked_at"]
    search_fields = ["name", "user__email", "hint"]
    list_select_related = ["user"]
    exclude = ["token_hash"]
