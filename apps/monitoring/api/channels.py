"""Channels, and the ledger of what was delivered to them."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from apps.core.errors import Invalid, NotVisible
from apps.deployments.models import Endpoint
from apps.monitoring import actions, policies
from apps.monitoring.models import Cause, Channel, Severity
from apps.organizations.bases import Rows, fetch, verb
from apps.projects.models import Project
from apps.work import deliveries
from apps.work.models import Attempt, Delivery, Transport


class ChannelOut(serializers.ModelSerializer):
    """A channel; its address and secret are not shown again."""

    transport = serializers.CharField(source="destination.transport")
    to = serializers.CharField(source="destination.shown")
    project = serializers.CharField(source="project.key", default=None)
    endpoint = serializers.CharField(source="endpoint.key", default=None)
    is_gone = serializers.BooleanField(source="destination.is_gone")
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Channel
        fields = [
            "id", "name", "transport", "to", "project", "endpoint", "least", "causes", "is_active", "is_gone",
            "created_at", "url",
        ]  # fmt: skip


class ChannelChange(serializers.Serializer):
    """Settings of a channel."""

    name = serializers.CharField(max_length=120, required=False)
    address = serializers.CharField(max_length=2000, required=False)
    least = serializers.ChoiceField(choices=Severity.choices, required=False)
    causes = serializers.ListField(child=serializers.ChoiceField(choices=Cause.choices), required=False)
    is_active = serializers.BooleanField(required=False)


class ChannelIn(serializers.Serializer):
    """A channel to open: of a project or an endpoint by its key, of the whole organization without."""

    name = serializers.CharField(max_length=120)
    transport = serializers.ChoiceField(choices=Transport.choices)
    address = serializers.CharField(max_length=2000)
    project = serializers.CharField(required=False)
    endpoint = serializers.CharField(required=False)
    least = serializers.ChoiceField(choices=Severity.choices, default=Severity.ATTENTION)
    causes = serializers.ListField(child=serializers.ChoiceField(choices=Cause.choices), default=list)


class SecretOut(serializers.Serializer):
    """A signing secret, as the Standard Webhooks libraries take it."""

    secret = serializers.CharField()


class Channels(Rows):
    """Channels; POST opens one, the verbs change and try it."""

    model = Channel
    related = ("organization", "destination", "project", "endpoint")
    serializer_class = ChannelOut
    filterset_fields = ["destination__transport", "project__key", "endpoint__key", "is_active"]

    @extend_schema(request=ChannelIn, responses={201: ChannelOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Open a channel; the answer to a webhook's holds its signing secret, which is not shown again."""
        policies.check_channel_any(request.user)
        given = self.given(ChannelIn)
        if "project" in given and "endpoint" in given:
            raise Invalid("Name a project or an endpoint, not both.", {"project": "Leave one of them out."})
        if "endpoint" in given:
            rows = Endpoint.objects.select_related("model__project", "organization")
            given["endpoint"] = fetch(rows, request.user, key=given["endpoint"])
        if "project" in given:
            given["project"] = fetch(Project.objects.all(), request.user, key=given["project"])
        channel = actions.create_channel(**given, by=request.user)
        answer = self.answer(channel, status=201)
        if secret := deliveries.secret_of(channel.destination):
            answer.data["secret"] = secret
        return answer

    @extend_schema(request=ChannelChange, responses=ChannelOut)
    @verb("change")
    def change(self, request: Any, **_: Any) -> Response:
        """Change some of its settings."""
        channel = self.get_object(policies.check_channel)
        settings = self.given(ChannelChange)
        return self.answer(actions.change_channel(channel=channel, settings=settings, by=request.user))

    @extend_schema(request=None, responses={202: None})
    @verb("test")
    def test(self, request: Any, **_: Any) -> Response:
        """Send a test there."""
        delivery = actions.try_channel(channel=self.get_object(policies.check_channel), by=request.user)
        return Response({"delivery": str(delivery.pk), "state": delivery.state}, status=202)

    @extend_schema(request=None, responses=SecretOut)
    @verb("change-secret")
    def change_secret(self, request: Any, **_: Any) -> Response:
        """A new signing secret; the former one signs beside it for a day."""
        channel = self.get_object(policies.check_channel)
        return Response({"secret": actions.change_channel_secret(channel=channel, by=request.user)})


class AttemptOut(serializers.ModelSerializer):
    """One attempt."""

    class Meta:
        model = Attempt
        fields = ["number", "status_code", "error", "answer", "seconds", "created_at"]


class DeliveryOut(serializers.ModelSerializer):
    """A delivery."""

    message_id = serializers.CharField(read_only=True)
    to = serializers.CharField(source="destination.shown")

    class Meta:
        model = Delivery
        fields = [
            "id", "message_id", "event", "to", "state", "attempts", "status_code", "error", "next_at", "created_at",
            "ended_at",
        ]  # fmt: skip


class DeliveryWhole(DeliveryOut):
    """A delivery with what it tells and every attempt."""

    tries = AttemptOut(many=True, read_only=True)

    class Meta(DeliveryOut.Meta):
        fields = [*DeliveryOut.Meta.fields, "news", "tries"]


class Deliveries(Rows):
    """The ledger; `replay` sends one again."""

    model = Delivery
    related = ("organization", "destination")
    filterset_fields = ["state", "event", "destination__transport"]

    def get_serializer_class(self) -> Any:
        return DeliveryOut if self.action == "list" else DeliveryWhole

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        return rows if self.action == "list" else rows.prefetch_related("tries")

    @extend_schema(request=None, responses={202: DeliveryWhole})
    @verb("replay")
    def replay(self, request: Any, **_: Any) -> Response:
        """Send it once more under the same id."""
        delivery = self.get_object()
        channel = Channel.objects.filter(destination=delivery.destination).first()
        if channel is None:
            raise NotVisible()
        policies.check_replay(request.user, delivery, channel)
        actions.replay_delivery(delivery=delivery, by=request.user)
        return self.answer(self.get_object(), status=202)
