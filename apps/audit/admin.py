"""The audit chain for auditors."""

from django.contrib import admin

from apps.audit.models import Checkpoint, Record
from apps.core.admin import AuditAdmin


@admin.register(Record)
class RecordAdmin(AuditAdmin):
    list_display = [
        "sequence",
        "occurred_at",
        "actor_label",
        "action",
        "subject_type",
        "subject_label",
        "channel",
        "reason",
    ]
    list_filter = ["action", "channel", "subject_type"]
    search_fields = ["subject_label", "actor_label", "reason", "hash", "request_id"]
    date_hierarchy = "occurred_at"


@admin.register(Checkpoint)
class CheckpointAdmin(AuditAdmin):
    list_display = ["sequence", "created_at", "key_id"]
    search_fields = ["body"]
