"""API of deployments: environments, endpoints with their verbs, deployments, predictions, and the gate."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.errors import Invalid
from apps.deployments import actions, policies
from apps.deployments.engine import gate
from apps.deployments.models import (
    Deployment,
    Endpoint,
    Environment,
    GateDecision,
    PredictionRecord,
    ServerCounter,
    answering,
)
from apps.models.models import ModelVersion, RegisteredModel
from apps.organizations.bases import Rows, fetch, verb
from apps.organizations.models import KEY


class EnvironmentOut(serializers.ModelSerializer):
    """An environment."""

    class Meta:
        model = Environment
        fields = ["key", "name", "order", "is_production", "deploys_when_approved", "created_at"]


class EnvironmentIn(serializers.Serializer):
    """A new environment."""

    key = serializers.CharField(max_length=50, validators=[KEY])
    name = serializers.CharField(max_length=80)
    order = serializers.IntegerField(min_value=1, max_value=99)
    is_production = serializers.BooleanField(default=False)
    deploys_when_approved = serializers.BooleanField(default=False)


class Environments(Rows):
    """Environments; POST makes one."""

    model = Environment
    serializer_class = EnvironmentOut
    lookup_field = "key"

    @extend_schema(request=EnvironmentIn, responses={201: EnvironmentOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Make an environment."""
        policies.check_create_environment(request.user)
        return self.answer(actions.create_environment(by=request.user, **self.given(EnvironmentIn)), status=201)


class CounterOut(serializers.ModelSerializer):
    """What one server counted."""

    class Meta:
        model = ServerCounter
        fields = ["server", "kept", "recorded", "set_aside", "dropped", "waiting", "updated_at"]


class EndpointOut(serializers.ModelSerializer):
    """An endpoint and what answers there."""

    model = serializers.CharField(source="model.key")
    project = serializers.CharField(source="model.project.key")
    environment = serializers.CharField(source="environment.key")
    version = serializers.SerializerMethodField()
    infer_url = serializers.CharField(read_only=True)
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Endpoint
        fields = [
            "key", "model", "project", "environment", "state", "version", "must_record", "infer_url", "url",
            "created_at", "draining_at", "off_at",
        ]  # fmt: skip

    def get_version(self, endpoint: Endpoint) -> int | None:
        """The number of the version that answers."""
        answering = getattr(endpoint, "answering", None)
        current = endpoint.current if answering is None else next(iter(answering), None)
        return current.version.number if current else None


class EndpointIn(serializers.Serializer):
    """A new endpoint, by keys."""

    model = serializers.CharField()
    environment = serializers.CharField()
    key = serializers.CharField(max_length=50, required=False, allow_blank=True, default="", validators=[KEY])
    must_record = serializers.BooleanField(default=False)


class VersionIn(serializers.Serializer):
    """A version of the endpoint's model, by its number."""

    version = serializers.IntegerField(min_value=1)
    reason = serializers.CharField(required=False, allow_blank=True, default="")
    acknowledged = serializers.ListField(
        child=serializers.IntegerField(min_value=1),
        required=False,
        default=list,
        help_text="Numbers of the conditions in words that you take note of.",
    )


class ReasonIn(serializers.Serializer):
    """Why."""

    reason = serializers.CharField()


class DeploymentOut(serializers.ModelSerializer):
    """One version on one endpoint, from its start to its end."""

    endpoint = serializers.CharField(source="endpoint.key")
    environment = serializers.CharField(source="endpoint.environment.key")
    model = serializers.CharField(source="version.model.key")
    version = serializers.IntegerField(source="version.number")
    artifact = serializers.CharField(source="version.artifact.sha256")
    requested_by = serializers.CharField(source="requested_by.email")
    deployed_by = serializers.CharField(source="deployed_by.email", default=None)
    ended_by = serializers.CharField(source="ended_by.email", default=None)
    approval = serializers.UUIDField(source="request_id", read_only=True)
    approval_state = serializers.CharField(source="request.state", default=None)
    rollback_of = serializers.IntegerField(source="rollback_of.number", default=None)
    replaced = serializers.IntegerField(source="replaced.number", default=None)
    needs_confirmation = serializers.BooleanField(read_only=True)
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Deployment
        fields = [
            "number", "endpoint", "environment", "model", "version", "artifact", "state", "reason", "requested_by",
            "approval", "approval_state", "started_at", "deployed_by", "ended_at", "ended_by", "replaced",
            "rollback_of", "terms", "acknowledged", "needs_confirmation", "breach", "breached_at", "is_halted", "url",
        ]  # fmt: skip


DEPLOYMENT = (
    "organization", "endpoint__environment", "endpoint__organization", "version__model", "version__artifact",
    "requested_by", "deployed_by", "ended_by", "request", "rollback_of", "replaced",
)  # fmt: skip


