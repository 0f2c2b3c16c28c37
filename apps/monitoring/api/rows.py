"""Rows come in: predictions, outcomes and feedback; what they were counted into comes out."""

import io
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.response import Response

from apps.core.errors import Conflict, Invalid, TooLarge
from apps.deployments.models import Endpoint
from apps.models.models import ModelVersion
from apps.monitoring import actions, policies
from apps.monitoring.models import Batch, Feedback, Hold, Outcome, Prediction, ServiceReading, State
from apps.organizations import access
from apps.organizations.bases import Check, Rows, fetch, verb

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
    """The body as a stream, unread: the action takes it a piece at a time."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """What the body can be read from."""
        return io.BytesIO() if stream is None else _Unread(stream)


class _Unread(io.RawIOBase):
    """A request's body, and nothing else of the request."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most so many bytes; none at the end."""
        return bytes(self._stream.read(size))


class BatchOut(serializers.ModelSerializer):
    """A batch in the ledger."""

    endpoint = serializers.CharField(source="endpoint.key")
    version = serializers.IntegerField(source="version.number", default=None)
    sent_by = serializers.CharField(source="sent_by.email")
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Batch
        fields = [
            "id", "endpoint", "version", "kind", "source", "key", "sha256", "state", "rows", "refused", "errors",
            "repeated", "unmatched", "first_at", "last_at", "created_at", "reduced_at", "failure", "removed_at",
            "sent_by", "url",
        ]  # fmt: skip


class Batches(Rows):
    """Batches received, with what was refused and why."""

    model = Batch
    related = ("organization", "endpoint", "version", "sent_by")
    serializer_class = BatchOut
    filterset_fields = ["kind", "state", "source", "endpoint__key"]

    @extend_schema(request=None, responses=BatchOut)
    @verb("retry")
    def retry(self, request: Any, **_: Any) -> Response:
        """Have a batch counted that was given up."""
        batch = self.get_object(policies.check_retry)
        return self.answer(actions.retry_batch(batch=batch, by=request.user))


class HoldOut(serializers.ModelSerializer):
    """Rows that are kept however old they grow."""

    endpoint = serializers.CharField(source="endpoint.key")
    placed_by = serializers.CharField(source="placed_by.email")

    class Meta:
        model = Hold
        fields = ["id", "endpoint", "since", "until", "reason", "placed_by", "created_at", "released_at"]


class HoldIn(serializers.Serializer):
    """An endpoint and a period of its events."""

    endpoint = serializers.CharField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    reason = serializers.CharField()


class Holds(Rows):
    """Rows held for a dispute or an inquiry; POST holds some, `release` lets them grow old again."""

    model = Hold
    related = ("endpoint__model__project", "placed_by")
    serializer_class = HoldOut
    filterset_fields = {"endpoint__key": ["exact"], "released_at": ["isnull"]}

    @extend_schema(request=HoldIn, responses={201: HoldOut})
    def create(self, request: Any, **_: Any) -> Response:
        """Hold the rows with events in a period."""
        policies.check_hold_any(request.user)
        given = self.given(HoldIn)
        rows = Endpoint.objects.select_related("model__project", "organization")
        given["endpoint"] = fetch(rows, request.user, key=given["endpoint"])
        return self.answer(actions.hold_rows(**given, by=request.user), status=201)

    @extend_schema(request=None, responses=HoldOut)
    @verb("release")
    def release(self, request: Any, **_: Any) -> Response:
        """Let them grow old again."""
        hold = self.get_object(lambda user, hold: policies.check_hold(user, hold.endpoint))
        return self.answer(actions.release_rows(hold=hold, by=request.user))


class _OfEndpoint(Rows):
    """Rows of one watched endpoint; the address of an endpoint that may not be seen leads nowhere."""

    lookups = {"endpoint": "endpoint__key"}

    def endpoint(self, check: Check | None = None) -> Endpoint:
        """The endpoint of the address, if it may be seen and `check` lets one."""
        rows = Endpoint.objects.select_related("model__project", "organization")
        return fetch(rows, self.request.user, check, key=self.kwargs["endpoint"])

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset()
        return access.visible(self.model._default_manager.filter(endpoint_id=self.endpoint().pk), self.request.user)


PARAMETERS = [
    OpenApiParameter("batch_key", str, description="What you call this batch. The same key and content is one batch."),
    OpenApiParameter(
        "on_error", str, enum=["refuse", "keep"], description="Refuse all for a bad row, or keep the rest."
    ),
    OpenApiParameter(
        "version", int, description="The model version that made the predictions, if not the deployed one."
    ),
]
ROWS_IN = dict.fromkeys(TYPES, OpenApiTypes.BINARY) | {"application/json": OpenApiTypes.OBJECT}


class _Receive(_OfEndpoint):
    """POST takes a batch: JSON, NDJSON, CSV, Parquet or an Arrow stream, packed with gzip or zstd or not at all."""

    kind = ""

    def get_parsers(self) -> list[BaseParser]:
        return [RawBody()] if getattr(self.request, "method", "") == "POST" else super().get_parsers()

    def take(self, request: Any) -> Response:
        """The batch, 202 when it is new and 200 when it was there."""
        endpoint = self.endpoint(policies.check_ingest)
        media = (request.content_type or "").split(";")[0].strip().lower()
        if media not in TYPES:
            raise Invalid(f"Say with Content-Type what you send: {', '.join(TYPES)}.")
        asked = request.query_params
        if asked.get("on_error", "refuse") not in ("refuse", "keep"):
            raise Invalid("on_error is refuse or keep.", {"on_error": "Say refuse or keep."})
        body = request.data if hasattr(request.data, "read") else io.BytesIO()
        sent = {"endpoint": endpoint, "kind": self.kind, "key": asked.get("batch_key", ""), "by": request.user}
        try:
            batch, is_new = actions.receive(
                **sent,
                body=body,
                format=TYPES[media],
                packing=request.headers.get("Content-Encoding", "").strip().lower(),
                version=self._version(endpoint, asked.get("version")),
                keep_good=asked.get("on_error") == "keep",
            )
        except (Invalid, Conflict, TooLarge) as error:
            actions.note_refusal(**sent, error=error)
            raise
        return Response(BatchOut(batch, context=self.get_serializer_context()).data, status=202 if is_new else 200)

    def _version(self, endpoint: Endpoint, number: str | None) -> ModelVersion | None:
        if not number:
            return None
        found = ModelVersion.objects.filter(model_id=endpoint.model_id, number=number) if number.isdecimal() else None
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
