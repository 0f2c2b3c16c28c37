"""Schedules, jobs and mail for auditors."""

from django.contrib import admin

from apps.core.admin import AuditAdmin
from apps.work.models import Job, Message, Schedule


@admin.register(Schedule)
class ScheduleAdmin(AuditAdmin):
    list_display = ["name", "task", "every", "next_at", "last_at", "is_active"]
    list_filter = ["is_active", "task"]
    search_fields = ["name"]


@admin.register(Job)
class JobAdmin(AuditAdmin):
    list_display = ["title", "kind", "state", "attempts", "started_by", "queued_at", "finished_at"]
    list_filter = ["state", "kind"]
    search_fields = ["title", "error"]
    list_select_related = ["started_by", "organization"]


@admin.register(Message)
class MessageAdmin(AuditAdmin):
    # The words of a mail are its reader's: they may hold a link that lets one choose a new password.
    exclude = ["text", "html"]
    list_display = ["subject", "to", "state", "created_at", "sent_at"]
    list_filter = ["state"]
    search_fields = ["subject", "to"]
