"""Models for auditors."""

from django.contrib import admin

from apps.core.admin import AuditAdmin, AuditInline
from apps.models.models import (
    Alias,
    Artifact,
    ModelCard,
    ModelPersonGrant,
    ModelTeamGrant,
    ModelVersion,
    RegisteredModel,
    RunLine,
    RunMetric,
    TrainingRun,
)


class VersionInline(AuditInline):
    model = ModelVersion
    fields = ["number", "state", "artifact", "run", "registered_by", "validated_by", "approved_at"]


class MetricInline(AuditInline):
    model = RunMetric
    fields = ["candidate", "part", "metric", "value", "deviation"]


class CardInline(AuditInline):
    model = ModelCard
    fields = ["revision", "written_by", "reason", "content_hash", "created_at"]


@admin.register(RegisteredModel)
class RegisteredModelAdmin(AuditAdmin):
    list_display = ["key", "name", "project", "kind", "target", "owner", "retired_at"]
    list_filter = ["kind"]
    search_fields = ["key", "name", "project__title"]
    list_select_related = ["project", "owner", "organization"]
    inlines = [VersionInline]


@admin.register(TrainingRun)
class TrainingRunAdmin(AuditAdmin):
    list_display = ["model", "number", "state", "dataset_version", "started_by", "finished_at", "isolation"]
    list_filter = ["state"]
    search_fields = ["model__key", "recipe_hash", "started_by__email"]
    list_select_related = ["model", "dataset_version__dataset", "started_by", "organization"]
    inlines = [MetricInline]


@admin.register(Artifact)
class ArtifactAdmin(AuditAdmin):
    list_display = ["name", "model", "format", "size", "state", "sha256", "added_by"]
    list_filter = ["state", "format"]
    search_fields = ["name", "sha256", "model__key"]
    list_select_related = ["model", "added_by", "organization"]


@admin.register(ModelVersion)
class ModelVersionAdmin(AuditAdmin):
    list_display = ["model", "number", "state", "artifact", "registered_by", "validated_by", "approved_at"]
    list_filter = ["state"]
    search_fields = ["model__key", "artifact__sha256"]
    list_select_related = ["model", "artifact", "registered_by", "validated_by", "organization"]
    inlines = [CardInline]


@admin.register(Alias)
class AliasAdmin(AuditAdmin):
    list_display = ["model", "name", "version", "set_by", "set_at"]
    list_filter = ["name"]
    search_fields = ["model__key", "name"]
    list_select_related = ["model", "version__model", "set_by", "organization"]


@admin.register(ModelCard)
class ModelCardAdmin(AuditAdmin):
    list_display = ["version", "revision", "written_by", "reason"]
    search_fields = ["version__model__key", "content_hash"]
    list_select_related = ["version__model", "written_by", "organization"]


@admin.register(RunMetric)
class RunMetricAdmin(AuditAdmin):
    list_display = ["run", "candidate", "part", "metric", "value", "deviation"]
    list_filter = ["part", "metric"]
    search_fields = ["candidate", "run__model__key"]
    list_select_related = ["run__model"]


@admin.register(RunLine)
class RunLineAdmin(AuditAdmin):
    list_display = ["run", "text", "created_at"]
    search_fields = ["text", "run__model__key"]
    list_select_related = ["run__model"]


@admin.register(ModelPersonGrant)
class ModelPersonGrantAdmin(AuditAdmin):
    list_display = ["content_object", "permission", "user", "until", "granted_by"]
    search_fields = ["user__email", "content_object__key"]
    list_select_related = ["content_object", "permission", "user", "granted_by"]


@admin.register(ModelTeamGrant)
class ModelTeamGrantAdmin(AuditAdmin):
    list_display = ["content_object", "permission", "group", "until", "granted_by"]
    search_fields = ["group__name", "content_object__key"]
    list_select_related = ["content_object", "permission", "group", "granted_by"]
