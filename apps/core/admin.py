"""The auditors' admin: Django's own, read-only for everybody, with old-to-new history and a way into the portal."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from simple_history.admin import SimpleHistoryAdmin


class ReadOnly:
    """Nobody adds, changes or deletes here; whoever may audit may look."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True


class AuditAdmin(ReadOnly, SimpleHistoryAdmin):
    """Base of every model's admin. Lists show at most 100 rows a page, newest first, and no actions."""

    actions = None
    history_list_per_page = 50
    list_per_page = 100
    show_full_result_count = False
    date_hierarchy = "created_at"
    object_history_template = "admin/history.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).order_by("-pk")

    def get_list_display(self, request: HttpRequest) -> Any:
        listed = super().get_list_display(request)
        return [*listed, "portal_link"] if hasattr(self.model, "get_absolute_url") else listed

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """Old and new values, version by version; rows that are written once are shown as they are."""
        if not hasattr(self.model._meta, "simple_history_manager_attribute"):
            return self.changeform_view(request, object_id)
        return super().history_view(request, object_id, extra_context)

    @admin.display(description="In the portal")
    def portal_link(self, row: Any) -> str:
        """A link to the row's page in the portal."""
        return format_html('<a href="{}">open</a>', row.get_absolute_url())


class AuditInline(ReadOnly, admin.TabularInline):
    """Base of read-only inlines."""

    extra = 0
    can_delete = False
    show_change_link = True

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Every shown field, so that Django makes no form field of any, dates of creation included."""
        return self.fields or super().get_readonly_fields(request, obj)
