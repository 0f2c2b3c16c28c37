"""Retraining for auditors."""

from django.contrib import admin

from apps.core.admin import AuditAdmin
from apps.retraining.models import Comparison, RetrainingPolicy, RetrainingRun


@admin.register(RetrainingPolicy)
class RetrainingPolicyAdmin(AuditAdmin):
    list_display = ["model", "dataset", "every_days", "on_drift", "on_performance", "on_new_data", "owner", "is_active"]
    list_filter = ["is_active", "on_drift", "on_performance", "on_new_data"]
    search_fields = ["model__name", "model__key", "owner__email"]
    list_select_related = ["model", "dataset", "owner", "organization"]


@admin.register(RetrainingRun)
class RetrainingRunAdmin(AuditAdmin):
    list_display = ["policy", "number", "trigger", "cause", "state", "outcome", "created_at"]
    list_filter = ["state", "trigger"]
    search_fields = ["policy__model__name", "cause", "outcome"]
    list_select_related = ["policy__model", "organization"]


@admin.register(Comparison)
class ComparisonAdmin(AuditAdmin):
    list_display = ["challenger", "champion", "judgement", "difference", "low", "high", "rows", "created_at"]
    list_filter = ["judgement"]
    search_fields = ["challenger__model__name", "sentence"]
    list_select_related = ["challenger__model", "champion__model", "run__policy__model", "organization"]
