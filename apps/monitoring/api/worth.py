"""Value: what outcomes are worth, how many of each there were, and what that makes of every endpoint."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response

from apps.deployments.models import Endpoint
from apps.monitoring import actions, policies, worth
from apps.monitoring.models import OutcomeDay, OutcomeValues
from apps.organizations.bases import Rows, fetch
from apps.projects.models import Project


class OutcomeValuesOut(serializers.ModelSerializer):
    """A version of the amounts."""

    project = serializers.CharField(source="project.key")
    endpoint = serializers.CharField(source="endpoint.key", default=None)
    written_by = serializers.CharField(source="written_by.email")

    class Meta:
        model = OutcomeValues
        fields = [
            "id", "project", "endpoint", "number", "currency", "values", "since", "reason", "written_by", "created_at",
        ]  # fmt: skip


class OutcomeValuesIn(serializers.Serializer):
    """Amounts for right and wrong predictions: of one endpoint, or of all of a project."""

    endpoint = serializers.CharField(required=False)
    project = serializers.CharField(required=False)
    currency = serializers.CharField(max_length=3)
    values = serializers.DictField(child=serializers.FloatField())
    since = serializers.DateField()
    reason = serializers.CharField()

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        """One of both."""
        if bool(given.get("endpoint")) == bool(given.get("project")):
            raise serializers.ValidationError({"endpoint": "Name an endpoint, or a project."})
        return given


class Values(Rows):
    """What outcomes are worth; POST writes the next version."""

    model = OutcomeValues
    related = ("organization", "project", "endpoint", "written_by")
    serializer_class = OutcomeValuesOut
    filterset_fields = ["project__key", "endpoint__key", "currency"]

    @extend_schema(request=OutcomeValuesIn, responses={201: OutcomeValuesOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Say what outcomes of predictions from a day on are worth."""
        policies.check_set_values_any(request.user)
        given = self.given(OutcomeValuesIn)
        endpoint, key = given.pop("endpoint", None), given.pop("project", None)
        if endpoint:
            rows = Endpoint.objects.select_related("model__project", "organization")
            given["endpoint"] = fetch(rows, request.user, key=endpoint)
            given["project"] = given["endpoint"].model.project
        else:
            given["project"] = fetch(Project.objects.select_related("organization"), request.user, key=key)
        return self.answer(actions.set_values(**given, by=request.user), status=201)


class OutcomeDayOut(serializers.ModelSerializer):
    """How the predictions of one day came out."""

    endpoint = serializers.CharField(source="endpoint.key")

    class Meta:
        model = OutcomeDay
        fields = ["id", "endpoint", "day", *worth.COUNTS]


class OutcomeDays(Rows):
    """How the predictions of every day came out, as far as it is known."""

    model = OutcomeDay
    related = ("endpoint__model__project",)
    serializer_class = OutcomeDayOut
    filterset_fields = {"endpoint__key": ["exact"], "day": ["exact", "gte", "lte"]}


class MonthOut(serializers.Serializer):
    """What the predictions of a month were worth, with a 95 % interval: what chance alone could have made of it."""

    start = serializers.DateField()
    known = serializers.IntegerField()
    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    currency = serializers.CharField()


class EndpointValueOut(serializers.ModelSerializer):
    """An endpoint with its months."""

    project = serializers.CharField(source="model.project.key")
    model = serializers.CharField(source="model.key")
    months = serializers.SerializerMethodField()

    class Meta:
        model = Endpoint
        fields = ["key", "model", "project", "months"]

    @extend_schema_field(MonthOut(many=True))
    def get_months(self, endpoint: Endpoint) -> list[dict[str, Any]]:
        """Its months, oldest first; none where nobody gave amounts."""
        known = self.context.get("months")
        months = known[endpoint.pk] if known else worth.by_month([endpoint])[endpoint.pk]
        return list(MonthOut([month for month in months if month.currency], many=True).data)


class EndpointValues(Rows):
    """What every endpoint's predictions were worth, by month: add up by project, or all of them, within a currency."""

    model = Endpoint
    related = ("model__project", "organization")
    serializer_class = EndpointValueOut
    lookup_field = "key"
    lookup_value_regex = "[-a-z0-9]+"
    filterset_fields = ["key", "model__key", "model__project__key"]

    def list(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        context = {**self.get_serializer_context(), "months": worth.by_month(page) if page else {}}
        return self.get_paginated_response(EndpointValueOut(page, many=True, context=context).data)
