"""Projects for auditors."""

from django.contrib import admin

from apps.core.admin import AuditAdmin, AuditInline
from apps.projects.models import (
    Assessment,
    DataRequirement,
    Project,
    ProjectPersonGrant,
    ProjectTeamGrant,
    Risk,
    Stakeholder,
    SuccessMetric,
    ValueReading,
)


class MetricInline(AuditInline):
    model = SuccessMetric
    fields = ["name", "unit", "direction", "baseline", "target", "due_on"]


class RiskInline(AuditInline):
    model = Risk
    fields = ["number", "title", "likelihood", "impact", "treatment", "residual_likelihood", "residual_impact", "state"]


@admin.register(Project)
class ProjectAdmin(AuditAdmin):
    list_display = ["key", "title", "state", "tier", "owner", "approved_at", "live_since"]
    list_filter = ["state", "tier", "automation"]
    search_fields = ["key", "title", "problem", "owner__email"]
    list_select_related = ["owner", "organization"]
    inlines = [MetricInline, RiskInline]


@admin.register(SuccessMetric)
class SuccessMetricAdmin(AuditAdmin):
    list_display = ["name", "project", "baseline", "target", "unit", "direction", "due_on"]
    list_filter = ["direction"]
    search_fields = ["name", "project__title"]
    list_select_related = ["project__organization"]


@admin.register(ValueReading)
class ValueReadingAdmin(AuditAdmin):
    list_display = ["metric", "value", "at", "source", "recorded_by"]
    search_fields = ["metric__name", "source"]
    list_select_related = ["metric", "recorded_by"]


@admin.register(DataRequirement)
class DataRequirementAdmin(AuditAdmin):
    list_display = ["project", "kind", "description", "personal_data", "owner"]
    list_filter = ["kind", "personal_data"]
    search_fields = ["description", "project__title"]
    list_select_related = ["project__organization", "owner"]


@admin.register(Risk)
class RiskAdmin(AuditAdmin):
    list_display = ["project", "number", "title", "level", "residual_level", "treatment", "state", "accepted_by"]
    list_filter = ["state", "category", "treatment"]
    search_fields = ["title", "project__title"]
    list_select_related = ["project__organization", "accepted_by"]


@admin.register(Assessment)
class AssessmentAdmin(AuditAdmin):
    list_display = ["project", "tier", "questionnaire", "version", "answered_by", "created_at"]
    list_filter = ["tier", "version"]
    search_fields = ["project__title", "answered_by__email"]
    list_select_related = ["project__organization", "answered_by"]


@admin.register(Stakeholder)
class StakeholderAdmin(AuditAdmin):
    list_display = ["project", "user", "name", "role"]
    search_fields = ["name", "user__email", "role", "project__title"]
    list_select_related = ["project__organization", "user"]


@admin.register(ProjectPersonGrant)
class ProjectPersonGrantAdmin(AuditAdmin):
    list_display = ["content_object", "permission", "user", "until", "granted_by", "is_current"]
    search_fields = ["user__email", "content_object__title", "reason"]
    list_select_related = ["content_object", "permission__content_type", "user", "granted_by"]


@admin.register(ProjectTeamGrant)
class ProjectTeamGrantAdmin(AuditAdmin):
    list_display = ["content_object", "permission", "group", "until", "granted_by", "is_current"]
    search_fields = ["content_object__title", "reason"]
    list_select_related = ["content_object", "permission__content_type", "group", "granted_by"]
