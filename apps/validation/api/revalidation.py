"""Validating again: what is due, asking for it, deferrals, and the aging of all versions in use."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from apps.models.models import ModelVersion
from apps.organizations import access
from apps.organizations.bases import Rows, verb
from apps.validation import actions, aging, judging, policies
from apps.validation.api.shared import ABOUT, OfVersion, VersionOut, version_of
from apps.validation.models import Deferral, Revalidation


class RevalidationOut(serializers.ModelSerializer):
    """A version that has to be validated again, and by when."""

    version = VersionOut()
    raised_by = serializers.CharField(source="raised_by.email")
    is_overdue = serializers.BooleanField(read_only=True)
    is_deferred = serializers.BooleanField(read_only=True)
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Revalidation
        fields = [
            "id", "version", "trigger", "reason", "source", "state", "since", "first_due_on", "due_on", "is_overdue",
            "is_deferred", "raised_by", "settled_by", "ended_at", "created_at", "url",
        ]  # fmt: skip


class RevalidationIn(serializers.Serializer):
    """A version that a validator wants validated again."""

    model = serializers.CharField()
    version = serializers.IntegerField(min_value=1)
    reason = serializers.CharField()
    due_on = serializers.DateField(required=False)


class DeferralIn(serializers.Serializer):
    """Asking to validate later."""

    reason = serializers.CharField()
    until = serializers.DateField()


class DeferralOut(serializers.ModelSerializer):
    """A deferral and what became of it."""

    version = VersionOut(source="revalidation.version")
    requested_by = serializers.CharField(source="requested_by.email")

    class Meta:
        model = Deferral
        fields = [
            "id", "version", "revalidation", "state", "reason", "until", "request", "requested_by", "decided_at",
            "created_at",
        ]  # fmt: skip


@extend_schema(parameters=ABOUT)
class Revalidations(OfVersion):
    """What has to be validated again; POST asks for it."""

    model = Revalidation
    related = ("organization", "version__model__project", "version__organization", "raised_by", "settled_by")
    serializer_class = RevalidationOut
    filterset_fields = ["state", "trigger"]

    @extend_schema(request=RevalidationIn, responses={201: RevalidationOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Ask for a version in use to be validated again."""
        policies.check_validate_any(request.user)
        given = self.given(RevalidationIn)
        return self.answer(actions.ask_revalidation(version=version_of(self, given), by=request.user, **given), 201)

    @extend_schema(request=DeferralIn, responses={201: DeferralOut})
    @verb("request-deferral")
    def request_deferral(self, request: Any, **_: Any) -> Response:
        """Ask for permission to validate later; the approval decides."""
        one = self.get_object(policies.check_request_deferral)
        deferral = actions.request_deferral(revalidation=one, by=request.user, **self.given(DeferralIn))
        return Response(DeferralOut(deferral, context=self.get_serializer_context()).data, status=201)


@extend_schema(parameters=ABOUT)
class Deferrals(OfVersion):
    """Deferrals; they are decided through their approval request."""

    model = Deferral
    related = ("organization", "revalidation__version__model", "requested_by")
    path = "revalidation__version"
    serializer_class = DeferralOut
    filterset_fields = ["state"]


class AgingOut(serializers.Serializer):
    """A version in use: when it was validated, what is due, how late."""

    version = VersionOut()
    tier = serializers.CharField()
    last_validated = serializers.DateTimeField()
    next_by_period = serializers.DateField()
    due = serializers.DateField()
    days_late = serializers.IntegerField()
    is_deferred = serializers.BooleanField()
    triggers = serializers.ListField(child=serializers.CharField())
    bucket = serializers.ChoiceField(choices=list(aging.LABELS.items()))


@extend_schema(parameters=[OpenApiParameter("bucket", str, description="One of " + ", ".join(aging.LABELS))])
class Aging(Rows):
    """Every version in use by how late its revalidation is."""

    model = ModelVersion
    serializer_class = AgingOut
    http_method_names = ["get", "head", "options"]

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return ModelVersion.objects.none()
        found = access.visible(aging.rows().select_related("model__project"), self.request.user)
        return aging.in_bucket(found, self.request.query_params.get("bucket", ""))

    def list(self, request: Any, *_: Any, **__: Any) -> Response:
        """The versions, newest first."""
        rules = judging.current()
        page = self.paginate_queryset(self.get_queryset().order_by("-id"))
        return self.get_paginated_response(AgingOut([aging.describe(one, rules) for one in page or []], many=True).data)

    def retrieve(self, request: Any, *_: Any, **__: Any) -> Response:
        """One of them."""
        return Response(AgingOut(aging.describe(self.get_object(), judging.current())).data)
