"""API of monitoring: rows come in, states, checks and incidents come out; monitors are set up and incidents worked
on.
"""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.response import Response

from apps.core.errors import Invalid, TooLarge
from apps.deployments.models import Endpoint
from apps.models.models import ModelVersion
from apps.monitoring import actions
from apps.monitoring.actions.rows import LARGEST_BODY
from apps.monitoring.models import (
    Alert,
    Baseline,
    Batch,
    Cause,
    Check,
    Clock,
    EntryKind,
    FeatureResult,
    Feedback,
    Incident,
    IncidentEntry,
    Monitor,
    MonitorKind,
    Outcome,
    Prediction,
    Reference,
    ServiceReading,
    Severity,
    Span,
    State,
)
from apps.organizations import access
from apps.organizations.bases import Rows, fetch, verb
from apps.organizations.models import User

TYPES = {
    "application/json": "json",
    "application/x-ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "text/csv": "csv",
    "application/vnd.apache.parquet": "parquet",
    "application/x-parquet": "parquet",
    "application/vnd.apache.arrow.stream": "arrow",
}


class RawBody(BaseParser):
    """The body as it came, up to the largest batch; what it holds is read by the action."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> bytes:
        """The bytes of the body."""
        if stream is None:
            return b""
        body = stream.read(LARGEST_BODY + 1)
        if len(body) > LARGEST_BODY:
            raise TooLarge(f"A batch holds at most {LARGEST_BODY // 1024**2} MiB. Send it in parts.")
        return bytes(body)


class BatchOut(serializers.ModelSerializer):
    """A batch in the ledger."""

    endpoint = serializers.CharField(source="endpoint.key")
    version = serializers.IntegerField(source="version.number", default=None)
    sent_by = serializers.CharField(source="sent_by.email")
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Batch
        fields = [
            "id", "endpoint", "version", "kind", "source", "key", "sha256", "state", "rows", "refused", "errors", "repeated",
            "unmatched", "first_at", "last_at", "created_at", "reduced_at", "sent_by", "url",
        ]  # fmt: skip


class Batches(Rows):
    """Batches received, with what was refused and why."""

    model = Batch
    related = ("organization", "endpoint", "version", "sent_by")
    serializer_class = BatchOut
    filterset_fields = ["kind", "state", "source", "endpoint__key"]


class _OfEndpoint(Rows):
    """Rows of one watched endpoint."""

    lookups = {"endpoint": "endpoint__key"}
    key_of_endpoint = "endpoint_id"

    def endpoint(self) -> Endpoint:
        """The endpoint of the address, if it may be seen."""
        rows = Endpoint.objects.select_related("model__project", "organization")
        return fetch(rows, self.request.user, key=self.kwargs["endpoint"])


PARAMETERS = [
    OpenApiParameter("batch_key", str, description="What you call this batch. The same key and content is one batch."),
    OpenApiParameter(
        "on_error", str, enum=["refuse", "keep"], description="Refuse the batch for a bad row, or keep the rest."
    ),
    OpenApiParameter(
        "version", int, description="The model version that made the predictions, if not the deployed one."
    ),
]
ROWS_IN = dict.fromkeys(TYPES, OpenApiTypes.BINARY) | {"application/json": OpenApiTypes.OBJECT}


class _Receive(_OfEndpoint):
    """POST takes a batch: JSON, NDJSON, CSV, Parquet or an Arrow stream."""

    kind = ""

    def get_parsers(self) -> list[BaseParser]:
        return [RawBody()] if getattr(self.request, "method", "") == "POST" else super().get_parsers()

    def take(self, request: Any) -> Response:
        """The batch, 202 when it is new and 200 when it was there."""
        endpoint = self.endpoint()
        media = (request.content_type or "").split(";")[0].strip().lower()
        if media not in TYPES:
            raise Invalid(f"Say with Content-Type what you send: {', '.join(TYPES)}.")
        asked = request.query_params
        if asked.get("on_error", "refuse") not in ("refuse", "keep"):
            raise Invalid("on_error is refuse or keep.", {"on_error": "Say refuse or keep."})
        body = request.data if isinstance(request.data, bytes) else b""
        batch, is_new = actions.receive(
            endpoint=endpoint,
            kind=self.kind,
            body=body,
            format=TYPES[media],
            key=asked.get("batch_key", ""),
            version=self._version(endpoint, asked.get("version")),
            keep_good=asked.get("on_error") == "keep",
            by=request.user,
        )
        return Response(BatchOut(batch, context=self.get_serializer_context()).data, status=202 if is_new else 200)

    def _version(self, endpoint: Endpoint, number: str | None) -> ModelVersion | None:
        if not number:
            return None
        found = ModelVersion.objects.filter(model_id=endpoint.model_id, number=number) if number.isdigit() else None
        version = found.first() if found is not None else None
        if version is None:
            raise Invalid(f"{endpoint.model} has no version {number}.", {"version": "Give a version's number."})
        return version


class PredictionOut(serializers.ModelSerializer):
    """A prediction as far as its outcome needs it."""

    class Meta:
        model = Prediction
        fields = ["prediction_id", "at", "score", "label", "batch"]


class ReceivePredictions(_Receive):
    """Predictions made elsewhere, and those known."""

    model = Prediction
    kind = "predictions"
    lookups = {"endpoint": "batch__endpoint__key"}
    lookup_field = "prediction_id"
    lookup_value_regex = "[^/]+"
    serializer_class = PredictionOut

    @extend_schema(parameters=PARAMETERS, request=ROWS_IN, responses={200: BatchOut, 202: BatchOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Send predictions: prediction_id, event_time, score, label, and every input of the model."""
        return self.take(request)


