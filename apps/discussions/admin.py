"""Discussions for auditors."""

from django.contrib import admin

from apps.core.admin import AuditAdmin
from apps.discussions.models import Comment


@admin.register(Comment)
class CommentAdmin(AuditAdmin):
    list_display = ["subject_label", "author", "text", "created_at"]
    list_filter = ["subject_type"]
    search_fields = ["text", "subject_label", "author__email"]
    list_select_related = ["author", "organization"]