class Endpoints(Rows):
    """Endpoints with their verbs; POST makes one."""

    model = Endpoint
    related = ("model__project", "environment", "organization")
    serializer_class = EndpointOut
    lookup_field = "key"
    filterset_fields = ["state", "environment__key", "model__key"]

    def get_queryset(self) -> Any:
        return super().get_queryset().prefetch_related(answering())

    def _deployed(self, deployment: Deployment, status: int = 200) -> Response:
        found = Deployment.objects.select_related(*DEPLOYMENT).get(pk=deployment.pk)
        return Response(DeploymentOut(found).data, status=status)

    def _version(self, endpoint: Endpoint) -> dict[str, Any]:
        given = self.given(VersionIn)
        rows = policies.for_gate(ModelVersion.objects.all())
        version = fetch(rows, self.request.user, model=endpoint.model, number=given["version"])
        return {**given, "endpoint": endpoint, "version": version, "by": self.request.user}

    @extend_schema(request=EndpointIn, responses={201: EndpointOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Make an endpoint."""
        policies.check_create_endpoints(request.user)
        given = self.given(EndpointIn)
        given["model"] = fetch(RegisteredModel.objects.select_related("project"), request.user, key=given["model"])
        given["environment"] = fetch(Environment.objects.all(), request.user, key=given["environment"])
        return self.answer(actions.create_endpoint(by=request.user, **given), status=201)

    @extend_schema(request=VersionIn, responses={201: DeploymentOut})
    @verb("request-deployment")
    def request_deployment(self, request: Any, **_: Any) -> Response:
        """Ask for the signatures that a deployment to production needs."""
        given = self._version(self.get_object(policies.check_ask))
        return self._deployed(actions.request_deployment(**given), status=201)

    @extend_schema(request=VersionIn, responses={201: DeploymentOut})
    @verb("deploy")
    def deploy(self, request: Any, **_: Any) -> Response:
        """Let a version answer here from now on; into production only after approval."""
        given = self._version(self.get_object(policies.check_operate))
        return self._deployed(actions.deploy(**given), status=201)

    @extend_schema(request=ReasonIn, responses={201: DeploymentOut})
    @verb("roll-back")
    def roll_back(self, request: Any, **_: Any) -> Response:
        """Let the version before answer again, at once."""
        endpoint = self.get_object(policies.check_roll_back)
        return self._deployed(actions.roll_back(endpoint=endpoint, by=request.user, **self.given(ReasonIn)), status=201)

    @extend_schema(request=ReasonIn, responses=EndpointOut)
    @verb("drain")
    def drain(self, request: Any, **_: Any) -> Response:
        """Tell callers that it is going away."""
        actions.drain(endpoint=self.get_object(policies.check_drain), by=request.user, **self.given(ReasonIn))
        return self.answer(self.get_object())

    @extend_schema(request=ReasonIn, responses=EndpointOut)
    @verb("resume")
    def resume(self, request: Any, **_: Any) -> Response:
        """It stays after all."""
        actions.resume(endpoint=self.get_object(policies.check_resume), by=request.user, **self.given(ReasonIn))
        return self.answer(self.get_object())

    @extend_schema(request=ReasonIn, responses=EndpointOut)
    @verb("turn-off")
    def turn_off(self, request: Any, **_: Any) -> Response:
        """End it for good."""
        actions.turn_off(endpoint=self.get_object(policies.check_turn_off), by=request.user, **self.given(ReasonIn))
        return self.answer(self.get_object())


class OptionalReasonIn(serializers.Serializer):
    """Why, if there is more to say."""

    reason = serializers.CharField(required=False, allow_blank=True, default="")


class MomentIn(serializers.Serializer):
    """A moment."""

    at = serializers.DateTimeField()


class Deployments(Rows):
    """Deployments of an endpoint, newest first."""

    model = Deployment
    related = DEPLOYMENT
    serializer_class = DeploymentOut
    lookups = {"endpoint_key": "endpoint__key"}
    lookup_field = "number"
    filterset_fields = ["state"]

    @extend_schema(request=OptionalReasonIn, responses=DeploymentOut)
    @verb("drop")
    def drop(self, request: Any, **_: Any) -> Response:
        """Give a planned deployment up."""
        deployment = self.get_object(policies.check_drop)
        actions.drop(deployment=deployment, by=request.user, **self.given(OptionalReasonIn))
        return self.answer(self.get_object())


class AllDeployments(Rows):
    """Deployments everywhere; `?at=` answers what was where at a moment, `?production=true` only in production."""

    model = Deployment
    related = DEPLOYMENT
    serializer_class = DeploymentOut
    filterset_fields = ["state", "endpoint__key", "version__model__key"]
    http_method_names = ["get", "head", "options"]

    @extend_schema(parameters=[OpenApiParameter("at", str), OpenApiParameter("production", bool)])
    def list(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """The deployments, narrowed as asked."""
        return super().list(request, *args, **kwargs)

    def get_queryset(self) -> Any:
        rows: Any = super().get_queryset()
        if "at" in self.request.query_params:
            given = MomentIn(data={"at": self.request.query_params["at"]})
            given.is_valid(raise_exception=True)
            rows = rows.live_at(given.validated_data["at"])
        if self.request.query_params.get("production") == "true":
            rows = rows.in_production()
        return rows


class PredictionOut(serializers.ModelSerializer):
    """A recorded prediction."""

    endpoint = serializers.CharField(source="endpoint.key")
    version = serializers.IntegerField(source="version.number")

    class Meta:
        model = PredictionRecord
        fields = [
            "id", "prediction_id", "endpoint", "version", "call", "row", "request_id", "at", "event_at", "seconds",
            "status", "inputs", "outputs", "error", "is_repeat",
        ]  # fmt: skip


class Predictions(Rows):
    """Recorded predictions of an endpoint, newest first; `?prediction_id=` finds one."""

    model = PredictionRecord
    related = ("endpoint", "version")
    serializer_class = PredictionOut
    lookups = {"endpoint_key": "endpoint__key"}
    filterset_fields = ["prediction_id", "status", "version__number"]


class Counters(Rows):
    """What the prediction servers counted for an endpoint: kept, recorded, waiting, dropped."""

    model = ServerCounter
    serializer_class = CounterOut
    lookups = {"endpoint_key": "endpoint__key"}


class GateDecisionOut(serializers.ModelSerializer):
    """What the gate answered on record."""

    model = serializers.CharField(source="version.model.key")
    version = serializers.IntegerField(source="version.number")
    environment = serializers.CharField(source="environment.key")
    decided_for = serializers.CharField(source="decided_for.email")
    checks = serializers.JSONField(source="reasons")

    class Meta:
        model = GateDecision
        fields = ["id", "model", "version", "environment", "allowed", "checks", "occasion", "decided_for", "created_at"]


class GateDecisions(Rows):
    """The gate's answers on record."""

    model = GateDecision
    related = ("version__model", "environment", "decided_for")
    serializer_class = GateDecisionOut
    filterset_fields = ["allowed", "version__model__key", "version__number", "environment__key"]


class GateIn(serializers.Serializer):
    """The question to the gate, by keys and number."""

    model = serializers.CharField()
    version = serializers.IntegerField(min_value=1)
    environment = serializers.CharField()


class CheckOut(serializers.Serializer):
    """One rule's answer."""

    code = serializers.CharField()
    met = serializers.BooleanField()
    sentence = serializers.CharField()


class GateOut(serializers.Serializer):
    """May it go there now? `reasons` are the sentences of what is not met, `checks` all of them."""

    allowed = serializers.BooleanField()
    reasons = serializers.ListField(child=serializers.CharField())
    checks = CheckOut(many=True)
    model = serializers.CharField()
    version = serializers.IntegerField()
    environment = serializers.CharField()
    at = serializers.DateTimeField()


class Gate(APIView):
    """May this version go into this environment now? GET asks, POST asks on record."""

    @extend_schema(parameters=[GateIn], responses=GateOut)
    def get(self, request: Any, **_: Any) -> Response:
        """Ask."""
        version, environment = self._asked(request.query_params)
        answer = gate.decide(policies.gather(version, environment))
        return Response(
            {
                "allowed": answer.allowed,
                "reasons": answer.refusals,
                "checks": [{"code": one.code, "met": one.is_met, "sentence": one.sentence} for one in answer.reasons],
                "model": version.model.key,
                "version": version.number,
                "environment": environment.key,
                "at": timezone.now(),
            }
        )

    @extend_schema(request=GateIn, responses={201: GateDecisionOut})
    def post(self, request: Any, **_: Any) -> Response:
        """Ask on record."""
        if not isinstance(request.data, dict):
            raise Invalid("Send a JSON object.")
        version, environment = self._asked(request.data)
        decision = actions.ask_gate(version=version, environment=environment, by=request.user)
        return Response(GateDecisionOut(decision).data, status=201)

    def _asked(self, data: Any) -> tuple[ModelVersion, Environment]:
        given = GateIn(data=data)
        given.is_valid(raise_exception=True)
        rows = policies.for_gate(ModelVersion.objects.all())
        wanted = given.validated_data
        version = fetch(rows, self.request.user, model__key=wanted["model"], number=wanted["version"])
        return version, fetch(Environment.objects.all(), self.request.user, key=wanted["environment"])
