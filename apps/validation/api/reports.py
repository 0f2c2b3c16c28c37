"""A run's report, its signed statement, and its comparison with another."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from apps.core import exports
from apps.core.errors import Invalid
from apps.organizations.bases import Rows, fetch
from apps.validation import attestations, comparison
from apps.validation.models import SignedReport, ValidationRun


class SignedOut(serializers.ModelSerializer):
    """What was signed at the conclusion: the envelope as a text, so that its bytes stay as they are."""

    report = serializers.CharField(source="report_sha256", help_text="SHA-256 of the report")

    class Meta:
        model = SignedReport
        fields = ["envelope", "report", "report_size", "key_id", "public_key", "created_at"]


class CircumstanceOut(serializers.Serializer):
    """Something that may explain a difference."""

    name = serializers.CharField()
    first = serializers.CharField()
    second = serializers.CharField()
    differs = serializers.BooleanField()


class ComparedOut(serializers.Serializer):
    """One check in both runs; `first` and `second` are its results, null where it was not asked."""

    name = serializers.CharField()
    title = serializers.CharField()
    question = serializers.CharField()
    difference = serializers.FloatField(allow_null=True)
    moved = serializers.CharField()
    intervals_apart = serializers.BooleanField()
    asked_otherwise = serializers.CharField()
    first = serializers.DictField(allow_null=True)
    second = serializers.DictField(allow_null=True)


class ComparisonOut(serializers.Serializer):
    """Two runs side by side."""

    first = serializers.UUIDField()
    second = serializers.UUIDField()
    summary = serializers.CharField()
    circumstances = CircumstanceOut(many=True)
    checks = ComparedOut(many=True)


class OnPaper(Rows):
    """What runs can be read as beside their rows."""

    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    @action(detail=True, url_path="report")
    def report(self, request: Any, **_: Any) -> HttpResponse:
        """The report as PDF: as it was signed, or drawn from the record while nobody has concluded."""
        return exports.file("validation-report.pdf", attestations.report(self.get_object()), "application/pdf")

    @extend_schema(responses=SignedOut)
    @action(detail=True, url_path="statement")
    def statement(self, request: Any, **_: Any) -> Response:
        """The signed statement with its public key; 409 while nobody has concluded."""
        return Response(SignedOut(attestations.what_was_signed(self.get_object())).data)

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    @action(detail=True, url_path="signed")
    def signed(self, request: Any, **_: Any) -> HttpResponse:
        """Statement, report, public key and verifier in one archive, to be checked offline."""
        return exports.file(
            "validation-signed.zip",
            attestations.bundle(attestations.what_was_signed(self.get_object())),
            "application/zip",
        )

    @extend_schema(
        parameters=[OpenApiParameter("with", OpenApiTypes.UUID, required=True, description="Id of the other run")],
        responses=ComparisonOut,
    )
    @action(detail=True, url_path="compare")
    def compare(self, request: Any, **_: Any) -> Response:
        """This run and another side by side: every check's value, interval and verdict in both, and what differs."""
        rows = ValidationRun.objects.select_related(*comparison.BESIDE)
        first = fetch(rows, request.user, pk=self.get_object().pk)
        other = request.query_params.get("with", "")
        if not other:
            raise Invalid("Say with which run.", {"with": "Give the id of the other run."})
        second = fetch(rows, request.user, pk=other)
        return Response(comparison.as_json(comparison.of(first, second)))