class OutcomeOut(serializers.ModelSerializer):
    """What came true, with every revision."""

    class Meta:
        model = Outcome
        fields = ["prediction_id", "revision", "is_current", "at", "label", "number", "matched_at", "batch"]


class ReceiveOutcomes(_Receive):
    """Outcomes of predictions; `?matched_at__isnull=true` lists those whose prediction nobody knows."""

    model = Outcome
    kind = "outcomes"
    lookups = {"endpoint": "batch__endpoint__key"}
    serializer_class = OutcomeOut
    filterset_fields = {"prediction_id": ["exact"], "is_current": ["exact"], "matched_at": ["isnull"]}

    @extend_schema(parameters=PARAMETERS, request=ROWS_IN, responses={200: BatchOut, 202: BatchOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Send outcomes: prediction_id, value (or the name of the target), event_time."""
        return self.take(request)


class FeedbackOut(serializers.ModelSerializer):
    """What somebody thinks of a prediction."""

    class Meta:
        model = Feedback
        fields = ["id", "prediction_id", "rating", "comment", "said_by", "at", "created_at"]


class ReceiveFeedback(_Receive):
    """Feedback on predictions."""

    model = Feedback
    kind = "feedback"
    serializer_class = FeedbackOut
    filterset_fields = ["rating", "prediction_id"]

    @extend_schema(parameters=PARAMETERS[:2], request=ROWS_IN, responses={200: BatchOut, 202: BatchOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Send feedback: rating (1 to 5), comment, prediction_id, said_by, event_time."""
        return self.take(request)


class StateOut(serializers.ModelSerializer):
    """An additive state: which rows are behind it."""

    baseline = serializers.UUIDField(source="baseline_id")

    class Meta:
        model = State
        fields = ["id", "baseline", "kind", "segment", "grain", "start_at", "end_at", "last_at", "rows"]


class States(_OfEndpoint):
    """The hours (days, months) that an endpoint's rows were counted into."""

    model = State
    serializer_class = StateOut
    filterset_fields = ["kind", "grain", "baseline"]

    def get_queryset(self) -> Any:
        return super().get_queryset().defer("data")


class ServiceOut(serializers.ModelSerializer):
    """Calls of one hour."""

    class Meta:
        model = ServiceReading
        fields = ["id", "start_at", "calls", "failed", "refused", "predictions", "latencies"]


class Service(_OfEndpoint):
    """Calls, errors and latency of an endpoint by the hour."""

    model = ServiceReading
    serializer_class = ServiceOut


class BaselineOut(serializers.ModelSerializer):
    """A baseline without its bins."""

    model = serializers.CharField(source="version.model.key")
    version = serializers.IntegerField(source="version.number")
    created_by = serializers.CharField(source="created_by.email")
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Baseline
        fields = [
            "id", "model", "version", "number", "source", "since", "until", "sha256", "bins", "rows", "columns",
            "has_labels", "reason", "created_by", "created_at", "url",
        ]  # fmt: skip


class BaselineIn(serializers.Serializer):
    """A baseline to make: of a version from its training data, or from a period of an endpoint's predictions."""

    model = serializers.CharField()
    version = serializers.IntegerField()
    endpoint = serializers.CharField(required=False)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)
    reason = serializers.CharField(required=False, allow_blank=True, default="")


class Baselines(Rows):
    """Baselines; POST has one made."""

    model = Baseline
    related = ("organization", "version__model", "created_by")
    serializer_class = BaselineOut
    filterset_fields = ["version__model__key", "version__number", "source"]

    def get_queryset(self) -> Any:
        return super().get_queryset().defer("data")

    @extend_schema(request=BaselineIn, responses={202: None})
    def create(self, request: Any, **_: Any) -> Response:
        """Have a worker make a baseline."""
        given = self.given(BaselineIn)
        versions = ModelVersion.objects.select_related("model__project", "organization")
        version = fetch(versions, request.user, model__key=given["model"], number=given["version"])
        if "endpoint" not in given:
            actions.start_baseline(version=version, reason=given["reason"], by=request.user)
            return Response({"state": "queued"}, status=202)
        if "since" not in given or "until" not in given:
            raise Invalid("A period has a beginning and an end.", {"since": "Give both.", "until": "Give both."})
        endpoint = fetch(Endpoint.objects.select_related("model"), request.user, key=given["endpoint"])
        period = {name: given[name] for name in ("since", "until", "reason")}
        actions.start_baseline_of_period(endpoint=endpoint, version=version, by=request.user, **period)
        return Response({"state": "queued"}, status=202)


class MonitorOut(serializers.ModelSerializer):
    """A monitor with its settings and where it stands."""

    endpoint = serializers.CharField(source="endpoint.key")
    owner = serializers.CharField(source="owner.email")
    every_hours = serializers.SerializerMethodField()
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Monitor
        fields = [
            "id", "endpoint", "kind", "name", "owner", "reference", "reference_since", "reference_until", "trailing",
            "window", "clock", "every_hours", "limits", "expected_share", "is_active", "snoozed_until", "snooze_reason",
            "level", "checked_at", "checked_until", "created_at", "url",
        ]  # fmt: skip

    def get_every_hours(self, monitor: Monitor) -> float:
        """Hours from one run to the next."""
        return monitor.every.total_seconds() / 3600


class MonitorChange(serializers.Serializer):
    """Settings of a monitor."""

    name = serializers.CharField(max_length=120, required=False)
    owner = serializers.EmailField(required=False)
    reference = serializers.ChoiceField(choices=Reference.choices, required=False)
    reference_since = serializers.DateTimeField(required=False, allow_null=True)
    reference_until = serializers.DateTimeField(required=False, allow_null=True)
    trailing = serializers.IntegerField(min_value=1, max_value=60, required=False)
    window = serializers.ChoiceField(choices=Span.choices, required=False)
    clock = serializers.ChoiceField(choices=Clock.choices, required=False)
    every = serializers.DurationField(required=False)
    limits = serializers.DictField(required=False)
    expected_share = serializers.FloatField(min_value=0.01, max_value=1, required=False)

    def validate_owner(self, email: str) -> User:
        """The member with this address."""
        return _member(email)


class MonitorIn(MonitorChange):
    """A monitor to set up."""

    endpoint = serializers.CharField()
    kind = serializers.ChoiceField(choices=MonitorKind.choices)


class ReasonIn(serializers.Serializer):
    """Why."""

    reason = serializers.CharField()


class SnoozeIn(ReasonIn):
    """Until when, and why."""

    until = serializers.DateTimeField()


def _member(email: str) -> User:
    person = access.members().filter(email__iexact=email).first()
    if person is None:
        raise serializers.ValidationError("There is no member with this address.")
    return person


class Monitors(Rows):
    """Monitors; POST sets one up, PATCH changes it, the verbs run, pause and hold it back."""

    model = Monitor
    related = ("organization", "endpoint__model__project", "owner")
    serializer_class = MonitorOut
    filterset_fields = ["kind", "level", "is_active", "endpoint__key"]

    @extend_schema(request=MonitorIn, responses={201: MonitorOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Set up a monitor."""
        given = self.given(MonitorIn)
        rows = Endpoint.objects.select_related("model__project", "organization")
        given["endpoint"] = fetch(rows, request.user, key=given["endpoint"])
        return self.answer(actions.create_monitor(**given, by=request.user), status=201)

    @extend_schema(request=MonitorChange, responses=MonitorOut)
    def partial_update(self, request: Any, **_: Any) -> Response:
        """Change some of its settings."""
        given = self.given(MonitorChange)
        return self.answer(actions.change_monitor(monitor=self.get_object(), by=request.user, **given))

    @extend_schema(request=None, responses={202: None})
    @verb("run")
    def run(self, request: Any, **_: Any) -> Response:
        """Check now what is due."""
        job = actions.run_now(monitor=self.get_object(), by=request.user)
        return Response({"job": str(job.pk), "state": job.state}, status=202)

    @extend_schema(request=ReasonIn, responses=MonitorOut)
    @verb("pause")
    def pause(self, request: Any, **_: Any) -> Response:
        """Stop running it."""
        return self.answer(actions.pause_monitor(monitor=self.get_object(), by=request.user, **self.given(ReasonIn)))

    @extend_schema(request=None, responses=MonitorOut)
    @verb("resume")
    def resume(self, request: Any, **_: Any) -> Response:
        """Run it again."""
        return self.answer(actions.resume_monitor(monitor=self.get_object(), by=request.user))

    @extend_schema(request=SnoozeIn, responses=MonitorOut)
    @verb("snooze")
    def snooze(self, request: Any, **_: Any) -> Response:
        """Hold back its alerts for a while."""
        return self.answer(actions.snooze_monitor(monitor=self.get_object(), by=request.user, **self.given(SnoozeIn)))

    @extend_schema(request=None, responses=MonitorOut)
    @verb("wake")
    def wake(self, request: Any, **_: Any) -> Response:
        """Let it alert again."""
        return self.answer(actions.wake_monitor(monitor=self.get_object(), by=request.user))


class FeatureOut(serializers.ModelSerializer):
    """One feature of a drift check, with all its numbers."""

    class Meta:
        model = FeatureResult
        fields = ["feature", "role", "kind", "rank", "level", "psi", "distance", "shift", "q", "result"]


class CheckOut(serializers.ModelSerializer):
    """A window of a monitor."""

    monitor = serializers.UUIDField(source="monitor_id")
    endpoint = serializers.CharField(source="monitor.endpoint.key")
    kind = serializers.CharField(source="monitor.kind")
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Check
        fields = [
            "id", "monitor", "endpoint", "kind", "baseline", "start_at", "end_at", "windows", "revision", "is_current",
            "level", "signals", "rows", "rows_reference", "created_at", "url",
        ]  # fmt: skip


class CheckWhole(CheckOut):
    """A window with everything needed to compute it again."""

    features = FeatureOut(many=True, read_only=True)

    class Meta(CheckOut.Meta):
        fields = [*CheckOut.Meta.fields, "result", "features"]


class Checks(Rows):
    """Windows of monitors; one of them comes with its features, limits and definitions."""

    model = Check
    related = ("organization", "monitor__endpoint")
    filterset_fields = ["monitor", "monitor__kind", "monitor__endpoint__key", "level", "is_current"]

    def get_serializer_class(self) -> Any:
        return CheckWhole if self.action == "retrieve" else CheckOut

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        return rows.prefetch_related("features") if self.action == "retrieve" else rows.defer("result")


class AlertOut(serializers.ModelSerializer):
    """An alert."""

    incident = serializers.IntegerField(source="incident.number", default=None)

    class Meta:
        model = Alert
        fields = ["id", "monitor", "check_run", "incident", "cause", "severity", "text", "is_held", "created_at"]


class Alerts(Rows):
    """What monitors said."""

    model = Alert
    related = ("incident",)
    serializer_class = AlertOut
    filterset_fields = ["monitor", "cause", "severity", "is_held"]


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
            "root_cause", "resolution", "since", "calm_since", "created_at", "ended_at", "ended_by", "entries", "url",
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
        return _member(email)


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
        return self.answer(actions.assign(incident=self.get_object(), by=request.user, **self.given(AssignIn)))

    @extend_schema(request=EntryIn, responses=IncidentOut)
    @verb("write")
    def write(self, request: Any, **_: Any) -> Response:
        """Write a note or an action into its log."""
        actions.write_entry(incident=self.get_object(), by=request.user, **self.given(EntryIn))
        return self.answer(self.get_object())

    @extend_schema(request=CauseIn, responses=IncidentOut)
    @verb("find-cause")
    def find_cause(self, request: Any, **_: Any) -> Response:
        """Say what caused it."""
        return self.answer(actions.find_cause(incident=self.get_object(), by=request.user, **self.given(CauseIn)))

    @extend_schema(request=ResolveIn, responses=IncidentOut)
    @verb("resolve")
    def resolve(self, request: Any, **_: Any) -> Response:
        """End it with its cause and what was done."""
        return self.answer(actions.resolve(incident=self.get_object(), by=request.user, **self.given(ResolveIn)))

    @extend_schema(request=ReasonIn, responses=IncidentOut)
    @verb("dismiss")
    def dismiss(self, request: Any, **_: Any) -> Response:
        """End what is none."""
        return self.answer(actions.dismiss(incident=self.get_object(), by=request.user, **self.given(ReasonIn)))
