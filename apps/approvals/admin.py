"""Approvals for auditors."""

from django.contrib import admin

from apps.approvals.models import Conflict, Delegation, Policy, PolicyStep, Request, Signature
from apps.core.admin import AuditAdmin, AuditInline


class StepInline(AuditInline):
    model = PolicyStep
    fields = ["order", "role", "quorum", "days", "escalate_to"]


class SignatureInline(AuditInline):
    model = Signature
    fields = ["step", "verdict", "role", "user", "on_behalf_of", "comment", "confirmed_identity", "created_at"]


class ConflictInline(AuditInline):
    model = Conflict
    fields = ["user", "why"]


@admin.register(Policy)
class PolicyAdmin(AuditAdmin):
    list_display = ["kind", "tiers", "version", "independence", "is_high_risk", "is_current", "created_at"]
    list_filter = ["kind", "is_current", "is_high_risk"]
    search_fields = ["reason"]
    inlines = [StepInline]


@admin.register(Request)
class RequestAdmin(AuditAdmin):
    list_display = ["title", "kind", "state", "step", "requested_by", "due_at", "decided_at"]
    list_filter = ["kind", "state"]
    search_fields = ["title", "content_hash", "requested_by__email"]
    list_select_related = ["requested_by", "organization"]
    inlines = [SignatureInline, ConflictInline]


@admin.register(Signature)
class SignatureAdmin(AuditAdmin):
    list_display = ["request", "step", "verdict", "role", "user", "on_behalf_of", "confirmed_identity", "created_at"]
    list_filter = ["verdict", "role", "confirmed_identity"]
    search_fields = ["request__title", "user__email", "comment"]
    list_select_related = ["request", "user", "on_behalf_of"]


@admin.register(Delegation)
class DelegationAdmin(AuditAdmin):
    list_display = ["absent", "substitute", "starts_at", "ends_at", "revoked_at"]
    search_fields = ["absent__email", "substitute__email"]
    list_select_related = ["absent", "substitute"]
