"""Data for auditors."""

from django.contrib import admin

from apps.core.admin import AuditAdmin, AuditInline
from apps.datasets.models import (
    Dataset,
    DatasetVersion,
    DataSource,
    PreparationRun,
    QualityCheck,
    QualityResult,
    QualityRule,
    Split,
    SplitPart,
    VersionInput,
)


class InputInline(AuditInline):
    model = VersionInput
    fk_name = "version"
    fields = ["input", "how", "sha256", "created_at"]


class ResultInline(AuditInline):
    model = QualityResult
    fields = ["rule", "severity", "passed", "value", "limit", "offending", "finding"]


class PartInline(AuditInline):
    model = SplitPart
    fields = ["name", "version"]


@admin.register(DataSource)
class DataSourceAdmin(AuditAdmin):
    list_display = ["name", "kind", "classification", "personal_data", "lawful_basis", "licence", "owner", "is_active"]
    list_filter = ["kind", "classification", "personal_data", "lawful_basis", "is_active"]
    search_fields = ["key", "name", "origin", "licence"]
    list_select_related = ["owner", "organization"]


@admin.register(Dataset)
class DatasetAdmin(AuditAdmin):
    list_display = ["name", "project", "purpose", "source", "created_by", "created_at"]
    list_filter = ["purpose"]
    search_fields = ["key", "name", "description"]
    list_select_related = ["project", "source", "created_by", "organization"]


@admin.register(DatasetVersion)
class DatasetVersionAdmin(AuditAdmin):
    list_display = ["dataset", "number", "state", "origin", "rows", "sha256", "created_by", "signed_off_at"]
    list_filter = ["state", "origin", "format"]
    search_fields = ["dataset__name", "sha256", "raw_sha256", "raw_name", "note"]
    list_select_related = ["dataset", "created_by", "organization"]
    inlines = [InputInline]


@admin.register(PreparationRun)
class PreparationRunAdmin(AuditAdmin):
    list_display = ["number", "into", "source", "state", "result", "started_by", "created_at"]
    list_filter = ["state"]
    search_fields = ["into__name", "note", "failure"]
    list_select_related = ["into", "source__dataset", "result__dataset", "started_by", "organization"]


@admin.register(QualityRule)
class QualityRuleAdmin(AuditAdmin):
    list_display = ["dataset", "number", "sentence", "severity", "is_active", "created_by"]
    list_filter = ["severity", "is_active"]
    search_fields = ["sentence", "dataset__name"]
    list_select_related = ["dataset", "created_by", "organization"]


@admin.register(QualityCheck)
class QualityCheckAdmin(AuditAdmin):
    list_display = ["version", "passed", "must_failed", "should_failed", "checked_by", "created_at"]
    list_filter = ["passed"]
    search_fields = ["version__dataset__name"]
    list_select_related = ["version__dataset", "checked_by", "organization"]
    inlines = [ResultInline]


@admin.register(Split)
class SplitAdmin(AuditAdmin):
    list_display = ["source", "number", "sentence", "state", "created_by", "created_at"]
    list_filter = ["state"]
    search_fields = ["source__dataset__name", "sentence"]
    list_select_related = ["source__dataset", "created_by", "organization"]
    inlines = [PartInline]


@admin.register(VersionInput)
class VersionInputAdmin(AuditAdmin):
    list_display = ["version", "input", "how", "sha256", "created_at"]
    list_filter = ["how"]
    search_fields = ["version__dataset__name", "input__dataset__name", "sha256"]
    list_select_related = ["version__dataset", "input__dataset"]


@admin.register(QualityResult)
class QualityResultAdmin(AuditAdmin):
    list_display = ["rule", "severity", "passed", "value", "limit", "offending", "finding", "created_at"]
    list_filter = ["passed", "severity"]
    search_fields = ["rule__sentence", "finding"]
    list_select_related = ["rule"]


@admin.register(SplitPart)
class SplitPartAdmin(AuditAdmin):
    list_display = ["split", "name", "version", "created_at"]
    list_filter = ["name"]
    search_fields = ["name", "split__source__dataset__name"]
    list_select_related = ["split__source__dataset", "version__dataset"]
