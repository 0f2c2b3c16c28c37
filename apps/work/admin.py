"""Schedules, jobs and mail for auditors."""

from django.contrib import admin

from apps.core.admin import AuditAdmin, AuditInline
from apps.work.models import Attempt, Delivery, Destination, Job, Message, Schedule


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


class AttemptInline(AuditInline):
    model = Attempt
    fields = ["number", "status_code", "error", "answer", "seconds", "created_at"]


@admin.register(Destination)
class DestinationAdmin(AuditAdmin):
    # Whoever has the address of a channel, or its secret, could speak there.
    exclude = ["sealed_address", "sealed_secret", "sealed_former"]
    list_display = ["transport", "shown", "is_gone", "created_at"]
    list_filter = ["transport", "is_gone"]
    search_fields = ["shown"]


@admin.register(Delivery)
class DeliveryAdmin(AuditAdmin):
    list_display = ["event", "destination", "state", "attempts", "status_code", "error", "created_at", "ended_at"]
    list_filter = ["state", "event"]
    search_fields = ["event", "destination__shown", "error"]
    list_select_related = ["destination"]
    inlines = [AttemptInline]


@admin.register(Attempt)
class AttemptAdmin(AuditAdmin):
    list_display = ["delivery", "number", "status_code", "error", "seconds", "created_at"]
    search_fields = ["error", "answer"]
    list_select_related = ["delivery__destination"]
