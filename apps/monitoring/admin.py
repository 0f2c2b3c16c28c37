"""Monitoring for auditors."""

from django.contrib import admin
from django.utils.html import format_html_join

from apps.core.admin import AuditAdmin, AuditInline
from apps.monitoring import results
from apps.monitoring.models import (
    Alert,
    Baseline,
    BaselineRequest,
    Batch,
    Channel,
    Check,
    ContentSample,
    DigestChoice,
    ExactCheck,
    FeatureTable,
    Feedback,
    Hold,
    Incident,
    IncidentEntry,
    Monitor,
    Mute,
    Outcome,
    OutcomeDay,
    OutcomeValues,
    Prediction,
    RefusedBatch,
    SegmentColumn,
    SegmentResult,
    ServiceReading,
    State,
    WatchPlan,
)


class EntryInline(AuditInline):
    model = IncidentEntry
    fields = ["kind", "text", "written_by", "created_at"]


@admin.register(Baseline)
class BaselineAdmin(AuditAdmin):
    list_display = ["version", "number", "source", "rows", "columns", "has_labels", "created_by", "created_at"]
    list_filter = ["source", "has_labels"]
    search_fields = ["sha256", "version__model__name", "reason"]
    list_select_related = ["version__model", "created_by"]
    exclude = ["data"]


@admin.register(BaselineRequest)
class BaselineRequestAdmin(AuditAdmin):
    list_display = ["version", "endpoint", "since", "until", "asked_by", "created_at"]
    search_fields = ["reason", "endpoint__key"]
    list_select_related = ["version__model", "endpoint", "asked_by"]


@admin.register(Batch)
class BatchAdmin(AuditAdmin):
    list_display = [
        "key",
        "endpoint",
        "kind",
        "source",
        "state",
        "rows",
        "refused",
        "repeated",
        "unmatched",
        "sent_by",
        "created_at",
    ]
    list_filter = ["kind", "source", "state"]
    search_fields = ["key", "sha256", "endpoint__key"]
    list_select_related = ["endpoint", "sent_by"]


@admin.register(RefusedBatch)
class RefusedBatchAdmin(AuditAdmin):
    list_display = ["key", "endpoint", "kind", "reason", "rows", "sent_by", "created_at"]
    list_filter = ["kind"]
    search_fields = ["key", "reason"]
    list_select_related = ["endpoint", "sent_by"]


@admin.register(Hold)
class HoldAdmin(AuditAdmin):
    list_display = ["endpoint", "since", "until", "reason", "placed_by", "released_at"]
    search_fields = ["reason", "endpoint__key"]
    list_select_related = ["endpoint", "placed_by"]


@admin.register(Prediction)
class PredictionAdmin(AuditAdmin):
    list_display = ["prediction_id", "at", "score", "label", "batch"]
    search_fields = ["prediction_id"]
    list_select_related = ["batch"]
    show_full_result_count = False


@admin.register(Outcome)
class OutcomeAdmin(AuditAdmin):
    list_display = ["prediction_id", "label", "number", "revision", "is_current", "at", "matched_at", "batch"]
    list_filter = ["is_current"]
    search_fields = ["prediction_id"]
    list_select_related = ["batch"]
    show_full_result_count = False


@admin.register(Feedback)
class FeedbackAdmin(AuditAdmin):
    list_display = ["endpoint", "rating", "comment", "prediction_id", "said_by", "at", "received_from"]
    list_filter = ["rating"]
    search_fields = ["comment", "prediction_id", "said_by"]
    list_select_related = ["endpoint", "received_from"]


@admin.register(State)
class StateAdmin(AuditAdmin):
    list_display = ["endpoint", "baseline", "kind", "grain", "start_at", "rows", "changes"]
    list_filter = ["kind", "grain"]
    search_fields = ["endpoint__key"]
    list_select_related = ["endpoint", "baseline__version__model"]
    exclude = ["data"]


@admin.register(ContentSample)
class ContentSampleAdmin(AuditAdmin):
    list_display = ["version", "endpoint", "baseline", "grain", "start_at", "rows"]
    list_filter = ["grain"]
    search_fields = ["endpoint__key"]
    list_select_related = ["version__model", "endpoint", "baseline__version__model"]
    exclude = ["data"]


@admin.register(ServiceReading)
class ServiceReadingAdmin(AuditAdmin):
    list_display = ["endpoint", "start_at", "calls", "failed", "refused", "predictions"]
    search_fields = ["endpoint__key"]
    list_select_related = ["endpoint"]


@admin.register(Monitor)
class MonitorAdmin(AuditAdmin):
    list_display = [
        "name",
        "endpoint",
        "kind",
        "reference",
        "window",
        "clock",
        "level",
        "is_active",
        "snoozed_until",
        "owner",
    ]
    list_filter = ["kind", "level", "is_active", "window", "clock"]
    search_fields = ["name", "endpoint__key", "owner__email"]
    list_select_related = ["endpoint", "owner"]


