"""Validation for auditors."""

from django.contrib import admin

from apps.core.admin import AuditAdmin, AuditInline
from apps.validation.models import (
    AskedSignature,
    Challenge,
    CheckResult,
    Condition,
    Deferral,
    EvidenceDocument,
    Finding,
    IndependenceCheck,
    JudgingRules,
    OutsideAnswer,
    OutsideTool,
    OwnResult,
    Plan,
    PlanCheck,
    Revalidation,
    SignedReport,
    Template,
    ValidationRun,
    Waiver,
)


class LineInline(AuditInline):
    model = PlanCheck
    fields = ["order", "name", "key", "parameters", "fail", "warn", "judged", "required"]


class ResultInline(AuditInline):
    model = CheckResult
    fields = ["name", "verdict", "value", "low", "high", "fail", "warn", "sentence", "reason", "layer"]


class WaiverInline(AuditInline):
    model = Waiver
    fields = ["state", "reason", "compensating_control", "until", "requested_by", "decided_at", "ended_because"]


@admin.register(Template)
class TemplateAdmin(AuditAdmin):
    list_display = ["tier", "kind", "version", "is_current", "content_hash", "written_by", "created_at"]
    list_filter = ["tier", "kind", "is_current"]
    search_fields = ["reason", "content_hash"]
    list_select_related = ["organization", "written_by"]


@admin.register(Plan)
class PlanAdmin(AuditAdmin):
    list_display = [
        "version",
        "number",
        "state",
        "tier",
        "kind",
        "content_hash",
        "written_by",
        "locked_by",
        "locked_at",
    ]
    list_filter = ["state", "tier", "kind"]
    search_fields = ["version__model__name", "content_hash", "reason"]
    list_select_related = ["organization", "version__model", "written_by", "locked_by"]
    inlines = [LineInline]


@admin.register(PlanCheck)
class PlanCheckAdmin(AuditAdmin):
    list_display = ["plan", "name", "key", "fail", "warn", "judged", "required"]
    list_filter = ["family", "required"]
    search_fields = ["name", "key"]
    list_select_related = ["plan__version__model"]


@admin.register(ValidationRun)
class ValidationRunAdmin(AuditAdmin):
    list_display = ["version", "number", "state", "verdict", "outcome", "started_by", "concluded_by", "finished_at"]
    list_filter = ["state", "verdict", "outcome"]
    search_fields = ["version__model__name", "statement", "conditions", "started_by__email", "concluded_by__email"]
    list_select_related = ["organization", "version__model", "started_by", "concluded_by"]
    inlines = [ResultInline]


@admin.register(CheckResult)
class CheckResultAdmin(AuditAdmin):
    list_display = ["run", "name", "verdict", "value", "low", "high", "fail", "warn", "required", "created_at"]
    list_filter = ["verdict", "family", "required"]
    search_fields = ["name", "key", "sentence", "reason"]
    list_select_related = ["run__version__model", "run__organization"]


@admin.register(Finding)
class FindingAdmin(AuditAdmin):
    list_display = ["version", "number", "title", "severity", "state", "owner", "due_on", "closed_by", "closed_at"]
    list_filter = ["state", "severity"]
    search_fields = ["title", "description", "owner__email", "version__model__name"]
    list_select_related = ["organization", "version__model", "owner", "closed_by"]
    inlines = [WaiverInline]


@admin.register(Revalidation)
class RevalidationAdmin(AuditAdmin):
    list_display = ["version", "trigger", "state", "since", "first_due_on", "due_on", "settled_by", "ended_at"]
    list_filter = ["state", "trigger"]
    search_fields = ["reason", "version__model__name"]
    list_select_related = ["version__model", "settled_by__version__model"]


@admin.register(Deferral)
class DeferralAdmin(AuditAdmin):
    list_display = ["revalidation", "state", "until", "requested_by", "decided_at"]
    list_filter = ["state"]
    search_fields = ["reason"]
    list_select_related = ["revalidation__version__model", "requested_by"]


@admin.register(AskedSignature)
class AskedSignatureAdmin(AuditAdmin):
    list_display = ["version", "role", "statement", "asked_by", "created_at"]
    list_filter = ["role"]
    search_fields = ["statement"]
    list_select_related = ["version__model", "asked_by"]


@admin.register(OwnResult)
class OwnResultAdmin(AuditAdmin):
    list_display = ["challenge", "name", "verdict", "value", "fail", "warn", "created_at"]
    list_filter = ["family", "verdict"]
    search_fields = ["name", "sentence", "reason"]
    list_select_related = ["challenge__run__version__model"]


@admin.register(Challenge)
class ChallengeAdmin(AuditAdmin):
    list_display = ["run", "kind", "title", "bearing", "written_by", "created_at"]
    list_filter = ["kind", "bearing"]
    search_fields = ["title", "text"]
    list_select_related = ["run__version__model", "written_by"]


@admin.register(IndependenceCheck)
class IndependenceCheckAdmin(AuditAdmin):
    list_display = ["version", "occasion", "person", "level", "created_at"]
    list_filter = ["occasion", "level"]
    search_fields = ["person__email"]
    list_select_related = ["version__model", "person"]


@admin.register(Waiver)
class WaiverAdmin(AuditAdmin):
    list_display = ["finding", "state", "until", "requested_by", "decided_at", "ended_at"]
    list_filter = ["state"]
    search_fields = ["reason", "compensating_control", "finding__title"]
    list_select_related = ["organization", "finding__version__model", "requested_by"]


@admin.register(JudgingRules)
class JudgingRulesAdmin(AuditAdmin):
    list_display = ["version", "is_current", "written_by", "reason", "created_at"]
    search_fields = ["reason"]
    list_select_related = ["written_by"]


@admin.register(SignedReport)
class SignedReportAdmin(AuditAdmin):
    list_display = ["run", "report_sha256", "key_id", "created_at"]
    search_fields = ["run__version__model__name", "report_sha256", "key_id"]
    list_select_related = ["run__version__model"]


@admin.register(Condition)
class ConditionAdmin(AuditAdmin):
    list_display = ["run", "number", "kind", "words", "is_strict", "created_at"]
    list_filter = ["kind", "is_strict"]
    search_fields = ["text"]
    list_select_related = ["run__version__model"]


@admin.register(EvidenceDocument)
class EvidenceDocumentAdmin(AuditAdmin):
    list_display = ["title", "version", "name", "url", "sha256", "added_by", "created_at"]
    search_fields = ["title", "url", "sha256", "version__model__name"]
    list_select_related = ["version__model", "added_by"]


@admin.register(OutsideTool)
class OutsideToolAdmin(AuditAdmin):
    list_display = ["key", "name", "destination", "is_active", "added_by", "created_at"]
    list_filter = ["is_active"]
    search_fields = ["key", "name"]
    list_select_related = ["organization", "destination", "added_by"]


@admin.register(OutsideAnswer)
class OutsideAnswerAdmin(AuditAdmin):
    list_display = ["run", "check_line", "state", "due_at", "tool", "tool_version", "sha256", "answered_by"]
    list_filter = ["state"]
    search_fields = ["tool", "sha256", "file_name"]
    list_select_related = ["run__version__model", "run__organization", "check_line", "answered_by"]
    exclude = ["token_hash"]
