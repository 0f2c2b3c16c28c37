"""Segments: the columns by which rows are told apart, and what checks found for each value."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from apps.deployments.models import Endpoint
from apps.monitoring import actions, policies
from apps.monitoring.models import Purpose, SegmentColumn, SegmentResult
from apps.organizations.bases import Rows, fetch, verb


class SegmentColumnOut(serializers.ModelSerializer):
    """A column by which an endpoint's rows are told apart."""

    endpoint = serializers.CharField(source="endpoint.key")
    created_by = serializers.CharField(source="created_by.email")

    class Meta:
        model = SegmentColumn
        fields = [
            "id", "endpoint", "column", "purpose", "cuts", "values", "is_protected", "favourable", "top", "is_active",
            "created_by", "created_at",
        ]  # fmt: skip


class SegmentColumnIn(serializers.Serializer):
    """A column to count by."""

    endpoint = serializers.CharField()
    column = serializers.CharField(max_length=60)
    purpose = serializers.ChoiceField(choices=Purpose.choices, default=Purpose.SEGMENT)
    cuts = serializers.ListField(child=serializers.FloatField(), default=list)
    is_protected = serializers.BooleanField(default=False)
    favourable = serializers.CharField(max_length=200, allow_blank=True, default="")
    top = serializers.IntegerField(min_value=1, max_value=1000, default=10)
    reason = serializers.CharField(allow_blank=True, default="")


class GiveUpIn(serializers.Serializer):
    """Why."""

    reason = serializers.CharField(allow_blank=True, default="")


class SegmentColumns(Rows):
    """Columns to tell rows apart by; POST counts by one more."""

    model = SegmentColumn
    related = ("organization", "endpoint__model__project", "created_by")
    serializer_class = SegmentColumnOut
    filterset_fields = ["endpoint__key", "purpose", "is_active", "is_protected"]

    @extend_schema(request=SegmentColumnIn, responses={201: SegmentColumnOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Count an endpoint's rows by a column from now on; a worker counts the kept ones."""
        policies.check_monitor_any(request.user)
        given = self.given(SegmentColumnIn)
        rows = Endpoint.objects.select_related("model__project", "organization")
        given["endpoint"] = fetch(rows, request.user, key=given["endpoint"])
        return self.answer(actions.watch_column(**given, by=request.user), status=201)

    @extend_schema(request=GiveUpIn, responses=SegmentColumnOut)
    @verb("give-up")
    def give_up(self, request: Any, **_: Any) -> Response:
        """Count by it no longer; what checks found stays."""
        column = self.get_object(_may_change)
        return self.answer(actions.give_up_column(column=column, by=request.user, **self.given(GiveUpIn)))


def _may_change(user: Any, column: SegmentColumn) -> None:
    policies.check_monitor(user, column.endpoint)


class SegmentResultOut(serializers.ModelSerializer):
    """A segment in one window: how far it moved, how good predictions are, how it fares."""

    endpoint = serializers.CharField(source="check_run.monitor.endpoint.key")
    start_at = serializers.DateTimeField(source="check_run.start_at")
    end_at = serializers.DateTimeField(source="check_run.end_at")

    class Meta:
        model = SegmentResult
        fields = [
            "id", "endpoint", "check_run", "start_at", "end_at", "column", "value", "rank", "level", "rows",
            "rows_labelled", "result",
        ]  # fmt: skip


class Segments(Rows):
    """What the newest revision of every check found for each segment."""

    model = SegmentResult
    related = ("check_run__monitor__endpoint__model__project",)
    serializer_class = SegmentResultOut
    filterset_fields = [
        "column",
        "value",
        "level",
        "check_run",
        "check_run__monitor",
        "check_run__monitor__endpoint__key",
    ]

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(check_run__is_current=True)