@admin.register(Check)
class CheckAdmin(AuditAdmin):
    list_display = [
        "monitor",
        "start_at",
        "end_at",
        "revision",
        "is_current",
        "level",
        "rows",
        "rows_reference",
        "created_at",
    ]
    list_filter = ["level", "is_current", "monitor__kind"]
    search_fields = ["monitor__name", "monitor__endpoint__key"]
    list_select_related = ["monitor__endpoint"]
    readonly_fields = ["features"]

    @admin.display(description="Features, what matters most first")
    def features(self, check: Check) -> str:
        """What the check found for each feature, a line each."""
        lines = ((one.rank, one.feature, one.get_state_display(), f"{one.psi:.4f}") for one in results.of_check(check))
        return format_html_join("", "<div>{}. {}: {}, PSI {}</div>", lines)


@admin.register(FeatureTable)
class FeatureTableAdmin(AuditAdmin):
    list_display = ["check_run", "created_at"]
    search_fields = ["check_run__monitor__name"]
    list_select_related = ["check_run__monitor"]
    exclude = ["data"]


@admin.register(ExactCheck)
class ExactCheckAdmin(AuditAdmin):
    list_display = ["check_run", "asked_by", "created_at", "done_at"]
    search_fields = ["check_run__monitor__name"]
    list_select_related = ["check_run__monitor", "asked_by"]
    exclude = ["data"]


@admin.register(Alert)
class AlertAdmin(AuditAdmin):
    list_display = ["text", "monitor", "cause", "severity", "incident", "is_held", "created_at"]
    list_filter = ["cause", "severity", "is_held"]
    search_fields = ["text", "monitor__name"]
    list_select_related = ["monitor__endpoint", "incident"]


@admin.register(Incident)
class IncidentAdmin(AuditAdmin):
    list_display = [
        "number",
        "title",
        "model",
        "endpoint",
        "cause",
        "severity",
        "state",
        "owner",
        "since",
        "ended_at",
        "ended_by",
    ]
    list_filter = ["state", "cause", "severity"]
    search_fields = ["title", "root_cause", "resolution", "endpoint__key", "model__name"]
    list_select_related = ["model", "endpoint", "owner", "ended_by"]
    inlines = [EntryInline]


@admin.register(IncidentEntry)
class IncidentEntryAdmin(AuditAdmin):
    list_display = ["incident", "kind", "text", "written_by", "created_at"]
    list_filter = ["kind"]
    search_fields = ["text", "incident__title"]
    list_select_related = ["incident", "written_by"]


@admin.register(SegmentColumn)
class SegmentColumnAdmin(AuditAdmin):
    list_display = [
        "column",
        "endpoint",
        "purpose",
        "is_protected",
        "favourable",
        "is_active",
        "created_by",
        "created_at",
    ]
    list_filter = ["purpose", "is_protected", "is_active"]
    search_fields = ["column", "endpoint__key"]
    list_select_related = ["endpoint", "created_by"]


@admin.register(SegmentResult)
class SegmentResultAdmin(AuditAdmin):
    list_display = ["column", "value", "check_run", "level", "rows", "rows_labelled"]
    list_filter = ["level"]
    search_fields = ["column", "value"]
    list_select_related = ["check_run__monitor"]


@admin.register(OutcomeValues)
class OutcomeValuesAdmin(AuditAdmin):
    list_display = ["project", "endpoint", "number", "currency", "since", "written_by", "created_at"]
    list_filter = ["currency"]
    search_fields = ["project__key", "endpoint__key", "reason"]
    list_select_related = ["project", "endpoint", "written_by"]


@admin.register(OutcomeDay)
class OutcomeDayAdmin(AuditAdmin):
    list_display = ["endpoint", "day", "known", "right", "wrong"]
    search_fields = ["endpoint__key"]
    list_select_related = ["endpoint"]


@admin.register(Channel)
class ChannelAdmin(AuditAdmin):
    list_display = ["name", "destination", "project", "endpoint", "least", "causes", "is_active", "created_by"]
    list_filter = ["least", "is_active", "destination__transport"]
    search_fields = ["name", "endpoint__key", "project__title"]
    list_select_related = ["destination", "project", "endpoint", "created_by"]


@admin.register(Mute)
class MuteAdmin(AuditAdmin):
    list_display = ["monitor", "feature", "signal", "until", "reason", "muted_by", "ended_at"]
    list_filter = ["signal"]
    search_fields = ["feature", "reason", "monitor__name"]
    list_select_related = ["monitor__endpoint", "muted_by"]


@admin.register(WatchPlan)
class WatchPlanAdmin(AuditAdmin):
    list_display = ["tier", "version", "kinds", "baseline_needs_approval", "is_current", "written_by", "created_at"]
    list_filter = ["tier", "is_current"]
    search_fields = ["reason"]
    list_select_related = ["written_by"]


@admin.register(DigestChoice)
class DigestChoiceAdmin(AuditAdmin):
    list_display = ["user", "is_wanted", "created_at"]
    list_filter = ["is_wanted"]
    search_fields = ["user__email"]
    list_select_related = ["user"]
