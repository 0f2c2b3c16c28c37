"""Deployments for auditors."""

from django.contrib import admin

from apps.core.admin import AuditAdmin
from apps.deployments.models import (
    Deployment,
    Endpoint,
    Environment,
    GateDecision,
    PredictionRecord,
    ServerCounter,
    ServingReport,
)


@admin.register(Environment)
class EnvironmentAdmin(AuditAdmin):
    list_display = ["name", "key", "order", "is_production", "deploys_when_approved"]
    list_filter = ["is_production"]
    search_fields = ["name", "key"]
    list_select_related = ["organization"]


@admin.register(Endpoint)
class EndpointAdmin(AuditAdmin):
    list_display = ["key", "model", "environment", "state", "must_record", "created_by", "off_at"]
    list_filter = ["state", "environment"]
    search_fields = ["key", "model__name"]
    list_select_related = ["model", "environment", "created_by", "organization"]


@admin.register(Deployment)
class DeploymentAdmin(AuditAdmin):
    list_display = ["endpoint", "number", "version", "state", "started_at", "ended_at", "deployed_by", "rollback_of"]
    list_filter = ["state", "endpoint__environment"]
    search_fields = ["endpoint__key", "version__model__name", "reason"]
    list_select_related = [
        "endpoint", "version__model", "deployed_by", "rollback_of__version__model", "rollback_of__endpoint",
        "organization",
    ]  # fmt: skip


@admin.register(GateDecision)
class GateDecisionAdmin(AuditAdmin):
    list_display = ["version", "environment", "allowed", "occasion", "decided_for", "created_at"]
    list_filter = ["allowed", "occasion", "environment"]
    search_fields = ["version__model__name"]
    list_select_related = ["version__model", "environment", "decided_for"]


@admin.register(PredictionRecord)
class PredictionRecordAdmin(AuditAdmin):
    list_display = ["prediction_id", "endpoint", "version", "at", "status", "seconds", "is_repeat"]
    list_filter = ["status", "is_repeat", "endpoint"]
    search_fields = ["=prediction_id", "=request_id"]
    list_select_related = ["endpoint", "version__model"]
    date_hierarchy = "at"


@admin.register(ServerCounter)
class ServerCounterAdmin(AuditAdmin):
    list_display = ["endpoint", "server", "kept", "recorded", "waiting", "dropped", "updated_at"]
    list_select_related = ["endpoint"]


@admin.register(ServingReport)
class ServingReportAdmin(AuditAdmin):
    list_display = ["endpoint", "deployment", "problem", "reported_at"]
    list_select_related = ["endpoint", "deployment__version__model", "deployment__endpoint"]
