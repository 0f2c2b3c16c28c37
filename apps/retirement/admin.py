"""Retirement for auditors."""

from django.contrib import admin

from apps.core.admin import AuditAdmin, AuditInline
from apps.retirement.models import Consumer, Disposition, DrainReading, RetirementPlan


class ConsumerInline(AuditInline):
    model = Consumer
    fields = ["name", "contact", "email", "notified_at", "acknowledged_at", "acknowledged_by", "note"]


class DispositionInline(AuditInline):
    model = Disposition
    fields = ["version", "artifact_sha256", "sha256", "size", "held_until"]


@admin.register(RetirementPlan)
class RetirementPlanAdmin(AuditAdmin):
    list_display = ["number", "model", "version", "state", "cause", "planned_by", "off_at", "hold_until"]
    list_filter = ["state", "cause"]
    search_fields = ["model__key", "model__name", "reason", "planned_by__email"]
    list_select_related = ["model", "version__model", "planned_by", "organization"]
    inlines = [ConsumerInline, DispositionInline]


@admin.register(Consumer)
class ConsumerAdmin(AuditAdmin):
    list_display = ["name", "plan", "contact", "email", "notified_at", "acknowledged_at", "acknowledged_by"]
    search_fields = ["name", "contact__email", "email", "plan__model__key"]
    list_select_related = [
        "plan__model", "plan__version__model", "plan__organization", "contact", "acknowledged_by",
    ]  # fmt: skip


@admin.register(DrainReading)
class DrainReadingAdmin(AuditAdmin):
    list_display = ["plan", "since", "until", "predictions", "waiting", "is_quiet"]
    list_filter = ["is_quiet"]
    search_fields = ["plan__model__key"]
    list_select_related = ["plan__model", "plan__version__model"]


@admin.register(Disposition)
class DispositionAdmin(AuditAdmin):
    list_display = ["version", "plan", "artifact_sha256", "sha256", "size", "held_until"]
    search_fields = ["artifact_sha256", "sha256", "plan__model__key"]
    list_select_related = ["plan__model", "plan__version__model", "version__model"]
