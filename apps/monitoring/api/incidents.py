"""Incidents, and every step of working on them."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from apps.deployments.models import Endpoint
from apps.monitoring import actions, policies
from apps.monitoring.api.shared import ReasonIn, member
from apps.monitoring.models import Cause, EntryKind, Incident, IncidentEntry, Severity
from apps.organizations.bases import Rows, fetch, verb
from apps.organizations.models import User


class EntryOut(serializers.ModelSerializer):
    """A line of an incident's log."""

    written_by = serializers.CharField(source="written_by.email")

    class Meta:
        model = IncidentEntry
        fields = ["kind", "text", "check_run", "written_by", "created_at"]


class IncidentOut(serializers.ModelSerializer):
    """An incident with its log."""

    model = serializers.CharField(source="model.key")
    endpoint = serializers.CharField(source="endpoint.key")
    owner = serializers.CharField(source="owner.email", default=None)
    ended_by = serializers.CharField(source="ended_by.email", default=None)
    entries = EntryOut(many=True, read_only=True)
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Incident
        fields = [
            "number", "model", "endpoint", "cause", "severity", "title", "evidence", "check_run", "state", "owner",
            "root_cause", "resolution", "since", "calm_since", "escalated_at", "created_at", "ended_at", "ended_by",
            "entries", "url",
        ]  # fmt: skip


class IncidentIn(serializers.Serializer):
    """An incident that no monitor saw."""

    endpoint = serializers.CharField()
    cause = serializers.ChoiceField(choices=Cause.choices)
    title = serializers.CharField(max_length=250)
    severity = serializers.ChoiceField(choices=Severity.choices, default=Severity.ATTENTION)


class EntryIn(serializers.Serializer):
    """A line to write."""

    text = serializers.CharField()
    kind = serializers.ChoiceField(choices=[EntryKind.NOTE, EntryKind.ACTION], default=EntryKind.NOTE)


class CauseIn(serializers.Serializer):
    """What caused it."""

    root_cause = serializers.CharField()


class ResolveIn(serializers.Serializer):
    """How it ended."""

    resolution = serializers.CharField()
    root_cause = serializers.CharField(required=False, allow_blank=True, default="")


class AssignIn(serializers.Serializer):
    """Whose it is."""

    owner = serializers.EmailField()

    def validate_owner(self, email: str) -> User:
        """The member with this address."""
        return member(email)


class Incidents(Rows):
    """Incidents; POST opens one, the verbs work on it."""

    model = Incident
    related = ("organization", "model__project", "endpoint__model", "owner", "ended_by")
    serializer_class = IncidentOut
    lookup_field = "number"
    lookup_value_regex = "[0-9]+"
    filterset_fields = ["state", "cause", "severity", "endpoint__key", "model__key"]

    def get_queryset(self) -> Any:
        return super().get_queryset().prefetch_related("entries__written_by")

    @extend_schema(request=IncidentIn, responses={201: IncidentOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Open an incident."""
        policies.check_open_any(request.user)
        given = self.given(IncidentIn)
        rows = Endpoint.objects.select_related("model__project", "organization")
        given["endpoint"] = fetch(rows, request.user, key=given["endpoint"])
        return self.answer(actions.open_incident(**given, by=request.user), status=201)

    @extend_schema(request=None, responses=IncidentOut)
    @verb("investigate")
    def investigate(self, request: Any, **_: Any) -> Response:
        """Take it."""
        return self.answer(actions.investigate(incident=self.get_object(), by=request.user))

    @extend_schema(request=AssignIn, responses=IncidentOut)
    @verb("assign")
    def assign(self, request: Any, **_: Any) -> Response:
        """Give it to somebody."""
        incident = self.get_object(policies.check_investigate)
        return self.answer(actions.assign(incident=incident, by=request.user, **self.given(AssignIn)))

    @extend_schema(request=EntryIn, responses=IncidentOut)
    @verb("write")
    def write(self, request: Any, **_: Any) -> Response:
        """Write a note or an action into its log."""
        incident = self.get_object(policies.check_investigate)
        actions.write_entry(incident=incident, by=request.user, **self.given(EntryIn))
        return self.answer(self.get_object())

    @extend_schema(request=CauseIn, responses=IncidentOut)
    @verb("find-cause")
    def find_cause(self, request: Any, **_: Any) -> Response:
        """Say what caused it."""
        incident = self.get_object(policies.check_investigate)
        return self.answer(actions.find_cause(incident=incident, by=request.user, **self.given(CauseIn)))

    @extend_schema(request=ResolveIn, responses=IncidentOut)
    @verb("resolve")
    def resolve(self, request: Any, **_: Any) -> Response:
        """End it with its cause and what was done."""
        incident = self.get_object(policies.check_resolve)
        return self.answer(actions.resolve(incident=incident, by=request.user, **self.given(ResolveIn)))

    @extend_schema(request=ReasonIn, responses=IncidentOut)
    @verb("dismiss")
    def dismiss(self, request: Any, **_: Any) -> Response:
        """End what is none."""
        incident = self.get_object(policies.check_dismiss)
        return self.answer(actions.dismiss(incident=incident, by=request.user, **self.given(ReasonIn)))
